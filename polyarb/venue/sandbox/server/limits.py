"""How much may be asked: token buckets of a signer and sliding windows of an address.

The venue's proxy delays who asks too often; this one refuses with 429 and Retry-After, so that a
client's own restraint can be tested without waiting. Source: polymarket.md 3.5. Units: nanoseconds.
"""

from collections import OrderedDict, deque
from enum import StrEnum

import msgspec

_NS_PER_S = 1_000_000_000
_KEPT_MAX = 10_000
"""So many signers and addresses are remembered; the one that was seen longest ago is forgotten."""

_PATH_LENGTH_MAX = 200
"""What is asked for under a longer path is looked up anew each time."""


class Bucket(StrEnum):
    """Which of a signer's two buckets a request draws on."""

    ORDERS = "orders"
    CANCELS = "cancels"


class TierName(StrEnum):
    """What a signer may do; `generous` limits nobody, the others are the venue's."""

    GENEROUS = "generous"
    STANDARD = "standard"
    ELITE = "elite"


class Rate(msgspec.Struct, frozen=True):
    """A token bucket's figures. Units: tokens a second, tokens."""

    per_second: int
    burst: int


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """The two buckets of a signer; with overdraft a cancel of everything may leave less than 0."""

    orders: Rate
    cancels: Rate
    has_overdraft: bool = False

    def rate(self, bucket: Bucket) -> Rate:
        """Return the figures of a bucket."""
        return self.orders if bucket is Bucket.ORDERS else self.cancels


TIERS: dict[TierName, Tier] = {
    TierName.GENEROUS: Tier(orders=Rate(100_000, 200_000), cancels=Rate(100_000, 200_000)),
    TierName.STANDARD: Tier(orders=Rate(40, 60), cancels=Rate(80, 120)),
    TierName.ELITE: Tier(orders=Rate(600, 900), cancels=Rate(1_200, 1_800), has_overdraft=True),
}


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests from one address in so many seconds.

    Shape: an empty method is any; a path ends with / where it stands for all below it, and an
    empty one is the whole service; no service is all of them.
    """

    limit: int
    seconds: int = 10
    service: str = ""
    method: str = ""
    paths: tuple[str, ...] = ()

    def counts(self, service: str, method: str, path: str) -> bool:
        """Tell whether a request falls under it."""
        if self.service not in ("", service) or self.method not in ("", method):
            return False
        return not self.paths or any(
            path == each or (each.endswith("/") and path.startswith(each)) for each in self.paths
        )


def _clob(limit: int, *paths: str, method: str = "", seconds: int = 10) -> Window:
    return Window(limit=limit, seconds=seconds, service="clob", method=method, paths=paths)


def _gamma(limit: int, *paths: str) -> Window:
    return Window(limit=limit, service="gamma", paths=paths)


def _trading(method: str, path: str, burst: int, sustained: int) -> tuple[Window, Window]:
    return (
        _clob(burst, path, method=method),
        _clob(sustained, path, method=method, seconds=600),
    )


WINDOWS: tuple[Window, ...] = (
    Window(limit=15_000),
    Window(limit=100, paths=("/ok",)),
    _clob(9_000),
    _clob(1_500, "/book"),
    _clob(1_500, "/price"),
    _clob(1_500, "/midpoint"),
    _clob(500, "/books"),
    _clob(500, "/prices"),
    _clob(500, "/midpoints"),
    _clob(1_000, "/prices-history"),
    _clob(200, "/tick-size"),
    _clob(200, "/balance-allowance", method="GET"),
    _clob(50, "/balance-allowance/update"),
    _clob(
        900,
        "/data/trades",
        "/data/orders",
        "/notifications",
        "/order",
        "/data/order/",
        method="GET",
    ),
    _clob(500, "/data/orders"),
    _clob(500, "/data/trades"),
    _clob(125, "/notifications"),
    _clob(100, "/auth/"),
    *_trading("POST", "/order", 5_000, 120_000),
    *_trading("DELETE", "/order", 5_000, 120_000),
    *_trading("POST", "/orders", 2_000, 21_000),
    *_trading("DELETE", "/orders", 2_000, 15_000),
    *_trading("DELETE", "/cancel-all", 250, 6_000),
    *_trading("DELETE", "/cancel-market-orders", 1_500, 21_000),
    _gamma(4_000),
    _gamma(500, "/events", "/events/"),
    _gamma(300, "/markets", "/markets/"),
    _gamma(900, "/events", "/events/", "/markets", "/markets/"),
    _gamma(350, "/public-search"),
    _gamma(200, "/comments", "/tags"),
    Window(limit=1_000, service="data"),
    Window(limit=200, service="data", paths=("/v2/trades",)),
    Window(limit=150, service="data", paths=("/v2/positions",)),
    Window(limit=25, seconds=60, service="relayer", method="POST", paths=("/submit",)),
)


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How strict the sandbox is.

    Shape: in warning mode a signer is told of a breach and let through.
    """

    tier: TierName = TierName.GENEROUS
    is_warning: bool = False
    is_address_limited: bool = False


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What a signer's bucket says to one request. Units: remaining tokens, whole seconds."""

    is_admitted: bool
    is_warned: bool
    remaining: int
    wait_s: int
    reset_s: int
    tier: TierName

    def headers(self) -> dict[str, str]:
        """Return the headers that tell a signer where it stands."""
        told = {
            "Poly-RateLimit-Remaining": str(self.remaining),
            "Poly-RateLimit-Reset": str(self.reset_s),
            "Poly-RateLimit-Tier": self.tier.value,
        }
        if self.is_warned:
            told["Poly-RateLimit-Warning"] = "true"
        if not self.is_admitted:
            told["Retry-After"] = str(self.wait_s)
        return told


class _Tokens(msgspec.Struct):
    """A bucket as it stands. Units: level in tokens times 10^9."""

    level: int
    filled_ns: int


class SignerLimits:
    """The token buckets of all signers."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._tier = TIERS[settings.tier]
        self._buckets: OrderedDict[tuple[str, Bucket], _Tokens] = OrderedDict()

    def draw(self, signer: str, bucket: Bucket, cost: int, now_ns: int) -> Allowance:
        """Take the tokens of a whole request, or none of them.

        A request that costs more than a full bucket holds is let through when the bucket is full.
        """
        rate = self._tier.rate(bucket)
        tokens = self._filled(signer, bucket, rate, now_ns)
        needed = min(cost, rate.burst) * _NS_PER_S
        missing = needed - tokens.level
        is_short = missing > 0
        if not is_short:
            tokens.level -= needed
        wait_s = -(-missing // (rate.per_second * _NS_PER_S)) if is_short else 0
        return Allowance(
            is_admitted=not is_short or self._settings.is_warning,
            is_warned=is_short and self._settings.is_warning,
            remaining=tokens.level // _NS_PER_S,
            wait_s=wait_s,
            reset_s=now_ns // _NS_PER_S + wait_s,
            tier=self._settings.tier,
        )

    def charge(self, signer: str, bucket: Bucket, cost: int, now_ns: int) -> int:
        """Take the tokens of what was already done, and return how many are left."""
        tokens = self._filled(signer, bucket, self._tier.rate(bucket), now_ns)
        tokens.level -= cost * _NS_PER_S
        if not self._tier.has_overdraft:
            tokens.level = max(tokens.level, 0)
        return tokens.level // _NS_PER_S

    def _filled(self, signer: str, bucket: Bucket, rate: Rate, now_ns: int) -> _Tokens:
        full = rate.burst * _NS_PER_S
        tokens = self._buckets.get((signer, bucket))
        if tokens is None:
            tokens = self._buckets[signer, bucket] = _Tokens(full, now_ns)
            if len(self._buckets) > _KEPT_MAX:
                self._buckets.popitem(last=False)
            return tokens
        self._buckets.move_to_end((signer, bucket))
        elapsed_ns = max(0, now_ns - tokens.filled_ns)
        tokens.level = min(full, tokens.level + elapsed_ns * rate.per_second)
        tokens.filled_ns = max(now_ns, tokens.filled_ns)
        return tokens


class AddressLimits:
    """The requests of each address in every window; shared by all services."""

    def __init__(self, settings: LimitSettings) -> None:
        self._is_on = settings.is_address_limited
        self._hits: OrderedDict[tuple[str, Window], deque[int]] = OrderedDict()
        self._windows: dict[tuple[str, str, str], tuple[Window, ...]] = {}

    def admit(self, address: str, service: str, method: str, path: str, now_ns: int) -> int:
        """Count a request, or return how many seconds it has to wait."""
        if not self._is_on:
            return 0
        windows = self._windows_of(service, method, path)
        waits = [self._wait_s(address, window, now_ns) for window in windows]
        if any(waits):
            return max(waits)
        for window in windows:
            self._hits[address, window].append(now_ns)
        return 0

    def _windows_of(self, service: str, method: str, path: str) -> tuple[Window, ...]:
        asked = (service, method, path)
        known = self._windows.get(asked)
        if known is None:
            known = tuple(window for window in WINDOWS if window.counts(*asked))
            if len(self._windows) >= _KEPT_MAX:
                self._windows.clear()
            if len(path) <= _PATH_LENGTH_MAX:
                self._windows[asked] = known
        return known

    def _wait_s(self, address: str, window: Window, now_ns: int) -> int:
        hits = self._hits.setdefault((address, window), deque())
        self._hits.move_to_end((address, window))
        if len(self._hits) > _KEPT_MAX:
            self._hits.popitem(last=False)
        width_ns = window.seconds * _NS_PER_S
        while hits and hits[0] <= now_ns - width_ns:
            hits.popleft()
        if len(hits) < window.limit:
            return 0
        return max(1, -(-(hits[0] + width_ns - now_ns) // _NS_PER_S))
