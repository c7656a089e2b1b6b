"""One book a market: who meets whom, in which order, at what price and for how much."""

from collections.abc import Sequence

import pytest
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.order import TimeInForce
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32
from polyarb.venue.sandbox.terms.orders import (
    OrderState,
    Placement,
    PlacementStatus,
    RefusalReason,
)
from polyarb.venue.sandbox.terms.settings import ExchangeSettings
from polyarb.venue.sandbox.terms.trades import Fill, Match
from tests.exchange_cases import ANNA, BERT, CARA, NO, Trading, accepted, refusal

FEE = FeeSchedule(rate=700)


def money(fills: Sequence[Fill]) -> list[tuple[str, int, int]]:
    """Return who gives and gets how much."""
    return [(fill.maker, fill.given, fill.got) for fill in fills]


def only_match(trading: Trading) -> Match:
    (match,) = trading.exchange.take_matches()
    return match


def test_the_no_book_is_the_mirror_of_the_yes_book() -> None:
    trading = Trading()
    trading.rest(ANNA, "BUY YES 10 @ 0.40")
    trading.rest(BERT, "BUY NO 20 @ 0.45")
    trading.rest(CARA, "SELL NO 30 @ 0.62")
    trading.rest(ANNA, "SELL YES 5 @ 0.55")
    assert trading.bids() == ((380_000, 30 * MICRO), (400_000, 10 * MICRO))
    assert trading.asks() == ((550_000, 25 * MICRO),)
    assert trading.bids(NO) == ((450_000, 25 * MICRO),)
    assert trading.asks(NO) == ((620_000, 30 * MICRO), (600_000, 10 * MICRO))


@pytest.mark.parametrize(
    ("maker", "taker", "given_and_got"),
    [
        ("SELL YES 10 @ 0.40", "BUY YES 10 @ 0.45", [(4, 10), (10, 4)]),
        ("BUY YES 10 @ 0.40", "SELL YES 10 @ 0.35", [(10, 4), (4, 10)]),
        ("BUY NO 10 @ 0.40", "BUY YES 10 @ 0.65", [(6, 10), (4, 10)]),
        ("BUY YES 10 @ 0.40", "BUY NO 10 @ 0.65", [(6, 10), (4, 10)]),
        ("SELL NO 10 @ 0.40", "SELL YES 10 @ 0.55", [(10, 6), (10, 4)]),
        ("SELL YES 10 @ 0.40", "SELL NO 10 @ 0.55", [(10, 6), (10, 4)]),
        ("BUY NO 10 @ 0.40", "SELL NO 10 @ 0.30", [(10, 4), (4, 10)]),
    ],
    ids=["buy", "sell", "mint yes", "mint no", "merge yes", "merge no", "sell no"],
)
def test_makers_trade_at_their_price_and_takers_gain(
    maker: str, taker: str, given_and_got: list[tuple[int, int]]
) -> None:
    trading = Trading()
    trading.rest(ANNA, maker)
    answer = accepted(trading.place(BERT, taker))
    match = only_match(trading)
    expected = [(given * MICRO, got * MICRO) for given, got in given_and_got]
    assert money((match.taker, *match.makers)) == [
        (account, *pair) for account, pair in zip((BERT, ANNA), expected, strict=True)
    ]
    assert answer == Placement(
        order_id=match.taker.order_id,
        status=PlacementStatus.MATCHED,
        making=expected[0][0],
        taking=expected[0][1],
        trade_ids=(match.trade_id,),
    )
    assert trading.bids() == trading.asks() == ()


def test_a_fill_says_in_its_own_terms_what_happened() -> None:
    trading = Trading(fee=FEE)
    trading.rest(ANNA, "BUY NO 10 @ 0.40")
    trading.place(BERT, "BUY YES 6 @ 0.70")
    match = only_match(trading)
    taker, (maker,) = match.taker, match.makers
    assert (taker.outcome, taker.price, taker.side, taker.owner) == ("Yes", 600_000, "BUY", "key-b")
    assert (maker.outcome, maker.price, maker.side, maker.owner) == ("No", 400_000, "BUY", "key-a")
    assert (taker.fee, maker.fee) == (100_800, 0)
    assert taker.builder == maker.metadata == ZERO_BYTES32
    assert not match.is_neg_risk


@pytest.mark.parametrize("outsider", ["SELL YES 10 @ 0.51", "BUY NO 10 @ 0.49"])
def test_the_best_price_comes_first_then_the_oldest(outsider: str) -> None:
    trading = Trading()
    worse = trading.rest(ANNA, outsider)
    first = trading.rest(CARA, "BUY NO 10 @ 0.50")
    second = trading.rest(ANNA, "SELL YES 10 @ 0.50")
    accepted(trading.place(BERT, "BUY YES 25 @ 0.60"))
    makers = [fill.order_id for match in trading.exchange.take_matches() for fill in match.makers]
    assert makers == [first, second, worse]
    record = trading.exchange.order(worse)
    assert record
    assert record.shares_matched == 5 * MICRO


def test_a_reposted_order_stands_at_the_end_of_its_level() -> None:
    trading = Trading()
    first = trading.rest(ANNA, "SELL YES 10 @ 0.50")
    second = trading.rest(CARA, "SELL YES 10 @ 0.50")
    trading.exchange.cancel((first,), "key-a")
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    trading.place(BERT, "BUY YES 10 @ 0.50")
    assert only_match(trading).makers[0].order_id == second


def test_a_marketable_limit_order_targets_shares_and_its_rest_rests() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.40")
    answer = accepted(trading.place(BERT, "BUY YES 25 @ 0.45"))
    assert (answer.status, answer.making, answer.taking) == ("matched", 4 * MICRO, 10 * MICRO)
    assert trading.bids() == ((450_000, 15 * MICRO),)
    record = trading.exchange.order(answer.order_id)
    assert record
    assert (record.state, record.shares, record.shares_matched) == (
        OrderState.LIVE,
        25 * MICRO,
        10 * MICRO,
    )
    assert trading.exchange.free(BERT, None) == (1_000 - 4) * MICRO - 15 * 450_000


def test_a_market_buy_spends_its_collateral_and_gets_more_at_a_better_price() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 100 @ 0.40")
    answer = accepted(trading.take(BERT, "BUY YES $10 @ 0.50", TimeInForce.FOK))
    assert (answer.making, answer.taking) == (10 * MICRO, 25 * MICRO)
    record = trading.exchange.order(answer.order_id)
    assert record
    assert (record.shares, record.shares_matched) == (20 * MICRO, 25 * MICRO)


def test_a_market_buy_leaves_at_most_a_micro() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 100 @ 0.57")
    answer = accepted(trading.take(BERT, "BUY YES $10 @ 0.57", TimeInForce.FOK))
    assert (answer.making, answer.taking) == (9_999_999, 17_543_859)
    assert trading.asks() == ((570_000, 82_456_141),)


def test_a_market_sell_gives_its_shares() -> None:
    trading = Trading()
    trading.rest(ANNA, "BUY YES 7 @ 0.50")
    trading.rest(ANNA, "BUY YES 7 @ 0.40")
    answer = accepted(trading.take(BERT, "SELL YES 10 @ 0.30", TimeInForce.FOK))
    assert (answer.making, answer.taking) == (10 * MICRO, 4_700_000)
    assert trading.bids() == ((400_000, 4 * MICRO),)


def test_what_a_fak_does_not_get_is_killed() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.40")
    answer = accepted(trading.take(BERT, "BUY YES $10 @ 0.50"))
    assert (answer.status, answer.making, answer.taking) == ("matched", 4 * MICRO, 10 * MICRO)
    assert trading.bids() == trading.asks() == ()
    record = trading.exchange.order(answer.order_id)
    assert record
    assert record.state is OrderState.MATCHED
    assert trading.exchange.free(BERT, None) == 996 * MICRO


def test_a_fok_takes_all_or_nothing() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.40")
    answer = refusal(trading.take(BERT, "BUY YES $4.01 @ 0.50", TimeInForce.FOK))
    assert answer.reason is RefusalReason.FOK_NOT_FILLED
    assert accepted(trading.take(BERT, "BUY YES $4 @ 0.50", TimeInForce.FOK)).taking == 10 * MICRO


def test_a_level_is_a_trade_and_many_makers_are_split_into_buckets() -> None:
    trading = Trading(settings=ExchangeSettings(makers_per_trade_max=2), fee=FEE)
    for _ in range(3):
        trading.rest(ANNA, "SELL YES 10 @ 0.40")
    trading.rest(ANNA, "SELL YES 10 @ 0.41")
    answer = accepted(trading.place(BERT, "BUY YES 40 @ 0.50"))
    matches = trading.exchange.take_matches()
    assert tuple(match.trade_id for match in matches) == answer.trade_ids
    assert [
        (match.bucket_index, match.taker.price, match.taker.shares, len(match.makers))
        for match in matches
    ] == [(0, 400_000, 20 * MICRO, 2), (1, 400_000, 10 * MICRO, 1), (2, 410_000, 10 * MICRO, 1)]
    assert [match.taker.fee for match in matches] == [336_000, 168_000, 169_330]
    assert len({match.trade_id for match in matches}) == 3
    assert all(len(match.trade_id) == 36 for match in matches)


def test_the_fee_of_a_dust_trade_is_nothing() -> None:
    trading = Trading(fee=FEE)
    trading.rest(ANNA, "BUY YES 5 @ 0.01")
    accepted(trading.take(BERT, "SELL YES 0.01 @ 0.01"))
    assert only_match(trading).taker.fee == 0
    accepted(trading.take(BERT, "SELL YES 0.02 @ 0.01"))
    assert only_match(trading).taker.fee == 10


def test_parts_of_a_mint_are_one_set_and_the_taker_pays_the_odd_micro() -> None:
    trading = Trading()
    trading.rest(ANNA, "BUY NO 100 @ 0.43")
    accepted(trading.take(BERT, "BUY YES $10 @ 0.57"))
    match = only_match(trading)
    assert money((match.taker, *match.makers)) == [
        (BERT, 10 * MICRO, 17_543_859),
        (ANNA, 7_543_859, 17_543_859),
    ]
    accepted(trading.place(BERT, "BUY YES 100 @ 0.57"))
    match = only_match(trading)
    assert money((match.taker, *match.makers)) == [
        (BERT, 47_000_001, 82_456_141),
        (ANNA, 35_456_140, 82_456_141),
    ]


def test_parts_of_a_merge_are_one_set_and_the_taker_gets_the_odd_micro() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL NO 100 @ 0.43")
    accepted(trading.take(CARA, "BUY NO $10 @ 0.43"))
    accepted(trading.place(BERT, "SELL YES 100 @ 0.57"))
    match = trading.exchange.take_matches()[-1]
    assert money((match.taker, *match.makers)) == [
        (BERT, 76_744_187, 43_744_187),
        (ANNA, 76_744_187, 33_000_000),
    ]


def test_a_buy_never_gives_more_than_it_signed_and_ends_a_micro_share_short() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 100 @ 0.57")
    trading.take(CARA, "BUY YES $10 @ 0.57")
    trading.place(CARA, "BUY YES 100 @ 0.57")
    trading.place(ANNA, "BUY NO 100 @ 0.50")
    trading.rest(ANNA, "BUY NO 100 @ 0.50")
    assert trading.asks() == ((500_000, 182_456_141),)
    answer = accepted(trading.place(BERT, "BUY YES 100 @ 0.50"))
    assert (answer.making, answer.taking) == (50 * MICRO, 99_999_999)
    record = trading.exchange.order(answer.order_id)
    assert record
    assert record.state is OrderState.MATCHED
    assert trading.exchange.free(BERT, None) == 950 * MICRO


def test_an_account_may_trade_with_itself() -> None:
    trading = Trading()
    trading.rest(ANNA, "SELL YES 10 @ 0.50")
    assert accepted(trading.place(ANNA, "BUY YES 10 @ 0.50")).taking == 10 * MICRO
