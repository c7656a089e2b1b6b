"""PURE: the blocks that were made, with what it takes to take the youngest back.

Numbers follow the clock, so most blocks are empty and are formed only when somebody asks. A hash
depends on the fork that a number lies on: after a reorg the same numbers have other hashes.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.sandbox.chain.state import Write
from polyarb.venue.sandbox.chain.transactions import Block, Transaction

UNDOABLE: Final = 128
"""How many blocks can be undone or read back, as on a full node."""
NS_PER_S: Final = 1_000_000_000

_NUMBER_BYTES: Final = 8


@dataclass(slots=True)
class Made:
    """What a block that is not empty carries."""

    number: int
    transactions: tuple[Transaction, ...]
    gas_used: int
    written: tuple[Write, ...]


class Blocks:
    """The chain of blocks up to its head. Units: block_ms milliseconds between blocks."""

    def __init__(self, *, genesis_ns: int, block_ms: int) -> None:
        self.head = 0
        self._genesis_ns = genesis_ns
        self._block_ns = block_ms * 1_000_000
        self._made: dict[int, Made] = {}
        self._numbers: list[int] = []
        self._young: deque[Made] = deque()
        self._forks = [0]
        self._oldest = 0

    @property
    def reorgs(self) -> int:
        """Return how often blocks were undone."""
        return len(self._forks) - 1

    @property
    def last_made(self) -> int | None:
        """Return the number of the youngest block that carries something."""
        return self._numbers[-1] if self._numbers else None

    def number_at(self, at_ns: int) -> int:
        """Return the number of the last block at a time."""
        return max(at_ns - self._genesis_ns, 0) // self._block_ns

    def made_ns(self, number: int) -> int:
        """Return when a block is made."""
        return self._genesis_ns + number * self._block_ns

    def add(
        self,
        number: int,
        transactions: tuple[Transaction, ...],
        *,
        gas_used: int,
        written: tuple[Write, ...],
    ) -> None:
        """Append a block that carries something."""
        made = Made(number, transactions, gas_used, written)
        self._made[number] = made
        self._numbers.append(number)
        self._young.append(made)
        self.move_head(number)

    def move_head(self, number: int) -> None:
        """Let empty blocks follow up to a number; what can no longer be undone is let go."""
        self.head = max(self.head, number)
        while self._young and self._young[0].number <= self.head - UNDOABLE:
            self._young.popleft().written = ()

    def forget_before(self, number: int) -> list[Made]:
        """Let go of the blocks before a number that carried settlements alone, and return them.

        They come by themselves, day and night; what somebody sent is kept.
        """
        first = bisect_left(self._numbers, self._oldest)
        end = bisect_left(self._numbers, number)
        self._oldest = number
        aged = [self._made[each] for each in self._numbers[first:end]]
        forgotten = [made for made in aged if all(each.match for each in made.transactions)]
        for made in forgotten:
            del self._made[made.number]
        self._numbers[first:end] = [made.number for made in aged if made.number in self._made]
        return forgotten

    def is_kept(self, number: int) -> bool:
        """Tell whether a block carries something that was not let go."""
        return number in self._made

    def undo(self, depth: int) -> list[Made]:
        """Take the last blocks off the chain; return those that carry something, youngest first."""
        first = max(self.head - depth, 0) + 1
        self._forks.append(first)
        undone = []
        while self._young and self._young[-1].number >= first:
            made = self._young.pop()
            del self._made[made.number]
            self._numbers.pop()
            undone.append(made)
        return undone

    def written_since(self, number: int) -> list[Sequence[Write]]:
        """Return what was written after a block, oldest first."""
        return [made.written for made in self._young if made.number > number]

    def get(self, number: int) -> Block | None:
        """Return a block, None when there is none of this number."""
        if not 0 <= number <= self.head:
            return None
        made = self._made.get(number)
        carried = made.transactions if made else ()
        return Block(
            number=number,
            hash=self.hash_of(number),
            parent_hash=self.hash_of(number - 1),
            made_s=self.made_ns(number) // NS_PER_S,
            gas_used=made.gas_used if made else 0,
            transaction_hashes=tuple(transaction.hash for transaction in carried),
        )

    def find(self, block_hash: str) -> Block | None:
        """Return the block of this hash, None when it is not on the chain (any more)."""
        number = int(block_hash[-2 * _NUMBER_BYTES :], 16)
        if not 0 <= number <= self.head or self.hash_of(number) != block_hash:
            return None
        return self.get(number)

    def hash_of(self, number: int) -> str:
        """Return the hash of a block; its last eight bytes are its number."""
        if number < 0:
            return "0x" + "00" * 32
        fork = max(at for at, first in enumerate(self._forks) if first <= number)
        seed = f"{self._genesis_ns} {number} {fork}".encode()
        tail = number.to_bytes(_NUMBER_BYTES, "big")
        return "0x" + (keccak256(seed)[:-_NUMBER_BYTES] + tail).hex()

    def made_between(self, first: int, last: int) -> list[int]:
        """Return the numbers of the blocks of a range that carry something."""
        start = bisect_right(self._numbers, first - 1)
        stop = bisect_right(self._numbers, last)
        return self._numbers[start:stop]
