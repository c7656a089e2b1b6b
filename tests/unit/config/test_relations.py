"""The constraints file: relations between markets, read strictly, and their digest."""

from pathlib import Path

import pytest
from polyarb.config import config_digest, load_effective, load_profile, load_relations
from polyarb.domain.errors import UsageError
from polyarb.domain.ids import ConditionId, RelationId
from polyarb.domain.market import Relation
from polyarb.domain.plan import Family
from polyarb.store.workspace import Workspace

FILE = str(Path("config/constraints.yaml"))
GOOD = """\
relations:
  - id: cut-by-june
    family: implication
    markets: [0x00ff, "0xaa"]
    note: by March is before June
  - id: strikes
    family: ladder
    markets:
      - k100
      - k110
      - k120
"""


def write(workspace: Workspace, text: str) -> Workspace:
    workspace.constraints_file.write_text(text, encoding="utf-8")
    return workspace


def test_the_shipped_file_holds_no_relation(workspace: Workspace) -> None:
    assert load_relations(workspace) == {}


@pytest.mark.parametrize("text", ["", "relations: []\n", "# nothing\n"])
def test_an_empty_file_holds_no_relation(workspace: Workspace, text: str) -> None:
    assert load_relations(write(workspace, text)) == {}


def test_without_the_file_there_is_no_relation(workspace: Workspace) -> None:
    workspace.constraints_file.unlink()
    assert load_relations(workspace) == {}


def test_relations_are_read_in_the_order_of_the_file(workspace: Workspace) -> None:
    found = load_relations(write(workspace, GOOD))
    assert list(found.values()) == [
        Relation(
            relation_id=RelationId("cut-by-june"),
            family=Family.IMPLICATION,
            condition_ids=(ConditionId("0x00ff"), ConditionId("0xaa")),
            note="by March is before June",
        ),
        Relation(
            relation_id=RelationId("strikes"),
            family=Family.LADDER,
            condition_ids=(ConditionId("k100"), ConditionId("k110"), ConditionId("k120")),
        ),
    ]
    assert list(found) == [relation.relation_id for relation in found.values()]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("relations:", "relation:", ":1: relation: expected relations (the nearest)"),
        (
            "family: ladder",
            "family: binary",
            ":7: relations[1].family: expected one of",
        ),
        ("family: ladder", "familly: ladder", ":7: relations[1].familly: expected family"),
        (
            "      - k110\n      - k120\n",
            "",
            ":8: relations[1].markets: expected two or more",
        ),
        ('"0xaa"]', '"0xaa", c]', ":4: relations[0].markets: expected two markets, found 3"),
        ("[0x00ff, ", "[", ":4: relations[0].markets: expected two markets, found 1"),
        ("- k120", "- k100", ":11: relations[1].markets: expected each entry once"),
        ("- k120", "- K100", ":8: relations[1].markets: expected different markets, found one"),
        ('"0xaa"]', '"0x00FF"]', ":4: relations[0].markets: expected different markets"),
        ("- k120", "- 'k 120'", ":11: relations[1].markets: expected an id without white space"),
        ("id: strikes", "id: cut-by-june", ":6: relations[1].id: expected new ids, found cut-by"),
        ("  - id: strikes\n    family", "  - family", ": relations[1].id: expected this key"),
        ("note: by March is before June", "note: 5", ":5: relations[0].note: expected a text"),
    ],
)
def test_a_wrong_relation_is_told_with_its_line(
    workspace: Workspace, old: str, new: str, told: str
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(UsageError) as caught:
        load_relations(write(workspace, GOOD.replace(old, new)))
    assert told in str(caught.value)
    assert str(caught.value).startswith(FILE)


def test_the_short_and_the_padded_spelling_are_one_market(workspace: Workspace) -> None:
    short = f"0x{'a' * 62}"
    text = GOOD.replace("[0x00ff, ", f"[{short}, ").replace('"0xaa"]', f'"{short}00"]')
    with pytest.raises(UsageError, match=r"relations\[0\].markets: expected different markets"):
        load_relations(write(workspace, text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("relations: 5\n", ":1: relations: expected a list, found the number 5"),
        ("relations: {a: 1}\n", ":1: relations: expected a list, found a section"),
        ("relations:\n  - word\n", ":2: relations[0]: expected a section, found the text word"),
        ("- id: a\n", ": expected keys with values"),
    ],
)
def test_a_wrong_shape_is_told(workspace: Workspace, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_relations(write(workspace, text))
    assert told in str(caught.value)


def test_all_wrong_relations_are_told_together(workspace: Workspace) -> None:
    text = (
        "other: 1\nrelations:\n  - {id: a, family: ladder}\n  - {id: b, family: x, markets: [c]}\n"
    )
    with pytest.raises(UsageError) as caught:
        load_relations(write(workspace, text))
    assert len(str(caught.value).splitlines()) == 3


def test_the_digest_is_that_of_the_values_not_of_the_files(workspace: Workspace) -> None:
    profile = load_profile(workspace, "sandbox")
    digest = config_digest(profile, {})
    path = workspace.profiles_dir / "sandbox.yaml"
    path.write_text(path.read_text().replace("edge_fraction_min: 0.05", "edge_fraction_min: 0.050"))
    workspace.config_file.write_text("# another comment\n" + workspace.config_file.read_text())
    assert config_digest(load_profile(workspace, "sandbox"), {}) == digest
    assert len(digest) == 64


def test_the_digest_changes_with_every_figure_and_relation(workspace: Workspace) -> None:
    profile = load_profile(workspace, "sandbox")
    flags = {"guards.settle_ms": "11"}
    changed = load_effective(workspace, "sandbox", flags).profile
    relations = load_relations(write(workspace, GOOD))
    first = dict(list(relations.items())[:1])
    digests = [
        config_digest(profile, {}),
        config_digest(changed, {}),
        config_digest(profile, first),
        config_digest(profile, relations),
        config_digest(load_profile(workspace, "taker"), {}),
    ]
    assert len(set(digests)) == len(digests)
    backwards = dict(reversed(list(relations.items())))
    assert config_digest(profile, backwards) == config_digest(profile, relations)
