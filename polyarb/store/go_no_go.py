"""The files of go/no-go records: reports/go_no_go/YYYYMMDD_HHMM_PHASE.json, a page beside each."""

from datetime import UTC, datetime
from pathlib import Path

from polyarb.store.filesystem import (
    REAL,
    FileSystem,
    ensure_directory,
    replace_durably,
    store_faults,
)

_NS = 10**9
_SAME_MINUTE_MAX = 1_000


def new_record_file(folder: Path, phase: str, now_ns: int) -> Path:
    """Name a record of this minute; what is there already is never overwritten."""
    stem = f"{datetime.fromtimestamp(now_ns // _NS, UTC):%Y%m%d_%H%M}_{phase}"
    names = (f"{stem}.json", *(f"{stem}_{count}.json" for count in range(2, _SAME_MINUTE_MAX)))
    return next(folder / name for name in names if not (folder / name).exists())


def write_record(path: Path, content: bytes, page: str, *, files: FileSystem = REAL) -> None:
    """Put a record and the page that tells it in place, the record last. Errors: StoreError."""
    with store_faults("write", path):
        ensure_directory(files, path.parent)
        replace_durably(files, path.with_suffix(".md"), page.encode())
        replace_durably(files, path, content)


def record_files(folder: Path) -> list[Path]:
    """List the records by name."""
    return sorted(folder.glob("[0-9]*.json"))
