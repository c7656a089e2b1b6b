"""How an operator reaches a running process: the halt latch and the inbox of requests.

The latch is the lasting truth (honoured at boot); a request tells the running process of it. Every
request is a file of its own, delivered in order, exactly once.
"""

import secrets
import time
from collections.abc import Set as AbstractSet
from enum import StrEnum
from pathlib import Path

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.domain.messages import OperatorHalted, OperatorResumed
from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    remove_durably,
    replace_durably,
    store_faults,
)
from polyarb.store.reading import read_journal

_SETTLED_NS = 2_000_000_000
_REQUEST_GLOB = "*.json"
_PLACE_DIGITS = 20


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """Who stopped trading, why and when, in unix nanoseconds."""

    actor: str
    reason: str
    time_ns: int


class RequestKind(StrEnum):
    """What an operator may ask of a running process."""

    HALT = "halt"
    RESUME = "resume"


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order of an operator; the name of its file is its id."""

    kind: RequestKind
    actor: str
    reason: str
    time_ns: int


_halt_decoder: msgspec.json.Decoder[Halt] = msgspec.json.Decoder(Halt)
_request_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)


def halt(latch: Path, inbox: Path, order: Halt, *, files: FileSystem = REAL) -> None:
    """Latch the halt, durably, then tell the running process.

    Errors: StoreError on a full disk; latch and request then stand without content, and hold. On
    a disk that takes no writes at all nothing holds, which is said.
    """
    try:
        write_halt(latch, order, files=files)
    except StoreError as fault:
        try:
            _leave_empty(inbox / _request_name(order.time_ns), files)
        except StoreError:
            raise _unheard(latch, fault) from fault
        raise
    _post(inbox, RequestKind.HALT, order, files)


def _unheard(latch: Path, fault: StoreError) -> StoreError:
    """Say what to do when a halt cannot be written: a process that ends cancels what is open."""
    held = "the latch holds" if latch.exists() else "NO HALT HOLDS"
    return StoreError(
        f"{fault}; {held} and the running process is not told: end it with `kill -TERM` and the"
        " number that `polyarb status` shows"
    )


def write_halt(latch: Path, order: Halt, *, files: FileSystem = REAL) -> None:
    """Latch a halt, durably; it holds until somebody resumes, whatever becomes of the process.

    Errors: StoreError on a full disk; a latch without content then stands, and holds.
    """
    try:
        with store_faults("write", latch):
            ensure_directory(files, latch.parent)
            replace_durably(files, latch, msgspec.json.encode(order))
    except StoreError as fault:
        _leave_empty(latch, files)
        raise StoreError(
            f"{fault}; the halt holds all the same, with a latch that cannot say why"
        ) from fault


def _leave_empty(path: Path, files: FileSystem) -> None:
    """Leave a file that cannot be understood, which is a halt; it takes no space but its name."""
    with store_faults("make", path):
        ensure_directory(files, path.parent)
        files.close(files.open_append(path))
        files.sync_directory(path.parent)


def resume(latch: Path, inbox: Path, order: Halt, *, files: FileSystem = REAL) -> bool:
    """Lift the latch, durably, then tell the running process; tell whether it was latched."""
    is_latched = True
    with store_faults("remove", latch):
        try:
            remove_durably(files, latch)
        except FileNotFoundError:
            # There was none, or somebody else lifted it at this moment.
            is_latched = False
    _post(inbox, RequestKind.RESUME, order, files)
    return is_latched


def read_halt(latch: Path) -> Halt | None:
    """Return the halt that holds, or None.

    A latch that cannot be understood holds: only its absence allows trading.
    """
    with store_faults("read", latch):
        try:
            content = latch.read_bytes()
        except FileNotFoundError:
            return None
        time_ns = latch.stat().st_mtime_ns
    try:
        return _halt_decoder.decode(content)
    except msgspec.DecodeError as fault:
        return Halt(actor="unknown", reason=f"unreadable latch {latch}: {fault}", time_ns=time_ns)


class FileInbox:
    """The port `Inbox` on a directory.

    `take` leaves the files of what it returned until it is called again: call again only when
    those events are durable in the journal. `delivered` are request ids that the journal already
    holds from before a crash; they are removed and not delivered twice.
    """

    def __init__(
        self,
        directory: Path,
        *,
        delivered: AbstractSet[str] = frozenset(),
        files: FileSystem = REAL,
    ) -> None:
        self.directory = directory
        self._files = files
        self._delivered = set(delivered)
        self._seen_mtime_ns = -1
        with store_faults("make", directory):
            ensure_directory(files, directory)

    def take(self, now_ns: int) -> tuple[OperatorHalted | OperatorResumed, ...]:
        """Return what arrived since the last call, as events of this moment."""
        with store_faults("read", self.directory):
            mtime_ns = self.directory.stat().st_mtime_ns
            if mtime_ns == self._seen_mtime_ns:
                return ()
            events = self._take_all(now_ns)
        # A directory that changed just now may change again within one tick of its clock; one
        # whose files still wait for removal is looked at again in any case.
        is_settled = not events and time.time_ns() - mtime_ns > _SETTLED_NS
        self._seen_mtime_ns = mtime_ns if is_settled else -1
        return events

    def _take_all(self, now_ns: int) -> tuple[OperatorHalted | OperatorResumed, ...]:
        events = []
        for path in sorted(self.directory.glob(_REQUEST_GLOB)):
            if path.name in self._delivered:
                remove_durably(self._files, path)
                self._delivered.discard(path.name)
                continue
            events.append(self._read(path, now_ns))
        self._delivered.update(event.request_id for event in events)
        return tuple(events)

    def _read(self, path: Path, now_ns: int) -> OperatorHalted | OperatorResumed:
        try:
            request = _request_decoder.decode(path.read_bytes())
        except msgspec.DecodeError as fault:
            # What an operator meant is not known: the safe reading is a halt.
            return OperatorHalted(
                receive_time_ns=now_ns,
                actor="unknown",
                reason=f"unreadable request: {fault}",
                request_id=path.name,
            )
        make = OperatorHalted if request.kind is RequestKind.HALT else OperatorResumed
        return make(
            receive_time_ns=now_ns,
            actor=request.actor,
            reason=request.reason,
            request_id=path.name,
        )


def open_inbox(
    directory: Path, current: Path, archive: Path, *, files: FileSystem = REAL
) -> FileInbox:
    """Open the inbox of a process that starts; what the journal already holds is not repeated."""
    with store_faults("read", directory):
        waiting = {path.name for path in directory.glob(_REQUEST_GLOB)}
    records = read_journal(current, archive) if waiting else ()
    requests = (OperatorHalted, OperatorResumed)
    delivered = {
        record.message.request_id for record in records if isinstance(record.message, requests)
    }
    return FileInbox(directory, delivered=waiting & delivered, files=files)


def _post(inbox: Path, kind: RequestKind, order: Halt, files: FileSystem) -> None:
    request = Request(kind=kind, actor=order.actor, reason=order.reason, time_ns=order.time_ns)
    with store_faults("write", inbox):
        ensure_directory(files, inbox)
        # Behind what waits, even if the clock stepped back.
        last = max((path.name for path in inbox.glob(_REQUEST_GLOB)), default="")[:_PLACE_DIGITS]
        place = max(order.time_ns, int(last) + 1 if last.isdigit() else 0)
        replace_durably(files, inbox / _request_name(place), msgspec.json.encode(request))


def _request_name(place: int) -> str:
    return f"{place:0{_PLACE_DIGITS}d}-{secrets.token_hex(4)}.json"
