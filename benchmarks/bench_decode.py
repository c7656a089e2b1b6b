"""Tape bytes to domain events, against plain typed decoding of the same bytes.

The yardstick is msgspec with every field of the wire typed as text, a tagged union and the tape's
envelope: what a program pays before it has done anything. Runs take turns and the best of each
counts, in CPU time, because a shared machine is only ever disturbed towards slowness. The sizes
that a run has read are forgotten before the next one, as they are when a program starts.
Usage: python -m benchmarks.bench_decode [TAPE SIDECAR]
"""

import gzip
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from polyarb.venue.polymarket.channel.numerals import SIZES
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.instruments.catalogue import load_catalogue
from polyarb.venue.tape import TapeFeed

ROUNDS = 15
SAMPLES = (Path("data/samples"), Path("../shared/data/samples"))


class Level(msgspec.Struct):
    """A level, in full."""

    price: str
    size: str


class Book(msgspec.Struct, tag="book", tag_field="event_type"):
    """A book, in full."""

    asset_id: str
    market: str
    bids: list[Level]
    asks: list[Level]
    timestamp: str
    hash: str = ""


class LastTrade(msgspec.Struct, tag="last_trade_price", tag_field="event_type"):
    """A trade, in full."""

    asset_id: str
    market: str
    price: str
    size: str
    side: str
    timestamp: str
    fee_rate_bps: str = ""
    transaction_hash: str = ""


class Change(msgspec.Struct):
    """An entry, in full."""

    asset_id: str
    price: str
    size: str
    side: str
    best_bid: str = ""
    best_ask: str = ""
    hash: str = ""


class PriceChange(msgspec.Struct, tag="price_change", tag_field="event_type"):
    """A price_change, in full."""

    market: str
    price_changes: list[Change]
    timestamp: str


class Line(msgspec.Struct):
    """A tape line, in full."""

    msg: PriceChange | Book | LastTrade
    seq: int
    recv_ms: int | None = None


def plain_decoding(lines: list[bytes]) -> None:
    """Decode and forget."""
    decode = msgspec.json.Decoder(Line).decode
    for line in lines:
        decode(line)


def decode_and_translate(lines: list[bytes], sidecar: Path) -> Callable[[], None]:
    """Return a run of the feed at full speed."""
    catalogue = load_catalogue([sidecar])

    def run() -> None:
        SIZES.clear()
        for _ in TapeFeed(lines, Translator(catalogue)).frames():
            pass

    return run


def best_seconds(runs: dict[str, Callable[[], None]], rounds: int = ROUNDS) -> dict[str, float]:
    """Time every run in turn, several times, and return the best of each."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - begun)
    return best


def main() -> None:
    """Print messages per second and the ratio to plain decoding."""
    if len(sys.argv) == 3:
        tape, sidecar = Path(sys.argv[1]), Path(sys.argv[2])
    else:
        folder = next(path for path in SAMPLES if path.exists())
        tape, sidecar = folder / "tape_hockey.jsonl.gz", folder / "markets.json"
    lines = gzip.decompress(tape.read_bytes()).splitlines()
    runs: dict[str, Callable[[], None]] = {
        "msgspec typed decoding": lambda: plain_decoding(lines),
        "polyarb decode + translate": decode_and_translate(lines, sidecar),
    }
    best = best_seconds(runs)
    yardstick = best["msgspec typed decoding"]
    print(f"{tape.name}: {len(lines)} messages, best of {ROUNDS}")
    print(f"{'':28}{'messages/s':>12}{'ns/message':>12}{'time ratio':>12}")
    for name, seconds in best.items():
        rate, each = len(lines) / seconds, seconds / len(lines) * 1e9
        print(f"{name:28}{rate:12,.0f}{each:12,.0f}{seconds / yardstick:12.2f}")


if __name__ == "__main__":
    main()
