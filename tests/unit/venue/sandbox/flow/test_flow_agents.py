"""What each kind of agent does, seen in the books and trades of a small sandbox."""

from collections import Counter

import msgspec
import pytest
from flow_cases import (
    GROUP,
    LADDER,
    NESTED,
    PLAIN,
    SEED,
    WATCHFUL,
    Listener,
    event,
    founded,
    played,
    scenario,
)
from polyarb.domain.fees import NO_FEE, FeeSchedule
from polyarb.domain.order import TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, ONE
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.sandbox.flow.accounts import wallet_of
from polyarb.venue.sandbox.flow.desk import Desk, Quote
from polyarb.venue.sandbox.flow.founding import Founded
from polyarb.venue.sandbox.flow.rivals import group_window, nested_window
from polyarb.venue.sandbox.flow.scenario import (
    Crowd,
    MakerTerms,
    NewsTerms,
    RivalTerms,
    TakerTerms,
)
from polyarb.venue.sandbox.flow.takers import affordable
from polyarb.venue.sandbox.flow.tops import Top, Tops
from polyarb.venue.sandbox.terms.announcements import OrderChanged, Printed, TradeChanged
from polyarb.venue.sandbox.terms.orders import BookLevels
from polyarb.venue.sandbox.terms.trades import Match

NOBODY, NOTHING = TakerTerms(), NewsTerms()
STILL = Crowd(name="crowd", makers=LADDER)


def still(
    makers: MakerTerms = LADDER, takers: TakerTerms = NOBODY, news: NewsTerms = NOTHING
) -> Crowd:
    return Crowd(name="crowd", makers=makers, takers=takers, news=news)


def book(sandbox: Founded, at: int = 0) -> BookLevels:
    found = sandbox.world.exchange.book(sandbox.listing.markets[at].yes)
    assert found is not None
    return found


def top(sandbox: Founded, at: int = 0) -> tuple[int, int]:
    levels = book(sandbox, at)
    return levels.bids[-1][0], levels.asks[-1][0]


def take(sandbox: Founded, *, is_bid: bool, price: int, shares: int, at: int = 0) -> None:
    """Take from a book as somebody from outside would."""
    account = sandbox.accounts[0]
    desk = Desk(sandbox.world, 99)
    wallet = wallet_of(99, "outsider")
    sandbox.world.chain.found(wallet.address, pusd=10**6 * MICRO, is_approved=True)
    market = sandbox.listing.markets[at]
    sandbox.world.chain.endow(wallet.address, market.condition_id, 10**6 * MICRO)
    assert account.address != wallet.address
    quote = Quote(is_bid=is_bid, price=price, shares=shares, is_of_no=is_bid)
    desk.take(wallet, market, quote)


def matches(listener: Listener) -> list[Match]:
    return [
        told.trade.match
        for told in listener.told
        if isinstance(told, TradeChanged) and told.trade.status is TradeStatus.MATCHED
    ]


# Makers


def test_a_ladder_that_nobody_refills_stays_as_it_was_left() -> None:
    sandbox = founded(scenario(PLAIN, crowd=STILL))
    before = book(sandbox)
    take(sandbox, is_bid=True, price=before.asks[-1][0], shares=before.asks[-1][1])
    played(sandbox, 3_600)
    after = book(sandbox)
    assert after.asks == before.asks[:-1] and after.bids == before.bids


def test_a_taken_level_is_refilled_after_a_while_and_not_at_once() -> None:
    sandbox = founded(
        scenario(PLAIN, crowd=still(msgspec.structs.replace(LADDER, refill_ms=5_000, fade=0)))
    )
    before = book(sandbox)
    take(sandbox, is_bid=False, price=before.bids[-1][0], shares=before.bids[-1][1])
    assert book(sandbox).bids == before.bids[:-1]
    played(sandbox, 0.001)
    assert book(sandbox).bids == before.bids[:-1]
    played(sandbox, 60)
    assert [price for price, _ in book(sandbox).bids] == [price for price, _ in before.bids]


def test_a_full_store_moves_the_quotes_away_from_the_flow() -> None:
    makers = msgspec.structs.replace(
        LADDER, refill_ms=500, inventory_max=100 * MICRO, fade=30_000, size=200 * MICRO
    )
    sandbox = founded(scenario(PLAIN, crowd=still(makers)))
    before = top(sandbox)
    best = book(sandbox).bids[-1]
    take(sandbox, is_bid=False, price=best[0], shares=best[1])
    played(sandbox, 30)
    bid, ask = top(sandbox)
    assert bid < before[0] and ask < before[1]


def test_makers_look_at_their_quotes_when_they_said_they_would() -> None:
    sandbox = founded(
        scenario(PLAIN, crowd=still(msgspec.structs.replace(LADDER, review_s=60, stray=30_000)))
    )
    listener = played(sandbox, 3_600)
    placed = [told for told in listener.told if isinstance(told, OrderChanged)]
    assert len(placed) > 40
    assert len({told.at_ns for told in placed}) > 20


def test_makers_follow_news_after_their_reaction_time() -> None:
    news = NewsTerms(per_day=2_000 * MICRO, jump=200_000)
    makers = msgspec.structs.replace(LADDER, reaction_ms=2_000)
    sandbox = founded(scenario(PLAIN, crowd=still(makers, news=news)))
    before = top(sandbox)
    played(sandbox, 600)
    assert top(sandbox) != before
    deaf = founded(
        scenario(PLAIN, crowd=still(msgspec.structs.replace(LADDER, reaction_ms=0), news=news))
    )
    played(deaf, 600)
    assert top(deaf) == before


def test_a_maker_of_a_closed_market_is_silent() -> None:
    sandbox = founded(scenario(PLAIN, GROUP))
    condition = sandbox.listing.markets[0].condition_id
    sandbox.world.resolve(condition, (ONE, 0))
    listener = played(sandbox, 3_600)
    assert not [
        told
        for told in listener.told
        if isinstance(told, OrderChanged)
        and told.order.condition_id == condition
        and told.step == "PLACEMENT"
    ]


def test_makers_come_back_after_a_restart_of_the_engine_and_leave_nothing_behind() -> None:
    sandbox = founded(scenario(PLAIN, crowd=still(WATCHFUL, news=NewsTerms(per_day=2_000 * MICRO))))
    for _ in range(5):
        sandbox.world.exchange.restart()
        played(sandbox, 600)
        levels = book(sandbox)
        assert 1 <= len(levels.bids) <= WATCHFUL.levels
        assert 1 <= len(levels.asks) <= WATCHFUL.levels


# Takers


def test_noise_trades_as_often_as_asked_on_both_sides_in_both_tokens() -> None:
    crowd = still(
        msgspec.structs.replace(LADDER, refill_ms=100), takers=TakerTerms(per_hour=600 * MICRO)
    )
    sandbox = founded(scenario(PLAIN, crowd=crowd))
    listener = played(sandbox, 3_600)
    takers = [match.taker for match in matches(listener)]
    assert 480 < len(takers) < 720
    assert len({(fill.token_id, fill.side) for fill in takers}) == 4
    assert len({fill.maker for fill in takers}) == 1


def test_informed_takers_take_what_is_quoted_at_the_old_price() -> None:
    news = NewsTerms(per_day=500 * MICRO, jump=150_000, informed=1, informed_ms=500)
    makers = msgspec.structs.replace(LADDER, reaction_ms=60_000, refill_ms=60_000)
    listener = played(founded(scenario(PLAIN, crowd=still(makers, news=news))), 3_600)
    assert matches(listener)
    uninformed = NewsTerms(per_day=500 * MICRO, jump=150_000)
    assert not matches(
        played(founded(scenario(PLAIN, crowd=still(makers, news=uninformed))), 3_600)
    )


def test_an_order_too_small_to_buy_is_turned_into_a_sale_of_the_other_token() -> None:
    small = Quote(is_bid=True, price=20_000, shares=5 * MICRO)
    turned = affordable(small)
    assert turned.is_of_no and (turned.price, turned.shares) == (20_000, 5 * MICRO)
    large = Quote(is_bid=True, price=200_000, shares=5 * MICRO)
    assert affordable(large) is large
    sale = Quote(is_bid=False, price=20_000, shares=5 * MICRO)
    assert affordable(sale) is sale


def test_the_tops_that_agents_see_are_those_of_the_books_after_trades_too() -> None:
    crowd = still(LADDER, takers=TakerTerms(per_hour=600 * MICRO, size=80 * MICRO))
    sandbox = founded(scenario(PLAIN, crowd=crowd))
    market = sandbox.listing.markets[0]
    tops, woken = Tops(sandbox.listing.markets, sandbox.world.exchange), list[int]()
    sandbox.world.watch(tops.hear)
    tops.watch([market.condition_id], lambda: woken.append(sandbox.world.now_ns))
    for _ in range(30):
        played(sandbox, 30)
        if woken:
            levels, seen = book(sandbox), tops.top(market.condition_id)
            assert seen.bid == (levels.bids[-1][0] if levels.bids else 0)
            assert seen.ask == (levels.asks[-1][0] if levels.asks else ONE)
    assert len(woken) > 1


# Rivals

FAST = RivalTerms(name="fast", latency_ms=200, edge_min=1_000, shares_max=50 * MICRO)


def tops_of(*prices: tuple[int, int], fee: FeeSchedule = NO_FEE) -> list[Top]:
    return [Top(bid, ask, fee) for bid, ask in prices]


def test_a_window_of_a_group_is_all_bids_above_one_or_all_asks_below() -> None:
    none = tops_of((500_000, 510_000), (490_000, 500_000))
    assert group_window(none) is None
    bids = group_window(tops_of((520_000, 530_000), (500_000, 510_000)))
    assert bids is not None and bids.edge == 20_000 * MICRO
    assert [(leg.at, leg.is_bid) for leg in bids.legs] == [(0, False), (1, False)]
    asks = group_window(tops_of((450_000, 460_000), (500_000, 510_000)))
    assert asks is not None and asks.edge == 30_000 * MICRO
    assert all(leg.is_bid for leg in asks.legs)


def test_an_outcome_without_a_bid_is_skipped_and_one_without_an_ask_is_no_set() -> None:
    skipped = group_window(tops_of((600_000, 610_000), (450_000, 460_000), (0, 10_000)))
    assert skipped is not None and [leg.at for leg in skipped.legs] == [0, 1]
    assert group_window(tops_of((300_000, 310_000), (300_000, ONE))) is None


def test_fees_close_a_window() -> None:
    prices = ((520_000, 530_000), (500_000, 510_000))
    assert group_window(tops_of(*prices, fee=FeeSchedule(rate=500))) is None


def test_a_window_of_a_nested_event_is_a_narrow_bid_above_a_wider_ask() -> None:
    assert nested_window(tops_of((500_000, 520_000), (510_000, 530_000))) is None
    found = nested_window(tops_of((500_000, 520_000), (600_000, 610_000), (550_000, 560_000)))
    assert found is not None and found.edge == 80_000 * MICRO
    assert [(leg.at, leg.is_bid) for leg in found.legs] == [(0, True), (1, False)]


@pytest.mark.parametrize(
    ("terms", "is_bid", "at"), [(GROUP, True, 0), (GROUP, False, 0), (NESTED, True, 1)]
)
def test_a_rival_takes_a_window_after_its_latency(terms: object, is_bid: bool, at: int) -> None:
    """Open a window by quoting through the others, and see who takes it."""
    group = terms if terms is NESTED else GROUP
    sandbox = founded(scenario(group, crowd=STILL, rivals=[FAST], fee_rate=0))
    market = sandbox.listing.markets[at]
    desk, wallet = Desk(sandbox.world, 99), wallet_of(99, "outsider")
    sandbox.world.chain.found(wallet.address, pusd=10**6 * MICRO, is_approved=True)
    sandbox.world.chain.endow(wallet.address, market.condition_id, 10**6 * MICRO)
    bid, ask = top(sandbox, at)
    price = bid + 250_000 if is_bid else ask - 250_000
    desk.take(wallet, market, Quote(is_bid=is_bid, price=price, shares=5_000 * MICRO))
    desk.rest(wallet, market, Quote(is_bid=is_bid, price=price, shares=100 * MICRO))
    before = played(sandbox, 0.01)
    assert not [match for match in matches(before) if match.taker.owner != wallet.owner]
    after = matches(played(sandbox, 1.0))
    legs = 3 if group is GROUP else 2
    assert len(after) == legs
    assert {match.taker.shares for match in after} == {50 * MICRO}
    assert {match.taker.side for match in after} == {Side.SELL}
    assert len({match.taker.maker for match in after}) == 1


def test_a_rival_lets_a_window_be_that_is_too_small() -> None:
    greedy = msgspec.structs.replace(FAST, edge_min=500_000)
    crowd = still(WATCHFUL, news=NewsTerms(per_day=2_000 * MICRO, jump=60_000))
    eager = matches(played(founded(scenario(GROUP, crowd=crowd, rivals=[FAST], fee_rate=0)), 7_200))
    idle = matches(
        played(founded(scenario(GROUP, crowd=crowd, rivals=[greedy], fee_rate=0)), 7_200)
    )
    assert eager and not idle


def test_a_rival_leaves_an_event_alone_whose_market_is_closed() -> None:
    sandbox = founded(scenario(NESTED, crowd=STILL, rivals=[FAST], fee_rate=0))
    narrow = sandbox.listing.markets[1]
    desk, wallet = Desk(sandbox.world, 99), wallet_of(99, "outsider")
    sandbox.world.chain.found(wallet.address, pusd=10**6 * MICRO, is_approved=True)
    ask = top(sandbox, 1)[1]
    desk.take(wallet, narrow, Quote(is_bid=True, price=700_000, shares=5_000 * MICRO))
    assert desk.rest(wallet, narrow, Quote(is_bid=True, price=700_000, shares=100 * MICRO))
    assert ask < 700_000
    sandbox.world.exchange.close(narrow.condition_id)
    played(sandbox, 5)
    assert sandbox.flow.next_due_ns == FAR_FUTURE_NS


# All together


def test_what_agents_trade_settles_on_the_chain_and_nothing_is_lost() -> None:
    sandbox = founded(scenario(PLAIN, GROUP, NESTED, rivals=[FAST]))
    listener = played(sandbox, 3_600)
    played(sandbox, 60)
    statuses = Counter(
        told.trade.status for told in listener.told if isinstance(told, TradeChanged)
    )
    assert statuses[TradeStatus.MATCHED] > 100
    assert statuses[TradeStatus.CONFIRMED] >= statuses[TradeStatus.MATCHED] - 2
    assert not statuses[TradeStatus.FAILED] and not statuses[TradeStatus.RETRYING]
    assert sandbox.world.settlement.open_count == 0


def test_no_market_is_ever_crossed_and_every_print_is_on_the_tick() -> None:
    sandbox = founded(scenario(PLAIN, GROUP))
    listener = played(sandbox, 3_600)
    for told in listener.told:
        if isinstance(told, Printed):
            assert told.price % 10_000 == 0 and told.size > 0
    for at in range(len(sandbox.listing.markets)):
        bid, ask = top(sandbox, at)
        assert bid < ask


def test_another_agent_shifts_nothing_in_what_the_others_do() -> None:
    alone = founded(scenario(PLAIN))
    beside = founded(scenario(PLAIN, event("other", [300_000])))
    first = played(alone, 1_800)
    second = played(beside, 1_800)
    condition = alone.listing.markets[0].condition_id

    def course(listener: Listener) -> list[tuple[int, int, int, bool]]:
        return [
            (told.at_ns, told.order.price, told.order.shares, told.order.side is Side.BUY)
            for told in listener.told
            if isinstance(told, OrderChanged) and told.order.condition_id == condition
        ]

    assert course(first) == course(second)
    assert SEED == 7
