"""The census: what looked like arbitrage, what each guard removed, how long the rest lasted."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from polyarb.domain.ids import RelationId
from polyarb.domain.messages import (
    CensusCounted,
    JournalMessage,
    OpportunityFound,
    OpportunityLost,
)
from polyarb.domain.plan import Family
from polyarb.domain.units import ATTO, proceeds_down
from polyarb.reports.statistics import rank, survival_quantile

EPISODES_SHOWN = 100


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """The best edge of each episode. Units: picos of a USD a set; None without an episode."""

    median: int | None
    highest: int | None


class FamilyCensus(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one family.

    raw_hits counts evaluation points that looked like arbitrage, tradable those that survived
    every guard and sizing. An episode is a stretch of time in which the inequality held before
    fees; net_positive counts those that ever held after fees, planned those that were taken up,
    censored those whose true end was not seen. Durations are Kaplan-Meier estimates; None: too few
    ended within what was seen.
    Units: durations in nanoseconds, quantity in micro-sets, profit (one shot an episode, at its
    best, as sized) in micros of a USD.
    """

    family: Family
    raw_hits: int
    tradable: int
    episodes: int
    censored: int
    net_positive: int
    planned: int
    duration_ns_median: int | None
    duration_ns_p90: int | None
    gross: Edges
    net: Edges
    quantity_median: int | None
    profit_total: int
    profit_max: int | None
    lost_by_reason: dict[str, int]


class EpisodeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One episode at its best.

    Units: unix nanoseconds; edges in picos of a USD a set, quantity in micro-sets, profit (as
    sized, 0 where sizing found none) in micros of a USD.
    """

    family: Family
    relation_id: RelationId
    opened_ns: int
    duration_ns: int
    is_censored: bool
    is_planned: bool
    edge_gross_max: int
    edge_net_max: int
    quantity_max: int
    profit_max: int
    reason: str


class Opportunities(msgspec.Struct, frozen=True, kw_only=True):
    """The census of a stretch of time; every family is listed.

    Shape: settled counts evaluation points (books at the end of a venue timestamp); rejected maps
    a reason to points, quality a fault of the data to its count; best lists the EPISODES_SHOWN
    episodes that came nearest to earning, best net edge first.
    """

    settled: int
    rejected: dict[str, int]
    quality: dict[str, int]
    families: tuple[FamilyCensus, ...]
    best: tuple[EpisodeSeen, ...]

    @property
    def episodes(self) -> int:
        """Count the episodes of all families."""
        return sum(family.episodes for family in self.families)

    @property
    def net_positive(self) -> int:
        """Count the episodes that ever held after fees."""
        return sum(family.net_positive for family in self.families)


class OpportunityFold:
    """Folds the messages of a stretch of time into its census."""

    def __init__(self) -> None:
        self._settled = 0
        self._raw_hits: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._tradable: Counter[str] = Counter()
        self._quality: Counter[str] = Counter()
        self._open: dict[str, OpportunityFound] = {}
        self._lost: dict[Family, list[OpportunityLost]] = {family: [] for family in Family}

    def apply(self, message: JournalMessage) -> None:
        """Take one message, in order."""
        match message:
            case CensusCounted():
                self.count(message)
            case OpportunityFound():
                self.find(message)
            case OpportunityLost():
                self.lose(message)
            case _:
                pass

    def count(self, message: CensusCounted) -> None:
        """Add counts up."""
        self._settled += message.settled
        for total, counts in (
            (self._raw_hits, message.raw_hits),
            (self._rejected, message.rejected),
            (self._tradable, message.tradable),
            (self._quality, message.quality),
        ):
            for name, number in counts.items():
                total[name] += number

    def find(self, message: OpportunityFound) -> None:
        """Begin an episode."""
        self._open[message.opportunity_id] = message

    def lose(self, message: OpportunityLost) -> None:
        """End an episode."""
        self._open.pop(message.opportunity_id, None)
        self._lost[message.family].append(message)

    def end_run(self, ended_ns: int) -> None:
        """Censor the episodes whose end was never told, as after a crash."""
        for found in self._open.values():
            self._lost[found.family].append(_censored(found, ended_ns))
        self._open.clear()

    def census(self) -> Opportunities:
        """Conclude."""
        return Opportunities(
            settled=self._settled,
            rejected=dict(sorted(self._rejected.items())),
            quality=dict(sorted(self._quality.items())),
            families=tuple(self._family(family) for family in Family),
            best=self._best(),
        )

    def episodes(self) -> tuple[EpisodeSeen, ...]:
        """List every episode in the order in which they opened."""
        lost = [episode for family in Family for episode in self._lost[family]]
        lost.sort(key=lambda episode: episode.opened_ns)
        return tuple(map(_seen, lost))

    def _best(self) -> tuple[EpisodeSeen, ...]:
        lost = [episode for family in Family for episode in self._lost[family]]
        lost.sort(key=lambda episode: (-episode.edge_net_max, episode.opened_ns))
        return tuple(_seen(episode) for episode in lost[:EPISODES_SHOWN])

    def _family(self, family: Family) -> FamilyCensus:
        lost = self._lost[family]
        lives = [(episode.duration_ns, episode.is_censored) for episode in lost]
        sized = [episode for episode in lost if episode.quantity_max > 0]
        profits = [int(proceeds_down(episode.profit_max, ATTO)) for episode in sized]
        return FamilyCensus(
            family=family,
            raw_hits=self._raw_hits[family],
            tradable=self._tradable[family],
            episodes=len(lost),
            censored=sum(episode.is_censored for episode in lost),
            net_positive=sum(episode.edge_net_max > 0 for episode in lost),
            planned=sum(episode.is_planned for episode in lost),
            duration_ns_median=survival_quantile(lives, 50),
            duration_ns_p90=survival_quantile(lives, 90),
            gross=_edges([episode.edge_gross_max for episode in lost]),
            net=_edges([episode.edge_net_max for episode in lost]),
            quantity_median=rank([episode.quantity_max for episode in sized], 50),
            profit_total=sum(profits),
            profit_max=max(profits, default=None),
            lost_by_reason=dict(sorted(Counter(e.reason for e in lost if e.reason).items())),
        )


def _edges(values: Sequence[int]) -> Edges:
    return Edges(median=rank(values, 50), highest=max(values, default=None))


def _seen(episode: OpportunityLost) -> EpisodeSeen:
    return EpisodeSeen(
        family=episode.family,
        relation_id=episode.relation_id,
        opened_ns=episode.opened_ns,
        duration_ns=episode.duration_ns,
        is_censored=episode.is_censored,
        is_planned=episode.is_planned,
        edge_gross_max=episode.edge_gross_max,
        edge_net_max=episode.edge_net_max,
        quantity_max=episode.quantity_max,
        profit_max=int(proceeds_down(episode.profit_max, ATTO)),
        reason=episode.reason,
    )


def _censored(found: OpportunityFound, ended_ns: int) -> OpportunityLost:
    return OpportunityLost(
        receive_time_ns=ended_ns,
        opportunity_id=found.opportunity_id,
        family=found.family,
        relation_id=found.relation_id,
        opened_ns=found.receive_time_ns,
        duration_ns=max(0, ended_ns - found.receive_time_ns),
        edge_gross_max=found.edge_gross,
        edge_net_max=found.edge_net,
        quantity_max=0,
        profit_max=0,
        reason="",
        is_planned=False,
        is_censored=True,
    )
