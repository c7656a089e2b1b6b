"""The mode as a whole, and the weekly restart."""

from datetime import UTC, datetime

import pytest
from polyarb.domain.venue import VenueMode
from polyarb.venue.polymarket.arbitration.calendar import (
    POST_ONLY_AFTER_DOWN_NS,
    Standing,
    VenueModes,
    restart_of,
)

S = 10**9


def watched() -> tuple[VenueModes, list[Standing], list[tuple[str, int]]]:
    changes: list[Standing] = []
    losses: list[tuple[str, int]] = []
    modes = VenueModes(changes.append, lambda reason, now_ns: losses.append((reason, now_ns)))
    return modes, changes, losses


def test_worse_counts_at_once_and_better_only_when_it_may_be_trusted() -> None:
    modes, changes, losses = watched()
    modes.observe(VenueMode.OK, "answers", S)
    modes.observe(VenueMode.POST_ONLY, "503", 2 * S, lasts_ns=10 * S)
    modes.observe(VenueMode.OK, "answers", 5 * S)
    assert modes.standing.mode is VenueMode.POST_ONLY
    modes.observe(VenueMode.POST_ONLY, "503", 6 * S, lasts_ns=10 * S)
    modes.observe(VenueMode.OK, "answers", 13 * S)
    assert modes.standing.mode is VenueMode.POST_ONLY
    modes.observe(VenueMode.OK, "answers", 16 * S)
    assert [standing.mode for standing in changes] == [VenueMode.POST_ONLY, VenueMode.OK]
    assert losses == []


def test_after_down_every_book_is_lost_and_orders_wait() -> None:
    modes, _, losses = watched()
    modes.observe(VenueMode.DOWN, "425", S)
    modes.observe(VenueMode.OK, "answers", 90 * S)
    assert losses == [("the venue was down", 90 * S)]
    assert modes.standing.mode is VenueMode.POST_ONLY
    assert modes.standing.trusted_from_ns == 90 * S + POST_ONLY_AFTER_DOWN_NS
    modes.observe(VenueMode.OK, "answers", 91 * S)
    assert modes.standing.mode is VenueMode.POST_ONLY
    modes.observe(VenueMode.OK, "answers", 90 * S + POST_ONLY_AFTER_DOWN_NS)
    assert modes.standing.mode is VenueMode.OK
    assert len(losses) == 1


def test_when_every_stream_loses_nearly_all_the_venue_is_taken_to_restart() -> None:
    modes, changes, _ = watched()
    modes.dropped("stream-1", 5, 100, S)
    modes.dropped("stream-1", 95, 100, S)
    modes.judge_drops(2, S)
    modes.dropped("stream-2", 80, 100, 20 * S)
    modes.judge_drops(2, 20 * S)
    assert changes == []
    modes.dropped("stream-1", 100, 100, 22 * S)
    modes.judge_drops(2, 22 * S)
    assert modes.standing.mode is VenueMode.DOWN
    modes.dropped("none", 0, 0, 22 * S)


@pytest.mark.parametrize(
    ("moment", "restart"),
    [
        (datetime(2026, 11, 24, 3, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC)),
        (datetime(2026, 11, 25, 3, tzinfo=UTC), datetime(2026, 12, 1, 12, tzinfo=UTC)),
        (datetime(2026, 7, 7, 23, tzinfo=UTC), datetime(2026, 7, 7, 11, tzinfo=UTC)),
        (datetime(2026, 3, 10, 1, tzinfo=UTC), datetime(2026, 3, 10, 11, tzinfo=UTC)),
        (datetime(2026, 3, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, 12, tzinfo=UTC)),
        (datetime(2026, 10, 27, 1, tzinfo=UTC), datetime(2026, 10, 27, 11, tzinfo=UTC)),
        (datetime(2026, 11, 3, 1, tzinfo=UTC), datetime(2026, 11, 3, 12, tzinfo=UTC)),
    ],
)
def test_the_restart_is_at_seven_in_new_york(moment: datetime, restart: datetime) -> None:
    assert restart_of(moment) == restart


def test_caution_stands_around_the_restart_only() -> None:
    modes, _, _ = watched()
    near = int(datetime(2026, 11, 24, 11, 56, tzinfo=UTC).timestamp()) * S
    assert modes.caution(near) == "the venue has restarted on Tuesdays at 12:00 UTC"
    assert modes.caution(near - 120 * S) == ""
    assert modes.caution(near + 900 * S) == ""
