"""Make a backup beside a live trader: only read what is its, then let the whole appear at once."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.store.backup.canaries import Canary, CanaryScan, refuse_told_secrets
from polyarb.store.backup.copying import (
    READ_ONLY,
    Copier,
    hash_open,
    list_files,
    make_own_directory,
    open_regular,
    remove_tree,
    sync_tree,
)
from polyarb.store.backup.journal_copy import JournalCopy, copy_journal
from polyarb.store.backup.manifest import (
    FORMAT,
    DatabasePart,
    EnvPart,
    FileEntry,
    Manifest,
    TapeEntry,
    encode_manifest,
    seal,
)
from polyarb.store.backup.parts import (
    DATABASE,
    MANIFEST_NAME,
    METADATA_NAME,
    PARTS,
    TAPES,
    Part,
    belongs,
    is_tape,
)
from polyarb.store.backup.places import free_name, partial_of
from polyarb.store.backup.snapshot import REBUILD, take_snapshot
from polyarb.store.backup.state import StateFold
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults
from polyarb.store.records import START
from polyarb.store.tape_index import IndexEntry, read_index
from polyarb.store.workspace import Workspace

_ENV_NAME = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*(?:=|$)")


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Where a backup comes from, for a person who finds it."""

    timestamp_utc: str
    timestamp_local: str
    version: str
    code_digest: str
    hostname: str
    user: str
    workspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a backup is made of and with. Units: now_ns in unix nanoseconds."""

    place: Workspace
    metadata: Metadata
    now_ns: int
    canaries: Sequence[Canary] = ()
    with_tapes: bool = False
    files: FileSystem = REAL


@dataclass(slots=True)
class _Draft:
    """A backup while it is made."""

    request: Request
    copier: Copier
    entries: list[FileEntry] = field(default_factory=list)
    tapes: list[TapeEntry] = field(default_factory=list)
    database: DatabasePart = field(default_factory=DatabasePart)
    journal: JournalCopy | None = None
    fold: StateFold = field(default_factory=StateFold)

    @property
    def root(self) -> Path:
        """The workspace."""
        return self.request.place.root


def create_backup(request: Request) -> Manifest:
    """Make a backup; the caller holds the lock and has swept.

    Errors: RefusedError for a secret or a symbolic link, BrokenJournalError, StoreError for a full
    disk; nothing that looks like a backup is left then.
    """
    folder, files = request.place.backups_dir, request.files
    name = free_name(folder, request.now_ns)
    partial = partial_of(folder / name)
    with store_faults("make", partial):
        make_own_directory(files, partial)
    try:
        copier = Copier(files, partial, CanaryScan(request.canaries), READ_ONLY)
        draft = _Draft(request, copier)
        for step in STEPS:
            step(draft)
        manifest = _write_manifest(draft, name)
        with store_faults("write", partial):
            sync_tree(files, partial)
            files.rename(partial, folder / name)
            files.sync_directory(folder)
    except BaseException:
        with suppress(OSError):
            remove_tree(files, partial)
        raise
    return manifest


def _snapshot_database(draft: _Draft) -> None:
    target = draft.copier.target / DATABASE
    with store_faults("make", target.parent):
        ensure_directory(draft.request.files, target.parent)
    draft.database = take_snapshot(draft.request.place.database_file, target)


def _copy_journal(draft: _Draft) -> None:
    place = draft.request.place
    wanted = draft.database.applied or START
    draft.journal = copy_journal(
        place.journal_file, place.journal_dir, draft.copier, draft.fold, wanted
    )
    draft.entries += draft.journal.entries


def _keep_database(draft: _Draft) -> None:
    """Keep the snapshot if the journal's copy passes where it stands."""
    if draft.database.applied is None:
        return
    assert draft.journal is not None
    if draft.journal.passed == draft.database.applied:
        draft.entries.append(draft.copier.adopt(DATABASE))
        return
    with store_faults("remove", draft.copier.target / DATABASE):
        draft.request.files.remove(draft.copier.target / DATABASE)
    applied, head = draft.database.applied.sequence, draft.journal.part.head.sequence
    draft.database = DatabasePart(
        left_out=f"it followed another journal (record {applied}; this one ends at {head}); "
        f"{REBUILD}"
    )


def _copy_parts(draft: _Draft) -> None:
    for part in PARTS:
        for path, place in _files_of(draft.root, part):
            entry = _copy_part(draft, part, path, place)
            if entry is not None:
                draft.entries.append(entry)


def _copy_torn(draft: _Draft) -> None:
    """Copy the torn tails that were kept aside; they are no segments."""
    archive = draft.request.place.journal_dir
    for path in sorted(archive.glob("torn-*.bin")):
        with open_regular(path) as source:
            relative = path.relative_to(draft.root).as_posix()
            draft.entries.append(draft.copier.copy(source, relative))


def _files_of(root: Path, part: Part) -> list[tuple[str, Path]]:
    folder = root / part.folder
    if not part.is_deep:
        listed = [(path.name, path) for path in folder.glob("*")] if folder.is_dir() else []
        listed += [(path.name, path) for path in folder.glob(".env.example")]
        found = [(name, path) for name, path in listed if path.is_symlink() or not path.is_dir()]
    else:
        found = list(list_files(folder))
    named = {f"{part.folder}/{name}" if part.folder else name: path for name, path in found}
    return sorted((path, place) for path, place in named.items() if belongs(path, part))


def _copy_part(draft: _Draft, part: Part, path: str, place: Path) -> FileEntry | None:
    """Copy one file; None when it went away since it was listed."""
    with ExitStack() as stack:
        source = _open_if_there(stack, place)
        if source is None:
            return None
        if not part.is_told:
            return draft.copier.copy(source, path)
        content = source.read()
    if path.endswith(".jsonl"):
        # A line that is being written is not there yet.
        content = content[: content.rfind(b"\n") + 1]
    refuse_told_secrets(path, content)
    return draft.copier.write([content], path)


def _open_if_there(stack: ExitStack, place: Path) -> BinaryIO | None:
    """Open a listed file; the trader may have removed it meanwhile."""
    try:
        return stack.enter_context(open_regular(place))
    except StoreError as fault:
        if isinstance(fault.__cause__, FileNotFoundError):
            return None
        raise


def _list_tapes(draft: _Draft) -> None:
    """List recorded tapes with the hashes that their indexes have; copy them where asked to."""
    folder, is_included = draft.request.place.tape_dir, draft.request.with_tapes
    indexes: dict[str, dict[str, IndexEntry]] = {}
    for name, place in list_files(folder):
        path = f"{TAPES}/{name}"
        if not is_tape(path):
            continue
        with ExitStack() as stack:
            source = _open_if_there(stack, place)
            if source is None:
                continue
            if is_included:
                entry = draft.copier.copy(source, path)
                draft.entries.append(entry)
            else:
                entry = _indexed(folder, name, source, indexes) or hash_open(source, path)
        draft.tapes.append(
            TapeEntry(path=path, size=entry.size, sha256=entry.sha256, is_included=is_included)
        )


def _indexed(
    folder: Path, name: str, source: BinaryIO, indexes: dict[str, dict[str, IndexEntry]]
) -> FileEntry | None:
    """Take a finished tape's hash from the index of its recording, unless its size differs."""
    run, _, file = name.partition("/")
    if run not in indexes:
        indexes[run] = read_index(folder / run) if (folder / run).is_dir() else {}
    found = indexes[run].get(file)
    if found is None or found.bytes != os.fstat(source.fileno()).st_size:
        return None
    return FileEntry(path=f"{TAPES}/{name}", size=found.bytes, sha256=found.sha256)


STEPS: tuple[Callable[[_Draft], None], ...] = (
    _snapshot_database,
    _copy_journal,
    _keep_database,
    _copy_torn,
    _copy_parts,
    _list_tapes,
)
"""The database goes first: the journal, copied after it, then reaches at least as far."""


def _write_manifest(draft: _Draft, name: str) -> Manifest:
    request, metadata = draft.request, draft.request.metadata
    assert draft.journal is not None
    text = msgspec.json.format(msgspec.json.encode(metadata), indent=1) + b"\n"
    draft.entries.append(draft.copier.write([text], METADATA_NAME))
    head = draft.journal.part.head
    files = tuple(sorted(draft.entries, key=lambda entry: entry.path))
    manifest = seal(
        Manifest(
            format=FORMAT,
            name=name,
            created_ns=request.now_ns,
            version=metadata.version,
            code_digest=metadata.code_digest,
            config_digest=_digest_of(files, PARTS[0]),
            journal=draft.journal.part,
            state=draft.fold.state(head.sequence),
            database=draft.database,
            env=_env_part(request.place),
            files=files,
            tapes=tuple(draft.tapes),
        )
    )
    draft.copier.write([encode_manifest(manifest)], MANIFEST_NAME)
    return manifest


def _digest_of(files: Sequence[FileEntry], part: Part) -> str:
    """Hash the names and hashes of a part's files."""
    lines = [f"{entry.path} {entry.sha256}\n" for entry in files if belongs(entry.path, part)]
    return sha256("".join(lines).encode()).hexdigest()


def _env_part(place: Workspace) -> EnvPart | None:
    """Note that there is a .env and which names it sets, without any value."""
    path = place.env_file
    if not path.exists():
        return None
    with store_faults("read", path):
        content = path.read_bytes()
    lines = content.decode("utf-8", "replace").splitlines()
    names = tuple(found[1] for line in lines if (found := _ENV_NAME.match(line)))
    return EnvPart(sha256=sha256(content).hexdigest(), names=names)
