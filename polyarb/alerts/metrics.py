"""The fixed catalogue of what alert rules may speak of: name, unit, kind, meaning, who samples it.

A rule that names anything else does not load. Names with a unit in them keep it (`_ms`, `_usd`).
"""

from enum import StrEnum

import msgspec

SECOND_NS = 1_000_000_000
FRESH_NS = 30 * SECOND_NS
"""How long a sample speaks for its metric; after that there is no data."""
EVENT_NS = SECOND_NS


class Unit(StrEnum):
    """What a metric counts."""

    MILLISECONDS = "ms"
    SECONDS = "s"
    PERCENT = "percent"
    FRACTION = "fraction"
    USD = "usd"
    COUNT = "count"
    FLAG = "bool"
    STATE = "state"


class Kind(StrEnum):
    """How a metric moves: any way, only up, between no and yes, or once for each occurrence."""

    GAUGE = "gauge"
    COUNTER = "counter"
    FLAG = "flag"
    EVENT = "event"


class Sampler(StrEnum):
    """Who takes the samples."""

    FEED = "the sources of live data"
    LOOP = "the trading loop"
    ENGINE = "the engine's state"
    LEDGER = "the ledger"
    JOURNAL = "the journal"
    HOST = "the machine's checkup"
    CHAIN = "the wallet on chain (live phases)"
    BACKUP = "the backup catalogue"
    DELIVERY = "the alert outbox"
    PHASE = "the phase's figures"
    WATCH = "`polyarb watch`, beside the trader"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is measured.

    Shape: states of a metric that has some, in the order of their numbers; labels it may carry.
    """

    name: str
    unit: Unit
    kind: Kind
    meaning: str
    sampled_by: Sampler
    labels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    fresh_ns: int | None = FRESH_NS

    def number(self, state: str) -> float:
        """Return the number of a state, whatever the case of its letters.

        Errors: ValueError for a state that the metric does not have.
        """
        if state.upper() not in self.states:
            raise ValueError(f"{self.name}: expected one of {self.states}, found {state}")
        return float(self.states.index(state.upper()))


def _gauge(name: str, unit: Unit, sampled_by: Sampler, meaning: str) -> Metric:
    return Metric(name=name, unit=unit, kind=Kind.GAUGE, sampled_by=sampled_by, meaning=meaning)


def _counter(name: str, sampled_by: Sampler, meaning: str) -> Metric:
    return Metric(
        name=name, unit=Unit.COUNT, kind=Kind.COUNTER, sampled_by=sampled_by, meaning=meaning
    )


def _flag(name: str, sampled_by: Sampler, meaning: str) -> Metric:
    return Metric(name=name, unit=Unit.FLAG, kind=Kind.FLAG, sampled_by=sampled_by, meaning=meaning)


def _phase(name: str, unit: Unit, meaning: str) -> Metric:
    """A figure of the phase: it is known as long as the phase lasts."""
    return Metric(
        name=name,
        unit=unit,
        kind=Kind.GAUGE,
        sampled_by=Sampler.PHASE,
        meaning=meaning,
        fresh_ns=None,
    )


_CATALOGUE: tuple[Metric, ...] = (
    # Feed
    _flag("ws_connected", Sampler.FEED, "at least one stream of books is open"),
    _gauge(
        "data_delay_ms",
        Unit.MILLISECONDS,
        Sampler.FEED,
        "time from the venue's stamp to our receipt of the latest book change",
    ),
    Metric(
        name="source_delay_ms",
        unit=Unit.MILLISECONDS,
        kind=Kind.GAUGE,
        sampled_by=Sampler.FEED,
        meaning="the same for one source of live data",
        labels=("source",),
    ),
    _gauge(
        "stale_books_fraction",
        Unit.FRACTION,
        Sampler.FEED,
        "books that are not live, of all that are watched",
    ),
    _gauge(
        "ws_reconnect_success_percent",
        Unit.PERCENT,
        Sampler.FEED,
        "connections that stood again after a drop, of all drops of the run",
    ),
    _counter("ws_drops", Sampler.FEED, "connections to the stream that were lost"),
    _counter("feed_messages", Sampler.FEED, "messages that the feed delivered"),
    _counter("feed_rejected", Sampler.FEED, "messages that could not be read or were refused"),
    _gauge(
        "rpc_error_count",
        Unit.COUNT,
        Sampler.FEED,
        "requests to venue or chain that failed within the last minute",
    ),
    # Loop
    _counter("loop_ticks", Sampler.LOOP, "turns of the trading loop; samples come from it alone"),
    _gauge("loop_tick_age_ms", Unit.MILLISECONDS, Sampler.LOOP, "time since the loop last turned"),
    _gauge(
        "latency_p95_ms",
        Unit.MILLISECONDS,
        Sampler.LOOP,
        "95th percentile of the time from receipt to decision",
    ),
    _gauge("memory_mb", Unit.COUNT, Sampler.HOST, "resident memory of the trader in megabytes"),
    _flag(
        "slo_missed",
        Sampler.LOOP,
        "in this second a promise was broken: no stream, or a decision later than 500 ms",
    ),
    # Engine
    Metric(
        name="circuit_breaker_state",
        unit=Unit.STATE,
        kind=Kind.GAUGE,
        sampled_by=Sampler.ENGINE,
        meaning="the breaker over broken sets",
        states=("CLOSED", "HALF_OPEN", "OPEN"),
    ),
    Metric(
        name="trading_state",
        unit=Unit.STATE,
        kind=Kind.GAUGE,
        sampled_by=Sampler.ENGINE,
        meaning="what the engine may do",
        states=("HALTED", "RECONCILING", "ACTIVE", "REDUCING"),
    ),
    _gauge(
        "reject_rate",
        Unit.FRACTION,
        Sampler.ENGINE,
        "orders that the venue refused, of those sent in the last five minutes",
    ),
    _counter("orders_submitted", Sampler.ENGINE, "orders that were sent"),
    _counter("fills_confirmed", Sampler.LEDGER, "fills that are money, or simulated as such"),
    _flag(
        "live_no_fills",
        Sampler.LEDGER,
        "orders were submitted and no fill was confirmed (live phases)",
    ),
    _flag(
        "dry_run_no_fills",
        Sampler.LEDGER,
        "orders were placed and none was filled in simulation (shadow)",
    ),
    Metric(
        name="trade_executed",
        unit=Unit.FLAG,
        kind=Kind.EVENT,
        sampled_by=Sampler.ENGINE,
        meaning="a set was completed",
        labels=("family",),
        fresh_ns=EVENT_NS,
    ),
    Metric(
        name="opportunity_detected",
        unit=Unit.COUNT,
        kind=Kind.EVENT,
        sampled_by=Sampler.ENGINE,
        meaning="opportunities that one look at the books found",
        labels=("family",),
        fresh_ns=EVENT_NS,
    ),
    # Money
    _gauge(
        "drawdown_percent",
        Unit.PERCENT,
        Sampler.LEDGER,
        "how far equity is below its peak, in percent of the peak",
    ),
    _gauge(
        "position_usage_percent",
        Unit.PERCENT,
        Sampler.LEDGER,
        "open notional in percent of the envelope's limit",
    ),
    _gauge("daily_loss_usd", Unit.USD, Sampler.LEDGER, "what this UTC day has lost so far"),
    _gauge(
        "edge_capture_percent",
        Unit.PERCENT,
        Sampler.LEDGER,
        "settled profit in percent of the profit expected of the same sets",
    ),
    _gauge(
        "unmatched_notional_usd",
        Unit.USD,
        Sampler.LEDGER,
        "cost of legs that are held without their counterpart",
    ),
    _gauge("wallet_balance_usd", Unit.USD, Sampler.CHAIN, "tradeable balance of the wallet"),
    # Records and machine
    _gauge(
        "journal_age_ms",
        Unit.MILLISECONDS,
        Sampler.JOURNAL,
        "time since the journal was last made durable while something waited for it",
    ),
    _gauge("disk_free_mb", Unit.COUNT, Sampler.HOST, "free disk of the workspace in megabytes"),
    _gauge(
        "clock_offset_ms",
        Unit.MILLISECONDS,
        Sampler.HOST,
        "how far the machine's clock is from the time servers, without its sign",
    ),
    _gauge("backup_age_s", Unit.SECONDS, Sampler.BACKUP, "time since the newest verified backup"),
    Metric(
        name="alert_delivery_failures",
        unit=Unit.COUNT,
        kind=Kind.COUNTER,
        sampled_by=Sampler.DELIVERY,
        meaning="attempts of one channel that did not deliver",
        labels=("channel",),
    ),
    _gauge(
        "alert_outbox_age_s",
        Unit.SECONDS,
        Sampler.DELIVERY,
        "how long the oldest undelivered notification waits",
    ),
    _gauge("watch_age_s", Unit.SECONDS, Sampler.HOST, "time since `polyarb watch` last looked"),
    # Watch
    _gauge(
        "trader_silence_ms",
        Unit.MILLISECONDS,
        Sampler.WATCH,
        "time since the process that holds the workspace last gave a sign of life",
    ),
    _flag(
        "trader_crashed",
        Sampler.WATCH,
        "the last trader ended without releasing its lease, and none runs",
    ),
    _gauge(
        "trader_crashes",
        Unit.COUNT,
        Sampler.WATCH,
        "traders within the last 24 hours that ended without releasing their lease",
    ),
    # Phase
    _phase("phase_capital_usd", Unit.USD, "capital of the phase"),
    _phase("phase_daily_loss_usd", Unit.USD, "loss at which the phase stops for the day"),
    _phase("phase_drawdown_percent", Unit.PERCENT, "drawdown that the phase bears"),
    _phase(
        "phase_balance_min_percent",
        Unit.PERCENT,
        "part of the phase's capital below which the balance is low",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _CATALOGUE}

PHASE_NAMES: dict[str, str] = {
    "phase.capital": "phase_capital_usd",
    "phase.daily_loss": "phase_daily_loss_usd",
    "phase.drawdown": "phase_drawdown_percent",
    "phase.balance_min": "phase_balance_min_percent",
}
"""How a rule spells the figures of its phase."""
