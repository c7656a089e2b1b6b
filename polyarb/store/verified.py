"""Finished segments of the journal that were verified record by record, and what they were.

Such a segment is read record by record again only when a byte of it has changed. This spares time
and proves nothing by itself: it tells of accidents, and `ledger verify` and the verification of a
backup never rely on it. A file that is missing or damaged costs one full reading.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    replace_durably,
    store_faults,
)
from polyarb.store.records import Anchor

VERSION = 1
_BLOCK_BYTES = 1 << 20


class VerifiedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A finished segment without a flaw.

    Shape: digest is the SHA-256 of the whole file; before is the place of the journal that it goes
    on from, last its own last one. Units: unix nanoseconds.
    """

    digest: str
    size: int
    records: int
    before: Anchor
    last: Anchor
    first_time_ns: int
    last_time_ns: int

    def is_still(self, handle: BinaryIO, place: Anchor | None) -> bool:
        """Tell whether a file goes on from the same place and holds the same bytes."""
        if place != self.before or handle.seek(0, 2) != self.size:
            return False
        return digest_of(handle) == self.digest


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    segments: dict[str, VerifiedSegment]


_bodies: msgspec.json.Decoder[_Body] = msgspec.json.Decoder(_Body)
OnSegment = Callable[[str, VerifiedSegment], None]


def digest_of(handle: BinaryIO) -> str:
    """Return the SHA-256 of a whole file, and stand at its beginning again."""
    handle.seek(0)
    digest = sha256()
    while block := handle.read(_BLOCK_BYTES):
        digest.update(block)
    handle.seek(0)
    return digest.hexdigest()


def read_verified_segments(path: Path) -> dict[str, VerifiedSegment]:
    """Read what was verified before, by the segment's name; nothing where that cannot be read."""
    with suppress(OSError, msgspec.DecodeError):
        body = _bodies.decode(path.read_bytes())
        if body.version == VERSION:
            return body.segments
    return {}


def keep_verified_segments(
    path: Path, segments: Mapping[str, VerifiedSegment], *, files: FileSystem = REAL
) -> None:
    """Keep what was verified; where the disk does not take it, the next reading is a full one."""
    content = msgspec.json.encode(_Body(version=VERSION, segments=dict(segments)))
    with suppress(StoreError), store_faults("write", path):
        ensure_directory(files, path.parent)
        replace_durably(files, path, content)
