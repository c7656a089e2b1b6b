"""What the figures of a profile must keep between each other, checked after each alone is right."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from polyarb.config.schema import ProfileKeys
from polyarb.domain.limits import Phase, RunKind
from polyarb.domain.units import format_micros


@dataclass(frozen=True, slots=True)
class Clash:
    """A figure that another one forbids; key is the dotted name of the one to change."""

    key: str
    expected: str
    found: str


def clashes(keys: ProfileKeys) -> Iterator[Clash]:
    """Yield everything that does not fit together."""
    for rule in CROSS_RULES:
        clash = rule(keys)
        if clash is not None:
            yield clash


def trade_fits_position(keys: ProfileKeys) -> Clash | None:
    """A trade is no larger than what may be held of one relation."""
    return _at_most(
        "sizing.trade_size_usd",
        keys.sizing.trade_size_usd,
        "envelope.position_notional_usd_max",
        keys.envelope.position_notional_usd_max,
    )


def trade_fits_open(keys: ProfileKeys) -> Clash | None:
    """A trade is no larger than what may be open."""
    return _at_most(
        "sizing.trade_size_usd",
        keys.sizing.trade_size_usd,
        "envelope.open_notional_usd_max",
        keys.envelope.open_notional_usd_max,
    )


def ceiling_holds_trade(keys: ProfileKeys) -> Clash | None:
    """The ceiling is no lower than the trade size."""
    ceiling, size = keys.sizing.trade_size_ceiling_usd, keys.sizing.trade_size_usd
    if ceiling >= size:
        return None
    expected = f"at least sizing.trade_size_usd ({format_micros(size)})"
    return Clash("sizing.trade_size_ceiling_usd", expected, format_micros(ceiling))


def latencies_are_ordered(keys: ProfileKeys) -> Clash | None:
    """The 95th percentile is no lower than the median."""
    median, high = keys.shadow.latency_ms_p50, keys.shadow.latency_ms_p95
    if high >= median:
        return None
    return Clash("shadow.latency_ms_p95", f"at least shadow.latency_ms_p50 ({median})", str(high))


def run_fits_phase(keys: ProfileKeys) -> Clash | None:
    """The shadow phase simulates its orders, every other phase sends them."""
    if keys.phase is None:
        return None
    needed = RunKind.SHADOW if keys.phase is Phase.SHADOW else RunKind.LIVE
    return None if keys.run is needed else Clash("run", f"{needed} (phase {keys.phase})", keys.run)


CROSS_RULES: tuple[Callable[[ProfileKeys], Clash | None], ...] = (
    trade_fits_position,
    trade_fits_open,
    ceiling_holds_trade,
    latencies_are_ordered,
    run_fits_phase,
)


def _at_most(key: str, value: int, bound_key: str, bound: int) -> Clash | None:
    if value <= bound:
        return None
    return Clash(key, f"at most {bound_key} ({format_micros(bound)})", format_micros(value))
