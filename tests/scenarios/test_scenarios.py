"""Every scenario text of this folder holds, through the real runner and the shadow gateway."""

from pathlib import Path

import pytest
from polyarb.domain.limits import (
    Breaker,
    Envelope,
    Guards,
    Phase,
    Profile,
    RunKind,
    ShadowModel,
    Sizing,
)
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.research.scenario import parse_scenario
from polyarb.wiring.scenario import run_scenario

FOLDER = Path(__file__).parent
ROOMY = Profile(
    name="scenario",
    run=RunKind.SHADOW,
    phase=Phase.SHADOW,
    families=tuple(Family),
    envelope=Envelope(
        order_notional_max=300 * MICRO,
        position_notional_max=300 * MICRO,
        open_notional_max=300 * MICRO,
        daily_loss_max=100 * MICRO,
        instruments_max=20,
        venues_max=1,
        orders_per_minute_max=60,
    ),
    sizing=Sizing(
        trade_size=100 * MICRO,
        trade_size_ceiling=250 * MICRO,
        edge_fraction_min=10_000,
        slippage_fraction_max=250_000,
        gas_per_plan=20_000,
        notional_min=MICRO,
    ),
    guards=Guards(
        settle_ms=10,
        lag_ms_max=2_000,
        skew_ms_max=100,
        content_age_ms_max=600_000,
        episode_gap_ms=500,
    ),
    breaker=Breaker(consecutive_failures_max=3, failure_fraction_max=400_000, failure_window=20),
    shadow=ShadowModel(
        seed=7, latency_ms_p50=150, latency_ms_p95=550, fade_fraction=200_000, revert_fraction=0
    ),
)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_a_scenario_holds(path: Path) -> None:
    scenario = parse_scenario(path.read_text(), path.name)
    owed, records = run_scenario(scenario, ROOMY)
    told = "\n".join(f"{record.time_ns} {record.message}" for record in records)
    assert not owed, "\n".join(owed) + "\n" + told
    assert any(not expectation.is_never for expectation in scenario.expectations) or any(
        expectation.is_never for expectation in scenario.expectations
    )


def test_every_scenario_names_what_it_shows() -> None:
    for path in FOLDER.glob("*.txt"):
        assert path.read_text().startswith("# "), path.name
