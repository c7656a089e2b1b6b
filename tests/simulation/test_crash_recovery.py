"""However far a run got before it was killed, the next one counts and ends what was in flight."""

from pathlib import Path
from random import Random

import pytest
from polyarb.domain.messages import BooksOpened, JournalMessage, OrderKilled, RecoverSet
from polyarb.domain.order import SetStatus
from polyarb.domain.venue import POLYMARKET
from polyarb.ledger.fold import fold
from polyarb.ledger.invariants import violations
from polyarb.ledger.past import Past
from polyarb.ledger.pnl import DAY_NS
from polyarb.research.scenario import parse_scenario, with_settings
from polyarb.venue.shadow.matching import KillReason
from tests.crashes import AGAIN_MS, World, messages_of, past_of, quiet_again, run_behind
from tests.feeds import Drive, replayed
from tests.simulation.laws import LawfulEngine
from tests.simulation.streams import Stream
from tests.worlds import ROOMY, at

SCENARIOS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.txt"))
CRASH_MS = 20_000.0


def scenario_world(path: Path) -> World:
    scenario = parse_scenario(path.read_text(), path.name)
    return World(scenario.catalogue(), with_settings(ROOMY, scenario.settings), scenario.events)


def day_of_pnl(past: Past, time_ns: int) -> int:
    day = time_ns // DAY_NS
    return sum(result.pnl for result in past.day_results(POLYMARKET) if result.day == day)


def go_on(world: World, before: list[JournalMessage], run_id: str, since_ms: float) -> Drive:
    """Run behind a crash to a quiet end; what was in flight is over then, and counted."""
    past = past_of(before)
    events = quiet_again(world, since_ms)
    drive, records = run_behind(world, before, run_id, events, LawfulEngine)
    whole = [*before, *messages_of(records)]
    assert violations(fold(whole)) == ()
    (opened,) = [one for one in messages_of(records) if isinstance(one, BooksOpened)]
    open_plans = past.open_plans(POLYMARKET)
    assert [one.plan_id for one in opened.held] == [plan.key.plan_id for plan in open_plans]
    assert opened.day_pnl == day_of_pnl(past, at(since_ms))
    after = past_of(whole)
    assert {plan.status for plan in after.open_plans(POLYMARKET)} <= {SetStatus.HELD}
    assert {one.status for one in drive.engine.state.sets.values()} <= {SetStatus.HELD}
    exposure = drive.engine.state.exposure
    assert exposure.open_notional == sum(
        plan.reserved or 0 for plan in after.open_plans(POLYMARKET)
    )
    assert exposure.day_pnl == day_of_pnl(after, at(since_ms))
    replay = replayed(world.catalogue, world.profile, events, records)
    assert replay.difference is None and replay.is_whole
    return drive


def crash_everywhere(world: World) -> list[JournalMessage]:
    """Cut a run off behind every record and go on; return what the runs behind wrote."""
    _, records = run_behind(world, (), "first")
    whole = messages_of(records)
    written: list[JournalMessage] = []
    for cut in range(1, len(whole)):
        drive = go_on(world, whole[:cut], "second", AGAIN_MS)
        written += messages_of(drive.journal.records)
    return written


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_that_is_cut_off_anywhere_is_gone_on_with(path: Path) -> None:
    crash_everywhere(scenario_world(path))


def test_the_scenarios_are_cut_off_with_sets_in_every_state() -> None:
    statuses = set()
    for path in SCENARIOS:
        _, records = run_behind(scenario_world(path), (), "first")
        past = Past()
        for message in messages_of(records):
            past.apply(message)
            statuses |= {plan.status for plan in past.open_plans(POLYMARKET)}
    assert statuses == {
        SetStatus.LEGGING,
        SetStatus.COMPLETE,
        SetStatus.CONVERTED,
        SetStatus.HELD,
        SetStatus.BROKEN,
    }


def test_what_a_crash_left_unmatched_is_void_and_told_so() -> None:
    world = scenario_world(Path(__file__).parents[1] / "scenarios" / "negrisk_no_planted.txt")
    written = crash_everywhere(world)
    recovered = [one for one in written if isinstance(one, RecoverSet)]
    void = [
        one
        for one in written
        if isinstance(one, OrderKilled) and one.reason == KillReason.VOID_AFTER_CRASH
    ]
    assert void
    unmatched = [order for one in recovered for order in one.left.orders if not order.is_final]
    assert {one.order_id for one in void} == {one.intent.order_id for one in unmatched}


@pytest.mark.parametrize("seed", range(6))
def test_a_run_that_crashes_while_it_recovers_is_gone_on_with_again(seed: int) -> None:
    stream, chance = Stream(seed), Random(seed)
    world = World(stream.catalogue, ROOMY, stream.events)
    _, records = run_behind(world, (), "first")
    journal = messages_of(records)
    since_ms = (journal[-1].receive_time_ns - at(0)) / 1e6 + CRASH_MS
    for life in range(6):
        journal = journal[: max(1, len(journal) - chance.randint(0, 12))]
        drive = go_on(world, journal, f"again-{life}", since_ms)
        journal += messages_of(drive.journal.records)
        since_ms += 400_000
