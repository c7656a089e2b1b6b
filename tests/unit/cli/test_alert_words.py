"""What `polyarb status`, the live board and the plain lines say of alerts."""

from polyarb.cli.alert_words import alert_lines, alert_rows, alert_words
from polyarb.wiring.alerts.standing import AlertStanding, StandingAlert

QUIET = AlertStanding(counts={}, worst=(), undelivered=0, watch_age_s=None)
LOUD = AlertStanding(
    counts={"CRITICAL": 1, "WARNING": 2},
    worst=(
        StandingAlert(
            rule="RISK_BREACH", severity="CRITICAL", since="2026-11-24T10:00:00", acked_by="ann"
        ),
        StandingAlert(
            rule="DISK_LOW", severity="WARNING", since="2026-11-24T09:00:00", acked_by=""
        ),
    ),
    undelivered=3,
    watch_age_s=1.6,
)


def test_when_nothing_stands_that_is_said() -> None:
    assert alert_lines(QUIET) == ["  alerts: none; watch: nobody watches"]
    assert alert_rows(QUIET) == [("none", ""), ("watch", "nobody watches")]
    assert alert_words(QUIET) == " alerts=none watch=none"


def test_the_worst_are_named_the_others_counted_and_what_is_owed_is_told() -> None:
    assert alert_lines(LOUD) == [
        "  alerts: 1 CRITICAL, 2 WARNING; 3 still to be told; watch: looked 2 s ago",
        "    CRITICAL  RISK_BREACH since 2026-11-24 10:00:00 UTC, taken by ann",
        "    WARNING   DISK_LOW since 2026-11-24 09:00:00 UTC",
    ]
    assert alert_rows(LOUD) == [
        ("RISK_BREACH", "2026-11-24 10:00:00 UTC, taken by ann"),
        ("DISK_LOW", "2026-11-24 09:00:00 UTC"),
        ("and more", "1"),
        ("still to be told", "3"),
        ("watch", "looked 2 s ago"),
    ]
    assert alert_words(LOUD) == " alerts=RISK_BREACH,DISK_LOW+1 undelivered=3 watch=2s"
