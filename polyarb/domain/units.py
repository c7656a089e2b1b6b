"""Prices, shares and money as whole numbers, and the few roundings that turn one into another.

A *micro* is 1e-6, a *pico* 1e-12 and an *atto* 1e-18 of a share or of a USD. Price and size
are micros; price x size is picos; the cost of one share with its fee is picos, so fee-laden cost
of micro-shares is attos. Products stay exact and are rounded once, against us.
"""

from typing import NewType

Price = NewType("Price", int)
"""Micros of a USD for one share; strictly between 0 and ONE for a tradable price."""
Shares = NewType("Shares", int)
"""Micro-shares."""
Usdc = NewType("Usdc", int)
"""Micros of a USD (pUSD)."""

MICRO = 1_000_000
"""Micros in one."""
PICO = 1_000_000_000_000
"""Picos in one."""
ATTO = 1_000_000_000_000_000_000
"""Attos in one."""
ONE = Price(MICRO)
"""The payoff of a complete set, as a price."""
FEE_STEP = 10
"""Micros of a USD in the venue's fee step of five decimals."""

_DECIMALS_MAX = 6
_SCALE: tuple[int, ...] = tuple(
    10 ** (_DECIMALS_MAX - digits) for digits in range(_DECIMALS_MAX + 1)
)


def parse_micros(text: str) -> int:
    """Read a plain non-negative decimal as whole micros.

    Units: "0.47" is 470_000.
    Errors: ValueError for a sign, an exponent, white space or more than six decimals.
    """
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if len(fraction) > _DECIMALS_MAX:
        fraction, rest = fraction[:_DECIMALS_MAX], fraction[_DECIMALS_MAX:]
        if rest.strip("0"):
            raise ValueError(f"expected at most {_DECIMALS_MAX} decimals, found {text!r}")
        digits = whole + fraction
    if not (digits.isascii() and digits.isdecimal() and whole):
        raise ValueError(f"expected a plain decimal such as 0.47, found {text!r}")
    return int(digits) * _SCALE[len(fraction)]


def format_scaled(amount: int, scale: int) -> str:
    """Write a whole number of 1/scale as the shortest exact decimal; scale is a power of ten."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), scale)
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:0{len(str(scale)) - 1}d}".rstrip("0")


def format_micros(amount: int) -> str:
    """Write micros as the shortest exact decimal: 470_000 is "0.47"."""
    return format_scaled(amount, MICRO)


def format_attos(amount: int) -> str:
    """Write attos of a USD as the shortest exact decimal."""
    return format_scaled(amount, ATTO)


def cost_up(amount: int, scale: int) -> Usdc:
    """Round what we pay up to whole micros.

    Units: amount in 1/scale USD (PICO or ATTO).
    """
    return Usdc(-(-amount * MICRO // scale))


def proceeds_down(amount: int, scale: int) -> Usdc:
    """Round what we receive (or a gain, which may be negative) down to whole micros.

    Units: amount in 1/scale USD (PICO or ATTO).
    """
    return Usdc(amount * MICRO // scale)


def floor_to(amount: int, step: int) -> int:
    """Round a non-negative amount down to a whole multiple of step."""
    return amount - amount % step


def ceil_to(amount: int, step: int) -> int:
    """Round a non-negative amount up to a whole multiple of step."""
    return -(-amount // step) * step
