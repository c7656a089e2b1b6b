"""PURE: transactions that wait for a block, in the order in which they came."""

from collections.abc import Callable, Iterator, Sequence

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.transactions import Transaction

NonceOf = Callable[[Address], int]


class Pool:
    """Waiting transactions. One with a nonce ahead of its account's waits for those before it."""

    def __init__(self) -> None:
        self._waiting: dict[str, Transaction] = {}
        self._places: dict[tuple[Address, int], str] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, transaction: Transaction) -> None:
        """Let a transaction wait; one of the same account and nonce is replaced."""
        if transaction.is_signed:
            place = (transaction.sender, transaction.nonce)
            if replaced := self._places.get(place):
                del self._waiting[replaced]
            self._places[place] = transaction.hash
        self._waiting[transaction.hash] = transaction

    def put_back(self, transactions: Sequence[Transaction]) -> None:
        """Let transactions of undone blocks wait again, before everything else."""
        waiting = tuple(self._waiting.values())
        self._waiting.clear()
        self._places.clear()
        for transaction in (*transactions, *waiting):
            self.add(transaction)

    def get(self, transaction_hash: str) -> Transaction | None:
        """Return a waiting transaction."""
        return self._waiting.get(transaction_hash)

    def at(self, sender: Address, nonce: int) -> Transaction | None:
        """Return what an account has waiting under a nonce."""
        found = self._places.get((sender, nonce))
        return self._waiting[found] if found else None

    def next_nonce(self, sender: Address, mined: int) -> int:
        """Return the nonce that an account uses next, counting what waits without a gap."""
        while (sender, mined) in self._places:
            mined += 1
        return mined

    def has_ready(self, nonce_of: NonceOf) -> bool:
        """Tell whether something can go into the next block."""
        for waiting in self._waiting.values():
            if not waiting.is_signed or waiting.nonce <= nonce_of(waiting.sender):
                return True
        return False

    def in_turn(self, nonce_of: NonceOf) -> Iterator[Transaction]:
        """Show one after the other whose turn it is; each leaves when the next is asked for."""
        has_moved = True
        while has_moved:
            has_moved = False
            for waiting in tuple(self._waiting.values()):
                if not waiting.is_signed or waiting.nonce <= nonce_of(waiting.sender):
                    has_moved = True
                    yield waiting
                    self._drop(waiting)

    def _drop(self, transaction: Transaction) -> None:
        del self._waiting[transaction.hash]
        if transaction.is_signed:
            del self._places[(transaction.sender, transaction.nonce)]
