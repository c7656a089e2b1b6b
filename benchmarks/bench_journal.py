"""Cost of the journal and speed of tape reading: `python -m benchmarks.bench_journal`.

Shape: one row a figure, with the rate it makes and the ratio to the cheapest possible way.
Times are of the processor, those of commits by the clock.
"""

import gc
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time

import msgspec
from polyarb.domain.messages import JournalMessage, OpportunityLost, PlanSized
from polyarb.domain.plan import Family, Outcome, Plan, PlannedOrder, Side, SizeReason
from polyarb.store.journal import FileJournal, open_journal
from polyarb.store.reading import read_anchor, read_journal
from polyarb.store.tape import read_tape
from polyarb.store.verification import verify_journal

_RECORDS = 100_000
_BATCH = 20
_TAPE = Path("data/samples/tape_hockey.jsonl.gz")


def _episode(number: int) -> JournalMessage:
    return OpportunityLost(
        receive_time_ns=1_780_796_400_000_000_000 + number * 1_000_003,
        opportunity_id=f"opportunity-{number:032x}",
        family=Family.NEGRISK_YES,
        relation_id="0x" + "a" * 64,
        opened_ns=1_780_796_400_000_000_000,
        duration_ns=123_456_789,
        edge_gross_max=12_345_678_901,
        edge_net_max=1_234_567_890,
        quantity_max=50_000_000,
        profit_max=61_728_394_500_000_000,
        reason="vanished",
        is_planned=False,
        is_censored=False,
    )


def _plan(number: int) -> JournalMessage:
    order = PlannedOrder(
        leg=0,
        outcome=Outcome.YES,
        side=Side.BUY,
        price_limit=470_000,
        shares=50_000_000,
        notional=23_500_000_000_000_000_000,
        fee=0,
    )
    return PlanSized(
        receive_time_ns=1_780_796_400_000_000_000 + number * 1_000_003,
        plan_id=f"plan-{number:032x}",
        opportunity_id=f"opportunity-{number:032x}",
        relation_id="0x" + "a" * 64,
        condition_ids=("0x" + "b" * 64,) * 3,
        plan=Plan(
            problem_id=f"opportunity-{number:032x}",
            family=Family.NEGRISK_YES,
            reason=SizeReason.OK,
            quantity=50_000_000,
            profit=61_728_394_500_000_000,
            orders=(order,) * 3,
        ),
    )


def _timed(call: Callable[[], object], clock: Callable[[], float] = process_time) -> float:
    start = clock()
    call()
    return clock() - start


def _bench_floor(messages: list[JournalMessage]) -> float:
    encode = msgspec.json.Encoder().encode
    return _timed(lambda: [sha256(encode(message)).hexdigest() for message in messages])


def _bench_kind(name: str, make: Callable[[int], JournalMessage]) -> None:
    messages = [make(number) for number in range(_RECORDS)]
    gc.collect()
    gc.freeze()
    floor = _bench_floor(messages)
    with tempfile.TemporaryDirectory() as directory:
        current, archive = Path(directory, "events.jsonl"), Path(directory, "journal")
        journal = open_journal(current, archive)
        commits: list[float] = []
        appends = 0.0
        for start in range(0, _RECORDS, _BATCH):
            batch = messages[start : start + _BATCH]
            appends += _timed(lambda: _append(journal, batch))  # noqa: B023
            commits.append(_timed(journal.make_durable, perf_counter))
        journal.close()
        size = sum(path.stat().st_size for path in (current, *archive.iterdir()))
        _row(f"append {name}", appends, floor)
        commits.sort()
        middle, late = commits[len(commits) // 2], commits[len(commits) * 99 // 100]
        print(f"  commit of {_BATCH}: median {middle * 1e3:.3f} ms, p99 {late * 1e3:.3f} ms")
        print(f"  {size / _RECORDS:.0f} bytes a record")
        _row(f"verify {name}", _timed(lambda: verify_journal(current, archive)), floor)
        _row(f"read   {name}", _timed(lambda: _count(current, archive)), floor)
        _row(f"open   {name}", _timed(lambda: open_journal(current, archive).close()), floor)
        print(f"  anchor: {_timed(lambda: read_anchor(current, archive)) * 1e6:.0f} us")


def _append(journal: FileJournal, batch: list[JournalMessage]) -> None:
    for number, message in enumerate(batch):
        journal.append(message, number)


def _count(current: Path, archive: Path) -> int:
    return sum(1 for _ in read_journal(current, archive))


def _row(name: str, seconds: float, floor: float) -> None:
    each = seconds / _RECORDS * 1e6
    print(
        f"{name:24} {each:7.2f} us  {_RECORDS / seconds:12,.0f} /s  {seconds / floor:5.1f}x floor"
    )


def _bench_tape() -> None:
    if not _TAPE.exists():
        print(f"tape: {_TAPE} is absent")
        return
    lines = sum(len(block) for block in read_tape(_TAPE).blocks())
    for name, call in (
        ("lines", lambda: sum(1 for _ in read_tape(_TAPE))),
        ("blocks", lambda: sum(len(block) for block in read_tape(_TAPE).blocks())),
    ):
        seconds = min(_timed(call) for _ in range(5))
        print(f"tape by {name:15} {seconds / lines * 1e6:7.2f} us  {lines / seconds:12,.0f} /s")


def main() -> None:
    """Print the table; the floor is JSON encoding and one SHA-256 of the message alone."""
    _bench_kind("episode", _episode)
    _bench_kind("plan, 3 orders", _plan)
    _bench_tape()


if __name__ == "__main__":
    main()
