"""The opportunity census of one or several tapes: what was seen, what survived, and the verdict."""

from collections.abc import Iterable

import msgspec

from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import JournalMessage, RunStarted, Tier
from polyarb.domain.plan import Family
from polyarb.reports.completeness import add_counts
from polyarb.reports.execution import Execution, ExecutionFold, Haircut
from polyarb.reports.opportunities import (
    EpisodeSeen,
    FamilyCensus,
    OpportunityFold,
)
from polyarb.reports.verdict import EdgeVerdict, judge


class TierReach(msgspec.Struct, frozen=True, kw_only=True):
    """What one tier reached. Units: profit in micros of a USD."""

    measured: int
    complete: int
    reachable: int
    profit: int


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """What tapes held; `--json` is exactly this value.

    Shape: raw_hits and tradable by family, each listed; rejected by reason (rejected + tradable =
    raw hits); unusable and noted count messages by what was wrong or odd, quality faults of books
    by name; episodes lists every episode as it opened, families sums them up, one entry a family
    with its edges before (gross) and after fees (net); best the episodes that came nearest to
    earning; reachable by tier.
    Units: as those of the structs inside; covered in nanoseconds of the tapes' time.
    """

    tapes: tuple[str, ...]
    frames: int
    messages: int
    tokens: int
    markets: int
    unusable: dict[str, int]
    noted: dict[str, int]
    unknown_tokens: int
    covered_ns: int
    settled: int
    raw_hits: dict[Family, int]
    rejected: dict[str, int]
    tradable: dict[Family, int]
    quality: dict[str, int]
    episodes: tuple[EpisodeSeen, ...]
    families: tuple[FamilyCensus, ...]
    best: tuple[EpisodeSeen, ...]
    planned: int
    denied: dict[str, int]
    reachable: dict[Tier, TierReach]
    haircut: Haircut | None
    verdict: EdgeVerdict


class Instruments(msgspec.Struct, frozen=True, kw_only=True):
    """How many markets and outcome tokens were watched."""

    markets: int
    tokens: int


class CensusFold:
    """Folds the records of runs over tapes; one fold may take several runs, one after another."""

    def __init__(self) -> None:
        self._opportunities = OpportunityFold()
        self._execution = ExecutionFold()
        self._tapes: list[str] = []
        self._feeds: list[FeedMeasured] = []
        self._covered_ns = 0
        self._started_ns = self._last_ns = 0
        self._measured: FeedMeasured | None = None

    def apply(self, message: JournalMessage) -> None:
        """Take one message, in order."""
        if isinstance(message, RunStarted):
            self._end_run()
            self._tapes.append(message.feed)
            self._started_ns = message.receive_time_ns
        elif isinstance(message, FeedMeasured):
            self._measured = message
        self._last_ns = message.receive_time_ns
        self._opportunities.apply(message)
        self._execution.apply(message)

    def census(self, watched: Instruments) -> Census:
        """Conclude; watched tells what the tapes are of."""
        self._end_run()
        opportunities = self._opportunities.census()
        execution = self._execution.execution()
        return Census(
            tapes=tuple(self._tapes),
            frames=sum(feed.frames for feed in self._feeds),
            messages=sum(feed.messages for feed in self._feeds),
            tokens=watched.tokens,
            markets=watched.markets,
            unusable=add_counts(feed.rejected for feed in self._feeds),
            noted=add_counts(feed.noted for feed in self._feeds),
            unknown_tokens=sum(feed.unknown_tokens for feed in self._feeds),
            covered_ns=self._covered_ns,
            settled=opportunities.settled,
            raw_hits={one.family: one.raw_hits for one in opportunities.families},
            rejected=opportunities.rejected,
            tradable={one.family: one.tradable for one in opportunities.families},
            quality=opportunities.quality,
            episodes=self._opportunities.episodes(),
            families=opportunities.families,
            best=opportunities.best,
            planned=execution.plans.placed,
            denied=_denied(execution),
            reachable=_reachable(execution),
            haircut=execution.haircut,
            verdict=judge(opportunities, execution),
        )

    def _end_run(self) -> None:
        """Take a run's last measurement; a run without its end leaves its episodes censored."""
        if self._measured is not None:
            self._feeds.append(self._measured)
        self._measured = None
        if self._started_ns:
            self._covered_ns += max(0, self._last_ns - self._started_ns)
        self._started_ns = 0
        self._opportunities.end_run(self._last_ns)


def build_census(messages: Iterable[JournalMessage], watched: Instruments) -> Census:
    """Fold what runs over tapes said into their census."""
    fold = CensusFold()
    for message in messages:
        fold.apply(message)
    return fold.census(watched)


def _denied(execution: Execution) -> dict[str, int]:
    return {f"{no.stage}/{no.reason}": no.count for no in execution.plans.denied}


def _reachable(execution: Execution) -> dict[Tier, TierReach]:
    return {
        result.tier: TierReach(
            measured=result.measured,
            complete=result.complete,
            reachable=result.reachable,
            profit=result.profit,
        )
        for result in execution.tiers
    }
