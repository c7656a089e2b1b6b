"""What a plan is worth when its legs filled unevenly, against a recomputation by states."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import ShadowModel
from polyarb.domain.messages import PlaceOrders
from polyarb.domain.order import OrderIntent
from polyarb.domain.plan import Family, Side
from polyarb.domain.units import MICRO, format_micros, parse_micros
from polyarb.venue.shadow import ShadowGateway
from polyarb.venue.shadow.fakes import FakeBooks
from polyarb.venue.shadow.payoff import joint_quantity, kept_shares, redemption, spare_shares
from shadow_cases import (
    BUY,
    NEVER_NS,
    NO,
    SELL,
    START_NS,
    STEADY,
    YES,
    Row,
    catalogue,
    market,
    place,
    tiers,
)

NAMES = ("A", "B", "C", "D")
RATE = 500


def micros(*amounts: str) -> list[int]:
    return [parse_micros(amount) for amount in amounts]


def plan(family: Family, quantity: str, *rows: Row) -> PlaceOrders:
    return place(family, quantity, rows)


THIN = plan(
    Family.NEGRISK_NO,
    "100",
    ("A", BUY, NO, "0.4", "100"),
    ("B", BUY, NO, "0.6", "100"),
    ("C", BUY, NO, "0.9", "10"),
)
SPLIT = plan(
    Family.NEGRISK_SPLIT,
    "100",
    ("A", SELL, YES, "0.6", "100"),
    ("B", SELL, YES, "0.4", "100"),
    ("C", SELL, YES, "0.1", "10"),
)
LADDER = plan(
    Family.LADDER,
    "80",
    ("K1", BUY, YES, "0.5", "50"),
    ("K2", BUY, YES, "0.4", "30"),
    ("K2", BUY, NO, "0.4", "40"),
    ("K3", BUY, NO, "0.4", "40"),
)


@pytest.mark.parametrize(
    ("placed", "filled", "quantity"),
    [
        (THIN, micros("100", "100", "10"), "100"),
        (THIN, micros("100", "70", "10"), "70"),
        (THIN, micros("100", "70", "1"), "10"),
        (THIN, micros("100", "100", "0"), "0"),
        (LADDER, micros("50", "15", "40", "40"), "40"),
        (LADDER, micros("50", "30", "40", "40"), "80"),
    ],
)
def test_the_joint_quantity_is_the_smallest_filled_fraction(
    placed: PlaceOrders, filled: list[int], quantity: str
) -> None:
    assert joint_quantity(placed, filled) == parse_micros(quantity)


def test_the_joint_quantity_is_rounded_down_to_a_micro_set() -> None:
    assert joint_quantity(THIN, [100_000_000, 100_000_000, 333_333]) == 3_333_330
    assert joint_quantity(LADDER, [50_000_000, 29_999_999, 40_000_000, 40_000_000]) == 79_999_997


def test_fewer_neg_risk_sets_keep_their_thin_leg_whole() -> None:
    assert kept_shares(THIN, micros("100", "70", "10"), 70_000_000) == micros("70", "70", "10")
    assert spare_shares(THIN, micros("100", "70", "10"), 70_000_000) == micros("30", "0", "0")


def test_fewer_pairs_of_a_ladder_scale_every_leg() -> None:
    filled = micros("50", "15", "40", "40")
    assert kept_shares(LADDER, filled, 40_000_000) == micros("25", "15", "20", "20")
    assert spare_shares(LADDER, filled, 40_000_000) == micros("25", "0", "20", "20")


def test_a_split_leaves_the_yes_that_were_not_sold_beyond_its_complete_sets() -> None:
    filled = micros("100", "70", "10")
    assert spare_shares(SPLIT, filled, 70_000_000) == micros("0", "30", "30")
    assert spare_shares(SPLIT, filled, 0) == micros("0", "30", "90")
    assert spare_shares(SPLIT, micros("100", "100", "10"), 100_000_000) == micros("0", "0", "0")
    assert spare_shares(SPLIT, [0, 0, 0], 0) == [0, 0, 0]


def test_sets_redeem_for_what_they_pay_in_the_worst_state() -> None:
    assert redemption(THIN, micros("100", "100", "10")) == parse_micros("110")
    assert redemption(THIN, micros("100", "0", "0")) == 0
    assert redemption(SPLIT, micros("100", "70", "10")) == -parse_micros("100")
    assert redemption(LADDER, micros("50", "30", "40", "40")) == parse_micros("80")
    assert redemption(LADDER, micros("50", "30", "40", "0")) == parse_micros("40")
    assert redemption(LADDER, micros("0", "30", "40", "40")) == parse_micros("30")


PAIR_AND_LADDER = msgspec.structs.replace(
    plan(
        Family.NEGRISK_NO,
        "100",
        ("K1", BUY, YES, "0.42", "100"),
        ("K3", BUY, NO, "0.55", "60"),
        ("N", BUY, NO, "0.53", "40"),
    ),
    states=((True, True, True), (True, False, True), (True, True, False), (False, False, False)),
)


@pytest.mark.parametrize(
    ("shares", "paid"),
    [(("100", "60", "40"), "100"), (("90", "60", "40"), "90"), (("100", "60", "10"), "70")],
)
def test_a_plan_over_several_relations_pays_the_least_of_its_states(
    shares: tuple[str, ...], paid: str
) -> None:
    assert redemption(PAIR_AND_LADDER, micros(*shares)) == parse_micros(paid)


def test_fewer_sets_over_several_relations_scale_every_leg_whatever_their_family() -> None:
    filled = micros("100", "30", "40")
    assert joint_quantity(PAIR_AND_LADDER, filled) == parse_micros("50")
    assert kept_shares(PAIR_AND_LADDER, filled, 50_000_000) == micros("50", "30", "20")
    assert spare_shares(PAIR_AND_LADDER, filled, 50_000_000) == micros("50", "0", "20")
    assert redemption(PAIR_AND_LADDER, micros("50", "30", "20")) == parse_micros("50")


class OwnBooks:
    """An independent book: fractions, one dict a side, shrinking as it is taken from."""

    def __init__(self, sides: dict[str, tuple[dict[int, int], dict[int, int]]]) -> None:
        self.sides = {name: (dict(bids), dict(asks)) for name, (bids, asks) in sides.items()}

    def trade(self, order: OrderIntent, side: Side, limit: int, shares: int) -> tuple[int, int]:
        """Return shares filled and cash in micros."""
        bids, asks = self.sides[order.condition_id]
        takes_bids = (side is SELL and order.outcome is YES) or (
            side is BUY and order.outcome is NO
        )
        levels = bids if takes_bids else asks
        prices = {p: p if order.outcome is YES else MICRO - p for p in levels}
        wanted, money, fee = shares, Fraction(0), Fraction(0)
        for at in sorted(prices, key=lambda p: prices[p], reverse=side is SELL):
            is_fine = prices[at] <= limit if side is BUY else prices[at] >= limit
            taken = min(wanted, levels[at]) if is_fine else 0
            wanted -= taken
            levels[at] -= taken
            price, size = Fraction(prices[at], MICRO), Fraction(taken, MICRO)
            money += price * size
            exact = Fraction(RATE, 10_000) * price * (1 - price) * size
            fee += Fraction(exact * 100_000 // 1, 100_000)
        if side is BUY:
            return shares - wanted, -int(-(-money * MICRO // 1)) - int(fee * MICRO)
        return shares - wanted, int(money * MICRO // 1) - int(fee * MICRO)


def worst_state(placed: PlaceOrders, held: list[int]) -> int:
    """Pay every share in every state that the family allows, and take the least."""
    orders = list(zip(placed.orders, held, strict=True))
    legs = sorted({order.leg for order in placed.orders})
    match placed.family:
        case Family.LADDER:
            states = [set(legs[:count]) for count in range(len(legs) + 1)]
        case Family.NEGRISK_YES:
            states = [{leg} for leg in legs]
        case Family.NEGRISK_NO:
            states = [set(), *({leg} for leg in legs)]
        case Family.IMPLICATION:
            states = [set(), {0}, {0, 1}]
        case _:
            states = [set(), {0, 1}]
    return min(
        sum(size for order, size in orders if (order.leg in state) is (order.outcome is YES))
        for state in states
    )


def expected(placed: PlaceOrders, books: OwnBooks, gas: int) -> tuple[int, int]:
    """Recompute quantity and profit of a plan at one moment, by states and fractions."""
    fills = [books.trade(o, o.side, o.price_limit, o.shares) for o in placed.orders]
    filled = [shares for shares, _ in fills]
    fraction = min(
        Fraction(shares, order.shares) for shares, order in zip(filled, placed.orders, strict=True)
    )
    quantity = int(placed.quantity * fraction)
    profit = sum(cash for _, cash in fills)
    if placed.family is Family.NEGRISK_SPLIT:
        most = max(filled)
        profit -= most + gas
        rest = [most - max(shares, quantity) for shares in filled]
    else:
        scale = Fraction(quantity, placed.quantity)
        is_thin = placed.family is Family.NEGRISK_NO
        kept = [
            min(shares, quantity) if is_thin else int(order.shares * scale)
            for shares, order in zip(filled, placed.orders, strict=True)
        ]
        profit += worst_state(placed, kept) - (gas if any(filled) else 0)
        rest = [shares - keep for shares, keep in zip(filled, kept, strict=True)]
    for order, size in zip(placed.orders, rest, strict=True):
        assert size >= 0
        profit += books.trade(order, SELL, 0, size)[1]
    return quantity, profit


@st.composite
def plans(draw: st.DrawFn, family: Family) -> PlaceOrders:
    count = 2 if family in (Family.BINARY, Family.IMPLICATION) else draw(st.integers(2, 4))
    quantity = draw(st.integers(1, 150)) * 1_000_000
    sizes = [quantity] * count
    claims = [YES] * count
    if family in (Family.BINARY, Family.IMPLICATION):
        claims[1] = NO
    elif family in (Family.NEGRISK_NO, Family.NEGRISK_SPLIT):
        thin = draw(st.integers(1, quantity // 1_000_000)) * 1_000_000
        sizes = [*sizes[:-1], thin]
        claims = [NO if family is Family.NEGRISK_NO else YES] * count
    elif family is Family.LADDER:
        count = 2
        claims = [YES, NO]
        if quantity > 1_000_000 and draw(st.booleans()):
            part = draw(st.integers(1, quantity // 1_000_000 - 1)) * 1_000_000
            sizes, claims = [quantity, part, quantity - part], [YES, NO, NO]
            count = 3
        else:
            sizes = [quantity, quantity]
    side = SELL if family is Family.NEGRISK_SPLIT else BUY
    rows: list[Row] = [
        (
            NAMES[index],
            side,
            claims[index],
            format_micros(draw(st.integers(10, 90)) * 10_000),
            format_micros(sizes[index]),
        )
        for index in range(count)
    ]
    return place(family, format_micros(quantity), rows)


PRICES = st.integers(1, 99).map(lambda cents: cents * 10_000)
SIDE_LEVELS = st.dictionaries(PRICES, st.integers(1, 120_000_000), max_size=5)
SIDES = st.fixed_dictionaries({name: st.tuples(SIDE_LEVELS, SIDE_LEVELS) for name in NAMES})


@pytest.mark.parametrize("family", Family)
@settings(derandomize=True, deadline=None, max_examples=120)
@given(choices=st.data(), sides=SIDES)
def test_quantity_and_profit_agree_with_a_recomputation_by_states(
    family: Family,
    choices: st.DataObject,
    sides: dict[str, tuple[dict[int, int], dict[int, int]]],
) -> None:
    placed = choices.draw(plans(family))
    books = FakeBooks()
    for name, (bids, asks) in sides.items():
        books.replace(ConditionId(name), bids=tuple(bids.items()), asks=tuple(asks.items()))
    markets = catalogue(*(market(name, RATE) for name in NAMES))
    shadow = ShadowGateway(books, STEADY, markets, gas_per_plan=20_000)
    shadow.dispatch(placed)
    measured = tiers(shadow.due(NEVER_NS))
    own = OwnBooks(sides)
    quantity, profit = expected(placed, own, gas=20_000)
    for tier in ("T0", "T1"):
        assert (measured[tier].quantity, measured[tier].profit) == (quantity, profit)
        assert measured[tier].is_complete is (quantity == placed.quantity)
    second = place(family, format_micros(placed.quantity), [_row(o) for o in placed.orders], "next")
    shadow.dispatch(second)
    again = tiers(shadow.due(START_NS))["T0"]
    assert (again.quantity, again.profit) == expected(second, own, gas=20_000)


def _row(order: OrderIntent) -> Row:
    return (
        order.condition_id,
        order.side,
        order.outcome,
        format_micros(order.price_limit),
        format_micros(order.shares),
    )


@settings(derandomize=True, deadline=None, max_examples=80)
@given(choices=st.data(), sides=SIDES, seed=st.integers(0, 99))
def test_fade_and_reverts_never_raise_the_quantity(
    choices: st.DataObject, sides: dict[str, tuple[dict[int, int], dict[int, int]]], seed: int
) -> None:
    books = FakeBooks()
    for name, (bids, asks) in sides.items():
        books.replace(ConditionId(name), bids=tuple(bids.items()), asks=tuple(asks.items()))
    model = ShadowModel(
        seed=seed,
        latency_ms_p50=10,
        latency_ms_p95=90,
        fade_fraction=400_000,
        revert_fraction=200_000,
    )
    shadow = ShadowGateway(books, model, catalogue(*(market(name, RATE) for name in NAMES)))
    for number in range(3):
        family = choices.draw(st.sampled_from(Family))
        placed = choices.draw(plans(family))
        plan_id = f"plan-{number}"
        rows = [_row(order) for order in placed.orders]
        shadow.dispatch(place(family, format_micros(placed.quantity), rows, plan_id))
    events = shadow.due(NEVER_NS)
    for number in range(3):
        mine = tiers([event for event in events if event.plan_id == f"plan-{number}"])
        assert mine["T3"].quantity <= mine["T2"].quantity
