"""The amounts that the official clients sign, read as price, size and budget."""

import json
from pathlib import Path
from typing import Any

import pytest
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, parse_micros
from polyarb.venue.sandbox.exchange.amounts import AMOUNT_DECIMALS, Amounts, read_amounts
from polyarb.venue.sandbox.exchange.markets import Market
from polyarb.venue.sandbox.exchange.spenders import spender_of
from polyarb.venue.sandbox.terms.orders import RefusalReason, Refused
from tests.exchange_cases import ANNA, OPENED_NS, YES, Trading, listed_market

VECTORS = json.loads((Path(__file__).parents[4] / "vectors" / "amounts.json").read_text())


def read(
    tick: int, side: Side, given: int, got: int, kind: TimeInForce = TimeInForce.GTC
) -> Amounts | Refused:
    """Read amounts in a market with a tick and no minimum."""
    listed = listed_market(tick=tick, size_min=0)
    market = Market(
        listed=listed,
        spender=spender_of(listed),
        tick=tick,
        opened_ns=OPENED_NS,
        changed_ns=OPENED_NS,
    )
    return read_amounts(Trading().request(ANNA, YES, side, (given, got), kind), market)


def signed_as(vector: dict[str, Any]) -> str:
    """Name a vector after all that was wanted."""
    return "-".join(vector["input"].values())


@pytest.mark.parametrize("vector", VECTORS["limit"], ids=signed_as)
def test_a_limit_order_of_the_official_clients_is_exact(vector: dict[str, Any]) -> None:
    wanted, signed = vector["input"], vector["expected"]
    side, tick = Side(wanted["side"]), parse_micros(wanted["tick_size"])
    amounts = read(tick, side, int(signed["makerAmount"]), int(signed["takerAmount"]))
    assert isinstance(amounts, Amounts), amounts
    assert amounts.price == parse_micros(wanted["price"])
    assert amounts.shares == parse_micros(wanted["size"]) // 10_000 * 10_000
    assert amounts.budget == (int(signed["makerAmount"]) if side is Side.BUY else 0)
    assert not amounts.is_by_collateral


@pytest.mark.parametrize("vector", VECTORS["limit"] + VECTORS["market"], ids=signed_as)
def test_a_market_order_passes_exactly_when_it_fits_the_caps(vector: dict[str, Any]) -> None:
    wanted, signed = vector["input"], vector["expected"]
    amounts = read(
        parse_micros(wanted["tick_size"]),
        Side(wanted["side"]),
        int(signed["makerAmount"]),
        int(signed["takerAmount"]),
        TimeInForce.FAK,
    )
    assert isinstance(amounts, Amounts) is signed["fits_market_caps"]
    if isinstance(amounts, Refused):
        assert amounts.reason is RefusalReason.INVALID_AMOUNTS
        assert f"the market {wanted['side'].lower()} orders" in amounts.message
    else:
        price = parse_micros(wanted.get("limit_price") or wanted["price"])
        assert amounts.price == price
        assert amounts.is_by_collateral is (wanted["side"] == "BUY")


@pytest.mark.parametrize("vector", VECTORS["price_grid"], ids=signed_as)
def test_a_price_is_on_the_grid_or_refused(vector: dict[str, Any]) -> None:
    tick, price = (parse_micros(vector["input"][key]) for key in ("tick_size", "price"))
    amounts = read(tick, Side.SELL, 10 * MICRO, price * 10)
    assert isinstance(amounts, Amounts) is vector["expected"]["valid"]


@pytest.mark.parametrize("row", VECTORS["safe_lattice"]["rows"], ids=lambda row: row["tick_size"])
@pytest.mark.parametrize("kind", TimeInForce)
def test_the_safe_lattice_passes_every_order_type(row: dict[str, Any], kind: TimeInForce) -> None:
    tick = parse_micros(row["tick_size"])
    assert tick in AMOUNT_DECIMALS
    for side, key in ((Side.BUY, "buy_at_highest_price"), (Side.SELL, "sell_at_lowest_price")):
        order = row[key]
        amounts = read(tick, side, int(order["makerAmount"]), int(order["takerAmount"]), kind)
        assert isinstance(amounts, Amounts)
        assert amounts.price == parse_micros(order["price"])


@pytest.mark.parametrize(
    ("side", "given", "got", "price"),
    [
        (Side.BUY, 10_000_000, 17_543_800, 570_000),
        (Side.BUY, 10_000_000, 17_857_100, 560_000),
        (Side.BUY, 10_000_000, 17_543_900, 560_000),
        (Side.SELL, 21_040_000, 11_992_800, 570_000),
        (Side.SELL, 21_040_000, 11_992_700, 570_000),
        (Side.SELL, 21_040_000, 11_992_900, 580_000),
    ],
    ids=str,
)
def test_the_limit_of_a_market_order_goes_to_the_grid_in_its_owners_favour(
    side: Side, given: int, got: int, price: int
) -> None:
    amounts = read(10_000, side, given, got, TimeInForce.FOK)
    assert isinstance(amounts, Amounts)
    assert amounts.price == price
