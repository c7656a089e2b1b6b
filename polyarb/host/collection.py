"""Garbage is collected rarely while a run is live: a collection holds up every decision.

Nearly nothing that a message leaves behind is garbage in a cycle; the rest is freed at once anyway.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 20_000
"""So many new objects are left before the young ones are looked through (700 by default)."""
_TIMES = 20
"""So many looks at a generation before the next older one is looked through, too."""


@contextmanager
def rare_collection() -> Iterator[None]:
    """Collect rarely, and of what stands at the beginning nothing, until the end."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, _TIMES, _TIMES)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
