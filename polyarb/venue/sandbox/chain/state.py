"""PURE: everything that contracts remember, as one table of numbers in which every write undoes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

Slot = tuple[str, ...]
"""Where a number stands: (token, owner), (token, owner, spender), (word, id, ...)."""
Write = tuple[Slot, int]
"""What stood in a slot before it was written."""

UNLIMITED: Final = 2**256 - 1


class State:
    """Numbers by slot; a slot that was never written, or was written back to 0, does not exist."""

    __slots__ = ("_journal", "_slots")

    def __init__(self) -> None:
        self._slots: dict[Slot, int] = {}
        self._journal: list[Write] = []

    def read(self, slot: Slot) -> int:
        """Return what stands in a slot, 0 when nothing does."""
        return self._slots.get(slot, 0)

    def write(self, slot: Slot, number: int) -> None:
        """Put a number into a slot."""
        slots = self._slots
        self._journal.append((slot, slots.get(slot, 0)))
        if number:
            slots[slot] = number
        else:
            slots.pop(slot, None)

    def mark(self) -> int:
        """Return the point to which `undo` can go back."""
        return len(self._journal)

    def undo(self, mark: int) -> None:
        """Take back every write since a mark."""
        journal = self._journal
        while len(journal) > mark:
            self._put(*journal.pop())

    def seal(self) -> tuple[Write, ...]:
        """Return what was written since the last seal, so that `restore` can take it back."""
        written = tuple(self._journal)
        self._journal.clear()
        return written

    def restore(self, written: Sequence[Write]) -> None:
        """Take back writes that were sealed; those sealed later must be taken back before."""
        for slot, number in reversed(written):
            self._put(slot, number)

    @contextmanager
    def rewound(self, sealed: Sequence[Sequence[Write]]) -> Iterator[None]:
        """Show the state before some seals (oldest first), then the present again."""
        before = self.mark()
        for written in reversed(sealed):
            for slot, number in reversed(written):
                self.write(slot, number)
        try:
            yield
        finally:
            self.undo(before)

    def items(self) -> Iterator[tuple[Slot, int]]:
        """Return all that is written, in no order."""
        return iter(self._slots.items())

    def _put(self, slot: Slot, number: int) -> None:
        if number:
            self._slots[slot] = number
        else:
            self._slots.pop(slot, None)
