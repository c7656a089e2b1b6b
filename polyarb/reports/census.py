"""The opportunity census of one or several tapes: what was seen, what survived, and the verdict."""

import msgspec

from polyarb.domain.messages import JournalMessage, Tier
from polyarb.domain.plan import Family
from polyarb.ports import FeedStatistics
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
    raw hits); quality and unusable count faults of the data by name; episodes one entry a family
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
    unknown_tokens: int
    covered_ns: int
    settled: int
    raw_hits: dict[Family, int]
    rejected: dict[str, int]
    tradable: dict[Family, int]
    quality: dict[str, int]
    episodes: tuple[FamilyCensus, ...]
    best: tuple[EpisodeSeen, ...]
    planned: int
    denied: dict[str, int]
    reachable: dict[Tier, TierReach]
    haircut: Haircut | None
    verdict: EdgeVerdict


class CensusFold:
    """Folds what runs over tapes said; one fold may take several runs, one after another."""

    def __init__(self) -> None:
        self._opportunities = OpportunityFold()
        self._execution = ExecutionFold()
        self._tapes: list[str] = []
        self._frames = self._messages = self._unknown_tokens = self._covered_ns = 0
        self._tokens = self._markets = 0
        self._unusable: dict[str, int] = {}

    def apply(self, message: JournalMessage) -> None:
        """Take one message, in order."""
        self._opportunities.apply(message)
        self._execution.apply(message)

    def add_tape(
        self,
        name: str,
        statistics: FeedStatistics,
        *,
        markets: int,
        tokens: int,
        covered_ns: int,
    ) -> None:
        """Take the counters of a tape that was played to its end."""
        self._tapes.append(name)
        self._frames += statistics.frames
        self._messages += statistics.messages
        self._unknown_tokens += statistics.unknown_tokens
        self._covered_ns += covered_ns
        self._markets += markets
        self._tokens += tokens
        for reason, count in statistics.rejected.items():
            self._unusable[reason] = self._unusable.get(reason, 0) + count

    def census(self) -> Census:
        """Conclude."""
        opportunities = self._opportunities.census()
        execution = self._execution.execution()
        return Census(
            tapes=tuple(self._tapes),
            frames=self._frames,
            messages=self._messages,
            tokens=self._tokens,
            markets=self._markets,
            unusable=dict(sorted(self._unusable.items())),
            unknown_tokens=self._unknown_tokens,
            covered_ns=self._covered_ns,
            settled=opportunities.settled,
            raw_hits={one.family: one.raw_hits for one in opportunities.families},
            rejected=opportunities.rejected,
            tradable={one.family: one.tradable for one in opportunities.families},
            quality=opportunities.quality,
            episodes=opportunities.families,
            best=opportunities.best,
            planned=execution.plans.placed,
            denied=_denied(execution),
            reachable=_reachable(execution),
            haircut=execution.haircut,
            verdict=judge(opportunities, execution),
        )


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
