"""`polyarb tape`: what is recorded, whether it is whole, in other forms, and how long it stays."""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from polyarb.domain.errors import StoreError, UsageError
from polyarb.store.columnar.archive import archive_frames, is_archive
from polyarb.store.columnar.writing import Written, write_columnar
from polyarb.store.filesystem import REAL
from polyarb.store.locks import find_holder
from polyarb.store.recording import TapeWriter
from polyarb.store.retention import Retention, retain
from polyarb.store.tape import COLUMNAR, is_tape_file, read_tape, tape_files
from polyarb.store.tape_index import IndexEntry, read_index, write_index
from polyarb.store.tape_scan import (
    TapeVerification,
    hour_of,
    number_of,
    recording_of,
    scan_tape,
    time_of,
    verify_tapes,
)
from polyarb.store.tape_writing import write_lines
from polyarb.store.workspace import Workspace

_IMPORT_FLUSH_NS = 60 * 10**9
_IMPORT_MEMBER_BYTES = 1 << 20
_NS_PER_DAY = 86_400 * 10**9


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded file as it is listed; is_indexed tells whether its index was believed."""

    path: str
    entry: IndexEntry
    is_indexed: bool
    is_being_written: bool
    needed_by: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import gave: the files that were written and their lines."""

    paths: tuple[str, ...]
    lines: int


class _TapesOfRecipe(msgspec.Struct):
    run_id: str
    tapes: tuple[str, ...]


def recording_directory(workspace: Workspace, run_id: str) -> Path:
    """Say where the frames of a run are recorded; as a tape it is all of its files, in order."""
    return workspace.tape_dir / run_id


def list_recorded(workspace: Workspace) -> tuple[Recorded, ...]:
    """List every recorded file; one whose index is absent or of another size is read."""
    needs = _needs(workspace)
    writing = files_being_written(workspace)
    listed = []
    for path in _recorded(workspace):
        entry = read_index(recording_of(path)).get(path.relative_to(recording_of(path)).as_posix())
        is_indexed = entry is not None and entry.bytes == path.stat().st_size
        place = path.absolute()
        listed.append(
            Recorded(
                path=str(path),
                entry=entry if entry is not None and is_indexed else scan_tape(path).entry,
                is_indexed=is_indexed,
                is_being_written=path in writing,
                needed_by=tuple(
                    run_id for root, run_id, _ in needs if place == root or root in place.parents
                ),
            )
        )
    return tuple(listed)


def verify_recorded(workspace: Workspace, path: Path | None) -> TapeVerification:
    """Read tapes through, all that is recorded or a named one. Errors: UsageError for none."""
    if path is not None and not path.exists():
        raise UsageError(f"{path}: expected a tape, found nothing")
    files = _recorded(workspace) if path is None else tape_files(path)
    return verify_tapes(files, files_being_written(workspace))


def rebuild_indexes(workspace: Workspace) -> tuple[IndexEntry, ...]:
    """Write every index anew from the files; a file that is being written is left out."""
    writing = files_being_written(workspace)
    by_root: dict[Path, list[IndexEntry]] = {}
    for path in _recorded(workspace):
        if hour_of(path) and path not in writing:
            by_root.setdefault(recording_of(path), []).append(scan_tape(path).entry)
    for root, entries in by_root.items():
        write_index(REAL, root, entries)
    return tuple(entry for entries in by_root.values() for entry in entries)


def export_columnar(
    tapes: Sequence[Path], target: Path, *, since_ns: int, until_ns: int | None, keep_hashes: bool
) -> Written:
    """Write tapes, or what they received in a span of time, as one columnar file.

    A line that tells no time belongs to the time before it. Errors: UsageError for a tape that is
    absent, a target that is there, or a span that holds nothing; the faults of the store.
    """
    for tape in tapes:
        if not tape.exists():
            raise UsageError(f"{tape}: expected a tape, found nothing")
    if not target.name.endswith(COLUMNAR):
        raise UsageError(f"--parquet: expected a name that ends in {COLUMNAR}, found {target}")
    is_whole = since_ns == 0 and until_ns is None
    blocks = read_tape(*tapes).blocks()
    return write_columnar(
        target,
        blocks if is_whole else _between(blocks, since_ns, until_ns),
        keep_hashes=keep_hashes,
    )


def import_parquet(sources: Sequence[Path], out: Path) -> Imported:
    """Write columnar tapes, or hourly archives of the venue, as tapes below a directory.

    Columnar tapes come back line by line; archives are put in order of receipt, all of them
    together. Errors: UsageError for a source that is absent, a mixture, or a directory that holds
    tapes already; StoreError for a source that cannot be read.
    """
    for source in sources:
        if not source.is_file():
            raise UsageError(f"{source}: expected a Parquet file, found none")
    archives = [source for source in sources if is_archive(source)]
    if not archives:
        return _import_columnar(sources, out)
    if len(archives) < len(sources):
        raise UsageError(
            "expected either columnar tapes or archives, found both; import them one after another"
        )
    if out.is_dir() and any(is_tape_file(path) for path in out.rglob("*")):
        raise UsageError(f"--out: expected a directory without tapes, found some in {out}")
    return _import_archives(sources, out)


def prune_recorded(
    workspace: Workspace, budget: int, *, keep_days: int, is_forced: bool, now_ns: int
) -> Retention:
    """Remove the oldest whole hours until recordings are within a budget.

    What runs need that were recorded or begun in the last days stays, unless forced.
    """
    return retain(
        workspace.tape_dir,
        budget,
        writing=files_being_written(workspace),
        needed=() if is_forced else needed_by_runs(workspace, now_ns - keep_days * _NS_PER_DAY),
    )


def needed_by_runs(workspace: Workspace, since_ns: int) -> list[tuple[Path, str]]:
    """List the tapes of runs that were recorded or begun since a time, each with its run."""
    return [
        (root, f"run {run_id}")
        for root, run_id, latest_ns in _needs(workspace)
        if latest_ns >= since_ns
    ]


def refuse_pruned(tape: Path) -> None:
    """Refuse the directory of a run whose first hours were removed. Errors: StoreError.

    Lines are numbered from 0; a directory in which none has a number was not recorded by a run.
    """
    if not tape.is_dir():
        return
    files = sorted(path for path in tape.rglob("*") if is_tape_file(path))
    first = next(iter(read_tape(files[0])), b"") if files else b""
    if not files or number_of(first):
        raise StoreError(
            f"{tape}: expected the frames of the run from its first one on, found that"
            f" {'the oldest' if files else 'all'} were removed to save disk (`polyarb tape prune`"
            " or `recording` in config.yaml); what is gone cannot be run again"
        )


def files_being_written(workspace: Workspace) -> frozenset[Path]:
    """Find what a running process may be writing: the last file of each recording, if unindexed."""
    if find_holder(workspace.lock_file) is None:
        return frozenset()
    latest: dict[Path, Path] = {}
    for path in _recorded(workspace):
        if hour_of(path):
            latest[recording_of(path)] = path
    return frozenset(
        path
        for root, path in latest.items()
        if path.relative_to(root).as_posix() not in read_index(root)
    )


def _recorded(workspace: Workspace) -> tuple[Path, ...]:
    directory = workspace.tape_dir
    if not directory.is_dir():
        return ()
    return tuple(path for path in sorted(directory.rglob("*")) if is_tape_file(path))


def _needs(workspace: Workspace) -> list[tuple[Path, str, int]]:
    """List which tape which run was made of, and the latest time of either."""
    needs = []
    for recipe in sorted((workspace.data_dir / "runs").glob("*.json")):
        try:
            found = msgspec.json.decode(recipe.read_bytes(), type=_TapesOfRecipe)
        except msgspec.DecodeError as fault:
            raise StoreError(f"{recipe}: expected a recipe, found {fault}") from fault
        for tape in map(Path, found.tapes):
            latest_ns = recipe.stat().st_mtime_ns
            if tape.is_dir():
                files = (path for path in tape.rglob("*") if is_tape_file(path))
                latest_ns = max((path.stat().st_mtime_ns for path in files), default=latest_ns)
            needs.append((tape.absolute(), found.run_id, latest_ns))
    return needs


def _between(
    blocks: Iterator[list[bytes]], since_ns: int, until_ns: int | None
) -> Iterator[list[bytes]]:
    latest_ns = found = 0
    for block in blocks:
        chosen = []
        for line in block:
            latest_ns = time_of(line) or latest_ns
            if since_ns <= latest_ns and (until_ns is None or latest_ns < until_ns):
                chosen.append(line)
        found += len(chosen)
        yield chosen
    if not found:
        first = datetime.fromtimestamp(since_ns // 10**9, UTC)
        raise UsageError(f"expected lines of the span from {first:%Y-%m-%d %H:%M}, found none")


def _import_columnar(sources: Sequence[Path], out: Path) -> Imported:
    lines = 0
    paths = []
    for source in sources:
        target = out / f"{source.name.removesuffix(COLUMNAR)}.jsonl.gz"
        reading = read_tape(source)
        lines += write_lines(target, reading.blocks())
        if reading.is_torn:
            target.unlink()
            raise StoreError(f"{source}: {reading.ends[0].reason}; copy the file again")
        paths.append(str(target))
    return Imported(paths=tuple(paths), lines=lines)


def _import_archives(sources: Sequence[Path], out: Path) -> Imported:
    out.mkdir(parents=True, exist_ok=True)
    writer = TapeWriter(out, flush_ns=_IMPORT_FLUSH_NS, member_bytes=_IMPORT_MEMBER_BYTES)
    with tempfile.TemporaryDirectory(dir=out, prefix=".import-") as scratch:
        for receive_time_ns, frame in archive_frames(sources, Path(scratch)):
            writer.record(frame, receive_time_ns)
    writer.close()
    paths = (path for path in sorted(out.rglob("*")) if is_tape_file(path))
    return Imported(paths=tuple(map(str, paths)), lines=writer.frames)
