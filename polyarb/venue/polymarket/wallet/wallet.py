"""The wallet: does what it is asked once, and believes of it what the chain shows.

The hash is known and the intent durable before a byte leaves. A lost answer is UNKNOWN until hash
and nonce resolve it; if need be the same bytes are sent again, never others with another nonce.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from polyarb.domain.errors import RefusedError
from polyarb.domain.ids import TokenId
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.relays import Call
from polyarb.venue.polymarket.wallet.abi import revert_reason
from polyarb.venue.polymarket.wallet.actions import Action, call_of
from polyarb.venue.polymarket.wallet.answers import (
    ReceiptSeen,
    known,
    quantity,
    read_block,
    read_receipt,
)
from polyarb.venue.polymarket.wallet.checks import (
    WalletRefusal,
    WalletRefused,
    refuse_action,
    refuse_means,
)
from polyarb.venue.polymarket.wallet.limits import WalletLimits
from polyarb.venue.polymarket.wallet.node import Ask, Node, NodeError, NodeFault
from polyarb.venue.polymarket.wallet.pricing import Offer, gas_limit_of, offer_of, raise_offer
from polyarb.venue.polymarket.wallet.reading import (
    Holdings,
    Rights,
    Surroundings,
    read_holdings,
    read_revert,
    read_rights,
    read_surroundings,
)
from polyarb.venue.polymarket.wallet.slots import (
    Belief,
    Evidence,
    IntentLog,
    Slot,
    Standing,
    TransactionIntent,
    judge,
    stand,
)
from polyarb.venue.polymarket.wallet.transactions import (
    DigestSigner,
    Transaction,
    sign_transaction,
)

Seen = TypeVar("Seen")
READ_TRIES: Final = 3
"""How often a read is made before a node that lags, or does not answer, is a fault."""
OUT_OF_GAS: Final = "out of gas"
_ALREADY: Final = ("already known", "known transaction", "already imported")
_NEVER_TAKEN: Final = (
    "insufficient funds",
    "intrinsic gas too low",
    "exceeds block gas limit",
    "max fee per gas less than block base fee",
    "transaction underpriced: gas tip cap",
    "tip cap",
    "invalid sender",
    "transaction type not supported",
)
"""What a node says of a transaction that it does not take; whatever else it says is UNKNOWN."""


class Wallet:
    """One account on one chain; one thing at a time."""

    def __init__(
        self, node: Node, signer: DigestSigner, *, limits: WalletLimits, log: IntentLog
    ) -> None:
        self._node = node
        self._signer = signer
        self._limits = limits
        self._log = log
        self._slots: dict[str, Slot] = {}
        self._turn = asyncio.Lock()
        self._chain_id = 0

    async def open(
        self,
        account: Address,
        *,
        intents: Iterable[TransactionIntent] = (),
        beliefs: Iterable[Belief] = (),
    ) -> None:
        """Check key and chain, and take up what an earlier run noted; `reconcile` then resolves it.

        Errors: RefusedError for the wrong key or chain, NodeError where the node does not answer.
        """
        if self._signer.address != account:
            raise RefusedError(
                f"expected the key of {account}, found the key of {self._signer.address};"
                " import the right key, or mend wallet.address in config/config.yaml"
            )
        chain_id = quantity(await self._node.ask("eth_chainId"))
        if chain_id != CHAIN_ID:
            raise RefusedError(
                f"expected a node of chain {CHAIN_ID} (Polygon), found one of chain {chain_id};"
                " correct the node's address; nothing was sent"
            )
        self._chain_id = chain_id
        for intent in intents:
            self._take_up(intent)
        for belief in beliefs:
            if belief.intent_id in self._slots:
                self._slots[belief.intent_id].belief = belief

    async def holdings(self, tokens: Sequence[TokenId] = ()) -> Holdings:
        """Read balances. Errors: NodeError, VenueError."""
        return await self._persist(
            lambda at_least: read_holdings(self._node, self.account, tokens, at_least=at_least)
        )

    async def rights(self) -> Rights:
        """Read what the venue's contracts may do. Errors: NodeError, VenueError."""
        return await self._persist(
            lambda at_least: read_rights(self._node, self.account, at_least=at_least)
        )

    @property
    def account(self) -> Address:
        """Return the account."""
        return self._signer.address

    def belief(self, intent_id: str) -> Belief | None:
        """Return what is believed of an intent; None where it was never noted."""
        slot = self._slots.get(intent_id)
        return slot.belief if slot else None

    async def perform(self, intent_id: str, action: Action) -> Belief | WalletRefused:
        """Do something once: the same intent again tells what became of it.

        Errors: NodeError or VenueError where the chain cannot be read, and whatever the log
        raises; nothing was sent then.
        """
        self._demand_open()
        async with self._turn:
            slot = self._slots.get(intent_id)
            if slot is not None:
                return slot.belief if slot.last.action == action else _reused(intent_id)
            refused = refuse_action(action, self._limits) or self._refuse_unresolved()
            if refused is not None:
                return refused
            met = await self._persist(
                lambda at_least: read_surroundings(
                    self._node, self.account, action, at_least=at_least
                )
            )
            wanted = self._transaction(action, met)
            if isinstance(wanted, WalletRefused):
                return wanted
            intent = self._sign(intent_id, action, wanted)
            self._log.note_intent(intent)
            slot = self._slots[intent_id] = Slot(intent)
            return await self._send(slot, is_first=True)

    async def hasten(self, intent_id: str) -> Belief | WalletRefused:
        """Replace a waiting transaction by the same one at a higher price, under the cap.

        Errors: as `perform`; KeyError for an intent that was never noted.
        """
        self._demand_open()
        async with self._turn:
            slot = self._slots[intent_id]
            if slot.belief.standing is not Standing.PENDING:
                told = f"expected a waiting transaction, found {slot.belief.standing}"
                return WalletRefused(reason=WalletRefusal.NOT_WAITING, told=told)
            met = await self._persist(
                lambda at_least: read_surroundings(
                    self._node, self.account, slot.last.action, at_least=at_least
                )
            )
            wanted = self._replacement(slot.last, met)
            if isinstance(wanted, WalletRefused):
                return wanted
            intent = self._sign(intent_id, slot.last.action, wanted, replaces=slot.last.hash)
            self._log.note_intent(intent)
            slot.attempts.append(intent)
            return await self._send(slot, is_first=False)

    async def reconcile(self) -> tuple[Belief, ...]:
        """Look up every intent that is not final, and send again, unchanged, what nobody knows.

        Shape: the beliefs after it, of those that were open before. Errors: as `perform`; beliefs
        stay as they were where the chain cannot be read.
        """
        self._demand_open()
        async with self._turn:
            open_slots = [slot for slot in self._slots.values() if not slot.belief.is_final]
            for slot in sorted(open_slots, key=lambda slot: slot.belief.nonce):
                await self._look(slot)
            return tuple(slot.belief for slot in open_slots)

    async def _look(self, slot: Slot) -> None:
        evidence = await self._evidence(slot)
        belief = judge(slot, evidence, self._limits.confirmations)
        receipt = evidence.receipt
        if receipt is not None and not receipt.is_success and not belief.reason:
            reason = await self._revert_reason(slot, receipt)
            belief = msgspec.structs.replace(belief, reason=reason)
        self._believe(slot, belief)
        if belief.standing is Standing.UNKNOWN:
            await self._send(slot, is_first=False)

    async def _evidence(self, slot: Slot) -> Evidence:
        """Ask in one body for everything of one moment, then whether its blocks still stand."""
        hashes = [attempt.hash for attempt in slot.attempts]
        head_ask = Ask(method="eth_blockNumber")
        asks = [Ask(method="eth_getTransactionReceipt", params=(each,)) for each in hashes]
        asks += [Ask(method="eth_getTransactionByHash", params=(each,)) for each in hashes]
        told, *answers = await self._node.ask_all([head_ask, *asks])
        head, count = quantity(told), len(hashes)
        receipts = [read_receipt(answer) for answer in answers[:count]]
        is_waiting = any(known(answer) is not None for answer in answers[count:])
        found = [receipt for receipt in receipts if receipt is not None]
        settled = max(head - self._limits.confirmations, 0)
        count_ask = Ask(method="eth_getTransactionCount", params=(self.account, hex(settled)))
        blocks = [
            Ask(method="eth_getBlockByNumber", params=(hex(receipt.block_number), False))
            for receipt in found
        ]
        nonce, *shown = await self._node.ask_all([count_ask, *blocks])
        standing = [
            receipt
            for receipt, answer in zip(found, shown, strict=True)
            if (block := read_block(answer)) is not None and block.hash == receipt.block_hash
        ]
        return Evidence(
            head=head,
            receipt=standing[0] if standing else None,
            is_waiting=is_waiting or bool(found),
            settled_nonce=quantity(nonce),
        )

    async def _revert_reason(self, slot: Slot, receipt: ReceiptSeen) -> str:
        mined = next(each for each in slot.attempts if each.hash == receipt.hash)
        if receipt.gas_used >= mined.gas_limit:
            return OUT_OF_GAS
        call = call_of(mined.action)
        answer = await read_revert(self._node, call, self.account, receipt.block_number)
        if isinstance(answer, NodeFault) and answer.is_revert:
            return revert_reason(answer.message, answer.content)
        return "no reason: the call goes well on the state before its block"

    async def _send(self, slot: Slot, *, is_first: bool) -> Belief:
        """Hand the last attempt's bytes to the node; whatever is not clear is UNKNOWN."""
        intent = slot.last
        belief = stand(slot, Standing.UNKNOWN)
        try:
            answer = await self._node.ask("eth_sendRawTransaction", intent.raw)
        except NodeError as fault:
            belief = stand(slot, Standing.UNKNOWN, str(fault))
        else:
            belief = _answered(slot, answer, is_first=is_first)
        self._believe(slot, belief)
        return belief

    def _believe(self, slot: Slot, belief: Belief) -> None:
        """Note a belief that is new; the log knows it before anybody else does."""
        if belief != slot.belief:
            self._log.note_belief(belief)
            slot.belief = belief

    def _transaction(self, action: Action, met: Surroundings) -> Transaction | WalletRefused:
        """Form the transaction that does it now, or say why not."""
        if refused := refuse_means(action, met.means):
            return refused
        if isinstance(met.gas, NodeFault):
            return _would_revert(met.gas)
        nonce = self._next_nonce(met)
        offer = offer_of(met.block.base_wei, met.priority_wei, self._limits)
        gas_limit = gas_limit_of(met.gas, self._limits)
        for part in (nonce, offer, gas_limit):
            if isinstance(part, WalletRefused):
                return part
        assert isinstance(nonce, int) and isinstance(gas_limit, int) and isinstance(offer, Offer)
        return _payable(self._formed(nonce, gas_limit, offer, call_of(action)), met.pol_wei)

    def _replacement(
        self, last: TransactionIntent, met: Surroundings
    ) -> Transaction | WalletRefused:
        fresh = offer_of(met.block.base_wei, met.priority_wei, self._limits)
        if isinstance(fresh, WalletRefused):
            return fresh
        old = Offer(price_wei_max=last.price_wei_max, priority_wei=last.priority_wei)
        offer = raise_offer(old, fresh, self._limits)
        if isinstance(offer, WalletRefused):
            return offer
        formed = self._formed(last.nonce, last.gas_limit, offer, call_of(last.action))
        return _payable(formed, met.pol_wei)

    def _formed(self, nonce: int, gas_limit: int, offer: Offer, call: Call) -> Transaction:
        return Transaction(
            chain_id=self._chain_id,
            nonce=nonce,
            priority_wei=offer.priority_wei,
            price_wei_max=offer.price_wei_max,
            gas_limit=gas_limit,
            call=call,
        )

    def _sign(
        self, intent_id: str, action: Action, transaction: Transaction, *, replaces: str = ""
    ) -> TransactionIntent:
        signed = sign_transaction(self._signer, transaction)
        return TransactionIntent(
            intent_id=intent_id,
            action=action,
            sender=self.account,
            chain_id=transaction.chain_id,
            nonce=transaction.nonce,
            hash=signed.hash,
            raw="0x" + signed.raw.hex(),
            priority_wei=transaction.priority_wei,
            price_wei_max=transaction.price_wei_max,
            gas_limit=transaction.gas_limit,
            replaces=replaces,
        )

    def _next_nonce(self, met: Surroundings) -> int | WalletRefused:
        """Follow our own transactions; what others of this key have waiting is not overtaken."""
        own = max(
            (
                slot.belief.nonce + 1
                for slot in self._slots.values()
                if slot.belief.standing is not Standing.REFUSED
            ),
            default=0,
        )
        nonce = max(met.mined_nonce, own)
        if met.waiting_nonce <= nonce:
            return nonce
        told = (
            f"expected nonce {nonce} to be the next, found that others of this key wait up"
            f" to {met.waiting_nonce - 1}; end whoever else uses the key, and wait for them"
        )
        return WalletRefused(reason=WalletRefusal.FOREIGN_NONCE, told=told)

    def _refuse_unresolved(self) -> WalletRefused | None:
        for slot in self._slots.values():
            if slot.belief.standing is Standing.UNKNOWN:
                told = f"expected every intent resolved, found {slot.belief.intent_id} UNKNOWN"
                return WalletRefused(
                    reason=WalletRefusal.UNRESOLVED, told=f"{told}; reconcile first"
                )
        return None

    def _take_up(self, intent: TransactionIntent) -> None:
        if intent.sender != self.account or intent.chain_id != self._chain_id:
            raise RefusedError(
                f"expected intents of {self.account} on chain {self._chain_id}, found"
                f" {intent.intent_id} of {intent.sender} on chain {intent.chain_id};"
                " use the workspace of this wallet"
            )
        slot = self._slots.get(intent.intent_id)
        if slot is None:
            self._slots[intent.intent_id] = Slot(intent)
        else:
            slot.attempts.append(intent)

    def _demand_open(self) -> None:
        if not self._chain_id:
            raise RefusedError("expected a wallet whose chain was checked, found one not opened")

    @property
    def _floor(self) -> int:
        """Return the youngest block that is known to carry something of ours."""
        return max((slot.belief.block_number or 0 for slot in self._slots.values()), default=0)

    async def _persist(self, read: Callable[[int], Awaitable[Seen]]) -> Seen:
        """Read until a node answers that does not lag; reading is safe to repeat."""
        for _ in range(READ_TRIES - 1):
            try:
                return await read(self._floor)
            except NodeError:
                continue
        return await read(self._floor)


def _answered(slot: Slot, answer: object, *, is_first: bool) -> Belief:
    """Tell from the node's answer to a transaction what became of it."""
    if not isinstance(answer, NodeFault):
        if answer == slot.last.hash:
            return stand(slot, Standing.PENDING)
        return stand(slot, Standing.UNKNOWN, f"the node names another hash: {answer!s:.80}")
    message = answer.message.lower()
    if any(words in message for words in _ALREADY):
        return stand(slot, Standing.PENDING)
    if is_first and any(words in message for words in _NEVER_TAKEN):
        return stand(slot, Standing.REFUSED, answer.message)
    return stand(slot, Standing.UNKNOWN, answer.message)


def _payable(transaction: Transaction, pol_wei: int) -> Transaction | WalletRefused:
    if transaction.cost_wei_max <= pol_wei:
        return transaction
    told = (
        f"expected at least {transaction.cost_wei_max} wei of POL for gas, found {pol_wei};"
        " send POL to the wallet"
    )
    return WalletRefused(reason=WalletRefusal.INSUFFICIENT_POL, told=told)


def _would_revert(fault: NodeFault) -> WalletRefused:
    reason = revert_reason(fault.message, fault.content)
    if fault.is_revert:
        told = f"the contract would revert: {reason}"
        return WalletRefused(reason=WalletRefusal.WOULD_REVERT, told=told)
    raise NodeError(
        f"expected an estimate of gas from the chain's node, found: {fault.message}; ask again"
    )


def _reused(intent_id: str) -> WalletRefused:
    told = f"expected a new id for a new action, found {intent_id}, which was for another one"
    return WalletRefused(reason=WalletRefusal.INTENT_REUSED, told=told)
