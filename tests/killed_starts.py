"""Tapes on which sets are placed all the time, and starts of them that are killed."""

import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.app import command, environment

START_MS = 1_780_000_000_000
ROUND_MS = 12_000
ROUNDS = 40
TAPE_MS = (ROUNDS + 40) * ROUND_MS
"""Times of the tapes follow each other, so that each goes on where the one before was cut off."""


def _tokens(event: Path) -> list[tuple[str, str]]:
    """List market and YES token of the two markets that are traded."""
    markets = json.loads(event.read_text())["markets"]
    return [(one["conditionId"], json.loads(one["clobTokenIds"])[0]) for one in markets[:2]]


def _book(market: tuple[str, str], time_ms: int, bid: str) -> dict[str, object]:
    return {
        "event_type": "book",
        "market": market[0],
        "asset_id": market[1],
        "timestamp": str(time_ms),
        "hash": "0" * 40,
        "bids": [{"price": bid, "size": "500"}],
        "asks": [{"price": "0.95", "size": "500"}],
    }


def _frames(markets: list[tuple[str, str]], begin_ms: int, rounds: int) -> Iterator[object]:
    """Every round both bids add up to 1.20; in every third one is gone before it is matched."""
    first, second = markets
    for number in range(rounds):
        at_ms = begin_ms + number * ROUND_MS
        yield _book(first, at_ms, "0.6")
        yield _book(second, at_ms + 1, "0.6")
        yield _book(second, at_ms + (40 if number % 3 == 2 else 3_000), "0.35")
        yield _book(first, at_ms + 3_001, "0.35")
        for tick in range(4, 12):
            yield _book(first, at_ms + tick * 1_000, "0.35" if tick % 2 else "0.34")


def make_tape(workspace: Path, number: int, rounds: int = ROUNDS) -> Path:
    """Write one tape with what describes its tokens; a tape without rounds is quiet."""
    samples = workspace / "data" / "samples"
    event = samples / f"event_killed{number}.json"
    described = json.loads((samples / "event_fed_negrisk.json").read_text())
    event.write_text(json.dumps({**described, "negRiskFeeBips": 0}))
    markets = _tokens(event)
    begin_ms = START_MS + number * TAPE_MS
    frames = list(_frames(markets, begin_ms, rounds))
    quiet_ms = begin_ms + rounds * ROUND_MS
    frames += [_book(market, quiet_ms + place, "0.3") for place, market in enumerate(markets)]
    frames += [
        _book(markets[0], quiet_ms + tick * 1_000, "0.3" if tick % 2 else "0.29")
        for tick in range(1, 60)
    ]
    tape = samples / f"tape_killed{number}.jsonl.gz"
    with gzip.open(tape, "wt") as handle:
        for sequence, frame in enumerate(frames):
            line = {"recv_ms": int(frame["timestamp"]), "seq": sequence, "msg": frame}  # type: ignore[index]
            handle.write(json.dumps(line) + "\n")
    return tape


def records_of(workspace: Path) -> int:
    """Count the records that reached the disk."""
    segments = [workspace / "data" / "events.jsonl", *(workspace / "data/journal").glob("*.jsonl")]
    return sum(path.read_bytes().count(b"\n") for path in segments if path.exists())


def start_and_kill(workspace: Path, tape: Path, records: int, speed: int) -> None:
    """Play a tape and kill the process once it has written so many records more."""
    wanted = records_of(workspace) + records
    process = subprocess.Popen(
        command("start", "--phase", "shadow", "--tape", str(tape), "--speed", str(speed)),
        cwd=workspace,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while records_of(workspace) < wanted and process.poll() is None:
        assert time.monotonic() < deadline, "the start wrote too little"
        time.sleep(0.002)
    process.kill()
    process.wait(30)
