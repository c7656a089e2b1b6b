"""One record of the journal as one line of JSON, sealed with the hash of the line before.

A line is {event_type, timestamp, sequence, frame, time_ns, data, previous, hash}. `hash` is the
SHA-256 of all bytes of the line before `,"hash":`, so it covers `previous` too. No wall clock
enters a line: the same messages make the same bytes.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

import msgspec

from polyarb.domain.messages import JournalMessage

GENESIS = sha256(b"polyarb journal 1").hexdigest()
"""The `previous` of the first record; names the version of the format."""

_HASH_LENGTH = 64
_SEAL_LENGTH = len(',"hash":""}') + _HASH_LENGTH
_MARK = b'{"event_type":'
_SEAL_PATTERN = re.compile(rb',"hash":"[0-9a-f]{64}"}\n')
_NS = 1_000_000_000

_encode = msgspec.json.Encoder().encode
_message_decoder: msgspec.json.Decoder[JournalMessage] = msgspec.json.Decoder(JournalMessage)
_decode = _message_decoder.decode


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the journal; whoever keeps one elsewhere can prove that nothing before changed."""

    sequence: int = 0
    hash: str = GENESIS


START = Anchor()
"""The place before the first record."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One record as it stands in the file, its message not yet read."""

    event_type: str
    timestamp: str
    sequence: int
    frame: int
    time_ns: int
    data: msgspec.Raw
    previous: str
    hash: str

    @property
    def anchor(self) -> Anchor:
        """Return the place of this record."""
        return Anchor(sequence=self.sequence, hash=self.hash)


class JournalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record, read."""

    sequence: int
    frame: int
    time_ns: int
    message: JournalMessage
    hash: str


class FlawKind(StrEnum):
    """What is wrong with a line."""

    UNREADABLE = "UNREADABLE"
    CHANGED = "CHANGED"
    UNLINKED = "UNLINKED"
    MISPLACED = "MISPLACED"
    UNFINISHED = "UNFINISHED"
    LOST = "LOST"


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """Why a line is not the record that belongs there."""

    kind: FlawKind
    expected: str
    found: str


_envelope_decoder: msgspec.json.Decoder[Envelope] = msgspec.json.Decoder(Envelope)


class RecordChain:
    """Turns messages into lines, each sealed to the one before."""

    def __init__(self, head: Anchor) -> None:
        self.sequence = head.sequence
        self._hash = head.hash.encode()
        self._second: int | None = None
        self._turn_to(0)

    @property
    def head(self) -> Anchor:
        """Return the place of the last record."""
        return Anchor(sequence=self.sequence, hash=self._hash.decode())

    def seal(self, message: JournalMessage, frame: int) -> bytes:
        """Return the next line, newline included, and step the chain to it.

        Errors: msgspec.ValidationError if the message could not be read back from its line, such
        as one with a float in it; the chain stands where it stood.
        """
        body = _encode(message)
        _decode(body)
        time_ns = message.receive_time_ns
        if time_ns != self._time_ns:
            self._turn_to(time_ns)
        sequence = self.sequence + 1
        front = (
            f'{{"event_type":"{type(message).__name__}","timestamp":"{self._timestamp}",'
            f'"sequence":{sequence},"frame":{frame},"time_ns":{time_ns},"data":'
        ).encode()
        sealed = b"".join((front, body, b',"previous":"', self._hash, b'"'))
        digest = sha256(sealed).hexdigest().encode()
        self.sequence = sequence
        self._hash = digest
        return b"".join((sealed, b',"hash":"', digest, b'"}\n'))

    def _turn_to(self, time_ns: int) -> None:
        second, rest = divmod(time_ns, _NS)
        if second != self._second:
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        self._timestamp = f"{self._second_text}.{rest // 1000:06d}Z"
        self._time_ns = time_ns


def check_line(line: bytes, previous: Anchor | Envelope | None) -> Envelope | Flaw:
    """Check one line, newline included, against the record before; None accepts any."""
    if not line.endswith(b"\n"):
        return Flaw(kind=FlawKind.UNFINISHED, expected="a line break", found="end of file")
    digest = sha256(line[: -_SEAL_LENGTH - 1]).hexdigest()
    if digest.encode() != line[-_HASH_LENGTH - 3 : -3]:
        stated = line[-_HASH_LENGTH - 3 : -3].decode("ascii", "replace")
        kind = FlawKind.CHANGED if _SEAL_PATTERN.search(line) else FlawKind.UNREADABLE
        return Flaw(kind=kind, expected=f"hash {digest}", found=f"hash {stated}")
    try:
        envelope = _envelope_decoder.decode(line)
    except msgspec.DecodeError as fault:
        return Flaw(kind=FlawKind.UNREADABLE, expected="a record", found=str(fault))
    return envelope if previous is None else _check_place(envelope, previous)


def read_envelope(line: bytes) -> Envelope:
    """Read a line that was checked before. Errors: msgspec.DecodeError if it was not."""
    return _envelope_decoder.decode(line)


def _check_place(envelope: Envelope, previous: Anchor | Envelope) -> Envelope | Flaw:
    if envelope.sequence != previous.sequence + 1:
        return Flaw(
            kind=FlawKind.MISPLACED,
            expected=f"record {previous.sequence + 1} after hash {previous.hash}",
            found=f"record {envelope.sequence} after hash {envelope.previous}",
        )
    if envelope.previous != previous.hash:
        return Flaw(
            kind=FlawKind.UNLINKED,
            expected=f"previous hash {previous.hash}",
            found=f"previous hash {envelope.previous}",
        )
    return envelope


def open_envelope(envelope: Envelope) -> JournalRecord:
    """Read the message of a record.

    Errors: msgspec.DecodeError if this version does not know it.
    """
    return JournalRecord(
        sequence=envelope.sequence,
        frame=envelope.frame,
        time_ns=envelope.time_ns,
        message=_decode(envelope.data),
        hash=envelope.hash,
    )


def has_record(content: bytes) -> bool:
    """Tell whether a whole record stands anywhere in these bytes, wherever its line begins."""
    return any(_is_record_end(content, seal.end()) for seal in _SEAL_PATTERN.finditer(content))


def _is_record_end(content: bytes, end: int) -> bool:
    return any(
        not isinstance(check_line(content[start:end], None), Flaw)
        for start in _marks_before(content, end)
    )


def _marks_before(content: bytes, end: int) -> Iterator[int]:
    line_start = content.rfind(b"\n", 0, end - 1) + 1
    start = content.find(_MARK, line_start, end)
    while start >= 0:
        yield start
        start = content.find(_MARK, start + 1, end)
