"""`polyarb sandbox` as typed: what it serves, says and refuses."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from tests.acceptance.app import Polyarb, command, environment
from tests.sandbox_process import serving

URLS = ("clob", "gamma", "data", "rpc", "relayer", "admin")
QUIET = ("--scenario", "quiet")


def test_the_file_says_where_everything_is_once_everything_answers(workspace: Path) -> None:
    with serving(workspace, *QUIET, "--seed", "5", "--info", "x.json", file="x.json") as served:
        info = served.info
        assert (info["chain_id"], info["scenario"], info["seed"]) == (137, "quiet", 5)
        for name in URLS:
            assert info[name].startswith("http://127.0.0.1:") and not info[name].endswith("/")
            assert httpx.get(info[name]).status_code in (200, 404, 405), name
        assert httpx.get(info["clob"] + "/ok").json() == "OK"
        assert httpx.get(info["gamma"] + "/api/geoblock").json()["blocked"] is False
        assert info["ws_market"].endswith("/ws/market") and info["ws_user"].endswith("/ws/user")
        assert len(info["accounts"]) >= 3
        assert all(account["pusd"] >= 100 for account in info["accounts"])
        markets = info["markets"]
        assert any(one["tick_size"] == "0.01" and not one["neg_risk"] for one in markets)
        events = [one["event_id"] for one in markets if one["neg_risk"]]
        assert len(events) > len(set(events)) > 0
        for file in (served.file, workspace / "data" / "sandbox.json"):
            assert file.stat().st_mode & 0o777 == 0o600
            assert json.loads(file.read_bytes()) == info
        code, out, err = served.end()
        assert (code, err) == (0, "")
        for account in info["accounts"]:
            assert account["address"] in out and account["private_key"] not in out
        assert info["clob"] in out and "Ctrl-C" in out
        assert not served.file.exists() and not (workspace / "data" / "sandbox.json").exists()


def test_the_same_seed_gives_the_same_accounts_and_markets(workspace: Path) -> None:
    told = []
    for seed in ("3", "3", "4"):
        with serving(workspace, *QUIET, "--seed", seed) as served:
            info = served.info
            told.append(([one["private_key"] for one in info["accounts"]], info["markets"]))
            assert served.end(signal.SIGTERM)[0] == 0
    assert told[0] == told[1] != told[2]


def test_eight_ports_in_a_row_and_one_that_is_taken(workspace: Path, polyarb: Polyarb) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = polyarb("sandbox", "serve", *QUIET, "--port", str(port))
        assert ended.returncode == 4
        assert f"127.0.0.1:{port}: expected a free port" in ended.stderr
    assert not (workspace / "data" / "sandbox.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--host", "0.0.0.0"), 3, "expected a loopback address"),
        (("--host", "::"), 3, "expected a loopback address"),
        (("--host", "localhost"), 2, "expected an address"),
        (("--port", "65535"), 2, "--port: expected 0 to"),
        (("--scenario", "nonsense"), 2, "quiet"),
        (("--scenario", "absent.yaml"), 4, "absent.yaml"),
        (("--seed", "-1"), 2, "--seed"),
        (("--info", "config"), 4, "config"),
    ],
    ids=range(8),
)
def test_what_cannot_be_served_says_why(
    polyarb: Polyarb, words: tuple[str, ...], code: int, told: str
) -> None:
    ended = polyarb("sandbox", "serve", *words)
    assert ended.returncode == code, ended.stderr
    assert told in ended.stderr


def test_it_serves_without_any_workspace(tmp_path: Path) -> None:
    with serving(tmp_path, *QUIET, "--info", "x.json", file="x.json") as served:
        assert httpx.get(served.info["clob"] + "/ok").status_code == 200
        assert served.end()[0] == 0
    assert not list(tmp_path.iterdir())


def test_faults_are_armed_listed_and_cleared_while_it_runs(
    workspace: Path, polyarb: Polyarb
) -> None:
    with serving(workspace, *QUIET):
        assert "nothing is armed" in polyarb("sandbox", "fault", "list").stdout
        words = ("torn-frame", "--scope", "market", "--times", "2", "--share", "0.5")
        armed = polyarb("sandbox", "fault", "arm", *words, "--json")
        assert armed.returncode == 0, armed.stderr
        fault_id = json.loads(armed.stdout)["fault_id"]
        (listed,) = json.loads(polyarb("sandbox", "fault", "list", "--json").stdout)["faults"]
        assert listed["fault"]["kind"] == "torn-frame" and listed["fault"]["times"] == 2
        assert "torn-frame" in polyarb("sandbox", "fault", "list").stdout
        refused = polyarb("sandbox", "fault", "arm", "freeze")
        assert refused.returncode == 2 and "amount" in refused.stderr
        assert polyarb("sandbox", "fault", "clear", "x").returncode == 2
        assert fault_id in polyarb("sandbox", "fault", "clear").stdout
    ended = polyarb("sandbox", "fault", "list")
    assert ended.returncode == 4 and "polyarb sandbox serve" in ended.stderr


def test_scenarios_are_listed(polyarb: Polyarb, tmp_path: Path) -> None:
    listed = json.loads(polyarb("sandbox", "scenarios", "--json").stdout)
    names = {one["name"] for one in listed}
    assert {"sparse", "default", "rich", "quiet"} <= names
    told = polyarb("sandbox", "scenarios").stdout
    assert all(name in told for name in names)
    elsewhere = subprocess.run(
        command("sandbox", "scenarios", "--json"),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(elsewhere.stdout) == listed
