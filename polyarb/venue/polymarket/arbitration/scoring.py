"""How good each source is, from what it tells and misses; deterministic, no clock, no I/O.

A source whose faults are many, absolutely and beside what it tells, is isolated; it comes back
after a time without a fault, each time a longer one, so that it does not flap.
"""

from enum import StrEnum

import msgspec

NS_PER_MS = 1_000_000
NO_DELAY_MS = 2**62
"""Stands for the shortest delay of a time in which nothing came."""
PROBATIONS_TO_FORGET = 10
"""After so many times its probation without isolation a source's next one is short again."""


class Fault(StrEnum):
    """What speaks against a source."""

    LOST = "connection lost"
    SILENT = "tells nothing at all"
    BEHIND = "frozen: others tell what it does not"
    SKIPPED = "a change was not told"
    TOP_BROKE = "top of book does not continue"
    UNMIRRORED = "the two tokens disagree"
    LATE = "told too late to be put in its place"
    STALE_BOOK = "snapshot older than what was told"
    HOLLOW_BOOK = "book suddenly without a market"
    HASH_BROKE = "another book than the venue's own"
    AHEAD_OF_TIME = "venue time lies in the future"
    MALFORMED = "cannot be read"
    SLOW = "arrives too long after it was sent"
    DOUBTED = "the folded book does not fit"
    NO_ANSWER = "no snapshot when asked"


WEIGHTS: dict[Fault, float] = {
    Fault.BEHIND: 2.0,
    Fault.HASH_BROKE: 2.0,
    Fault.LATE: 0.25,
    Fault.HOLLOW_BOOK: 0.25,
    Fault.NO_ANSWER: 0.5,
}
"""What one fault counts; 1 where nothing is said."""


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """From when on a source is isolated, and how it comes back.

    Units: milliseconds; faults by weight, in the window, and for 1,000 messages in it.
    """

    window_ms: int = 60_000
    faults_max: int = 8
    faults_per_thousand_max: int = 5
    latency_ms_max: int = 5_000
    probation_ms: int = 30_000
    probation_ms_max: int = 600_000


class SourceStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a source. Shape: faults by reason; isolated is why, or empty."""

    source: str
    messages: int
    latency_ms: int
    faults: dict[str, int]
    isolated: str
    isolations: int
    markets: int


class Score:
    """The record of one source. Memory: constant. delay_ms_min is since it was last taken."""

    __slots__ = (
        "_clean_since_ns",
        "_counted",
        "_decayed_ns",
        "_judging",
        "_probation_ns",
        "_readmitted_ns",
        "_recent",
        "_weight",
        "counts",
        "delay_ms_min",
        "is_last_resort",
        "isolated",
        "isolations",
        "latency_ms",
        "latest_ns",
        "messages",
        "source",
    )

    def __init__(self, source: str, judging: Judging, *, is_last_resort: bool) -> None:
        self.source = source
        self.is_last_resort = is_last_resort
        self.messages = 0
        self.latency_ms = 0.0
        self.delay_ms_min = NO_DELAY_MS
        self.latest_ns = 0
        self.counts: dict[Fault, int] = {}
        self.isolated = ""
        self.isolations = 0
        self._judging = judging
        self._weight = 0.0
        self._recent = 0
        self._counted = 0
        self._readmitted_ns = 0
        self._decayed_ns = 0
        self._clean_since_ns = 0
        self._probation_ns = judging.probation_ms * NS_PER_MS

    def rank(self) -> tuple[bool, int]:
        """Order sources by quality, best first; equal ones keep the configured order."""
        latency_class = 0 if self.latency_ms < 1_000 else 1
        fault_class = int(2 * self._weight / self._judging.faults_max)
        return self.is_last_resort, min(fault_class, 2) + latency_class

    def fault(self, fault: Fault, now_ns: int) -> bool:
        """Count a fault; tell whether it is this one that isolates the source."""
        self.counts[fault] = self.counts.get(fault, 0) + 1
        self._weight += WEIGHTS.get(fault, 1.0)
        self._clean_since_ns = now_ns
        if self.isolated or not self._is_too_much():
            return False
        self.isolate(fault, now_ns)
        return True

    def isolate(self, reason: str, now_ns: int) -> None:
        """Use it no more until it has been good for the time of probation."""
        shortest_ns = self._judging.probation_ms * NS_PER_MS
        longest_ns = self._judging.probation_ms_max * NS_PER_MS
        was_good_ns = now_ns - self._readmitted_ns
        if not self.isolations or was_good_ns > PROBATIONS_TO_FORGET * self._probation_ns:
            self._probation_ns = shortest_ns
        else:
            self._probation_ns = min(2 * self._probation_ns, longest_ns)
        self.isolated = str(reason)
        self.isolations += 1
        self._clean_since_ns = now_ns

    @property
    def is_slow(self) -> bool:
        """Tell whether what it tells arrives too late to be of use."""
        return self.latency_ms > self._judging.latency_ms_max and not self.is_last_resort

    def pass_time(self, now_ns: int, *, has_faster: bool = True) -> bool:
        """Let old faults fade and probation end; tell whether it became isolated now.

        Where no source is faster, it is the venue or this machine that is late: the guard on lag
        keeps decisions off until it has caught up, and isolation would only add to the wait.
        """
        half_ns = self._judging.window_ms * NS_PER_MS // 2
        self._decayed_ns = self._decayed_ns or now_ns
        halves = (now_ns - self._decayed_ns) // half_ns
        if halves > 0:
            self._decayed_ns += halves * half_ns
            self._weight /= 1 << min(halves, 64)
            self._recent = (self._recent + self.messages - self._counted) >> min(halves, 64)
            self._counted = self.messages
        is_slow = self.is_slow and has_faster
        if is_slow:
            self._clean_since_ns = now_ns
        if not self.isolated:
            if is_slow:
                self.counts[Fault.SLOW] = self.counts.get(Fault.SLOW, 0) + 1
                self.isolate(Fault.SLOW, now_ns)
            return is_slow
        told_lately = self.latest_ns > self._clean_since_ns
        if told_lately and now_ns - self._clean_since_ns >= self._probation_ns:
            self.isolated = ""
            self._weight = 0.0
            self._readmitted_ns = now_ns
        return False

    def statistics(self, markets: int) -> SourceStatistics:
        """Return what is known of it, for so many markets that it tells at the moment."""
        return SourceStatistics(
            source=self.source,
            messages=self.messages,
            latency_ms=int(self.latency_ms),
            faults={str(fault): count for fault, count in sorted(self.counts.items())},
            isolated=self.isolated,
            isolations=self.isolations,
            markets=markets,
        )

    def _is_too_much(self) -> bool:
        recent = self._recent + self.messages - self._counted
        limit = max(
            self._judging.faults_max, recent * self._judging.faults_per_thousand_max / 1_000
        )
        return self._weight >= limit
