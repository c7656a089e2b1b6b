"""Every guard refuses what it is for, and the first in order gives the reason."""

import msgspec
import pytest
from polyarb.domain.book import BookStatus
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import RelationId
from polyarb.domain.market import Catalogue, Untradable
from polyarb.domain.plan import Family
from polyarb.domain.reasons import Guard
from polyarb.engine import detect
from polyarb.engine.detect.guards import GUARDS, MS, Look
from polyarb.engine.state import Ladder, Watch
from tests.worlds import CENT, GROUP, ROOMY, group_of, market

FEE = FeeSchedule(rate=500)


def look_at(
    family: Family = Family.NEGRISK_NO,
    *,
    tops: tuple[tuple[int, int], ...] = ((60, 62), (55, 57)),
    gap: str = "",
    catalogue: Catalogue | None = None,
    **facts: object,
) -> Look:
    """Look at live, settled and fresh books with these bids and asks in cents."""
    names = [str(leg) for leg in range(len(tops))]
    ladders = [Ladder(market(name, group_id=GROUP, **facts)) for name in names]
    watch = Watch(RelationId("R"), (family,), ladders, gap)
    for leg, (bid, ask) in enumerate(tops):
        ladders[leg].status = BookStatus.LIVE
        detect.update_leg(watch, leg, bid * CENT, ask * CENT)
    known = group_of(*names) if catalogue is None else catalogue
    return Look(watch, family, detect.edge_net(watch, family), known, ROOMY.guards)


def test_an_edge_on_good_books_passes_every_guard() -> None:
    assert detect.guard(look_at()) is None
    assert detect.guard(look_at(Family.NEGRISK_YES, tops=((10, 40), (10, 50)))) is None
    assert detect.guard(look_at(Family.IMPLICATION, tops=((10, 40), (45, 50)))) is None


def test_a_yes_set_without_an_ask_is_incomplete() -> None:
    tops = ((10, 30), (10, 30), (10, 100))
    assert detect.guard(look_at(Family.NEGRISK_YES, tops=tops)) == Guard.INCOMPLETE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (BookStatus.EMPTY, Guard.INCOMPLETE),
        (BookStatus.STALE, Guard.STALE),
        (BookStatus.GAPPED, Guard.GAPPED),
        (BookStatus.CROSSED, Guard.CROSSED_BOOK),
    ],
)
@pytest.mark.parametrize("family", [Family.NEGRISK_NO, Family.NEGRISK_YES, Family.IMPLICATION])
def test_a_book_that_is_not_live_is_refused_by_its_status(
    family: Family, status: BookStatus, reason: Guard
) -> None:
    look = look_at(family, tops=((60, 40), (55, 50)))
    look.watch.ladders[1].status = status
    assert detect.guard(look) == reason


def test_a_crossed_leg_of_a_yes_set_is_told_as_crossed_not_as_missing() -> None:
    look = look_at(Family.NEGRISK_YES, tops=((10, 30), (10, 30), (0, 100)))
    look.watch.ladders[2].status = BookStatus.CROSSED
    assert detect.guard(look) == Guard.CROSSED_BOOK


def test_a_leg_in_the_midst_of_a_timestamp_is_unsettled() -> None:
    look = look_at()
    look.watch.ladders[0].unsettled = True
    assert detect.guard(look) == Guard.UNSETTLED


def test_a_leg_that_the_no_side_does_not_need_is_not_looked_at() -> None:
    look = look_at(tops=((60, 62), (55, 57), (0, 30)))
    look.watch.ladders[2].status = BookStatus.CROSSED
    look.watch.ladders[2].unsettled = True
    assert detect.guard(look) is None


def test_only_the_yes_side_needs_the_certificate() -> None:
    tops = ((60, 40), (55, 50))
    assert detect.guard(look_at(Family.NEGRISK_YES, tops=tops, gap="other")) == Guard.NON_EXHAUSTIVE
    assert detect.guard(look_at(tops=tops, gap="other")) is None


def test_an_edge_of_exactly_nothing_after_fees_is_none() -> None:
    even = look_at(tops=((50, 62), (50, 57)))
    assert even.edge_net == 0
    assert detect.guard(even) == Guard.AFTER_FEES


def test_fees_can_eat_an_edge() -> None:
    assert detect.guard(look_at(tops=((51, 62), (50, 57)), fee=FEE)) == Guard.AFTER_FEES
    assert detect.guard(look_at(tops=((60, 62), (55, 57)), fee=FEE)) is None


def test_an_unknown_fee_is_never_assumed() -> None:
    assert detect.guard(look_at(fee=None)) == Untradable.UNKNOWN_FEE


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"is_closed": True}, Untradable.CLOSED),
        ({"is_accepting_orders": False}, Untradable.NOT_ACCEPTING),
        ({"version": None}, Untradable.UNKNOWN_VERSION),
        ({"tick": None}, Untradable.UNKNOWN_TICK),
        ({"size_min": None}, Untradable.UNKNOWN_SIZE_MIN),
    ],
)
def test_an_unknown_fact_or_a_closed_market_is_refused(
    facts: dict[str, object], reason: Untradable
) -> None:
    assert detect.guard(look_at(**facts)) == reason  # type: ignore[arg-type]


def test_a_price_off_the_tick_is_refused() -> None:
    look = look_at()
    look.watch.ladders[1].is_off_tick = True
    assert detect.guard(look) == Guard.OFF_TICK


@pytest.mark.parametrize("convert", [20, None])
def test_a_conversion_with_a_fee_or_an_unknown_one_is_refused(convert: int | None) -> None:
    catalogue = group_of("0", "1", convert=convert)
    assert detect.guard(look_at(catalogue=catalogue)) == Guard.CONVERT_FEE


def test_the_yes_side_needs_no_conversion() -> None:
    catalogue = group_of("0", "1", convert=None)
    tops = ((10, 40), (10, 50))
    assert detect.guard(look_at(Family.NEGRISK_YES, tops=tops, catalogue=catalogue)) is None


def test_a_no_side_without_a_known_group_is_refused() -> None:
    assert detect.guard(look_at(catalogue=Catalogue())) == Guard.CONVERT_FEE


@pytest.mark.parametrize(
    ("lags", "reason"),
    [
        ((0, 0), None),
        ((2_000, 1_900), None),
        ((2_001, 2_001), Guard.STALE),
        ((100, 0), None),
        ((101, 0), Guard.SKEWED),
        ((-101, 0), Guard.SKEWED),
        ((3_000, 0), Guard.STALE),
    ],
)
def test_legs_must_have_come_in_time_and_evenly(
    lags: tuple[int, int], reason: Guard | None
) -> None:
    look = look_at()
    for ladder, lag in zip(look.watch.ladders, lags, strict=True):
        ladder.venue_time_ns, ladder.receive_time_ns = 10**18, 10**18 + lag * MS
    assert detect.guard(look) == reason


def test_what_is_no_book_comes_before_what_is_no_edge_before_what_is_late() -> None:
    look = look_at(tops=((50, 62), (50, 57)), is_closed=True)
    first, second = look.watch.ladders
    first.status, first.unsettled, first.is_off_tick = BookStatus.GAPPED, True, True
    first.receive_time_ns = 10**18
    reasons = [detect.guard(look)]
    first.status = BookStatus.LIVE
    reasons.append(detect.guard(look))
    first.unsettled = False
    reasons.append(detect.guard(look))
    look = Look(look.watch, look.family, 1, look.catalogue, look.limits)
    reasons.append(detect.guard(look))
    first.market = second.market = msgspec.structs.replace(second.market, is_closed=False)
    reasons.append(detect.guard(look))
    first.is_off_tick = False
    reasons.append(detect.guard(look))
    assert reasons == [
        Guard.GAPPED,
        Guard.UNSETTLED,
        Guard.AFTER_FEES,
        Untradable.CLOSED,
        Guard.OFF_TICK,
        Guard.STALE,
    ]
    assert len(GUARDS) == 8
