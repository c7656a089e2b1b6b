"""Keeps this machine below the venue's rate limits: sliding windows and stages of restraint.

Everything shares one governor, as the venue counts by address. Times are monotonic nanoseconds.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum

import msgspec

from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind

WINDOW_NS = 10_000_000_000
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class Scope(StrEnum):
    """What a limit counts; a request counts in several."""

    ALL = "all hosts"
    SITE = "polymarket.com"
    OK = "/ok"
    GAMMA = "gamma"
    GAMMA_LISTS = "gamma /events and /markets"
    GAMMA_EVENTS = "gamma /events"
    GAMMA_MARKETS = "gamma /markets"
    CLOB = "clob"
    BOOK = "/book"
    BOOKS = "/books"


LIMITS: Mapping[Scope, int] = {
    Scope.ALL: 15_000,
    Scope.SITE: 100,
    Scope.OK: 100,
    Scope.GAMMA: 4_000,
    Scope.GAMMA_LISTS: 900,
    Scope.GAMMA_EVENTS: 500,
    Scope.GAMMA_MARKETS: 300,
    Scope.CLOB: 9_000,
    Scope.BOOK: 1_500,
    Scope.BOOKS: 500,
}
"""Requests in 10 s from one address. Source: polymarket.md 3.5; none is documented for the site,
its figure is that of /ok."""


class Priority(StrEnum):
    """What a request is for."""

    ESSENTIAL = "essential"
    """Without it books are not true: snapshots."""
    BACKGROUND = "background"
    """It may wait: catalogue, checks."""


class Stage(StrEnum):
    """How much restraint the used share of a limit asks for."""

    FREE = "free"
    NORMAL = "normal"
    SLOW = "slow"
    ESSENTIAL_ONLY = "essential only"
    STOP = "stop"


class Pace(msgspec.Struct, frozen=True):
    """A stage: from which used share on, and at what pace requests of a priority go.

    Units: percent of the limit. A pace is the share that requests so spaced fill by themselves;
    100 is as they come, 0 is not at all.
    """

    stage: Stage
    from_percent: int
    essential: int
    background: int

    def percent(self, priority: Priority) -> int:
        """Return the pace of a priority."""
        return self.essential if priority is Priority.ESSENTIAL else self.background


STAGES = (
    Pace(Stage.STOP, 95, essential=0, background=0),
    Pace(Stage.ESSENTIAL_ONLY, 90, essential=80, background=0),
    Pace(Stage.SLOW, 70, essential=80, background=40),
    Pace(Stage.NORMAL, 50, essential=100, background=60),
    Pace(Stage.FREE, 0, essential=100, background=100),
)
"""The strictest first; used so far counts, not what is about to be asked."""


class ScopeUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one limit is used. Units: requests in the last 10 s; milliseconds."""

    scope: Scope
    used: int
    limit: int
    stage: Stage
    paused_ms: int

    @property
    def percent(self) -> int:
        """Return the used share, rounded down."""
        return 100 * self.used // self.limit


class GovernorState(msgspec.Struct, frozen=True, kw_only=True):
    """What the governor has done up to now, and where it stands. Units: requests; milliseconds."""

    admitted: int
    waits: int
    waited_ms: int
    refusals: int
    pauses: int
    scopes: tuple[ScopeUse, ...]

    @property
    def tightest(self) -> ScopeUse:
        """Return the scope that is nearest to its limit."""
        return max(self.scopes, key=lambda use: (use.paused_ms > 0, use.used / use.limit))


class _Window:
    """The requests of one scope in the last 10 s."""

    def __init__(self, scope: Scope, limit: int) -> None:
        self.scope = scope
        self.limit = limit
        self._hits: deque[int] = deque()
        self._paused_until_ns = 0

    def wait_ns(self, priority: Priority, now_ns: int) -> int:
        """Return how long a request has to wait as things stand."""
        if now_ns < self._paused_until_ns:
            return self._paused_until_ns - now_ns
        percent = self.pace(now_ns).percent(priority)
        if percent == 0:
            return self._opens_ns(priority) - now_ns
        if percent == 100:
            return 0
        spacing_ns = 100 * WINDOW_NS // (percent * self.limit)
        return max(0, self._hits[-1] + spacing_ns - now_ns)

    def pace(self, now_ns: int) -> Pace:
        """Return the stage that holds now."""
        while self._hits and self._hits[0] <= now_ns - WINDOW_NS:
            self._hits.popleft()
        used = 100 * len(self._hits)
        return next(pace for pace in STAGES if used >= pace.from_percent * self.limit)

    def _opens_ns(self, priority: Priority) -> int:
        """Return when enough requests have left the window for this priority to go again."""
        closed_from = min(pace.from_percent for pace in STAGES if pace.percent(priority) == 0)
        admissible = -(-closed_from * self.limit // 100)
        return self._hits[max(0, len(self._hits) - admissible)] + WINDOW_NS

    def count(self, now_ns: int) -> None:
        self._hits.append(now_ns)

    def pause(self, until_ns: int) -> None:
        self._paused_until_ns = max(self._paused_until_ns, until_ns)

    def use(self, now_ns: int) -> ScopeUse:
        stage = self.pace(now_ns).stage
        return ScopeUse(
            scope=self.scope,
            used=len(self._hits),
            limit=self.limit,
            stage=stage,
            paused_ms=-(-max(0, self._paused_until_ns - now_ns) // _NS_PER_MS),
        )


class Governor:
    """Lets requests go when every limit that counts them has room."""

    def __init__(
        self,
        monotonic_ns: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        limits: Mapping[Scope, int] = LIMITS,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._sleep = sleep
        self._windows = {scope: _Window(scope, limit) for scope, limit in limits.items()}
        self._admitted = 0
        self._waits = 0
        self._waited_ns = 0
        self._refusals = 0
        self._pauses = 0

    async def admit(self, scopes: Sequence[Scope], priority: Priority, deadline_ns: int) -> None:
        """Return when a request may go, and count it. Errors: RestError if that is too late."""
        began_ns = now_ns = self._monotonic_ns()
        while True:
            window, wait_ns = self._narrowest(scopes, priority, now_ns)
            if wait_ns <= 0:
                break
            if now_ns + wait_ns > deadline_ns:
                self._refusals += 1
                raise _refusal(window.use(now_ns), wait_ns)
            await self._sleep(wait_ns / _NS_PER_S)
            now_ns = self._monotonic_ns()
        for scope in scopes:
            self._windows[scope].count(now_ns)
        self._admitted += 1
        self._waits += now_ns > began_ns
        self._waited_ns += now_ns - began_ns

    def pause(self, scopes: Sequence[Scope], wait_ms: int) -> None:
        """Let nothing go to these scopes for a while, as the venue asked for."""
        self._pauses += 1
        until_ns = self._monotonic_ns() + wait_ms * _NS_PER_MS
        for scope in scopes:
            self._windows[scope].pause(until_ns)

    def state(self) -> GovernorState:
        """Return where it stands."""
        now_ns = self._monotonic_ns()
        return GovernorState(
            admitted=self._admitted,
            waits=self._waits,
            waited_ms=self._waited_ns // _NS_PER_MS,
            refusals=self._refusals,
            pauses=self._pauses,
            scopes=tuple(window.use(now_ns) for window in self._windows.values()),
        )

    def _narrowest(
        self, scopes: Sequence[Scope], priority: Priority, now_ns: int
    ) -> tuple[_Window, int]:
        waits = [
            (self._windows[scope], self._windows[scope].wait_ns(priority, now_ns))
            for scope in scopes
        ]
        return max(waits, key=lambda each: each[1])


def _refusal(use: ScopeUse, wait_ns: int) -> RestError:
    found = (
        "a pause that the venue asked for"
        if use.paused_ms
        else f"{use.used} of {use.limit} requests in 10 s used ({use.stage})"
    )
    return RestError(
        f"expected room for a request to {use.scope}, found: {found}, free again in "
        f"{wait_ns / _NS_PER_S:.1f} s; ask less often: raise venue.poll_ms and venue.check_ms",
        RestFaultKind.RATE_LIMITED,
        retry_after_ms=-(-wait_ns // _NS_PER_MS),
        retryable=True,
    )
