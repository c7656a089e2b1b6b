"""What is dropped leaves the same book; what is not certain puts it in doubt."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.venue.polymarket.arbitration.peeking import Change, Message, Pair
from polyarb.venue.polymarket.arbitration.sequencer import (
    DROPPED,
    RECENT_MAX,
    STAMPS_MAX,
    Sequence,
    Verdict,
)
from polyarb.venue.polymarket.channel.wire import Level

T = 1_800_000_000_000
SISTERS = {"YES": "NO", "NO": "YES"}


def pair(
    at: int,
    price: int = 30,
    size: int = 5,
    *,
    is_bid: bool = True,
    top: tuple[int, int] | None = None,
    told_hash: str = "",
) -> Pair:
    bid, ask = (None, None) if top is None else (f"0.{top[0]:02d}", f"0.{top[1]:02d}")
    side, other = ("BUY", "SELL") if is_bid else ("SELL", "BUY")
    first = Change("YES", f"0.{price:02d}", str(size), side, bid, ask, told_hash)  # type: ignore[arg-type]
    second = Change("NO", f"0.{100 - price:02d}", str(size), other)  # type: ignore[arg-type]
    return Pair("price_change", (first, second), T + at)


def book(at: int, token: str = "YES", told_hash: str = "h", size: str = "5") -> Message:
    levels = [Level("0.40" if token == "YES" else "0.60", size)]
    bids, asks = (levels, []) if token == "YES" else ([], levels)
    return Message("book", T + at, token, hash=told_hash, bids=bids, asks=asks)


def begun(*messages: Pair | Message) -> Sequence:
    sequence = Sequence(SISTERS)
    for message in messages:
        assert take(sequence, message) is Verdict.IN_ORDER
    return sequence


def take(sequence: Sequence, message: Pair | Message) -> Verdict:
    return sequence.take_pair(message) if isinstance(message, Pair) else sequence.take(message)


@pytest.mark.parametrize(
    ("told", "next_", "verdict"),
    [
        ([pair(0)], pair(1), Verdict.IN_ORDER),
        ([pair(0)], pair(0, 31), Verdict.IN_ORDER),
        ([pair(0)], pair(0), Verdict.REPEATED),
        ([pair(0), pair(5, 31)], pair(0), Verdict.REPEATED),
        ([pair(0), pair(0, size=6)], pair(0), Verdict.REVISITED),
        ([pair(0), pair(0, size=6), pair(1, size=7)], pair(0), Verdict.SUPERSEDED),
        ([pair(9)], pair(5, size=6), Verdict.SUPERSEDED),
        ([pair(9)], pair(5, 31), Verdict.LATE),
        ([pair(9)], pair(5, is_bid=False), Verdict.LATE),
        ([pair(100)], pair(0, 31), Verdict.LATE),
        ([pair(101)], pair(0, 31), Verdict.LONG_LATE),
        ([book(9), book(9, "NO")], pair(5), Verdict.SUPERSEDED),
        ([book(9)], pair(5), Verdict.LATE),
        ([book(5), book(5, "NO"), pair(9, 31)], pair(5), Verdict.LATE),
        ([book(0)], book(0), Verdict.REPEATED),
        ([book(0), pair(0)], book(0), Verdict.REVISITED),
        ([book(0), pair(1)], book(0), Verdict.REPEATED),
        ([book(0), pair(5)], book(3, told_hash="other"), Verdict.LATE),
        ([book(0), book(7, told_hash="new")], book(3, told_hash="other"), Verdict.SUPERSEDED),
        ([book(0, told_hash="")], book(0, told_hash="", size="6"), Verdict.IN_ORDER),
        ([book(0)], book(0, "NO", size="6"), Verdict.UNMIRRORED),
        ([book(0)], book(0, "NO"), Verdict.IN_ORDER),
    ],
)
def test_a_message_is_judged_by_what_was_told_before(
    told: list[Pair | Message], next_: Pair | Message, verdict: Verdict
) -> None:
    assert take(begun(*told), next_) is verdict


@pytest.mark.parametrize(
    ("change", "is_continued"),
    [
        (pair(1, 45, top=(45, 60)), True),
        (pair(1, 45, top=(40, 60)), False),
        (pair(1, 30, top=(41, 60)), False),
        (pair(1, 30, top=(40, 59)), False),
        (pair(1, 40, 0, top=(39, 60)), True),
        (pair(1, 40, 0, top=(40, 60)), False),
        (pair(1, 39, 0, top=(40, 60)), True),
        (pair(1, 39, 0, top=(38, 60)), False),
        (pair(1, 55, is_bid=False, top=(40, 55)), True),
        (pair(1, 55, is_bid=False, top=(40, 60)), False),
        (pair(1, 60, 0, is_bid=False, top=(40, 61)), True),
        (pair(1, 60, 0, is_bid=False, top=(40, 60)), False),
        (pair(0, 45, top=(40, 60)), True),
    ],
)
def test_a_top_that_cannot_come_of_the_one_before_and_the_change_is_seen(
    change: Pair, is_continued: bool
) -> None:
    sequence = begun(pair(0, 30, top=(40, 60)))
    assert (sequence.take_pair(change) is Verdict.IN_ORDER) is is_continued


def test_a_top_after_a_book_or_from_the_other_token_is_taken_as_it_is() -> None:
    sequence = begun(pair(0, 30, top=(40, 60)), book(1), pair(2, 30, top=(50, 70)))
    assert sequence.take_pair(pair(3, 31, top=(50, 70))) is Verdict.IN_ORDER


@pytest.mark.parametrize("seed", range(30))
def test_dropping_what_may_be_dropped_leaves_the_book_in_order_of_venue_time(seed: int) -> None:
    """A shuffled stream with repeats: either in doubt somewhere, or the same book in the end."""
    random = Random(seed)
    for _ in range(40):
        truth = [pair(at, random.randint(30, 32), random.randint(1, 3)) for at in range(8)]
        order = sorted(range(8), key=lambda place: place + random.choice((0, 0, 0, 2)))
        heard = [truth[place] for place in order for _ in range(random.choice((1, 1, 2)))]
        sequence, folded, is_sure = Sequence(SISTERS), {}, True
        for message in heard:
            verdict = sequence.take_pair(message)
            if verdict is Verdict.IN_ORDER:
                folded[message.price_changes[0].price] = message.price_changes[0].size
            is_sure = is_sure and (verdict is Verdict.IN_ORDER or verdict in DROPPED)
        if is_sure:
            assert folded == {
                one.price_changes[0].price: one.price_changes[0].size for one in truth
            }


def test_what_is_remembered_is_bounded() -> None:
    sequence = Sequence(SISTERS)
    for at in range(1_000):
        sequence.take_pair(pair(at))
    assert len(sequence.recent) == RECENT_MAX
    assert len(sequence.stamps) == STAMPS_MAX


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(30, 32), st.integers(5, 7), st.integers(1, 3)),
        max_size=120,
    )
)
def test_a_hash_saves_comparisons_and_changes_no_verdict(
    told: list[tuple[int, int, int, int]],
) -> None:
    bare, hashed = begun(), begun()
    at = 0
    for step, price, size, times in told:
        at += step
        for _ in range(times):
            one = pair(at, price, size)
            two = pair(at, price, size, told_hash=f"{at}{price}{size}"[-3:])
            assert hashed.take_pair(two) is bare.take_pair(one)
    assert len(hashed._hashes) <= 4 * RECENT_MAX + 1


def test_changes_of_one_hash_are_compared_all_the_same() -> None:
    sequence = begun(pair(0, 30, told_hash="h"), pair(0, 31, told_hash="h"))
    assert sequence.take_pair(pair(0, 30, told_hash="h")) is Verdict.REPEATED


def test_many_changes_of_one_time_are_remembered_within_bounds() -> None:
    sequence = begun(*(pair(0, told_hash=f"h{n}", size=n + 1) for n in range(500)))
    assert len(sequence._hashes) <= 4 * RECENT_MAX + 1
    last = pair(0, told_hash="h499", size=500)
    assert sequence.take_pair(last) is Verdict.REPEATED
