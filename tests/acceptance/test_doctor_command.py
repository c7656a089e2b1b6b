"""`polyarb doctor` as typed: exit codes, plain lines, JSON, against a local venue."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from polyarb.domain.venue import VenueHosts
from polyarb.host.baseline import BaselineName
from tests.acceptance.app import Polyarb
from tests.time_server import TimeServer
from tests.wire_server import Answer, ThreadedWire, Venue, WireServer

PLACE = b'{"blocked":false,"ip":"192.0.2.1","country":"IE","region":"L"}'


def point_at(workspace: Path, hosts: VenueHosts) -> None:
    """Write the addresses of a local venue into config.yaml."""
    file = workspace / "config" / "config.yaml"
    lines = [f"    {name}: {getattr(hosts, name)}" for name in hosts.__struct_fields__]
    text = file.read_text()
    assert re.search(r"^venue:$", text, re.MULTILINE)
    assert "hosts:\n" not in text
    file.write_text(
        re.sub(r"^venue:$", "\n".join(["venue:", "  hosts:", *lines]), text, flags=re.M)
    )


def answer_all(server: WireServer) -> None:
    server.routes["/markets/keyset"] = lambda *_: Answer(body=b'{"markets":[]}')
    server.routes["/api/geoblock"] = lambda *_: Answer(body=PLACE)


@pytest.fixture
def wire(workspace: Path) -> Iterator[ThreadedWire]:
    with ExitStack() as stack:
        wire = stack.enter_context(ThreadedWire(Venue(1, seed=1)))
        wire.call(answer_all)
        point_at(workspace, wire.hosts)
        yield wire


def test_a_well_venue_gives_exit_0_and_a_line_a_check(polyarb: Polyarb, wire: ThreadedWire) -> None:
    with TimeServer() as server:
        ended = polyarb("doctor", "--time-server", server.address)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = ended.stdout.splitlines()
    for name in ("time-servers", "venue-clock", "gamma", "clob", "stream", "geoblock"):
        assert any(line.split()[:2] == ["ok", name] for line in told), ended.stdout
    assert told[-1].startswith("25 checks in ")


def test_a_venue_that_is_down_gives_exit_4_with_remedies(
    polyarb: Polyarb, wire: ThreadedWire
) -> None:
    wire.call(lambda server: server.answers.update({"/version": Answer(body=b'{"version":3}')}))
    with TimeServer(offset_ns=60_000_000_000) as server:
        ended = polyarb("doctor", "--json", "--time-server", server.address)
    assert ended.returncode == 4, ended.stdout + ended.stderr
    report = json.loads(ended.stdout)
    failed = {check["name"]: check for check in report["checks"] if check["result"] == "fail"}
    assert set(failed) == {"venue-version", "time-servers"}
    assert all(check["remedy"] for check in failed.values())
    assert report["result"] == "fail"


def test_offline_is_said_and_needs_no_network(polyarb: Polyarb) -> None:
    ended = polyarb("doctor", "--offline")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("left out: offline") == 7


def test_the_machine_is_told_with_reason_and_advice_and_a_matching_exit_code(
    polyarb: Polyarb,
) -> None:
    ended = polyarb("doctor", "--host", "--offline", "--json")
    report = json.loads(ended.stdout)
    results = {check["result"] for check in report["checks"]}
    assert ended.returncode == (4 if "fail" in results else 0), ended.stdout + ended.stderr
    assert [check["name"] for check in report["checks"]] == list(BaselineName)
    assert all(check["why"] for check in report["checks"])
    plain = polyarb("doctor", "--host", "--offline").stdout.splitlines()
    assert plain[-1].startswith("20 checks in ")
    for line in plain[:-1]:
        assert re.match(r"(ok|warn|fail|skipped) +\S+ +\S|  +(because|->) \S", line), line


def test_the_machine_is_held_against_a_time_server(polyarb: Polyarb) -> None:
    with TimeServer(offset_ns=60_000_000_000) as server:
        ended = polyarb("doctor", "--host", "--json", "--time-server", server.address)
    assert ended.returncode == 4, ended.stdout + ended.stderr
    (asked,) = [one for one in json.loads(ended.stdout)["checks"] if one["name"] == "time-servers"]
    assert asked["result"] == "fail"
    assert 59_000_000_000 < asked["measured"]["offset_ns"] < 61_000_000_000


def test_a_unit_that_was_edited_is_named_line_by_line(polyarb: Polyarb, tmp_path: Path) -> None:
    folder = str(tmp_path / "units")
    assert polyarb("units", "--into", folder).returncode == 0
    assert "9 of 9 units are as shipped" in polyarb("doctor", "--offline", "--units", folder).stdout
    unit = tmp_path / "units" / "polyarb-trader@.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=10", "WatchdogSec=0"))
    ended = polyarb("doctor", "--offline", "--units", folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "polyarb-trader@.service differs: -WatchdogSec=10 | +WatchdogSec=0" in ended.stdout
    assert f"polyarb units --into {folder} --replace" in ended.stdout


def test_a_wallets_key_in_shadow_gives_exit_2_and_is_not_shown(
    polyarb: Polyarb, workspace: Path
) -> None:
    key = "0x" + "ab" * 32
    (workspace / ".env").write_text(f"POLYMARKET_PRIVATE_KEY={key}\n")
    (workspace / ".env").chmod(0o600)
    ended = polyarb("doctor", "--offline")
    assert ended.returncode == 2
    assert "POLYMARKET_PRIVATE_KEY in .env" in ended.stdout
    assert "abab" not in ended.stdout + ended.stderr


def test_a_wrong_configuration_gives_exit_2(polyarb: Polyarb, workspace: Path) -> None:
    (workspace / "config" / "constraints.yaml").write_text("relations: 5\n")
    ended = polyarb("doctor", "--offline")
    assert ended.returncode == 2
    assert "mend what is named" in ended.stdout


def test_no_workspace_gives_exit_2(polyarb: Polyarb, tmp_path: Path) -> None:
    ended = polyarb("doctor", "--offline", "--workspace", str(tmp_path / "nowhere"))
    assert ended.returncode == 2
    assert "polyarb init" in ended.stderr
