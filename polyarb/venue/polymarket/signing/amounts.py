"""From price and size to the two whole amounts that are signed, exactly as the venue wants them.

Shape: no float and no decimal context; ratios are whole numbers that are trimmed once.
Source: the rounding table of the venue's official clients, polymarket.md 5.4 and 5.5.
"""

import msgspec

from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO, PICO, floor_to

AMOUNT_STEP: dict[int, int] = {
    100_000: 1_000,
    10_000: 100,
    5_000: 10,
    2_500: 1,
    1_000: 10,
    100: 1,
}
"""Step of the computed amount by tick: 3, 4, 5, 6, 5 and 6 decimals. Units: micros."""

_CENTS = 10_000
_SHARES_CAP_STEP = 100


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What an order gives and takes. Units: micros of a USD and micro-shares, by its side."""

    maker: int
    taker: int

    @property
    def fits_market_caps(self) -> bool:
        """Tell whether a FOK or FAK order may carry them: at most 2 and 4 decimals."""
        return not self.maker % _CENTS and not self.taker % _SHARES_CAP_STEP


def is_on_grid(price: int, tick: int) -> bool:
    """Tell whether a price is a multiple of the tick that leaves room for one on both sides."""
    return tick <= price <= MICRO - tick and not price % tick


def limit_amounts(*, price: int, shares: int, side: Side, tick: int) -> Amounts:
    """Return the amounts of a GTC or GTD order; shares are floored to two decimals.

    Units: micros.
    Errors: ValueError where the price is not on the grid.
    """
    _demand_grid(price, tick)
    whole = floor_to(shares, _CENTS)
    return _by_side(side, money=_trimmed(whole * price, PICO, tick), shares=whole)


def market_buy_amounts(*, price: int, collateral: int, tick: int) -> Amounts:
    """Return the amounts of a FOK or FAK order that spends collateral at a price or better.

    The price that they encode is never below the wanted one. Units: micros.
    Errors: ValueError where the price is not on the grid.
    """
    _demand_grid(price, tick)
    money = floor_to(collateral, _CENTS)
    return Amounts(maker=money, taker=_trimmed(money, price, tick))


def market_sell_amounts(*, price: int, shares: int, tick: int) -> Amounts:
    """Return the amounts of a FOK or FAK order that sells shares at a price or better.

    Units: micros.
    Errors: ValueError where the price is not on the grid.
    """
    return limit_amounts(price=price, shares=shares, side=Side.SELL, tick=tick)


def lattice_step(tick: int) -> int:
    """Return the step of share sizes at which every grid price costs whole cents.

    Units: micros in, micro-shares out.
    """
    return max(1, _CENTS // tick) * MICRO


def _by_side(side: Side, *, money: int, shares: int) -> Amounts:
    if side is Side.BUY:
        return Amounts(maker=money, taker=shares)
    return Amounts(maker=shares, taker=money)


def _trimmed(numerator: int, denominator: int, tick: int) -> int:
    """Return a ratio in micros, floored to the decimals of the tick.

    The clients round up four decimals further first; on a grid of at most 9,999 prices a rest is
    at most 9998/9999 of a step, so that this never makes it a whole one.
    """
    step = AMOUNT_STEP[tick]
    return numerator * MICRO // (denominator * step) * step


def _demand_grid(price: int, tick: int) -> None:
    if tick not in AMOUNT_STEP or not is_on_grid(price, tick):
        raise ValueError(f"expected a price on the grid of a venue's tick, found {price} at {tick}")
