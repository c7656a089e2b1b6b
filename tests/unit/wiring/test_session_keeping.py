"""The session snapshot is written at once, every minute, and when the run is over."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from polyarb.domain.messages import BooksOpened
from polyarb.runner import Runner
from polyarb.store.journal import FileJournal, open_journal
from polyarb.store.session import SessionSnapshot, read_session
from polyarb.store.workspace import Workspace
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.recovery.keeping import SNAPSHOT_NS, SessionKeeper
from polyarb.wiring.recovery.recovering import recover
from polyarb.wiring.session import Session
from tests.plan_lives import NOON_NS, binary, run_started


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time_ns = 1

    def now_ns(self) -> int:
        return self.time_ns

    def monotonic_ns(self) -> int:
        return self.time_ns


class Desk:
    """A keeper with what it looks at: a journal that folds, a runner that may be over."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.clock = HandClock()
        self.told: list[str] = []
        self.file: FileJournal = open_journal(
            self.workspace.journal_file, self.workspace.journal_dir
        )
        self.folding = FoldingJournal(self.file)
        self.runner = SimpleNamespace(journal=self.folding, is_over=False)
        session = SimpleNamespace(journal=self.file, folding=self.folding)
        self.keeper = SessionKeeper(
            self.workspace, cast(Session, session), self.clock, self.told.append
        )

    def look(self, after_ns: int = 0) -> SessionSnapshot | None:
        self.clock.time_ns += after_ns
        self.keeper.observe(cast(Runner, self.runner))
        self.keeper.wait()
        return read_session(self.workspace.session_file)


def test_it_is_written_at_once_then_every_minute_and_at_the_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.folding.append(run_started("run", NOON_NS), 0)
    first = desk.look()
    assert first is not None and first.anchor == desk.file.durable_head
    for message in binary().begun().messages:
        desk.folding.append(message, 1)
    assert desk.look(SNAPSHOT_NS - 1) == first
    second = desk.look(1)
    assert second is not None and second.anchor == desk.file.durable_head != first.anchor
    assert second.past == desk.folding.past.state() != first.past
    desk.folding.append(BooksOpened(receive_time_ns=NOON_NS, open_sets=0), 2)
    assert desk.look() == second
    desk.runner.is_over = True
    last = desk.look()
    assert last is not None and last.anchor == desk.file.head
    desk.file.close()
    assert recover(desk.workspace, pytest.fail).replayed == 0
    assert desk.told == []


def test_one_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.workspace.session_file.mkdir()
    desk.keeper.observe(cast(Runner, desk.runner))
    desk.keeper.wait()
    desk.keeper.observe(cast(Runner, desk.runner))
    (told,) = desk.told
    assert "session.json" in told and "cannot write" in told
    desk.keeper.observe(cast(Runner, desk.runner))
    assert len(desk.told) == 1
    desk.file.close()
