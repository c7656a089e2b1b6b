"""Verify a backup by its bytes and by its meaning: hashes, chain, database, and the state again."""

from pathlib import Path

import msgspec

from polyarb.domain.errors import PolyarbError, StoreError
from polyarb.store.backup.copying import hash_file, kind_of, list_files
from polyarb.store.backup.manifest import (
    FileEntry,
    Finding,
    FindingKind,
    Manifest,
    StatePart,
    compare,
)
from polyarb.store.backup.parts import ARCHIVE, CURRENT, DATABASE
from polyarb.store.backup.places import read_manifest, time_of
from polyarb.store.backup.snapshot import check_integrity
from polyarb.store.backup.state import StateFold
from polyarb.store.filesystem import store_faults
from polyarb.store.reading import read_journal
from polyarb.store.records import START
from polyarb.store.verification import verify_journal

_BREAKS_TOLD = 5


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying a backup found; sound is nothing at all.

    Shape: the manifest is None where it cannot be trusted. Units: created_ns in unix nanoseconds.
    """

    name: str
    is_sound: bool
    created_ns: int
    findings: tuple[Finding, ...]
    manifest: Manifest | None = None


def verify_backup(directory: Path, *, known_seal: str = "") -> Verification:
    """Verify everything there is; known_seal is the manifest's seal as it was kept elsewhere."""
    found = read_manifest(directory)
    if isinstance(found, Finding):
        created_ns = time_of(directory.name) or 0
        return Verification(
            name=directory.name, is_sound=False, created_ns=created_ns, findings=(found,)
        )
    findings = [*compare(found, _hash_all(directory), known_seal)]
    findings += _chain(directory, found)
    findings += _database(directory, found)
    if not any(finding.kind is FindingKind.CHAIN for finding in findings):
        findings += _state(directory, found)
    return Verification(
        name=directory.name,
        is_sound=not findings,
        created_ns=found.created_ns,
        findings=tuple(findings),
        manifest=found,
    )


def fold_state(current: Path, archive: Path) -> StatePart:
    """Fold a whole journal. Errors: as of `read_journal`."""
    fold, sequence = StateFold(), 0
    for record in read_journal(current, archive):
        fold.apply(record.message)
        sequence = record.sequence
    return fold.state(sequence)


def state_findings(wanted: StatePart, current: Path, archive: Path) -> list[Finding]:
    """Fold a journal and compare its meaning with what was noted."""
    try:
        state = fold_state(current, archive)
    except PolyarbError as fault:
        return [_finding(FindingKind.STATE, CURRENT, "a journal that can be folded", str(fault))]
    if state == wanted:
        return []
    return [
        _finding(
            FindingKind.STATE,
            CURRENT,
            f"state {wanted.digest} at record {wanted.sequence}",
            f"state {state.digest} at record {state.sequence}",
        )
    ]


def _hash_all(directory: Path) -> dict[str, FileEntry | str]:
    found: dict[str, FileEntry | str] = {}
    for path, place in list_files(directory):
        with store_faults("read", place):
            mode = place.lstat().st_mode
        if place.is_symlink() or not place.is_file():
            found[path] = kind_of(mode)
            continue
        try:
            found[path] = hash_file(place, path)
        except StoreError as fault:
            found[path] = f"a file that cannot be read ({fault})"
    return found


def _chain(directory: Path, manifest: Manifest) -> list[Finding]:
    anchors = [manifest.journal.head]
    if manifest.database.applied is not None:
        anchors.append(manifest.database.applied)
    try:
        report = verify_journal(directory / CURRENT, directory / ARCHIVE, anchors=anchors)
    except StoreError as fault:
        return [_finding(FindingKind.CHAIN, CURRENT, "a journal that can be read", str(fault))]
    findings = [
        _finding(
            FindingKind.CHAIN,
            Path(one.file).relative_to(directory).as_posix(),
            one.expected,
            f"{one.found} at line {one.line}",
        )
        for one in report.breaks[:_BREAKS_TOLD]
    ]
    head = manifest.journal.head
    if not findings and (report.head != head or report.torn is not None):
        told = f"record {report.head.sequence} with hash {report.head.hash}"
        ending = ", and a torn line behind it" if report.torn else ""
        findings.append(
            _finding(
                FindingKind.CHAIN,
                CURRENT,
                f"record {head.sequence} with hash {head.hash} as the last",
                told + ending,
            )
        )
    return findings


def _database(directory: Path, manifest: Manifest) -> list[Finding]:
    applied, path = manifest.database.applied, directory / DATABASE
    if applied is None or not path.is_file():
        return []
    try:
        found = check_integrity(path)
    except StoreError as fault:
        return [_finding(FindingKind.DATABASE, DATABASE, "a database", str(fault))]
    if found.fault:
        return [_finding(FindingKind.DATABASE, DATABASE, "a whole database", found.fault)]
    if found.applied != applied:
        place = (found.applied or START).sequence
        return [
            _finding(
                FindingKind.DATABASE,
                DATABASE,
                f"one that followed the journal up to record {applied.sequence}",
                f"one up to record {place}",
            )
        ]
    return []


def _state(directory: Path, manifest: Manifest) -> list[Finding]:
    return state_findings(manifest.state, directory / CURRENT, directory / ARCHIVE)


def _finding(kind: FindingKind, path: str, expected: str, found: str) -> Finding:
    return Finding(kind=kind, path=path, expected=expected, found=found)
