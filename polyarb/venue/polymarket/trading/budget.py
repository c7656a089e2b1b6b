"""Keeps a signer below its token buckets: what the venue counts, and what it says in its headers.

Times are monotonic nanoseconds that the caller gives. No clock, no I/O. Source: polymarket.md 3.5.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_DIGITS_MAX = 12
PAUSE_MS = 1_000
"""How long a bucket is left alone where the venue refuses and does not say for how long."""


class Bucket(StrEnum):
    """What a request draws on; the venue keeps the first two by signer."""

    ORDERS = "orders"
    CANCELS = "cancels"
    READS = "reads"
    REFRESHES = "refreshes"


class Rate(msgspec.Struct, frozen=True):
    """A token bucket's figures. Units: tokens a second, tokens."""

    per_second: int
    burst: int


STANDARD: Mapping[Bucket, Rate] = {
    Bucket.ORDERS: Rate(40, 60),
    Bucket.CANCELS: Rate(80, 120),
    Bucket.READS: Rate(50, 100),
    Bucket.REFRESHES: Rate(5, 10),
}
"""The lowest tier; reads as 500 in 10 s, refreshes of balances as 50 in 10 s."""


class Stage(StrEnum):
    """How much restraint the used share of a bucket asks for."""

    FREE = "free"
    NORMAL = "normal"
    SLOW = "slow"
    CANCELS_ONLY = "cancels only"
    STOP = "stop"


class Pace(msgspec.Struct, frozen=True):
    """A stage: from which used share on, and how fast requests may follow each other.

    Units: percent of the bucket; percent of the rate at which it fills, 0 is not at all and
    None as they come. opening is for what opens or reads, ending for cancels.
    """

    stage: Stage
    from_percent: int
    opening: int | None
    ending: int | None


PACES = (
    Pace(Stage.STOP, 95, opening=0, ending=0),
    Pace(Stage.CANCELS_ONLY, 90, opening=0, ending=100),
    Pace(Stage.SLOW, 70, opening=50, ending=100),
    Pace(Stage.NORMAL, 50, opening=100, ending=None),
    Pace(Stage.FREE, 0, opening=None, ending=None),
)
"""The strictest first; what is about to be spent counts as used."""


class Go(msgspec.Struct, frozen=True):
    """A request may go: at once, or after a wait that is already counted in."""

    wait_ns: int = 0


class NoRoom(msgspec.Struct, frozen=True):
    """A request may not go now; retry_ns is when it may be asked again, from now."""

    told: str
    retry_ns: int


class _Tokens(msgspec.Struct):
    """A bucket as it stands. Units: level in tokens times 10^9; monotonic nanoseconds."""

    rate: Rate
    level: int
    filled_ns: int
    free_ns: int = 0
    paused_ns: int = 0


class TokenBudget:
    """Our own count of every bucket; the venue's word lowers it, never raises it."""

    def __init__(self, now_ns: int, rates: Mapping[Bucket, Rate] = STANDARD) -> None:
        self._tokens = {
            bucket: _Tokens(rate, rate.burst * _NS_PER_S, now_ns) for bucket, rate in rates.items()
        }

    def ask(self, bucket: Bucket, cost: int, now_ns: int) -> Go | NoRoom:
        """Take the tokens of a request if it may go; a wait spaces it from the one before."""
        tokens = self._filled(bucket, now_ns)
        if now_ns < tokens.paused_ns:
            return NoRoom(f"{bucket}: a pause that the venue asked for", tokens.paused_ns - now_ns)
        used = self._percent(tokens, cost)
        pace = next(each for each in PACES if used >= each.from_percent)
        percent = pace.ending if bucket is Bucket.CANCELS else pace.opening
        if percent == 0:
            return NoRoom(f"{bucket}: {used} % used ({pace.stage})", self._reopens_ns(tokens))
        tokens.level -= cost * _NS_PER_S
        if percent is None:
            return Go()
        goes_ns = max(now_ns, tokens.free_ns)
        tokens.free_ns = goes_ns + cost * 100 * _NS_PER_S // (percent * tokens.rate.per_second)
        return Go(goes_ns - now_ns)

    def heard(self, bucket: Bucket, status: int, headers: Mapping[str, str], now_ns: int) -> None:
        """Take note of what an answer says about a bucket."""
        tokens = self._filled(bucket, now_ns)
        remaining = _whole(headers.get("Poly-RateLimit-Remaining", ""))
        if remaining is not None:
            tokens.level = min(tokens.level, remaining * _NS_PER_S)
        if status == 429:
            seconds = _whole(headers.get("Retry-After", ""))
            wait_ms = PAUSE_MS if seconds is None else seconds * 1_000
            tokens.paused_ns = max(tokens.paused_ns, now_ns + wait_ms * _NS_PER_MS)

    def spent(self, bucket: Bucket, cost: int, now_ns: int) -> None:
        """Count what a request turned out to cost beyond what was taken; it may go below 0."""
        self._filled(bucket, now_ns).level -= cost * _NS_PER_S

    def stage(self, bucket: Bucket, now_ns: int) -> Stage:
        """Return the stage of a bucket as it stands."""
        used = self._percent(self._filled(bucket, now_ns), 0)
        return next(each.stage for each in PACES if used >= each.from_percent)

    def _filled(self, bucket: Bucket, now_ns: int) -> _Tokens:
        tokens = self._tokens[bucket]
        elapsed_ns = max(0, now_ns - tokens.filled_ns)
        full = tokens.rate.burst * _NS_PER_S
        tokens.level = min(full, tokens.level + elapsed_ns * tokens.rate.per_second)
        tokens.filled_ns = max(now_ns, tokens.filled_ns)
        return tokens

    def _percent(self, tokens: _Tokens, cost: int) -> int:
        full = tokens.rate.burst * _NS_PER_S
        return 100 * (full - tokens.level + cost * _NS_PER_S) // full

    def _reopens_ns(self, tokens: _Tokens) -> int:
        """Return how long it takes until the bucket is out of the strict stages."""
        wanted = tokens.rate.burst * _NS_PER_S * 30 // 100
        return max(1, (wanted - tokens.level) // tokens.rate.per_second)


def _whole(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
    return int(text) if is_number else None
