"""Alerting inside a run: what a rule does in its phase, over restarts, and what is told of it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from polyarb.alerts.alert import Action, Severity
from polyarb.alerts.history import Sample
from polyarb.alerts.rules import Behaviour, PhaseFigures, Rule
from polyarb.domain.limits import Phase
from polyarb.domain.messages import JournalMessage, OperatorHalted, OperatorReduced
from polyarb.domain.units import MICRO
from polyarb.store.alerts import AlertRecord
from polyarb.store.control import read_halt
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.alerting import Alerting
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.drill import StandIn
from polyarb.wiring.alerts.outbox import Post
from tests.alert_cases import SECOND_NS, RecordingNotifier, StandingClock
from tests.alert_rules import rule_of
from tests.journal_cases import UNSYNCED

NAME = "MEMORY_TEST"


class Gauge:
    """Tells one metric as it is set."""

    def __init__(self) -> None:
        self.value = 0.0

    def of_message(self, message: JournalMessage, now_ns: int) -> Iterator[Sample]:
        yield from ()

    def of_moment(self, now_ns: int) -> Iterator[Sample]:
        yield Sample(metric="memory_mb", value=self.value, time_ns=now_ns)


class World:
    """A run of one rule that can be ended and begun again in another phase."""

    def __init__(self, folder: Path) -> None:
        self.place = Workspace(folder)
        self.clock = StandingClock()
        self.gauge = Gauge()
        self.webhook = RecordingNotifier()

    def begin(self, rule: Rule, phase: Phase) -> None:
        posts = [Post(notifier=self.webhook)]
        self.desk = AlertDesk(self.place.alerts_dir, posts, self.clock, files=UNSYNCED)
        figures = PhaseFigures(phase=phase, capital=MICRO, daily_loss=MICRO)
        self.alerting = Alerting(self.place, [rule], figures, self.desk, self.clock)
        self.trader = StandIn()
        self.alerting.begin(self.gauge, self.trader)

    def at(self, value: float) -> list[type]:
        """Measure a second later; return what was ordered by it."""
        self.gauge.value = value
        self.clock.pass_ns(SECOND_NS)
        self.trader.orders.clear()
        self.alerting.observe()
        return [type(one) for one in self.trader.orders]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def paging(**in_phase: tuple[Action, ...]) -> Rule:
    return rule_of(
        "memory_mb > 5",
        NAME,
        severity=Severity.CRITICAL,
        actions=(Action.LOG, Action.NOTIFY, Action.HALT),
        actions_in={Phase(name): actions for name, actions in in_phase.items()},
    )


REDUCING = (Action.LOG, Action.NOTIFY, Action.REDUCE)


def test_a_rule_acts_as_it_does_in_the_phase_of_the_run(world: World) -> None:
    world.begin(paging(shadow=REDUCING), Phase.SHADOW)
    assert world.at(6) == [OperatorReduced]
    assert read_halt(world.place.halt_file) is None
    (alert,) = world.alerting.engine.active
    assert alert.actions == REDUCING
    assert world.at(4) == [OperatorReduced]
    (over,) = world.trader.orders
    assert isinstance(over, OperatorReduced)
    assert over.is_over
    world.desk.close()
    world.begin(paging(shadow=REDUCING), Phase.SCALED)
    assert world.at(6) == [OperatorHalted]
    latch = read_halt(world.place.halt_file)
    assert latch is not None
    assert latch.reason.startswith(NAME)
    world.desk.close()


def test_what_was_only_reduced_is_halted_when_the_next_run_is_of_a_phase_that_halts(
    world: World,
) -> None:
    world.begin(paging(shadow=REDUCING), Phase.SHADOW)
    assert world.at(6) == [OperatorReduced]
    world.desk.close()
    world.begin(paging(shadow=REDUCING), Phase.SHADOW)
    assert world.at(6) == [OperatorReduced]
    world.desk.close()
    world.begin(paging(shadow=REDUCING), Phase.MICRO_LIVE)
    assert world.at(6) == [OperatorHalted]
    assert world.at(6) == []
    world.place.halt_file.unlink()
    world.desk.close()
    world.begin(paging(shadow=REDUCING), Phase.MICRO_LIVE)
    assert world.at(6) == []
    world.desk.close()


def test_a_halt_that_a_person_lifted_is_not_latched_again_by_the_same_alert(world: World) -> None:
    world.begin(paging(), Phase.MICRO_LIVE)
    assert world.at(6) == [OperatorHalted]
    world.place.halt_file.unlink()
    world.desk.close()
    world.begin(paging(), Phase.MICRO_LIVE)
    assert world.at(6) == []
    assert read_halt(world.place.halt_file) is None
    world.desk.close()


def test_what_fired_in_a_run_is_counted_once_and_stands_until_it_is_over(world: World) -> None:
    world.begin(paging(shadow=REDUCING), Phase.SHADOW)
    assert world.alerting.standing.counts == {}
    for value in (6, 7, 8):
        world.at(value)
    assert dict(world.alerting.fired) == {NAME: 1}
    assert world.alerting.standing.counts == {"CRITICAL": 1}
    world.desk.look()
    world.at(9)
    assert world.alerting.standing.undelivered == 1
    world.desk.deliver("webhook")
    world.at(9)
    assert world.alerting.standing.undelivered == 0
    world.at(1)
    assert world.alerting.standing.counts == {}
    world.desk.close()


def test_the_heartbeat_is_neither_counted_nor_does_it_stand(world: World) -> None:
    beat = rule_of(
        "memory_mb > 5", NAME, severity=Severity.INFO, actions=(Action.LOG, Action.NOTIFY)
    )
    world.begin(beat, Phase.SHADOW)
    assert world.at(6) == []
    assert len(world.alerting.engine.active) == 1
    assert (dict(world.alerting.fired), world.alerting.standing.counts) == ({}, {})
    world.desk.close()


def test_an_orderly_end_ends_the_heartbeat_says_why_and_leaves_the_rest_standing(
    world: World,
) -> None:
    beat = rule_of("not absent(memory_mb[10s])", "BEAT", severity=Severity.INFO)
    beat = msgspec.structs.replace(beat, is_heartbeat=True, nodata=Behaviour.OK)
    world.begin(beat, Phase.SHADOW)
    world.at(6)
    assert [one.rule for one in world.desk.active] == ["BEAT"]
    assert world.alerting.end("end of feed") == ("BEAT",)
    assert world.desk.active == ()
    world.desk.close()
    lines = (world.place.alerts_dir / "alerts.jsonl").read_bytes().splitlines()
    last = msgspec.json.decode(lines[-1], type=AlertRecord)
    assert (last.status, last.summary) == ("RESOLVED", "The run ended in order: end of feed")
    assert world.webhook.taken == []
    world.begin(paging(shadow=REDUCING), Phase.SHADOW)
    world.at(6)
    assert world.alerting.end("signal SIGTERM") == ()
    assert [one.rule for one in world.desk.active] == [NAME]
    world.desk.close()


def test_the_heartbeat_of_the_next_run_is_a_new_one(world: World) -> None:
    beat = rule_of("not absent(memory_mb[10s])", "BEAT", severity=Severity.INFO)
    beat = msgspec.structs.replace(beat, is_heartbeat=True, nodata=Behaviour.OK)
    seen = []
    for _ in range(2):
        world.begin(beat, Phase.SHADOW)
        world.at(6)
        seen += [one.alert_id for one in world.desk.active]
        world.alerting.end("end of feed")
        world.desk.close()
    assert len(set(seen)) == 2
