"""PURE: the chain as one node sees it: up to its own head, which may lag behind."""

from collections.abc import Iterator
from contextlib import contextmanager

from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.rpc_params import RpcError, invalid, number_of, word_of
from polyarb.venue.sandbox.chain.rpc_shapes import Before
from polyarb.venue.sandbox.chain.state import State
from polyarb.venue.sandbox.chain.transactions import Block, Receipt

SERVER_ERROR = -32_000
PRUNED_HISTORY = 4_444

_YOUNGEST = ("latest", "pending")
_SETTLED = ("safe", "finalized")


class View:
    """What a node knows. Units: lag in blocks."""

    def __init__(self, chain: Chain, *, lag: int = 0) -> None:
        self.chain = chain
        self.head = max(chain.head.number - lag, 0)

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """Return how a transaction ended, None while this node has not seen its block."""
        receipt = self.chain.receipt(transaction_hash)
        return receipt if receipt and receipt.block_number <= self.head else None

    def block(self, number: int) -> Block | None:
        """Return a block by its number, None when this node has none."""
        self.need_history(number, number)
        return self.chain.block(number) if number <= self.head else None

    def block_by_hash(self, block_hash: str) -> Block | None:
        """Return a block by its hash, None when this node has none."""
        block = self.chain.block(block_hash)
        if block is None or block.number > self.head:
            return None
        self.need_history(block.number, block.number)
        return block

    def number(self, tag: object, place: int) -> int:
        """Read a block parameter: a tag, a number, or an object with either of number and hash."""
        if tag is None or tag in _YOUNGEST:
            return self.head
        if tag == "earliest":
            return 0
        if tag in _SETTLED:
            return max(self.head - self.chain.settings.confirmations, 0)
        if isinstance(tag, dict):
            return self._number_of_record(tag, place)
        return number_of(tag, place)

    def known(self, tag: object, place: int) -> int:
        """Read a block parameter of a block that this node must have."""
        number = self.number(tag, place)
        if number > self.head:
            raise RpcError(SERVER_ERROR, "header not found")
        return number

    @contextmanager
    def state(self, tag: object, place: int) -> Iterator[State]:
        """Show the state after a block."""
        number = self.known(tag, place)
        self.need_state(number)
        with self.chain.state_at(number) as state:
            yield state

    def need_state(self, number: int) -> None:
        """Hold a block against what is still kept of the past."""
        if number < self.chain.oldest_state:
            raise RpcError(
                SERVER_ERROR,
                f"missing trie node: the state of block {number} is not kept any more, "
                f"the oldest is that of block {self.chain.oldest_state}",
            )

    def need_history(self, first: int, last: int) -> None:
        """Hold blocks against what is still known of what they carried."""
        is_kept = first == last and self.chain.is_kept(first)
        if first < self.chain.oldest_block and not is_kept:
            raise RpcError(PRUNED_HISTORY, "pruned history unavailable")

    def before(self, receipt: Receipt) -> Before:
        """Return what a block used and logged before one of its transactions."""
        earlier = self.chain.receipts_of(receipt.block_number)[: receipt.index]
        return Before(
            gas=sum(each.gas_used for each in earlier),
            logs=sum(len(self.chain.emitted_by(each)) for each in earlier),
        )

    def _number_of_record(self, record: dict[object, object], place: int) -> int:
        if "blockHash" in record:
            block = self.block_by_hash(word_of(record["blockHash"], place))
            if block is None:
                raise RpcError(SERVER_ERROR, "header for hash not found")
            return block.number
        if "blockNumber" in record:
            return self.number(record["blockNumber"], place)
        raise invalid(place, "expected a block number, a tag or a block hash")
