"""Choose which profile serves a slot of config.yaml, in the file's own text and with its comments.

A slot is `profile` or `phases.PHASE`, spelled as in the file.
"""

import re

from polyarb.config.document import parse_document, read_text
from polyarb.config.loading import Settings
from polyarb.config.nodes import Layer, Origin, Scalar, find
from polyarb.domain.errors import StoreError
from polyarb.domain.limits import Phase, Profile
from polyarb.store.filesystem import REAL, FileSystem, replace_durably, store_faults
from polyarb.store.workspace import Workspace

ACTIVE_SLOT = "profile"


def slot_of(profile: Profile) -> str:
    """Name the slot that a profile can serve: its phase's, or that of no phase."""
    return ACTIVE_SLOT if profile.phase is None else phase_slot(profile.phase)


def phase_slot(phase: Phase) -> str:
    """Name the slot of a phase."""
    return f"phases.{phase.replace('-', '_')}"


def serving(settings: Settings, slot: str) -> str:
    """Return the name of the profile that serves a slot."""
    if slot == ACTIVE_SLOT:
        return settings.profile
    return {phase_slot(phase): name for phase, name in settings.phases.items()}[slot]


def choose(workspace: Workspace, slot: str, name: str, files: FileSystem = REAL) -> None:
    """Let a profile serve a slot; every other byte of config.yaml stays.

    Errors: StoreError when the file cannot be changed so; it is then as it was.
    """
    path, shown = workspace.config_file, workspace.shown(workspace.config_file)
    text = read_text(path, shown)
    changed = rewrite(text, slot, name, Origin(Layer.CONFIG, shown))
    with store_faults("write", path):
        replace_durably(files, path, changed.encode())


def rewrite(text: str, slot: str, name: str, origin: Origin) -> str:
    """Put a name in a slot's line of a config.yaml.

    Errors: StoreError when the slot has no line of its own that can be rewritten.
    """
    steps = tuple(slot.split("."))
    node = find(parse_document(text, origin), steps)
    if isinstance(node, Scalar):
        lines = text.splitlines(keepends=True)
        pattern = re.compile(rf"(\s*{steps[-1]}:[ \t]+)([\w./-]+)")
        lines[node.origin.line - 1] = pattern.sub(
            lambda found: found[1] + name, lines[node.origin.line - 1], count=1
        )
        changed = "".join(lines)
        chosen = find(parse_document(changed, origin), steps)
        if isinstance(chosen, Scalar) and chosen.text == name:
            return changed
    raise StoreError(
        f"{origin.file}: {slot}: expected a line `{steps[-1]}: NAME`, found another form; "
        f"write `{steps[-1]}: {name}` there by hand"
    )
