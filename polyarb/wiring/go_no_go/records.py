"""Go/no-go checks of records: alert rules, backups, journal, audit, people."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from polyarb.domain.limits import Phase
from polyarb.rollout.attestations import read_attestations
from polyarb.rollout.checks import Status
from polyarb.rollout.drills import DAY_NS, DrillName
from polyarb.store.backup.verifying import verify_backup
from polyarb.store.go_no_go import record_files
from polyarb.store.records import Anchor
from polyarb.store.status import read_status
from polyarb.store.verification import verify_news
from polyarb.store.workspace import Workspace
from polyarb.wiring.backups.listing import list_backups, newest_verified
from polyarb.wiring.go_no_go.binding import read_record
from polyarb.wiring.go_no_go.context import Seen, Sight, erred, failed, missing, passed, weigh

BACKUP_AGE_NS_MAX = DAY_NS
_BREAKS_TOLD = 3
_HOUR_NS = 3_600 * 10**9
_line_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def check_backup(sight: Sight) -> Seen:
    """Y6: the newest backup is read through and whole."""
    newest = max(list_backups(sight.place), key=lambda one: one.created_ns, default=None)
    if newest is None:
        return missing("no backup was ever made of this workspace")
    if newest.fault:
        return failed(f"{newest.name}: {newest.fault}")
    verified = verify_backup(Path(newest.path))
    told = f"{newest.name}: {newest.records} records, {newest.size >> 10} KiB, every hash right"
    faults = [f"{newest.name}: {one.text}" for one in verified.findings[:_BREAKS_TOLD]]
    if not verified.is_sound:
        return failed(*faults or (f"{newest.name} is not whole",))
    return passed(told)


def check_restore(sight: Sight) -> Seen:
    """D3: the newest verified backup is fresh, and a restore was tried."""
    newest, drill = newest_verified(sight.place), sight.drill(DrillName.RESTORE)
    if newest is None:
        return missing("no backup was ever verified", f"{drill.name}: {drill.evidence}")
    told = f"{newest.name} was found whole, {newest.age_ns // _HOUR_NS} hours old"
    tried = f"{drill.name}: {drill.evidence}"
    if drill.status is Status.FAIL:
        return failed(told, tried, remedy=drill.remedy)
    if not 0 <= newest.age_ns <= BACKUP_AGE_NS_MAX:
        return missing(f"{told}, expected at most 24", tried, remedy="run `polyarb backup create`")
    return passed(told, tried) if drill.status is Status.PASS else missing(told, tried)


def check_journal_chain(sight: Sight) -> Seen:
    """D1: every record is what was written, and none that somebody has seen is gone."""
    place = sight.place
    anchors = list(known_anchors(place))
    report, passed_over = verify_news(
        place.journal_file, place.journal_dir, place.verified_segments_file, anchors=anchors
    )
    faults = [
        f"{place.shown(Path(one.file))} line {one.line}: {one.kind}: expected {one.expected},"
        f" found {one.found}"
        for one in report.breaks[:_BREAKS_TOLD]
    ]
    if not report.records and sight.phase is not Phase.SHADOW and not faults:
        return missing("no run was ever recorded", remedy="run the shadow phase first")
    return weigh(
        faults,
        f"{report.records} records in {report.segments} segments, every hash right;"
        f" of these, {passed_over} segments hold the bytes that were verified before",
        f"it reaches the {len(anchors)} places of it that are known from elsewhere",
    )


def check_audit(sight: Sight) -> Seen:
    """D2: every line of the audit files is a record."""
    files = sorted(sight.place.audit_dir.glob("*.jsonl"))
    if not files:
        return missing("nothing is in data/audit/: no drill, backup or change was recorded")
    faults = [fault for path in files for fault in _audit_faults(sight.place, path)]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    return weigh(faults, f"{len(files)} files, {lines} records: {', '.join(p.stem for p in files)}")


def check_people(sight: Sight) -> Seen:
    """A1: people attested what no program can see."""
    if sight.people_fault:
        return erred(sight.people_fault)
    attested = read_attestations(sight.attestations, sight.operators, sight.phase, sight.now_ns)
    return Seen(status=attested.status, evidence=attested.lines)


def known_anchors(place: Workspace) -> Iterator[Anchor]:
    """Collect the places of the journal that the status and go/no-go records have seen."""
    status = read_status(place.status_file, place.lock_file).status
    if status is not None and status.journal.sequence:
        yield status.journal
    for path in record_files(place.go_no_go_dir):
        record = read_record(path)
        if record is not None and record.journal_sequence:
            yield Anchor(sequence=record.journal_sequence, hash=record.journal_hash)


def _audit_faults(place: Workspace, path: Path) -> Iterator[str]:
    """Say which lines are no records; a last line that is being written is not there yet."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            try:
                _line_decoder.decode(line)
            except msgspec.DecodeError as fault:
                yield f"{place.shown(path)}:{number}: expected a record, found {fault}"
                return
