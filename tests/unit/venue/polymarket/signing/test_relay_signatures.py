"""What is relayed counts for the one transaction and wallet that its owner signed."""

from collections.abc import Callable

import msgspec
import pytest
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.relays import (
    Call,
    ProxyTransaction,
    SafeTransaction,
    WalletBatch,
    batch_signer,
    proxy_signer,
    safe_signer,
    sign_batch,
    sign_proxy,
    sign_safe,
)
from polyarb.venue.polymarket.signing.wallets import wallets_of
from tests.signing_cases import ALICE, BOB

WALLETS = wallets_of(ALICE.address)
CALL = Call(target=CONTRACTS.pusd, value=1, data=b"\x09\x5e\xa7\xb3")
OTHER = Call(target=CONTRACTS.pusd, value=2, data=b"\x09\x5e\xa7\xb3")
BATCH = WalletBatch(wallet=WALLETS.uups, nonce=7, deadline_s=1_795_263_000, calls=(CALL, OTHER))
SAFE = SafeTransaction(safe=WALLETS.safe, call=CALL, nonce=7)
PROXY = ProxyTransaction(
    owner=ALICE.address,
    to=CONTRACTS.proxy_factory,
    data=b"\x34\xee\x97\x91",
    nonce=7,
    gas_limit=500_000,
    relay=BOB.address,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"wallet": WALLETS.beacon},
        {"nonce": 8},
        {"deadline_s": 1},
        {"calls": (OTHER, CALL)},
        {"calls": (CALL,)},
        {"calls": (CALL, CALL)},
        {"chain_id": 80002},
    ],
    ids=lambda changes: ascii(changes)[:30],
)
def test_a_batch_cannot_be_changed(changes: dict[str, object]) -> None:
    signature = sign_batch(ALICE, BATCH)
    assert batch_signer(BATCH, signature) == ALICE.address
    assert batch_signer(msgspec.structs.replace(BATCH, **changes), signature) != ALICE.address


@pytest.mark.parametrize(
    "changes",
    [
        {"safe": WALLETS.proxy},
        {"call": OTHER},
        {"operation": 1},
        {"nonce": 8},
        {"gas_token": BOB.address},
        {"refund_receiver": BOB.address},
        {"safe_gas": 1},
        {"base_gas": 1},
        {"gas_price": 1},
        {"chain_id": 80002},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_transaction_of_a_safe_cannot_be_changed(changes: dict[str, object]) -> None:
    signature = sign_safe(ALICE, SAFE)
    assert safe_signer(SAFE, signature) == ALICE.address
    assert safe_signer(msgspec.structs.replace(SAFE, **changes), signature) != ALICE.address


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": BOB.address},
        {"to": BOB.address},
        {"data": b""},
        {"nonce": 8},
        {"gas_limit": 1},
        {"gas_price": 1},
        {"relayer_fee": 1},
        {"relay": ALICE.address},
        {"relay_hub": BOB.address},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_transaction_of_a_proxy_cannot_be_changed(changes: dict[str, object]) -> None:
    signature = sign_proxy(ALICE, PROXY)
    assert proxy_signer(PROXY, signature) == ALICE.address
    assert proxy_signer(msgspec.structs.replace(PROXY, **changes), signature) != ALICE.address


def test_v_of_a_safe_is_raised_by_four_and_no_other_passes() -> None:
    signature = sign_safe(ALICE, SAFE)
    assert signature[-1] in (31, 32)
    for v in range(256):
        found = safe_signer(SAFE, signature[:-1] + bytes((v,)))
        assert (found == ALICE.address) is (v == signature[-1])
        assert found is None or v in (31, 32)


@pytest.mark.parametrize("content", [b"", b"\x1b" * 64, b"\x1b" * 66], ids=["none", "64", "66"])
def test_nobody_signs_with_nonsense(content: bytes) -> None:
    assert batch_signer(BATCH, content) is None
    assert safe_signer(SAFE, content) is None
    assert proxy_signer(PROXY, content) is None


@pytest.mark.parametrize(
    "sign",
    [
        lambda: sign_batch(ALICE, msgspec.structs.replace(BATCH, wallet=Address("0x12"))),
        lambda: sign_safe(ALICE, msgspec.structs.replace(SAFE, gas_token=Address("me"))),
        lambda: sign_proxy(ALICE, msgspec.structs.replace(PROXY, relay=Address(""))),
        lambda: sign_batch(ALICE, msgspec.structs.replace(BATCH, nonce=-1)),
        lambda: sign_safe(ALICE, msgspec.structs.replace(SAFE, operation=1 << 256)),
    ],
    ids=["wallet", "gas token", "relay", "nonce", "operation"],
)
def test_what_does_not_fit_its_type_is_not_signed(sign: Callable[[], bytes]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        sign()
