"""One order against one book."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId
from polyarb.domain.plan import Family, Level, Outcome, Side
from polyarb.domain.units import MICRO, parse_micros
from polyarb.venue.shadow.consumption import Taker
from polyarb.venue.shadow.fakes import FakeBooks
from polyarb.venue.shadow.matching import (
    Counterparty,
    Fill,
    KillReason,
    Taking,
    is_below_minimum,
    settle_price,
    taking_of,
)
from shadow_cases import BUY, NO, SELL, YES, catalogue, levels, market, place

A = ConditionId("A")
BIDS = levels("0.40x30", "0.38x50", "0.30x100")
ASKS = levels("0.42x20", "0.45x60")


def counterparty(rate: int = 0) -> tuple[Counterparty, FakeBooks]:
    books = FakeBooks()
    books.replace(A, bids=BIDS, asks=ASKS)
    return Counterparty(books, catalogue(market("A", rate))), books


def taking(side: Side, outcome: Outcome, limit: str, shares: str) -> Taking:
    (order,) = place(Family.BINARY, shares, [("A", side, outcome, limit, shares)]).orders
    return taking_of(order)


@pytest.mark.parametrize(
    ("side", "outcome", "limit", "expected"),
    [
        (BUY, YES, "0.42", levels("0.42x20")),
        (BUY, YES, "0.45", levels("0.42x20", "0.45x20")),
        (SELL, YES, "0.38", levels("0.40x30", "0.38x10")),
        (BUY, NO, "0.60", levels("0.40x30")),
        (BUY, NO, "0.62", levels("0.40x30", "0.38x10")),
        (SELL, NO, "0.58", levels("0.42x20")),
        (SELL, NO, "0", levels("0.42x20", "0.45x20")),
    ],
)
def test_an_order_takes_its_side_best_first_up_to_its_limit(
    side: Side, outcome: Outcome, limit: str, expected: tuple[Level, ...]
) -> None:
    party, _ = counterparty()
    assert party.take(Taker.ORDERS, taking(side, outcome, limit, "40")).takes == expected


def test_buying_no_pays_one_less_the_bid_and_selling_it_brings_one_less_the_ask() -> None:
    party, _ = counterparty()
    bought = party.take(Taker.ORDERS, taking(BUY, NO, "0.62", "40"))
    assert bought.notional == parse_micros("24.2")
    assert bought.cash == -parse_micros("24.2")
    sold = party.take(Taker.ORDERS, taking(SELL, NO, "0", "40"))
    assert sold.cash == parse_micros("22.6")


def test_every_level_is_charged_its_own_fee_rounded_down_to_five_decimals() -> None:
    party, _ = counterparty(rate=700)
    fill = party.take(Taker.ORDERS, taking(BUY, YES, "0.45", "30.01"))
    # .07 x 20 x .42 x .58 = .34104 and .07 x 10.01 x .45 x .55 = .1734232...
    assert fill.fee == parse_micros("0.34104") + parse_micros("0.17342")
    assert fill.cash == -fill.notional - fill.fee


def test_notional_is_rounded_once_an_order_and_against_us() -> None:
    takes = ((parse_micros("0.0001"), 1), (parse_micros("0.0002"), 1))
    free = FeeSchedule(rate=0)
    assert settle_price(taking(BUY, YES, "1", "1"), takes, free).notional == 1
    assert settle_price(taking(SELL, YES, "0", "1"), takes, free).notional == 0


@pytest.mark.parametrize(
    ("limit", "shares", "reason"),
    [
        ("0.41", "10", KillReason.PRICE_MOVED),
        ("0.42", "21", KillReason.NO_DEPTH),
        ("0.45", "81", KillReason.NO_DEPTH),
        ("0.45", "80", None),
    ],
)
def test_a_rest_says_why_it_was_not_matched(
    limit: str, shares: str, reason: KillReason | None
) -> None:
    party, _ = counterparty()
    assert party.take(Taker.ORDERS, taking(BUY, YES, limit, shares)).reason is reason


def test_an_empty_side_has_no_depth_and_a_lost_book_is_not_live() -> None:
    party, books = counterparty()
    books.replace(A, bids=BIDS)
    wish = taking(BUY, YES, "0.45", "10")
    assert party.take(Taker.ORDERS, wish).reason is KillReason.NO_DEPTH
    books.lose(A)
    assert party.take(Taker.ORDERS, wish) == Fill(reason=KillReason.BOOK_NOT_LIVE)
    assert not party.is_live(A)


def test_what_one_taker_had_is_gone_for_it_and_there_for_the_others() -> None:
    party, _ = counterparty()
    wish = taking(BUY, YES, "0.42", "15")
    assert party.take(Taker.ORDERS, wish).shares == wish.shares
    again = party.take(Taker.ORDERS, wish)
    assert again.shares == parse_micros("5")
    assert again.reason is KillReason.ALREADY_TAKEN
    assert party.take(Taker.T2, wish).shares == wish.shares


def test_a_no_order_and_a_yes_order_share_the_one_bid() -> None:
    party, _ = counterparty()
    assert party.take(Taker.T2, taking(BUY, NO, "0.60", "20")).shares == parse_micros("20")
    assert party.take(Taker.T2, taking(SELL, YES, "0.40", "20")).shares == parse_micros("10")


def test_a_ceiling_limits_every_level() -> None:
    party, _ = counterparty()
    ceiling = Fill(takes=levels("0.42x5", "0.45x10"))
    fill = party.take(Taker.T3, taking(BUY, YES, "0.45", "40"), ceiling)
    assert fill.takes == ceiling.takes


def test_only_the_order_is_held_against_the_venues_minimum() -> None:
    asked = market("A", size_min="5")
    rows = {
        ("0.25", "4.99"): True,
        ("0.25", "5"): False,
        ("0.19", "5"): True,
        ("0.20", "5"): False,
    }
    for (limit, shares), expected in rows.items():
        (bought,) = place(Family.BINARY, shares, [("A", BUY, YES, limit, shares)]).orders
        assert is_below_minimum(bought, asked) is expected
    (sold,) = place(Family.BINARY, "5", [("A", SELL, YES, "0.01", "5")]).orders
    assert not is_below_minimum(sold, asked)
    (free,) = place(Family.BINARY, "5", [("A", BUY, YES, "0.5", "5")]).orders
    assert not is_below_minimum(free, market("A"))


PRICES = st.integers(1, 99).map(lambda cents: cents * 10_000)
SIZES = st.integers(1, 300_000_000)
SIDES = st.dictionaries(PRICES, SIZES, max_size=6)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    bids=SIDES,
    asks=SIDES,
    side=st.sampled_from(Side),
    outcome=st.sampled_from(Outcome),
    limit=PRICES,
    shares=SIZES,
    rate=st.sampled_from([0, 400, 700]),
)
def test_a_fill_is_what_sorting_the_own_tokens_book_would_give(
    *,
    bids: dict[int, int],
    asks: dict[int, int],
    side: Side,
    outcome: Outcome,
    limit: int,
    shares: int,
    rate: int,
) -> None:
    books = FakeBooks()
    books.replace(A, bids=tuple(bids.items()), asks=tuple(asks.items()))
    wish = Taking(condition_id=A, outcome=outcome, side=side, price_limit=limit, shares=shares)
    fill = Counterparty(books, catalogue(market("A", rate))).take(Taker.T1, wish)
    if outcome is YES:
        own = asks if side is BUY else bids
    else:
        own = {MICRO - price: size for price, size in (bids if side is BUY else asks).items()}
    wanted, money, fee = shares, Fraction(0), Fraction(0)
    for price in sorted(own, reverse=side is SELL):
        if (price <= limit) if side is BUY else (price >= limit):
            taken = min(wanted, own[price])
            wanted -= taken
            p, n = Fraction(price, MICRO), Fraction(taken, MICRO)
            money += p * n
            fee += Fraction(int(Fraction(rate, 10_000) * p * (1 - p) * n * 100_000), 100_000)
    assert fill.shares == shares - wanted
    assert Fraction(fill.fee, MICRO) == fee
    rounded = -(-money * MICRO // 1) if side is BUY else money * MICRO // 1
    assert fill.notional == rounded
    assert (fill.reason is None) is (wanted == 0)
    if fill.shares:
        bound = Fraction(limit * fill.shares, MICRO * MICRO)
        assert money <= bound if side is BUY else money >= bound
