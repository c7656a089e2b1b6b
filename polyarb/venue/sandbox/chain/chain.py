"""PURE: the chain: accounts and contracts, a pool of transactions, blocks on the moved clock.

A block is only made while something waits for one; numbers follow the clock all the same. Source
of what contracts do: polymarket-chain. Protocol V2 (router, position manager) is not carried.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import adapters, calls, founding, gas, running
from polyarb.venue.sandbox.chain.addresses import (
    CHECKED_BY_VENUE,
    CTF,
    PUSD,
    exchange_of,
)
from polyarb.venue.sandbox.chain.admission import paid_price, prices_of, refusal
from polyarb.venue.sandbox.chain.blocks import UNDOABLE, Blocks
from polyarb.venue.sandbox.chain.events import Emitted
from polyarb.venue.sandbox.chain.frame import Frame, RevertError
from polyarb.venue.sandbox.chain.match_logs import logs_of
from polyarb.venue.sandbox.chain.pool import Pool
from polyarb.venue.sandbox.chain.raw import SERVER_ERROR, decode_raw
from polyarb.venue.sandbox.chain.state import State
from polyarb.venue.sandbox.chain.transactions import (
    Act,
    Block,
    ChainRefused,
    Receipt,
    Reverted,
    Transaction,
)
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, Listing
from polyarb.venue.sandbox.terms.settings import ChainSettings
from polyarb.venue.sandbox.terms.trades import Match


class Chain:
    """Accounts, contracts and blocks; satisfies `Funds`, `Settler` and `Timed`."""

    def __init__(self, settings: ChainSettings, listing: Listing) -> None:
        self.settings = settings
        self.now_ns = settings.genesis_ns
        self.prices = prices_of(settings)
        self.state = State()
        self._blocks = Blocks(genesis_ns=settings.genesis_ns, block_ms=settings.block_ms)
        self._pool = Pool()
        self._receipts: dict[str, Receipt] = {}
        self._markets: dict[ConditionId, ListedMarket] = {}
        self._sent = 0
        adapters.own_rights(self.state)
        self.state.seal()
        events = {event.event_id: event for event in listing.events}
        for market in listing.markets:
            self.prepare(events[market.event_id], market)

    @property
    def next_due_ns(self) -> int:
        """Return when the next block is made; FAR_FUTURE_NS when nothing waits for one."""
        if self._pool.has_ready(self._mined_nonce) or self._is_unconfirmed():
            return self._blocks.made_ns(self._blocks.head + 1)
        return FAR_FUTURE_NS

    @property
    def head(self) -> Block:
        """Return the last block."""
        block = self._blocks.get(self._blocks.head)
        assert block is not None
        return block

    def advance(self, now_ns: int) -> None:
        """Make every block that is due by now."""
        self.now_ns = max(now_ns, self.now_ns)
        last = self._blocks.number_at(self.now_ns)
        while self._blocks.head < last and self._pool.has_ready(self._mined_nonce):
            self._make(self._blocks.head + 1)
        self._blocks.move_head(last)
        for made in self._blocks.forget_before(self.oldest_block):
            for transaction in made.transactions:
                del self._receipts[transaction.hash]

    def prepare(self, event: ListedEvent, market: ListedMarket) -> None:
        """Open a market's condition (and its group): at genesis at once, later by a block."""
        founding.check(market)
        self._markets[market.condition_id] = market
        self._act(lambda frame: founding.prepare(frame, event, market))

    def found(self, owner: Address, *, pusd: int, is_approved: bool) -> None:
        """Give an account pUSD and gas money, and the approvals that trading needs.

        Shape: at once at genesis, later by the next block. Units: micros.
        """
        self._act(lambda frame: founding.found(frame, owner, pusd=pusd, is_approved=is_approved))

    def endow(self, owner: Address, condition_id: ConditionId, sets: int) -> None:
        """Give an account complete sets of a market, backed by collateral. Units: micro-shares."""
        is_neg_risk = self._markets[condition_id].is_neg_risk
        self._act(
            lambda frame: founding.endow(
                frame, owner, condition_id, is_neg_risk=is_neg_risk, sets=sets
            )
        )

    def check_verdict(self, condition_id: ConditionId, payouts: tuple[int, int]) -> None:
        """Hold a verdict against what an oracle can say of a market.

        Errors: ValueError for payouts that are no verdict, and for a split verdict on a question
        of a neg-risk group, which resolves through a truth.
        """
        founding.check_verdict(self._markets[condition_id], payouts)

    def report_payouts(self, condition_id: ConditionId, payouts: tuple[int, int]) -> None:
        """Let the oracle decide a market by the next block. Units: micros of a USD a share.

        Errors: ValueError for payouts that are no verdict.
        """
        self.check_verdict(condition_id, payouts)
        market = self._markets[condition_id]
        act = partial(founding.report, market=market, payouts=payouts)
        self._queue(market.oracle, None, act=act)

    def send(self, sender: Address, to: Address, data: bytes, value: int = 0) -> str:
        """Queue a call that needs no signature: a relayed one, or one of a simulated account.

        Shape: returns the transaction's hash. Units: wei.
        """
        return self._queue(sender, to, data=data, value=value)

    def send_batch(self, sender: Address, batch: Sequence[tuple[Address, bytes]]) -> str:
        """Queue the calls of a smart wallet as one transaction: all of them, or none.

        Shape: pairs of a contract and its call; returns the transaction's hash.
        """
        return self._queue(sender, sender, batch=tuple(batch))

    def send_raw(self, raw: bytes) -> str | ChainRefused:
        """Queue a signed transaction and return its hash, or why the node does not take it."""
        transaction = decode_raw(raw, chain_id=self.settings.chain_id)
        if isinstance(transaction, ChainRefused):
            return transaction
        if transaction.hash in self._receipts:
            return ChainRefused(code=SERVER_ERROR, message="already known")
        refused = refusal(transaction, state=self.state, pool=self._pool, settings=self.settings)
        if refused is not None:
            return refused
        self._pool.add(transaction)
        return transaction.hash

    def submit_match(self, match: Match, *, is_ghost: bool) -> str:
        """Queue the operator's settlement of a match for the next block; a ghost reverts."""
        self._sent += 1
        transaction_hash = self._hash(match.trade_id)
        self._pool.add(
            Transaction(
                hash=transaction_hash,
                sender=self.settings.operator,
                to=exchange_of(match.is_neg_risk),
                nonce=self._sent,
                gas_limit=self.settings.block_gas_max,
                gas_price=self.prices.gas,
                priority_price=self.prices.priority,
                match=match,
                is_ghost=is_ghost,
            )
        )
        return transaction_hash

    def is_mined(self, transaction_hash: str) -> bool | None:
        """Tell how a transaction ended: True, False for a revert, None while it waits."""
        receipt = self._receipts.get(transaction_hash)
        return receipt.is_success if receipt else None

    def is_confirmed(self, transaction_hash: str) -> bool:
        """Tell whether enough blocks stand on a mined transaction."""
        receipt = self._receipts.get(transaction_hash)
        if receipt is None:
            return False
        return self._blocks.head - receipt.block_number >= self.settings.confirmations

    def receipt(self, transaction_hash: str) -> Receipt | None:
        """Return how a transaction ended, None while it is not mined."""
        return self._receipts.get(transaction_hash)

    def transaction(self, transaction_hash: str) -> Transaction | None:
        """Return a transaction, waiting or mined."""
        if receipt := self._receipts.get(transaction_hash):
            return receipt.transaction
        return self._pool.get(transaction_hash)

    def block(self, which: int | str | None = None) -> Block | None:
        """Return a block by number or hash, the head for None; None when it is not on the chain."""
        if which is None:
            return self.head
        return self._blocks.find(which) if isinstance(which, str) else self._blocks.get(which)

    def call(
        self, sender: Address, to: Address, data: bytes, *, block: int | None = None
    ) -> bytes | Reverted:
        """Answer a call on the state after a block (the head for None), changing nothing."""
        with self.state_at(self._blocks.head if block is None else block) as state:
            mark = state.mark()
            try:
                return calls.run_call(Frame(state, sender), to, data)
            except RevertError as revert:
                return Reverted(reason=revert.reason, data=calls.reason_bytes(revert.reason))
            finally:
                state.undo(mark)

    @contextmanager
    def state_at(self, number: int) -> Iterator[State]:
        """Show the state after a block; nothing may be written to it."""
        with self.state.rewound(self._blocks.written_since(number)):
            yield self.state

    @property
    def oldest_state(self) -> int:
        """Return the number of the oldest block whose state can still be shown."""
        return max(self._blocks.head - UNDOABLE, 0)

    @property
    def oldest_block(self) -> int:
        """Return the number of the oldest block of which is known all that it carried."""
        settings = self.settings
        return max(self._blocks.head - max(settings.history_blocks, UNDOABLE), 0)

    def is_kept(self, number: int) -> bool:
        """Tell whether it is known what a block carried, however old it is."""
        return number == 0 or number >= self.oldest_block or self._blocks.is_kept(number)

    @property
    def reorgs(self) -> int:
        """Return how often blocks were undone."""
        return self._blocks.reorgs

    def pending_nonce(self, sender: Address) -> int:
        """Return the nonce that an account uses next, counting what waits."""
        return self._pool.next_nonce(sender, self._mined_nonce(sender))

    def receipts_of(self, number: int) -> tuple[Receipt, ...]:
        """Return how the transactions of a block ended, in order."""
        block = self._blocks.get(number)
        hashes = block.transaction_hashes if block else ()
        return tuple(self._receipts[transaction_hash] for transaction_hash in hashes)

    def made_between(self, first: int, last: int) -> list[int]:
        """Return the numbers of the blocks of a range that carry something."""
        return self._blocks.made_between(first, last)

    def emitted_by(self, receipt: Receipt) -> tuple[Emitted, ...]:
        """Return what a transaction logged."""
        match = receipt.transaction.match
        return logs_of(match) if match and receipt.is_success else receipt.emitted

    def estimate_gas(
        self, sender: Address, to: Address, data: bytes, value: int = 0
    ) -> int | Reverted:
        """Return the gas that a call would need now. Units: gas."""
        answer = self.call(sender, to, data)
        if isinstance(answer, Reverted):
            return answer
        return calls.gas_of(Frame(self.state, sender), to, data)

    def reorg(self, depth: int) -> None:
        """Undo the last blocks; what they carried waits again and is mined anew, in its order.

        Errors: ValueError for a depth below 0 or beyond what is kept to be undone.
        """
        depth = min(depth, self._blocks.head)
        if not 0 <= depth <= UNDOABLE:
            raise ValueError(f"expected a depth of 0 to {UNDOABLE} blocks, found {depth}")
        if depth == 0:
            return
        undone = self._blocks.undo(depth)
        for made in undone:
            self.state.restore(made.written)
            for transaction in made.transactions:
                del self._receipts[transaction.hash]
        self._pool.put_back(
            [transaction for made in reversed(undone) for transaction in made.transactions]
        )

    def collateral(self, owner: Address) -> int:
        """Return how much pUSD an account holds. Units: micros."""
        return self.state.read((PUSD, owner))

    def shares(self, owner: Address, token_id: TokenId) -> int:
        """Return how many shares of a token an account holds. Units: micro-shares."""
        return self.state.read((token_id, owner))

    def collateral_allowances(self, owner: Address) -> dict[Address, int]:
        """Return what each spender that the venue checks may take of an account's pUSD."""
        return {spender: self.state.read((PUSD, owner, spender)) for spender in CHECKED_BY_VENUE}

    def share_approvals(self, owner: Address) -> dict[Address, bool]:
        """Tell for each operator that the venue checks whether it may move an account's shares."""
        return {
            operator: bool(self.state.read((CTF, owner, operator))) for operator in CHECKED_BY_VENUE
        }

    def _mined_nonce(self, sender: Address) -> int:
        return running.nonce_of(self.state, sender)

    def _is_unconfirmed(self) -> bool:
        last = self._blocks.last_made
        return last is not None and self._blocks.head - last < self.settings.confirmations

    def _hash(self, seed: str) -> str:
        """Name a transaction that nobody signed; there are no signed bytes to hash."""
        return "0x" + sha256(f"{seed} {self._sent} {self.settings.genesis_ns}".encode()).hexdigest()

    def _act(self, act: Act) -> None:
        """Do something that no contract call stands for: at once at genesis, else in a block."""
        if self._blocks.head or len(self._pool):
            self._queue(self.settings.operator, None, act=act)
            return
        try:
            act(Frame(self.state, self.settings.operator))
        except RevertError as revert:
            self.state.undo(0)
            raise ValueError(f"the chain refuses at genesis: {revert.reason}") from None
        self.state.seal()

    def _queue(
        self,
        sender: Address,
        to: Address | None,
        *,
        data: bytes = b"",
        value: int = 0,
        batch: tuple[tuple[Address, bytes], ...] = (),
        act: Act | None = None,
    ) -> str:
        self._sent += 1
        transaction_hash = self._hash(sender)
        called = batch or (((to, data),) if to else ())
        self._pool.add(
            Transaction(
                hash=transaction_hash,
                sender=sender,
                to=to,
                data=data,
                value=value,
                nonce=self._sent,
                gas_limit=self._relayed_gas(sender, called),
                gas_price=self.prices.gas,
                priority_price=self.prices.priority,
                batch=batch,
                act=act,
            )
        )
        return transaction_hash

    def _relayed_gas(self, sender: Address, called: Sequence[tuple[Address, bytes]]) -> int:
        """Return a generous limit for calls whose gas the relayer pays. Units: gas."""
        needed = gas.RELAYED_MIN
        for to, data in called:
            estimate = self.estimate_gas(sender, to, data)
            needed += 0 if isinstance(estimate, Reverted) else 2 * estimate
        return min(needed, self.settings.block_gas_max)

    def _make(self, number: int) -> None:
        """Make a block of what waits, as much as has room."""
        mined: list[Transaction] = []
        used = 0
        for transaction in self._pool.in_turn(self._mined_nonce):
            if mined and used + _wanted(transaction) > self.settings.block_gas_max:
                break
            receipt = running.run(
                self.state,
                transaction,
                number=number,
                index=len(mined),
                price=paid_price(transaction, self.prices),
            )
            self._receipts[transaction.hash] = receipt
            mined.append(transaction)
            used += receipt.gas_used
        self._blocks.add(number, tuple(mined), gas_used=used, written=self.state.seal())


def _wanted(transaction: Transaction) -> int:
    """Return how much room in a block a transaction may take. Units: gas."""
    return gas.settling(transaction.match) if transaction.match else transaction.gas_limit
