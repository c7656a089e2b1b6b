"""Which profile serves is changed knowingly, recorded, and taken back."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest
from polyarb.config import load_phase_profile, load_settings, load_written
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.domain.limits import Phase
from polyarb.store.audit import config_changes
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace
from polyarb.wiring.profile_changes import (
    apply_profile,
    compare,
    history,
    note_use,
    propose,
    recorded,
    roll_back,
    unconfirmed_risks,
)

SLOT = "phases.shadow"
SHADOW = "live_shadow_atomic_v1"
POSITION = "envelope.position_notional_usd_max"


class _Clock:
    """A clock that stands."""

    def now_ns(self) -> int:
        return 1_800_000_000 * 10**9

    def monotonic_ns(self) -> int:
        return 0


@pytest.fixture
def workspace(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in os.environ:
        if name.upper().startswith("POLYARB_"):
            monkeypatch.delenv(name)
    shutil.copytree(root / "config", tmp_path / "config")
    return Workspace(tmp_path)


def write(workspace: Workspace, name: str, position: int, *, base: str = SHADOW) -> str:
    """Make a custom profile that differs in its position limit alone."""
    text = (workspace.profiles_dir / f"{base}.yaml").read_text()
    kept = [line for line in text.splitlines() if "position_notional" not in line]
    at = kept.index("envelope:") + 1
    kept.insert(at, f"  position_notional_usd_max: {position}")
    (workspace.custom_profiles_dir / f"{name}.yaml").write_text("\n".join(kept) + "\n")
    return f"custom/{name}"


def apply(workspace: Workspace, name: str, *accepted: str) -> int:
    change = apply_profile(workspace, name, accepted=accepted, reason="a test", clock=_Clock())
    return change.number if change else 0


def back(workspace: Workspace, *accepted: str) -> str:
    return roll_back(
        workspace, SLOT, accepted=accepted, reason="too wide", clock=_Clock()
    ).profile_name


def served(workspace: Workspace) -> str:
    return load_settings(workspace).phases[Phase.SHADOW]


def test_a_safe_change_is_applied_and_recorded(workspace: Workspace) -> None:
    name = write(workspace, "narrow", 6)
    assert apply(workspace, name) == 1
    assert served(workspace) == name
    (change,) = history(workspace)
    assert (change.applied_by, change.slot, change.previous_name) == ("user", SLOT, SHADOW)
    assert {key: (each.old, each.new) for key, each in change.diff.items()} == {
        POSITION: ("10", "6")
    }
    assert change.previous_config == load_written(workspace, SHADOW).profile
    assert change.new_config == load_written(workspace, name).profile
    assert change.risk_warnings == ()
    assert change.timestamp == "2027-01-15T08:00:00+00:00"


def test_a_risk_that_nobody_confirmed_changes_nothing(workspace: Workspace) -> None:
    name = write(workspace, "wide", 16)
    before = workspace.config_file.read_bytes()
    with pytest.raises(RefusedError, match="--accept INCREASE_POSITION_SIZE"):
        apply(workspace, name)
    assert workspace.config_file.read_bytes() == before
    assert history(workspace) == []
    assert apply(workspace, name, "INCREASE_POSITION_SIZE") == 1
    assert history(workspace)[0].risk_warnings == ("INCREASE_POSITION_SIZE",)


def test_a_code_that_is_no_risk_of_the_change_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="--accept RELAX_SLIPPAGE: expected a risk"):
        apply(workspace, write(workspace, "wide", 16), "RELAX_SLIPPAGE")


def test_creeping_up_in_small_steps_is_noticed(workspace: Workspace) -> None:
    assert apply(workspace, write(workspace, "one", 14)) == 1
    with pytest.raises(RefusedError, match=r"10 to 19 since the last confirmed change"):
        apply(workspace, write(workspace, "two", 19))
    apply(workspace, "custom/two", "INCREASE_POSITION_SIZE")
    assert apply(workspace, write(workspace, "three", 26)) == 3


def test_the_same_profile_again_changes_nothing(workspace: Workspace) -> None:
    name = write(workspace, "narrow", 6)
    apply(workspace, name)
    assert apply(workspace, name) == 0
    assert len(history(workspace)) == 1


def test_rolling_back_goes_further_each_time_and_never_in_circles(workspace: Workspace) -> None:
    for name, position in (("a", 9), ("b", 8), ("c", 7)):
        apply(workspace, write(workspace, name, position))
    assert [back(workspace) for _ in range(3)] == ["custom/b", "custom/a", SHADOW]
    with pytest.raises(RefusedError, match="expected an earlier state"):
        back(workspace)
    assert served(workspace) == SHADOW
    newest = history(workspace)[0]
    assert (newest.applied_by, newest.rolled_back_from, newest.reason) == (
        "rollback",
        5,
        "too wide",
    )
    assert newest.rolled_back_at == newest.timestamp
    assert apply(workspace, "custom/c") == 7
    assert back(workspace) == SHADOW


def test_a_change_after_a_rollback_is_taken_back_to_where_it_began(workspace: Workspace) -> None:
    for name, position in (("a", 9), ("b", 8)):
        apply(workspace, write(workspace, name, position))
    assert back(workspace) == "custom/a"
    apply(workspace, write(workspace, "d", 6))
    assert [back(workspace) for _ in range(2)] == ["custom/a", SHADOW]


def test_rolling_back_to_looser_figures_is_confirmed_as_well(workspace: Workspace) -> None:
    apply(workspace, write(workspace, "tiny", 6))
    with pytest.raises(RefusedError, match=r"INCREASE_POSITION_SIZE: .* 6 to 10"):
        back(workspace)
    assert back(workspace, "INCREASE_POSITION_SIZE") == SHADOW


def test_a_file_edited_since_is_written_anew_for_the_rollback(workspace: Workspace) -> None:
    first = write(workspace, "first", 9)
    apply(workspace, first)
    apply(workspace, write(workspace, "second", 8))
    wanted = load_written(workspace, first).profile
    write(workspace, "first", 50)
    name = back(workspace)
    assert name == "custom/first_before_2"
    restored = load_phase_profile(workspace, Phase.SHADOW).profile
    assert msgspec.structs.replace(restored, name=wanted.name) == wanted


def test_a_rollback_that_cannot_restore_the_figures_is_refused(workspace: Workspace) -> None:
    first = write(workspace, "first", 9)
    apply(workspace, first)
    apply(workspace, write(workspace, "second", 8))
    text = workspace.config_file.read_text()
    workspace.config_file.write_text(text.replace("markets_max: 500", "markets_max: 400"))
    with pytest.raises(RefusedError, match=r"config.yaml sets for every profile has changed"):
        back(workspace)
    assert served(workspace) == "custom/second"


def test_without_a_change_there_is_nothing_to_roll_back(workspace: Workspace) -> None:
    with pytest.raises(RefusedError, match="found none"):
        back(workspace)
    assert note_use(workspace, load_written(workspace, SHADOW).profile, _Clock()) is not None
    with pytest.raises(RefusedError, match="found none"):
        back(workspace)


def test_the_first_use_is_recorded_once_as_the_beginning(workspace: Workspace) -> None:
    profile = load_written(workspace, SHADOW).profile
    first = note_use(workspace, profile, _Clock())
    assert first is not None
    assert (first.applied_by, first.diff, first.previous_config) == ("start", {}, None)
    assert first.unconfirmed == ()
    assert note_use(workspace, profile, _Clock()) is None
    assert len(history(workspace)) == 1


def test_an_edit_by_hand_is_recorded_with_the_risks_that_nobody_confirmed(
    workspace: Workspace,
) -> None:
    note_use(workspace, load_written(workspace, SHADOW).profile, _Clock())
    path = workspace.profiles_dir / f"{SHADOW}.yaml"
    path.write_text(path.read_text().replace("daily_loss_usd_max: 1\n", "daily_loss_usd_max: 3\n"))
    edited = note_use(workspace, load_written(workspace, SHADOW).profile, _Clock())
    assert edited is not None
    assert edited.unconfirmed == ("INCREASE_DAILY_LOSS",)
    assert edited.diff["envelope.daily_loss_usd_max"].new == "3"
    assert unconfirmed_risks(workspace, SLOT) == ("INCREASE_DAILY_LOSS",)
    apply(workspace, SHADOW, "INCREASE_DAILY_LOSS")
    assert unconfirmed_risks(workspace, SLOT) == ()


def test_nobody_confirmed_means_it_stays_unconfirmed_until_somebody_does(
    workspace: Workspace,
) -> None:
    note_use(workspace, load_written(workspace, SHADOW).profile, _Clock())
    apply_first = write(workspace, "wide", 100)
    text = workspace.config_file.read_text()
    workspace.config_file.write_text(text.replace(f"shadow: {SHADOW}", f"shadow: {apply_first}"))
    noted = note_use(workspace, load_written(workspace, apply_first).profile, _Clock())
    assert noted is not None
    assert noted.unconfirmed == ("INCREASE_POSITION_SIZE",)
    assert noted.previous_name == SHADOW


def test_a_profile_above_the_caps_of_live_trading_is_refused(workspace: Workspace) -> None:
    name = write(workspace, "huge", 101, base="live_scaled_atomic_v1")
    with pytest.raises(RefusedError, match="above what a live profile may have"):
        apply(workspace, name, "INCREASE_POSITION_SIZE")


def test_a_profile_that_can_place_nothing_is_refused(workspace: Workspace) -> None:
    name = write(workspace, "idle", 10)
    path = workspace.custom_profiles_dir / "idle.yaml"
    text = path.read_text()
    path.write_text(text.replace("  order_notional_usd_max: 5", "  order_notional_usd_max: 0.5"))
    with pytest.raises(RefusedError, match="can place a legal set, found none"):
        apply(workspace, name)


def test_the_proposal_says_what_would_change(workspace: Workspace) -> None:
    proposal = propose(workspace, write(workspace, "wide", 16))
    assert [(risk.code, risk.key, risk.detail) for risk in proposal.risks] == [
        ("INCREASE_POSITION_SIZE", POSITION, "10 to 16")
    ]
    assert not proposal.is_empty
    assert propose(workspace, SHADOW).is_empty
    between = compare(workspace, SHADOW, "custom/wide")
    assert between.diff[POSITION].old == "16"
    assert between.risks == ()


def test_the_audit_keeps_no_secret(workspace: Workspace) -> None:
    workspace.env_file.write_text("POLYARB_PRIVATE_KEY=0x" + "ab" * 32 + "\n")
    workspace.env_file.chmod(0o600)
    apply(workspace, write(workspace, "narrow", 6))
    assert b"abab" not in config_changes(workspace).path.read_bytes()


def test_a_broken_audit_is_told_and_not_built_upon(workspace: Workspace) -> None:
    apply(workspace, write(workspace, "narrow", 6))
    path = config_changes(workspace).path
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    with pytest.raises(StoreError, match=r"config_changes\.jsonl:1"):
        recorded(workspace, SLOT)
    with pytest.raises(StoreError):
        apply(workspace, SHADOW)


def test_a_change_is_judged_and_made_by_one_process_at_a_time(workspace: Workspace) -> None:
    write(workspace, "small", 8)
    workspace.audit_dir.mkdir(parents=True, exist_ok=True)
    lock = acquire(workspace.audit_dir / "config_changes.lock", "another change")
    for change in (lambda: apply(workspace, "custom/small"), lambda: back(workspace)):
        with pytest.raises(RefusedError, match="the audit of this workspace is in use"):
            change()
    assert served(workspace) != "custom/small"
    lock.release()
    assert apply(workspace, "custom/small")
