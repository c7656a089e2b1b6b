"""Every figure of the shipped files, as the product specification has it."""

from itertools import pairwise

import pytest
from polyarb.config import load_profile, load_settings, profile_names
from polyarb.config.figures import Figure
from polyarb.config.loading import load_written
from polyarb.config.schema import ProfileKeys
from polyarb.config.validate import fields_of, figure_of
from polyarb.domain.limits import Phase, RunKind
from polyarb.domain.plan import Family
from polyarb.domain.units import parse_micros
from polyarb.store.workspace import Workspace

ALL = tuple(Family)
INSTANT = (Family.BINARY, Family.NEGRISK_NO, Family.NEGRISK_SPLIT)
LIVE_WARNINGS = ("SWITCH_TO_LIVE", "REAL_MONEY", "REQUIRES_PRIVATE_KEY")

# run, phase, families, trade, ceiling, edge, slippage, order, position, open, daily loss,
# instruments, venues, orders a minute, failures in a row, failed fraction
PROFILES = """
live_shadow_atomic_v1      shadow shadow      all  1  5 0.01  0.02   5   10   10   1 31 1 120 3 0.4
live_safe_atomic_v1        live   micro-live  some 2  5 0.015 0.025  5   20   20   3 31 1  60 3 0.4
live_constrained_atomic_v1 live   constrained some 5 10 0.018 0.025 10   50   50   5 31 1  60 3 0.4
live_scaled_atomic_v1      live   scaled      some 10 20 0.02  0.03  20  100  100  10 31 1 120 5 0.5
sandbox                    shadow -           all  1  5 0.05  0.005  5   50   50   5 31 1  60 3 0.4
conservative               shadow -           all  5 10 0.02  0.01  10  200  200  20 31 1  60 3 0.4
live_safe                  live   -           some 5 10 0.02  0.01  10  100  100  10 31 1  60 3 0.4
balanced                   shadow -           all  10 20 0.01  0.02  20 1000 1000 100 31 1  60 3 0.4
taker                      shadow -           all  12 24 0.012 0.025 24  600  600  60 31 1  60 3 0.4
maker                      shadow -           all  15 30 0.008 0.01  30  800  800  80 31 1  60 3 0.4
aggressive                 shadow -           all  20 40 0.005 0.03  40 2000 2000 200 31 1  60 3 0.4
"""
ROWS = {row.split()[0]: row.split()[1:] for row in PROFILES.strip().splitlines()}
WARNINGS = {
    "live_safe_atomic_v1": LIVE_WARNINGS,
    "live_constrained_atomic_v1": LIVE_WARNINGS,
    "live_scaled_atomic_v1": LIVE_WARNINGS,
    "live_safe": LIVE_WARNINGS,
    "aggressive": ("LARGE_POSITION_SIZE", "LOW_PROFIT_THRESHOLD", "HIGH_FREQUENCY"),
}


def test_the_table_has_every_shipped_profile(workspace: Workspace) -> None:
    assert sorted(ROWS) == list(profile_names(workspace))


@pytest.mark.parametrize("name", ROWS)
def test_a_shipped_profile_has_the_figures_of_the_product(workspace: Workspace, name: str) -> None:
    profile = load_profile(workspace, name)
    run, phase, families, *figures = ROWS[name]
    sizing, envelope, breaker = profile.sizing, profile.envelope, profile.breaker
    assert profile.run is RunKind(run)
    assert profile.phase is (None if phase == "-" else Phase(phase))
    assert profile.families == (ALL if families == "all" else INSTANT)
    assert [
        sizing.trade_size,
        sizing.trade_size_ceiling,
        sizing.edge_fraction_min,
        sizing.slippage_fraction_max,
        envelope.order_notional_max,
        envelope.position_notional_max,
        envelope.open_notional_max,
        envelope.daily_loss_max,
    ] == [parse_micros(text) for text in figures[:8]]
    assert [
        envelope.instruments_max,
        envelope.venues_max,
        envelope.orders_per_minute_max,
        breaker.consecutive_failures_max,
    ] == [int(text) for text in figures[8:12]]
    assert breaker.failure_fraction_max == parse_micros(figures[12])
    assert profile.risk_warnings == WARNINGS.get(name, ())
    assert ("high-risk" in profile.tags) == (name == "aggressive")
    assert profile.version == "1.0.0"
    assert profile.description


def test_only_the_product_figures_are_written_into_the_shipped_profiles(
    workspace: Workspace,
) -> None:
    inherited = {
        (value.key, value.value)
        for name in profile_names(workspace)
        for value in load_written(workspace, name).values
        if value.source == "default" and value.key.split(".")[0] in {"guards", "shadow", "sizing"}
    }
    assert inherited == {
        ("sizing.gas_per_plan_usd", "0.02"),
        ("sizing.notional_usd_min", "1"),
        ("guards.settle_ms", "10"),
        ("guards.lag_ms_max", "2000"),
        ("guards.skew_ms_max", "100"),
        ("guards.content_age_ms_max", "60000"),
        ("guards.episode_gap_ms", "500"),
        ("shadow.seed", "7"),
        ("shadow.latency_ms_p50", "150"),
        ("shadow.latency_ms_p95", "550"),
        ("shadow.fade_fraction", "0.2"),
        ("shadow.revert_fraction", "0.01"),
    }


def test_thresholds_rise_and_sizes_never_fall_along_the_phases(workspace: Workspace) -> None:
    names = load_settings(workspace).phases
    rungs = [load_profile(workspace, names[phase]) for phase in Phase]
    for lower, upper in pairwise(rungs):
        assert lower.sizing.edge_fraction_min < upper.sizing.edge_fraction_min
        assert lower.sizing.trade_size < upper.sizing.trade_size
        assert lower.sizing.trade_size_ceiling <= upper.sizing.trade_size_ceiling
        assert lower.envelope.position_notional_max < upper.envelope.position_notional_max
        assert lower.envelope.daily_loss_max < upper.envelope.daily_loss_max


@pytest.mark.parametrize(
    ("key", "unit"),
    [(key, figure) for key, field in fields_of(ProfileKeys) if (figure := figure_of(field))],
)
def test_a_key_names_its_unit_before_max_or_min(key: str, unit: Figure) -> None:
    name = key.rpartition(".")[2].removesuffix("_max").removesuffix("_min")
    if unit.is_decimal:
        assert name.endswith(("_usd", "_fraction"))
    else:
        assert not name.endswith(("_usd", "_fraction"))
        assert (unit.unit == "ms") == ("_ms" in name)
        assert (unit.unit == "minutes") == (name == "expiry_blackout")
