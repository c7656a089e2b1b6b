"""What `polyarb status` and the live view say of the venue's mode and of our clock."""

import pytest
from polyarb.cli.live import clock_words
from polyarb.cli.status import tell
from polyarb.domain.order import TradingState
from polyarb.domain.surroundings import ClockStanding, ClockVerdict
from polyarb.domain.venue import VenueMode
from polyarb.store.status import Liveness, Status, StatusReading

GOOD = ClockStanding(
    verdict=ClockVerdict.GOOD,
    reason="+3 ms from time servers, give or take 5 ms",
    offset_ms=3.2,
    uncertainty_ms=5.0,
    drift_ppm=-12.4,
    age_ms=4_000,
)
SET = ClockStanding(verdict=ClockVerdict.ALARM, reason="leapt by +3000 ms", is_stepped=True)


def said(mode: VenueMode = VenueMode.OK, clock: ClockStanding | None = None) -> str:
    status = Status(
        pid=1,
        run_id="run",
        phase="shadow",
        state=TradingState.ACTIVE,
        started_ns=0,
        updated_ns=0,
        venue_mode=mode,
        clock=clock,
    )
    return tell(StatusReading(liveness=Liveness.LIVE, status=status, holder=1), None)


def test_on_recorded_data_nothing_is_said_of_either() -> None:
    assert "venue is" not in said() and "clock" not in said()


def test_a_restricted_venue_is_told_and_one_that_is_not_is_no_news() -> None:
    assert "  the venue is post-only: nothing new is opened" in said(VenueMode.POST_ONLY)
    assert "the venue is" not in said(VenueMode.OK, GOOD)


@pytest.mark.parametrize(
    ("clock", "line", "words"),
    [
        (
            GOOD,
            "our clock: good: +3 ms from time servers, give or take 5 ms; drifts -12 ppm",
            "good, +3 ms",
        ),
        (SET, "our clock: alarm: leapt by +3000 ms; was set", "alarm"),
    ],
)
def test_what_our_clock_is_worth_is_told(clock: ClockStanding, line: str, words: str) -> None:
    assert f"  {line}" in said(clock=clock).splitlines()
    assert clock_words(clock) == words
