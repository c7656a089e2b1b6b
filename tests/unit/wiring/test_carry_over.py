"""What a run leaves held is in the limits of the next one, and becomes money there."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import RefusedError
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.messages import (
    NO_WINNER,
    BooksOpened,
    Event,
    MarketResolved,
    PlaceOrders,
    PlanDenied,
    SetChanged,
    SetSettled,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.units import MICRO
from polyarb.domain.venue import POLYMARKET, SANDBOX, TAPE
from polyarb.ledger.past import Past
from polyarb.ledger.pnl import total
from polyarb.store.journal import open_journal
from polyarb.store.workspace import Workspace
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.recovery.holding import carry_over, refuse_other_venue
from polyarb.wiring.recovery.recovering import recover
from polyarb.wiring.reports.reporting import verify_ledger
from tests.feeds import Drive, replayed
from tests.worlds import ROOMY, ask, at, bid, book, group_of, started

WORLD = group_of("A", "B")
LEAVES: list[Event] = [
    book("A", 0, asks=[(40, 50)]),
    book("B", 1, asks=[(50, 60)]),
    bid("A", 20_000, 10, 5),
]
BREAKS: list[Event] = [
    book("A", 0, asks=[(40, 50)]),
    book("B", 1, asks=[(50, 60)]),
    ask("B", 20, 50, 0),
    bid("A", 20_000, 10, 5),
]
"""The second leg is gone at match time, so that the first is sold to nobody."""
LATER_MS = 100_000.0


def resolved(name: str, winner: str, when: float) -> MarketResolved:
    return MarketResolved(
        receive_time_ns=at(when),
        venue_time_ns=at(when),
        condition_id=ConditionId(name),
        winner=TokenId(winner),
    )


def past_of(workspace: Workspace) -> Past:
    return recover(workspace, pytest.fail).past


def run(workspace: Workspace, run_id: str, events: Sequence[Event]) -> tuple[Drive, FoldingJournal]:
    """Run events as `start` does: with what is held, into the workspace's journal."""
    drive = Drive(WORLD, ROOMY, events)
    with_file = open_journal(workspace.journal_file, workspace.journal_dir)
    folding = FoldingJournal(drive.journal)
    carry_over(past_of(workspace), POLYMARKET, drive.runner, folding)
    drive.runner.journal = folding
    begun = msgspec.structs.replace(started(run_id=run_id), feed=run_id)
    drive.runner.run(begun, is_halted=False)
    for record in drive.journal.records:
        with_file.append(record.message, record.frame)
    with_file.close()
    return drive, folding


def opened_of(drive: Drive) -> list[BooksOpened]:
    messages = (record.message for record in drive.journal.records)
    return [message for message in messages if isinstance(message, BooksOpened)]


def steps(drive: Drive) -> list[SetStatus]:
    messages = (record.message for record in drive.journal.records)
    return [message.current for message in messages if isinstance(message, SetChanged)]


def test_a_held_set_counts_in_the_next_run_and_becomes_money_there(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    first, _ = run(workspace, "first", LEAVES)
    assert steps(first) == [SetStatus.COMPLETE, SetStatus.HELD]
    events = [
        book("A", LATER_MS, asks=[(40, 1_000)]),
        resolved("A", "A:YES", LATER_MS + 10),
        resolved("B", "B:NO", LATER_MS + 20),
        bid("A", LATER_MS + 9_000, 10, 5),
    ]
    second, folding = run(workspace, "second", events)
    messages = [record.message for record in second.journal.records]
    (opened,) = [one for one in messages if isinstance(one, BooksOpened)]
    assert opened.open_sets == len(opened.held) == 1
    (settled,) = [one for one in messages if isinstance(one, SetSettled)]
    assert (settled.proceeds, settled.gas) == (50 * MICRO, 20_000)
    assert steps(second) == [SetStatus.SETTLED]
    assert second.engine.state.exposure.open_notional == 0
    assert not folding.ledger.anomalies
    assert total(folding.ledger.pnl).settled == 5 * MICRO - 20_000
    verification = verify_ledger(workspace)
    assert verification.is_sound, verification.violations
    replay = replayed(WORLD, ROOMY, events, second.journal.records)
    assert replay.difference is None and replay.is_whole
    third, _ = run(workspace, "third", [bid("A", 2 * LATER_MS, 10, 5)])
    assert not any(
        record.message.held
        for record in third.journal.records
        if isinstance(record.message, BooksOpened)
    )


def test_what_is_held_leaves_no_room_for_more(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", LEAVES)
    events: list[Event] = [
        book("A", LATER_MS, asks=[(40, 1_000)]),
        book("B", LATER_MS, asks=[(50, 1_000)]),
        bid("A", LATER_MS + 9_000, 10, 5),
    ]
    drive = Drive(WORLD, msgspec.structs.replace(ROOMY), events)
    envelope = msgspec.structs.replace(ROOMY.envelope, open_notional_max=100 * MICRO)
    tight = msgspec.structs.replace(ROOMY, envelope=envelope)
    drive = Drive(WORLD, tight, events)
    drive.runner.held = past_of(workspace).left(POLYMARKET)
    messages = drive.run()
    assert [one.reason for one in messages if isinstance(one, PlanDenied)] == ["OPEN_NOTIONAL"]
    alone = Drive(WORLD, tight, events).run()
    assert any(isinstance(one, PlaceOrders) for one in alone)


def test_what_was_lost_today_counts_in_the_next_run_and_not_on_the_next_day(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", BREAKS)
    again = [book("A", LATER_MS, asks=[(40, 1_000)]), bid("A", LATER_MS + 10, 10, 5)]
    second, _ = run(workspace, "second", again)
    (lost,) = [one.day_pnl for one in opened_of(second)]
    assert lost == second.engine.state.exposure.day_pnl < 0
    tomorrow = [bid("A", 86_400_000.0, 10, 5)]
    third, _ = run(workspace, "third", tomorrow)
    assert [one.day_pnl for one in opened_of(third)] == [0]


def test_a_lost_day_opens_nothing_more_after_a_restart(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", BREAKS)
    again: list[Event] = [
        book("A", LATER_MS, asks=[(40, 1_000)]),
        book("B", LATER_MS, asks=[(50, 1_000)]),
        bid("A", LATER_MS + 9_000, 10, 5),
    ]
    envelope = msgspec.structs.replace(ROOMY.envelope, daily_loss_max=MICRO)
    tight = msgspec.structs.replace(ROOMY, envelope=envelope)
    drive = Drive(WORLD, tight, again)
    drive.runner.day_results = past_of(workspace).day_results(POLYMARKET)
    messages = drive.run()
    assert [one.reason for one in messages if isinstance(one, PlanDenied)] == ["DAILY_LOSS"]
    unharmed = Drive(WORLD, tight, again).run()
    assert any(isinstance(one, PlaceOrders) for one in unharmed)


def test_a_tape_that_is_played_again_does_not_begin_with_its_own_loss(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", BREAKS)
    again, _ = run(workspace, "again", BREAKS)
    assert [one.day_pnl for one in opened_of(again)] == [0]


def test_a_run_that_was_played_again_leaves_its_sets_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for events in (LEAVES, LEAVES):
        journal = open_journal(workspace.journal_file, workspace.journal_dir)
        for record in _records(events):
            journal.append(record.message, record.frame)
        journal.close()
    assert len(past_of(workspace).left(TAPE)) == 1


def test_a_tape_that_begins_before_a_set_was_held_is_not_told_of_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", LEAVES)
    again, _ = run(workspace, "again", LEAVES)
    (opened,) = [
        record.message
        for record in again.journal.records
        if isinstance(record.message, BooksOpened)
    ]
    assert opened.held == ()


def test_a_journal_that_was_never_written_leaves_nothing(tmp_path: Path) -> None:
    past = past_of(Workspace(tmp_path))
    assert (past.left(POLYMARKET), past.day_results(POLYMARKET), past.run) == ((), (), 0)


def _records(events: Sequence[Event]) -> list:  # type: ignore[type-arg]
    drive = Drive(WORLD, ROOMY, events)
    drive.run()
    return drive.journal.records


@pytest.mark.parametrize("other", [SANDBOX, TAPE])
def test_a_run_on_another_venue_begins_with_nothing_of_the_first_ones(
    tmp_path: Path, other: str
) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", LEAVES)
    run(workspace, "second", BREAKS)
    past = past_of(workspace)
    assert past.left(POLYMARKET) and past.day_results(POLYMARKET)
    drive = Drive(WORLD, ROOMY, [bid("A", LATER_MS, 10, 5)])
    folding = FoldingJournal(drive.journal)
    carry_over(past, other, drive.runner, folding)
    assert (drive.runner.held, drive.runner.day_results, folding.ledger.plans) == ((), (), {})
    begun = msgspec.structs.replace(started(run_id="third"), feed="third", venue=other)
    drive.runner.run(begun, is_halted=False)
    (opened,) = opened_of(drive)
    assert (opened.held, opened.day_pnl) == ((), 0)


def test_a_workspace_is_refused_to_another_venue_but_never_to_a_tape(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for venue in (POLYMARKET, SANDBOX, TAPE):
        refuse_other_venue(workspace, venue)
    run(workspace, "first", LEAVES)
    refuse_other_venue(workspace, POLYMARKET)
    refuse_other_venue(workspace, TAPE)
    for other in (SANDBOX, "http://127.0.0.1:1 (0123)"):
        with pytest.raises(RefusedError, match=r"expected runs on polymarket, .*`polyarb init`"):
            refuse_other_venue(workspace, other)


def test_a_held_set_whose_market_has_no_winner_is_redeemed_at_half(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", LEAVES)
    events = [
        book("A", LATER_MS, asks=[(40, 1_000)]),
        resolved("A", NO_WINNER, LATER_MS + 10),
        resolved("B", NO_WINNER, LATER_MS + 20),
        bid("A", LATER_MS + 9_000, 10, 5),
    ]
    second, folding = run(workspace, "second", events)
    messages = [record.message for record in second.journal.records]
    (settled,) = [one for one in messages if isinstance(one, SetSettled)]
    assert settled.proceeds == 50 * MICRO
    assert steps(second) == [SetStatus.SETTLED]
    assert second.engine.state.exposure.open_notional == 0
    assert not folding.ledger.anomalies


def test_one_leg_that_pays_half_and_one_that_loses_pay_half_a_set(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run(workspace, "first", LEAVES)
    events = [
        resolved("A", NO_WINNER, LATER_MS + 10),
        resolved("B", "B:NO", LATER_MS + 20),
        bid("A", LATER_MS + 9_000, 10, 5),
    ]
    second, _ = run(workspace, "second", events)
    messages = [record.message for record in second.journal.records]
    (settled,) = [one for one in messages if isinstance(one, SetSettled)]
    assert settled.proceeds == 25 * MICRO
