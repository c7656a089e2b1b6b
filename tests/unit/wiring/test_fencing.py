"""Once another process took over, a journal records nothing and lets no command go."""

from pathlib import Path

import pytest
from polyarb.domain.errors import FencedError
from polyarb.domain.messages import OperatorHalted
from polyarb.store.journal import open_journal
from polyarb.store.lease import take_lease
from polyarb.store.reading import read_journal
from polyarb.wiring.fencing import FencedJournal


def _message(number: int) -> OperatorHalted:
    return OperatorHalted(receive_time_ns=number, actor="a", reason="r")


def _open(root: Path) -> FencedJournal:
    journal = open_journal(root / "events.jsonl", root / "journal")
    return FencedJournal(journal, take_lease(root / "lease.json", 1))


def _recorded(root: Path) -> list[int]:
    records = read_journal(root / "events.jsonl", root / "journal")
    return [record.message.receive_time_ns for record in records]


def test_a_fenced_journal_takes_nothing_and_leaves_what_it_had_pending(tmp_path: Path) -> None:
    journal = _open(tmp_path)
    journal.append(_message(1), 0)
    journal.make_durable()
    journal.append(_message(2), 0)
    take_lease(tmp_path / "lease.json", 2)
    with pytest.raises(FencedError):
        journal.append(_message(3), 0)
    with pytest.raises(FencedError):
        journal.make_durable()
    journal.close()
    assert _recorded(tmp_path) == [1]


def test_an_unfenced_journal_closes_with_everything_recorded(tmp_path: Path) -> None:
    journal = _open(tmp_path)
    journal.append(_message(1), 0)
    journal.close()
    assert _recorded(tmp_path) == [1]


def test_what_another_took_over_during_a_write_lets_no_command_go(tmp_path: Path) -> None:
    """The check behind the write is the last one before a command leaves."""
    opened = open_journal(tmp_path / "events.jsonl", tmp_path / "journal")
    fence = take_lease(tmp_path / "lease.json", 1)
    make_durable = opened.make_durable

    def overtaken() -> None:
        make_durable()
        take_lease(tmp_path / "lease.json", 2)

    opened.make_durable = overtaken  # type: ignore[method-assign]
    journal = FencedJournal(opened, fence)
    journal.append(_message(1), 0)
    with pytest.raises(FencedError):
        journal.make_durable()
