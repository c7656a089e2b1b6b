"""What go-no-go and drills say on a terminal and elsewhere, and with which exit code."""

from io import StringIO

import pytest
from polyarb.cli import drill as drill_command
from polyarb.cli import go_no_go as command
from polyarb.cli.exit_codes import ExitCode
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import CheckId, Status
from polyarb.rollout.drills import DrillName
from polyarb.rollout.record import GoNoGoRecord, signers_missing
from polyarb.wiring.drills.drilling import DrillReport
from polyarb.wiring.go_no_go.signing import SavedRecord
from rich.console import Console
from tests.go_no_go_cases import ALICE, BOB, outcome, record, signed


def saved(one: GoNoGoRecord) -> SavedRecord:
    return SavedRecord(
        path="reports/go_no_go/a.json",
        record=one,
        was_signed_before=(),
        missing=signers_missing(one),
    )


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (record(Phase.SHADOW), ExitCode.DONE),
        (record(Phase.SHADOW, {CheckId.O1: Status.FAIL}), ExitCode.DONE),
        (record(Phase.SHADOW, {CheckId.S3: Status.FAIL}), ExitCode.NO),
        (record(Phase.SHADOW, {CheckId.S3: Status.INSUFFICIENT}), ExitCode.INSUFFICIENT),
        (record(), ExitCode.INSUFFICIENT),
        (signed(record(), ALICE), ExitCode.INSUFFICIENT),
        (signed(record(), ALICE, BOB), ExitCode.DONE),
        (record(changed={CheckId.S3: Status.FAIL}), ExitCode.NO),
    ],
    ids=[
        "go",
        "go with warnings",
        "no-go",
        "missing",
        "unsigned",
        "signed once",
        "signed twice",
        "no-go of money",
    ],
)
def test_the_exit_code_says_whether_the_phase_may_begin(one: GoNoGoRecord, code: ExitCode) -> None:
    assert command.exit_code(saved(one)) is code


def test_every_check_and_requirement_has_its_line() -> None:
    told = command.lines(record(changed={CheckId.O1: Status.FAIL}))
    assert len(told) == 22 + 1
    assert any(line.startswith("FAIL    O1                   P1 seen") for line in told)
    assert told[-1].startswith("PASS    drill 0 ")


def test_the_table_shows_what_the_lines_say() -> None:
    buffer = StringIO()
    changed = {CheckId.Y6: Status.INSUFFICIENT, CheckId.S1: Status.NOT_APPLICABLE}
    console = Console(file=buffer, width=120, force_terminal=True, color_system=None)
    console.print(command.table(record(Phase.SHADOW, changed)))
    text = buffer.getvalue()
    assert "MISSING" in text and "MOOT" in text
    assert all(check_id in text for check_id in CheckId)


def test_the_end_says_outcome_obstacles_and_signatures() -> None:
    half = saved(signed(record(changed={CheckId.O1: Status.FAIL}), ALICE))
    assert command.conclusion(half, 1_234) == [
        "GO WITH WARNINGS for micro-live (22 checks in 1.2 s)",
        "  P1 O1 FAIL: the machine has room",
        "record: reports/go_no_go/a.json, valid for 24 hours, signed by alice (trader)",
        "1 more person must sign: `polyarb go-no-go --sign NAME`",
    ]
    nobody = command.conclusion(saved(record()), 0)
    assert nobody[0] == "GO for micro-live (22 checks in 0.0 s)"
    assert "signed by nobody" in nobody[1]
    assert nobody[2].startswith("2 more people must sign")
    refused = command.conclusion(saved(record(changed={CheckId.S3: Status.FAIL})), 0)
    assert refused[0].startswith("NO-GO for micro-live")
    assert len(refused) == 3


@pytest.mark.parametrize(
    ("passed", "code"),
    [
        ([True], ExitCode.DONE),
        ([True, None], ExitCode.INSUFFICIENT),
        ([None, False, True], ExitCode.NO),
    ],
    ids=str,
)
def test_a_drill_that_cannot_be_run_is_never_a_pass(
    passed: list[bool | None], code: ExitCode
) -> None:
    reports = [
        DrillReport(
            name=DrillName.KILL,
            outcome=None if one is None else outcome("kill", passed=one),
            reason="nobody dares" if one is None else "",
        )
        for one in passed
    ]
    assert drill_command.exit_code(reports) is code
