"""What of a workspace belongs into a backup, by its path below it. No I/O.

A restore writes nothing that is not named here: no .env, no request that waits in the inbox.
"""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

import msgspec

MANIFEST_NAME = "manifest.json"
METADATA_NAME = "metadata.json"
DATABASE = "data/polyarb.db"
CURRENT = "data/events.jsonl"
ARCHIVE = "data/journal"
TAPES = "data/tape"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one kind: patterns of their names below a folder, or in it alone.

    Shape: is_told says that people or programs of this project wrote it in words, so that a
    secret in it would stand beside its name.
    """

    name: str
    folder: str
    patterns: tuple[str, ...] = ("*",)
    is_deep: bool = True
    is_told: bool = True


PARTS: tuple[Part, ...] = (
    Part(name="configuration", folder="config", patterns=("*.yaml", "*.yml")),
    Part(name="example of .env", folder="", patterns=(".env.example",), is_deep=False),
    Part(name="alerts", folder="data/alerts"),
    Part(name="audit", folder="data/audit"),
    Part(name="control latches", folder="data/control", patterns=("*.json",), is_deep=False),
    Part(name="recipes", folder="data/runs", patterns=("*.json",), is_deep=False, is_told=False),
    Part(name="lease", folder="data", patterns=("lease.json",), is_deep=False),
    Part(name="instruments", folder="data/instruments", is_told=False),
    Part(name="samples", folder="data/samples", is_told=False),
    Part(name="go/no-go records", folder="reports/go_no_go"),
)
"""Everything beside the journal, the database and recorded tapes."""

_JOURNAL = (
    Part(name="journal", folder="data", patterns=("events.jsonl",), is_deep=False),
    Part(
        name="journal",
        folder=ARCHIVE,
        patterns=("[0-9]" * 12 + ".jsonl", "torn-*.bin"),
        is_deep=False,
    ),
)
_DATABASE = Part(name="database", folder="data", patterns=("polyarb.db",), is_deep=False)
_RECORDED = Part(name="tapes", folder=TAPES)
_METADATA = Part(name="metadata", folder="", patterns=(METADATA_NAME,), is_deep=False)
_ALLOWED = (*PARTS, *_JOURNAL, _DATABASE, _RECORDED, _METADATA)


def belongs(path: str, part: Part) -> bool:
    """Tell whether a path, with forward slashes, is of a part; drafts and locks are of none."""
    pure = PurePosixPath(path)
    folder = PurePosixPath(part.folder)
    if not pure.is_relative_to(folder) or pure == folder:
        return False
    below = pure.relative_to(folder).parts
    if len(below) > 1 and not part.is_deep:
        return False
    is_draft = any(step.startswith(".") for step in below) and part.patterns != (".env.example",)
    is_named = any(fnmatchcase(pure.name, pattern) for pattern in part.patterns)
    return is_named and not is_draft and not pure.name.endswith(".lock")


def is_journal(path: str) -> bool:
    """Tell whether a path is one of the journal's files."""
    return any(belongs(path, part) for part in _JOURNAL)


def is_tape(path: str) -> bool:
    """Tell whether a path is a recorded tape's."""
    return belongs(path, _RECORDED)


def is_allowed(path: str) -> bool:
    """Tell whether a backup may hold, and a restore may write, a path.

    It is relative, stays below its folder in every reading of it, and is of some part.
    """
    pure = PurePosixPath(path)
    is_plain = str(pure) == path and not pure.is_absolute() and ".." not in pure.parts
    is_plain = is_plain and "\\" not in path and "\0" not in path
    return is_plain and any(belongs(path, part) for part in _ALLOWED)
