"""Restore a backup into an empty directory, halted; the directory appears whole or not at all."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from polyarb.domain.errors import RefusedError, StoreError
from polyarb.store.backup.canaries import CanaryScan
from polyarb.store.backup.copying import (
    Copier,
    make_own_directory,
    open_regular,
    remove_tree,
    sync_tree,
)
from polyarb.store.backup.manifest import Manifest, StatePart
from polyarb.store.backup.parts import METADATA_NAME, is_tape
from polyarb.store.backup.places import partial_of
from polyarb.store.backup.register import BackupRecord, Deed, backup_records
from polyarb.store.backup.verifying import Verification, state_findings, verify_backup
from polyarb.store.control import Halt, read_halt, write_halt
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults
from polyarb.store.locks import find_holder
from polyarb.store.projections import catch_up
from polyarb.store.records import Anchor
from polyarb.store.workspace import Workspace

ACTOR = "restore"
"""Who latched the halt that a restored workspace begins with."""
_FINDINGS_TOLD = 3
_RESTORED_MODE = 0o644


class Restoration(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored: a workspace that is halted and has the state of its backup.

    Shape: applied is how many records the database was behind the journal; tapes_left_out are
    those that the backup does not hold, tapes_absent those that recipes name and that are nowhere.
    """

    name: str
    workspace: str
    files: int
    head: Anchor
    state: StatePart
    applied: int
    is_database_rebuilt: bool
    tapes_left_out: tuple[str, ...]
    tapes_absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a backup is restored to, and when. Units: now_ns in unix nanoseconds."""

    into: Path
    now_ns: int
    known_seal: str = ""
    files: FileSystem = REAL


def restore_backup(directory: Path, target: Target) -> Restoration:
    """Restore a backup that is sound.

    Errors: RefusedError over anything that is there, and for a backup that is damaged, newer than
    this version, or reaches out of its directory; StoreError for a fault of the disk.
    """
    into = target.into.absolute()
    refuse_occupied(into)
    manifest = require_sound(verify_backup(directory, known_seal=target.known_seal))
    partial, files = partial_of(into), target.files
    with store_faults("make", partial):
        ensure_directory(files, into.parent)
        if partial.exists():
            remove_tree(files, partial)
        make_own_directory(files, partial)
    try:
        restoration = _fill(directory, manifest, partial, target)
        with store_faults("write", into):
            sync_tree(files, partial, mode=None)
            files.rename(partial, into)
            files.sync_directory(into.parent)
    except BaseException:
        with suppress(OSError):
            remove_tree(files, partial)
        raise
    return msgspec.structs.replace(restoration, workspace=str(into))


def refuse_occupied(into: Path) -> None:
    """Refuse a directory that holds anything. Errors: RefusedError."""
    if not into.exists() and not into.is_symlink():
        return
    holder = find_holder(Workspace(into).lock_file) if into.is_dir() else None
    if holder is not None:
        raise RefusedError(
            f"{into}: expected an empty directory, found a workspace that process {holder} trades "
            "in; restore into another directory"
        )
    if into.is_symlink() or not into.is_dir() or any(into.iterdir()):
        raise RefusedError(
            f"{into}: expected an empty directory or none, found something there; nothing is ever "
            "overwritten: restore into another directory, or move this one away"
        )


def require_sound(verification: Verification) -> Manifest:
    """Return the manifest of a sound backup. Errors: RefusedError for any other."""
    manifest = verification.manifest
    if verification.is_sound and manifest is not None:
        return manifest
    told = "; ".join(finding.text for finding in verification.findings[:_FINDINGS_TOLD])
    more = len(verification.findings) - _FINDINGS_TOLD
    raise RefusedError(
        f"backup {verification.name}: expected a sound one, found {told}"
        f"{f' and {more} more' if more > 0 else ''}; take another one, `polyarb backup list` "
        "names them"
    )


def _fill(directory: Path, manifest: Manifest, partial: Path, target: Target) -> Restoration:
    place = Workspace(partial)
    # First of all: whatever becomes of the rest, it never trades by itself.
    _latch(place, manifest, read_halt(Workspace(directory).halt_file), target)
    copied = _copy_files(directory, manifest, place, target.files)
    _make_directories(place, target.files)
    progress = catch_up(place.database_file, place.journal_file, place.journal_dir)
    findings = state_findings(manifest.state, place.journal_file, place.journal_dir)
    if findings:
        raise StoreError(f"the restored workspace is not the one backed up: {findings[0].text}")
    record = BackupRecord(
        deed=Deed.RESTORED, name=manifest.name, seal=manifest.seal, time_ns=target.now_ns
    )
    backup_records(place, target.files).append(record)
    return Restoration(
        name=manifest.name,
        workspace=str(partial),
        files=copied,
        head=manifest.journal.head,
        state=manifest.state,
        applied=progress.applied,
        is_database_rebuilt=progress.is_rebuilt,
        tapes_left_out=tuple(tape.path for tape in manifest.tapes if not tape.is_included),
    )


def _latch(place: Workspace, manifest: Manifest, before: Halt | None, target: Target) -> None:
    reason = f"restored from backup {manifest.name}, reconcile before resuming"
    if before is not None:
        reason += f"; it was halted by {before.actor} then: {before.reason}"
    order = Halt(actor=ACTOR, reason=reason, time_ns=target.now_ns)
    write_halt(place.halt_file, order, files=target.files)


def _copy_files(directory: Path, manifest: Manifest, place: Workspace, files: FileSystem) -> int:
    """Copy what the manifest names, and hold every file against its hash once more."""
    copier = Copier(files, place.root, CanaryScan(), _RESTORED_MODE)
    latch = place.halt_file.relative_to(place.root).as_posix()
    wanted = [entry for entry in manifest.files if entry.path not in (METADATA_NAME, latch)]
    for entry in wanted:
        with open_regular(directory / entry.path) as source:
            copied = copier.copy(source, entry.path)
        if copied != entry:
            raise RefusedError(
                f"backup {manifest.name}: expected {entry.path} as it was verified, found it "
                "changed meanwhile; verify the backup again, or take another one"
            )
    return len(wanted)


def _make_directories(place: Workspace, files: FileSystem) -> None:
    """Make the directories that a workspace has from its beginning."""
    wanted = (
        place.custom_profiles_dir,
        place.daily_reports_dir,
        place.go_no_go_dir,
        place.backups_dir,
    )
    with store_faults("make", place.root):
        for path in wanted:
            ensure_directory(files, path)


def missing_tapes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Name recordings once each, of the files that they consist of."""
    return tuple(sorted({"/".join(name.split("/")[:3]) for name in names if is_tape(name)}))
