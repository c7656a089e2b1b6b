"""What the chain shows of a nonce becomes one belief, and final is final."""

import msgspec
import pytest
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.wallet.actions import Revoke
from polyarb.venue.polymarket.wallet.answers import ReceiptSeen
from polyarb.venue.polymarket.wallet.checks import WalletRefusal, WalletRefused
from polyarb.venue.polymarket.wallet.limits import WalletLimits
from polyarb.venue.polymarket.wallet.pricing import Offer, gas_limit_of, offer_of, raise_offer
from polyarb.venue.polymarket.wallet.slots import (
    STEPS,
    Evidence,
    Slot,
    Standing,
    TransactionIntent,
    judge,
)

LIMITS = WalletLimits(envelope=1, gas_price_wei_max=1_000, gas_limit_max=100_000)
INTENT = TransactionIntent(
    intent_id="a",
    action=Revoke(spender=CONTRACTS.exchange),
    sender=Address("0x" + "11" * 20),
    chain_id=137,
    nonce=4,
    hash="0xaa",
    raw="0x02",
    priority_wei=1,
    price_wei_max=2,
    gas_limit=3,
)
RECEIPT = ReceiptSeen(
    hash="0xaa", block_number=10, block_hash="0xbb", is_success=True, gas_used=3, price_wei=2
)
NOTHING = Evidence(head=13, receipt=None, is_waiting=False, settled_nonce=4)


def seen(**more: object) -> Evidence:
    return msgspec.structs.replace(NOTHING, **more)


FAILED = msgspec.structs.replace(RECEIPT, is_success=False)
CASES = (
    (NOTHING, Standing.UNKNOWN),
    (seen(is_waiting=True), Standing.PENDING),
    (seen(is_waiting=True, settled_nonce=5), Standing.PENDING),
    (seen(settled_nonce=5), Standing.USURPED),
    (seen(receipt=RECEIPT, settled_nonce=5), Standing.CONFIRMED),
    (seen(receipt=RECEIPT, head=12), Standing.MINED),
    (seen(receipt=RECEIPT, head=9), Standing.MINED),
    (seen(receipt=FAILED), Standing.REVERTED),
    (seen(receipt=FAILED, head=12), Standing.MINED),
)


@pytest.mark.parametrize(
    ("evidence", "standing"), CASES, ids=[f"{n}-{case[1]}" for n, case in enumerate(CASES)]
)
def test_evidence_becomes_a_belief(evidence: Evidence, standing: Standing) -> None:
    belief = judge(Slot(INTENT), evidence, 3)
    assert belief.standing is standing
    assert belief.standing in STEPS[Standing.UNKNOWN]
    assert (belief.block_number is None) is (evidence.receipt is None)
    assert belief.is_final is (not STEPS[standing])


def test_every_standing_has_its_steps_and_what_left_once_is_never_refused() -> None:
    assert set(STEPS) == set(Standing)
    for standing in (Standing.PENDING, Standing.MINED):
        assert Standing.REFUSED not in STEPS[standing]
        assert Standing.UNKNOWN in STEPS[standing]


def test_a_reason_is_kept_while_its_block_stands() -> None:
    slot = Slot(INTENT)
    slot.belief = msgspec.structs.replace(judge(slot, seen(receipt=FAILED), 9), reason="why")
    assert judge(slot, seen(receipt=FAILED), 3).reason == "why"
    moved = msgspec.structs.replace(FAILED, block_hash="0xcc")
    assert judge(slot, seen(receipt=moved), 3).reason == ""


@pytest.mark.parametrize(
    ("base", "tip", "price"), [(100, 25, 225), (400, 300, 1_000), (999, 1, 1_000), (0, 5, 5)]
)
def test_an_offer_bears_a_rise_and_keeps_the_cap(base: int, tip: int, price: int) -> None:
    assert offer_of(base, tip, LIMITS) == Offer(price_wei_max=price, priority_wei=tip)


def test_what_is_above_the_cap_is_refused() -> None:
    told = offer_of(1_000, 1, LIMITS)
    assert isinstance(told, WalletRefused) and told.reason is WalletRefusal.GAS_PRICE
    old = Offer(price_wei_max=900, priority_wei=10)
    told = raise_offer(old, Offer(price_wei_max=5, priority_wei=5), LIMITS)
    assert isinstance(told, WalletRefused) and told.reason is WalletRefusal.GAS_PRICE
    over = gas_limit_of(80_001, LIMITS)
    assert isinstance(over, WalletRefused) and over.reason is WalletRefusal.GAS_LIMIT
    assert gas_limit_of(80_000, LIMITS) == 100_000


@pytest.mark.parametrize(
    ("fresh", "raised"), [((5, 5), (230, 12)), ((300, 5), (300, 12)), ((5, 700), (700, 700))]
)
def test_a_raised_offer_replaces_the_old_one_and_gets_in_now(
    fresh: tuple[int, int], raised: tuple[int, int]
) -> None:
    old = Offer(price_wei_max=200, priority_wei=10)
    now = Offer(price_wei_max=fresh[0], priority_wei=fresh[1])
    assert raise_offer(old, now, LIMITS) == Offer(price_wei_max=raised[0], priority_wei=raised[1])
