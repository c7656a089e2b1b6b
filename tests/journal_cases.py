"""Messages, journals and their files as the tests of the store need them."""

import random
import types
import typing
from enum import Enum
from hashlib import sha256
from pathlib import Path

import msgspec
from polyarb.domain.messages import JournalMessage
from polyarb.store.filesystem import FileSystem
from polyarb.store.journal import ROTATE_BYTES, FileJournal, open_journal
from polyarb.store.reading import read_journal
from polyarb.store.records import JournalRecord
from polyarb.store.verification import JournalReport, verify_journal

MESSAGE_TYPES = typing.get_args(JournalMessage)
_WHOLE_MAX = 10**20
_TEXTS = ("", "halt", 'a "quoted" reason', "Zürich, 3 €", "line\nbreak", '{"event_type":"x"}')


class UnsyncedFileSystem(FileSystem):
    """The real one without waiting for the disk, where no power cut is simulated."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


UNSYNCED = UnsyncedFileSystem()


class JournalFiles:
    """A journal in a directory."""

    def __init__(self, directory: Path) -> None:
        self.current = directory / "events.jsonl"
        self.archive = directory / "journal"

    def open(self, rotate_bytes: int = ROTATE_BYTES, files: FileSystem = UNSYNCED) -> FileJournal:
        return open_journal(self.current, self.archive, rotate_bytes=rotate_bytes, files=files)

    def write(self, messages: list[JournalMessage], rotate_bytes: int = ROTATE_BYTES) -> None:
        journal = self.open(rotate_bytes)
        for frame, message in enumerate(messages):
            journal.append(message, frame)
            journal.make_durable()
        journal.close()

    def read(self, after: int = 0) -> list[JournalRecord]:
        return list(read_journal(self.current, self.archive, after=after))

    def messages(self) -> list[JournalMessage]:
        return [record.message for record in self.read()]

    def verify(self) -> JournalReport:
        return verify_journal(self.current, self.archive)

    def segments(self) -> list[Path]:
        return [*sorted(self.archive.glob("*.jsonl")), self.current]


def some_messages(count: int, seed: int = 1) -> list[JournalMessage]:
    """Make messages of every kind in turn."""
    chance = random.Random(seed)
    kinds = list(MESSAGE_TYPES)
    chance.shuffle(kinds)
    return [make_message(kinds[number % len(kinds)], chance) for number in range(count)]


def make_message(kind: type, chance: random.Random) -> JournalMessage:
    """Fill a message of one kind with values of the right types."""
    return typing.cast(JournalMessage, _value(kind, chance, "receive_time_ns"))


def independent_hashes(content: bytes, previous: str) -> list[str]:
    """Compute the chain of a file by its documented rule, with nothing of the store."""
    hashes = []
    for line in content.splitlines():
        sealed, _, _ = line.rpartition(b',"hash":')
        assert sealed.endswith(f'"previous":"{previous}"'.encode())
        previous = sha256(sealed).hexdigest()
        hashes.append(previous)
    return hashes


def _value(kind: typing.Any, chance: random.Random, name: str) -> object:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, typing.NewType):
        return _value(kind.__supertype__, chance, name)
    if origin is tuple:
        return _tuple(arguments, chance, name)
    if origin is dict:
        return {str(key): _value(arguments[1], chance, name) for key in range(chance.randint(0, 2))}
    if origin in (typing.Union, types.UnionType):
        return _value(chance.choice(arguments), chance, name)
    if issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return kind(
            **{
                field.name: _value(hints[field.name], chance, field.name)
                for field in msgspec.structs.fields(kind)
            }
        )
    return _scalar(kind, chance, name)


def _tuple(arguments: tuple[typing.Any, ...], chance: random.Random, name: str) -> object:
    if arguments[-1] is Ellipsis:
        return tuple(_value(arguments[0], chance, name) for _ in range(chance.randint(0, 2)))
    return tuple(_value(argument, chance, name) for argument in arguments)


def _scalar(kind: type, chance: random.Random, name: str) -> object:
    if kind is type(None):
        return None
    if issubclass(kind, Enum):
        return chance.choice(list(kind))
    if kind is bool:
        return chance.random() < 0.5
    if kind is str:
        return chance.choice(_TEXTS)
    assert kind is int, f"no value for {kind}"
    if name.endswith("_time_ns"):
        return chance.randint(0, 4_000_000_000) * 10**9 + chance.randint(0, 10**9 - 1)
    if name in ("shares", "quantity"):  # no order and no plan is of nothing
        return chance.choice((1, 10**6, _WHOLE_MAX))
    return chance.choice((0, 1, -1, 10**6, -_WHOLE_MAX, _WHOLE_MAX))
