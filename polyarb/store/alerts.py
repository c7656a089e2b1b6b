"""What is kept of alerts: every transition, every delivery, and the requests of people.

The lines of alerts.jsonl are the truth; alerts_state.json is where they have led to.
"""

import secrets
from enum import StrEnum
from pathlib import Path

import msgspec

from polyarb.store.alert_log import Numbered
from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    remove_durably,
    replace_durably,
    store_faults,
)

_REQUESTS = "*.json"
_PLACE_DIGITS = 20


class AlertContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule compared, in the unit that is named; None where there is none."""

    current_value: float | None = None
    threshold: float | None = None
    unit: str = ""


class AlertRecord(Numbered, frozen=True, kw_only=True):
    """One transition of an alert, and the alert as it then stood.

    Shape: times are ISO 8601 in UTC, None where it did not happen.
    """

    event_type: str = "alert"
    alert_id: str
    name: str
    severity: str
    status: str
    cause: str
    summary: str
    runbook: str
    actions: tuple[str, ...] = ()
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    context: AlertContext
    pending_at: str
    fired_at: str | None = None
    acked_at: str | None = None
    acked_by: str = ""
    resolved_at: str | None = None


class DeliveryOutcome(StrEnum):
    """What became of a notice; FAILED is tried again, GAVE_UP and DROPPED are not."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GAVE_UP = "gave_up"
    DROPPED = "dropped"


class DeliveryRecord(Numbered, frozen=True, kw_only=True):
    """How a channel was told, or why not.

    Shape: keys are alert id and status of what was named in full; alerts counts all of it.
    Units: waited_ms from the oldest alert in it to this outcome.
    """

    event_type: str = "delivery"
    notice_id: str
    channel: str
    outcome: DeliveryOutcome
    attempts: int
    waited_ms: int
    alerts: int
    keys: tuple[str, ...]
    reason: str = ""


class SilenceRecord(Numbered, frozen=True, kw_only=True):
    """Who silenced what and why, or lifted it (until_at is then the moment of that)."""

    event_type: str = "silence"
    silence_id: str
    by: str
    reason: str
    matcher: dict[str, str] = msgspec.field(default_factory=dict)
    from_at: str
    until_at: str


class RequestKind(StrEnum):
    """What a person may ask about alerts."""

    ACK = "ack"
    SILENCE = "silence"
    UNSILENCE = "unsilence"


class AlertRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request; the name of its file is its id.

    Shape: alert_ids empty is every active alert (ACK); matcher of rule, severity or label
    (SILENCE); silence_id of the one to lift (UNSILENCE).
    """

    kind: RequestKind
    by: str
    reason: str = ""
    time_ns: int
    alert_ids: tuple[str, ...] = ()
    matcher: dict[str, str] = msgspec.field(default_factory=dict)
    until_ns: int = 0
    silence_id: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits, or None in its place where its file cannot be understood."""

    name: str
    request: AlertRequest | None


_decoder: msgspec.json.Decoder[AlertRequest] = msgspec.json.Decoder(AlertRequest)


def new_request_id(time_ns: int) -> str:
    """Make the id of a request: requests are followed in the order of their times."""
    return f"{time_ns:0{_PLACE_DIGITS}d}-{secrets.token_hex(4)}"


def post_request(
    directory: Path, request_id: str, request: AlertRequest, *, files: FileSystem = REAL
) -> None:
    """Leave a request, durably."""
    with store_faults("write", directory):
        ensure_directory(files, directory)
        replace_durably(files, directory / f"{request_id}.json", msgspec.json.encode(request))


def waiting_requests(directory: Path) -> list[Waiting]:
    """List the requests that wait, oldest first."""
    found = []
    with store_faults("read", directory):
        for path in sorted(directory.glob(_REQUESTS)):
            try:
                request = _decoder.decode(path.read_bytes())
            except msgspec.DecodeError:
                found.append(Waiting(name=path.name, request=None))
            except FileNotFoundError:
                continue
            else:
                found.append(Waiting(name=path.name, request=request))
    return found


def forget_request(directory: Path, waiting: Waiting, *, files: FileSystem = REAL) -> None:
    """Remove a request whose effect is durable; what cannot be understood is kept aside."""
    path = directory / waiting.name
    with store_faults("remove", path):
        if waiting.request is not None:
            remove_durably(files, path)
        else:
            files.rename(path, path.with_suffix(".refused"))
            files.sync_directory(directory)
