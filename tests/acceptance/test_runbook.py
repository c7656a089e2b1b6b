"""What the runbook and the plan tell to type does what they say, in a workspace of its own."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from polyarb.cli.app import app
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.output import exit_code_of
from polyarb.domain.errors import PolyarbError
from polyarb.wiring.backups import backups
from tests.acceptance.app import command, environment
from tests.conftest import ROOT
from tests.go_no_go_cases import ask_for_time
from tests.live_world import list_instruments, point_at
from tests.runbook_cases import (
    PLAN,
    RUNBOOK,
    Block,
    blocks,
    command_fault,
    inline_commands,
)
from tests.test_docs import rows, sections
from tests.time_server import TimeServer
from tests.wire_server import Answer, ThreadedWire, Venue, WireServer

TAPE = "--tape data/samples/tape_hockey.jsonl.gz"
SHORTENED = {
    "polyarb alerts drill --quick": "polyarb alerts drill --quick RISK_BREACH",
    "polyarb doctor": "polyarb doctor --offline",
    "polyarb drill": "polyarb drill breaker",
    "polyarb start --phase shadow": f"polyarb start --phase shadow {TAPE} --speed max",
}
"""What would reach out or take long, and what runs in its place where no venue is served."""
ALERTING = """
  TICKS:
    severity: WARNING
    summary: A rule of a test
    expr: loop_ticks >= 1
    actions: [log, notify]
"""
PLACE = b'{"blocked":false,"ip":"192.0.2.1","country":"IE","region":"L"}'


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
    """Make a workspace in which a trader plays a tape more slowly than it was recorded."""
    place = copied(prepared, tmp_path_factory.mktemp("running"))
    words = shlex.split(f"start --phase shadow {TAPE} --speed 0.5 --json")
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
def alerted(ran: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ran)
    with (ran / "config" / "alerts.production.yaml").open("a") as rules:
        rules.write(ALERTING)
    assert ask(*shlex.split(SHORTENED["polyarb start --phase shadow"])[1:]) == 0
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
    (alert,) = (one for one in state["active_alerts"] if one["name"] == "TICKS")
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
    """Return the exit codes that a line may have.

    status says no where nothing runs; the machine of a test may be unfit to trade on, as one is
    that keeps temporary folders in memory.
    """
    if line == "polyarb doctor --host":
        return frozenset({*block.exits, 4})
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


def tried() -> Iterator[Block]:
    """Yield every block to run; where alerts say only what to look at, each command once."""
    looks = dict[str, None]()
    for path in (RUNBOOK, PLAN):
        for block in blocks(path):
            if block.is_look:
                looks.update(dict.fromkeys(block.commands))
            elif not block.is_parsed:
                yield block
    for number, line in enumerate(looks, start=1):
        yield Block(name=f"look-{number}", room="ran", exits=frozenset({0}), commands=(line,))


@pytest.mark.parametrize("block", list(tried()), ids=lambda block: block.name)
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


# What a start says


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))


def misspell() -> None:
    edit("config/config.yaml", "markets_max", "market_max")


def lose_the_workspace() -> None:
    Path("config/config.yaml").unlink()


def forget_the_address() -> None:
    edit("config/alert_channels.yaml", "enabled: false", "enabled: true")


def show_the_secrets() -> None:
    Path(".env").write_text("ALERT_WEBHOOK_KEY=of-a-test\n")
    Path(".env").chmod(0o644)


def ask_for_too_much() -> None:
    edit("config/config.yaml", "volume_24h_usd_min: 1000", "volume_24h_usd_min: 999999")


def lose_the_venue() -> None:
    text = Path("config/config.yaml").read_text()
    gone = re.sub(r"http://127.0.0.1:\d+", "http://127.0.0.1:9", text)
    Path("config/config.yaml").write_text(gone)


def leave_as_it_is() -> None:
    pass


START = "polyarb start --phase shadow"
SLOW = f"{START} {TAPE} --speed 1 --duration 1s"
MESSAGES: dict[str, tuple[int, str, Callable[[], None], str]] = {
    "ended: duration reached": (0, "ran", leave_as_it_is, SLOW),
    "ended: end of feed": (0, "ran", leave_as_it_is, START),
    "expected markets_max (the nearest), found an unknown key": (2, "ran", misspell, START),
    "expected a workspace …, found none": (2, "ran", lose_the_workspace, START),
    "expected a value of ALERT_WEBHOOK_URL": (2, "ran", forget_the_address, START),
    "expected a market to watch, found none": (2, "venue", ask_for_too_much, START),
    "micro-live trades with money: expected a GO record …": (
        3,
        "ran",
        leave_as_it_is,
        "polyarb start --phase micro-live",
    ),
    "this workspace is in use by process N": (3, "running", leave_as_it_is, START),
    ".env: expected mode 600": (3, "ran", show_the_secrets, START),
    "this change has risks that nobody confirmed": (
        3,
        "ran",
        leave_as_it_is,
        "polyarb profiles apply aggressive",
    ),
    "expected an answer from GET …": (4, "venue", lose_the_venue, START),
    "the journal is broken at …": (4, "broken", leave_as_it_is, START),
}
"""What the runbook quotes: exit code, room, what is done there first, and the command."""


def quoted() -> dict[str, int]:
    text = sections(RUNBOOK.read_text(encoding="utf-8"))["5 Troubleshooting"]
    table = rows(text[text.index("| code |") :].partition("\n\n")[0])[1:]
    found = {}
    for code, _kind, messages, _remedy in table:
        for message in re.findall(r"`([^`]+ [^`]+)`", messages):
            found[message] = int(code)
    assert [row[0] for row in table] == [str(one.value) for one in ExitCode]
    return found


def test_every_message_that_is_quoted_is_tried() -> None:
    assert quoted() == {message: case[0] for message, case in MESSAGES.items()}


@pytest.mark.parametrize("message", MESSAGES)
def test_a_start_says_what_the_runbook_quotes(
    message: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, room, spoil, line = MESSAGES[message]
    monkeypatch.delenv("POLYARB_WORKSPACE", raising=False)
    monkeypatch.chdir(request.getfixturevalue(room))
    spoil()
    capsys.readouterr()
    words = line if room == "venue" else SHORTENED.get(line, line)
    try:
        app(args=shlex.split(words)[1:])
    except PolyarbError as fault:
        found, told = exit_code_of(fault), str(fault)
    except SystemExit as ended:
        found, told = int(ended.code or 0), capsys.readouterr().out
    assert found == code, told
    parts = re.split(r" ?…|\bN$", message)
    assert re.search(".*".join(map(re.escape, parts)), told, re.DOTALL), told


def test_a_running_process_is_shown_as_the_runbook_says(
    running: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(running)
    capsys.readouterr()
    assert ask("status") == 0
    assert re.match(r"process \d+ runs: shadow on tape, run-\w+, [A-Z]+\n", capsys.readouterr().out)
    assert re.search(
        r"run run-\w+ of shadow, epoch \d+\n", (running / "data" / "polyarb-x.log").read_text()
    )
