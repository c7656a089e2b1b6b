"""The environment and .env: names, places, and a file that keeps its secrets."""

from pathlib import Path

import pytest
from polyarb.config import load_effective, load_profile, locate_workspace
from polyarb.config.environment import dotenv_values, environment_values
from polyarb.domain.errors import RefusedError, UsageError
from polyarb.store.workspace import Workspace

SAFE = "live_safe_atomic_v1"


def write(workspace: Workspace, text: str, mode: int = 0o600) -> None:
    workspace.env_file.write_text(text, encoding="utf-8")
    workspace.env_file.chmod(mode)


def test_the_workspace_is_the_flags_else_the_environments_else_here(
    workspace: Workspace, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locate_workspace() == workspace
    monkeypatch.chdir("/")
    monkeypatch.setenv("POLYARB_WORKSPACE", str(workspace.root))
    assert locate_workspace() == workspace
    assert locate_workspace(root).root == root.resolve()
    monkeypatch.delenv("POLYARB_WORKSPACE")
    with pytest.raises(UsageError, match="expected a workspace"):
        locate_workspace()


def test_the_workspace_variable_is_no_figure(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYARB_WORKSPACE", str(workspace.root))
    assert environment_values() == {}
    write(workspace, "POLYARB_WORKSPACE=/elsewhere\n")
    with pytest.raises(UsageError, match=r"^\.env:1: POLYARB_WORKSPACE: .*an unknown key"):
        load_profile(workspace, SAFE)


def test_a_name_is_read_whatever_its_case(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("polyarb_Sizing__trade_size_USD", "1")
    assert load_profile(workspace, SAFE).sizing.trade_size == 1_000_000


def test_a_misspelled_name_is_told_with_the_nearest_key(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYARB_SIZING__TRADE_SIZ_USD", "1")
    write(workspace, "A=1\nPOLYARB_TRADE_SIZE=1\n")
    with pytest.raises(UsageError) as caught:
        load_profile(workspace, SAFE)
    assert str(caught.value).splitlines() == [
        ".env:2: POLYARB_TRADE_SIZE: expected sizing.trade_size_usd (the nearest), found an unknown"
        " key",
        "environment: POLYARB_SIZING__TRADE_SIZ_USD: expected sizing.trade_size_usd (the nearest),"
        " found an unknown key",
    ]


def test_other_peoples_names_are_left_alone(workspace: Workspace) -> None:
    write(workspace, "OTHER=1\nMY_POLYARB_THING=2\n")
    assert not load_effective(workspace, SAFE).overrides


def test_without_a_dotenv_there_is_nothing(workspace: Workspace) -> None:
    assert dotenv_values(workspace) == {}


@pytest.mark.parametrize(
    "text",
    [
        "POLYARB_GUARDS__SETTLE_MS=20",
        "export POLYARB_GUARDS__SETTLE_MS=20",
        'POLYARB_GUARDS__SETTLE_MS="20"',
        "POLYARB_GUARDS__SETTLE_MS='20'  # comment",
        "N=20\nPOLYARB_GUARDS__SETTLE_MS=${N}",
    ],
)
def test_a_dotenv_is_read_as_shells_do(workspace: Workspace, text: str) -> None:
    write(workspace, f"{text}\n")
    assert load_profile(workspace, SAFE).guards.settle_ms == 20


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("POLYARB_GUARDS__SETTLE_MS=\n", ".env:1: POLYARB_GUARDS__SETTLE_MS: expected a whole"),
        ("POLYARB_GUARDS__SETTLE_MS\n", ".env:1: POLYARB_GUARDS__SETTLE_MS: expected a whole"),
        (
            "\nPOLYARB_GUARDS__SETTLE_MS=ten\n",
            ".env:2: POLYARB_GUARDS__SETTLE_MS: expected a whole",
        ),
        ("POLYARB_FAMILIES=[\n", ".env:1: expected well-formed YAML"),
        (
            "POLYARB_FAMILIES=[ladder]\nPOLYARB_FAMILIES=[binary]\n",
            ".env:2: POLYARB_FAMILIES: expected each name once, found it at line 1 too",
        ),
    ],
)
def test_a_wrong_line_of_dotenv_is_told(workspace: Workspace, text: str, told: str) -> None:
    write(workspace, text)
    with pytest.raises(UsageError) as caught:
        load_profile(workspace, SAFE)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610, 0o601, 0o620, 0o602])
@pytest.mark.parametrize("name", ["PRIVATE_KEY", "api_secret", "MY_PASSWORD", "WEBHOOK_URL"])
def test_a_dotenv_with_secrets_that_others_may_read_is_refused(
    workspace: Workspace, name: str, mode: int
) -> None:
    write(workspace, f"{name}=abc123def\n", mode)
    with pytest.raises(
        RefusedError, match=rf"holds {name}, found {mode:03o}; run `chmod 600"
    ) as caught:
        load_profile(workspace, SAFE)
    assert "abc123def" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("PRIVATE_KEY=abc\n", 0o600),
        ("PRIVATE_KEY=abc\n", 0o400),
        ("PRIVATE_KEY=\n", 0o644),
        ("POLYARB_PROFILE=sandbox\n", 0o644),
    ],
)
def test_a_dotenv_is_accepted_when_tight_or_without_secrets(
    workspace: Workspace, text: str, mode: int
) -> None:
    write(workspace, text, mode)
    assert load_profile(workspace, SAFE).name == SAFE
