"""A workspace: its paths, what makes a folder one, and templates that never overwrite."""

import os
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError, UsageError
from polyarb.store.workspace import (
    Workspace,
    create_workspace,
    open_workspace,
    shipped_templates,
)

PATHS = {
    "config_file": "config/config.yaml",
    "profiles_dir": "config/profiles",
    "custom_profiles_dir": "config/profiles/custom",
    "constraints_file": "config/constraints.yaml",
    "alerts_file": "config/alerts.production.yaml",
    "alert_channels_file": "config/alert_channels.yaml",
    "env_file": ".env",
    "data_dir": "data",
    "samples_dir": "data/samples",
    "journal_file": "data/events.jsonl",
    "journal_dir": "data/journal",
    "tape_dir": "data/tape",
    "instruments_dir": "data/instruments",
    "database_file": "data/polyarb.db",
    "log_file": "data/polyarb-x.log",
    "alerts_dir": "data/alerts",
    "watch_alerts_dir": "data/alerts/watch",
    "watch_file": "data/watch",
    "audit_dir": "data/audit",
    "control_dir": "data/control",
    "halt_file": "data/control/halt.json",
    "inbox_dir": "data/control/inbox",
    "status_file": "data/status.json",
    "session_file": "data/session.json",
    "scenarios_dir": "config/scenarios",
    "sandbox_file": "data/sandbox.json",
    "sandbox_instruments_dir": "data/sandbox/instruments",
    "keys_dir": "data/keys",
    "keystore_file": "data/keys/wallet.json",
    "charges_file": "data/audit/charges.jsonl",
    "signer_lock_file": "data/signer.lock",
    "verified_segments_file": "data/verified_segments.json",
    "lock_file": "data/lock",
    "lease_file": "data/lease.json",
    "daily_reports_dir": "reports/daily",
    "performance_reports_dir": "reports/performance",
    "compliance_reports_dir": "reports/compliance",
    "go_no_go_dir": "reports/go_no_go",
    "backups_dir": "backups",
}


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_an_operator_may_rely_on_every_path() -> None:
    workspace = Workspace(Path("/w"))
    names = [name for name in vars(Workspace) if isinstance(vars(Workspace)[name], property)]
    assert {name: getattr(workspace, name) for name in names} == {
        name: Path("/w") / path for name, path in PATHS.items()
    }


def test_a_checkout_is_a_workspace(root: Path) -> None:
    assert open_workspace(root).root == root.resolve()


@pytest.mark.parametrize("missing", ["config", "config/config.yaml", "config/profiles"])
def test_a_folder_without_configuration_is_none(tmp_path: Path, missing: str) -> None:
    create_workspace(tmp_path, shipped_templates())
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"expected a workspace .*found none; run `polyarb init`"):
        open_workspace(tmp_path)


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found no such directory"):
        open_workspace(tmp_path / "nowhere")


def test_paths_are_shown_relative_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path.resolve())
    monkeypatch.chdir(tmp_path)
    assert workspace.shown(workspace.env_file) == ".env"
    monkeypatch.chdir("/")
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    assert workspace.shown(workspace.env_file) == str(tmp_path.resolve() / ".env")


def test_a_new_workspace_holds_every_template_and_folder(root: Path, tmp_path: Path) -> None:
    outcome = create_workspace(tmp_path / "a" / "b", shipped_templates())
    found = tree(tmp_path / "a" / "b")
    assert outcome.workspace == str((tmp_path / "a" / "b").resolve())
    assert sorted(found) == sorted(outcome.written) and not outcome.kept
    for name, content in found.items():
        source = "config/env.example" if name == ".env.example" else name
        assert content == (root / source).read_bytes()
    assert {"data/samples/LICENSE.tickscope-nhl.txt", "data/samples/SOURCE.md"} <= set(found)
    assert "config/env.example" not in found
    workspace = open_workspace(tmp_path / "a" / "b")
    for folder in (
        workspace.custom_profiles_dir,
        workspace.daily_reports_dir,
        workspace.go_no_go_dir,
        workspace.backups_dir,
    ):
        assert folder.is_dir()


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("mine")
    (tmp_path / ".env.example").symlink_to("nowhere")
    outcome = create_workspace(tmp_path, shipped_templates())
    assert outcome.kept == (".env.example", "config/config.yaml")
    assert (tmp_path / "config" / "config.yaml").read_text() == "mine"
    assert (tmp_path / ".env.example").is_symlink()
    before = tree(tmp_path)
    again = create_workspace(tmp_path, shipped_templates())
    assert not again.written
    assert set(again.kept) == {*outcome.written, *outcome.kept}
    assert tree(tmp_path) == before


def test_an_interrupted_call_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = 0
    replace = Path.replace

    def interrupted(source: Path, target: Path) -> Path:
        nonlocal moved
        moved += 1
        if moved == 4:
            raise KeyboardInterrupt
        return replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            create_workspace(tmp_path, shipped_templates())
    outcome = create_workspace(tmp_path, shipped_templates())
    assert len(outcome.kept) == 3
    assert sorted(tree(tmp_path)) == sorted((*outcome.written, *outcome.kept))


def test_left_overs_of_an_interruption_are_no_templates(tmp_path: Path) -> None:
    source = tmp_path / "source"
    create_workspace(source, shipped_templates())
    (source / "config" / ".config.yaml.partial").write_text("half")
    outcome = create_workspace(tmp_path / "target", source)
    assert "config/.config.yaml.partial" not in outcome.written


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="expected a directory, found a file"):
        create_workspace(tmp_path / "file", shipped_templates())
    (tmp_path / "backups").write_text("x")
    with pytest.raises(UsageError, match="backups: expected a directory, found a file"):
        create_workspace(tmp_path, shipped_templates())


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="cannot be written: No space left on device"):
        create_workspace(tmp_path, shipped_templates())


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_path: Path, **_options: bool) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(StoreError, match="cannot be created: Permission denied"):
        create_workspace(tmp_path / "new", shipped_templates())


def test_templates_come_from_the_wheel_else_from_the_checkout(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shipped_templates() == root
    package = tmp_path / "site" / "polyarb"
    package.mkdir(parents=True)
    monkeypatch.setattr("polyarb.store.workspace.files", lambda _name: package)
    with pytest.raises(StoreError, match="install polyarb again"):
        shipped_templates()
    (package / "templates").mkdir()
    assert shipped_templates() == package / "templates"
