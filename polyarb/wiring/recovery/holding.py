"""What earlier runs left: told to a new run before anything is written to its journal."""

from polyarb.ledger.past import Past
from polyarb.runner import Runner
from polyarb.wiring.folding import FoldingJournal


def carry_over(past: Past, runner: Runner, folding: FoldingJournal) -> None:
    """Hand a run the open sets and the day's results of earlier ones.

    A run that was played again leaves nothing: the run that superseded it does.
    """
    runner.held = past.left()
    runner.day_results = past.day_results()
    folding.begin_after(past)
