"""What earlier runs left held: read from the journal before a new run is written to it."""

from collections.abc import Iterator

from polyarb.domain.order import HeldSet
from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import held_set
from polyarb.reports.runs import list_runs
from polyarb.store.reading import read_journal
from polyarb.store.records import JournalRecord
from polyarb.store.workspace import Workspace


def carry_over(workspace: Workspace, ledger: Ledger) -> tuple[HeldSet, ...]:
    """Find the sets that wait for their markets to resolve; a new run's ledger begins with them.

    A run that was played again leaves nothing: the run that superseded it does.
    Errors: BrokenJournalError where the journal's chain does not hold.
    """
    past = Ledger()

    def folded() -> Iterator[JournalRecord]:
        for record in read_journal(workspace.journal_file, workspace.journal_dir):
            past.apply(record.message)
            yield record

    counted = {run.ordinal for run in list_runs(folded()) if run.is_counted}
    held = [plan for plan in past.plans.values() if plan.is_held and plan.key.run in counted]
    ledger.begin_after(past.run, held)
    return tuple(map(held_set, held))
