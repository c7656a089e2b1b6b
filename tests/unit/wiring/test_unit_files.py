"""The shipped units for one installation: right paths, as confined as before, never lost edits."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from polyarb.domain.errors import StoreError, UsageError
from polyarb.store.workspace import Workspace
from polyarb.wiring import units as module
from polyarb.wiring.units import (
    Installation,
    cron_texts,
    differences,
    installation_of,
    installed_units,
    missing_units,
    unit_texts,
    write_for,
    write_units,
)

AS_SHIPPED = Installation(
    program="/opt/polyarb/bin/polyarb",
    interpreter="/usr/bin/python3",
    workspace="/var/lib/polyarb",
    user="polyarb",
)
ELSEWHERE = Installation(
    program="/srv/polyarb/venv/bin/polyarb",
    interpreter="/usr/bin/python3",
    workspace="/srv/polyarb/first",
    user="ann",
)
TRADER = "polyarb-trader@.service"


def shipped(root: Path, kind: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / "scripts" / kind).iterdir()}


def test_at_the_places_of_the_documentation_the_units_are_as_shipped(root: Path) -> None:
    assert unit_texts(AS_SHIPPED) == shipped(root, "systemd")


def test_elsewhere_every_path_is_that_of_the_installation() -> None:
    for name, text in unit_texts(ELSEWHERE).items():
        assert "/opt/polyarb" not in text, name
        assert "/var/lib/polyarb" not in text, name
        if name.endswith(".service"):
            lines = text.splitlines()
            assert "User=ann" in lines
            assert "WorkingDirectory=/srv/polyarb/first" in lines
            assert "Environment=POLYARB_WORKSPACE=/srv/polyarb/first" in lines
            assert any(
                line.startswith("ExecStart=/srv/polyarb/venv/bin/polyarb ") for line in lines
            )


def test_the_workspace_alone_becomes_writable_and_nothing_else_opens() -> None:
    before = {line for text in unit_texts(AS_SHIPPED).values() for line in text.splitlines()}
    for name, text in unit_texts(ELSEWHERE).items():
        new = {line for line in text.splitlines() if line not in before}
        kept = {line.partition("=")[0] for line in new}
        assert kept <= {
            "User",
            "WorkingDirectory",
            "Environment",
            "ExecStart",
            "ReadWritePaths",
        }, name
        assert ("ReadWritePaths=/srv/polyarb/first" in new) is name.endswith(".service")
        assert "StateDirectory" not in text


@pytest.mark.parametrize("place", ["program", "interpreter", "workspace"])
@pytest.mark.parametrize("home", ["home", "root", "run/user"])
def test_what_lies_in_a_home_is_readable_and_no_more(place: str, home: str) -> None:
    path = f"/{home}/ann/polyarb"
    installation = Installation(
        **{
            **{field: getattr(ELSEWHERE, field) for field in ELSEWHERE.__struct_fields__},
            place: path,
        }
    )
    assert "ProtectHome=read-only" in unit_texts(installation)[TRADER].splitlines()
    assert "ProtectHome=yes" in unit_texts(ELSEWHERE)[TRADER].splitlines()


def test_a_path_that_holds_the_shipped_one_is_not_replaced_twice() -> None:
    inside = Installation(
        program="/var/lib/polyarb/venv/bin/polyarb",
        interpreter="/usr/bin/python3",
        workspace="/var/lib/polyarb/first",
        user="polyarb",
    )
    lines = unit_texts(inside)[TRADER].splitlines()
    assert "ExecStart=/var/lib/polyarb/venv/bin/polyarb start --phase %i" in lines
    assert "WorkingDirectory=/var/lib/polyarb/first" in lines


def test_the_cron_file_runs_the_same_commands_without_the_script_of_a_checkout() -> None:
    (text,) = cron_texts(ELSEWHERE).values()
    assert "PATH=/srv/polyarb/venv/bin:" in text
    assert "POLYARB_WORKSPACE=/srv/polyarb/first" in text
    jobs = [line for line in text.splitlines() if line[:1].isdigit()]
    assert len(jobs) == 3
    assert all("  ann  nice -n 10 " in job for job in jobs)
    assert "backup create && polyarb backup verify --latest && polyarb backup prune --yes" in text
    assert ".sh" not in text


def test_the_installation_is_this_python_this_folder_and_its_owner(tmp_path: Path) -> None:
    found = installation_of(Workspace(tmp_path))
    assert found.workspace == str(tmp_path)
    assert found.user == tmp_path.owner()
    assert Path(found.program).name == "polyarb"
    assert found.interpreter == str(Path(sys.executable).resolve())
    assert installation_of(Workspace(tmp_path), "ann").user == "ann"


def test_an_owner_without_a_name_is_told_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless(_folder: Path) -> str:
        raise KeyError("uid")

    monkeypatch.setattr(Path, "owner", nameless)
    assert installation_of(Workspace(tmp_path)).user == str(os.getuid())


@pytest.mark.parametrize(
    ("is_beside", "found", "program"),
    [
        (True, "/usr/local/bin/polyarb", "{}/polyarb"),
        (False, "/usr/local/bin/polyarb", "/usr/local/bin/polyarb"),
        (False, None, "{}/polyarb"),
    ],
)
def test_the_program_lies_beside_its_python_or_where_the_shell_finds_it(
    is_beside: bool,
    found: str | None,
    program: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    monkeypatch.setattr(module, "which", lambda _name: found)
    if is_beside:
        (tmp_path / "polyarb").write_text("")
    assert installation_of(Workspace(tmp_path)).program == program.format(tmp_path)


@pytest.mark.parametrize("name", ["with space", "50%", "a'b", "$HOME", "a\nb"])
def test_a_path_that_would_mean_something_else_in_a_unit_is_refused(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match="workspace"):
        installation_of(Workspace(tmp_path / name))


@pytest.mark.parametrize("user", ["ann bob", "root\nExecStart=x", "-", "a" * 33])
def test_a_user_that_is_none_is_refused(user: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--user"):
        installation_of(Workspace(tmp_path), user)


def test_what_would_not_work_is_told(tmp_path: Path) -> None:
    program = tmp_path / "polyarb"
    program.touch(mode=0o755)
    well = Installation(
        program="/bin/sh", interpreter="/bin/sh", workspace="/srv/polyarb", user="polyarb"
    )
    assert well.doubts == ()
    assert "no program is there" in ELSEWHERE.doubts[0]
    unseen = Installation(
        program="/bin/sh", interpreter="/bin/sh", workspace="/var/tmp/x", user="0"
    )
    assert [doubt.partition(":")[0] for doubt in unseen.doubts] == [
        "/var/tmp/x",
        "the units run as root",
    ]


def test_units_are_written_whole_and_a_second_time_nothing_changes(tmp_path: Path) -> None:
    texts = unit_texts(ELSEWHERE)
    first = write_units(tmp_path / "new", texts, ELSEWHERE, may_replace=False)
    assert (set(first.written), first.unchanged) == (set(texts), ())
    assert installed_units(tmp_path / "new") == texts
    again = write_units(tmp_path / "new", texts, ELSEWHERE, may_replace=False)
    assert (again.written, set(again.unchanged)) == ((), set(texts))


def test_an_edited_unit_is_kept_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    texts = unit_texts(ELSEWHERE)
    (tmp_path / TRADER).write_text("mine\n")
    with pytest.raises(UsageError, match=f"{TRADER}.*--replace"):
        write_units(tmp_path, texts, ELSEWHERE, may_replace=False)
    assert [path.name for path in tmp_path.iterdir()] == [TRADER]
    assert (tmp_path / TRADER).read_text() == "mine\n"
    write_units(tmp_path, texts, ELSEWHERE, may_replace=True)
    assert installed_units(tmp_path) == texts


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        write_units(tmp_path / "file", unit_texts(ELSEWHERE), ELSEWHERE, may_replace=False)


@pytest.mark.parametrize("is_cron", [True, False])
def test_units_or_the_cron_file_are_written_for_a_workspace(tmp_path: Path, is_cron: bool) -> None:
    place = Workspace(tmp_path)
    done = write_for(place, tmp_path / "to", is_cron=is_cron, user="ann", may_replace=False)
    assert done.written == (("polyarb",) if is_cron else tuple(unit_texts(done.installation)))
    assert all((tmp_path / "to" / name).is_file() for name in done.written)


def test_without_what_is_shipped_a_fault_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "shipped_templates", lambda: tmp_path)
    with pytest.raises(StoreError, match="scripts/systemd"):
        unit_texts(ELSEWHERE)


def test_the_lines_that_differ_are_named_with_the_way_they_differ() -> None:
    texts = unit_texts(ELSEWHERE)
    changed = texts[TRADER].replace("WatchdogSec=10", "WatchdogSec=600")
    (found,) = differences({**texts, TRADER: changed}, texts)
    assert (found.name, found.lines) == (TRADER, ("-WatchdogSec=10", "+WatchdogSec=600"))
    assert differences({"polyarb-mine.service": "anything"}, texts) == ()
    assert differences(texts, texts) == ()


def test_a_line_that_only_moved_differs_too() -> None:
    assert differences({"a": "x\ny\n"}, {"a": "y\nx\n"})


def without(*names: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda texts: {name: text for name, text in texts.items() if name not in names}


@pytest.mark.parametrize(
    ("keep", "missing"),
    [
        (without(), ()),
        (without("polyarb-flatten.service"), ("polyarb-flatten.service",)),
        (without("polyarb-backup.service"), ("polyarb-backup.service",)),
        (without("polyarb-backup.timer"), ()),
        (without(TRADER, "polyarb-flatten.service"), ()),
    ],
)
def test_a_unit_that_another_one_starts_must_be_there(
    keep: Callable[[dict[str, str]], dict[str, str]], missing: tuple[str, ...]
) -> None:
    assert missing_units(keep(unit_texts(ELSEWHERE))) == missing
