"""The layers of the configuration: what wins, where it came from, and how faults are told."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from polyarb.config import (
    load_effective,
    load_phase_profile,
    load_profile,
    load_settings,
    load_written,
    profile_names,
    profile_path,
)
from polyarb.config.effective import FIELDS, OVERRIDABLE
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.domain.limits import Phase, Profile, RunKind
from polyarb.domain.plan import Family
from polyarb.store.workspace import Workspace

Edit = Callable[[str, str, str], Workspace]
SAFE = "live_safe_atomic_v1"
SAFE_FILE = f"profiles/{SAFE}.yaml"


def faults(caught: pytest.ExceptionInfo[UsageError]) -> list[str]:
    return str(caught.value).splitlines()


def own(workspace: Workspace, text: str, name: str = "mine") -> str:
    """Write a custom profile and return its name."""
    (workspace.custom_profiles_dir / f"{name}.yaml").write_text(text, encoding="utf-8")
    return f"custom/{name}"


SMALL = """\
run: shadow
phase: null
families: [negrisk_split]
envelope:
  order_notional_usd_max: 5
  position_notional_usd_max: 10
  open_notional_usd_max: 10
  daily_loss_usd_max: 1
  instruments_max: 4
  venues_max: 1
  orders_per_minute_max: 9
"""


def test_every_shipped_profile_loads(workspace: Workspace) -> None:
    names = profile_names(workspace)
    assert len(names) == 11
    for name in names:
        assert load_profile(workspace, name).name == name


def test_a_custom_profile_falls_back_to_the_base_and_the_defaults(workspace: Workspace) -> None:
    effective = load_effective(workspace, own(workspace, SMALL))
    sizing, guards = effective.profile.sizing, effective.profile.guards
    assert (sizing.trade_size, sizing.trade_size_ceiling) == (1_000_000, 5_000_000)
    assert (sizing.edge_fraction_min, sizing.slippage_fraction_max) == (10_000, 20_000)
    assert (sizing.gas_per_plan, sizing.notional_min) == (20_000, 1_000_000)
    assert (guards.settle_ms, guards.lag_ms_max, guards.skew_ms_max) == (10, 2000, 100)
    assert (guards.content_age_ms_max, guards.episode_gap_ms) == (60_000, 500)
    shadow, breaker = effective.profile.shadow, effective.profile.breaker
    assert (shadow.seed, shadow.latency_ms_p50, shadow.latency_ms_p95) == (7, 150, 550)
    assert (shadow.fade_fraction, shadow.revert_fraction) == (200_000, 10_000)
    assert (breaker.consecutive_failures_max, breaker.failure_fraction_max) == (3, 400_000)
    assert breaker.failure_window == 20
    sources = {value.key: value.source for value in effective.values}
    assert sources["run"] == str(Path("config/profiles/custom/mine.yaml:1"))
    assert sources["sizing.trade_size_usd"] == str(Path("config/config.yaml:16"))
    assert sources["guards.settle_ms"] == "default"
    assert profile_names(workspace)[-1] == "custom/mine"


def test_a_profile_wins_over_the_base_key_by_key(workspace: Workspace) -> None:
    name = own(workspace, SMALL + "sizing:\n  trade_size_usd: 3\n")
    sizing = load_profile(workspace, name).sizing
    assert (sizing.trade_size, sizing.trade_size_ceiling) == (3_000_000, 5_000_000)


def test_the_base_wins_over_the_defaults(edit: Edit) -> None:
    workspace = edit("config.yaml", "breaker:\n", "guards:\n  settle_ms: 25\nbreaker:\n")
    effective = load_effective(workspace, SAFE)
    assert effective.profile.guards.settle_ms == 25
    assert effective.profile.guards.lag_ms_max == 2000


@pytest.mark.parametrize("key", [key for key in FIELDS if re.match("envelope|run|phase|fam", key)])
def test_a_profile_without_a_field_of_its_own_does_not_load(workspace: Workspace, key: str) -> None:
    name = key.rpartition(".")[2]
    text = "".join(line for line in SMALL.splitlines(True) if line.strip().split(":")[0] != name)
    with pytest.raises(UsageError) as caught:
        load_profile(workspace, own(workspace, text))
    assert len(faults(caught)) == 1
    assert "mine.yaml" in faults(caught)[0]
    assert f": {key}: expected" in faults(caught)[0] and faults(caught)[0].endswith("found nothing")


def test_an_envelope_is_never_inherited(edit: Edit) -> None:
    workspace = edit("config.yaml", "breaker:\n", "envelope:\n  venues_max: 1\nbreaker:\n")
    with pytest.raises(UsageError, match=r"config.yaml:20: envelope: expected .*an unknown key"):
        load_profile(workspace, SAFE)


def test_all_faults_of_all_files_are_told_together_with_the_nearest_key(edit: Edit) -> None:
    edit(SAFE_FILE, "  trade_size_usd: 2\n", "  trade_sise_usd: 2\n")
    edit(SAFE_FILE, "  daily_loss_usd_max: 3\n", "  daily_loss_usd_max: '3'\n")
    edit(SAFE_FILE, "families: [binary, negrisk_no, negrisk_split]", "familys: [binary]")
    edit(SAFE_FILE, "run: live", "run: life")
    edit(SAFE_FILE, "  orders_per_minute_max: 60\n", "")
    edit(SAFE_FILE, "breaker:\n", "breaker: 5\nbraker:\n")
    workspace = edit("config.yaml", "phases:", "log_level: INFO\nphases:")
    with pytest.raises(UsageError) as caught:
        load_profile(workspace, SAFE)
    profile = str(Path("config/profiles/live_safe_atomic_v1.yaml"))
    assert sorted(faults(caught)) == sorted(
        [
            f"{Path('config/config.yaml')}:8: log_level: expected one of breaker, clock, guards,"
            " phases, profile, recording, shadow, sizing, universe, venue, wallet, found an"
            " unknown key",
            f"{profile}: families: expected this key, found nothing",
            f"{profile}:8: run: expected live (the nearest), found the text life",
            f"{profile}:10: familys: expected families (the nearest), found an unknown key",
            f"{profile}:15: envelope.daily_loss_usd_max: expected a plain decimal from 0.000001 to"
            ' 1000000, found the quoted text "3"',
            f"{profile}:11: envelope.orders_per_minute_max: expected a whole number from 1 to"
            " 1000000, found nothing",
            f"{profile}:19: sizing.trade_sise_usd: expected trade_size_usd (the nearest), found an"
            " unknown key",
            f"{profile}:23: breaker: expected a section, found the number 5",
            f"{profile}:24: braker: expected breaker (the nearest), found an unknown key",
        ]
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "trade_size_usd: 2",
            "trade_size_usd: 20.01",
            r"position_notional_usd_max \(20\), found 20.01",
        ),
        (
            "open_notional_usd_max: 20",
            "open_notional_usd_max: 1",
            r"open_notional_usd_max \(1\), found 2",
        ),
        ("ceiling_usd: 5", "ceiling_usd: 1.9", r"at least sizing.trade_size_usd \(2\), found 1.9"),
        ("run: live", "run: shadow", r"run: expected live \(phase micro-live\), found shadow"),
        (
            "phase: micro-live",
            "phase: shadow",
            r"run: expected shadow \(phase shadow\)",
        ),
        ("trade_size_usd: 2", "trade_size_usd: 0", "from 0.000001 to 1000000, found the number 0"),
        ("trade_size_usd: 2", "trade_size_usd: -2", "found the number -2"),
        (
            "edge_fraction_min: 0.015",
            "edge_fraction_min: 1.01",
            "from 0 to 1, found the number",
        ),
        ("slippage_fraction_max: 0.025", "slippage_fraction_max: 0.51", "from 0 to 0.5"),
        ("failure_fraction_max: 0.4", "failure_fraction_max: 0", "from 0.000001 to 1"),
        (
            "breaker:",
            "shadow:\n  latency_ms_p95: 149\nbreaker:",
            r"latency_ms_p50 \(150\)",
        ),
        ("venues_max: 1", "venues_max: 0", "a whole number from 1"),
        ("venues_max: 1", "venues_max: true", "found the truth value true"),
        ("venues_max: 1", "venues_max: 1.0", "a whole number from 1"),
        ('version: "1.0.0"', "version: 1.0", "quote what looks like a number"),
        ("tags: [phase-1]", "tags: phase-1", "a list of texts"),
        ("sizing:", "sizing: [1]\nother:", "sizing: expected a section, found a list"),
    ],
)
def test_figures_that_do_not_fit_are_refused(edit: Edit, old: str, new: str, told: str) -> None:
    workspace = edit(SAFE_FILE, old, new)
    with pytest.raises(UsageError, match=told) as caught:
        load_profile(workspace, SAFE)
    assert re.match(
        r"config.profiles.live_safe_atomic_v1.yaml:\d+: [a-z_.0-9]+: ", str(caught.value)
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("trade_size_usd: 2", "trade_size_usd: 5"),
        ("position_notional_usd_max: 20", "position_notional_usd_max: 2"),
        ("open_notional_usd_max: 20", "open_notional_usd_max: 2"),
        ("edge_fraction_min: 0.015", "edge_fraction_min: 1"),
        ("edge_fraction_min: 0.015", "edge_fraction_min: 0"),
        ("slippage_fraction_max: 0.025", "slippage_fraction_max: 0.5"),
        ("breaker:", "shadow:\n  latency_ms_p95: 150\nbreaker:"),
    ],
)
def test_figures_at_their_bound_load(edit: Edit, old: str, new: str) -> None:
    assert load_profile(edit(SAFE_FILE, old, new), SAFE).name == SAFE


def test_an_unknown_profile_is_told_with_the_nearest_name(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"profile: expected live_safe_atomic_v1 \(the nearest\)"):
        load_profile(workspace, "live_safe_atomic_v2")
    for name in ("../config", "custom/../sandbox", "", "custom/", "sandbox.yaml", "/etc/passwd"):
        with pytest.raises(UsageError):
            profile_path(workspace, name)


def test_the_phases_name_their_profiles(workspace: Workspace) -> None:
    settings = load_settings(workspace)
    assert settings.profile == "live_shadow_atomic_v1"
    for phase in Phase:
        profile = load_phase_profile(workspace, phase).profile
        assert profile.name == settings.phases[phase]
        assert profile.phase is phase
        assert (profile.run is RunKind.SHADOW) == (phase is Phase.SHADOW)


def test_without_a_name_the_workspaces_own_choice_is_loaded(
    edit: Edit, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_profile(workspace).name == "live_shadow_atomic_v1"
    edit("config.yaml", "profile: live_shadow_atomic_v1", "profile: sandbox")
    assert load_profile(workspace).name == "sandbox"
    workspace.env_file.write_text("POLYARB_PROFILE=taker\n")
    assert load_profile(workspace).name == "taker"
    monkeypatch.setenv("POLYARB_PROFILE", "maker")
    assert load_profile(workspace).name == "maker"
    assert load_profile(workspace, "balanced").name == "balanced"


def test_a_phase_is_served_only_by_a_profile_that_declares_it(edit: Edit) -> None:
    workspace = edit("config.yaml", "micro_live: live_safe_atomic_v1", "micro_live: sandbox")
    with pytest.raises(UsageError, match=r"sandbox.yaml: phase: expected micro-live .*found null"):
        load_phase_profile(workspace, Phase.MICRO_LIVE)


def test_a_phase_whose_profile_does_not_exist_is_told_with_its_line(edit: Edit) -> None:
    workspace = edit("config.yaml", "micro_live: live_safe_atomic_v1", "micro_live: live_saef")
    with pytest.raises(UsageError, match=r"config.yaml:10: phases.micro_live: expected live_safe"):
        load_settings(workspace)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "  scaled: live_scaled_atomic_v1\n",
            "",
            r"config.yaml:8: phases.scaled: expected this key",
        ),
        ("profile: live_shadow_atomic_v1\n", "", "config.yaml: profile: expected this key"),
        (
            "  shadow: live_shadow_atomic_v1",
            "  shadow: 5",
            "config.yaml:9: phases.shadow: expected a",
        ),
        ("phases:", "phases: x\nothers:", "phases: expected a section, found the text x"),
        ("sizing:", "sizing:\n  edge: 1\n", "sizing.edge: expected"),
    ],
)
def test_a_wrong_config_file_is_told(edit: Edit, old: str, new: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        load_settings(edit("config.yaml", old, new))


def test_a_missing_config_file_is_a_fault(workspace: Workspace) -> None:
    workspace.config_file.unlink()
    with pytest.raises(StoreError, match=r"config.yaml: expected a readable file"):
        load_profile(workspace, SAFE)


TIGHTER = {
    "envelope.order_notional_usd_max": "1",
    "envelope.position_notional_usd_max": "9.5",
    "envelope.open_notional_usd_max": "9",
    "envelope.daily_loss_usd_max": "0.5",
    "envelope.instruments_max": "2",
    "envelope.venues_max": "1",
    "envelope.orders_per_minute_max": "7",
    "sizing.trade_size_usd": "1.5",
    "sizing.trade_size_ceiling_usd": "4",
    "sizing.edge_fraction_min": "0.04",
    "sizing.slippage_fraction_max": "0.001",
    "sizing.gas_per_plan_usd": "0.03",
    "sizing.notional_usd_min": "2",
    "guards.settle_ms": "20",
    "guards.lag_ms_max": "1000",
    "guards.skew_ms_max": "50",
    "guards.content_age_ms_max": "30000",
    "guards.episode_gap_ms": "900",
    "breaker.consecutive_failures_max": "2",
    "breaker.failure_fraction_max": "0.2",
    "breaker.failure_window": "10",
    "shadow.seed": "8",
    "shadow.latency_ms_p50": "200",
    "shadow.latency_ms_p95": "900",
    "shadow.fade_fraction": "0.5",
    "shadow.revert_fraction": "0.02",
    "universe.markets_max": "9",
    "universe.volume_24h_usd_min": "1000.5",
    "universe.liquidity_usd_min": "501",
    "universe.expiry_blackout_min": "61",
    "families": "[negrisk_split]",
}
LOOSER = {
    "envelope.order_notional_usd_max": "5.000001",
    "envelope.position_notional_usd_max": "21",
    "envelope.open_notional_usd_max": "21",
    "envelope.daily_loss_usd_max": "3.01",
    "envelope.instruments_max": "32",
    "envelope.venues_max": "2",
    "envelope.orders_per_minute_max": "61",
    "sizing.trade_size_usd": "2.01",
    "sizing.trade_size_ceiling_usd": "6",
    "sizing.edge_fraction_min": "0.0149",
    "sizing.slippage_fraction_max": "0.026",
    "sizing.gas_per_plan_usd": "0.01",
    "sizing.notional_usd_min": "0.9",
    "guards.settle_ms": "9",
    "guards.lag_ms_max": "2001",
    "guards.skew_ms_max": "101",
    "guards.content_age_ms_max": "60001",
    "guards.episode_gap_ms": "499",
    "breaker.consecutive_failures_max": "4",
    "breaker.failure_fraction_max": "0.41",
    "shadow.latency_ms_p50": "149",
    "shadow.latency_ms_p95": "549",
    "shadow.fade_fraction": "0.1",
    "shadow.revert_fraction": "0.009",
    "universe.markets_max": "501",
    "universe.volume_24h_usd_min": "999",
    "universe.liquidity_usd_min": "499",
    "universe.expiry_blackout_min": "59",
    "families": "[ladder]",
}


def figure(profile: Profile, key: str) -> object:
    section, _, name = key.replace("_usd", "").rpartition(".")
    return getattr(getattr(profile, section) if section else profile, name)


def test_the_tables_below_cover_every_key_that_may_be_overridden() -> None:
    assert set(TIGHTER) == set(OVERRIDABLE)
    assert set(LOOSER) == set(OVERRIDABLE) - {"breaker.failure_window", "shadow.seed"}


@pytest.mark.parametrize("key", TIGHTER)
def test_every_figure_changes_the_loaded_value(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    before = load_profile(workspace, SAFE)
    name = f"POLYARB_{key.upper().replace('.', '__')}"
    monkeypatch.setenv(name, TIGHTER[key])
    effective = load_effective(workspace, SAFE)
    value = next(value for value in effective.values if value.key == key)
    assert value.value == TIGHTER[key]
    assert value.source == f"environment ({name})"
    if key != "envelope.venues_max":
        assert figure(effective.profile, key) != figure(before, key)
        assert [override.key for override in effective.overrides] == [key]
        assert value.replaces and value.replaces != value.value


@pytest.mark.parametrize(
    "key",
    [key for key in FIELDS if key not in TIGHTER and not key.startswith("universe.")],
)
def test_every_other_key_changes_the_loaded_value(edit: Edit, key: str) -> None:
    texts = {
        "run": ("run: live", "run: shadow"),
        "phase": ("phase: micro-live", "phase: scaled"),
        "description": ("description: Micro-live, 2 USD a trade", "description: other"),
        "version": ('version: "1.0.0"', 'version: "1.0.1"'),
        "tags": ("tags: [phase-1]", "tags: [a, b]"),
        "risk_warnings": ("[SWITCH_TO_LIVE, REAL_MONEY, REQUIRES_PRIVATE_KEY]", "[A]"),
    }
    old, new = texts[key]
    if key == "run":
        edit(SAFE_FILE, "phase: micro-live", "phase: null")
    workspace = edit(SAFE_FILE, old, new)
    profile = load_written(workspace, SAFE).profile
    found = {
        "run": RunKind.SHADOW,
        "phase": Phase.SCALED,
        "description": "other",
        "version": "1.0.1",
        "tags": ("a", "b"),
        "risk_warnings": ("A",),
    }
    assert figure(profile, key) == found[key]


@pytest.mark.parametrize("key", LOOSER)
def test_outside_the_profile_no_figure_can_be_loosened(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    name = f"POLYARB_{key.upper().replace('.', '__')}"
    monkeypatch.setenv(name, LOOSER[key])
    with pytest.raises(RefusedError, match=rf"^environment: {name}: expected (at|some)"):
        load_profile(workspace, SAFE)


def test_layers_win_in_their_order(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sizing.trade_size_usd"

    def found(flags: dict[str, str] | None = None) -> tuple[str, str]:
        values = load_effective(workspace, SAFE, flags).values
        value = next(value for value in values if value.key == key)
        return value.value, value.source

    assert found() == ("2", f"{Path('config/profiles/live_safe_atomic_v1.yaml')}:20")
    workspace.env_file.write_text("# mine\nPOLYARB_SIZING__TRADE_SIZE_USD=1.9\n")
    assert found() == ("1.9", ".env:2 (POLYARB_SIZING__TRADE_SIZE_USD)")
    monkeypatch.setenv("POLYARB_SIZING__TRADE_SIZE_USD", "1.8")
    assert found() == ("1.8", "environment (POLYARB_SIZING__TRADE_SIZE_USD)")
    assert found({key: "1.95"}) == ("1.95", f"command line (--set {key})")
    written = load_written(workspace, SAFE)
    assert written.profile.sizing.trade_size == 2_000_000
    assert not written.overrides


def test_an_override_that_clashes_is_told_at_its_own_place(workspace: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        load_effective(workspace, SAFE, {"envelope.position_notional_usd_max": "1"})
    assert "sizing.trade_size_usd: expected at most" in str(caught.value)
    with pytest.raises(UsageError, match=r"^command line: --set sizing.trade_size_ceiling_usd: "):
        load_effective(workspace, SAFE, {"sizing.trade_size_ceiling_usd": "1"})


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        (
            "sizing.trade_sise_usd",
            "1",
            r"--set sizing.trade_sise_usd: expected sizing.trade_size_usd",
        ),
        ("run", "shadow", "--set run: expected .*, found an unknown key"),
        ("phase", "shadow", "found an unknown key"),
        ("sizing", "1", "found an unknown key"),
        ("profile", "sandbox", "found an unknown key"),
        ("sizing.trade_size_usd", "'1'", "--set sizing.trade_size_usd: expected a plain decimal"),
        ("sizing.trade_size_usd", "", "found nothing"),
        ("sizing.trade_size_usd", "{a: 1}", "found a section"),
        ("families", "negrisk_split", "a list of"),
        ("families", "[a", "well-formed YAML"),
    ],
)
def test_a_wrong_flag_is_told(workspace: Workspace, key: str, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        load_effective(workspace, SAFE, {key: text})


def test_families_stand_in_the_order_of_every_table(edit: Edit) -> None:
    workspace = edit(SAFE_FILE, "[binary, negrisk_no, negrisk_split]", "[ladder, binary]")
    assert load_profile(workspace, SAFE).families == (Family.BINARY, Family.LADDER)
