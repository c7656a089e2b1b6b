"""Stage 1: one mirrored ladder a market, and when it may be trusted."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.book import BookFault, BookStatus
from polyarb.domain.messages import UNKNOWN_PRICE
from polyarb.domain.plan import Outcome
from polyarb.domain.units import MICRO, ONE
from polyarb.engine import books
from polyarb.engine.state import Ladder
from tests.worlds import CENT, at, book, market


def ladder_of(
    *, bids: Sequence[tuple[float, float]] = (), asks: Sequence[tuple[float, float]] = ()
) -> Ladder:
    ladder = Ladder(market("A"))
    books.replace(ladder, book("A", 0, bids=bids, asks=asks))
    ladder.venue_time_ns = at(0)
    return ladder


changes = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(min_value=1, max_value=99).map(lambda cents: cents * CENT),
        st.sampled_from([0, 0, MICRO, 5 * MICRO]),
    ),
    max_size=60,
)


@given(changes)
def test_the_top_is_always_the_best_of_the_levels(sent: list[tuple[bool, int, int]]) -> None:
    ladder = Ladder(market("A"))
    sides: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for is_bid, price, size in sent:
        books.apply_level(ladder, is_bid, price, size)
        sides[is_bid][price] = size
        kept = {side: {p: s for p, s in levels.items() if s} for side, levels in sides.items()}
        assert (ladder.bids, ladder.asks) == (kept[True], kept[False])
        assert ladder.best_bid == max(kept[True], default=0)
        assert ladder.best_ask == min(kept[False], default=ONE)


@given(changes)
def test_a_fold_of_levels_is_the_snapshot_of_what_they_leave(
    sent: list[tuple[bool, int, int]],
) -> None:
    folded, replaced = Ladder(market("A")), Ladder(market("A"))
    for change in sent:
        books.apply_level(folded, *change)
    depth = books.depth_of(folded)
    snapshot = book("A", 0)
    books.replace(
        replaced,
        type(snapshot)(
            condition_id=snapshot.condition_id,
            outcome=Outcome.YES,
            bids=depth.bids,
            asks=depth.asks,
            venue_time_ns=0,
            receive_time_ns=0,
        ),
    )
    assert books.depth_of(replaced) == depth
    assert (replaced.best_bid, replaced.best_ask) == (folded.best_bid, folded.best_ask)


def test_depth_is_sorted_best_first() -> None:
    depth = books.depth_of(ladder_of(bids=[(40, 1), (42, 2), (41, 3)], asks=[(50, 1), (45, 2)]))
    assert [price for price, _ in depth.bids] == [420_000, 410_000, 400_000]
    assert [price for price, _ in depth.asks] == [450_000, 500_000]


def test_removing_a_level_that_is_not_there_changes_nothing() -> None:
    ladder = ladder_of(bids=[(40, 1)], asks=[(45, 1)])
    before = books.depth_of(ladder)
    books.apply_level(ladder, True, 390_000, 0)
    books.apply_level(ladder, False, 460_000, 0)
    assert books.depth_of(ladder) == before


@pytest.mark.parametrize(
    ("bids", "asks", "wire", "fault"),
    [
        ([(40, 1)], [(45, 1)], None, None),
        ([], [], None, None),
        ([(40, 1)], [(40, 1)], None, BookFault.CROSSED_BOOK),
        ([(41, 1)], [(40, 1)], None, BookFault.CROSSED_BOOK),
        ([(40, 1)], [(45, 1)], (400_000, 450_000), None),
        ([(40, 1)], [(45, 1)], (390_000, 450_000), BookFault.TOP_MISMATCH),
        ([(40, 1)], [(45, 1)], (400_000, 440_000), BookFault.TOP_MISMATCH),
        ([(40, 1)], [(45, 1)], (UNKNOWN_PRICE, 450_000), None),
        ([], [(45, 1)], (0, 450_000), None),
        ([(40, 1)], [], (400_000, ONE), None),
        ([], [(45, 1)], (10_000, 450_000), BookFault.TOP_MISMATCH),
    ],
)
def test_a_book_is_judged_by_its_own_top_and_by_the_feeds(
    bids: list[tuple[float, float]],
    asks: list[tuple[float, float]],
    wire: tuple[int, int] | None,
    fault: BookFault | None,
) -> None:
    ladder = ladder_of(bids=bids, asks=asks)
    if wire is not None:
        ladder.wire_bid, ladder.wire_ask = wire
    assert books.fault_of(ladder) is fault


def test_every_fault_has_a_status_that_is_not_live() -> None:
    assert set(books.FAULT_STATUS) == set(BookFault)
    assert BookStatus.LIVE not in books.FAULT_STATUS.values()


def test_a_price_off_the_tick_is_noticed_in_levels_and_snapshots() -> None:
    ladder = ladder_of(bids=[(40, 1)])
    assert not ladder.is_off_tick
    books.apply_level(ladder, True, 405_000, MICRO)
    assert ladder.is_off_tick
    assert ladder_of(asks=[(40.5, 1)]).is_off_tick


def test_a_new_tick_begins_an_epoch_and_looks_at_every_level_again() -> None:
    ladder = ladder_of(bids=[(40.5, 1)])
    books.set_tick(ladder, 1_000)
    assert (ladder.tick, ladder.epoch, ladder.is_off_tick) == (1_000, 1, False)
    books.set_tick(ladder, 10_000)
    assert (ladder.epoch, ladder.is_off_tick) == (2, True)


def test_without_a_known_tick_no_price_is_off_it() -> None:
    ladder = Ladder(market("A", tick=None))
    books.replace(ladder, book("A", 0, bids=[(40.55, 1)]))
    books.apply_level(ladder, True, 123_400, MICRO)
    assert not ladder.is_off_tick


def test_a_snapshot_takes_the_place_of_everything_known() -> None:
    ladder = ladder_of(bids=[(40.5, 1)])
    ladder.wire_bid = 123
    books.replace(ladder, book("A", 1, asks=[(45, 1)], outcome=Outcome.NO))
    assert (ladder.bids, ladder.asks) == ({}, {450_000: MICRO})
    assert (ladder.best_bid, ladder.best_ask, ladder.wire_bid) == (0, 450_000, UNKNOWN_PRICE)
    assert ladder.status is BookStatus.LIVE
    assert not ladder.is_off_tick


def test_an_older_snapshot_is_late_unless_nothing_is_held() -> None:
    ladder = ladder_of(bids=[(40, 1)])
    assert books.is_late(ladder, book("A", -1))
    assert not books.is_late(ladder, book("A", 0))
    ladder.status = BookStatus.EMPTY
    assert not books.is_late(ladder, book("A", -1))


def test_the_mirror_is_compared_only_with_the_sister_of_the_same_moment() -> None:
    ladder = ladder_of(bids=[(40, 1)], asks=[(45, 1)])
    other = book("A", 0, bids=[(40, 1)], asks=[(46, 1)], outcome=Outcome.NO)
    assert books.breaks_mirror(ladder, other)
    same = book("A", 0, bids=[(40, 1)], asks=[(45, 1)], outcome=Outcome.NO)
    assert not books.breaks_mirror(ladder, same)
    assert not books.breaks_mirror(ladder, book("A", 0, bids=[(40, 2)], asks=[(45, 1)]))
    assert not books.breaks_mirror(ladder, book("A", 1, asks=[(46, 1)], outcome=Outcome.NO))
    ladder.status = BookStatus.GAPPED
    assert not books.breaks_mirror(ladder, other)


def test_either_side_breaks_the_mirror() -> None:
    ladder = ladder_of(bids=[(40, 1)], asks=[(45, 1)])
    bids_differ = book("A", 0, bids=[(39, 1)], asks=[(45, 1)], outcome=Outcome.NO)
    assert books.breaks_mirror(ladder, bids_differ)
