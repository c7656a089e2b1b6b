"""`polyarb plan` as typed."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from polyarb.cli import plan
from polyarb.cli.output import fail
from polyarb.domain.errors import PolyarbError
from polyarb.domain.plan import SizeReason
from polyarb.engine.size import size

APP = typer.Typer()
APP.callback()(lambda: None)
APP.command("plan")(plan.plan)
EXAMPLES = Path(__file__).resolve().parent.parent / "vectors" / "plan-examples.json"
CUP: dict[str, Any] = {
    "id": "cup-final",
    "family": "negrisk_no",
    "legs": [
        {"name": "Lions", "fee_rate": "0.05", "bids": [["0.62", "100"]]},
        {
            "name": "Tigers",
            "fee_rate": "0.05",
            "bids": [["0.41", "100"]],
            "asks": [["0.43", "80"]],
        },
        {"name": "Bears", "fee_rate": "0.05", "bids": [["0.05", "10"], ["0.04", "300"]]},
    ],
    "constraints": {
        "lot": "1",
        "min_size": "5",
        "min_notional": "1",
        "capital": "250",
        "gas": "0.02",
    },
}


def run(*arguments: str) -> int:
    """Run the command as the installed app does and return its exit code."""
    with pytest.raises(SystemExit) as left:
        try:
            APP(["plan", *arguments])
        except PolyarbError as fault:
            fail(fault)
    return int(left.value.code or 0)


@pytest.fixture
def cup(tmp_path: Path) -> str:
    """Write the problem of the plan format's page."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(CUP, indent=2))
    return str(path)


def test_json_answers_one_line_a_problem_in_their_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    examples = json.loads(EXAMPLES.read_text())
    path = tmp_path / "problems.jsonl"
    path.write_text("\n".join(json.dumps(example["problem"]) for example in examples))
    assert run("--json", str(path)) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    four = ("id", "quantity", "profit", "reason")
    assert [{name: answer[name] for name in four} for answer in answers] == [
        example["answer"] for example in examples
    ]


def test_json_tells_orders_capital_and_payoff(capsys: pytest.CaptureFixture[str], cup: str) -> None:
    assert run(cup, "--json") == 0
    (answer,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    orders = answer.pop("orders")
    assert answer == {
        "id": "cup-final",
        "quantity": "100",
        "profit": "4.49595",
        "reason": "OK",
        "capital": "195.48405",
        "payoff": "200",
        "fees": "2.58405",
        "gas": "0.02",
    }
    assert orders[2] == {
        "leg": 2,
        "name": "Bears",
        "outcome": "NO",
        "side": "BUY",
        "price_limit": "0.96",
        "shares": "100",
        "notional": "95.9",
        "fee": "0.19655",
    }


def test_a_dash_reads_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.TextIOWrapper(io.BytesIO(json.dumps([CUP]).encode()))
    monkeypatch.setattr(sys, "stdin", content)
    assert run("--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["quantity"] == "100"


def test_a_person_is_told_orders_steps_and_why_not_more(
    capsys: pytest.CaptureFixture[str], cup: str
) -> None:
    assert run(cup) == 0
    told = capsys.readouterr()
    lines = [" ".join(line.split()) for line in told.out.splitlines()]
    assert lines[:4] == [
        "cup-final: negrisk_no, 3 legs",
        "trade 100 sets, profit 4.49595 USD (2.29 % of 195.48405 USD capital)",
        "pays at least 200, fees 2.58405, gas 0.02",
        "OK: the next set would earn nothing, or there is no depth for it",
    ]
    assert "2 Tigers BUY NO 0.59 100 59 1.2095" in lines
    assert "<- the plan ends here 10 100 1.955795 2 0.044205" in lines
    assert "310 no end 3 2 -1" in lines
    assert not told.err


def test_a_refusal_is_explained(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(CUP | {"family": "negrisk_yes", "id": "[red]\x1b"}))
    assert run(str(path)) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "[red]?: negrisk_yes, 3 legs",
        "no trade",
        "NON_EXHAUSTIVE: it is not certain that one of the legs resolves YES",
    ]


def test_every_reason_has_its_sentence() -> None:
    assert set(plan.WHY) == set(SizeReason)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "input: expected at least one problem, found nothing"),
        ("{", "input: line 1: expected JSON, found an error at column 2"),
        (
            json.dumps(CUP) + "\n" + json.dumps(CUP | {"id": "q", "legs": []}),
            'problem "q": legs: expected at least 2 legs for negrisk_no, found a list of 0',
        ),
    ],
)
def test_a_malformed_input_exits_2_with_one_line_and_no_answer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, expected: str
) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(content)
    for words in ([str(path)], ["--json", str(path)]):
        assert run(*words) == 2
        told = capsys.readouterr()
        assert not told.out
        assert told.err.startswith(f"polyarb: {expected}")
        assert told.err.count("\n") == 1


@pytest.mark.parametrize("name", ["absent.json", ".", "a\0b"])
def test_a_file_that_cannot_be_read_exits_2(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(name) == 2
    told = capsys.readouterr()
    assert not told.out
    assert told.err.startswith("polyarb: expected a readable file, found ")


def test_an_empty_array_is_answered_with_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "p.json"
    path.write_text("[]")
    assert run("--json", str(path)) == 0
    assert not capsys.readouterr().out


def test_an_undecided_problem_is_no_silent_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    legs = [
        {"fee_rate": "0", "asks": [["0.50", "3"], ["0.70", "9"]]},
        {"fee_rate": "0", "asks": [["0.51", "3"], ["0.70", "9"]]},
        {"fee_rate": "0", "bids": [["0.60", "8"]]},
    ]
    knot = {"id": "knot", "family": "ladder", "legs": legs}
    knot["constraints"] = {"lot": "1", "min_size": "5"}
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(knot) + "\n" + json.dumps(CUP))
    monkeypatch.setattr(plan, "size", lambda problem: size(problem, branches_max=1))
    assert run("--json", str(path)) == 4
    told = capsys.readouterr()
    assert [json.loads(line)["reason"] for line in told.out.splitlines()] == ["UNDECIDED", "OK"]
    assert told.err == "polyarb: a problem could not be decided; its answer is no trade\n"
