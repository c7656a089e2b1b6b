"""Crashes of the journal and of the control files: every point, and real kills."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from polyarb.domain.messages import CancelAll, OperatorHalted, OperatorResumed
from polyarb.store.control import FileInbox, Halt, halt, open_inbox, read_halt, resume
from polyarb.store.filesystem import FileSystem
from polyarb.store.journal import FileJournal, open_journal
from polyarb.store.lossy import LossyFileSystem, SimulatedCrash
from polyarb.store.reading import read_anchor, read_journal
from polyarb.store.verification import verify_journal

_BATCHES = 12
_ROTATE_BYTES = 1300
_POWER_CUTS = 6


def _message(number: int) -> CancelAll:
    return CancelAll(receive_time_ns=number, reason="x" * (number * 37 % 90))


def _open(directory: Path, files: FileSystem, rotate_bytes: int = _ROTATE_BYTES) -> FileJournal:
    return open_journal(
        directory / "events.jsonl", directory / "journal", rotate_bytes=rotate_bytes, files=files
    )


class Trader:
    """Appends numbered records in batches and notes up to which they were told to be durable."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.appended = 0
        self.durable = 0

    def run(self, files: FileSystem, batches: int = _BATCHES) -> None:
        journal = None
        try:
            journal = _open(self.directory, files)
            for batch in range(batches):
                for _ in range(batch % 3 + 1):
                    journal.append(_message(journal.head.sequence + 1), batch)
                    self.appended = max(self.appended, journal.head.sequence)
                journal.make_durable()
                self.durable = journal.durable_head.sequence
            journal.close()
        except SimulatedCrash:
            if journal is not None:
                journal.let_go()
            raise

    def check(self, *, is_power_cut: bool) -> None:
        """Open what is left, without faults, and see that nothing promised is lost."""
        journal = _open(self.directory, FileSystem())
        records = list(read_journal(journal.current, journal.archive))
        assert [record.message for record in records] == [
            _message(number) for number in range(1, len(records) + 1)
        ]
        assert self.durable <= len(records) <= self.appended
        assert journal.durable_head.sequence == len(records)
        report = verify_journal(journal.current, journal.archive)
        assert report.is_whole
        assert report.torn is None
        if journal.repaired is not None and not is_power_cut:
            assert Path(journal.repaired.kept_in).stat().st_size == journal.repaired.size
        journal.append(_message(len(records) + 1), 0)
        journal.close()
        assert len(list(read_journal(journal.current, journal.archive))) == len(records) + 1


def _effects(run: Callable[[FileSystem], None], directory: Path) -> int:
    """Count the side effects of a run without a crash."""
    directory.mkdir()
    files = LossyFileSystem(directory)
    run(files)
    return files.effects


def test_a_kill_at_any_side_effect_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    effects = _effects(Trader(tmp_path / "whole").run, tmp_path / "whole")
    assert effects > 40
    assert len(list((tmp_path / "whole" / "journal").iterdir())) > 3
    for crash_at in range(1, effects + 1):
        directory = tmp_path / str(crash_at)
        directory.mkdir()
        trader = Trader(directory)
        with pytest.raises(SimulatedCrash):
            trader.run(LossyFileSystem(directory, crash_at=crash_at))
        trader.check(is_power_cut=False)


def test_a_power_cut_at_any_side_effect_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    effects = _effects(Trader(tmp_path / "whole").run, tmp_path / "whole")
    for crash_at in range(1, effects + 1):
        for seed in range(_POWER_CUTS):
            directory = tmp_path / f"{crash_at}-{seed}"
            directory.mkdir()
            trader = Trader(directory)
            files = LossyFileSystem(directory, crash_at=crash_at)
            with pytest.raises(SimulatedCrash):
                trader.run(files)
            files.cut_power(seed)
            trader.check(is_power_cut=True)


def test_what_a_killed_writer_left_unsynced_is_durable_once_it_counts(tmp_path: Path) -> None:
    effects = _effects(Trader(tmp_path / "whole").run, tmp_path / "whole")
    for crash_at in range(1, effects + 1):
        directory = tmp_path / str(crash_at)
        directory.mkdir()
        trader = Trader(directory)
        files = LossyFileSystem(directory, crash_at=crash_at)
        with pytest.raises(SimulatedCrash):
            trader.run(files)
        files.revive()
        journal = _open(directory, files)
        trader.durable = journal.durable_head.sequence
        journal.let_go()
        files.cut_power(crash_at)
        trader.check(is_power_cut=True)


def test_crashes_during_the_repair_after_a_crash_lose_nothing(tmp_path: Path) -> None:
    for seed in range(150):
        chance = random.Random(seed)
        directory = tmp_path / str(seed)
        directory.mkdir()
        trader = Trader(directory)
        for _ in range(5):
            files = LossyFileSystem(directory, crash_at=chance.randint(1, 14))
            try:
                trader.run(files, batches=4)
            except SimulatedCrash:
                if chance.random() < 0.5:
                    files.cut_power(chance.getrandbits(32))
        trader.check(is_power_cut=True)


def test_torn_bytes_are_kept_aside_through_every_crash_of_the_repair(tmp_path: Path) -> None:
    torn = b'{"event_type":"CancelAll","timest'

    def prepare(directory: Path) -> None:
        directory.mkdir()
        Trader(directory).run(FileSystem(), batches=2)
        with (directory / "events.jsonl").open("ab") as handle:
            handle.write(torn)

    prepare(tmp_path / "whole")
    whole = LossyFileSystem(tmp_path / "whole")
    _open(tmp_path / "whole", whole).close()
    for crash_at in range(1, whole.effects + 1):
        for seed in range(_POWER_CUTS):
            directory = tmp_path / f"{crash_at}-{seed}"
            prepare(directory)
            files = LossyFileSystem(directory, crash_at=crash_at)
            with pytest.raises(SimulatedCrash):
                _open(directory, files)
            files.cut_power(seed)
            _open(directory, FileSystem()).close()
            kept = [path.read_bytes() for path in (directory / "journal").glob("torn-*.bin")]
            assert kept == [torn]
            assert len(list(read_journal(directory / "events.jsonl", directory / "journal"))) == 3


def _halt_and_resume(directory: Path, files: FileSystem, done: list[str]) -> None:
    latch, inbox = directory / "halt.json", directory / "inbox"
    for number, order in enumerate((halt, resume, halt)):
        order(latch, inbox, Halt(actor="ann", reason=str(number), time_ns=number + 1), files=files)
        done.append(order.__name__)


def test_a_halt_that_returned_is_latched_after_any_power_cut(tmp_path: Path) -> None:
    whole: list[str] = []
    effects = _effects(
        lambda files: _halt_and_resume(tmp_path / "whole", files, whole), tmp_path / "whole"
    )
    assert effects > 15
    for crash_at in range(1, effects + 1):
        for seed in range(_POWER_CUTS):
            directory = tmp_path / f"{crash_at}-{seed}"
            directory.mkdir()
            files = LossyFileSystem(directory, crash_at=crash_at)
            done: list[str] = []
            with pytest.raises(SimulatedCrash):
                _halt_and_resume(directory, files, done)
            files.cut_power(seed)
            latched = read_halt(directory / "halt.json")
            # An order that did not return may or may not have taken effect.
            if len(done) == 1:
                assert latched is None or latched.reason == "0"
            allowed = {0: (None, "0"), 1: ("0", None), 2: (None, "2")}[len(done)]
            assert (latched and latched.reason) in allowed


def _consume(directory: Path, files: FileSystem, heard: list[str]) -> None:
    """Take what is in the inbox as the runner does: durable in the journal before the next take."""
    journal = None
    try:
        journal = _open(directory, files)
        inbox: FileInbox = open_inbox(
            directory / "inbox", journal.current, journal.archive, files=files
        )
        for now_ns in range(1, 4):
            for event in inbox.take(now_ns):
                journal.append(event, 0)
                journal.make_durable()
                heard.append(event.reason)
        journal.close()
    except SimulatedCrash:
        if journal is not None:
            journal.let_go()
        raise


def test_every_request_is_journaled_exactly_once_whenever_the_process_crashes(
    tmp_path: Path,
) -> None:
    def prepare(directory: Path) -> Path:
        directory.mkdir()
        _halt_and_resume(directory, FileSystem(), [])
        return directory

    whole = LossyFileSystem(prepare(tmp_path / "whole"))
    _consume(tmp_path / "whole", whole, [])
    for crash_at in range(1, whole.effects + 1):
        for seed in range(_POWER_CUTS):
            directory = prepare(tmp_path / f"{crash_at}-{seed}")
            files = LossyFileSystem(directory, crash_at=crash_at)
            with pytest.raises(SimulatedCrash):
                _consume(directory, files, [])
            if seed:
                files.cut_power(seed)
            _consume(directory, FileSystem(), [])
            records = read_journal(directory / "events.jsonl", directory / "journal")
            assert [
                (type(record.message), record.message.reason)  # type: ignore[union-attr]
                for record in records
            ] == [(OperatorHalted, "0"), (OperatorResumed, "1"), (OperatorHalted, "2")]
            assert list((directory / "inbox").glob("*.json")) == []


def _run_kill_loop(directory: Path, kills: int) -> None:
    run = subprocess.run(
        [sys.executable, __file__, str(directory), str(kills)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > kills


def test_sixty_real_kills_lose_no_record_that_was_durable(tmp_path: Path) -> None:
    _run_kill_loop(tmp_path, 60)


@pytest.mark.slow
def test_a_thousand_real_kills_lose_no_record_that_was_durable(tmp_path: Path) -> None:
    _run_kill_loop(tmp_path, 1000)


def _append_until_killed(directory: Path, told: int) -> None:
    journal = _open(directory, FileSystem(), rotate_bytes=100_000)
    while True:
        for _ in range(journal.head.sequence % 4 + 1):
            journal.append(_message(journal.head.sequence + 1), 0)
        journal.make_durable()
        os.write(told, journal.durable_head.sequence.to_bytes(8, "big"))


def _kill_again_and_again(directory: Path, kills: int) -> int:
    """Fork a writer, kill it at a moment of chance, verify; return how many records there are."""
    chance = random.Random(kills)
    durable = 0
    for kill in range(kills):
        heard, told = os.pipe()
        child = os.fork()
        if not child:
            os.close(heard)
            _append_until_killed(directory, told)
        os.close(told)
        for _ in range(chance.randint(1, 30)):
            durable = int.from_bytes(os.read(heard, 8), "big")
        for _ in range(chance.randint(0, 20_000)):
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while last := os.read(heard, 8):
            durable = int.from_bytes(last, "big")
        os.close(heard)
        head = read_anchor(directory / "events.jsonl", directory / "journal")
        assert head.sequence >= durable, (head, durable)
        if not kill % 20:
            assert verify_journal(directory / "events.jsonl", directory / "journal").is_whole
    records = list(read_journal(directory / "events.jsonl", directory / "journal"))
    assert [record.message for record in records] == [
        _message(number) for number in range(1, len(records) + 1)
    ]
    return len(records)


if __name__ == "__main__":
    sys.stdout.write(str(_kill_again_and_again(Path(sys.argv[1]), int(sys.argv[2]))))
