"""Write lines of a tape that exist already to a new file, as they are."""

import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from polyarb.domain.errors import UsageError
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults, write_all

_LEVEL = 6
_GZIP_WINDOW = 31


def write_lines(path: Path, blocks: Iterable[list[bytes]], files: FileSystem = REAL) -> int:
    """Write lines as gzip, a member a block; return how many. The file appears whole or not at all.

    Errors: UsageError when it exists, StoreError when it cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path}: expected no file, found one; choose another directory")
    draft = path.with_name(f".{path.name}.partial")
    lines = 0
    with store_faults("write", path):
        ensure_directory(files, path.parent)
        draft.unlink(missing_ok=True)
        descriptor = files.open_append(draft, is_new=True)
        try:
            for block in blocks:
                compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
                member = compressor.compress(b"".join(line + b"\n" for line in block))
                write_all(files, descriptor, member + compressor.flush())
                lines += len(block)
            files.sync(descriptor)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        finally:
            files.close(descriptor)
        files.rename(draft, path)
        files.sync_directory(path.parent)
    return lines
