"""How much of the disk recordings may take: which hours go, decided apart from their removal."""

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec

from polyarb.domain.errors import UsageError
from polyarb.store.filesystem import REAL, FileSystem, remove_durably, store_faults
from polyarb.store.tape import is_tape_file
from polyarb.store.tape_index import index_path, read_index, write_index
from polyarb.store.tape_scan import hour_of, recording_of

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]i?b?|b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class TapeFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file below the directory of recordings.

    Shape: hour is YYYYMMDDHH, nothing for what no run recorded; kept_for says why it must stay.
    """

    path: str
    bytes: int
    hour: str
    kept_for: str = ""


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """What goes and what stays. Units: bytes as stored; budget None is no limit."""

    budget: int | None
    removed: tuple[TapeFile, ...]
    removed_bytes: int
    kept_bytes: int
    kept_for: tuple[str, ...]

    @property
    def is_within(self) -> bool:
        """Tell whether what stays is within the budget."""
        return self.budget is None or self.kept_bytes <= self.budget


def choose_expired(
    files: Sequence[TapeFile], budget: int | None, *, before_hour: str = ""
) -> Retention:
    """Choose the hours before one, then the oldest whole ones until the rest is within the budget.

    Of an hour everything goes but what must stay; what no run recorded counts and stays.
    Shape: before_hour is YYYYMMDDHH, nothing for none; budget None is no limit.
    """
    kept_bytes = sum(file.bytes for file in files)
    removed: list[TapeFile] = []
    for hour in sorted({file.hour for file in files if file.hour}):
        if hour >= before_hour and (budget is None or kept_bytes <= budget):
            break
        expired = [file for file in files if file.hour == hour and not file.kept_for]
        removed += expired
        kept_bytes -= sum(file.bytes for file in expired)
    return Retention(
        budget=budget,
        removed=tuple(removed),
        removed_bytes=sum(file.bytes for file in removed),
        kept_bytes=kept_bytes,
        kept_for=tuple(sorted({file.kept_for for file in files if file.kept_for})),
    )


def recorded_files(
    directory: Path, *, writing: Collection[Path] = (), needed: Iterable[tuple[Path, str]] = ()
) -> tuple[TapeFile, ...]:
    """List the files below a directory; needed are files or directories, each with the reason."""
    reasons = [(path.absolute(), reason) for path, reason in needed]
    being_written = {path.absolute() for path in writing}
    found = []
    with store_faults("read", directory):
        for path in sorted(directory.rglob("*")) if directory.is_dir() else ():
            if not is_tape_file(path):
                continue
            place = path.absolute()
            own = (why for root, why in reasons if place == root or root in place.parents)
            kept_for = "it is being written" if place in being_written else next(own, "")
            size = path.stat().st_size
            found.append(
                TapeFile(path=str(path), bytes=size, hour=hour_of(path), kept_for=kept_for)
            )
    return tuple(found)


def remove_expired(retention: Retention, files: FileSystem = REAL) -> None:
    """Remove what was chosen, from the indexes first, so that none names what is not there.

    Errors: StoreError; what is left can be chosen again.
    """
    by_root: dict[Path, list[Path]] = {}
    for file in retention.removed:
        path = Path(file.path)
        by_root.setdefault(recording_of(path), []).append(path)
    for root, paths in by_root.items():
        gone = {path.relative_to(root).as_posix() for path in paths}
        entries = read_index(root)
        if index_path(root).exists() and gone & set(entries):
            write_index(files, root, [entries[name] for name in entries if name not in gone])
        for path in paths:
            with store_faults("remove", path):
                remove_durably(files, path)


def retain(
    directory: Path,
    budget: int | None,
    *,
    before_hour: str = "",
    writing: Collection[Path] = (),
    needed: Iterable[tuple[Path, str]] = (),
    files: FileSystem = REAL,
) -> Retention:
    """Bring the recordings below a directory within limits, which are those of `choose_expired`.

    Errors: StoreError when a file cannot be removed.
    """
    recorded = recorded_files(directory, writing=writing, needed=needed)
    retention = choose_expired(recorded, budget, before_hour=before_hour)
    remove_expired(retention, files)
    return retention


def parse_bytes(text: str) -> int:
    """Read an amount like 20GB, 1.5 TB or 500 MiB in bytes. Errors: UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--budget: expected an amount like 20GB, found {text!r}")
    unit = (found[2] or "").lower()
    factor = (1024 if "i" in unit else 1000) ** _POWERS[unit.rstrip("ib")]
    return int(float(found[1]) * factor)
