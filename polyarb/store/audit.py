"""Who changed which profile, from what to what: the audit of a workspace's configuration."""

import msgspec

from polyarb.domain.limits import Profile
from polyarb.store.filesystem import REAL, FileSystem
from polyarb.store.lines import LineFile
from polyarb.store.workspace import Workspace


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One value as files spell it, before and after."""

    old: str
    new: str


class ConfigChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the profile that serves a slot of config.yaml.

    Shape: number counts from 1; slot is `profile` or `phases.PHASE`; applied_by is user, start
    (a file was edited by hand) or rollback; risk_warnings are the codes that were confirmed,
    unconfirmed those that nobody agreed to. profile_text is the file of the new profile.
    follows is the number of the change whose state this one began from, 0 the state before all;
    stands_for is the change whose state it made, itself unless it is a rollback.
    """

    number: int
    timestamp: str
    applied_by: str
    actor: str
    slot: str
    profile_name: str
    previous_name: str
    diff: dict[str, FieldChange]
    new_config: Profile
    profile_text: str
    previous_config: Profile | None = None
    previous_text: str = ""
    risk_warnings: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    reason: str = ""
    follows: int = 0
    stands_for: int = 0
    rolled_back_from: int | None = None
    rolled_back_at: str | None = None


def config_changes(workspace: Workspace, files: FileSystem = REAL) -> LineFile[ConfigChange]:
    """Open the audit file of configuration changes."""
    return LineFile(workspace.audit_dir / "config_changes.jsonl", ConfigChange, files)
