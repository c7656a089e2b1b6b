"""Change the profile that serves a slot: show the difference, have its risks confirmed, record it.

A change takes effect with the next start. Whatever a file says is held against what was last
recorded, so that an edit by hand is seen, too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from polyarb.config import load_settings, load_written, profile_path
from polyarb.config.choosing import choose, serving, slot_of
from polyarb.config.document import read_text
from polyarb.config.effective import Effective, spelled
from polyarb.config.loading import CUSTOM
from polyarb.domain.errors import RefusedError, UsageError
from polyarb.domain.limits import Profile
from polyarb.host.login import login_name
from polyarb.ports import Clock
from polyarb.rollout.changes import Before, Risk, risks_of, unapproved
from polyarb.rollout.feasibility import prove
from polyarb.store.audit import ConfigChange, FieldChange, config_changes
from polyarb.store.filesystem import REAL, ensure_directory, replace_durably, store_faults
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace

SINCE_CONFIRMED = "since the last confirmed change"
HISTORY_MAX = 200


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What would change if a profile served its slot. Shape: diff by dotted key, old to new."""

    slot: str
    profile_name: str
    previous_name: str
    diff: dict[str, FieldChange]
    risks: tuple[Risk, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing at all would change."""
        return not self.diff and self.profile_name == self.previous_name


def propose(workspace: Workspace, name: str) -> Proposal:
    """Say what applying a profile would change, and what of it a person must confirm.

    Errors: UsageError for files with faults.
    """
    return _propose(workspace, load_written(workspace, name))


def compare(workspace: Workspace, name: str, other: str) -> Proposal:
    """Say what differs between two profiles of the workspace, other being the old one."""
    target, before = load_written(workspace, name), load_written(workspace, other)
    return Proposal(
        slot=slot_of(target.profile),
        profile_name=name,
        previous_name=other,
        diff=_differences(before.profile, target.profile),
        risks=risks_of(target.profile, (Before(profile=before.profile),)),
    )


def apply_profile(
    workspace: Workspace, name: str, *, accepted: Sequence[str], reason: str, clock: Clock
) -> ConfigChange | None:
    """Let a profile serve its slot and record it; None when nothing changes.

    Errors: RefusedError for risks that were not accepted by their codes, for figures above the
    caps of live trading, and for a profile that can place no legal set; nothing has changed then.
    """
    with _alone(workspace):
        target = load_written(workspace, name)
        proposal = _propose(workspace, target)
        _refuse_unfit(target.profile)
        changes = recorded(workspace, proposal.slot)
        if proposal.is_empty and changes and not changes[-1].unconfirmed:
            return None
        _refuse_unaccepted(proposal, accepted)
        change = _change(workspace, target.profile, proposal, clock)
        change = msgspec.structs.replace(change, applied_by="user", reason=reason)
        return _put(workspace, change)


def roll_back(
    workspace: Workspace, slot: str, *, accepted: Sequence[str], reason: str, clock: Clock
) -> ConfigChange:
    """Go back to the state before the one in force; repeated, further back.

    A profile whose file has changed since is written anew under custom/.
    Errors: RefusedError as for `apply_profile`, and when there is no earlier state.
    """
    with _alone(workspace):
        return _roll_back(workspace, slot, accepted, reason, clock)


def _roll_back(
    workspace: Workspace, slot: str, accepted: Sequence[str], reason: str, clock: Clock
) -> ConfigChange:
    changes = recorded(workspace, slot)
    undone = _in_force(changes)
    if undone is None or undone.previous_config is None:
        raise RefusedError(
            f"{slot}: expected an earlier state to go back to, found none; "
            "`polyarb profiles history` lists what was changed"
        )
    current = changes[-1]
    proposal = Proposal(
        slot=slot,
        profile_name=undone.previous_name,
        previous_name=current.profile_name,
        diff=_differences(current.new_config, undone.previous_config),
        risks=risks_of(undone.previous_config, _befores(changes, current.new_config)),
    )
    _refuse_unfit(undone.previous_config)
    _refuse_unaccepted(proposal, accepted)
    name = _restore_file(workspace, undone)
    restored = msgspec.structs.replace(proposal, profile_name=name)
    change = _change(workspace, undone.previous_config, restored, clock)
    return _put(
        workspace,
        msgspec.structs.replace(
            change,
            applied_by="rollback",
            reason=reason,
            profile_text=undone.previous_text,
            stands_for=undone.follows,
            follows=current.number,
            rolled_back_from=current.number,
            rolled_back_at=change.timestamp,
        ),
    )


def note_use(workspace: Workspace, profile: Profile, clock: Clock) -> ConfigChange | None:
    """Record that a slot's profile differs from what was last recorded; None if it does not.

    Nobody has confirmed such a change: its risks are recorded as unconfirmed.
    """
    with _alone(workspace):
        return _note_use(workspace, profile, clock)


def _note_use(workspace: Workspace, profile: Profile, clock: Clock) -> ConfigChange | None:
    target = load_written(workspace, profile.name)
    proposal = _propose(workspace, target)
    changes = recorded(workspace, proposal.slot)
    if changes and proposal.is_empty:
        return None
    change = msgspec.structs.replace(
        _change(workspace, target.profile, proposal, clock), applied_by="start", risk_warnings=()
    )
    if changes:
        codes = tuple(dict.fromkeys(risk.code for risk in proposal.risks))
        return _record(workspace, msgspec.structs.replace(change, unconfirmed=codes))
    return _record(
        workspace, msgspec.structs.replace(change, previous_config=None, previous_text="")
    )


def recorded(workspace: Workspace, slot: str) -> list[ConfigChange]:
    """Read the changes of a slot, oldest first."""
    return [change for change in config_changes(workspace).read() if change.slot == slot]


def history(workspace: Workspace, limit: int = HISTORY_MAX) -> list[ConfigChange]:
    """Read the last changes of every slot, newest first."""
    return config_changes(workspace).read()[::-1][:limit]


def unconfirmed_risks(workspace: Workspace, slot: str) -> tuple[str, ...]:
    """List the codes that nobody agreed to in the state that a slot is in."""
    changes = recorded(workspace, slot)
    return changes[-1].unconfirmed if changes else ()


def _propose(workspace: Workspace, target: Effective) -> Proposal:
    """Hold a profile against what was last recorded for its slot, or else against its files."""
    slot = slot_of(target.profile)
    changes = recorded(workspace, slot)
    previous = changes[-1].new_config if changes else _served(workspace, slot)
    return Proposal(
        slot=slot,
        profile_name=target.profile.name,
        previous_name=changes[-1].profile_name if changes else previous.name,
        diff=_differences(previous, target.profile),
        risks=risks_of(target.profile, _befores(changes, previous)),
    )


def _served(workspace: Workspace, slot: str) -> Profile:
    return load_written(workspace, serving(load_settings(workspace), slot)).profile


def _befores(changes: Sequence[ConfigChange], current: Profile) -> tuple[Before, ...]:
    confirmed = _last_confirmed(changes)
    if confirmed is None:
        return (Before(profile=current),)
    return Before(profile=current), Before(profile=confirmed, since=SINCE_CONFIRMED)


def _last_confirmed(changes: Sequence[ConfigChange]) -> Profile | None:
    """Return what a person last agreed to: a change with confirmed risks, or the beginning."""
    for change in reversed(changes):
        if change.risk_warnings:
            return change.new_config
    return (changes[0].previous_config or changes[0].new_config) if changes else None


def _in_force(changes: Sequence[ConfigChange]) -> ConfigChange | None:
    """Return the change whose state a slot is in, None for the state before all changes."""
    if not changes:
        return None
    by_number = {change.number: change for change in changes}
    return by_number.get(changes[-1].stands_for)


def _differences(before: Profile, after: Profile) -> dict[str, FieldChange]:
    """Compare two profiles key by key, as files spell them."""
    old, new = spelled(before), spelled(after)
    return {
        key: FieldChange(old=old[key], new=value) for key, value in new.items() if old[key] != value
    }


def _refuse_unfit(target: Profile) -> None:
    above = unapproved(target)
    if above:
        raise RefusedError(
            f"{target.name}: above what a live profile may have without a recorded approval:\n"
            + "\n".join(above)
        )
    if not prove(target).is_legal:
        raise RefusedError(
            f"{target.name}: expected a profile that can place a legal set, found none; "
            f"`polyarb profiles check {target.name}` shows the arithmetic"
        )


def _refuse_unaccepted(proposal: Proposal, accepted: Sequence[str]) -> None:
    codes = [risk.code for risk in proposal.risks]
    strange = [code for code in accepted if code not in codes]
    if strange:
        raise UsageError(
            f"--accept {strange[0]}: expected a risk of this change "
            f"({', '.join(dict.fromkeys(codes)) or 'it has none'})"
        )
    missing = [risk for risk in proposal.risks if risk.code not in accepted]
    if missing:
        told = "\n".join(f"  {risk.code}: {risk.key} {risk.detail}" for risk in missing)
        flags = " ".join(
            f"--accept {code}" for code in dict.fromkeys(risk.code for risk in missing)
        )
        raise RefusedError(
            f"{proposal.profile_name}: this change has risks that nobody confirmed:\n{told}\n"
            f"to confirm them by name: {flags}"
        )


def _change(
    workspace: Workspace, target: Profile, proposal: Proposal, clock: Clock
) -> ConfigChange:
    """Make the record of a change, its number still to be given."""
    changes = recorded(workspace, proposal.slot)
    last = changes[-1] if changes else None
    previous = last.new_config if last else _served(workspace, proposal.slot)
    at = datetime.fromtimestamp(clock.now_ns() / 1e9, UTC).isoformat(timespec="seconds")
    return ConfigChange(
        number=0,
        timestamp=at,
        applied_by="user",
        actor=login_name(),
        slot=proposal.slot,
        profile_name=proposal.profile_name,
        previous_name=proposal.previous_name,
        diff=proposal.diff,
        new_config=target,
        profile_text=_file_text(workspace, proposal.profile_name),
        previous_config=previous,
        previous_text=last.profile_text if last else _file_text(workspace, previous.name),
        risk_warnings=tuple(dict.fromkeys(risk.code for risk in proposal.risks)),
        follows=last.stands_for if last else 0,
    )


def _file_text(workspace: Workspace, name: str) -> str:
    path = profile_path(workspace, name)
    return read_text(path, workspace.shown(path))


def _put(workspace: Workspace, change: ConfigChange) -> ConfigChange:
    """Record a change and then make it; a crash between leaves a record that `start` corrects."""
    stored = _record(workspace, change)
    if serving(load_settings(workspace), change.slot) != change.profile_name:
        choose(workspace, change.slot, change.profile_name)
    return stored


def _record(workspace: Workspace, change: ConfigChange) -> ConfigChange:
    """Give a change its number and append it."""
    changes = config_changes(workspace)
    number = len(changes.read()) + 1
    stands_for = change.stands_for if change.applied_by == "rollback" else number
    stored = msgspec.structs.replace(change, number=number, stands_for=stands_for)
    changes.append(stored)
    return stored


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Let one process at a time read what stands, judge a change by it, and make it.

    Errors: RefusedError while another one does.
    """
    with store_faults("write", workspace.audit_dir):
        ensure_directory(REAL, workspace.audit_dir)
    lock = acquire(workspace.audit_dir / "config_changes.lock", "the audit of this workspace")
    try:
        yield
    finally:
        lock.release()


def _restore_file(workspace: Workspace, undone: ConfigChange) -> str:
    """Make sure that a profile file says again what it said, and return the profile's name."""
    wanted, name = undone.previous_config, undone.previous_name
    assert wanted is not None
    if _says(workspace, name, wanted):
        return name
    stem = name.removeprefix(CUSTOM)
    path: Path = workspace.custom_profiles_dir / f"{stem}_before_{undone.number}.yaml"
    with store_faults("write", path):
        replace_durably(REAL, path, undone.previous_text.encode())
    restored = f"{CUSTOM}{path.stem}"
    if not _says(workspace, restored, wanted):
        raise RefusedError(
            f"{restored}: expected the figures of {name} as they were, found others: what "
            "config.yaml sets for every profile has changed since; set it back first"
        )
    return restored


def _says(workspace: Workspace, name: str, wanted: Profile) -> bool:
    try:
        found = load_written(workspace, name).profile
    except UsageError:
        return False
    return not _differences(wanted, found)
