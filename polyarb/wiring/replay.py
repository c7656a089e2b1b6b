"""`polyarb replay`: run recorded runs of a journal again, by the recipes they left."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from polyarb.domain.errors import PolyarbError, StoreError, UsageError
from polyarb.domain.messages import RunStarted
from polyarb.engine.engine import Engine
from polyarb.host.digest import code_digest
from polyarb.research.replay import Comparison, Replay
from polyarb.store.reading import read_journal
from polyarb.store.records import JournalRecord
from polyarb.store.workspace import Workspace
from polyarb.wiring.recipe import Recipe, load_recipe
from polyarb.wiring.recordings import refuse_pruned
from polyarb.wiring.tapes import check_tapes, open_feed


class RunVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying one run gave; without a comparison, why none was possible."""

    run_id: str
    sequence: int
    is_same_code: bool
    comparison: Comparison | None = None
    reason: str = ""


def verify_runs(workspace: Workspace, run_id: str | None) -> Iterator[RunVerification]:
    """Run one run, or every run of the journal, again and compare.

    A run whose recipe or tape is lost or cannot be read is told with the reason, and the others
    go on.
    Errors: UsageError when the named run is not in the journal; the faults of the journal.
    """
    found = False
    for started, records in _runs(read_journal(workspace.journal_file, workspace.journal_dir)):
        if run_id is None or started.run_id == run_id:
            found = True
            yield _verify(workspace, started, records)
    if run_id is not None and not found:
        raise UsageError(f"--run: expected a run of the journal, found none named {run_id}")


def _runs(
    records: Iterable[JournalRecord],
) -> Iterator[tuple[RunStarted, list[JournalRecord]]]:
    """Split a journal at every RunStarted."""
    started: RunStarted | None = None
    run: list[JournalRecord] = []
    for record in records:
        if isinstance(record.message, RunStarted):
            if started is not None:
                yield started, run
            started, run = record.message, []
        run.append(record)
    if started is not None:
        yield started, run


def _verify(
    workspace: Workspace, started: RunStarted, records: list[JournalRecord]
) -> RunVerification:
    sequence = records[0].sequence
    is_same_code = started.code_digest == code_digest()
    try:
        comparison = _compare(load_recipe(workspace, started.run_id), started, records)
    except PolyarbError as fault:
        return RunVerification(
            run_id=started.run_id, sequence=sequence, is_same_code=is_same_code, reason=str(fault)
        )
    return RunVerification(
        run_id=started.run_id,
        sequence=sequence,
        is_same_code=is_same_code,
        comparison=comparison,
    )


def _compare(recipe: Recipe, started: RunStarted, records: list[JournalRecord]) -> Comparison:
    """Run a run again. Errors: StoreError where the recipe is not its own; faults of its tapes."""
    _check(started, recipe)
    engine = Engine(recipe.catalogue, recipe.profile, recipe.config_digest)
    tapes = check_tapes([Path(tape) for tape in recipe.tapes])
    for tape in tapes:
        refuse_pruned(tape)
    feed, _reading = open_feed(tapes, recipe.catalogue, speed=None)
    replay = Replay(engine, records)
    events = replay.run(feed.frames())
    return Comparison(
        run_id=started.run_id,
        events=events,
        compared=replay.compared,
        is_whole=replay.is_whole,
        difference=replay.difference,
    )


def _check(started: RunStarted, recipe: Recipe) -> None:
    """Refuse a recipe that is not that of its run. Errors: StoreError."""
    if started.config_digest != recipe.config_digest:
        raise StoreError("the recipe's configuration is not the one that the journal names")
    if started.catalogue_digest != recipe.catalogue_digest:
        raise StoreError("the recipe's catalogue is not the one that the journal names")
