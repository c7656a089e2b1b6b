"""Which changes of a profile a person has to confirm."""

import msgspec
import pytest
from polyarb.domain.limits import Phase, Profile, RunKind
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.rollout.changes import GROWTHS, Before, RiskCode, risks_of, unapproved
from tests.worlds import ROOMY

replace = msgspec.structs.replace


def _with(section: str, **figures: int) -> Profile:
    return replace(ROOMY, **{section: replace(getattr(ROOMY, section), **figures)})


def _codes(target: Profile, *befores: Profile) -> list[str]:
    return [risk.code for risk in risks_of(target, [Before(profile=each) for each in befores])]


def test_a_profile_is_no_risk_against_itself() -> None:
    assert risks_of(ROOMY, [Before(profile=ROOMY)]) == ()


@pytest.mark.parametrize(
    ("code", "section", "field", "safe", "risky"),
    [
        ("INCREASE_POSITION_SIZE", "envelope", "position_notional_max", 450 * MICRO, 1),
        ("INCREASE_POSITION_SIZE", "envelope", "open_notional_max", 450 * MICRO, 1),
        ("RELAX_SLIPPAGE", "sizing", "slippage_fraction_max", 375_000, 1),
        ("LOWER_PROFIT_THRESHOLD", "sizing", "edge_fraction_min", 5_000, -1),
        ("INCREASE_TRADE_SIZE", "sizing", "trade_size", 150 * MICRO, 1),
        ("INCREASE_TRADE_SIZE", "sizing", "trade_size_ceiling", 375 * MICRO, 1),
        ("INCREASE_TRADE_SIZE", "envelope", "order_notional_max", 450 * MICRO, 1),
        ("INCREASE_DAILY_LOSS", "envelope", "daily_loss_max", 100 * MICRO, 1),
        ("INCREASE_ORDER_RATE", "envelope", "orders_per_minute_max", 90, 1),
        ("WIDEN_MARKETS", "envelope", "instruments_max", 30, 1),
        ("WIDEN_MARKETS", "envelope", "venues_max", 1, 1),
        ("LOOSEN_BREAKER", "breaker", "consecutive_failures_max", 3, 1),
        ("LOOSEN_BREAKER", "breaker", "failure_fraction_max", 400_000, 1),
        ("LOOSEN_GUARDS", "guards", "lag_ms_max", 2_000, 1),
        ("LOOSEN_GUARDS", "guards", "skew_ms_max", 100, 1),
        ("LOOSEN_GUARDS", "guards", "content_age_ms_max", 600_000, 1),
        ("LOOSEN_GUARDS", "guards", "settle_ms", 10, -1),
        ("LOWER_COSTS", "sizing", "gas_per_plan", 20_000, -1),
        ("EASE_SIMULATION", "shadow", "latency_ms_p50", 150, -1),
        ("EASE_SIMULATION", "shadow", "latency_ms_p95", 550, -1),
        ("EASE_SIMULATION", "shadow", "fade_fraction", 200_000, -1),
    ],
)
def test_a_figure_is_a_risk_one_step_beyond_its_factor(
    code: str, section: str, field: str, safe: int, risky: int
) -> None:
    assert _codes(_with(section, **{field: safe}), ROOMY) == []
    assert _codes(_with(section, **{field: safe + risky}), ROOMY) == [code]


def test_a_tighter_profile_is_no_risk() -> None:
    tight = _with("envelope", position_notional_max=MICRO, daily_loss_max=1, venues_max=0)
    assert _codes(tight, ROOMY) == []


def test_every_growth_stands_under_a_key_of_its_own() -> None:
    keys = [growth.key for growth in GROWTHS]
    assert len(set(keys)) == len(keys)


def test_small_steps_are_seen_as_the_large_one_they_add_up_to() -> None:
    """1.4 times and 1.4 times again is more than 1.5 times what was agreed to."""
    once = _with("envelope", position_notional_max=420 * MICRO)
    twice = _with("envelope", position_notional_max=588 * MICRO)
    assert _codes(once, ROOMY) == []
    assert _codes(twice, once) == []
    found = risks_of(
        twice, [Before(profile=once), Before(profile=ROOMY, since="since the agreement")]
    )
    assert [(risk.code, risk.detail) for risk in found] == [
        ("INCREASE_POSITION_SIZE", "300 to 588 since the agreement")
    ]


def test_a_risk_against_both_is_told_once() -> None:
    target = _with("envelope", daily_loss_max=200 * MICRO)
    assert _codes(target, ROOMY, ROOMY) == [RiskCode.INCREASE_DAILY_LOSS]


def test_going_live_and_new_families_are_risks() -> None:
    narrow = replace(ROOMY, families=(Family.BINARY,))
    live = replace(ROOMY, run=RunKind.LIVE, phase=Phase.MICRO_LIVE)
    assert _codes(live, ROOMY) == [RiskCode.SWITCH_TO_LIVE]
    assert _codes(live, live) == []
    assert _codes(ROOMY, live) == []
    found = risks_of(ROOMY, [Before(profile=narrow)])
    assert [risk.code for risk in found] == [RiskCode.ADD_FAMILIES]
    assert "negrisk_yes" in found[0].detail
    assert "binary" not in found[0].detail


def test_what_a_profile_says_of_itself_is_confirmed_too() -> None:
    warned = replace(
        ROOMY, tags=("high-risk", "night"), risk_warnings=("HIGH_FREQUENCY", "SWITCH_TO_LIVE")
    )
    assert _codes(warned, warned) == [RiskCode.HIGH_RISK_PROFILE, "HIGH_FREQUENCY"]


def test_only_a_live_profile_is_held_to_the_caps_of_live_trading() -> None:
    assert unapproved(ROOMY) == ()
    live = replace(ROOMY, run=RunKind.LIVE)
    assert unapproved(live) == (
        "envelope.position_notional_usd_max: expected at most 100 USD, found 300",
        "envelope.daily_loss_usd_max: expected at most 10 USD, found 100",
    )
    large = replace(live, sizing=replace(live.sizing, trade_size=100 * MICRO + 1))
    assert unapproved(large)[0].startswith("sizing.trade_size_usd: expected at most 100 USD")
