"""The shipped profiles hold their phases' figures, and each figure that is looser is told."""

from collections.abc import Callable

import msgspec
import pytest
from polyarb.config import load_effective, load_settings
from polyarb.domain.limits import Phase, Profile, RunKind
from polyarb.domain.units import MICRO
from polyarb.rollout.figures import FIGURES, figure_faults
from polyarb.store.workspace import Workspace
from tests.conftest import ROOT

replace = msgspec.structs.replace
Change = Callable[[Profile], Profile]


def shipped(phase: Phase) -> Profile:
    place = Workspace(ROOT)
    return load_effective(place, load_settings(place).phases[phase]).profile


@pytest.mark.parametrize("phase", Phase)
def test_a_shipped_profile_holds_the_figures_of_its_phase(phase: Phase) -> None:
    assert figure_faults(phase, shipped(phase)) == ()


def test_the_figures_are_those_of_the_product() -> None:
    told = {
        phase: (one.trade_size_max, one.open_notional_max, one.daily_loss_max)
        for phase, one in FIGURES.items()
    }
    assert told == {
        Phase.SHADOW: (1 * MICRO, 10 * MICRO, 1 * MICRO),
        Phase.MICRO_LIVE: (2 * MICRO, 20 * MICRO, 3 * MICRO),
        Phase.CONSTRAINED: (5 * MICRO, 50 * MICRO, 5 * MICRO),
        Phase.SCALED: (10 * MICRO, 100 * MICRO, 10 * MICRO),
    }


def sizing(**figures: int) -> Change:
    return lambda one: replace(one, sizing=replace(one.sizing, **figures))


def envelope(**figures: int) -> Change:
    return lambda one: replace(one, envelope=replace(one.envelope, **figures))


def breaker(**figures: int) -> Change:
    return lambda one: replace(one, breaker=replace(one.breaker, **figures))


LOOSER: tuple[tuple[Change, str], ...] = (
    (sizing(trade_size=2 * MICRO + 1), "trade_size_usd: at most 2, found 2.000001"),
    (sizing(trade_size_ceiling=5 * MICRO + 1), "trade_size_ceiling_usd: at most 5"),
    (sizing(edge_fraction_min=14_999), "edge_fraction_min: at least 0.015, found 0.014999"),
    (sizing(slippage_fraction_max=25_001), "slippage_fraction_max: at most 0.025"),
    (envelope(open_notional_max=20 * MICRO + 1), "open_notional_usd_max: at most 20"),
    (envelope(position_notional_max=20 * MICRO + 1), "position_notional_usd_max: at most 20"),
    (envelope(daily_loss_max=3 * MICRO + 1), "daily_loss_usd_max: at most 3"),
    (breaker(consecutive_failures_max=4), "consecutive_failures_max: at most 3, found 4"),
    (breaker(failure_fraction_max=400_001), "failure_fraction_max: at most 0.4"),
    (lambda one: replace(one, run=RunKind.SHADOW), "run: expected live, found shadow"),
    (lambda one: replace(one, phase=None), "phase: expected micro-live, found null"),
)


@pytest.mark.parametrize(("change", "told"), LOOSER, ids=[told[:20] for _, told in LOOSER])
def test_whatever_is_looser_is_told_and_alone(change: Change, told: str) -> None:
    (fault,) = figure_faults(Phase.MICRO_LIVE, change(shipped(Phase.MICRO_LIVE)))
    assert fault.startswith(told)


def test_tighter_is_allowed_as_long_as_a_legal_set_is_left() -> None:
    tighter = sizing(edge_fraction_min=50_000)(shipped(Phase.MICRO_LIVE))
    assert figure_faults(Phase.MICRO_LIVE, envelope(daily_loss_max=MICRO)(tighter)) == ()
    nothing = sizing(trade_size_ceiling=MICRO, trade_size=MICRO)(shipped(Phase.MICRO_LIVE))
    (fault,) = figure_faults(Phase.MICRO_LIVE, nothing)
    assert "no legal set can be placed" in fault
