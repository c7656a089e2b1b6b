"""Decimal text of the wire as whole micros, exactly and fast; other text raises UnusableError.

The caches hold only texts that were read without a fault and are bounded, so that no stream of
nonsense can fill the memory.
"""

from enum import StrEnum

from polyarb.domain.market import PRICE_LATTICE
from polyarb.domain.messages import UNKNOWN_PRICE
from polyarb.domain.units import MICRO, ONE, parse_micros

SIZE_MAX = 10**12 * MICRO
"""A level of a trillion shares is nonsense, not liquidity."""
_CACHED_SIZES_MAX = 1 << 16
_SIZE_DECIMALS = 6
_SIZE_DIGITS_MAX = 24
_SIZE_SCALE: tuple[int, ...] = tuple(
    10 ** (_SIZE_DECIMALS - digits) for digits in range(_SIZE_DECIMALS + 1)
)
_CACHED_PRICE_LENGTH_MAX = len("0.4700")


class Rejection(StrEnum):
    """Why a message was not translated."""

    MALFORMED_LINE = "malformed_line"
    MALFORMED_MESSAGE = "malformed_message"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_TOKEN = "unknown_token"
    NO_ENTRIES = "no_entries"
    BAD_PRICE = "bad_price"
    BAD_SIZE = "bad_size"
    BAD_TICK = "bad_tick"
    REPEATED_LEVEL = "repeated_level"
    IMPLAUSIBLE_TIME = "implausible_time"


class UnusableError(ValueError):
    """One message cannot be translated; raised and caught inside this package only."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection)
        self.rejection = rejection


MirroredPrice = tuple[int, int, str]
"""A price, its mirror on the other token (both micros) and the mirror's text, as long."""

PRICES: dict[str, MirroredPrice] = {}
"""Price texts read so far: the lattice in spellings of up to six characters (about 12,000)."""
SIZES: dict[str, int] = {}
"""Size texts read so far, in micro-shares; forgotten together when there are too many."""
BEST_BIDS: dict[str | None, tuple[int, int]] = {None: (UNKNOWN_PRICE, UNKNOWN_PRICE)}
"""Best bids read so far, each with its mirror, the best ask of the other token."""
BEST_ASKS: dict[str | None, tuple[int, int]] = {None: (UNKNOWN_PRICE, UNKNOWN_PRICE)}
"""Best asks read so far, each with its mirror, the best bid of the other token."""


def read_price(text: str) -> MirroredPrice:
    """Read a tradable price. Errors: UnusableError off the lattice or outside of (0, 1)."""
    known = PRICES.get(text)
    if known is not None:
        return known
    micros = _micros(text, Rejection.BAD_PRICE)
    if not 0 < micros < ONE or micros % PRICE_LATTICE:
        raise UnusableError(Rejection.BAD_PRICE)
    decimals = len(text.partition(".")[2])
    mirrored = f"{ONE - micros:07d}"
    entry = (micros, ONE - micros, f"{mirrored[0]}.{mirrored[1:]}"[: decimals + 2])
    if len(text) <= _CACHED_PRICE_LENGTH_MAX:
        PRICES[text] = entry
    return entry


def read_exact_size(text: str) -> int:
    """Read a size in micro-shares. Errors: UnusableError, also for more than six decimals."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    decimals = len(fraction)
    if (
        decimals > _SIZE_DECIMALS
        or not (whole and digits.isdecimal() and digits.isascii())
        or len(digits) > _SIZE_DIGITS_MAX
    ):
        raise UnusableError(Rejection.BAD_SIZE)
    micros = int(digits) * _SIZE_SCALE[decimals]
    if micros > SIZE_MAX:
        raise UnusableError(Rejection.BAD_SIZE)
    if len(SIZES) >= _CACHED_SIZES_MAX:
        SIZES.clear()
    SIZES[text] = micros
    return micros


def read_size(text: str) -> tuple[int, bool]:
    """Read a size in micro-shares, and whether something finer was cut off.

    Some recordings carry the noise of binary floats ("1.5899999999999999"); shares have six
    decimals on chain, so the rest is no liquidity. Errors: UnusableError.
    """
    known = SIZES.get(text)
    if known is not None:
        return known, False
    whole, _, fraction = text.partition(".")
    rest = fraction[_SIZE_DECIMALS:]
    if not rest:
        return read_exact_size(text), False
    if not (rest.isdecimal() and rest.isascii()):
        raise UnusableError(Rejection.BAD_SIZE)
    return read_exact_size(f"{whole}.{fraction[:_SIZE_DECIMALS]}"), bool(rest.strip("0"))


def read_tick(text: str) -> int:
    """Read a tick size in micros. Errors: UnusableError."""
    micros = _micros(text, Rejection.BAD_TICK)
    if not 0 < micros < ONE or micros % PRICE_LATTICE:
        raise UnusableError(Rejection.BAD_TICK)
    return micros


def read_best_bid(text: str | None) -> tuple[int, int]:
    """Read the best bid of a book and its mirror; empty text and "0" mean an empty side.

    Shape: 0 and ONE when the side is empty, UNKNOWN_PRICE twice when nothing was told (None).
    """
    return BEST_BIDS.get(text) or _learn_top(BEST_BIDS, text or "", empty=0)


def read_best_ask(text: str | None) -> tuple[int, int]:
    """Read the best ask of a book and its mirror; empty text, "0" and "1" mean an empty side.

    Shape: ONE and 0 when the side is empty, UNKNOWN_PRICE twice when nothing was told (None).
    """
    return BEST_ASKS.get(text) or _learn_top(BEST_ASKS, text or "", empty=ONE)


def _learn_top(known: dict[str | None, tuple[int, int]], text: str, empty: int) -> tuple[int, int]:
    micros = _micros(text, Rejection.BAD_PRICE) if text else empty
    top = (empty, ONE - empty) if micros in (0, empty) else read_price(text)[:2]
    if len(text) <= _CACHED_PRICE_LENGTH_MAX:
        known[text] = top
    return top


def _micros(text: str, rejection: Rejection) -> int:
    try:
        return parse_micros(text)
    except ValueError:
        raise UnusableError(rejection) from None
