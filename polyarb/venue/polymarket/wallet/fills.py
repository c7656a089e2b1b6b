"""The drop copy: every fill of our account as the exchanges logged it, read block by block.

It goes on from a cursor that the caller keeps. What a reorganisation undid is withdrawn before it
is read anew, so a caller who drops what is withdrawn holds what the chain holds.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from polyarb.domain.ids import OrderId, TokenId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS, address_of
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address, Bytes32
from polyarb.venue.polymarket.signing.words import address_word, hex_bytes
from polyarb.venue.polymarket.wallet.abi import unreadable
from polyarb.venue.polymarket.wallet.answers import (
    BlockSeen,
    LogSeen,
    known,
    quantity,
    read_block,
    read_logs,
)
from polyarb.venue.polymarket.wallet.node import Ask, Node, NodeError, NodeFault

EXCHANGES: Final = (CONTRACTS.exchange, CONTRACTS.neg_risk_exchange)
FIRST_BLOCK: Final = 84_902_353
"""Before it the exchanges of today did not exist. Source: polymarket-chain 3."""
MARKS_MAX: Final = 64
"""How many blocks are remembered by their hash: the deepest reorganisation that is followed."""

_ORDER_FILLED: Final = (
    "0x"
    + keccak256(
        b"OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)"
    ).hex()
)
_KINDS: Final = ("uint8", "uint256", "uint256", "uint256", "uint256", "bytes32", "bytes32")
_BODY_BYTES: Final = 32 * len(_KINDS)
_TOPICS: Final = 4
_SIDES: Final = (Side.BUY, Side.SELL)


class ChainFill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of one of our orders, as its exchange logged it.

    Units: given and got are micros of pUSD or micro-shares: a BUY gives pUSD for shares, a SELL
    shares for pUSD; fee in micros of pUSD. taker is the counterparty, or the exchange itself.
    """

    exchange: Address
    order_id: OrderId
    maker: Address
    taker: Address
    side: Side
    token_id: TokenId
    given: int
    got: int
    fee: int
    builder: Bytes32
    metadata: Bytes32
    block_number: int
    block_hash: str
    transaction_hash: str
    log_index: int

    @property
    def is_neg_risk(self) -> bool:
        """Tell whether the market is a question of a neg-risk group."""
        return self.exchange == CONTRACTS.neg_risk_exchange

    @property
    def shares(self) -> int:
        """Return how many shares changed hands. Units: micro-shares."""
        return self.got if self.side is Side.BUY else self.given

    @property
    def cash(self) -> int:
        """Return what was paid for them, without the fee. Units: micros."""
        return self.given if self.side is Side.BUY else self.got


class BlockMark(msgspec.Struct, frozen=True, kw_only=True):
    """A block that was read, by its hash."""

    number: int
    hash: str


class FillCursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where reading goes on. Shape: marks from the oldest on; keep it with what was read."""

    next_block: int = FIRST_BLOCK
    marks: tuple[BlockMark, ...] = ()


class DropCopy(msgspec.Struct, frozen=True, kw_only=True):
    """What one read found.

    Shape: drop what was read of block `withdrawn_from` and later ones (None: nothing), then add
    the fills, then keep the cursor; is_complete where nothing more is to be read now.
    """

    fills: tuple[ChainFill, ...]
    withdrawn_from: int | None
    cursor: FillCursor
    is_complete: bool


class DropCopyReader:
    """Reads the fills of one account. Units: blocks; confirmations behind the head is read up to.

    With confirmations 0 a fill is told at once, and withdrawn if its block is undone.
    """

    def __init__(
        self, node: Node, account: Address, *, confirmations: int = 0, blocks_max: int = 2_000
    ) -> None:
        self._node = node
        self._account = account
        self._confirmations = confirmations
        self._blocks_max = blocks_max

    async def read(self, cursor: FillCursor) -> DropCopy:
        """Read on from a cursor, at most `blocks_max` blocks. Errors: NodeError, VenueError.

        A node that lags behind the cursor, or a reorganisation between two questions, is a
        NodeError: nothing was read and the cursor holds.
        """
        head, marks = await self._standing_marks(cursor)
        lost = len(cursor.marks) - len(marks)
        first = cursor.next_block if not lost else _after(marks, cursor)
        withdrawn = first if lost else None
        last = min(head - self._confirmations, first + self._blocks_max - 1)
        if last < first:
            kept = FillCursor(next_block=first, marks=marks)
            return DropCopy(fills=(), withdrawn_from=withdrawn, cursor=kept, is_complete=True)
        logs, end = await self._logs(first, last, marks)
        fills = tuple(fill_of(log, self._account) for log in logs)
        return DropCopy(
            fills=fills,
            withdrawn_from=withdrawn,
            cursor=FillCursor(next_block=end.number + 1, marks=_marked(marks, fills, end)),
            is_complete=end.number >= head - self._confirmations,
        )

    async def _standing_marks(self, cursor: FillCursor) -> tuple[int, tuple[BlockMark, ...]]:
        """Return the head, and the marks up to the first one that is no longer on the chain."""
        asks = [_block_ask(mark.number) for mark in cursor.marks]
        told, *answers = await self._node.ask_all([Ask(method="eth_blockNumber"), *asks])
        head = quantity(told)
        if cursor.marks and head < cursor.marks[-1].number:
            raise _unsteady(f"a head of {cursor.marks[-1].number} or later", f"{head}")
        standing: list[BlockMark] = []
        for mark, answer in zip(cursor.marks, answers, strict=True):
            block = read_block(answer)
            if block is None or block.hash != mark.hash:
                break
            standing.append(mark)
        return head, tuple(standing)

    async def _logs(
        self, first: int, last: int, marks: Sequence[BlockMark]
    ) -> tuple[tuple[LogSeen, ...], BlockSeen]:
        """Read the logs of a range and its last block in one body; halve what is too much."""
        newest = marks[-1:]
        while True:
            asks = [self._log_ask(first, last), _block_ask(last)]
            asks += [_block_ask(mark.number) for mark in newest]
            answer, ended, *marked = await self._node.ask_all(asks)
            if isinstance(answer, NodeFault) and last > first:
                last = first + (last - first) // 2
                continue
            logs, end = read_logs(known(answer)), read_block(ended)
            blocks = [read_block(each) for each in marked]
            if end is None or [block.hash if block else "" for block in blocks] != [
                mark.hash for mark in newest
            ]:
                raise _unsteady(f"block {last} on the chain that was read", "another chain")
            if any(not first <= log.block_number <= last for log in logs):
                raise unreadable(f"logs of blocks {first} to {last}", "others")
            return logs, end

    def _log_ask(self, first: int, last: int) -> Ask:
        owner = "0x" + address_word(self._account).hex()
        wanted = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": list(EXCHANGES),
            "topics": [_ORDER_FILLED, None, owner],
        }
        return Ask(method="eth_getLogs", params=(wanted,))


def fill_of(log: LogSeen, account: Address) -> ChainFill:
    """Read a log as a fill of an account. Errors: VenueError where it is none."""
    if log.address not in EXCHANGES or len(log.topics) != _TOPICS or log.topics[0] != _ORDER_FILLED:
        raise unreadable("an OrderFilled of the exchanges", f"{log.address} {log.topics[:1]}")
    if len(log.content) != _BODY_BYTES:
        raise unreadable(f"{_BODY_BYTES} bytes of a fill", str(len(log.content)))
    try:
        side, token, given, got, fee, builder, metadata = decode(_KINDS, log.content)
    except DecodingError:
        raise unreadable("the fields of a fill", log.content.hex()) from None
    maker = _account_of(log.topics[2])
    if maker != account or side >= len(_SIDES):
        raise unreadable(f"a fill of {account}", f"maker {maker}, side {side}")
    return ChainFill(
        exchange=log.address,
        order_id=OrderId(log.topics[1]),
        maker=maker,
        taker=_account_of(log.topics[3]),
        side=_SIDES[side],
        token_id=TokenId(str(token)),
        given=given,
        got=got,
        fee=fee,
        builder=Bytes32("0x" + builder.hex()),
        metadata=Bytes32("0x" + metadata.hex()),
        block_number=log.block_number,
        block_hash=log.block_hash,
        transaction_hash=log.transaction_hash,
        log_index=log.index,
    )


def _account_of(topic: str) -> Address:
    word = hex_bytes(topic)
    if word is None or len(word) != 32 or any(word[:12]):
        raise unreadable("an address as a topic", topic)
    return address_of(word[12:])


def _after(marks: Sequence[BlockMark], cursor: FillCursor) -> int:
    """Return from which block on to read anew: behind the last mark that stands, or far back."""
    if marks:
        return marks[-1].number + 1
    return max(cursor.marks[0].number - MARKS_MAX, 0)


def _marked(
    marks: Sequence[BlockMark], fills: Sequence[ChainFill], end: BlockSeen
) -> tuple[BlockMark, ...]:
    """Remember the blocks that carried fills, and the last one that was read."""
    known_numbers = {mark.number: mark.hash for mark in marks}
    known_numbers |= {fill.block_number: fill.block_hash for fill in fills}
    known_numbers[end.number] = end.hash
    newest = sorted(known_numbers.items())[-MARKS_MAX:]
    return tuple(BlockMark(number=number, hash=block_hash) for number, block_hash in newest)


def _block_ask(number: int) -> Ask:
    return Ask(method="eth_getBlockByNumber", params=(hex(number), False))


def _unsteady(expected: str, found: str) -> NodeError:
    return NodeError(
        f"expected {expected} from the chain's node, found {found}: it lags, or the chain was"
        " reorganised just now; ask again"
    )
