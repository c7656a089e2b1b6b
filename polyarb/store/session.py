"""The session snapshot: what the journal up to a place comes to, so that a start is quick.

It is no truth: one that is missing, damaged, or stands for a place that the journal does not have
costs the time to read the whole journal, and nothing else.
"""

from hashlib import sha256
from pathlib import Path

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.ledger.past import PastState
from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    replace_durably,
    store_faults,
)
from polyarb.store.records import Anchor

VERSION = 2
"""Grows with every change of what is kept or of how it is folded from a journal."""


class SessionSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal up to a place, that one included, left to later runs."""

    anchor: Anchor
    past: PastState


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    digest: str
    snapshot: msgspec.Raw


_snapshots: msgspec.json.Decoder[SessionSnapshot] = msgspec.json.Decoder(SessionSnapshot)
_bodies: msgspec.json.Decoder[_Body] = msgspec.json.Decoder(_Body)


def seal_session(snapshot: SessionSnapshot) -> bytes:
    """Write a snapshot down with the hash of its text."""
    text = msgspec.json.encode(snapshot)
    digest = sha256(text).hexdigest()
    return msgspec.json.encode(_Body(version=VERSION, digest=digest, snapshot=msgspec.Raw(text)))


def keep_session(path: Path, sealed: bytes, files: FileSystem = REAL) -> None:
    """Replace the snapshot whole and durably. Errors: StoreError."""
    with store_faults("write", path):
        ensure_directory(files, path.parent)
        replace_durably(files, path, sealed)


def read_session(path: Path) -> SessionSnapshot | None:
    """Read the snapshot, None where there is none.

    Errors: StoreError for one that was changed, is of another version, or cannot be read.
    """
    with store_faults("read", path):
        if not path.exists():
            return None
        content = path.read_bytes()
    try:
        body = _bodies.decode(content)
        if body.version != VERSION:
            raise _unusable(path, f"version {VERSION}", f"version {body.version}")
        if sha256(body.snapshot).hexdigest() != body.digest:
            raise _unusable(path, f"a text of hash {body.digest}", "another text")
        return _snapshots.decode(body.snapshot)
    except msgspec.DecodeError as fault:
        raise _unusable(path, "a session snapshot", str(fault)) from fault


def _unusable(path: Path, expected: str, found: str) -> StoreError:
    return StoreError(
        f"{path}: expected {expected}, found {found}; nothing is lost: the journal is read instead"
    )
