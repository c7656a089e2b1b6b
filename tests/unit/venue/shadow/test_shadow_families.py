"""Every family by hand: what its tiers earn and what its events add up to.

The quantities and profits are those of the plan format's worked examples.
"""

import pytest
from polyarb.domain.ids import ConditionId
from polyarb.domain.messages import OrderMatched, SetSettled, TradeConfirmed
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family, Level
from polyarb.domain.units import parse_micros
from polyarb.venue.shadow.fakes import FakeBooks
from shadow_cases import (
    BUY,
    NEVER_NS,
    NO,
    SELL,
    START_NS,
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
)

Book = tuple[tuple[Level, ...], tuple[Level, ...]]


def case(
    family: Family,
    quantity: str,
    books: dict[str, Book],
    rows: list[Row],
    *,
    profit: str,
    rate: int = 0,
    gas: str = "0",
) -> tuple[Family, str, dict[str, Book], list[Row], str, int, str]:
    return family, quantity, books, rows, profit, rate, gas


CASES = {
    "V04a binary over two levels": case(
        Family.BINARY,
        "65",
        {
            "A": ((), levels("0.40x30", "0.42x50", "0.47x100")),
            "B": (levels("0.45x40", "0.43x25", "0.40x500"), ()),
        },
        [("A", BUY, YES, "0.42", "65"), ("B", BUY, NO, "0.57", "65")],
        profit="2.05",
    ),
    "V06a negrisk_yes with a long shot": case(
        Family.NEGRISK_YES,
        "88",
        {
            "A": ((), levels("0.90x1000")),
            "B": ((), levels("0.07x1000")),
            "C": ((), levels("0.008x80", "0.05x1000")),
        },
        [
            ("A", BUY, YES, "0.90", "88"),
            ("B", BUY, YES, "0.07", "88"),
            ("C", BUY, YES, "0.05", "88"),
        ],
        profit="1.6",
    ),
    "V10d negrisk_no keeps a thin leg": case(
        Family.NEGRISK_NO,
        "100",
        {
            "A": (levels("0.62x100"), ()),
            "B": (levels("0.41x100"), ()),
            "C": (levels("0.05x10"), ()),
        },
        [
            ("A", BUY, NO, "0.38", "100"),
            ("B", BUY, NO, "0.59", "100"),
            ("C", BUY, NO, "0.95", "10"),
        ],
        profit="3.5",
    ),
    "cup-final negrisk_no with fee and gas": case(
        Family.NEGRISK_NO,
        "100",
        {
            "A": (levels("0.62x100"), ()),
            "B": (levels("0.41x100"), levels("0.43x80")),
            "C": (levels("0.05x10", "0.04x300"), ()),
        },
        [
            ("A", BUY, NO, "0.38", "100"),
            ("B", BUY, NO, "0.59", "100"),
            ("C", BUY, NO, "0.96", "100"),
        ],
        profit="4.49595",
        rate=500,
        gas="0.02",
    ),
    "V10d-split keeps a thin leg": case(
        Family.NEGRISK_SPLIT,
        "100",
        {
            "A": (levels("0.62x100"), ()),
            "B": (levels("0.41x100"), ()),
            "C": (levels("0.05x10"), ()),
        },
        [
            ("A", SELL, YES, "0.62", "100"),
            ("B", SELL, YES, "0.41", "100"),
            ("C", SELL, YES, "0.05", "10"),
        ],
        profit="3.5",
    ),
    "V10d-split-min drops a thin leg": case(
        Family.NEGRISK_SPLIT,
        "100",
        {"A": (levels("0.62x100"), ()), "B": (levels("0.41x100"), ())},
        [("A", SELL, YES, "0.62", "100"), ("B", SELL, YES, "0.41", "100")],
        profit="3",
    ),
    "V15a implication": case(
        Family.IMPLICATION,
        "60",
        {"wide": ((), levels("0.40x100")), "narrow": (levels("0.43x60"), ())},
        [("wide", BUY, YES, "0.40", "60"), ("narrow", BUY, NO, "0.57", "60")],
        profit="1.8",
    ),
    "V16a ladder pairs": case(
        Family.LADDER,
        "80",
        {
            "K1": (levels("0.53x100"), levels("0.55x40", "0.57x100")),
            "K2": (levels("0.60x30"), levels("0.66x50")),
            "K3": (levels("0.58x50"), levels("0.62x50")),
        },
        [
            ("K1", BUY, YES, "0.57", "80"),
            ("K2", BUY, NO, "0.40", "30"),
            ("K3", BUY, NO, "0.42", "50"),
        ],
        profit="2.2",
    ),
}
ENDINGS = {
    Family.BINARY: SetStatus.MERGED,
    Family.NEGRISK_NO: SetStatus.CONVERTED,
    Family.NEGRISK_SPLIT: SetStatus.CONVERTED,
}


@pytest.mark.parametrize("name", CASES)
def test_a_plan_on_an_unchanged_book_earns_its_planned_profit_at_every_tier(name: str) -> None:
    family, quantity, books, rows, profit, rate, gas = CASES[name]
    fake = FakeBooks()
    for condition, (bids, asks) in books.items():
        fake.replace(ConditionId(condition), bids=bids, asks=asks)
    shadow = gateway(fake, *(market(each, rate) for each in books), gas=gas)
    placed = place(family, quantity, rows)
    shadow.dispatch(placed)
    measured = tiers(shadow.due(NEVER_NS))
    assert set(measured) == {"T0", "T1", "T2", "T3"}
    for event in measured.values():
        assert event.is_complete
        assert event.quantity == event.planned == parse_micros(quantity)
        assert event.profit == parse_micros(profit)


@pytest.mark.parametrize("name", CASES)
def test_matches_proceeds_and_gas_of_an_executed_plan_add_up_to_its_profit(name: str) -> None:
    family, quantity, books, rows, profit, rate, gas = CASES[name]
    fake = FakeBooks()
    for condition, (bids, asks) in books.items():
        fake.replace(ConditionId(condition), bids=bids, asks=asks)
    shadow = gateway(fake, *(market(each, rate) for each in books), gas=gas)
    placed = place(family, quantity, rows)
    shadow.dispatch(placed)
    events = [*shadow.due(NEVER_NS)]
    assert [event.shares for event in of_type(events, OrderMatched)] == [
        order.shares for order in placed.orders
    ]
    assert len(of_type(events, TradeConfirmed)) == len(placed.orders)
    status = ENDINGS.get(family, SetStatus.HELD)
    shadow.dispatch(settle(placed, status, START_NS + 10**10))
    events += shadow.due(NEVER_NS)
    settled = of_type(events, SetSettled)
    if status is SetStatus.HELD:
        assert not settled
        assert cash_of(events, placed) + parse_micros(quantity) == parse_micros(profit)
    else:
        assert [event.status for event in settled] == [status]
        assert settled[0].receive_time_ns == START_NS + 10**10 + 2 * 10**9
        assert cash_of(events, placed) == parse_micros(profit)


def test_a_split_pays_for_its_sets_when_it_is_settled() -> None:
    family, quantity, books, rows, *_ = CASES["V10d-split keeps a thin leg"]
    fake = FakeBooks()
    for condition, (bids, asks) in books.items():
        fake.replace(ConditionId(condition), bids=bids, asks=asks)
    shadow = gateway(fake, *(market(each) for each in books))
    placed = place(family, quantity, rows)
    shadow.dispatch(placed)
    shadow.due(NEVER_NS)
    shadow.dispatch(settle(placed, SetStatus.CONVERTED, START_NS))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert settled.proceeds == -parse_micros("100")
