"""A slot of config.yaml is rewritten in place, and nothing else of the file."""

import pytest
from polyarb.config import load_settings, load_written
from polyarb.config.choosing import choose, phase_slot, rewrite, serving, slot_of
from polyarb.config.nodes import Layer, Origin
from polyarb.domain.errors import StoreError
from polyarb.domain.limits import Phase
from polyarb.store.workspace import Workspace

ORIGIN = Origin(Layer.CONFIG, "config.yaml")


@pytest.mark.parametrize("slot", ["profile", *(phase_slot(phase) for phase in Phase)])
def test_every_slot_of_the_shipped_file_can_be_chosen(workspace: Workspace, slot: str) -> None:
    before = workspace.config_file.read_text().splitlines()
    choose(workspace, slot, "sandbox")
    assert serving(load_settings(workspace), slot) == "sandbox"
    after = workspace.config_file.read_text().splitlines()
    assert len(after) == len(before)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


def test_a_comment_behind_the_name_stays() -> None:
    text = "# top\nprofile: a_b  # the usual\nphases:\n  shadow: custom/x # wide\n"
    assert rewrite(text, "profile", "custom/y", ORIGIN) == text.replace("a_b", "custom/y")
    assert rewrite(text, "phases.shadow", "z", ORIGIN) == text.replace("custom/x", "z")


@pytest.mark.parametrize(
    "text", ["phases:\n  shadow: x\n", "profile:\n  x\n", "profile: 'a'\n", "profile: [a]\n"]
)
def test_a_form_that_cannot_be_rewritten_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match=r"config.yaml: profile: .*`profile: b` there by hand"):
        rewrite(text, "profile", "b", ORIGIN)


def test_a_profile_belongs_into_the_slot_of_its_phase(workspace: Workspace) -> None:
    for phase, name in load_settings(workspace).phases.items():
        assert slot_of(load_written(workspace, name).profile) == phase_slot(phase)
    assert slot_of(load_written(workspace, "balanced").profile) == "profile"
