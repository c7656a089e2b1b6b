"""The checklist tells every check, drill and attestation, and how many must sign."""

from polyarb.rollout.attestations import MEMBERS
from polyarb.rollout.checklist import checklist_reference
from polyarb.rollout.checks import CHECKS
from polyarb.rollout.drills import DRILLS


def test_every_row_of_the_tables_is_there() -> None:
    page = checklist_reference()
    for check in CHECKS:
        assert f"| {check.check_id} | {check.priority} | {check.title} |" in page
    for drill in DRILLS:
        assert f"| `{drill.name}` | {drill.fault} |" in page
    for member in MEMBERS:
        assert f"| {member.member} | {member.priority} | {member.statement} |" in page
    assert "| shadow | 0 |\n| micro-live | 2 |\n" in page
    assert "{" not in page
