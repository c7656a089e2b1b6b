"""The plan and the runbook hold what they say: commands run, figures are the program's."""

import json
import math
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from polyarb.alerts.alert import Action
from polyarb.alerts.rules import Rule
from polyarb.cli.app import app
from polyarb.cli.output import exit_code_of
from polyarb.config import load_phase_profile
from polyarb.domain.errors import PolyarbError
from polyarb.domain.limits import Phase, Profile
from polyarb.domain.units import MICRO, format_micros
from polyarb.store.workspace import Workspace
from polyarb.wiring import backups
from polyarb.wiring.alerting import STOPPING
from tests.acceptance.app import command, environment
from tests.alert_rules import shipped
from tests.conftest import ROOT
from tests.go_no_go_cases import ask_for_time
from tests.live_world import list_instruments, point_at
from tests.runbook_cases import (
    Block,
    anchors,
    blocks,
    command_fault,
    inline_commands,
    slug,
)
from tests.test_docs import documents, rows, sections
from tests.time_server import TimeServer
from tests.wire_server import Answer, ThreadedWire, Venue, WireServer

RUNBOOK = ROOT / "docs" / "PRODUCTION_RUNBOOK.md"
PLAN = ROOT / "docs" / "PRODUCTION_PLAN.md"
TAPE = "--tape data/samples/tape_hockey.jsonl.gz"
SHORTENED = {
    "polyarb doctor": "polyarb doctor --offline",
    "polyarb drill": "polyarb drill breaker",
    "polyarb start --phase shadow": f"polyarb start --phase shadow {TAPE} --speed max",
}
"""What would reach out or take long, and what runs in its place where no venue is served."""
PLACE = b'{"blocked":false,"ip":"192.0.2.1","country":"IE","region":"L"}'
ENTRY = re.compile(r"^#### ([A-Z0-9_]+)\n(.*?)(?=^#{2,4} |\Z)", re.MULTILINE | re.DOTALL)
LABELS = ("Means", "Done already", "Look", "Likely causes", "Remedy", "Resume")
PHASES = tuple(Phase)


def ask(*words: str) -> int:
    """Run the app in this process and return its exit code."""
    try:
        app(args=list(words))
    except PolyarbError as fault:
        return exit_code_of(fault)
    except SystemExit as ended:
        return int(ended.code or 0)
    raise AssertionError("a command always leaves with a code")


# Rooms


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace in which a run, an operator, a report and a backup have been."""
    place = tmp_path_factory.mktemp("runbook") / "prepared"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backups, "step_back", lambda: None)
        patch.delenv("POLYARB_WORKSPACE", raising=False)
        assert ask("init", str(place)) == 0
        patch.chdir(place)
        assert ask("operators", "add", "alice", "--role", "trader") == 0
        assert ask(*shlex.split(SHORTENED["polyarb start --phase shadow"])[1:]) == 0
        assert ask("report", "daily") == 0
        assert ask("backup", "create") == 0
        assert ask("backup", "verify") == 0
    return place


@pytest.fixture(scope="module")
def running(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a workspace in which a trader plays a tape as slowly as it was recorded."""
    place = copied(prepared, tmp_path_factory.mktemp("running"))
    words = shlex.split(f"start --phase shadow {TAPE} --speed 1 --json")
    (place / "data" / "status.json").unlink()
    process = subprocess.Popen(
        command(*words), cwd=place, env=environment(), stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (place / "data" / "status.json").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    yield place
    process.terminate()
    process.wait(timeout=30)


def copied(prepared: Path, folder: Path) -> Path:
    return Path(shutil.copytree(prepared, folder / "workspace"))


@pytest.fixture
def ran(prepared: Path, tmp_path: Path) -> Path:
    return copied(prepared, tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def alerted(ran: Path) -> Path:
    assert active_alert(ran)
    return ran


@pytest.fixture
def halted(ran: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ran)
    assert ask("halt") == 0
    return ran


@pytest.fixture
def changed(ran: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ran)
    custom = ran / "config" / "profiles" / "custom" / "other.yaml"
    shutil.copy(ran / "config" / "profiles" / "live_shadow_atomic_v1.yaml", custom)
    assert ask("profiles", "apply", "custom/other") == 0
    return ran


@pytest.fixture
def broken(ran: Path) -> Path:
    journal = ran / "data" / "events.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content.replace(b"ACTIVE", b"ACTIVF", 1))
    assert journal.read_bytes() != content
    return ran


@pytest.fixture
def venue(ran: Path) -> Iterator[Path]:
    def answer(server: WireServer) -> None:
        list_instruments(server)
        server.routes["/api/geoblock"] = lambda *_: Answer(body=PLACE)

    with ThreadedWire(Venue(2, seed=1)) as wire, TimeServer() as time_server:
        wire.call(answer)
        point_at(ran, wire)
        ask_for_time(ran, time_server.address)
        yield ran


def active_alert(place: Path) -> str:
    state = json.loads((place / "data" / "alerts" / "alerts_state.json").read_text())
    (alert,) = state["active_alerts"]
    return str(alert["alert_id"]).removeprefix("alert-")[:12]


# Commands


def last_silence() -> str:
    folder = Path("data/alerts")
    state = json.loads((folder / "alerts_state.json").read_text())
    return str(state["silences"][-1]["silence_id"])


SAMPLES: dict[str, Callable[[], str]] = {
    "0180e4bb454e": lambda: active_alert(Path()),
    "01795529191349576683-34502f6a": last_silence,
    "20261124_1405": lambda: max(path.name for path in Path("backups").glob("2*")),
}
"""What stands in the documents as an example, and what it is here."""


def run(line: str, room: str, shim: Path) -> int:
    """Run one line of a block as its reader would."""
    if room != "venue":
        line = SHORTENED.get(line, line)
    for sample, real in SAMPLES.items():
        if sample in line:
            line = line.replace(sample, real())
    words = shlex.split(line)
    if words[0] == "polyarb":
        return ask(*words[1:])
    if words[0].startswith("scripts/"):
        words[0] = str(ROOT / words[0])
    path = f"{shim}:{os.environ['PATH']}"
    ended = subprocess.run(
        words, env={**environment(), "PATH": path}, capture_output=True, timeout=60
    )
    return ended.returncode


def exits_of(block: Block, line: str) -> frozenset[int]:
    """Return the exit codes that a line may have; status says no where nothing runs."""
    is_idle_status = line.startswith("polyarb status") and block.room != "running"
    return frozenset({1}) if is_idle_status else block.exits


@pytest.fixture
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a `polyarb` that is this one."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "polyarb"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command())} "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    "block",
    [one for path in (RUNBOOK, PLAN) for one in blocks(path) if not one.is_parsed],
    ids=lambda block: block.name,
)
def test_every_command_does_what_the_page_says(
    block: Block, request: pytest.FixtureRequest, shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLYARB_WORKSPACE", raising=False)
    monkeypatch.setattr(backups, "step_back", lambda: None)
    assert block.exits == {0} or len(block.commands) == 1, "exit codes are of one command"
    monkeypatch.chdir(request.getfixturevalue(block.room))
    for line in block.commands:
        if line.startswith("cd "):
            os.chdir(line.removeprefix("cd "))
            continue
        code = run(line, block.room, shim)
        assert code in exits_of(block, line), f"{line}: exit code {code}"


@pytest.mark.parametrize("path", [RUNBOOK, PLAN], ids=lambda path: path.stem)
def test_every_command_that_is_named_exists_with_its_options(path: Path) -> None:
    parsed = [line for one in blocks(path) if one.is_parsed for line in one.commands]
    named = [*parsed, *inline_commands(path)]
    assert named
    faults = {line: fault for line in named if (fault := command_fault(line))}
    assert not faults


@pytest.mark.parametrize(
    "line",
    [
        "polyarb nothing",
        "polyarb status --colour",
        "polyarb backup restore X --onto Y",
        "polyarb start --phase moon",
        "polyarb start --speed 1",
        "systemctl start polyarb-trader@moon",
        "systemctl start polyarb-nothing",
        "systemctl destroy polyarb-watch",
        "journalctl -u polyarb-nothing",
        "scripts/nothing.sh",
        "cp scripts/nothing/* /etc",
        "rm -rf data",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    assert command_fault(line)


def test_only_what_nobody_can_run_here_is_merely_parsed() -> None:
    parsed = [one for one in blocks(RUNBOOK) if one.is_parsed]
    assert parsed
    for block in parsed:
        assert any(line.startswith("systemctl ") for line in block.commands), block


# Alerts


def entries() -> dict[str, str]:
    return dict(ENTRY.findall(RUNBOOK.read_text(encoding="utf-8")))


def test_every_rule_has_an_entry_and_every_entry_a_rule() -> None:
    rules = shipped().rules
    assert list(entries()) == [rule.rule_id for rule in rules]


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.rule_id)
def test_the_link_of_a_rule_leads_to_its_entry(rule: Rule) -> None:
    path, _, anchor = rule.runbook.partition("#")
    assert ROOT / path == RUNBOOK
    assert anchor == slug(rule.rule_id)
    assert anchor in anchors(RUNBOOK.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.rule_id)
def test_an_entry_says_all_that_is_asked(rule: Rule) -> None:
    entry = entries()[rule.rule_id]
    places = [entry.find(f"* **{label}**") for label in LABELS]
    assert -1 not in places and places == sorted(places)
    assert "```sh\n" in entry


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.rule_id)
def test_an_entry_says_what_the_actions_of_its_rule_did(rule: Rule) -> None:
    (done,) = re.findall(
        r"\* \*\*Done already\*\*:(.*?)^\* \*\*Look", entries()[rule.rule_id], re.DOTALL | re.M
    )
    # Some rules do something else in some phases; the entry says both.
    actions = set(rule.actions).union(*rule.actions_in.values())
    # The breaker halts by itself, before its rule fires.
    latches = bool(actions & STOPPING) or rule.rule_id == "CIRCUIT_BREAKER_OPEN"
    assert ("latched" in done) == latches
    assert ("reduced" in done) == (Action.REDUCE in actions)
    assert ("ended the process" in done) == (Action.KILL in actions)
    if not latches and Action.REDUCE not in actions and rule.rule_id != "CLOCK_OFFSET":
        assert re.match(r"\s(told|recorded)", done)


def test_every_action_is_explained() -> None:
    told = sections(RUNBOOK.read_text(encoding="utf-8"))["3 Alerts"]
    table = told[told.index("| action |") :].partition("\n\n")[0]
    assert [row[0] for row in rows(table)[1:]] == list(Action)


# The plan


def plan_rows(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading of any level."""
    text = PLAN.read_text(encoding="utf-8")
    begin = re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE)
    assert begin is not None, heading
    table = text[begin.end() :]
    return rows(table[table.index("\n|") + 1 :].partition("\n\n")[0])


def profile_of(phase: Phase) -> Profile:
    return load_phase_profile(Workspace(ROOT), phase).profile


FIGURES: dict[str, Callable[[Profile], str]] = {
    "profile": lambda profile: f"`{profile.name}`",
    "run": lambda profile: profile.run,
    "trade size, USD": lambda profile: format_micros(profile.sizing.trade_size),
    "trade size at most (ceiling), USD": lambda profile: format_micros(
        profile.sizing.trade_size_ceiling
    ),
    "all positions, USD": lambda profile: format_micros(profile.envelope.open_notional_max),
    "daily stop, USD": lambda profile: format_micros(profile.envelope.daily_loss_max),
    "edge at least, fraction": lambda profile: format_micros(profile.sizing.edge_fraction_min),
    "slippage at most, fraction": lambda profile: format_micros(
        profile.sizing.slippage_fraction_max
    ),
    "broken sets in a row, breaker": lambda profile: str(profile.breaker.consecutive_failures_max),
    "broken share, breaker": lambda profile: format_micros(profile.breaker.failure_fraction_max),
}
AGREED = {
    "wallet, USD": ["-", "10–20", "50–100", "200–500"],
    "allowance, USD, never unlimited": ["-", "20", "50", "200"],
    "days": ["7–14", "14–21", "21–30", "open"],
}
"""What no profile holds. Source: production-kit.md, 1."""


def test_the_figures_of_the_phases_are_those_of_their_profiles() -> None:
    head, *table = plan_rows("The four phases")
    assert head[1:] == list(PHASES)
    found = {row[0]: row[1:] for row in table}
    profiles = [profile_of(phase) for phase in PHASES]
    expected = {name: [str(read(one)) for one in profiles] for name, read in FIGURES.items()}
    assert found == {**expected, **AGREED}


CRITERIA: dict[tuple[str, str], list[str]] = {
    ("Entry", "micro-live"): ["7"],
    ("Entry", "constrained"): ["5"],
    ("Entry", "scaled"): ["50"],
    ("Success", "shadow"): ["7", "95", "95", "500"],
    ("Success", "micro-live"): ["7", "3", "10", "50", "90", "2.5"],
    ("Success", "constrained"): ["14", "10", "1.0", "20", "60"],
    ("Success", "scaled"): ["30", "5", "1.5", "15", "70"],
    ("Kill", "shadow"): ["1", "80", "10"],
    ("Kill", "micro-live"): ["5", "2", "1", "20", "3", "3", "5"],
    ("Kill", "constrained"): ["10", "30", "30", "30", "5", "0.5"],
    ("Kill", "scaled"): ["20", "25", "15", "40", "7", "2"],
    ("Exit", "shadow"): ["7"],
    ("Exit", "micro-live"): ["14", "50", "0"],
    ("Exit", "constrained"): ["21", "200", "20"],
    ("Exit", "scaled"): ["5"],
}
"""The numbers of each phase's criteria in their order. Source: production-kit.md, 0 and 1."""


@pytest.mark.parametrize("key", CRITERIA, ids="-".join)
def test_the_criteria_have_the_agreed_figures(key: tuple[str, str]) -> None:
    heading, phase = key
    told = " ".join(row[1] for row in plan_rows(heading)[1:] if row[0] == phase)
    assert re.findall(r"\d+(?:\.\d+)?", told) == CRITERIA[key]


def test_every_rule_that_the_plan_names_is_shipped() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PLAN.read_text(encoding="utf-8")))
    assert named and named <= {rule.rule_id for rule in shipped().rules}


def test_the_least_time_adds_up() -> None:
    spans = [text.split("–") for text in AGREED["days"][:3]]
    least, most = (list(map(int, column)) for column in zip(*spans, strict=True))
    table = plan_rows("How long it takes at least")[1:]
    for count, row in enumerate(table[:3], start=1):
        assert int(row[1].split("= ")[-1]) == sum(least[:count])
        assert row[2] == f"{sum(least[:count])}–{sum(most[:count])}"
    judged = sum(least) + 30
    assert table[3][1:] == [f"{sum(least)} + 30 = {judged}", f"{judged}–{sum(most) + 30}"]


def test_the_trades_that_a_profit_takes_add_up() -> None:
    _, _, tail = PLAN.read_text(encoding="utf-8").partition("| to earn |")
    table = rows("| to earn |" + tail.partition("\n\n")[0])[1:]
    phases = (Phase.MICRO_LIVE, Phase.CONSTRAINED, Phase.CONSTRAINED)
    for (goal, earned, needed, at_ceiling, needed_there), phase in zip(table, phases, strict=True):
        sizing = profile_of(phase).sizing
        edge, usd = Fraction(sizing.edge_fraction_min, MICRO), int(goal.split()[0])
        sizes = (sizing.trade_size, sizing.trade_size_ceiling)
        each, most = (Fraction(size, MICRO) * edge for size in sizes)
        assert earned == (
            f"{format_micros(sizing.trade_size)} × {format_micros(sizing.edge_fraction_min)}"
            f" = {float(each):g} USD"
        )
        assert at_ceiling == f"{float(most):g} USD"
        assert (int(needed), int(needed_there)) == (math.ceil(usd / each), math.ceil(usd / most))


# Links


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_anchor_of_a_link_is_a_heading_there(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) or "#" not in target:
            continue
        name, _, anchor = target.partition("#")
        place = path.parent / name if name else path
        if place.suffix == ".md" and anchor not in anchors(place.read_text(encoding="utf-8")):
            missing.append(target)
    assert not missing


def test_every_document_is_listed() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[[^\]]+\]\(([A-Z_]+\.md)\) \|", text, re.MULTILINE)
    written = {path.name for path in (ROOT / "docs").glob("*.md")} - {"ARCHITECTURE.md"}
    assert sorted(listed) == sorted(written)
