"""What people ask about alerts: which there are, to take them on, to silence them.

A wish is left as a durable request. A running desk follows it within a second; where none runs it
is followed at once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from polyarb.alerts.alert import Severity
from polyarb.alerts.routing import Silence, silence_faults
from polyarb.domain.errors import UsageError
from polyarb.store.alert_log import StateFile, read_log
from polyarb.store.alerts import (
    AlertRecord,
    AlertRequest,
    RequestKind,
    new_request_id,
    post_request,
    waiting_requests,
)
from polyarb.store.locks import find_holder
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.book import (
    LOCK_FILE,
    LOG_FILE,
    REQUESTS_DIR,
    STATE_FILE,
    open_book,
    silence_of,
)
from polyarb.wiring.alerts.records import DeskState

_SHORT_ID_MIN = 6
_RESOLVED = "RESOLVED"
_decoder: msgspec.json.Decoder[AlertRecord] = msgspec.json.Decoder(AlertRecord)


class AlertsReading(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts of a workspace as they stand now: of the trader and of the watch beside it.

    Shape: processes are those that hold alerts at present; undelivered counts what channels still
    have to be told, requests what people asked and is not followed yet.
    """

    active_alerts: tuple[AlertRecord, ...]
    total_active: int
    last_updated: str
    silences: tuple[Silence, ...]
    undelivered: int
    requests: int
    processes: tuple[int, ...]
    damage: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked. Shape: processes follow it within a second; none: it is done already."""

    request_id: str
    kind: RequestKind
    by: str
    alert_ids: tuple[str, ...] = ()
    silence: Silence | None = None
    processes: tuple[int, ...]


def read_alerts(workspace: Workspace, now_ns: int) -> AlertsReading:
    """Read what stands, the newest lines included; changes nothing, whoever else is at work."""
    found = [_read(directory, now_ns) for directory in _directories(workspace)]
    active = tuple(record for one in found for record in one.active_alerts)
    silences = {each.silence_id: each for one in found for each in one.silences}
    return AlertsReading(
        active_alerts=active,
        total_active=len(active),
        last_updated=max(one.last_updated for one in found),
        silences=tuple(silences.values()),
        undelivered=sum(one.undelivered for one in found),
        requests=sum(one.requests for one in found),
        processes=tuple(dict.fromkeys(pid for one in found for pid in one.processes)),
        damage=tuple(each for one in found for each in one.damage),
    )


def _directories(workspace: Workspace) -> tuple[Path, ...]:
    """List where alerts are kept: the trader's, and the watch's once there was one."""
    watch = workspace.watch_alerts_dir
    return (workspace.alerts_dir, watch) if watch.is_dir() else (workspace.alerts_dir,)


def _read(directory: Path, now_ns: int) -> AlertsReading:
    state_file = StateFile(directory / STATE_FILE, DeskState)
    state = state_file.read() or DeskState()
    active = {record.alert_id: record for record in state.active_alerts}
    updated = state.last_updated
    for record in read_log(directory / LOG_FILE, _decoder, state.sequence)[0]:
        updated = max(updated, record.recorded_at)
        if record.status == _RESOLVED:
            active.pop(record.alert_id, None)
        else:
            active[record.alert_id] = record
    holder = find_holder(directory / LOCK_FILE)
    return AlertsReading(
        active_alerts=tuple(active.values()),
        total_active=len(active),
        last_updated=updated,
        silences=tuple(one for one in state.silences if one.until_ns > now_ns),
        undelivered=sum(
            len(parcel.items) + parcel.omitted for lane in state.outbox for parcel in lane.parcels
        ),
        requests=len(waiting_requests(directory / REQUESTS_DIR)),
        processes=() if holder is None else (holder,),
        damage=(state_file.damage,) if state_file.damage else (),
    )


def acknowledge(workspace: Workspace, names: Sequence[str], *, by: str, now_ns: int) -> Asked:
    """Take alerts on, so that they are no longer repeated; no name is each that fires.

    Shape: a name is an id or its beginning; the heartbeat is nobody's to take on.
    Errors: UsageError for one that names none or several.
    """
    fired = [
        one.alert_id
        for one in read_alerts(workspace, now_ns).active_alerts
        if one.fired_at and one.severity != Severity.INFO
    ]
    request = AlertRequest(
        kind=RequestKind.ACK,
        by=_person(by),
        time_ns=now_ns,
        alert_ids=tuple(_resolve(name, fired) for name in names),
    )
    return _ask(workspace, request, now_ns)


def silence(
    workspace: Workspace,
    matcher: Mapping[str, str],
    *,
    for_ns: int,
    by: str,
    reason: str,
    now_ns: int,
) -> Asked:
    """Keep alerts from being told for a while; they are recorded and act all the same.

    Errors: UsageError for a silence that may not stand.
    """
    request = AlertRequest(
        kind=RequestKind.SILENCE,
        by=_person(by),
        reason=reason,
        time_ns=now_ns,
        matcher=dict(matcher),
        until_ns=now_ns + for_ns,
    )
    faults = silence_faults(silence_of("new", request), now_ns)
    if faults:
        raise UsageError("; ".join(faults))
    return _ask(workspace, request, now_ns)


def unsilence(workspace: Workspace, silence_id: str, *, by: str, now_ns: int) -> Asked:
    """Lift a silence. Errors: UsageError when there is none of that id."""
    known = [one.silence_id for one in read_alerts(workspace, now_ns).silences]
    if silence_id not in known:
        raise UsageError(
            f"expected a silence that holds ({', '.join(known) or 'there is none'}),"
            f" found {silence_id}"
        )
    request = AlertRequest(
        kind=RequestKind.UNSILENCE, by=_person(by), time_ns=now_ns, silence_id=silence_id
    )
    return _ask(workspace, request, now_ns)


def _ask(workspace: Workspace, request: AlertRequest, now_ns: int) -> Asked:
    """Leave a request wherever alerts are kept; an id that one does not know is nothing to it."""
    request_id = new_request_id(now_ns)
    holders = [
        _ask_one(directory, request_id, request, now_ns) for directory in _directories(workspace)
    ]
    is_silence = request.kind is RequestKind.SILENCE
    return Asked(
        request_id=request_id,
        kind=request.kind,
        by=request.by,
        alert_ids=request.alert_ids,
        silence=silence_of(request_id, request) if is_silence else None,
        processes=tuple(dict.fromkeys(pid for pid in holders if pid is not None)),
    )


def _ask_one(directory: Path, request_id: str, request: AlertRequest, now_ns: int) -> int | None:
    """Leave a request in one place; follow it at once where nobody is at work, else say who is."""
    post_request(directory / REQUESTS_DIR, request_id, request)
    book = open_book(directory)
    if book is None:
        return find_holder(directory / LOCK_FILE) or 0
    try:
        book.take_requests(now_ns)
        book.save(book.outbox, now_ns)
    finally:
        book.close()
    return None


def _resolve(name: str, active: Sequence[str]) -> str:
    found = [each for each in active if each == name]
    bare = name.removeprefix("alert-")
    if not found and len(bare) >= _SHORT_ID_MIN:
        found = [each for each in active if each.removeprefix("alert-").startswith(bare)]
    if len(found) != 1:
        raise UsageError(
            f"expected the id of an alert that fires (or its first {_SHORT_ID_MIN} digits or more),"
            f" found {name}, which names {'none' if not found else 'several'};"
            " see `polyarb alerts list`"
        )
    return found[0]


def _person(by: str) -> str:
    if not by.strip():
        raise UsageError("--by: expected a name, found none")
    return by.strip()
