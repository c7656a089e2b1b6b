"""Reports as an operator asks for them."""

import json
import shutil
from pathlib import Path

import pytest
from tests.acceptance.app import Polyarb

KINDS = ("daily", "performance", "compliance")


@pytest.fixture
def played(polyarb: Polyarb, workspace: Path) -> Path:
    """A workspace with one shadow run over the shipped tape."""
    assert polyarb("start", "--phase", "shadow", "--speed", "max").returncode == 0
    return workspace


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_written_in_every_form_and_says_where(
    kind: str, polyarb: Polyarb, played: Path
) -> None:
    ended = polyarb("report", kind)
    assert ended.returncode == 0, ended.stderr
    paths = [Path(line) for line in ended.stdout.splitlines()]
    assert [path.suffix for path in paths] == [".md", ".html", ".json"]
    first = {path: path.read_bytes() for path in paths}
    assert all(path.is_relative_to(played / "reports" / kind) for path in paths)
    again = polyarb("report", kind, "--json")
    assert json.loads(again.stdout) == json.loads(paths[2].read_text())
    assert {path: path.read_bytes() for path in paths} == first


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("daily", "--date", "2020-01-01"), 5),
        (("performance", "--from", "2020-01-01", "--to", "2020-01-02"), 5),
        (("compliance", "--from", "2020-01-01", "--to", "2020-01-02"), 5),
        (("daily", "--date", "June"), 2),
        (("performance", "--from", "2026-06-08", "--to", "2026-06-07"), 2),
        (("compliance", "--to", "yesterday"), 2),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_time_without_a_run_is_told_loudly_and_a_time_that_is_none_is_refused(
    words: tuple[str, ...], code: int, polyarb: Polyarb, played: Path
) -> None:
    ended = polyarb("report", *words)
    assert ended.returncode == code
    assert ended.stdout == ""
    assert "polyarb: " in ended.stderr
    assert not any((played / "reports" / words[0]).glob("*"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_journal_is_nothing_to_report(kind: str, polyarb: Polyarb) -> None:
    ended = polyarb("report", kind)
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "nothing to report" in ended.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_journal_with_a_hole_fails_loudly(kind: str, polyarb: Polyarb, played: Path) -> None:
    journal = played / "data" / "events.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    ended = polyarb("report", kind, "--format", "md")
    assert ended.returncode == 1
    assert "the journal has a hole" in ended.stderr
    assert "figures end at record 5" in ended.stderr
    (path,) = ended.stdout.splitlines()
    assert Path(path).read_text().startswith("> **THE JOURNAL HAS HOLES")


@pytest.mark.parametrize("kind", KINDS)
def test_a_journal_broken_at_its_beginning_is_no_day_without_a_run(
    kind: str, polyarb: Polyarb, played: Path
) -> None:
    journal = played / "data" / "events.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"RunStarted", b"RunStartex", 1))
    ended = polyarb("report", kind)
    assert ended.returncode == 1
    assert "the journal is broken" in ended.stderr


def test_a_report_goes_where_it_is_asked_to(polyarb: Polyarb, played: Path) -> None:
    ended = polyarb("report", "daily", "--format", "json", "--output", "elsewhere")
    assert ended.returncode == 0
    (written,) = (played / "elsewhere").iterdir()
    assert written.suffix == ".json"
    assert not any((played / "reports" / "daily").glob("*"))


def test_no_engine_and_no_drill_are_said_and_are_not_zero(polyarb: Polyarb, played: Path) -> None:
    shutil.rmtree(played / "data" / "alerts", ignore_errors=True)
    told = json.loads(polyarb("report", "daily", "--json").stdout)
    assert told["alerts"]["is_recorded"] is False
    assert told["drills"]["is_recorded"] is False
    assert any("no alert engine ran" in line for line in told["diagnosis"])
    assert "no anomaly" not in told["diagnosis"]
    (text,) = [path.read_text() for path in (played / "reports" / "daily").glob("*.md")]
    assert "no alert engine ran" in text
    assert "no drill is recorded" in text
