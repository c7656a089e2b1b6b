"""`tape` on the recordings of a workspace, in process."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from polyarb.cli.app import app
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.output import exit_code_of
from polyarb.domain.errors import PolyarbError
from polyarb.store.columnar.extra import load_extra
from polyarb.store.locks import acquire
from polyarb.store.recording import TapeWriter
from polyarb.store.tape import read_tape
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.recordings import recording_directory

pytest.importorskip("pyarrow")

Call = Callable[..., int]
_S = 1_000_000_000
_START_NS = 1_780_794_000 * _S


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    create_workspace(root, shipped_templates())
    return open_workspace(root)


@pytest.fixture
def polyarb(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("POLYARB_WORKSPACE", str(place.root))

    def call(*words: object) -> int:
        try:
            app(args=[str(word) for word in words])
        except PolyarbError as fault:
            return exit_code_of(fault)
        except SystemExit as ended:
            return int(ended.code or 0)
        raise AssertionError("a command always leaves with a code")

    return call


def record(place: Workspace, run_id: str, hours: int = 2) -> Path:
    directory = recording_directory(place, run_id)
    writer = TapeWriter(directory)
    for number in range(hours * 4):
        frame = b'{"event_type":"book","asset_id":"%d","bids":[],"asks":[]}' % number
        writer.record(frame, _START_NS + number * 900 * _S)
    writer.close()
    recipes = place.data_dir / "runs"
    recipes.mkdir(exist_ok=True)
    recipe = {"run_id": run_id, "tapes": [str(directory)], "profile": {"much": "more"}}
    (recipes / f"{run_id}.json").write_text(json.dumps(recipe))
    return directory


def files_of(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*.jsonl.gz"))


def test_what_is_recorded_is_listed_with_the_runs_that_need_it(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("tape", "list") == ExitCode.DONE
    assert "nothing is recorded" in capsys.readouterr().out
    directory = record(place, "run-a")
    (directory / "index.jsonl").write_text(
        (directory / "index.jsonl").read_text().splitlines()[0] + "\n"
    )
    assert polyarb("tape", "list") == ExitCode.DONE
    rows = [line for line in capsys.readouterr().out.splitlines() if ".jsonl.gz" in line]
    assert len(rows) == 2
    assert all("2026-06-07 0" in row and "run-a" in row and " 4 " in row for row in rows)
    assert "whole, not in its index" not in rows[0]
    assert "whole, not in its index" in rows[1]
    lock = acquire(place.lock_file, "this workspace")
    assert polyarb("tape", "list", "--json") == ExitCode.DONE
    lock.release()
    told = json.loads(capsys.readouterr().out)
    assert [(one["is_indexed"], one["is_being_written"]) for one in told] == [
        *((True, False), (False, True))
    ]


def test_verify_says_what_is_wrong_and_leaves_with_one(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("tape", "verify") == ExitCode.INSUFFICIENT
    directory = record(place, "run-a")
    assert polyarb("tape", "verify") == ExitCode.DONE
    assert "2 files, 8 lines" in capsys.readouterr().out
    first, second = sorted(directory.rglob("*.jsonl.gz"))
    whole = second.read_bytes()
    second.write_bytes(whole[:-30])
    assert polyarb("tape", "verify", directory) == ExitCode.NO
    text = capsys.readouterr().out
    assert "2 flaws" in text
    assert "torn: the gzip member" in text
    assert polyarb("tape", "verify", "--json") == ExitCode.NO
    assert [flaw["kind"] for flaw in json.loads(capsys.readouterr().out)["flaws"]] == [
        *("torn", "changed")
    ]
    second.unlink()
    first.unlink()
    assert polyarb("tape", "verify", place.root / "absent") == ExitCode.USAGE


def test_an_index_is_built_anew_from_the_files(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = record(place, "run-a")
    before = (directory / "index.jsonl").read_bytes()
    (directory / "index.jsonl").write_bytes(b'{"file":"absent"')
    assert polyarb("tape", "index") == ExitCode.DONE
    assert capsys.readouterr().out == "0 files indexed\n"
    assert polyarb("tape", "index", "--rebuild", "--json") == ExitCode.DONE
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert (directory / "index.jsonl").read_bytes() == before


def test_an_export_is_a_tape_that_comes_back_line_by_line(
    place: Workspace, polyarb: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = record(place, "run-a")
    target = tmp_path / "out.parquet"
    assert polyarb("tape", "export", directory, "--parquet", target) == ExitCode.DONE
    assert "8 lines" in capsys.readouterr().out
    assert list(read_tape(target)) == list(read_tape(directory))
    assert polyarb("tape", "verify", target) == ExitCode.DONE
    assert polyarb("tape", "export", directory, "--parquet", target) == ExitCode.USAGE
    assert polyarb("tape", "import", target, "--out", tmp_path / "back") == ExitCode.DONE
    assert list(read_tape(tmp_path / "back" / "out.jsonl.gz")) == list(read_tape(directory))
    assert polyarb("tape", "import", target, "--out", tmp_path / "back") == ExitCode.USAGE


def test_a_span_of_time_can_be_exported(place: Workspace, polyarb: Call, tmp_path: Path) -> None:
    directory = record(place, "run-a")
    target = tmp_path / "out.parquet"
    words = ("tape", "export", directory, "--json", "--parquet", target)
    span = ("--from", "2026-06-07T01:30", "--to", "2026-06-07T02:15:00")
    assert polyarb(*words, *span) == ExitCode.DONE
    assert [json.loads(line)["seq"] for line in read_tape(target)] == [2, 3, 4]
    target.unlink()
    assert polyarb(*words, "--from", "2026-06-08") == ExitCode.USAGE
    assert polyarb(*words, "--from", "tomorrow") == ExitCode.USAGE
    assert not target.exists()
    wrong = ("tape", "export", "--parquet")
    assert polyarb(*wrong, tmp_path / "out.csv", directory) == ExitCode.USAGE
    assert polyarb(*wrong, target, tmp_path / "absent") == ExitCode.USAGE


def write_archive(path: Path) -> None:
    pa, parquet = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    times = pa.array([_START_NS + 3600 * _S, _START_NS], pa.timestamp("ns", "UTC"))
    table = {"timestamp_received": times, "timestamp": times, "market": ["m", "m"]}
    change = {"event_type": ["price_change"] * 2, "asset_id": ["1", "2"], "price": ["0.1"] * 2}
    parquet.write_table(pa.table({**table, **change}), path)


def test_archives_become_tapes_by_the_hour_in_order_of_receipt(
    polyarb: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "polymarket_orderbook_2026-06-07T01.parquet", tmp_path / "out"
    write_archive(source)
    assert polyarb("tape", "import", source, "--out", out, "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["lines"] == 2
    assert files_of(out) == ["01-0001.jsonl.gz", "02-0001.jsonl.gz"]
    assert [json.loads(line)["recv_ns"] for line in read_tape(out)] == [
        *(_START_NS, _START_NS + 3600 * _S)
    ]
    assert polyarb("tape", "verify", out) == ExitCode.DONE
    assert polyarb("tape", "import", source, "--out", out) == ExitCode.USAGE
    assert polyarb("tape", "verify", source) == ExitCode.FAULT
    other = tmp_path / "other.parquet"
    assert polyarb("tape", "export", out, "--parquet", other) == ExitCode.DONE
    assert polyarb("tape", "import", source, other, "--out", tmp_path / "x") == ExitCode.USAGE
    assert polyarb("tape", "import", tmp_path / "none", "--out", out) == ExitCode.USAGE


def test_a_torn_columnar_tape_is_not_imported(
    polyarb: Call, tmp_path: Path, place: Workspace
) -> None:
    target = tmp_path / "out.parquet"
    assert polyarb("tape", "export", record(place, "run-a"), "--parquet", target) == ExitCode.DONE
    content = target.read_bytes()
    target.write_bytes(content[:4] + bytes(300) + content[304:])
    assert polyarb("tape", "import", target, "--out", tmp_path / "x") == ExitCode.FAULT
    assert files_of(tmp_path / "x") == []


def test_prune_keeps_what_late_runs_need_unless_forced(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    late, early = record(place, "run-late"), record(place, "run-early")
    for path in (place.data_dir / "runs" / "run-early.json", *early.rglob("*.jsonl.gz")):
        os.utime(path, (0, 0))
    assert polyarb("tape", "prune", "--budget", "1GB") == ExitCode.DONE
    assert capsys.readouterr().out.startswith("0 files removed")
    assert polyarb("tape", "prune", "--budget", "0", "--json") == ExitCode.NO
    assert json.loads(capsys.readouterr().out)["kept_for"] == ["run run-late"]
    assert (files_of(early), len(files_of(late))) == ([], 2)
    assert polyarb("tape", "prune", "--budget", "0") == ExitCode.NO
    assert "above the budget, because of run run-late" in capsys.readouterr().out
    assert polyarb("tape", "prune", "--budget", "0", "--force") == ExitCode.DONE
    assert files_of(late) == []
    assert polyarb("tape", "prune", "--budget", "much") == ExitCode.USAGE


def test_prune_never_takes_the_file_of_a_running_process(place: Workspace, polyarb: Call) -> None:
    directory = record(place, "run-a")
    index = directory / "index.jsonl"
    index.write_text(index.read_text().splitlines()[0] + "\n")
    lock = acquire(place.lock_file, "this workspace")
    assert polyarb("tape", "prune", "--budget", "0", "--force") == ExitCode.NO
    lock.release()
    assert files_of(directory) == ["02-0001.jsonl.gz"]


def test_a_recipe_that_cannot_be_read_keeps_everything(place: Workspace, polyarb: Call) -> None:
    directory = record(place, "run-a")
    (place.data_dir / "runs" / "run-a.json").write_text("{")
    assert polyarb("tape", "prune", "--budget", "0") == ExitCode.FAULT
    assert len(files_of(directory)) == 2
