"""docs/SANDBOX.md against the code, and its snippets against a sandbox that runs."""

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from polyarb.venue.sandbox.faults import BadFault, read_fault
from polyarb.venue.sandbox.server.admin.app import ACTS
from polyarb.venue.sandbox.server.limits import TIERS, Rate
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.wiring.sandbox.whereabouts import GivenAccount, GivenMarket, Whereabouts
from tests.acceptance.app import Polyarb, environment
from tests.sandbox_process import Serving, serving

TEXT = (Path(__file__).parents[2] / "docs" / "SANDBOX.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first heading is this."""
    _, _, rest = TEXT.partition(f"\n| {heading} |")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def fault_of(words: str) -> dict[str, Any]:
    """Read a fault from the words that arm it on the command line."""
    kind, *options = shlex.split(words)
    pairs = zip(options[::2], options[1::2], strict=True)
    return {"kind": kind} | {
        name.removeprefix("--"): value if name == "--scope" else json.loads(value)
        for name, value in pairs
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Serve where the snippets expect their file."""
    words = ("--scenario", "quiet", "--seed", "7", "--info", "sandbox.json")
    with serving(tmp_path_factory.mktemp("document"), *words, file="sandbox.json") as running:
        yield running


def test_every_key_of_the_file_is_told() -> None:
    table = {row[0].strip("`"): row[1] for row in rows("key")}
    assert list(table) == list(Whereabouts.__struct_fields__)
    for key, kind in (("accounts", GivenAccount), ("markets", GivenMarket)):
        assert tuple(re.findall(r"`(\w+)`", table[key])) == kind.__struct_fields__


def test_every_fault_is_told_with_an_example_that_can_be_armed() -> None:
    assert [row[0].strip("`") for row in rows("fault")] == [kind.value for kind in FaultKind]
    for name, example, _ in rows("fault"):
        fault = fault_of(example.strip("`"))
        assert fault["kind"] == name.strip("`")
        armed = read_fault(json.dumps(fault).encode())
        assert not isinstance(armed, BadFault), armed


def test_every_act_of_the_admin_port_is_told() -> None:
    assert [tuple(row[0].strip("`").split()) for row in rows("request")] == list(ACTS)


def test_every_tier_is_told_with_its_figures() -> None:
    def told(rate: Rate) -> str:
        return f"{rate.per_second}, {rate.burst}"

    assert [row[:3] for row in rows("tier")] == [
        [f"`{name}`", told(tier.orders), told(tier.cancels)] for name, tier in TIERS.items()
    ]


def test_the_bodies_of_the_admin_port_are_taken(tmp_path: Path) -> None:
    words = ("--scenario", "quiet", "--info", "sandbox.json")
    with serving(tmp_path, *words, file="sandbox.json") as running:
        info = running.info
        named = {"condition_id": info["markets"][-1]["condition_id"], "fault_id": "fault-1"}
        own = {"address": info["accounts"][0]["address"], **named}
        with httpx.Client(base_url=info["admin"]) as client:
            for kind in ("lost-frame", "torn-frame"):
                assert client.post("/faults", json={"kind": kind}).is_success
            deadline = time.monotonic() + 60
            while client.get("/status").json()["block"] < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            for request, body, _ in sorted(rows("request"), key=_order):
                method, path = request.strip("`").format(**named).split()
                content = None if body == "-" else json.loads(body.strip("`"))
                if content is not None:
                    content |= {key: own[key] for key in own if key in content}
                answer = client.request(method, path, json=content)
                assert answer.is_success, (request, answer.text)
            assert client.get("/status").json()["armed_faults"] == 0


def _order(row: list[str]) -> tuple[bool, bool]:
    """Let what ends a thing come last: verdicts, and the end of all faults."""
    return "resolve" in row[0], row[0] == "`DELETE /faults`"


@pytest.mark.parametrize("snippet", blocks("python"), ids=range(3))
def test_a_snippet_runs_as_it_stands(served: Serving, snippet: str) -> None:
    packages = re.findall(r"^from (polymarket|py_clob_client_v2|web3)\b", snippet, re.MULTILINE)
    for package in packages:
        pytest.importorskip(package)
    ended = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=served.file.parent,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[0] in ("live", "137")


def test_the_lines_of_the_shell_are_taken(workspace: Path, polyarb: Polyarb) -> None:
    with serving(workspace, "--scenario", "quiet") as running:
        lines = [line for block in blocks("sh") for line in block.splitlines()]
        faults = [line for line in lines if line.startswith("polyarb sandbox fault")]
        curls = [line for line in lines if line.startswith("curl ")]
        assert len(faults) == len(curls) == 3
        for line in faults:
            ended = polyarb(*shlex.split(line)[1:])
            assert ended.returncode == 0, ended.stderr
        for line in curls:
            words = shlex.split(line.replace("$ADMIN", running.info["admin"]))
            body = words[words.index("-d") + 1] if "-d" in words else None
            method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
            (address,) = [word for word in words if word.startswith("http")]
            assert httpx.request(method, address, content=body).is_success, line
