"""When things happen, and what becomes of a plan whose book moved."""

import msgspec
import pytest
from msgspec.structs import replace
from polyarb.domain.ids import ConditionId, PlanId
from polyarb.domain.messages import (
    CancelAll,
    FeedLost,
    MarketResolved,
    OrderKilled,
    OrderMatched,
    PlaceOrders,
    RaiseAlert,
    RequestSnapshot,
    SetSettled,
    TradeConfirmed,
    TradeFailed,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family
from polyarb.domain.units import parse_micros
from polyarb.domain.venue import VenueMode
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.shadow.draws import is_faded, is_reverted, latency_ns
from polyarb.venue.shadow.fakes import FakeBooks
from polyarb.venue.shadow.gateway import BLOCK_NS, RESTRICTED_WAITS
from polyarb.venue.shadow.matching import KillReason
from shadow_cases import (
    BUY,
    MS_NS,
    NEVER_NS,
    NO,
    SELL,
    START_NS,
    STEADY,
    YES,
    Row,
    cash_of,
    gateway,
    levels,
    market,
    of_type,
    place,
    settle,
    tiers,
    unwind,
)

A, B = ConditionId("A"), ConditionId("B")
PAIR: list[Row] = [("A", BUY, YES, "0.40", "50"), ("B", BUY, NO, "0.55", "50")]
LATE = replace(STEADY, latency_ms_p50=100, latency_ms_p95=400)
MATCH_NS = START_NS + 100 * MS_NS


def pair_books() -> FakeBooks:
    """A: YES at .40; B: NO at .55, which is a YES bid at .45. A pair earns 5 cents."""
    books = FakeBooks()
    books.replace(A, bids=levels("0.38x100"), asks=levels("0.40x100"))
    books.replace(B, bids=levels("0.45x100"), asks=levels("0.47x100"))
    return books


def pair(plan: str = "plan-1", at_ns: int = START_NS) -> PlaceOrders:
    return place(Family.BINARY, "50", PAIR, plan, at_ns)


def test_an_idle_gateway_has_nothing_due_and_watches_nothing() -> None:
    shadow = gateway(FakeBooks())
    assert shadow.deadline_ns == FAR_FUTURE_NS
    assert shadow.due(NEVER_NS) == []
    assert shadow.watched == set()


def test_snapshots_and_alerts_are_not_its_business() -> None:
    shadow = gateway(FakeBooks())
    shadow.dispatch(RequestSnapshot(receive_time_ns=START_NS, condition_id=A))
    shadow.dispatch(RaiseAlert(receive_time_ns=START_NS, severity="page", text="look"))
    assert shadow.deadline_ns == FAR_FUTURE_NS


def test_answers_come_at_the_command_the_match_and_the_settlement() -> None:
    shadow = gateway(pair_books(), market("A"), market("B"))
    shadow.dispatch(pair())
    assert shadow.deadline_ns == START_NS
    assert [event.receive_time_ns for event in shadow.due(START_NS)] == [START_NS]
    assert shadow.deadline_ns == MATCH_NS
    assert shadow.due(MATCH_NS - 1) == []
    at_match = shadow.due(MATCH_NS)
    assert {event.receive_time_ns for event in at_match} == {MATCH_NS}
    assert len(of_type(at_match, OrderMatched)) == 2
    assert shadow.deadline_ns == MATCH_NS + 4_000 * MS_NS
    (first, second) = shadow.due(NEVER_NS)
    assert (type(first), type(second)) == (TradeConfirmed, TradeConfirmed)
    assert shadow.deadline_ns == FAR_FUTURE_NS


def test_a_hold_delays_the_match_of_its_own_leg_and_the_measure_of_the_plan() -> None:
    books = pair_books()
    shadow = gateway(books, market("A"), market("B", hold_ms=1_000))
    shadow.dispatch(pair())
    matched = of_type(shadow.due(NEVER_NS), OrderMatched)
    assert [event.receive_time_ns - START_NS for event in matched] == [100 * MS_NS, 1_100 * MS_NS]


def test_the_tiers_tell_how_long_after_the_command_their_last_leg_met_the_book() -> None:
    shadow = gateway(pair_books(), market("A"), market("B", hold_ms=1_000), model=LATE)
    shadow.dispatch(pair())
    measured = tiers(shadow.due(NEVER_NS))
    latency = {tier: event.latency_ns // MS_NS for tier, event in measured.items()}
    assert latency == {"T0": 0, "T1": 1_100, "T2": 1_400, "T3": 1_400}
    for event in measured.values():
        assert event.receive_time_ns == START_NS + event.latency_ns


def test_orders_of_a_plan_share_one_draw_of_latency() -> None:
    shadow = gateway(pair_books(), market("A"), market("B"), model=LATE)
    shadow.dispatch(pair())
    matched = of_type(shadow.due(NEVER_NS), OrderMatched)
    drawn = latency_ns(LATE, PlanId("plan-1"), "latency")
    assert [event.receive_time_ns for event in matched] == [START_NS + drawn] * 2


def test_depth_that_vanishes_before_the_match_is_in_t0_only() -> None:
    books = pair_books()
    shadow = gateway(books, market("A"), market("B"))
    shadow.dispatch(pair())
    early = [*shadow.due(START_NS)]
    books.replace(A, bids=levels("0.38x100"), asks=levels("0.41x100"))
    events = [*early, *shadow.due(NEVER_NS)]
    measured = tiers(events)
    assert measured["T0"].profit == parse_micros("2.5")
    assert [measured[tier].quantity for tier in ("T0", "T1", "T2", "T3")] == [50_000_000, 0, 0, 0]
    # 50 NO were bought at .55 and go back at 1 - .47.
    assert measured["T2"].profit == -parse_micros("1")
    assert not measured["T2"].is_complete
    (killed,) = of_type(events, OrderKilled)
    assert (killed.order_id, killed.reason) == ("plan-1-0", "PRICE_MOVED")


def test_t2_sees_the_book_of_its_own_later_moment() -> None:
    books = pair_books()
    shadow = gateway(books, market("A"), market("B"), model=LATE)
    shadow.dispatch(pair())
    early = shadow.due(START_NS + 399 * MS_NS)
    books.change(A, is_bid=False, price=400_000, size=20_000_000)
    measured = tiers([*early, *shadow.due(NEVER_NS)])
    assert measured["T1"].quantity == parse_micros("50")
    assert measured["T2"].quantity == parse_micros("20")
    # 20 pairs earn 1; 30 NO bought at .55 go back at .53.
    assert measured["T2"].profit == parse_micros("1") - parse_micros("0.6")


@pytest.mark.parametrize("tier", ["T1", "T2", "T3"])
def test_a_book_that_may_not_be_decided_on_fills_nothing(tier: str) -> None:
    books = pair_books()
    shadow = gateway(books, market("A"), market("B"), gas="0.02")
    shadow.dispatch(pair())
    early = shadow.due(START_NS)
    books.lose(A)
    books.lose(B)
    events = [*early, *shadow.due(NEVER_NS)]
    assert not of_type(events, OrderMatched)
    assert {event.reason for event in of_type(events, OrderKilled)} == {"BOOK_NOT_LIVE"}
    assert (tiers(events)[tier].quantity, tiers(events)[tier].profit) == (0, 0)


def test_an_order_that_fills_in_part_is_matched_once_and_then_killed() -> None:
    books = pair_books()
    books.replace(A, asks=levels("0.39x10", "0.40x20", "0.41x99"))
    shadow = gateway(books, market("A", rate=500), market("B"))
    shadow.dispatch(pair())
    events = [
        event for event in shadow.due(NEVER_NS) if getattr(event, "order_id", "") == "plan-1-0"
    ]
    assert [type(event) for event in events] == [OrderMatched, OrderKilled, TradeConfirmed]
    matched, killed = events[0], events[1]
    assert isinstance(matched, OrderMatched)
    assert isinstance(killed, OrderKilled)
    assert matched.shares == parse_micros("30")
    assert matched.notional == parse_micros("11.9")
    assert matched.fee == parse_micros("0.11895") + parse_micros("0.24")
    assert killed.reason == "NO_DEPTH"


def test_an_order_below_the_venues_minimum_is_refused_where_minima_count() -> None:
    shadow = gateway(pair_books(), market("A", size_min="51"), market("B"))
    shadow.dispatch(pair())
    events = shadow.due(NEVER_NS)
    quantities = {tier: event.quantity for tier, event in tiers(events).items()}
    assert quantities == {"T0": 50_000_000, "T1": 50_000_000, "T2": 0, "T3": 0}
    (killed,) = of_type(events, OrderKilled)
    assert killed.reason == "BELOW_MINIMUM"


def test_a_fill_below_the_venues_minimum_stands() -> None:
    books = pair_books()
    books.replace(A, asks=levels("0.40x1"))
    shadow = gateway(books, market("A", size_min="5"), market("B"))
    shadow.dispatch(pair())
    events = shadow.due(NEVER_NS)
    assert min(event.shares for event in of_type(events, OrderMatched)) == parse_micros("1")
    assert tiers(events)["T2"].quantity == parse_micros("1")


def test_two_plans_of_one_instant_cannot_have_the_same_shares() -> None:
    shadow = gateway(pair_books(), market("A"), market("B"))
    for plan in ("plan-1", "plan-2", "plan-3"):
        shadow.dispatch(pair(plan))
    events = shadow.due(NEVER_NS)
    for tier in ("T0", "T1", "T2", "T3"):
        measured = [event for event in events if getattr(event, "tier", None) == tier]
        assert sum(event.quantity for event in measured) == parse_micros("100")
    assert sum(event.shares for event in of_type(events, OrderMatched)) == parse_micros("200")
    killed = of_type(events, OrderKilled)
    assert {(event.plan_id, event.reason) for event in killed} == {("plan-3", "ALREADY_TAKEN")}


def test_new_shares_can_be_had_by_the_next_plan() -> None:
    books = pair_books()
    shadow = gateway(books, market("A"), market("B"))
    shadow.dispatch(pair("plan-1"))
    shadow.dispatch(pair("plan-2"))
    shadow.due(START_NS + 10**9)
    assert shadow.watched == {A, B}
    shadow.observe(books.change(A, is_bid=False, price=400_000, size=130_000_000))
    shadow.observe(books.change(B, is_bid=True, price=450_000, size=0))
    shadow.observe(books.change(B, is_bid=True, price=450_000, size=60_000_000))
    assert shadow.watched == {A}
    shadow.dispatch(pair("plan-3", START_NS + 2 * 10**9))
    events = shadow.due(NEVER_NS)
    matched = {event.order_id: event.shares for event in of_type(events, OrderMatched)}
    assert matched["plan-3-0"] == parse_micros("30")
    assert matched["plan-3-1"] == parse_micros("50")


def test_a_market_is_watched_while_an_order_is_under_way_or_something_was_taken() -> None:
    books = pair_books()
    books.replace(A)
    shadow = gateway(books, market("A"), market("B"), model=LATE)
    shadow.dispatch(pair())
    assert shadow.watched == {A, B}
    shadow.due(START_NS + 399 * MS_NS)
    assert shadow.watched == {A, B}
    shadow.due(NEVER_NS)
    assert shadow.watched == {B}
    shadow.observe(FeedLost(receive_time_ns=NEVER_NS, reason="closed"))
    assert shadow.watched == {B}
    end = MarketResolved(
        receive_time_ns=NEVER_NS, condition_id=B, winner=market("B").yes, venue_time_ns=NEVER_NS
    )
    shadow.observe(end)
    assert shadow.watched == set()


def test_a_trade_that_reverts_fails_and_counts_for_nothing() -> None:
    model = replace(STEADY, revert_fraction=1_000_000)
    shadow = gateway(pair_books(), market("A"), market("B"), model=model, gas="0.02")
    placed = pair()
    shadow.dispatch(placed)
    events = [*shadow.due(NEVER_NS)]
    assert len(of_type(events, TradeFailed)) == 2
    assert not of_type(events, TradeConfirmed)
    assert tiers(events)["T2"].is_complete
    assert (tiers(events)["T3"].quantity, tiers(events)["T3"].profit) == (0, 0)
    shadow.dispatch(unwind(placed, START_NS + 10**10))
    events += shadow.due(NEVER_NS)
    (settled,) = of_type(events, SetSettled)
    assert (settled.status, settled.proceeds, settled.gas) == (SetStatus.UNWOUND, 0, 0)
    assert cash_of(events, placed) == 0


def test_one_reverted_leg_leaves_the_other_to_be_sold() -> None:
    model = replace(STEADY, revert_fraction=500_000)
    plan = next(
        f"plan-{number}"
        for number in range(99)
        if is_reverted(model, PlanId(f"plan-{number}"), pair(f"plan-{number}").orders[0].order_id)
        and not is_reverted(
            model, PlanId(f"plan-{number}"), pair(f"plan-{number}").orders[1].order_id
        )
    )
    shadow = gateway(pair_books(), market("A"), market("B"), model=model, gas="0.02")
    placed = pair(plan)
    shadow.dispatch(placed)
    events = [*shadow.due(NEVER_NS)]
    assert [event.order_id for event in of_type(events, TradeFailed)] == [f"{plan}-0"]
    shadow.dispatch(unwind(placed, START_NS + 10**10))
    events += shadow.due(NEVER_NS)
    (settled,) = of_type(events, SetSettled)
    assert settled.proceeds == parse_micros("26.5")
    assert cash_of(events, placed) == -parse_micros("1.02") == tiers(events)["T3"].profit


def test_a_maker_fades_from_every_leg_but_the_first() -> None:
    model = replace(STEADY, fade_fraction=1_000_000)
    books = pair_books()
    books.replace(B, bids=levels("0.45x100"), asks=levels("0.50x100"))
    shadow = gateway(books, market("A", hold_ms=500), market("B"), model=model)
    shadow.dispatch(pair())
    measured = tiers(shadow.due(NEVER_NS))
    assert measured["T2"].is_complete
    # B has no hold and is matched first; its 50 NO go back at .50.
    assert measured["T3"].quantity == 0
    assert measured["T3"].profit == -parse_micros("2.5")


def test_a_fade_is_drawn_for_every_order() -> None:
    model = replace(STEADY, fade_fraction=500_000)
    for number in range(20):
        shadow = gateway(pair_books(), market("A"), market("B"), model=model)
        placed = pair(f"plan-{number}")
        shadow.dispatch(placed)
        faded = is_faded(model, placed.plan_id, placed.orders[1].order_id)
        assert tiers(shadow.due(NEVER_NS))["T3"].is_complete is not faded


def test_an_unwind_walks_the_levels_and_tells_what_found_no_buyer() -> None:
    books = pair_books()
    books.replace(A, asks=levels("0.40x100"), bids=levels("0.38x10", "0.30x20"))
    books.replace(B, bids=levels("0.40x100"))
    shadow = gateway(books, market("A", rate=500, hold_ms=250), market("B"), gas="0.02")
    placed = pair()
    shadow.dispatch(placed)
    events = [*shadow.due(NEVER_NS)]
    at_ns = START_NS + 10**10
    shadow.dispatch(unwind(placed, at_ns))
    assert A in shadow.watched
    events += shadow.due(NEVER_NS)
    (settled,) = of_type(events, SetSettled)
    assert settled.receive_time_ns == at_ns + 350 * MS_NS
    assert settled.unsold == parse_micros("20")
    # 10 x .38 + 20 x .30 less .05 x 10 x .38 x .62 and .05 x 20 x .3 x .7
    assert settled.proceeds == parse_micros("9.8") - parse_micros("0.1178") - parse_micros("0.21")
    assert settled.gas == parse_micros("0.02")
    assert cash_of(events, placed) == settled.proceeds - parse_micros("20.62")


def test_an_unwind_waits_a_few_blocks_for_a_book_that_is_not_live() -> None:
    books = pair_books()
    books.replace(B)
    shadow = gateway(books, market("A"), market("B"))
    placed = pair()
    shadow.dispatch(placed)
    shadow.due(START_NS + 9 * 10**9)
    books.lose(A)
    at_ns = START_NS + 10**10
    shadow.dispatch(unwind(placed, at_ns))
    assert shadow.due(at_ns + 2_100 * MS_NS) == []
    books.replace(A, bids=levels("0.35x100"))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert settled.receive_time_ns == at_ns + 4_100 * MS_NS
    assert settled.proceeds == parse_micros("17.5")


def test_an_unwind_gives_up_on_a_book_that_stays_dead() -> None:
    books = pair_books()
    books.replace(B)
    shadow = gateway(books, market("A"), market("B"))
    placed = pair()
    shadow.dispatch(placed)
    shadow.due(START_NS + 9 * 10**9)
    books.lose(A)
    at_ns = START_NS + 10**10
    shadow.dispatch(unwind(placed, at_ns))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert settled.receive_time_ns == at_ns + 8_100 * MS_NS
    assert (settled.proceeds, settled.unsold) == (0, parse_micros("50"))


def test_a_fill_is_charged_by_the_facts_of_now_and_not_by_those_of_the_start() -> None:
    books = pair_books()
    shadow = gateway(books, market("A"), market("B"))
    books.markets[A] = market("A", rate=500)
    shadow.dispatch(pair())
    matched = of_type(shadow.due(NEVER_NS), OrderMatched)
    assert [event.fee > 0 for event in matched] == [True, False]


@pytest.mark.parametrize("mode", sorted(set(VenueMode) - {VenueMode.OK}))
def test_a_venue_that_matches_nothing_fills_no_order_and_no_later_tier(mode: VenueMode) -> None:
    books = pair_books()
    shadow = gateway(books, market("A"), market("B"))
    shadow.dispatch(pair())
    books.venue_mode = mode
    told = shadow.due(NEVER_NS)
    killed = of_type(told, OrderKilled)
    assert [event.reason for event in killed] == [KillReason.VENUE_RESTRICTED] * 2
    assert not of_type(told, OrderMatched)
    filled = {name: tier.quantity for name, tier in tiers(told).items()}
    assert filled == {"T0": parse_micros("50"), "T1": 0, "T2": 0, "T3": 0}


@pytest.mark.parametrize(
    ("blocks", "unsold"), [(1, "0"), (RESTRICTED_WAITS, "0"), (RESTRICTED_WAITS + 10, "50")]
)
def test_an_unwind_waits_for_a_venue_that_matches_nothing_but_not_for_ever(
    blocks: int, unsold: str
) -> None:
    books = pair_books()
    books.replace(B)
    shadow = gateway(books, market("A"), market("B"))
    placed = pair()
    shadow.dispatch(placed)
    shadow.due(START_NS + 9 * 10**9)
    books.venue_mode = VenueMode.DOWN
    at_ns = START_NS + 10**10
    shadow.dispatch(unwind(placed, at_ns))
    early = shadow.due(at_ns + 100 * MS_NS + (blocks - 1) * BLOCK_NS)
    books.venue_mode = VenueMode.OK
    (settled,) = of_type([*early, *shadow.due(NEVER_NS)], SetSettled)
    assert settled.unsold == parse_micros(unsold)
    last = min(blocks, RESTRICTED_WAITS)
    assert settled.receive_time_ns == at_ns + 100 * MS_NS + last * BLOCK_NS


def test_a_market_is_watched_while_an_unwind_is_under_way() -> None:
    books = pair_books()
    books.replace(B)
    shadow = gateway(books, market("A"), market("B"))
    placed = pair()
    shadow.dispatch(placed)
    shadow.due(NEVER_NS)
    shadow.observe(books.replace(A))
    assert shadow.watched == set()
    shadow.dispatch(unwind(placed, NEVER_NS))
    assert shadow.watched == {A}
    shadow.due(NEVER_NS + 10**9)
    assert shadow.watched == set()


SPLIT: list[Row] = [("A", SELL, YES, "0.62", "100"), ("B", SELL, YES, "0.41", "100")]


def split_books(*bids: str) -> FakeBooks:
    books = FakeBooks()
    books.replace(A, bids=levels("0.62x100"))
    books.replace(B, bids=levels(*bids))
    return books


def test_a_split_whose_second_leg_fell_short_sells_the_rest_below_its_limit() -> None:
    books = split_books("0.41x60", "0.40x10", "0.30x15")
    shadow = gateway(books, market("A"), market("B"), gas="0.02")
    placed = place(Family.NEGRISK_SPLIT, "100", SPLIT)
    shadow.dispatch(placed)
    events = [*shadow.due(NEVER_NS)]
    expected = sum(map(parse_micros, ("62", "24.6", "4", "4.5"))) - parse_micros("100.02")
    assert tiers(events)["T2"].quantity == parse_micros("60")
    assert tiers(events)["T2"].profit == expected
    shadow.dispatch(unwind(placed, START_NS + 10**10))
    events += shadow.due(NEVER_NS)
    (settled,) = of_type(events, SetSettled)
    assert settled.proceeds == parse_micros("8.5") - parse_micros("100")
    assert settled.unsold == parse_micros("15")
    assert cash_of(events, placed) == expected


def test_a_split_of_which_nothing_sold_is_merged_back_for_its_gas() -> None:
    books = split_books("0.41x100")
    shadow = gateway(books, market("A"), market("B"), gas="0.02")
    placed = place(Family.NEGRISK_SPLIT, "100", SPLIT)
    shadow.dispatch(placed)
    early = shadow.due(START_NS)
    books.replace(A)
    books.replace(B)
    events = [*early, *shadow.due(NEVER_NS)]
    assert not of_type(events, OrderMatched)
    assert tiers(events)["T2"].profit == -parse_micros("0.02")
    shadow.dispatch(unwind(placed, START_NS + 10**10))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert (settled.proceeds, settled.gas) == (0, parse_micros("0.02"))


def test_what_is_merged_is_no_more_than_was_asked_for_and_than_is_held() -> None:
    for asked, paid in (("30", "30"), ("50", "50"), ("80", "50")):
        shadow = gateway(pair_books(), market("A"), market("B"))
        placed = pair()
        shadow.dispatch(placed)
        shadow.due(NEVER_NS)
        command = settle(placed, SetStatus.MERGED, START_NS)
        shadow.dispatch(replace(command, quantity=parse_micros(asked)))
        (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
        assert settled.proceeds == parse_micros(paid)


def test_a_split_pays_for_every_set_it_sold_of() -> None:
    shadow = gateway(split_books("0.41x100"), market("A"), market("B"))
    placed = place(Family.NEGRISK_SPLIT, "100", SPLIT)
    shadow.dispatch(placed)
    shadow.due(NEVER_NS)
    command = settle(placed, SetStatus.CONVERTED, START_NS)
    shadow.dispatch(replace(command, quantity=parse_micros("30")))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert settled.proceeds == -parse_micros("100")


def test_a_market_of_which_only_the_rest_was_sold_is_watched_too() -> None:
    books = split_books("0.41x100")
    books.replace(A, bids=levels("0.50x100"))
    shadow = gateway(books, market("A"), market("B", hold_ms=1_000))
    shadow.dispatch(place(Family.NEGRISK_SPLIT, "100", SPLIT))
    early = shadow.due(START_NS + 10**9)
    shadow.observe(books.change(A, is_bid=True, price=500_000, size=0))
    assert shadow.watched == {B}
    books.replace(A, bids=levels("0.50x100"))
    measured = tiers([*early, *shadow.due(NEVER_NS)])["T2"]
    assert (measured.quantity, measured.profit) == (0, -parse_micros("9"))
    assert shadow.watched == {A, B}


def test_a_thin_neg_risk_leg_that_fails_breaks_the_whole_set() -> None:
    books = FakeBooks()
    books.replace(A, bids=levels("0.62x100"), asks=levels("0.63x100"))
    books.replace(B, bids=levels("0.41x100"), asks=levels("0.42x100"))
    thin = ConditionId("C")
    books.replace(thin, bids=levels("0.05x5"), asks=levels("0.06x5"))
    shadow = gateway(books, market("A"), market("B"), market("C"))
    rows: list[Row] = [
        ("A", BUY, NO, "0.38", "100"),
        ("B", BUY, NO, "0.59", "100"),
        ("C", BUY, NO, "0.95", "10"),
    ]
    shadow.dispatch(place(Family.NEGRISK_NO, "100", rows))
    measured = tiers(shadow.due(NEVER_NS))["T2"]
    # Half of the thin leg makes 50 sets: 50 + 50 + 5 NO pay 55; 50 of A and B go back a cent lower.
    assert measured.quantity == parse_micros("50")
    paid = parse_micros("38") + parse_micros("59") + parse_micros("4.75")
    sold = parse_micros("18.5") + parse_micros("29")
    assert measured.profit == parse_micros("55") + sold - paid


def test_cancel_drops_what_is_not_matched_and_nothing_that_happened() -> None:
    shadow = gateway(pair_books(), market("A"), market("B", hold_ms=1_000))
    shadow.dispatch(pair())
    first = shadow.due(START_NS + 100 * MS_NS)
    shadow.dispatch(CancelAll(receive_time_ns=START_NS + 200 * MS_NS, reason="halt"))
    rest = shadow.due(NEVER_NS)
    assert [event.order_id for event in of_type(first, OrderMatched)] == ["plan-1-0"]
    (killed,) = of_type(rest, OrderKilled)
    assert (killed.order_id, killed.reason) == ("plan-1-1", "CANCELED")
    assert killed.receive_time_ns == START_NS + 200 * MS_NS
    assert [event.order_id for event in of_type(rest, TradeConfirmed)] == ["plan-1-0"]
    assert not of_type(rest, OrderMatched)
    assert tiers(rest)["T2"].is_complete


def test_cancel_leaves_a_match_that_is_already_due() -> None:
    shadow = gateway(pair_books(), market("A"), market("B"))
    shadow.dispatch(pair())
    shadow.dispatch(CancelAll(receive_time_ns=MATCH_NS, reason="halt"))
    assert len(of_type(shadow.due(NEVER_NS), OrderMatched)) == 2


def test_a_canceled_plan_is_forgotten() -> None:
    shadow = gateway(pair_books(), market("A"), market("B"))
    shadow.dispatch(pair())
    shadow.dispatch(CancelAll(receive_time_ns=START_NS, reason="halt"))
    events = shadow.due(NEVER_NS)
    assert len(of_type(events, OrderKilled)) == 2
    with pytest.raises(KeyError):
        shadow.dispatch(unwind(pair(), NEVER_NS))


def test_a_set_is_not_settled_while_an_order_is_open() -> None:
    shadow = gateway(pair_books(), market("A"), market("B"))
    placed = pair()
    shadow.dispatch(placed)
    with pytest.raises(AssertionError):
        shadow.dispatch(settle(placed, SetStatus.MERGED, START_NS))


def test_a_plan_is_placed_once() -> None:
    shadow = gateway(pair_books(), market("A"), market("B"))
    shadow.dispatch(pair())
    with pytest.raises(AssertionError):
        shadow.dispatch(pair())


def run_bytes(order: tuple[str, ...], *, step_ms: int) -> list[bytes]:
    model = replace(LATE, fade_fraction=300_000, revert_fraction=300_000)
    books = pair_books()
    shadow = gateway(books, market("A", rate=700), market("B", hold_ms=150), model=model)
    for plan in order:
        shadow.dispatch(pair(plan))
    events: list[bytes] = []
    for now_ms in range(0, 10_000, step_ms):
        due = shadow.due(START_NS + now_ms * MS_NS)
        events += [msgspec.json.encode(event) for event in due]
    return events + [msgspec.json.encode(event) for event in shadow.due(NEVER_NS)]


def test_the_same_commands_and_books_give_the_same_bytes_however_often_it_is_asked() -> None:
    once = run_bytes(("plan-1", "plan-2"), step_ms=10_000)
    assert once == run_bytes(("plan-1", "plan-2"), step_ms=10_000)
    assert sorted(once) == sorted(run_bytes(("plan-1", "plan-2"), step_ms=7))
    assert once == run_bytes(("plan-1", "plan-2"), step_ms=7)


def test_the_order_of_dispatch_does_not_matter_while_there_is_enough_for_all() -> None:
    plans = ("plan-1", "plan-2")
    assert run_bytes(plans, step_ms=9_000) == run_bytes(plans[::-1], step_ms=9_000)
