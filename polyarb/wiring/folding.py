"""A journal that folds what passes through it, so that a running process can be looked at."""

from collections import Counter

from polyarb.domain.messages import (
    CensusCounted,
    JournalMessage,
    OpportunityFound,
    PlanDenied,
    SetChanged,
    Tier,
    TierMeasured,
)
from polyarb.domain.order import SetStatus
from polyarb.ledger.fold import Ledger
from polyarb.ledger.past import Past
from polyarb.ports import Journal


class FoldingJournal:
    """The port `Journal` that passes everything on and keeps the ledger and a few counts.

    Shape: found and raw_hits by family, denied by reason, complete tiers by tier, sets by status.
    """

    def __init__(self, journal: Journal) -> None:
        self.ledger = Ledger()
        self.past = Past()
        self.found: Counter[str] = Counter()
        self.raw_hits: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.denied: Counter[str] = Counter()
        self.measured: Counter[Tier] = Counter()
        self.complete: Counter[Tier] = Counter()
        self.sets: Counter[SetStatus] = Counter()
        self._journal = journal

    def begin_after(self, past: Past, venue: str) -> None:
        """Begin behind earlier runs: their open sets there are the ledger's, their figures not."""
        self.past = past
        self.ledger.begin_after(past.run, venue, past.open_plans(venue))

    def append(self, message: JournalMessage, frame: int) -> None:
        """Record a message, then fold it."""
        self._journal.append(message, frame)
        self.ledger.apply(message)
        self.past.apply(message)
        match message:
            case OpportunityFound():
                self.found[message.family] += 1
            case CensusCounted():
                self.raw_hits.update(message.raw_hits)
                self.rejected.update(message.rejected)
            case PlanDenied():
                self.denied[message.reason] += 1
            case TierMeasured():
                self.measured[message.tier] += 1
                self.complete[message.tier] += message.is_complete
            case SetChanged():
                self.sets[message.current] += 1
            case _:
                pass

    def make_durable(self) -> None:
        """Make everything recorded durable."""
        self._journal.make_durable()

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()
