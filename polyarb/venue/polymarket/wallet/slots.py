"""One nonce and everything signed for it: what the chain shows of it becomes a belief. No I/O.

All attempts of a slot do the same, so whichever of them is mined it is done once. A slot is never
left for another nonce.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.wallet.actions import Action
from polyarb.venue.polymarket.wallet.answers import ReceiptSeen


class Standing(StrEnum):
    """Where an intent stands on chain; MINED may yet be undone."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    REVERTED = "REVERTED"
    REFUSED = "REFUSED"
    USURPED = "USURPED"


STEPS: Final[Mapping[Standing, frozenset[Standing]]] = {
    Standing.UNKNOWN: frozenset(Standing),
    Standing.PENDING: frozenset(Standing) - {Standing.REFUSED},
    Standing.MINED: frozenset(Standing) - {Standing.REFUSED},
    Standing.CONFIRMED: frozenset(),
    Standing.REVERTED: frozenset(),
    Standing.REFUSED: frozenset(),
    Standing.USURPED: frozenset(),
}
"""What may become of what. REFUSED: the node did not take it and nothing of it ever left before;
USURPED: another transaction of the key has its nonce, for good: nothing of it was done."""


class TransactionIntent(msgspec.Struct, frozen=True, kw_only=True):
    """One signed transaction, before it is sent.

    Shape: raw is 0x and the signed bytes; replaces is the hash of the attempt before, or empty.
    Units: wei for a unit of gas; gas.
    """

    intent_id: str
    action: Action
    sender: Address
    chain_id: int
    nonce: int
    hash: str
    raw: str
    priority_wei: int
    price_wei_max: int
    gas_limit: int
    replaces: str = ""


class Belief(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an intent.

    Shape: hash is the mined attempt's, else the last one's; reason is why it reverted or was
    refused. Units: gas; wei for a unit of it.
    """

    intent_id: str
    nonce: int
    standing: Standing
    hash: str
    block_number: int | None = None
    block_hash: str = ""
    gas_used: int = 0
    gas_price_wei: int = 0
    reason: str = ""

    @property
    def is_final(self) -> bool:
        """Tell whether nothing can change it any more."""
        return not STEPS[self.standing]


class IntentLog(Protocol):
    """Where intents and beliefs become durable. Errors: PolyarbError where they cannot."""

    def note_intent(self, intent: TransactionIntent) -> None:
        """Return only when the intent survives a power cut; it is sent after that, never before."""
        ...

    def note_belief(self, belief: Belief) -> None:
        """Return only when the belief survives a power cut."""
        ...


class Slot:
    """A nonce, the attempts on it from the oldest on, and what is believed of it."""

    def __init__(self, first: TransactionIntent, belief: Belief | None = None) -> None:
        self.attempts = [first]
        self.belief = belief or Belief(
            intent_id=first.intent_id,
            nonce=first.nonce,
            standing=Standing.UNKNOWN,
            hash=first.hash,
        )

    @property
    def last(self) -> TransactionIntent:
        """Return the youngest attempt."""
        return self.attempts[-1]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a node shows of one slot.

    Shape: receipts only where their block is on the chain; is_waiting where it knows an attempt;
    settled_nonce is how many transactions of the account were mined `confirmations` blocks ago.
    """

    head: int
    receipt: ReceiptSeen | None
    is_waiting: bool
    settled_nonce: int


def judge(slot: Slot, evidence: Evidence, confirmations: int) -> Belief:
    """Return what to believe of an open slot."""
    seen = evidence.receipt
    if seen is not None:
        depth = evidence.head - seen.block_number
        ended = Standing.CONFIRMED if seen.is_success else Standing.REVERTED
        reason = slot.belief.reason if slot.belief.block_hash == seen.block_hash else ""
        return Belief(
            intent_id=slot.belief.intent_id,
            nonce=slot.belief.nonce,
            standing=ended if depth >= confirmations else Standing.MINED,
            hash=seen.hash,
            block_number=seen.block_number,
            block_hash=seen.block_hash,
            gas_used=seen.gas_used,
            gas_price_wei=seen.price_wei,
            reason=reason,
        )
    if evidence.is_waiting:
        return stand(slot, Standing.PENDING)
    if evidence.settled_nonce > slot.belief.nonce:
        told = f"another transaction of this key has nonce {slot.belief.nonce}"
        return stand(slot, Standing.USURPED, told)
    return stand(slot, Standing.UNKNOWN)


def stand(slot: Slot, standing: Standing, reason: str = "") -> Belief:
    """Return a belief of a slot that is in no block."""
    return Belief(
        intent_id=slot.belief.intent_id,
        nonce=slot.belief.nonce,
        standing=standing,
        hash=slot.last.hash,
        reason=reason,
    )
