"""Files that only their owner may read: written whole, with mode 600 from the first byte on."""

import os
from contextlib import suppress
from pathlib import Path

from polyarb.store.filesystem import REAL, store_faults, write_all


def replace_privately(path: Path, content: bytes) -> None:
    """Put a whole file in place that nobody else may read. Errors: StoreError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with store_faults("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(REAL, descriptor, content)
            REAL.sync(descriptor)
            draft.replace(path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise
        finally:
            os.close(descriptor)
