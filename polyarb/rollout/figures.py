"""The figures of the four phases, against which their profiles are held. Pure.

Source: production-kit.md 2.1, the phase profiles, and the trade sizes' declared ceilings.
"""

from collections.abc import Iterator

import msgspec

from polyarb.domain.limits import Phase, Profile, RunKind
from polyarb.domain.units import MICRO, format_micros
from polyarb.rollout.feasibility import prove


class PhaseFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The loosest that a phase allows. Units: micros of a USD, fractions in micros of one."""

    run: RunKind
    trade_size_max: int
    trade_size_ceiling_max: int
    edge_fraction_min: int
    open_notional_max: int
    daily_loss_max: int
    slippage_fraction_max: int
    consecutive_failures_max: int
    failure_fraction_max: int


FIGURES: dict[Phase, PhaseFigures] = {
    Phase.SHADOW: PhaseFigures(
        run=RunKind.SHADOW,
        trade_size_max=1 * MICRO,
        trade_size_ceiling_max=5 * MICRO,
        edge_fraction_min=10_000,
        open_notional_max=10 * MICRO,
        daily_loss_max=1 * MICRO,
        slippage_fraction_max=20_000,
        consecutive_failures_max=3,
        failure_fraction_max=400_000,
    ),
    Phase.MICRO_LIVE: PhaseFigures(
        run=RunKind.LIVE,
        trade_size_max=2 * MICRO,
        trade_size_ceiling_max=5 * MICRO,
        edge_fraction_min=15_000,
        open_notional_max=20 * MICRO,
        daily_loss_max=3 * MICRO,
        slippage_fraction_max=25_000,
        consecutive_failures_max=3,
        failure_fraction_max=400_000,
    ),
    Phase.CONSTRAINED: PhaseFigures(
        run=RunKind.LIVE,
        trade_size_max=5 * MICRO,
        trade_size_ceiling_max=10 * MICRO,
        edge_fraction_min=18_000,
        open_notional_max=50 * MICRO,
        daily_loss_max=5 * MICRO,
        slippage_fraction_max=25_000,
        consecutive_failures_max=3,
        failure_fraction_max=400_000,
    ),
    Phase.SCALED: PhaseFigures(
        run=RunKind.LIVE,
        trade_size_max=10 * MICRO,
        trade_size_ceiling_max=20 * MICRO,
        edge_fraction_min=20_000,
        open_notional_max=100 * MICRO,
        daily_loss_max=10 * MICRO,
        slippage_fraction_max=30_000,
        consecutive_failures_max=5,
        failure_fraction_max=500_000,
    ),
}


def figure_faults(phase: Phase, profile: Profile) -> tuple[str, ...]:
    """Say where a phase's profile is looser than the phase, or cannot place anything at all."""
    return tuple(_faults(phase, profile))


def _faults(phase: Phase, profile: Profile) -> Iterator[str]:
    allowed = FIGURES[phase]
    if profile.phase is not phase:
        yield f"phase: expected {phase}, found {profile.phase or 'null'}"
    if profile.run is not allowed.run:
        yield f"run: expected {allowed.run}, found {profile.run}"
    sizing, envelope, breaker = profile.sizing, profile.envelope, profile.breaker
    money = (
        ("trade_size_usd", sizing.trade_size, allowed.trade_size_max),
        ("trade_size_ceiling_usd", sizing.trade_size_ceiling, allowed.trade_size_ceiling_max),
        ("open_notional_usd_max", envelope.open_notional_max, allowed.open_notional_max),
        ("position_notional_usd_max", envelope.position_notional_max, allowed.open_notional_max),
        ("daily_loss_usd_max", envelope.daily_loss_max, allowed.daily_loss_max),
        ("slippage_fraction_max", sizing.slippage_fraction_max, allowed.slippage_fraction_max),
        ("failure_fraction_max", breaker.failure_fraction_max, allowed.failure_fraction_max),
    )
    for key, found, most in money:
        if found > most:
            yield f"{key}: at most {format_micros(most)}, found {format_micros(found)}"
    if sizing.edge_fraction_min < allowed.edge_fraction_min:
        least, found = allowed.edge_fraction_min, sizing.edge_fraction_min
        yield f"edge_fraction_min: at least {format_micros(least)}, found {format_micros(found)}"
    if breaker.consecutive_failures_max > allowed.consecutive_failures_max:
        most, found = allowed.consecutive_failures_max, breaker.consecutive_failures_max
        yield f"consecutive_failures_max: at most {most}, found {found}"
    if not prove(profile).is_legal:
        yield "no legal set can be placed: see `polyarb profiles check`"
