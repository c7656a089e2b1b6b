"""Time of the alert engine: `python -m benchmarks.bench_alerts [--quick]`.

Shape: one judgement of every shipped rule with an hour of samples a second behind it; a sample of a
page-class rule with the judgement it causes; a storm of 10,000 alerts through engine and routing.
The best of several counts, because a shared machine is only ever disturbed towards slowness.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

from polyarb.alerts.alert import Action, Severity
from polyarb.alerts.checking import compile_condition
from polyarb.alerts.engine import AlertEngine, Moment
from polyarb.alerts.history import Sample
from polyarb.alerts.metrics import METRICS, Kind
from polyarb.alerts.routing import TICKET_WAIT_NS, Sent, notify_now
from polyarb.alerts.rules import PhaseFigures, Rule, runbook_link
from polyarb.config.alerts import load_alerts
from polyarb.domain.limits import Phase
from polyarb.domain.units import MICRO
from polyarb.store.workspace import Workspace

from benchmarks.timing import table

SECOND_NS = 10**9
WALL_NS = 1_780_000_000 * SECOND_NS
STORM = 10_000
FIGURES = PhaseFigures(phase=Phase.MICRO_LIVE, capital=20 * MICRO, daily_loss=3 * MICRO)
QUIET = {"ws_connected": 1.0, "edge_capture_percent": 90.0, "wallet_balance_usd": 20.0}


def moment(seconds: float) -> Moment:
    """Make a moment of both clocks."""
    passed_ns = int(seconds * SECOND_NS)
    return Moment(monotonic_ns=passed_ns, wall_ns=WALL_NS + passed_ns)


def filled_engine() -> AlertEngine:
    """Make an engine of the shipped rules that has seen an hour of a healthy run."""
    rules = load_alerts(Workspace(Path(__file__).resolve().parent.parent)).rules
    engine = AlertEngine(rules, FIGURES, page_every_ns=1, other_every_ns=1)
    states = [name for name, one in METRICS.items() if one.kind is not Kind.EVENT]
    for second in range(3_600):
        for name in states:
            if not name.startswith("phase_"):
                value = QUIET.get(name, 0.0)
                engine.observe(Sample(metric=name, value=value, time_ns=second * SECOND_NS))
    return engine


def best_us(call: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """Return the best and the median of calls, in microseconds."""
    times = []
    for number in range(rounds):
        began = perf_counter_ns()
        call(number)
        times.append((perf_counter_ns() - began) / 1_000)
    times.sort()
    return times[0], times[len(times) // 2]


def judgement_rows(rounds: int) -> list[tuple[str, ...]]:
    """Time judgements behind an hour of samples."""
    engine = filled_engine()
    count = len(engine.rules)
    found = best_us(lambda number: engine.evaluate(moment(3_600 + number / 1e6)), rounds)
    engine = filled_engine()
    engine.evaluate(moment(3_600))

    def flip(number: int) -> None:
        now_ns = 3_600 * SECOND_NS + number
        sample = Sample(metric="ws_connected", value=float(number % 2), time_ns=now_ns)
        if engine.observe(sample):
            engine.evaluate(Moment(monotonic_ns=3_600 * SECOND_NS, wall_ns=WALL_NS))

    flipped = best_us(flip, rounds)
    return [
        (f"judge {count} rules", *(f"{each:.0f}" for each in found)),
        ("a sample of a page-class rule, judged", *(f"{each:.0f}" for each in flipped)),
    ]


def storm_rows() -> list[tuple[str, ...]]:
    """Time ten thousand alerts that begin at once, and what is told of them."""
    text = "source_delay_ms > 1s"
    rule = Rule(
        rule_id="STORM",
        expression=text,
        condition=compile_condition(text),
        severity=Severity.WARNING,
        summary="A storm",
        runbook=runbook_link("STORM"),
        actions=(Action.LOG, Action.NOTIFY),
    )
    engine = AlertEngine([rule], FIGURES)
    for number in range(STORM):
        labels = {"source": str(number)}
        engine.observe(Sample(metric="source_delay_ms", value=5e3, time_ns=0, labels=labels))
    rows = []
    began = perf_counter_ns()
    engine.evaluate(moment(0))
    rows.append((f"{STORM} alerts begin", f"{(perf_counter_ns() - began) / 1_000:.0f}", "-"))
    alerts = engine.active
    began = perf_counter_ns()
    found = notify_now(alerts, (), (), WALL_NS + TICKET_WAIT_NS)
    took = (perf_counter_ns() - began) / 1_000
    rows.append((f"{STORM} alerts routed into {len(found)} notification", f"{took:.0f}", "-"))
    sent = [Sent(alert_id=alert.alert_id, status=alert.status, time_ns=WALL_NS) for alert in alerts]
    again = best_us(lambda _: notify_now(alerts, (), sent, WALL_NS + SECOND_NS), 5)
    rows.append(("a look at them with nothing to tell", *(f"{each:.0f}" for each in again)))
    return rows


def main() -> None:
    """Print the table."""
    rounds = 200 if "--quick" in sys.argv else 2_000
    rows = [*judgement_rows(rounds), *storm_rows()]
    print(table("alerts, microseconds", ("what", "best", "median"), rows))


if __name__ == "__main__":
    main()
