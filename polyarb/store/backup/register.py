"""What was done with backups: a record that outlives them and lies outside of them.

The last word on a backup counts, for exactly the manifest that it was said of.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from polyarb.store.filesystem import REAL, FileSystem
from polyarb.store.lines import LineFile
from polyarb.store.workspace import Workspace


class Deed(StrEnum):
    """What was done."""

    CREATED = "created"
    VERIFIED = "verified"
    DAMAGED = "damaged"
    RESTORED = "restored"
    PRUNED = "pruned"


class BackupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One deed. Shape: seal is of the manifest, empty where that cannot be read."""

    deed: Deed
    name: str
    seal: str
    time_ns: int
    detail: str = ""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What the records say of one backup; times are 0 where they say nothing."""

    created_seal: str = ""
    verified_seal: str = ""
    verified_ns: int = 0

    def is_verified(self, seal: str) -> bool:
        """Tell whether the backup with that manifest was found whole when last looked at."""
        return bool(seal) and self.verified_seal == seal


def backup_records(place: Workspace, files: FileSystem = REAL) -> LineFile[BackupRecord]:
    """Open the records of a workspace's backups."""
    return LineFile(place.audit_dir / "backups.jsonl", BackupRecord, files)


def last_words(records: Iterable[BackupRecord]) -> dict[str, Word]:
    """Gather what records say, by the backup's name."""
    words: dict[str, Word] = {}
    for record in records:
        word = words.get(record.name, Word())
        match record.deed:
            case Deed.CREATED:
                word = Word(created_seal=record.seal)
            case Deed.VERIFIED:
                word = msgspec.structs.replace(
                    word, verified_seal=record.seal, verified_ns=record.time_ns
                )
            case Deed.DAMAGED:
                word = msgspec.structs.replace(word, verified_seal="", verified_ns=0)
            case Deed.RESTORED | Deed.PRUNED:
                pass
        words[record.name] = word
    return words
