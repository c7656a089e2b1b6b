"""The figures a profile declares: what a phase may risk, when it trades, how shadow fills."""

from enum import StrEnum

import msgspec

from polyarb.domain.plan import Family
from polyarb.domain.venue import Universe


class Phase(StrEnum):
    """The rungs of the rollout, lowest first."""

    SHADOW = "shadow"
    MICRO_LIVE = "micro-live"
    CONSTRAINED = "constrained"
    SCALED = "scaled"


class RunKind(StrEnum):
    """Whether a profile's orders are simulated or reach the venue; declared, never a flag."""

    SHADOW = "shadow"
    LIVE = "live"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The most a phase may have at risk; a profile without every field does not load.

    Units: micros of a USD, counts; orders per minute of receive time.
    """

    order_notional_max: int
    position_notional_max: int
    open_notional_max: int
    daily_loss_max: int
    instruments_max: int
    venues_max: int
    orders_per_minute_max: int


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """How large a plan is and what it must earn.

    Units: micros of a USD; fractions in micros of one (15_000 is 1.5 %). A plan is sized to
    trade_size and may be rounded up to the smallest legal set, never above the ceiling.
    """

    trade_size: int
    trade_size_ceiling: int
    edge_fraction_min: int
    slippage_fraction_max: int
    gas_per_plan: int
    notional_min: int


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """When a book is too old, too late or too uneven to decide on, in milliseconds."""

    settle_ms: int
    lag_ms_max: int
    skew_ms_max: int
    content_age_ms_max: int
    episode_gap_ms: int


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """When broken sets stop trading. Units: counts; fraction in micros of one."""

    consecutive_failures_max: int
    failure_fraction_max: int
    failure_window: int


class ShadowModel(msgspec.Struct, frozen=True, kw_only=True):
    """How shadow orders meet the market.

    Units: order latency in milliseconds at the median and the 95th percentile; fractions in
    micros of one: a maker fades a later leg, a settlement reverts.
    """

    seed: int
    latency_ms_p50: int
    latency_ms_p95: int
    fade_fraction: int
    revert_fraction: int


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs between phases, as data."""

    name: str
    run: RunKind
    phase: Phase | None
    families: tuple[Family, ...]
    envelope: Envelope
    sizing: Sizing
    guards: Guards
    breaker: Breaker
    shadow: ShadowModel
    universe: Universe = Universe()
    description: str = ""
    version: str = "1.0.0"
    tags: tuple[str, ...] = ()
    risk_warnings: tuple[str, ...] = ()
