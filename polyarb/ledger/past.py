"""What a new run must know of the runs before it: open sets, the day's results, which runs count.

What was left on one venue is nothing to a run on another: it is kept apart.
A fold of the journal's messages like the ledger, of which nothing remains that is over: so small
that it can be kept beside the journal, and gone on with from there.
"""

from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from polyarb.domain.ids import PlanId
from polyarb.domain.messages import JournalMessage, PlanSized, RunStarted, SetSettled
from polyarb.domain.order import DayResult, HeldSet
from polyarb.domain.venue import TAPE
from polyarb.ledger.fold import sized_plan
from polyarb.ledger.plans import PlanAccount, PlanKey, held_set, settled_result
from polyarb.ledger.pnl import DAY_NS
from polyarb.ledger.postings import POSTINGS, OrderMessage, PlanMessage
from polyarb.ledger.runs import RunSpan, superseded, venue_of

HEARD = frozenset({RunStarted, PlanSized, *POSTINGS})


class PastState(msgspec.Struct, frozen=True, kw_only=True):
    """A past as it is written down. Shape: latest are the lives that messages still belong to."""

    runs: tuple[RunSpan, ...] = ()
    results: tuple[DayResult, ...] = ()
    plans: tuple[PlanAccount, ...] = ()
    latest: tuple[PlanKey, ...] = ()


@dataclass(slots=True)
class Past:
    """The same, as it grows."""

    runs: list[RunSpan] = field(default_factory=list)
    results: dict[tuple[int, int], DayResult] = field(default_factory=dict)
    plans: dict[PlanKey, PlanAccount] = field(default_factory=dict)
    latest: dict[tuple[str, PlanId], PlanKey] = field(default_factory=dict)
    ended_ns: int = 0

    @classmethod
    def of(cls, state: PastState) -> "Past":
        """Go on from what was written down."""
        venues = {span.ordinal: span.venue for span in state.runs}
        return cls(
            runs=list(state.runs),
            results={(result.run, result.day): result for result in state.results},
            plans={plan.key: plan for plan in state.plans},
            latest={(venues.get(key.run, ""), key.plan_id): key for key in state.latest},
            ended_ns=state.runs[-1].ended_ns if state.runs else 0,
        )

    def state(self) -> PastState:
        """Write it down."""
        return PastState(
            runs=self._spans(),
            results=tuple(self.results.values()),
            plans=tuple(self.plans.values()),
            latest=tuple(self.latest.values()),
        )

    @property
    def run(self) -> int:
        """Count the runs so far."""
        return len(self.runs)

    @property
    def venue(self) -> str:
        """Name the venue that the workspace is bound to by its first run there; empty for none."""
        return next((span.venue for span in self.runs if span.venue != TAPE), "")

    def apply(self, message: JournalMessage) -> None:
        """Fold one message in."""
        if type(message) in HEARD:  # most are not, and a journal is long
            if isinstance(message, RunStarted):
                self._begin(message)
            elif isinstance(message, PlanSized):
                self._draft(message)
            elif isinstance(message, PlanMessage):
                self._follow(message)
        if message.receive_time_ns > self.ended_ns:
            self.ended_ns = message.receive_time_ns

    def open_plans(self, venue: str) -> tuple[PlanAccount, ...]:
        """List what runs on a venue left open, of those that count."""
        counted = self._counted(venue)
        return tuple(
            plan for plan in self.plans.values() if plan.is_open and plan.key.run in counted
        )

    def left(self, venue: str) -> tuple[HeldSet, ...]:
        """Describe every open set of a venue to the run there that takes them over."""
        return tuple(map(held_set, self.open_plans(venue)))

    def day_results(self, venue: str) -> tuple[DayResult, ...]:
        """List what every run on a venue that counts settled on every day."""
        counted = self._counted(venue)
        return tuple(result for result in self.results.values() if result.run in counted)

    def _counted(self, venue: str) -> set[int]:
        spans = [span for span in self._spans() if span.venue == venue]
        return {span.ordinal for span in spans}.difference(superseded(spans))

    @property
    def _here(self) -> str:
        """Name the venue of the present run."""
        return self.runs[-1].venue if self.runs else ""

    def _spans(self) -> tuple[RunSpan, ...]:
        """List the runs, the last one as far as it got."""
        if not self.runs:
            return ()
        return (*self.runs[:-1], replace(self.runs[-1], ended_ns=self.ended_ns))

    def _begin(self, message: RunStarted) -> None:
        """Begin a run; what the one before had sized and not placed never will be."""
        for key in [key for key, plan in self.plans.items() if plan.expected is None]:
            del self.plans[key]
            del self.latest[self._here, key.plan_id]
        self.runs = list(self._spans())
        self.ended_ns = message.receive_time_ns
        self.runs.append(
            RunSpan(
                ordinal=len(self.runs) + 1,
                feed=message.feed,
                venue=venue_of(message),
                started_ns=message.receive_time_ns,
                ended_ns=message.receive_time_ns,
            )
        )

    def _draft(self, message: PlanSized) -> None:
        key = PlanKey(self.run, message.plan_id)
        known = self.plans.get(key)
        if known is not None and known.expected is not None:
            return
        self.latest[self._here, message.plan_id] = key
        self.plans[key] = sized_plan(key, message)

    def _follow(self, message: PlanMessage) -> None:
        key = self.latest.get((self._here, message.plan_id))
        if key is None:
            return
        plan = self.plans[key]
        if isinstance(message, OrderMessage) and message.order_id not in plan.orders:
            return
        after = POSTINGS[type(message)](plan, message).plan
        if after.is_settled and isinstance(message, SetSettled):
            self._add_result(plan, message)
        if after.is_over:
            del self.plans[key]
            del self.latest[self._here, message.plan_id]
        else:
            self.plans[key] = after

    def _add_result(self, plan: PlanAccount, message: SetSettled) -> None:
        place = (self.run, message.receive_time_ns // DAY_NS)
        before = self.results.get(place)
        pnl = settled_result(plan, message) + (before.pnl if before else 0)
        began_ns = self.runs[-1].started_ns if self.runs else 0
        self.results[place] = DayResult(run=place[0], day=place[1], pnl=pnl, began_ns=began_ns)
