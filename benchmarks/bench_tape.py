"""Columnar tapes against JSONL: size, loading, memory. Usage: python -m benchmarks.bench_tape

Shape: one row a tape. Loading to columns is bytes to arrays of times, tokens, prices and sizes;
JSONL has to be decoded line by line for that. Loading to frames is what a replay does, lines to
events. Times are of the processor. Tapes that are not shipped are left out where they are absent.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from time import process_time

from polyarb.store.columnar.reading import column_batches
from polyarb.store.columnar.writing import write_columnar
from polyarb.store.tape import read_tape
from polyarb.store.tape_writing import write_lines
from polyarb.venue.polymarket.channel import wire
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.instruments.catalogue import infer_catalogue

from benchmarks.timing import table

_ROUNDS = 3
_LINES_LARGE = 1_000_000
_MEMBER_LINES = 400
_SHIPPED = Path("data/samples/tape_hockey.jsonl.gz")
_RECORDED = Path("../shared/data")
_TAPES = (
    "tickscope-nhl/tape_0130.jsonl.gz",
    "signaldrift-mlb/tape_20250624_mlb-bos-laa-2025-06-24.jsonl.gz",
    "resolvedkit-btc15m/tape_btc-updown-15m-1790593200.jsonl.gz",
    "artbreguez-negrisk/tape_negrisk_2026-08-20.jsonl.gz",
)
_COLUMNS = ("receive", "timestamp", "asset_id", "price", "size", "side", "best_bid", "best_ask")


def main() -> None:
    """Print the tables."""
    tapes = [_SHIPPED, *(_RECORDED / name for name in _TAPES)]
    rows, sizes = [], []
    with tempfile.TemporaryDirectory() as directory:
        live = Path(directory, "tape_hockey as if recorded live.jsonl.gz")
        write_lines(live, _as_live(_SHIPPED))
        for tape in [*(tape for tape in tapes if tape.exists()), live]:
            loading, size = _bench(tape, Path(directory))
            rows.append(loading)
            sizes.append(size)
        head = ("size, bytes", "JSONL.gz", "columnar", "ratio", "no hashes", "ratio")
        print(table("Columnar tape: size", head, sizes))
        head = ("us a line", "JSONL: columns", "columnar", "ratio", "JSONL: frames", "columnar")
        print(table("Columnar tape: loading", (*head, "ratio", "export"), rows))
        print(_large(Path(directory)))


def _bench(tape: Path, directory: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    columnar, bare = directory / "full.parquet", directory / "bare.parquet"
    lines = list(read_tape(tape))
    export = _timed(lambda: write_columnar(columnar, [lines]), 1)
    write_columnar(bare, [lines], keep_hashes=False)
    assert list(read_tape(columnar)) == lines
    catalogue = infer_catalogue(lines)
    seconds = [
        _timed(lambda: _columns_of_lines(tape)),
        _timed(lambda: sum(1 for _ in column_batches(columnar, _COLUMNS, batch_lines=1 << 17))),
        _timed(lambda: sum(1 for _ in Translator(catalogue).frames(read_tape(tape)))),
        _timed(lambda: sum(1 for _ in Translator(catalogue).frames(read_tape(columnar)))),
    ]
    us = [f"{each / len(lines) * 1e6:.2f}" for each in (*seconds, export)]
    loading = (
        *(tape.name, us[0], us[1], f"{seconds[0] / seconds[1]:.1f}x"),
        *(us[2], us[3], f"{seconds[2] / seconds[3]:.2f}x", us[4]),
    )
    gz, full, less = (path.stat().st_size for path in (tape, columnar, bare))
    size = (
        tape.name,
        f"{gz:,}",
        f"{full:,}",
        f"{gz / full:.2f}x",
        f"{less:,}",
        f"{gz / less:.2f}x",
    )
    columnar.unlink()
    bare.unlink()
    return loading, size


def _columns_of_lines(tape: Path) -> int:
    """Decode what the columns hold, by the quickest decoder there is."""
    columns: tuple[list[object], ...] = ([], [], [], [], [], [], [], [])
    for line in read_tape(tape):
        try:
            record = wire.decode_pair(line)
        except ValueError:
            _other_columns(line, columns)
            continue
        first = record.msg.price_changes[0]
        values = (
            record.recv_ns,
            record.msg.timestamp,
            first.asset_id,
            int(float(first.price) * 1e6),
        )
        more = (int(float(first.size) * 1e6), first.side, first.best_bid, first.best_ask)
        for column, value in zip(columns, (*values, *more), strict=True):
            column.append(value)
    return len(columns[0])


def _other_columns(line: bytes, columns: tuple[list[object], ...]) -> None:
    message = json.loads(line)["msg"]
    columns[1].append(message["timestamp"])
    for side in ("bids", "asks"):
        for level in message.get(side, ()):
            columns[3].append(int(float(level["price"]) * 1e6))
            columns[4].append(int(float(level["size"]) * 1e6))


def _as_live(tape: Path) -> Iterator[list[bytes]]:
    """Give every line a receive time and every change a hash, as the venue sends them now."""
    block: list[bytes] = []
    for number, line in enumerate(read_tape(tape)):
        record = json.loads(line)
        message = record["msg"]
        received = int(message["timestamp"]) * 10**6 + 10**8 + (number * 7_919_123) % 10**7
        for each in chain([message], message.get("price_changes", ())):
            if "price_changes" not in each:
                each["hash"] = _digest(f"{number} {each['asset_id']}")
        text = json.dumps(message, separators=(",", ":"))
        block.append(f'{{"recv_ns":{received},"seq":{number},"msg":{text}}}'.encode())
        if len(block) == _MEMBER_LINES:
            yield block
            block = []
    yield block


def _digest(text: str) -> str:
    from hashlib import sha1

    return sha1(text.encode(), usedforsecurity=False).hexdigest()


def _large(directory: Path) -> str:
    """Export and read back a long tape in processes of their own; their peaks tell the memory."""
    rows = []
    for number in (_LINES_LARGE // 10, _LINES_LARGE):
        path = directory / f"{number}.parquet"
        peaks = []
        for action in ("export", "read"):
            words = [sys.executable, "-m", "benchmarks.bench_tape", action, str(path), str(number)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            peaks.append(done.stdout.strip())
        rows.append((f"{number:,}", *peaks, f"{path.stat().st_size / number:.2f}"))
    head = ("lines", "export, MB at most", "read, MB at most", "bytes a line")
    return table("Columnar tape: memory", head, rows)


def _play(action: str, path: Path, number: int) -> None:
    if action == "export":
        write_columnar(path, _repeated(number))
    else:
        assert sum(len(block) for block in read_tape(path).blocks()) == number
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def _repeated(number: int) -> Iterator[list[bytes]]:
    made = 0
    while made < number:
        for block in read_tape(_SHIPPED).blocks():
            yield block[: number - made]
            made += min(len(block), number - made)


def _timed(call: Callable[[], object], rounds: int = _ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = process_time()
        call()
        best = min(best, process_time() - began)
    return best


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _play(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
