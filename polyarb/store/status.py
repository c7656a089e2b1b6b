"""What a running process last said of itself, and whether it still runs."""

from enum import StrEnum
from pathlib import Path

import msgspec

from polyarb.domain.order import TradingState
from polyarb.domain.surroundings import ClockStanding
from polyarb.domain.venue import VenueMode
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults, write_all
from polyarb.store.locks import find_holder
from polyarb.store.records import START, Anchor


class PnlColumns(msgspec.Struct, frozen=True, kw_only=True):
    """The four columns of profit and loss, never one; None is no sample.

    Units: decimal text in USD.
    """

    expected: str | None = None
    matched: str | None = None
    settled: str | None = None
    chain: str | None = None


class LatencyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How long decisions took, in nanoseconds; None is not measured.

    Shape: received_p99_ns is from receipt on, for live data; the bottleneck is the slowest stage.
    """

    p50_ns: int | None = None
    p95_ns: int | None = None
    p99_ns: int | None = None
    received_p99_ns: int | None = None
    bottleneck: str = ""


class SourceFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a source of live data does.

    Shape: markets that it tells at present; isolated is why it may tell none, or empty.
    Units: latency from the venue's timestamp to our receipt, smoothed.
    """

    source: str
    messages: int
    markets: int
    latency_ms: int
    faults: dict[str, int]
    isolated: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A running process in figures.

    Shape: opportunities by family; sources is empty and clock None on recorded data; venue_mode is
    what the engine was told.
    Units: times in unix nanoseconds.
    """

    pid: int
    run_id: str
    phase: str
    venue: str = ""
    state: TradingState
    started_ns: int
    updated_ns: int
    journal: Anchor = START
    frames: int = 0
    messages: int = 0
    opportunities: dict[str, int] = {}
    open_sets: int = 0
    pnl: PnlColumns = PnlColumns()
    latency: LatencyFigures = LatencyFigures()
    sources: tuple[SourceFigures, ...] = ()
    venue_mode: VenueMode = VenueMode.OK
    clock: ClockStanding | None = None


class Liveness(StrEnum):
    """Whether the process of a status runs."""

    LIVE = "live"
    STALE = "stale"
    ABSENT = "absent"


class StatusReading(msgspec.Struct, frozen=True, kw_only=True):
    """The last status, if any, and whether its process runs; holder is the process that does."""

    liveness: Liveness
    status: Status | None
    holder: int | None


_decoder: msgspec.json.Decoder[Status] = msgspec.json.Decoder(Status)


def write_status(path: Path, status: Status, *, files: FileSystem = REAL) -> None:
    """Replace the status whole; it is not synced, for it means nothing after a power cut."""
    draft = path.with_name(f".{path.name}.{status.pid}.new")
    with store_faults("write", path):
        ensure_directory(files, path.parent)
        descriptor = files.open_append(draft)
        try:
            files.truncate(descriptor, 0)
            write_all(files, descriptor, msgspec.json.encode(status))
        finally:
            files.close(descriptor)
        files.rename(draft, path)


def read_status(path: Path, lock: Path) -> StatusReading:
    """Read the last status; it is live only while its own process holds the process lock."""
    holder = find_holder(lock)
    status = _read(path)
    is_own = status is not None and holder in (status.pid, 0)
    liveness = Liveness.LIVE if is_own else Liveness.STALE
    if status is None:
        liveness = Liveness.ABSENT
    return StatusReading(liveness=liveness, status=status, holder=holder)


def _read(path: Path) -> Status | None:
    with store_faults("read", path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError:
        return None
