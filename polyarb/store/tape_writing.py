"""Write lines of a tape that exist already to a new file, as they are."""

import zlib
from collections.abc import Iterable
from pathlib import Path

from polyarb.store.filesystem import REAL, FileSystem, new_file, write_all

_LEVEL = 6
_GZIP_WINDOW = 31


def write_lines(path: Path, blocks: Iterable[list[bytes]], files: FileSystem = REAL) -> int:
    """Write lines as gzip, a member a block; return how many. The file appears whole or not at all.

    Errors: UsageError when it exists, StoreError when it cannot be written.
    """
    lines = 0
    with new_file(files, path) as descriptor:
        for block in blocks:
            compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
            member = compressor.compress(b"".join(line + b"\n" for line in block))
            write_all(files, descriptor, member + compressor.flush())
            lines += len(block)
    return lines
