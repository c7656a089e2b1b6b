"""`report`, `ledger` and `census` on the journal of a workspace, in process."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from polyarb.cli.app import app
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.output import exit_code_of
from polyarb.domain.errors import PolyarbError, StoreError
from polyarb.domain.messages import JournalMessage
from polyarb.store.journal import open_journal
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from tests.plan_lives import NOON_NS, binary, binary_merged, held
from tests.report_journals import counted, invalidated, measured, run

Call = Callable[..., int]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    create_workspace(root, shipped_templates())
    return open_workspace(root)


@pytest.fixture
def polyarb(place: Workspace) -> Call:
    def call(*words: str) -> int:
        try:
            app(args=[*words, "--workspace", str(place.root)])
        except PolyarbError as fault:
            return exit_code_of(fault)
        except SystemExit as ended:
            return int(ended.code or 0)
        raise AssertionError("a command always leaves with a code")

    return call


def write(place: Workspace, messages: Iterable[JournalMessage]) -> None:
    journal = open_journal(place.journal_file, place.journal_dir)
    for message in messages:
        journal.append(message, 0)
    journal.close()


def day(*lives: JournalMessage, **options: object) -> list[JournalMessage]:
    return run(counted(60), measured(90), *lives, counted(180), **options)  # type: ignore[arg-type]


def test_the_daily_report_is_written_in_three_forms_and_its_paths_are_printed(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day(*binary_merged().messages))
    assert polyarb("report", "daily") == ExitCode.DONE
    printed = capsys.readouterr().out.split()
    assert [Path(path).name for path in printed] == [
        "20260607.md",
        "20260607.html",
        "20260607.json",
    ]
    assert all(Path(path).parent == place.daily_reports_dir for path in printed)
    told = json.loads(Path(printed[2]).read_text())
    assert told["money"]["day"] == {
        "expected": 256_050,
        "matched": 266_050,
        "settled": 256_050,
        "chain": None,
    }
    assert "0.25605 USD" in Path(printed[0]).read_text()
    assert Path(printed[1]).read_text().startswith("<!doctype html>")


def test_one_form_and_another_folder_can_be_asked_for(
    place: Workspace, polyarb: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day())
    folder = tmp_path / "elsewhere" / "deep"
    words = ("--date", "2026-06-07", "--format", "md", "--output", str(folder), "--json")
    assert polyarb("report", "daily", *words) == ExitCode.DONE
    assert [path.name for path in folder.iterdir()] == ["20260607.md"]
    assert json.loads(capsys.readouterr().out)["day"] == "2026-06-07"


def test_a_day_without_a_run_is_insufficient_and_writes_nothing(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("report", "daily") == ExitCode.INSUFFICIENT
    write(place, day())
    assert polyarb("report", "daily", "--date", "2026-06-08") == ExitCode.INSUFFICIENT
    assert "no run on that day" in capsys.readouterr().err
    assert polyarb("report", "daily", "--date", "yesterday") == ExitCode.USAGE
    assert list(place.daily_reports_dir.glob("*")) == []


def test_a_crashed_run_is_reported_loudly_and_still_written(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day(is_stopped=False))
    assert polyarb("report", "daily") == ExitCode.NO
    assert "has no end" in capsys.readouterr().err
    text = (place.daily_reports_dir / "20260607.md").read_text()
    assert "THE JOURNAL HAS HOLES" in text.splitlines()[0]


def test_a_run_that_still_goes_on_is_no_hole(place: Workspace, polyarb: Call) -> None:
    write(place, day(is_stopped=False))
    lock = acquire(place.lock_file, "this workspace")
    assert polyarb("report", "daily") == ExitCode.DONE
    lock.release()


def test_a_broken_chain_is_reported_up_to_the_break(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day(*binary_merged().messages))
    lines = place.journal_file.read_text().splitlines(keepends=True)
    lines[8] = lines[8].replace("4500000", "4500001")
    place.journal_file.write_text("".join(lines))
    assert polyarb("report", "daily", "--json") == ExitCode.NO
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert not told["is_whole"]
    assert any("figures end at record 8" in failure for failure in told["failures"])
    assert "data/events.jsonl line 9" in captured.err
    assert polyarb("ledger", "verify") == ExitCode.NO
    assert "chain broken in 1 place" in capsys.readouterr().out
    assert polyarb("ledger", "balances") == ExitCode.FAULT


def test_many_breaks_are_told_as_a_number(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day(*[invalidated(100 + number) for number in range(30)]))
    text = place.journal_file.read_text().replace("490000", "490001")
    place.journal_file.write_text(text)
    assert polyarb("report", "daily", "--json") == ExitCode.NO
    failures = json.loads(capsys.readouterr().out)["failures"]
    assert any("and 10 more breaks of the chain" in failure for failure in failures)


def test_a_torn_tail_is_told_and_is_no_break(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day())
    with place.journal_file.open("a") as stream:
        stream.write('{"event_type":"CensusCo')
    assert polyarb("report", "daily", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["completeness"]["torn"] == "record 10 is not whole, 23 bytes"
    assert polyarb("ledger", "verify") == ExitCode.DONE
    assert "torn tail behind record 9" in capsys.readouterr().out


def test_balances_list_accounts_and_each_book_sums_to_zero(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("ledger", "balances") == ExitCode.DONE
    assert capsys.readouterr().out.strip() == "nothing is booked"
    write(place, day(*held().messages))
    assert polyarb("ledger", "balances") == ExitCode.DONE
    assert "settled:assets:shares:N0:YES" in capsys.readouterr().out
    assert polyarb("ledger", "balances", "--json") == ExitCode.DONE
    lines = json.loads(capsys.readouterr().out)
    for book in ("expected", "matched", "settled"):
        assert sum(line["amount"] for line in lines if line["book"] == book) == 0


@pytest.mark.parametrize(
    ("by", "label"),
    [("family", "negrisk_yes"), ("day", "2026-06-07"), ("plan", "yes-1 negrisk_yes HELD")],
)
def test_pnl_has_four_columns_by_whatever_it_is_added_up(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str], by: str, label: str
) -> None:
    write(place, day(*held().messages))
    assert polyarb("ledger", "pnl", "--by", by) == ExitCode.DONE
    rows = capsys.readouterr().out.splitlines()
    row = next(row for row in rows if label in row)
    assert "0.22 USD 0.22 USD -0.03 USD none" in " ".join(row.split())
    assert rows[-1].split()[0] == "total"
    assert polyarb("ledger", "pnl", "--by", by, "--json") == ExitCode.DONE
    assert any(one["columns"]["chain"] is None for one in json.loads(capsys.readouterr().out))


def test_a_tape_played_twice_is_booked_once_and_said(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, [*day(*binary_merged().messages), *day(*binary_merged().messages)])
    assert polyarb("ledger", "pnl", "--by", "day") == ExitCode.DONE
    captured = capsys.readouterr()
    assert "0.25605 USD" in captured.out.splitlines()[-1]
    assert "1 run left out" in captured.err


def statement(folder: Path, **content: object) -> str:
    path = folder / "statement.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_reconcile_lists_breaks_and_agrees_where_there_are_none(
    place: Workspace, polyarb: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day(*held().messages))
    shares = [{"condition_id": f"N{leg}", "outcome": "YES", "shares": "5"} for leg in range(3)]
    agreeing = statement(tmp_path, positions=shares, cash="95.22", opening_cash="100")
    assert polyarb("ledger", "reconcile", agreeing) == ExitCode.DONE
    assert "agree" in capsys.readouterr().out
    breaking = statement(tmp_path, positions=shares[1:])
    assert polyarb("ledger", "reconcile", breaking) == ExitCode.NO
    assert "ONLY_IN_LEDGER N0 YES" in capsys.readouterr().out
    assert polyarb("ledger", "reconcile", breaking, "--json") == ExitCode.NO
    assert json.loads(capsys.readouterr().out)[0]["kind"] == "ONLY_IN_LEDGER"


@pytest.mark.parametrize(
    "content",
    [
        {"positions": [{"condition_id": "A", "outcome": "MAYBE", "shares": "1"}]},
        {"positions": [{"condition_id": "A", "outcome": "YES", "shares": "-1"}]},
        {"positions": [], "cash": 5},
        {"positions": [], "money": "5"},
        {},
    ],
)
def test_a_statement_that_is_none_is_refused(
    polyarb: Call, tmp_path: Path, content: dict[str, object]
) -> None:
    assert polyarb("ledger", "reconcile", statement(tmp_path, **content)) == ExitCode.USAGE


def test_an_absent_statement_is_refused(polyarb: Call, tmp_path: Path) -> None:
    assert polyarb("ledger", "reconcile", str(tmp_path / "none.json")) == ExitCode.USAGE


def test_verify_tells_broken_laws(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day(*binary_merged().messages))
    assert polyarb("ledger", "verify") == ExitCode.DONE
    assert "every law holds" in capsys.readouterr().out
    write(place, day(*binary("c").begun().confirmed(0).messages, run_id="b", start_ns=NOON_NS + 1))
    assert polyarb("ledger", "verify", "--json") == ExitCode.NO
    told = json.loads(capsys.readouterr().out)
    assert [one["invariant"] for one in told["violations"]] == ["MESSAGES_FIT"]
    assert polyarb("ledger", "verify") == ExitCode.NO
    assert "laws broken" in capsys.readouterr().out


def test_rebuild_makes_the_tables_anew(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    write(place, day())
    assert polyarb("ledger", "rebuild") == ExitCode.DONE
    assert capsys.readouterr().out == "9 records applied, up to record 9\n"
    assert polyarb("ledger", "rebuild", "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["is_rebuilt"]
    assert place.database_file.exists()


def test_the_census_of_the_shipped_tapes_finds_nothing_tradable(
    polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("census", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["messages"], told["markets"], told["tokens"]) == (47_650, 11, 22)
    assert set(told["tradable"].values()) == {0}
    assert sum(told["raw_hits"].values()) == sum(told["rejected"].values()) > 0
    assert told["verdict"]["finding"] == "insufficient evidence"


def test_the_census_of_a_named_tape_is_a_text(
    place: Workspace, polyarb: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert polyarb("census", str(place.samples_dir / "tape_fed_negrisk.jsonl.gz")) == ExitCode.DONE
    text = capsys.readouterr().out
    assert "Verdict: insufficient evidence" in text
    assert "tape tape_fed_negrisk.jsonl.gz" in text


def test_a_census_of_nothing_is_a_wrong_use(place: Workspace, polyarb: Call) -> None:
    assert polyarb("census", "absent.gz") == ExitCode.USAGE
    for tape in place.samples_dir.glob("*.gz"):
        tape.unlink()
    assert polyarb("census") == ExitCode.USAGE


def test_a_folder_that_cannot_be_written_is_a_fault(
    place: Workspace, polyarb: Call, tmp_path: Path
) -> None:
    write(place, day())
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert polyarb("report", "daily", "--output", str(blocked / "in")) == ExitCode.FAULT
    assert issubclass(StoreError, PolyarbError)
