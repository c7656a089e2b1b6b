"""Backups of a workspace: made, listed, verified, restored, pruned and drilled."""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from polyarb import __version__
from polyarb.config.loading import load_phase_profile
from polyarb.config.secrets import secret_values
from polyarb.domain.errors import PolyarbError, RefusedError, StoreError, UsageError
from polyarb.domain.limits import Phase
from polyarb.host.clock import SystemClock
from polyarb.host.digest import code_digest
from polyarb.host.login import login_name
from polyarb.store.backup.copying import make_own_directory, remove_tree
from polyarb.store.backup.creating import Metadata, Request, create_backup
from polyarb.store.backup.expiry import Dated, Pruning, choose_expired
from polyarb.store.backup.manifest import Manifest
from polyarb.store.backup.places import (
    find_backup,
    list_names,
    lock_backups,
    remove_backup,
    sweep,
)
from polyarb.store.backup.register import BackupRecord, Deed, Word, backup_records
from polyarb.store.backup.restoring import Restoration, Target, restore_backup
from polyarb.store.backup.snapshot import check_integrity
from polyarb.store.backup.verifying import Verification, state_findings, verify_backup
from polyarb.store.control import read_halt
from polyarb.store.filesystem import REAL, FileSystem, store_faults
from polyarb.store.journal import open_journal
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace, open_workspace
from polyarb.wiring.backups.listing import list_backups, words_of
from polyarb.wiring.recipe import load_recipe

FRESH_NS = 3600 * 10**9
"""A drill restores the newest backup unless that is older."""
_NICENESS = 10
_ASIDE = ".drill"

Found = TypeVar("Found")


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """What `create` made; swept names what interrupted calls had left behind."""

    path: str
    manifest: Manifest
    swept: tuple[str, ...]


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What `prune` chose, and what it removed; nothing without --yes."""

    pruning: Pruning
    removed: tuple[str, ...]


class DrillStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a drill proves. Units: nanoseconds."""

    name: str
    is_passed: bool
    found: str
    took_ns: int


class RestoreDrill(msgspec.Struct, frozen=True, kw_only=True):
    """A restore that was tried out.

    Shape: rto_ns is from the decision to restore until the workspace could be started, 0 where it
    never could. Units: began_ns in unix nanoseconds.
    """

    backup: str
    is_passed: bool
    began_ns: int
    rto_ns: int
    sequence: int
    state_digest: str
    steps: tuple[DrillStep, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Say what was found, step by step."""
        return tuple(f"{step.name}: {step.found}" for step in self.steps)


def create(place: Workspace, *, with_tapes: bool = False, files: FileSystem = REAL) -> Created:
    """Make a backup beside whatever runs.

    Errors: RefusedError while another process makes or prunes backups, and for a secret that
    would get into it.
    """
    lock = lock_backups(place.backups_dir, files)
    try:
        swept = sweep(place.backups_dir, files)
        now_ns = SystemClock().now_ns()
        manifest = create_backup(
            Request(
                place=place,
                metadata=_metadata(place, now_ns),
                now_ns=now_ns,
                canaries=secret_values(place),
                with_tapes=with_tapes,
                files=files,
            )
        )
        _note(place, Deed.CREATED, manifest.name, manifest.seal)
    finally:
        lock.release()
    return Created(path=str(place.backups_dir / manifest.name), manifest=manifest, swept=swept)


def step_back() -> None:
    """Let other processes go first: a trader never waits for a backup's computing."""
    missing = _NICENESS - os.getpriority(os.PRIO_PROCESS, 0)
    if missing > 0:
        os.nice(missing)


def verify(place: Workspace, names: Sequence[str]) -> Iterator[Verification]:
    """Verify backups by name and record what was found.

    Errors: UsageError for a name that is none.
    """
    words = words_of(place)
    for directory in [find_backup(place.backups_dir, name) for name in names]:
        word = words.get(directory.name, Word())
        found = verify_backup(directory, known_seal=word.created_seal)
        seal = found.manifest.seal if found.manifest is not None else ""
        deed = Deed.VERIFIED if found.is_sound else Deed.DAMAGED
        detail = "" if found.is_sound else found.findings[0].text
        _note(place, deed, found.name, seal, detail)
        yield found


def verify_at(directory: Path) -> Verification:
    """Verify a backup that lies anywhere; nothing is recorded.

    Errors: UsageError when there is no such directory.
    """
    if not directory.is_dir():
        raise UsageError(f"{directory}: expected the directory of a backup, found none")
    return verify_backup(directory.absolute())


def restore(
    place: Workspace | None, name: str, into: Path, *, files: FileSystem = REAL
) -> Restoration:
    """Restore a backup, by its name in a workspace or by the path of its directory.

    Errors: UsageError when there is none; RefusedError as of `restore_backup`.
    """
    directory, known_seal = Path(name).absolute(), ""
    if place is not None:
        directory = find_backup(place.backups_dir, name)
        known_seal = words_of(place).get(name, Word()).created_seal
        if into.resolve().is_relative_to(place.backups_dir.resolve()):
            raise UsageError(f"--into: expected a directory outside of backups/, found {into}")
    elif not directory.is_dir():
        raise UsageError(f"{name}: expected the directory of a backup, found none")
    target = Target(into=into, now_ns=SystemClock().now_ns(), known_seal=known_seal, files=files)
    restored = restore_backup(directory, target)
    return msgspec.structs.replace(restored, tapes_absent=_absent_tapes(Workspace(into)))


def prune(
    place: Workspace, *, is_confirmed: bool, expected: int | None = None, files: FileSystem = REAL
) -> Pruned:
    """Choose what may go, and remove it if confirmed.

    Errors: RefusedError when the choice cannot be trusted.
    """
    if not list_names(place.backups_dir):
        return Pruned(pruning=Pruning(kept=(), expired=()), removed=())
    lock = lock_backups(place.backups_dir, files)
    try:
        sweep(place.backups_dir, files)
        dated = [
            Dated(name=one.name, time_ns=one.created_ns, is_verified=one.is_verified)
            for one in list_backups(place)
        ]
        pruning = choose_expired(dated, SystemClock().now_ns(), expected=expected)
        if pruning.refusal is not None:
            raise RefusedError(f"nothing is pruned ({pruning.refusal}): {pruning.text}")
        removed = pruning.expired if is_confirmed else ()
        for name in removed:
            remove_backup(place.backups_dir / name, files)
            _note(place, Deed.PRUNED, name, "")
    finally:
        lock.release()
    return Pruned(pruning=pruning, removed=removed)


def drill(place: Workspace, *, fresh_ns: int = FRESH_NS) -> RestoreDrill:
    """Restore the newest backup aside and prove that it could be started; make one if none is new.

    Errors: UsageError or RefusedError when no backup can be made; whatever a restore meets is a
    step that failed.
    """
    clock = SystemClock()
    began_ns = clock.now_ns()
    name = _fresh(place, began_ns, fresh_ns)
    known_seal = words_of(place).get(name, Word()).created_seal
    with _aside(place) as folder:
        steps = _Steps(clock)
        target = Target(into=folder / "workspace", now_ns=began_ns, known_seal=known_seal)
        began = clock.monotonic_ns()
        restored = steps.take("restore", lambda: restore_backup(place.backups_dir / name, target))
        if restored is not None:
            _prove(steps, restored, Workspace(target.into))
        took = clock.monotonic_ns() - began
    is_passed = all(step.is_passed for step in steps.done)
    return RestoreDrill(
        backup=name,
        is_passed=is_passed,
        began_ns=began_ns,
        rto_ns=took if is_passed else 0,
        sequence=restored.state.sequence if restored is not None else 0,
        state_digest=restored.state.digest if restored is not None else "",
        steps=tuple(steps.done),
    )


def _absent_tapes(place: Workspace) -> tuple[str, ...]:
    """Name the tapes that recipes of the journal's runs name and that are not where they lay."""
    tapes: set[str] = set()
    for path in (place.data_dir / "runs").glob("*.json"):
        # A recipe of another version says nothing here; `replay verify` tells of it.
        with suppress(StoreError):
            tapes.update(load_recipe(place, path.stem).tapes)
    return tuple(sorted(tape for tape in tapes if not Path(tape).exists()))


class _Steps:
    """Takes the steps of a drill, timed; a fault is a step that failed."""

    def __init__(self, clock: SystemClock) -> None:
        self.done: list[DrillStep] = []
        self._clock = clock

    def take(self, name: str, act: Callable[[], Found]) -> Found | None:
        """Take a step that has a value, or None when it failed."""
        began_ns, found, fault = self._clock.monotonic_ns(), None, ""
        try:
            found = act()
        except PolyarbError as failed:
            fault = str(failed)
        self._add(name, fault, began_ns)
        return found

    def prove(self, name: str, act: Callable[[], str]) -> None:
        """Take a step that says what is wrong, or nothing."""
        began_ns = self._clock.monotonic_ns()
        try:
            fault = act()
        except PolyarbError as failed:
            fault = str(failed)
        self._add(name, fault, began_ns)

    def _add(self, name: str, fault: str, began_ns: int) -> None:
        self.done.append(
            DrillStep(
                name=name,
                is_passed=not fault,
                found=fault or "as expected",
                took_ns=self._clock.monotonic_ns() - began_ns,
            )
        )


def _prove(steps: _Steps, restored: Restoration, aside: Workspace) -> None:
    """Prove of a restored workspace what a start would rely on."""
    steps.prove("database", lambda: _database_fault(aside, restored))
    steps.prove("state", lambda: _state_fault(aside, restored))
    steps.prove("journal takes records", lambda: _journal_fault(aside, restored))
    steps.prove("configuration", lambda: _configuration_fault(aside))
    steps.prove("boots halted", lambda: "" if read_halt(aside.halt_file) else "no latch is there")


def _database_fault(aside: Workspace, restored: Restoration) -> str:
    found = check_integrity(aside.database_file)
    if found.fault:
        return found.fault
    return "" if found.applied == restored.head else "its tables do not reach the journal's head"


def _state_fault(aside: Workspace, restored: Restoration) -> str:
    found = state_findings(restored.state, aside.journal_file, aside.journal_dir)
    return "; ".join(one.text for one in found)


def _journal_fault(aside: Workspace, restored: Restoration) -> str:
    journal = open_journal(aside.journal_file, aside.journal_dir)
    try:
        is_there = journal.head == restored.head and journal.repaired is None
    finally:
        journal.close()
    return "" if is_there else f"it opens at record {journal.head.sequence}"


def _configuration_fault(aside: Workspace) -> str:
    load_phase_profile(open_workspace(aside.root), Phase.SHADOW)
    return ""


def _fresh(place: Workspace, now_ns: int, fresh_ns: int) -> str:
    """Name the newest backup, made anew unless it is fresh."""
    listed = list_backups(place)
    if listed and 0 <= now_ns - listed[-1].created_ns <= fresh_ns:
        return listed[-1].name
    return create(place).manifest.name


@contextmanager
def _aside(place: Workspace) -> Iterator[Path]:
    """Make a directory beside the backups, on the disk that a restore would use; it goes after.

    Errors: RefusedError while another drill runs.
    """
    lock = acquire(place.backups_dir / ".drill.lock", "the restore drill")
    folder = place.backups_dir / _ASIDE
    try:
        with store_faults("make", folder):
            if folder.exists():
                remove_tree(REAL, folder)
            make_own_directory(REAL, folder)
        yield folder
    finally:
        with store_faults("remove", folder):
            remove_tree(REAL, folder)
        lock.release()


def _metadata(place: Workspace, now_ns: int) -> Metadata:
    moment = datetime.fromtimestamp(now_ns / 1e9, UTC)
    return Metadata(
        timestamp_utc=moment.isoformat(timespec="seconds"),
        timestamp_local=moment.astimezone().isoformat(timespec="seconds"),
        version=__version__,
        code_digest=code_digest(),
        hostname=platform.node(),
        user=login_name(),
        workspace=str(place.root),
    )


def _note(place: Workspace, deed: Deed, name: str, seal: str, detail: str = "") -> None:
    record = BackupRecord(
        deed=deed, name=name, seal=seal, time_ns=SystemClock().now_ns(), detail=detail
    )
    backup_records(place).append(record)
