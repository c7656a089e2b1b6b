"""A run that is wired and ready: what whoever watches it may read."""

from polyarb.config.effective import Value
from polyarb.engine.engine import Engine
from polyarb.ledger.fold import Ledger
from polyarb.runner import Runner
from polyarb.store.journal import FileJournal
from polyarb.store.lease import Lease
from polyarb.wiring.alerts.alerting import Alerting
from polyarb.wiring.edges import Edge
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.recipe import Recipe


class Session:
    """A run that is wired and ready; whoever watches it reads its parts and changes none."""

    def __init__(
        self,
        *,
        recipe: Recipe,
        runner: Runner,
        engine: Engine,
        journal: FileJournal,
        lease: Lease,
        folding: FoldingJournal,
        edge: Edge,
        alerting: Alerting,
        is_halted: bool,
        overrides: tuple[Value, ...],
    ) -> None:
        self.recipe = recipe
        self.runner = runner
        self.engine = engine
        self.journal = journal
        self.lease = lease
        self.folding = folding
        self.edge = edge
        self.alerting = alerting
        self.is_halted = is_halted
        self.overrides = overrides

    @property
    def ledger(self) -> Ledger:
        """The ledger as of the last message journaled."""
        return self.folding.ledger
