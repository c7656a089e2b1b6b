"""What lies beside the journal is read as it is; what cannot be read is told, never skipped."""

from pathlib import Path

import msgspec
import pytest
from polyarb.config.loading import load_phase_profile
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.errors import BrokenJournalError, StoreError
from polyarb.domain.limits import Phase
from polyarb.reports.runs import Run
from polyarb.store.alert_log import iso_of
from polyarb.store.alerts import AlertContext, AlertRecord
from polyarb.store.evidence import drill_outcomes
from polyarb.store.journal import open_journal
from polyarb.store.reading import read_journal, read_verified
from polyarb.store.records import START, Anchor
from polyarb.store.verification import verify_journal
from polyarb.store.workspace import (
    Workspace,
    create_workspace,
    open_workspace,
    shipped_templates,
)
from polyarb.wiring.recipe import make_recipe, save_recipe
from polyarb.wiring.reports.reporting import compliance_report, daily_report, performance_report
from polyarb.wiring.reports.sources import as_far_as_whole, read_beside, scan_journal
from polyarb.wiring.tapes import catalogue_of
from tests.plan_lives import NOON_NS
from tests.report_journals import rich_journal


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path, shipped_templates())
    return open_workspace(tmp_path)


def fill(place: Workspace, *, rotate_bytes: int = 1 << 30) -> None:
    journal = open_journal(place.journal_file, place.journal_dir, rotate_bytes=rotate_bytes)
    for number, message in enumerate(rich_journal()):
        journal.append(message, number)
        if not number % 50:
            journal.make_durable()
    journal.make_durable()
    journal.close()


def alert(sequence: int, status: str, **times: str | None) -> AlertRecord:
    return AlertRecord(
        sequence=sequence,
        recorded_at=iso_of(NOON_NS),
        alert_id="a1",
        name="WS_DISCONNECTED",
        severity="CRITICAL",
        status=status,
        cause="CONDITION",
        summary="the stream is gone",
        runbook="ws",
        context=AlertContext(current_value=1.5, threshold=2.0, unit="s"),
        pending_at=iso_of(NOON_NS),
        **times,
    )


def write(path: Path, *records: AlertRecord, rest: bytes = b"") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in records) + rest)


def test_no_alert_log_is_no_engine_and_a_state_alone_is_a_calm_one(place: Workspace) -> None:
    assert read_beside(place, ()).alerts is None
    place.alerts_dir.mkdir()
    (place.alerts_dir / "alerts_state.json").write_text("{}")
    assert read_beside(place, ()).alerts == []


def test_alerts_are_read_to_the_nanosecond_finished_files_first(place: Workspace) -> None:
    fired = iso_of(NOON_NS + 123_456_789)
    write(
        place.alerts_dir / "alerts-20260607-000000000001.jsonl", alert(1, "FIRING", fired_at=fired)
    )
    acked = alert(2, "ACKED", fired_at=fired, acked_at=iso_of(NOON_NS + 5))
    write(place.alerts_dir / "alerts.jsonl", acked, rest=b'{"being writ')
    beside = read_beside(place, ())
    assert beside.alerts is not None
    first, last = beside.alerts
    assert (first.fired_ns, first.acked_ns) == (NOON_NS + 123_456_789, None)
    assert (last.acked_ns, last.resolved_ns, last.value) == (NOON_NS + 5, None, "1.5 s")
    assert beside.alerts_damaged == 0


def test_a_damaged_line_of_the_alert_log_is_counted_and_hides_no_other(place: Workspace) -> None:
    good = alert(1, "FIRING", fired_at=iso_of(NOON_NS))
    bad_time = alert(2, "FIRING", fired_at="noon")
    write(place.alerts_dir / "alerts.jsonl", good, bad_time, rest=b"rubbish\n")
    beside = read_beside(place, ())
    assert beside.alerts is not None
    assert (len(beside.alerts), beside.alerts_damaged) == (1, 2)


def test_drills_are_read_and_a_damaged_record_is_a_fault(place: Workspace) -> None:
    assert read_beside(place, ()).drills is None
    outcome = DrillOutcome(
        name="kill",
        passed=True,
        began_ns=1,
        took_ms=1,
        code_digest="c",
        config_digest="d",
        findings=(),
    )
    drill_outcomes(place).append(outcome)
    assert read_beside(place, ()).drills == [outcome]
    path = place.audit_dir / "drills.jsonl"
    path.write_bytes(b"rubbish\n")
    with pytest.raises(StoreError, match="expected a record"):
        read_beside(place, ())


def test_a_lost_recipe_loses_only_names_and_comparisons(place: Workspace) -> None:
    fill(place)
    journal = scan_journal(place)
    beside = read_beside(place, journal.survey.runs)
    assert (beside.facts, beside.titles) == ({}, {})
    assert isinstance(journal.survey.runs[0], Run)


def test_a_recipe_tells_figures_markets_and_questions(place: Workspace) -> None:
    profile = load_phase_profile(place, Phase.SHADOW).profile
    tape = place.samples_dir / "tape_hockey.jsonl.gz"
    catalogue = catalogue_of([tape], (), {})
    save_recipe(place, make_recipe("run-1", profile, catalogue, [tape]))
    fill(place)
    beside = read_beside(place, scan_journal(place).survey.runs)
    facts = beside.facts["run-1"]
    assert facts.markets == frozenset(catalogue.markets)
    assert facts.envelope == profile.envelope
    open_notional = str(profile.envelope.open_notional_max)
    assert facts.figures["envelope.open_notional_max"] == open_notional
    assert facts.figures["families"] == ", ".join(profile.families)
    assert set(beside.titles) <= set(catalogue.markets)
    assert beside.titles


def test_every_report_of_a_workspace_is_whole_and_agrees(place: Workspace) -> None:
    fill(place, rotate_bytes=20_000)
    reports = (
        daily_report(place, None),
        performance_report(place, None, None),
        compliance_report(place, None, None),
    )
    for report in reports:
        assert report is not None
        assert report.failures == ()
    assert scan_journal(place).survey.last_ns is not None


def test_records_are_read_again_as_they_were_across_segments(place: Workspace) -> None:
    fill(place, rotate_bytes=20_000)
    files = (place.journal_file, place.journal_dir)
    head = verify_journal(*files).head
    assert [(r.sequence, r.message, r.hash) for r in read_verified(*files, head)] == [
        (r.sequence, r.message, r.hash) for r in read_journal(*files)
    ]
    half = next(r for r in read_journal(*files) if r.sequence == 300)
    again = list(read_verified(*files, Anchor(sequence=300, hash=half.hash)))
    assert len(again) == 300
    assert list(read_verified(*files, START)) == []


def test_what_was_changed_between_two_readings_is_found_at_the_end(place: Workspace) -> None:
    fill(place)
    files = (place.journal_file, place.journal_dir)
    head = verify_journal(*files).head
    other = Anchor(sequence=head.sequence, hash="0" * 64)
    with pytest.raises(BrokenJournalError, match="with hash"):
        list(read_verified(*files, other))
    lines = place.journal_file.read_bytes().splitlines(keepends=True)
    place.journal_file.write_bytes(b"".join([*lines[:3], b"rubbish\n"]))
    with pytest.raises(StoreError, match="line 4"):
        list(read_verified(*files, head))


def test_a_broken_journal_is_read_up_to_its_break(place: Workspace) -> None:
    fill(place)
    lines = place.journal_file.read_bytes().splitlines(keepends=True)
    place.journal_file.write_bytes(b"".join([*lines[:200], *lines[201:]]))
    journal = scan_journal(place)
    assert any("figures end at record 200" in text for text in journal.chain.breaks)
    assert len(list(journal.records)) == len(list(as_far_as_whole(place))) == 200
    assert len(list(journal.records)) == 200
    report = daily_report(place, None)
    assert report is not None
    assert not report.is_whole


def test_many_breaks_are_told_as_a_number(place: Workspace) -> None:
    fill(place)
    lines = place.journal_file.read_bytes().splitlines(keepends=True)
    spoiled = [line.replace(b'"frame":', b'"fRame":') for line in lines[100:160]]
    place.journal_file.write_bytes(b"".join([*lines[:100], *spoiled, *lines[160:]]))
    breaks = scan_journal(place).chain.breaks
    assert any("more breaks of the chain" in text for text in breaks)


def test_a_torn_tail_is_told_and_is_no_hole(place: Workspace) -> None:
    fill(place)
    with place.journal_file.open("ab") as file:
        file.write(b'{"event_type":"Run')
    journal = scan_journal(place)
    assert journal.chain.breaks == ()
    assert "is not whole" in journal.chain.torn
