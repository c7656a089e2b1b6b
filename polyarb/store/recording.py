"""Record raw frames with their receive time to tape files that a crash cannot spoil.

A line is {"recv_ns":N,"seq":N,"msg":FRAME} with the frame as received, its line breaks as blanks;
a frame that is no JSON in UTF-8 stands as base64 under "raw", a loss under "lost", a mode under
"mode", other instruments under "instruments". Lines go out in whole, synced gzip members.
"""

import zlib
from base64 import b64encode
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from polyarb.domain.surroundings import CatalogueChange
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults, write_all
from polyarb.store.tape_index import IndexEntry, append_entry

ROTATE_BYTES = 64 << 20
"""Default size of a tape file, compressed, in bytes."""
MEMBER_BYTES = 256 << 10
"""Default amount of lines, uncompressed, that makes a member, in bytes."""
_FLUSH_NS = 1_000_000_000
HOUR_NS = 3600 * _FLUSH_NS
_HELD_BYTES_MAX = 16 << 20
_GZIP_WINDOW = 31
_LEVEL = 3
"""Files are a tenth larger than with the next one, for half the work beside the decisions."""

_BREAKS_AS_BLANKS = bytes.maketrans(b"\r\n", b"  ")
_validator = msgspec.json.Decoder(msgspec.Raw)


class TapeWriter:
    """Writes one run's frames below a directory, YYYYMMDD/HH-NNNN.jsonl.gz by receive time.

    A finished file gets a line in the directory's index; what of it could not be written, because
    the disk was full, is written with the next one.
    """

    def __init__(
        self,
        directory: Path,
        *,
        rotate_bytes: int = ROTATE_BYTES,
        member_bytes: int = MEMBER_BYTES,
        flush_ns: int = _FLUSH_NS,
        files: FileSystem = REAL,
    ) -> None:
        """Units: flush_ns is how much receive time passes before what is held is written."""
        self.directory = directory
        self.frames = 0
        self.frames_lost = 0
        self.path: Path | None = None
        self._rotate_bytes = rotate_bytes
        self._member_bytes = member_bytes
        self._flush_ns = flush_ns
        self._files = files
        self._descriptor = -1
        self._size = 0
        self._hour = -1
        self._digest = sha256()
        self._written = _Range()
        self._held = _Range()
        self._unindexed: list[IndexEntry] = []
        self._lines: list[bytes] = []
        self._held_bytes = 0
        self._due_ns = 0
        self._is_failing = False

    def record(self, frame: bytes, receive_time_ns: int, *, is_plain: bool = False) -> bytes:
        """Take one frame as received; return its line.

        is_plain: it is known to be JSON in ASCII without a line break.
        Errors: StoreError when the disk takes no more; the frame is held, up to 16 MiB of them,
        and the next call goes on.
        """
        line = tape_line(frame, receive_time_ns, self.frames, is_plain=is_plain)
        self.take_lines([line], receive_time_ns, receive_time_ns)
        return line

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        """Take that the books of some tokens, of all if none is named, ceased to be true.

        Errors: as of `record`.
        """
        line = loss_line(reason, assets, receive_time_ns, self.frames)
        self.take_lines([line], receive_time_ns, receive_time_ns)
        return line

    def record_mode(self, mode: str, reason: str, receive_time_ns: int) -> bytes:
        """Take that the venue accepts more, or less, from here on. Errors: as of `record`."""
        line = mode_line(mode, reason, receive_time_ns, self.frames)
        self.take_lines([line], receive_time_ns, receive_time_ns)
        return line

    def record_instruments(self, change: CatalogueChange, receive_time_ns: int) -> bytes:
        """Take that other instruments are watched from here on. Errors: as of `record`."""
        line = instruments_line(change, receive_time_ns, self.frames)
        self.take_lines([line], receive_time_ns, receive_time_ns)
        return line

    def take_lines(self, lines: list[bytes], first_ns: int, last_ns: int) -> None:
        """Take lines of one hour, as `tape_line` and its like make them, with their times.

        Errors: as of `record`.
        """
        try:
            if first_ns // HOUR_NS != self._hour:
                self._turn_to(first_ns // HOUR_NS)
        finally:
            self._hold(lines, first_ns, last_ns)
        is_full = self._held_bytes >= self._member_bytes and not self._is_failing
        if is_full or last_ns >= self._due_ns:
            self._due_ns = last_ns + self._flush_ns
            self.flush()

    def flush(self) -> None:
        """Write what is held as one member, durably."""
        if not self._lines:
            return
        self._is_failing = True
        with store_faults("record to", self.path or self.directory):
            try:
                self._write_member()
            except OSError:
                self._step_back()
                raise
        self._is_failing = False
        self._written.join(self._held)
        self._forget_held()
        if self._size >= self._rotate_bytes:
            self._finish()

    def close(self) -> None:
        """Write what is held and let go of the file; a second close does nothing."""
        try:
            self.flush()
        finally:
            self._finish()

    def _hold(self, lines: list[bytes], first_ns: int, last_ns: int) -> None:
        if not self._lines or first_ns + self._flush_ns < self._due_ns:
            self._due_ns = first_ns + self._flush_ns
        self._held.join(_Range(len(lines), first_ns, last_ns, self.frames))
        self._lines += lines
        self.frames += len(lines)
        self._held_bytes += sum(map(len, lines))

    def _turn_to(self, hour: int) -> None:
        try:
            self.flush()
        finally:
            self._finish()
            self._hour = hour

    def _write_member(self) -> None:
        if self._descriptor < 0:
            self._begin()
        compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
        member = compressor.compress(b"".join(self._lines)) + compressor.flush()
        write_all(self._files, self._descriptor, member)
        self._files.sync(self._descriptor)
        self._size += len(member)
        self._digest.update(member)

    def _begin(self) -> None:
        began = datetime.fromtimestamp(self._hour * (HOUR_NS // _FLUSH_NS), UTC)
        directory = self.directory / began.strftime("%Y%m%d")
        ensure_directory(self._files, directory)
        number = 1
        while (path := directory / f"{began:%H}-{number:04d}.jsonl.gz").exists():
            number += 1
        self._descriptor = self._files.open_append(path, is_new=True)
        self._files.sync_directory(directory)
        self.path = path
        self._size = 0
        self._digest = sha256()
        self._written = _Range()

    def _step_back(self) -> None:
        """Leave the file at the end of its last whole member, or leave the file."""
        if self._descriptor >= 0:
            try:
                self._files.truncate(self._descriptor, self._size)
            except OSError:
                self._finish()
        if self._held_bytes > _HELD_BYTES_MAX:
            self.frames_lost += len(self._lines)
            self._forget_held()

    def _forget_held(self) -> None:
        self._lines.clear()
        self._held_bytes = 0
        self._held = _Range()

    def _finish(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        with suppress(OSError):
            self._files.close(descriptor)
        if self._written.lines and self.path is not None:
            self._unindexed.append(self._entry(self.path))
        # Without its line a file is only slower to list, so that no fault of it ends a recording.
        with suppress(OSError):
            while self._unindexed:
                append_entry(self._files, self.directory, self._unindexed[0])
                del self._unindexed[0]

    def _entry(self, path: Path) -> IndexEntry:
        written = self._written
        return IndexEntry(
            file=path.relative_to(self.directory).as_posix(),
            first_ns=written.first_ns,
            last_ns=written.last_ns,
            lines=written.lines,
            bytes=self._size,
            sha256=self._digest.hexdigest(),
            first_seq=written.first_seq,
            last_seq=written.last_seq,
        )


class _Range:
    """From when to when, and from which number to which, some lines reach."""

    def __init__(
        self, lines: int = 0, first_ns: int = 0, last_ns: int = 0, first_seq: int = 0
    ) -> None:
        self.lines = lines
        self.first_ns = first_ns
        self.last_ns = last_ns
        self.first_seq = first_seq
        self.last_seq = first_seq + lines - 1

    def join(self, later: "_Range") -> None:
        if not self.lines:
            self.first_ns, self.first_seq = later.first_ns, later.first_seq
        self.lines += later.lines
        self.last_ns, self.last_seq = later.last_ns, later.last_seq


def tape_line(
    frame: bytes, receive_time_ns: int, sequence: int, *, is_plain: bool = False
) -> bytes:
    """Write one line of a tape, line break included; one that is_plain is not looked at.

    A line break is white space wherever it stands in JSON, so that the message stays what it is.
    """
    if is_plain or _is_json(frame):
        told = frame if is_plain else frame.translate(_BREAKS_AS_BLANKS)
        return b'{"recv_ns":%d,"seq":%d,"msg":%b}\n' % (receive_time_ns, sequence, told)
    return b'{"recv_ns":%d,"seq":%d,"raw":"%b"}\n' % (receive_time_ns, sequence, b64encode(frame))


def loss_line(reason: str, assets: Collection[str], receive_time_ns: int, sequence: int) -> bytes:
    """Write the line of a loss, line break included; the assets stand in order."""
    lost = msgspec.json.encode({"reason": reason, "assets": sorted(assets)})
    return b'{"recv_ns":%d,"seq":%d,"lost":%b}\n' % (receive_time_ns, sequence, lost)


def mode_line(mode: str, reason: str, receive_time_ns: int, sequence: int) -> bytes:
    """Write the line of a mode of the venue, line break included."""
    told = msgspec.json.encode({"mode": mode, "reason": reason})
    return b'{"recv_ns":%d,"seq":%d,"mode":%b}\n' % (receive_time_ns, sequence, told)


def instruments_line(change: CatalogueChange, receive_time_ns: int, sequence: int) -> bytes:
    """Write the line of other instruments, line break included."""
    told = msgspec.json.encode(change)
    return b'{"recv_ns":%d,"seq":%d,"instruments":%b}\n' % (receive_time_ns, sequence, told)


def _is_json(frame: bytes) -> bool:
    try:
        _validator.decode(frame)
        frame.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
