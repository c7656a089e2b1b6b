"""What the chain's blocks tell of wallets: splits, merges, redemptions, conversions, holders.

Blocks are read once, as they come; after a reorg everything is read anew. No clock, no I/O.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import events
from polyarb.venue.sandbox.chain.addresses import NO_TOKEN_BURN
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.contracts import is_contract
from polyarb.venue.sandbox.chain.events import Emitted
from polyarb.venue.sandbox.chain.transactions import Receipt
from polyarb.venue.sandbox.server.data_api.bodies import ActivityBody
from polyarb.venue.sandbox.server.data_api.portfolio import Outcome
from polyarb.venue.sandbox.wire.gamma import usd

SPLIT, MERGE, REDEEM, CONVERSION = "SPLIT", "MERGE", "REDEEM", "CONVERSION"
_NOBODY = frozenset({NO_TOKEN_BURN, CONTRACTS.neg_risk_vault})
_SLOT_OF_SHARES = 2
_NS = 1_000_000_000
_NS_PER_MS = 1_000_000


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Something a wallet did on chain. Units: amount in micros.

    Shape: of a conversion, condition_id is the id of its group. at_ns is the block's time
    and, below the millisecond, the place in the order of all deeds.
    """

    deed_id: str
    type: str
    wallet: Address
    condition_id: ConditionId
    amount: int
    transaction_hash: str
    at_ns: int


class ChainActivity:
    """The deeds of all wallets of one chain."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._by_wallet: defaultdict[Address, list[Deed]] = defaultdict(list)
        self._read = self._count = 0
        self._read_hash = ""

    def of(
        self, wallet: Address, outcomes: Mapping[TokenId, Outcome]
    ) -> Iterator[tuple[int, ActivityBody]]:
        """Return a wallet's deeds with the times that order them, oldest first."""
        self._catch_up()
        named = {outcome.market.condition_id: outcome for outcome in outcomes.values()}
        for deed in self._by_wallet.get(wallet, ()):
            yield deed.at_ns, _body(deed, named.get(deed.condition_id))

    def holders(self, token_ids: Collection[TokenId]) -> dict[TokenId, dict[Address, int]]:
        """Return who holds each of some tokens, contracts left out. Units: micro-shares."""
        found: dict[TokenId, dict[Address, int]] = {token_id: {} for token_id in token_ids}
        for slot, shares in self._chain.state.items():
            if len(slot) != _SLOT_OF_SHARES or slot[0] not in found:
                continue
            owner = Address(slot[1])
            if owner not in _NOBODY and not is_contract(owner):
                found[TokenId(slot[0])][owner] = shares
        return found

    def _catch_up(self) -> None:
        """Read the blocks that were made since; all of them where the chain has turned."""
        known = self._chain.block(self._read)
        if known is None or known.hash != self._read_hash:
            self._by_wallet.clear()
            self._read = self._count = 0
        head = self._chain.head
        settings = self._chain.settings
        for number in self._chain.made_between(self._read + 1, head.number):
            made_ns = settings.genesis_ns + number * settings.block_ms * _NS_PER_MS
            for receipt in self._chain.receipts_of(number):
                self._take(receipt, made_ns)
        self._read, self._read_hash = head.number, head.hash

    def _take(self, receipt: Receipt, made_ns: int) -> None:
        transaction = receipt.transaction
        for number, emitted in enumerate(receipt.emitted):
            told = _told(emitted)
            if told is None:
                continue
            kind, condition_id, amount = told
            self._count += 1
            self._by_wallet[transaction.sender].append(
                Deed(
                    deed_id=f"{transaction.hash}-{number}",
                    type=kind,
                    wallet=transaction.sender,
                    condition_id=condition_id,
                    amount=amount,
                    transaction_hash=transaction.hash,
                    at_ns=made_ns + self._count,
                )
            )


def _told(emitted: Emitted) -> tuple[str, ConditionId, int] | None:
    """Read an event as a deed, its condition and its amount; None where it tells of none.

    Below the adapters every split is told twice: of a neg-risk question the adapter's word
    counts, because a conversion splits as well, of a plain one the ledger's.
    """
    _, event, arguments = emitted
    if (kind := _ADAPTER_DEEDS.get(event.topic)) is not None:
        return kind, ConditionId(str(arguments[1])), _whole(arguments[-1])
    kind = _LEDGER_DEEDS.get(event.topic)
    if kind is None or arguments[1] != CONTRACTS.usdc_bridged:
        return None
    return kind, ConditionId(str(arguments[3])), _whole(arguments[-1])


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _body(deed: Deed, outcome: Outcome | None) -> ActivityBody:
    return ActivityBody(
        key=deed.deed_id,
        type=deed.type,
        proxy_wallet=deed.wallet,
        timestamp=deed.at_ns // _NS,
        condition_id=deed.condition_id,
        transaction_hash=deed.transaction_hash,
        usdc_size=usd(deed.amount),
        size=usd(deed.amount) if deed.type != REDEEM else Decimal(0),
        title=outcome.market.question if outcome else "",
        slug=outcome.market.slug if outcome else "",
        event_slug=outcome.event.slug if outcome else "",
    )


_ADAPTER_DEEDS = {
    events.ADAPTER_SPLIT.topic: SPLIT,
    events.ADAPTER_MERGE.topic: MERGE,
    events.ADAPTER_REDEMPTION.topic: REDEEM,
    events.ADAPTER_CONVERT.topic: CONVERSION,
}
_LEDGER_DEEDS = {
    events.POSITION_SPLIT.topic: SPLIT,
    events.POSITIONS_MERGE.topic: MERGE,
    events.PAYOUT_REDEMPTION.topic: REDEEM,
}
"""Which event is which deed. The adapter's begin with the account and the condition (or group),
the ledger's with the account, the collateral, the parent and the condition; the amount is last."""
