"""What alert rules are judged by is measured, and what cannot be measured has no sample."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from polyarb.alerts.metrics import METRICS, Sampler
from polyarb.alerts.rules import PhaseFigures
from polyarb.config.alerts import load_alerts
from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.limits import Phase, RunKind
from polyarb.domain.messages import (
    OpportunityFound,
    OrderKilled,
    PlaceOrders,
    SetChanged,
    TradeConfirmed,
    TradingStateChanged,
)
from polyarb.domain.order import SetStatus, TradingState
from polyarb.domain.plan import Family
from polyarb.domain.surroundings import ClockStanding, ClockVerdict
from polyarb.domain.units import MICRO
from polyarb.store.records import Anchor
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.arbitration.scoring import SourceStatistics
from polyarb.venue.polymarket.stream.life import SocketStatistics
from polyarb.venue.polymarket.stream.pool import StreamStatistics
from polyarb.wiring.alerts.alerting import rules_sampled_by
from polyarb.wiring.alerts.sampling import RunSampling, samplers_of
from polyarb.wiring.folding import FoldingJournal
from tests.feeds import Drive
from tests.worlds import ROOMY, at, bid, book, group_of

S = 1_000_000_000
WORLD = group_of("A", "B")
EARNS = [
    book("A", 0, asks=[(40, 50)]),
    book("B", 1, asks=[(50, 60)]),
    bid("A", 20_000, 10, 5),
]
LIVE = msgspec.structs.replace(ROOMY, run=RunKind.LIVE, phase=Phase.MICRO_LIVE)


def source(name: str, latency_ms: int, messages: int = 1) -> SourceStatistics:
    return SourceStatistics(
        source=name,
        messages=messages,
        latency_ms=latency_ms,
        faults={},
        isolated="",
        isolations=0,
        markets=1,
    )


def health(**facts: object) -> SimpleNamespace:
    """Describe sources that do well; facts replace what is given."""
    known: dict[str, object] = {
        "sources": (source("stream-1", 40), source("poll", 900)),
        "streams": (
            StreamStatistics(
                source="stream-1", sockets=(SocketStatistics(is_open=True, connects=1),)
            ),
        ),
        "markets": 4,
        "live_markets": 4,
        "request_failures": 0,
        "clock": ClockStanding(verdict=ClockVerdict.GOOD, reason="", offset_ms=-12.5),
    }
    return SimpleNamespace(**(known | facts))


class World:
    """A run whose parts a test sets."""

    def __init__(self, root: Path, profile: object = ROOMY, events: object = ()) -> None:
        self.drive = Drive(WORLD, ROOMY, events)  # type: ignore[arg-type]
        self.folding = FoldingJournal(self.drive.journal)
        self.drive.runner.journal = self.folding
        self.health: object = health()
        self.head, self.durable = Anchor(), Anchor()
        self.backup_age_s: float | None = None
        place = Workspace(root)
        place.data_dir.mkdir()
        self.place = place
        session = SimpleNamespace(
            engine=self.drive.engine,
            runner=self.drive.runner,
            ledger=self.folding.ledger,
            recipe=SimpleNamespace(profile=profile),
            edge=SimpleNamespace(health=lambda: self.health),
            journal=self,
        )
        figures = PhaseFigures(phase=Phase.SHADOW, capital=10 * MICRO, daily_loss=MICRO)
        self.sampling = RunSampling(
            place,
            session,  # type: ignore[arg-type]
            figures,
            lambda: self.backup_age_s,
        )

    @property
    def durable_head(self) -> Anchor:
        return self.durable

    def at(self, second: int) -> dict[str, float]:
        samples = self.sampling.of_moment(second * S)
        return {
            ":".join((one.metric, *one.labels.values())): one.value
            for one in samples
            if one.value is not None
        }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_every_sample_is_of_the_catalogue(world: World) -> None:
    for sample in world.sampling.of_moment(S):
        metric = METRICS[sample.metric]
        assert set(sample.labels) == set(metric.labels)


def test_sources_that_do_well(world: World) -> None:
    found = world.at(1)
    assert found["ws_connected"] == 1
    assert found["ws_drops"] == 0
    assert "ws_reconnect_success_percent" not in found
    assert found["stale_books_fraction"] == 0
    assert found["data_delay_ms"] == 40
    assert (found["source_delay_ms:stream-1"], found["source_delay_ms:poll"]) == (40, 900)
    assert found["clock_offset_ms"] == 12.5
    assert found["rpc_error_count"] == 0


def test_sources_that_do_badly(world: World) -> None:
    world.health = health(
        sources=(source("stream-1", 0, messages=0),),
        streams=(
            StreamStatistics(
                source="stream-1",
                sockets=(
                    SocketStatistics(is_open=False, connects=3),
                    SocketStatistics(is_open=False, connects=0),
                ),
            ),
        ),
        live_markets=1,
        clock=ClockStanding(verdict=ClockVerdict.UNKNOWN, reason="not measured"),
    )
    found = world.at(1)
    assert found["ws_connected"] == 0
    assert found["ws_drops"] == 3
    assert found["ws_reconnect_success_percent"] == pytest.approx(200 / 3)
    assert found["stale_books_fraction"] == 0.75
    for unknown in ("data_delay_ms", "clock_offset_ms", "source_delay_ms:stream-1"):
        assert unknown not in found


def test_failed_requests_count_for_a_minute(world: World) -> None:
    assert world.at(1)["rpc_error_count"] == 0
    world.health = health(request_failures=7)
    assert world.at(2)["rpc_error_count"] == 7
    assert world.at(61)["rpc_error_count"] == 7
    assert world.at(62)["rpc_error_count"] == 0


def test_a_tape_has_no_sources_to_measure(world: World) -> None:
    world.health = None
    found = world.at(1)
    assert not found.keys() & {"ws_connected", "data_delay_ms", "rpc_error_count"}
    assert found["feed_messages"] == 0


def test_a_run_that_earns_is_counted_by_its_messages(tmp_path: Path) -> None:
    world = World(tmp_path, events=EARNS)
    messages = world.drive.run()
    told = [one for message in messages for one in world.sampling.of_message(message, S)]
    assert [one.labels for one in told if one.metric == "opportunity_detected"] == [
        {"family": "negrisk_yes"}
    ]
    assert [one.metric for one in told].count("trade_executed") == 1
    states = [one.value for one in told if one.metric == "trading_state"]
    number = METRICS["trading_state"].number
    assert states == [number("RECONCILING"), number("ACTIVE"), number("HALTED")]
    found = world.at(1)
    assert found["orders_submitted"] == 2
    assert found["fills_confirmed"] == 2
    assert found["dry_run_no_fills"] == 0
    assert found["position_usage_percent"] > 0
    assert "latency_p95_ms" not in found


def test_a_late_decision_breaks_the_promise_and_so_does_a_cut_stream(world: World) -> None:
    assert "slo_missed" not in world.at(1)
    world.drive.runner.latency.add(2_000_000)
    found = world.at(2)
    assert found["latency_p95_ms"] == pytest.approx(2, rel=0.1)
    assert found["slo_missed"] == 0
    world.health = health(streams=())
    assert world.at(3)["slo_missed"] == 1
    world.health = None
    assert world.at(4)["slo_missed"] == 0
    for _ in range(10):
        world.drive.runner.latency.add(600_000_000)
    assert world.at(5)["slo_missed"] == 1


def test_orders_without_a_fill_are_told_of_the_run_they_are_of(tmp_path: Path) -> None:
    placed = PlaceOrders(
        receive_time_ns=1,
        plan_id=PlanId("p"),
        family=Family.BINARY,
        quantity=1,
        profit=1,
        orders=(SimpleNamespace(),),  # type: ignore[arg-type]
    )
    killed = OrderKilled(
        receive_time_ns=2, plan_id=PlanId("p"), order_id=OrderId("o"), reason="refused"
    )
    confirmed = TradeConfirmed(receive_time_ns=3, plan_id=PlanId("p"), order_id=OrderId("o"))
    for number, (profile, barren) in enumerate(
        [(ROOMY, "dry_run_no_fills"), (LIVE, "live_no_fills")]
    ):
        root = tmp_path / str(number)
        root.mkdir()
        world = World(root, profile)
        assert (world.at(1)[barren], "reject_rate" in world.at(1)) == (0, False)
        list(world.sampling.of_message(placed, S))
        list(world.sampling.of_message(killed, S))
        found = world.at(2)
        assert found[barren] == 1
        assert found["reject_rate"] == (1 if profile is LIVE else 0)
        list(world.sampling.of_message(confirmed, S))
        assert world.at(3)[barren] == 0
        assert "reject_rate" not in world.at(302)


def test_loss_drawdown_and_breaker_are_those_of_the_engine(world: World) -> None:
    exposure = world.drive.engine.state.exposure
    exposure.day_pnl = -3 * MICRO
    exposure.consecutive_failures = 3
    exposure.open_notional = 150 * MICRO
    found = world.at(1)
    assert found["daily_loss_usd"] == 3
    assert found["circuit_breaker_state"] == METRICS["circuit_breaker_state"].number("OPEN")
    assert found["position_usage_percent"] == 50
    assert found["drawdown_percent"] == 0
    changed = TradingStateChanged(
        receive_time_ns=1,
        previous=TradingState.ACTIVE,
        current=TradingState.HALTED,
        reason="breaker",
    )
    told = list(world.sampling.of_message(changed, S))
    assert [one.metric for one in told] == ["trading_state", "circuit_breaker_state"]


def test_a_journal_that_waits_grows_old(world: World) -> None:
    assert world.at(1)["journal_age_ms"] == 0
    world.head = Anchor(sequence=1)
    assert world.at(3)["journal_age_ms"] == 2_000
    world.durable = Anchor(sequence=1)
    assert world.at(4)["journal_age_ms"] == 0


def test_machine_and_records(world: World) -> None:
    found = world.at(1)
    assert found["memory_mb"] > 10
    assert found["disk_free_mb"] > 0
    assert not found.keys() & {"backup_age_s", "watch_age_s"}
    world.backup_age_s = 90.0
    world.place.watch_file.write_text("0")
    found = world.at(2)
    assert found["backup_age_s"] == 90
    assert 0 <= found["watch_age_s"] < 60


def test_a_set_that_completes_is_told_with_its_family(world: World) -> None:
    steps = {
        status: list(
            world.sampling.of_message(
                SetChanged(
                    receive_time_ns=1,
                    plan_id=PlanId("p"),
                    family=Family.LADDER,
                    previous=SetStatus.LEGGING,
                    current=status,
                ),
                S,
            )
        )
        for status in (SetStatus.COMPLETE, SetStatus.BROKEN)
    }
    assert [one.labels for one in steps[SetStatus.COMPLETE]] == [{"family": "ladder"}]
    assert steps[SetStatus.BROKEN] == []


def test_what_is_found_is_told_with_its_family(world: World) -> None:
    found = OpportunityFound(
        receive_time_ns=at(1),
        opportunity_id="o",
        family=Family.BINARY,
        relation_id="r",  # type: ignore[arg-type]
        edge_gross=1,
        edge_net=0,
    )
    (sample,) = world.sampling.of_message(found, S)
    assert (sample.value, sample.labels) == (1, {"family": "binary"})


def test_every_rule_is_judged_in_some_run_and_by_whoever_can(root: Path) -> None:
    rules = load_alerts(Workspace(root)).rules
    judged: Callable[[frozenset[Sampler]], set[str]] = lambda samplers: {  # noqa: E731
        rule.rule_id for rule in rules_sampled_by(rules, samplers)
    }
    venue, tape = (samplers_of(ROOMY, is_recorded=recorded) for recorded in (False, True))
    live = samplers_of(LIVE, is_recorded=False)
    watch = frozenset({Sampler.WATCH, Sampler.PHASE})
    assert judged(live) | judged(watch) == {rule.rule_id for rule in rules}
    assert judged(live) - judged(venue) == {"LOW_BALANCE"}
    assert judged(venue) - judged(tape) >= {"WS_DISCONNECTED", "RPC_UNHEALTHY", "DATA_DELAY_HIGH"}
    assert judged(watch) == {"TRADER_HUNG", "TRADER_CRASHED", "TRADER_CRASH_LOOP"}
