"""A sandbox served by its own command, with a quiet scenario, a fast chain, an admin."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.signatures import Signer

STARTING_S = 60
BLOCK_S = 0.1
SCENARIO = """\
title: Conformance
categories:
  Weather: {fee_rate: 0.05}
  Geopolitics: {fee_rate: 0}
  Sports: {fee_rate: 0.05, hold_ms: 300}
crowds:
  ladder:
    makers:
      {count: 1, levels: 3, half_spread: 0.02, step: 0.01, size: 2000, review_s: 0, refill_ms: 0,
       reaction_ms: 0}
accounts: {count: 60, pusd: 100}
chain: {block_ms: 100, confirmations: 2}
settlement: {submit_ms: 50, retry_ms: 200, tries_max: 3}
exchange: {heartbeat_ms: 3000, heartbeat_sweep_ms: 200, restart_ms: 500, post_only_ms: 500}
events:
"""
PLAIN = ("rain", "snow", "wind", "hail", "frost", "storm", "fog", "dew")


def address_of(private_key: str) -> str:
    """Return the account of a private key."""
    return Signer(Secret(private_key)).address


class SandboxServer:
    """A running sandbox: where it is, what it gives away, and its admin port."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self._given = iter(info["accounts"])
        self._made = 0
        self._client = httpx.Client(verify=False, timeout=STARTING_S)

    def close(self) -> None:
        """Let go of the connections of the admin port."""
        self._client.close()

    def markets(self, event_id: str | None = None) -> list[dict[str, Any]]:
        """Return the markets, or those of one event."""
        found: list[dict[str, Any]] = self.info["markets"]
        return [each for each in found if event_id in (None, each["event_id"])]

    def market(self, slug: str) -> dict[str, Any]:
        """Return a market by its slug."""
        answer = self._client.get(f"{self.info['gamma']}/markets/slug/{slug}")
        found = answer.raise_for_status().json()["conditionId"]
        return next(each for each in self.markets() if each["condition_id"] == found)

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Ask the admin port; what it refuses is an error."""
        answer = self._client.request(method, self.info["admin"] + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fund(self, address: str, pusd: int) -> None:
        """Give an account money, in whole dollars, and wait until the chain has it."""
        body = {"address": address, "pusd": pusd * 1_000_000}
        self.admin("POST", "/accounts/fund", body)
        self.wait_blocks(2)

    def account(self) -> str:
        """Return the private key of an account that nobody had yet, with 100 dollars to trade."""
        return str(next(self._given)["private_key"])

    def bare_account(self, pusd: int) -> str:
        """Return the private key of a new account with some dollars and no approvals."""
        self._made += 1
        key = "0x" + f"{0xACC0 + self._made:064x}"
        self.fund(address_of(key), pusd)
        return key

    def wait_blocks(self, count: int) -> None:
        """Wait until the chain is so many blocks further."""
        until = self.admin("GET", "/status")["block"] + count
        for _ in range(int(STARTING_S / BLOCK_S)):
            if self.admin("GET", "/status")["block"] >= until:
                return
            time.sleep(BLOCK_S / 2)
        raise AssertionError(f"the chain did not come to block {until}")


def scenario() -> str:
    """Write the scenario: plain markets, one without fee, one that holds, one fine, two groups."""
    plain = "".join(_event(slug, "Weather", (slug, 0.5)) for slug in PLAIN)
    return (
        SCENARIO
        + plain
        + _event("treaty", "Geopolitics", ("treaty", 0.42), tick=0.001)
        + _event("derby", "Sports", ("derby", 0.6))
        + _event("mayor", "Weather", ("adams", 0.45), ("baker", 0.3), ("clark", 0.25))
        + _event("cup", "Weather", ("reds", 0.5), ("blues", 0.3), ("greens", 0.2))
    )


def _event(slug: str, category: str, *markets: tuple[str, float], tick: float = 0.01) -> str:
    kind = "  kind: neg-risk\n" if len(markets) > 1 else ""
    head = f"- slug: {slug}\n  title: {slug}\n  category: {category}\n  crowd: ladder\n{kind}"
    rows = "".join(
        f"  - {{slug: {name}, question: '{name}?', price: {price}, tick: {tick}}}\n"
        for name, price in markets
    )
    return f"{head}  markets:\n{rows}"


@contextmanager
def sandbox_served(folder: Path) -> Iterator[SandboxServer]:
    """Serve the scenario from a folder until the end of the block."""
    (folder / "conformance.yaml").write_text(scenario(), encoding="utf-8")
    info = folder / "info.json"
    command = [sys.executable, "-m", "polyarb", "sandbox", "serve", "--seed", "7"]
    command += ["--scenario", str(folder / "conformance.yaml"), "--info", str(info)]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            _wait_for(info, process, folder / "log.txt")
            with closing(SandboxServer(json.loads(info.read_bytes()))) as server:
                yield server
            assert process.poll() is None, (folder / "log.txt").read_text()
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(info: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(STARTING_S * 20):
        if info.is_file() and info.stat().st_size:
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the sandbox did not start: {log.read_text()}")
