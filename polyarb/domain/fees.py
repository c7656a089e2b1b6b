"""The venue's taker fee: its schedule, the net price of a share and the charge of a fill."""

import msgspec

from polyarb.domain.units import FEE_STEP, MICRO, PICO, Price, Shares, Usdc, floor_to

RATE_SCALE = 10_000
"""Fee rates are whole ten-thousandths: 0.05 is 500."""


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Taker fee of one market: rate x (p(1-p))^exponent USD for a share at price p.

    Units: rate in ten-thousandths. Source: market info `fd`, Gamma `feeSchedule`.
    """

    rate: int
    exponent: int = 1


NO_FEE = FeeSchedule(rate=0)


def fee_per_share(price: int, schedule: FeeSchedule) -> int:
    """Compute the taker fee of one share, exact for exponent 1 on four-decimal prices, else up.

    Units: price in micros; answer in picos of a USD.
    """
    spread = price * (MICRO - price)
    scaled: int = schedule.rate * spread**schedule.exponent
    scale: int = RATE_SCALE * PICO ** (schedule.exponent - 1)
    return -(-scaled // scale)


def net_ask(price: int, schedule: FeeSchedule) -> int:
    """Compute what buying one share at this price costs, fee included, in picos."""
    return price * MICRO + fee_per_share(price, schedule)


def net_bid(price: int, schedule: FeeSchedule) -> int:
    """Compute what selling one share at this price brings, fee deducted, in picos."""
    return price * MICRO - fee_per_share(price, schedule)


def fee_floor5(price: Price, shares: Shares, schedule: FeeSchedule) -> Usdc:
    """Compute the fee the venue charges for one fill: rounded down to five decimals.

    Units: micros of a USD. Source: recorded OrderFilled legs, `fees.json`.
    """
    spread = price * (MICRO - price)
    exact = schedule.rate * spread**schedule.exponent * shares
    return Usdc(floor_to(exact // (RATE_SCALE * PICO**schedule.exponent), FEE_STEP))
