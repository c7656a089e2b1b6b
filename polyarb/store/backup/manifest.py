"""The manifest of a backup: every file with its hash, and what the files mean. No I/O.

It is sealed with the SHA-256 of itself, and read back only if it has exactly the bytes that this
module would write; no bit of it can change unseen.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from polyarb.store.backup.parts import MANIFEST_NAME, is_allowed
from polyarb.store.records import Anchor

FORMAT = 1
"""What this version writes; it refuses what is newer."""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the backup by its path below it. Units: bytes."""

    path: str
    size: int
    sha256: str


class TapeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded tape of the workspace; is_included tells whether the backup holds it."""

    path: str
    size: int
    sha256: str
    is_included: bool


class JournalPart(msgspec.Struct, frozen=True, kw_only=True):
    """How far the journal's copy reaches; later records are not in the backup."""

    head: Anchor
    segments: int


class StatePart(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal means, folded up to a record: the digest of balances, plans and sets."""

    sequence: int
    digest: str
    plans: int
    transactions: int


class DatabasePart(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which record the database had followed the journal, or why it is left out."""

    applied: Anchor | None = None
    left_out: str = ""


class EnvPart(msgspec.Struct, frozen=True, kw_only=True):
    """That there was a .env, without any value of it."""

    sha256: str
    names: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. Units: created_ns in unix nanoseconds, before anything was read."""

    format: int
    name: str
    created_ns: int
    version: str
    code_digest: str
    config_digest: str
    journal: JournalPart
    state: StatePart
    database: DatabasePart
    env: EnvPart | None
    files: tuple[FileEntry, ...]
    tapes: tuple[TapeEntry, ...]
    seal: str = ""

    @property
    def size(self) -> int:
        """Add up the bytes of all files."""
        return sum(entry.size for entry in self.files)


class FindingKind(StrEnum):
    """What is wrong with a backup."""

    MANIFEST = "MANIFEST"
    NEWER = "NEWER"
    UNSAFE = "UNSAFE"
    MISSING = "MISSING"
    EXTRA = "EXTRA"
    CHANGED = "CHANGED"
    CHAIN = "CHAIN"
    DATABASE = "DATABASE"
    STATE = "STATE"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a backup, and in which file."""

    kind: FindingKind
    path: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        """Say it in a line."""
        return f"{self.path}: {self.kind}: expected {self.expected}, found {self.found}"


class _Version(msgspec.Struct, frozen=True):
    format: int


def seal(manifest: Manifest) -> Manifest:
    """Seal a manifest."""
    bare = replace(manifest, seal="")
    return replace(manifest, seal=sha256(_encode(bare)).hexdigest())


def encode_manifest(manifest: Manifest) -> bytes:
    """Write a sealed manifest as the bytes of its file."""
    return _encode(manifest)


def decode_manifest(content: bytes, name: str) -> Manifest | Finding:
    """Read a manifest for the backup of that name, or tell why it cannot be trusted."""
    try:
        version = msgspec.json.decode(content, type=_Version).format
        if version > FORMAT:
            return Finding(
                kind=FindingKind.NEWER,
                path=MANIFEST_NAME,
                expected=f"format {FORMAT} or older",
                found=f"format {version}; use the version of polyarb that wrote it",
            )
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        return _untrusted("a manifest", str(fault))
    if seal(manifest).seal != manifest.seal or _encode(manifest) != content:
        return _untrusted("a manifest as it was sealed", "another content than its seal says")
    if manifest.name != name:
        return _untrusted(f"the manifest of {name}", f"that of {manifest.name}")
    return manifest


def compare(
    manifest: Manifest, found: Mapping[str, FileEntry | str], known_seal: str = ""
) -> tuple[Finding, ...]:
    """Compare a manifest with the files that are there, by path.

    Shape: a text stands for what is no regular file, and says what it is instead. known_seal is
    the seal as it was kept elsewhere, or empty.
    """
    wanted = {entry.path: entry for entry in manifest.files}
    findings = [
        *_unsafe(manifest.files),
        *(_difference(entry, found.get(path)) for path, entry in sorted(wanted.items())),
        *(
            _extra(path, there)
            for path, there in sorted(found.items())
            if path not in wanted and path != MANIFEST_NAME
        ),
    ]
    if known_seal and known_seal != manifest.seal:
        findings.append(_untrusted(f"seal {known_seal}, as kept elsewhere", manifest.seal))
    return tuple(finding for finding in findings if finding is not None)


def _encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def _untrusted(expected: str, found: str) -> Finding:
    return Finding(kind=FindingKind.MANIFEST, path=MANIFEST_NAME, expected=expected, found=found)


def _unsafe(entries: Sequence[FileEntry]) -> list[Finding]:
    paths = [entry.path for entry in entries]
    return [
        Finding(
            kind=FindingKind.UNSAFE,
            path=path,
            expected="the path of a file that a backup holds, once",
            found="one that a backup never writes" if not is_allowed(path) else "it twice",
        )
        for number, path in enumerate(paths)
        if not is_allowed(path) or path in paths[:number]
    ]


def _difference(entry: FileEntry, there: FileEntry | str | None) -> Finding | None:
    kind, expected = FindingKind.CHANGED, f"{entry.size} bytes with hash {entry.sha256}"
    if there is None:
        return Finding(
            kind=FindingKind.MISSING, path=entry.path, expected=expected, found="no file"
        )
    if isinstance(there, str):
        return Finding(
            kind=FindingKind.UNSAFE, path=entry.path, expected="a regular file", found=there
        )
    if there == entry:
        return None
    found = f"{there.size} bytes with hash {there.sha256}"
    return Finding(kind=kind, path=entry.path, expected=expected, found=found)


def _extra(path: str, there: FileEntry | str) -> Finding:
    found = there if isinstance(there, str) else f"a file of {there.size} bytes"
    kind = FindingKind.UNSAFE if isinstance(there, str) else FindingKind.EXTRA
    return Finding(kind=kind, path=path, expected="nothing that the manifest lacks", found=found)
