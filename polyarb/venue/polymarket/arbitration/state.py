"""What the arbiter remembers of markets and sources. Memory: bounded by markets times sources."""

from collections.abc import Collection, Iterable

import msgspec

from polyarb.venue.polymarket.arbitration.scoring import Judging
from polyarb.venue.polymarket.arbitration.sequencer import Sequence

NOBODY = -1
PENDING_MAX = 4
"""Tick changes and resolutions that wait for the book of their market."""


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A source by name, in order of preference; a last resort is used only where no other can be.

    Only sources that tell every change are compared with each other: not one that polls.
    """

    name: str
    is_last_resort: bool = False
    tells_every_change: bool = True


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long the arbiter waits before it concludes something. Units: milliseconds.

    behind_ms + tick_ms is below one second: that is how fast a freeze that another source shows
    ends in a switch. A book older by more than behind_ms than what any source told is stale.
    """

    tick_ms: int = 100
    behind_ms: int = 700
    answer_ms: int = 1_000
    answer_ms_max: int = 30_000
    silence_ms: int = 30_000
    shun_ms: int = 5_000
    return_ms: int = 5_000
    future_ms_max: int = 5_000
    hollow_ms: int = 500
    judging: Judging = Judging()


class Track:
    """One source's part in one market."""

    __slots__ = ("good_since_ns", "hollow_ns", "is_lost", "sequence", "shunned_until_ns")

    HOLLOW_NS_MAX = 60 * 10**9

    def __init__(self, sisters: dict[str, str]) -> None:
        self.sequence = Sequence(sisters)
        self.is_lost = False
        self.good_since_ns = 0
        self.shunned_until_ns = 0
        self.hollow_ns = 0

    def lose(self) -> None:
        """Use it no more until its next book."""
        self.is_lost = True
        self.good_since_ns = 0
        self.sequence.restart()

    def heal(self, now_ns: int) -> None:
        """Take note of a book."""
        self.is_lost = False
        self.good_since_ns = self.good_since_ns or now_ns

    def confirms_hollow(self, now_ns: int, wait_ns: int) -> bool:
        """Tell whether a hollow book was told before, long enough ago to be asked for anew."""
        age_ns = now_ns - self.hollow_ns
        if not self.hollow_ns or age_ns > self.HOLLOW_NS_MAX:
            self.hollow_ns = now_ns
            return False
        return age_ns >= wait_ns


class MarketState:
    """One market: whose books are passed on, and of which tokens they are."""

    __slots__ = (
        "active",
        "ahead_ms",
        "ahead_ns",
        "asked_ns",
        "assets",
        "attempts",
        "fresh",
        "is_live",
        "is_narrow",
        "pending",
        "sisters",
        "tracks",
    )

    def __init__(self, assets: frozenset[str], sources: int, active: int) -> None:
        tokens = sorted(assets)
        self.assets = assets
        self.sisters = {tokens[0]: tokens[1], tokens[1]: tokens[0]} if len(tokens) == 2 else {}
        self.tracks = [Track(self.sisters) for _ in range(sources)]
        self.active = active
        self.fresh: frozenset[str] = frozenset()
        self.is_live = False
        self.is_narrow = False
        self.asked_ns = 0
        self.attempts = 0
        self.ahead_ms = 0
        self.ahead_ns = 0
        self.pending: list[bytes] = []

    def forget(self) -> None:
        """Pass nothing on until fresh books come."""
        self.fresh = frozenset()
        self.is_live = False
        self.ahead_ms = self.ahead_ns = 0
        self.pending.clear()


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What the active source last said of a token. Units: top in micros, None if not told."""

    source: str
    venue_time_ms: int
    hash: str
    top: tuple[int, int] | None


def markets_of(
    groups: Iterable[Collection[str]],
    known: dict[str, MarketState],
    sources: int,
) -> dict[str, MarketState]:
    """Return the state by token of these groups; a group that was known keeps its state."""
    found: dict[str, MarketState] = {}
    for group in groups:
        assets = frozenset(group)
        if not assets:
            continue
        state = known.get(min(assets))
        if state is None or state.assets != assets:
            state = MarketState(assets, sources, 0)
        found.update(dict.fromkeys(assets, state))
    return found
