"""What earlier runs left: told to a new run before anything is written to its journal.

A workspace belongs to the venue of its first run; tapes are played in any.
"""

from polyarb.domain.errors import RefusedError
from polyarb.domain.venue import TAPE
from polyarb.ledger.past import Past
from polyarb.runner import Runner
from polyarb.store.workspace import Workspace
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.recovery.recovering import recover


def bound_venue(workspace: Workspace) -> str:
    """Name the venue that a workspace is bound to; empty before its first run on one.

    Errors: BrokenJournalError where the journal's chain does not hold.
    """
    return recover(workspace, lambda _text: None).past.venue


def refuse_other_venue(workspace: Workspace, venue: str) -> None:
    """Return only if a workspace may hold runs on a venue: it holds those of one, and tapes.

    Errors: RefusedError.
    """
    bound = "" if venue == TAPE else bound_venue(workspace)
    if bound not in ("", venue):
        raise RefusedError(
            f"{workspace.root}: expected runs on {bound}, to which the first one bound this"
            f" workspace, found {venue}; what one venue showed and left is nothing to another:"
            " make a workspace of its own with `polyarb init`"
        )


def carry_over(past: Past, venue: str, runner: Runner, folding: FoldingJournal) -> None:
    """Hand a run the open sets and the day's results of earlier ones on the same venue.

    A run that was played again leaves nothing: the run that superseded it does.
    """
    runner.held = past.left(venue)
    runner.day_results = past.day_results(venue)
    folding.begin_after(past, venue)
