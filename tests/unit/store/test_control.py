import errno
import os
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.errors import StoreError
from polyarb.domain.messages import OperatorHalted, OperatorResumed
from polyarb.store.control import (
    FileInbox,
    Halt,
    halt,
    open_inbox,
    read_halt,
    resume,
    write_halt,
)
from polyarb.store.filesystem import FileSystem
from tests.journal_cases import UNSYNCED, JournalFiles


class Control:
    """The control files of a workspace, without waits for the disk."""

    def __init__(self, directory: Path) -> None:
        self.latch = directory / "control" / "halt.json"
        self.inbox = directory / "control" / "inbox"
        self._time_ns = 0

    def order(self, reason: str, time_ns: int | None = None) -> Halt:
        self._time_ns += 1
        return Halt(actor="ann", reason=reason, time_ns=time_ns or self._time_ns)

    def halt(self, reason: str, time_ns: int | None = None) -> None:
        halt(self.latch, self.inbox, self.order(reason, time_ns), files=UNSYNCED)

    def resume(self, reason: str, time_ns: int | None = None) -> bool:
        return resume(self.latch, self.inbox, self.order(reason, time_ns), files=UNSYNCED)


@pytest.fixture
def control(tmp_path: Path) -> Control:
    return Control(tmp_path)


def _age(directory: Path) -> None:
    """Let the last change of a directory lie long ago."""
    os.utime(directory, ns=(1, 1))


def test_a_halt_is_latched_until_somebody_resumes(control: Control) -> None:
    assert read_halt(control.latch) is None
    control.halt("too hot")
    assert read_halt(control.latch) == Halt(actor="ann", reason="too hot", time_ns=1)
    control.halt("still too hot")
    assert read_halt(control.latch) == Halt(actor="ann", reason="still too hot", time_ns=2)
    assert control.resume("cool") is True
    assert read_halt(control.latch) is None
    assert control.resume("cool") is False


def test_a_latch_alone_tells_no_running_process(control: Control) -> None:
    order = control.order("breaker")
    write_halt(control.latch, order, files=UNSYNCED)
    assert read_halt(control.latch) == order
    assert not control.inbox.exists()
    assert control.resume("looked into") is True


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"actor":1}', b"\0" * 40])
def test_a_latch_that_cannot_be_understood_holds(control: Control, content: bytes) -> None:
    control.latch.parent.mkdir(parents=True)
    control.latch.write_bytes(content)
    found = read_halt(control.latch)
    assert found is not None
    assert found.reason.startswith("unreadable latch")


def test_requests_come_in_order_as_events_of_the_moment(control: Control) -> None:
    inbox = FileInbox(control.inbox)
    assert inbox.take(1) == ()
    control.halt("one")
    control.resume("two")
    control.halt("three")
    events = inbox.take(77)
    assert [(type(event), event.actor, event.reason) for event in events] == [
        (OperatorHalted, "ann", "one"),
        (OperatorResumed, "ann", "two"),
        (OperatorHalted, "ann", "three"),
    ]
    assert {event.receive_time_ns for event in events} == {77}
    assert len({event.request_id for event in events}) == 3
    assert inbox.take(78) == ()
    control.resume("four")
    assert [event.reason for event in inbox.take(79)] == ["four"]


def test_a_clock_that_stepped_back_does_not_change_the_order(control: Control) -> None:
    inbox = FileInbox(control.inbox)
    for number, time_ns in enumerate((900, 100, 100, 5000, 1)):
        control.halt(str(number), time_ns)
    assert [event.reason for event in inbox.take(1)] == ["0", "1", "2", "3", "4"]


def test_files_stay_until_their_events_had_the_chance_to_be_recorded(control: Control) -> None:
    inbox = FileInbox(control.inbox)
    control.halt("one")
    assert len(inbox.take(1)) == 1
    assert len(list(control.inbox.iterdir())) == 1
    assert inbox.take(2) == ()
    assert list(control.inbox.iterdir()) == []


def test_an_unchanged_inbox_is_not_listed(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = FileInbox(control.inbox)
    _age(control.inbox)
    assert inbox.take(1) == ()
    listed = []
    glob = Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, pattern: listed.append(self) or glob(self, "*"))
    assert inbox.take(2) == ()
    assert listed == []
    control.halt("now")
    listed.clear()
    assert len(inbox.take(3)) == 1
    assert listed


def test_a_request_within_the_same_tick_of_the_clock_is_not_overlooked(control: Control) -> None:
    inbox = FileInbox(control.inbox)
    before = control.inbox.stat()
    assert inbox.take(1) == ()
    control.halt("at once")
    os.utime(control.inbox, ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert [event.reason for event in inbox.take(2)] == ["at once"]


def test_a_request_that_cannot_be_understood_halts(control: Control) -> None:
    inbox = FileInbox(control.inbox)
    (control.inbox / "junk.json").write_text('{"kind":"resume"')
    (control.inbox / "note.txt").write_text("not a request")
    (event,) = inbox.take(5)
    assert isinstance(event, OperatorHalted)
    assert event.reason.startswith("unreadable request")
    assert inbox.take(6) == ()
    assert [path.name for path in control.inbox.iterdir()] == ["note.txt"]


def test_what_the_journal_holds_is_not_delivered_again_after_a_crash(
    control: Control, tmp_path: Path
) -> None:
    files = JournalFiles(tmp_path)
    control.halt("one")
    control.resume("two")
    inbox = open_inbox(control.inbox, files.current, files.archive)
    first, _ = inbox.take(1)
    files.write([first])
    again = open_inbox(control.inbox, files.current, files.archive)
    assert [event.reason for event in again.take(2)] == ["two"]
    assert again.take(3) == ()
    assert list(control.inbox.iterdir()) == []


def test_an_inbox_that_is_gone_is_a_fault_with_a_remedy(control: Control) -> None:
    inbox = FileInbox(control.inbox)
    control.inbox.rmdir()
    with pytest.raises(StoreError, match="check the path"):
        inbox.take(1)


def test_a_request_names_only_what_it_is(control: Control) -> None:
    control.halt("why")
    (path,) = control.inbox.iterdir()
    assert msgspec.json.decode(path.read_bytes()) == {
        "kind": "halt",
        "actor": "ann",
        "reason": "why",
        "time_ns": 1,
    }


class _FullDisk(FileSystem):
    """A disk that takes names but no content."""

    def write(self, descriptor: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_halts_without_a_reason_and_leaves_no_drafts(control: Control) -> None:
    with pytest.raises(StoreError, match="the halt holds all the same"):
        halt(control.latch, control.inbox, control.order("fire"), files=_FullDisk())
    held = read_halt(control.latch)
    assert held is not None and held.actor == "unknown"
    (event,) = FileInbox(control.inbox).take(7)
    assert isinstance(event, OperatorHalted)
    assert not list(control.latch.parent.glob(".*"))


def test_a_full_disk_keeps_the_reason_of_a_halt_from_before(control: Control) -> None:
    control.halt("first")
    with pytest.raises(StoreError):
        halt(control.latch, control.inbox, control.order("second"), files=_FullDisk())
    held = read_halt(control.latch)
    assert held is not None and held.reason == "first"


class ReadOnly(FileSystem):
    """A disk that takes no writes at all."""

    def open_append(self, path: Path, *, is_new: bool = False) -> int:
        raise OSError(errno.EROFS, "Read-only file system")


def test_a_halt_that_a_disk_does_not_take_says_how_the_process_is_ended(
    control: Control,
) -> None:
    with pytest.raises(StoreError) as raised:
        halt(control.latch, control.inbox, control.order("stop"), files=ReadOnly())
    told = str(raised.value)
    assert "Read-only file system" in told
    assert "NO HALT HOLDS" in told
    assert "`kill -TERM`" in told
    assert read_halt(control.latch) is None
    control.halt("before")
    with pytest.raises(StoreError, match=r"the latch holds .* `kill -TERM`"):
        halt(control.latch, control.inbox, control.order("stop"), files=ReadOnly())


def test_a_latch_that_somebody_else_lifts_at_this_moment_is_none_and_no_fault(
    control: Control,
) -> None:
    class Slower(type(UNSYNCED)):
        """Somebody else removes what is to be removed a moment earlier."""

        def remove(self, path: Path) -> None:
            path.unlink()
            super().remove(path)

    control.halt("too hot")
    assert not resume(control.latch, control.inbox, control.order("go"), files=Slower())
    assert read_halt(control.latch) is None
    kinds = [type(one) for one in FileInbox(control.inbox, files=UNSYNCED).take(0)]
    assert kinds == [OperatorHalted, OperatorResumed]
