"""Orders to sign, and the published vectors of the venue's protocol."""

import json
from pathlib import Path
from typing import Any

import pytest
from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.digests import BINARY, NEG_RISK, PROTOCOL_V2
from polyarb.venue.polymarket.signing.order import (
    ZERO_BYTES32,
    Address,
    Bytes32,
    SignatureType,
    SignedOrder,
)
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.signing.wallets import wallets_of

VECTORS = Path(__file__).resolve().parents[2] / "shared" / "data" / "vectors"
DOMAINS = {"binary": BINARY, "neg_risk": NEG_RISK, "protocol_v2": PROTOCOL_V2}
KEY = Secret("0x" + "01" * 32)
OTHER_KEY = Secret("0x" + "02" * 32)
ALICE, BOB = Signer(KEY), Signer(OTHER_KEY)
CLASSIC_TOKEN = TokenId(
    "71321045679252212594626385532706912750332728571942532289631379312455583992563"
)
V2_TOKEN = TokenId("755628523515574437047200361729489104556293318487910503313706867035130036224")


def read_vectors(name: str) -> dict[str, Any]:
    """Read a file of vectors beside the checkout; leave the module out where it is absent."""
    path = VECTORS / name
    if not path.is_file():
        pytest.skip("the vectors beside the checkout are absent", allow_module_level=True)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def parties(kind: SignatureType, owner: Address) -> tuple[Address, Address]:
    """Return maker and signer of an order of a signature type."""
    wallets = wallets_of(owner)
    return {
        SignatureType.EOA: (owner, owner),
        SignatureType.POLY_PROXY: (wallets.proxy, owner),
        SignatureType.POLY_GNOSIS_SAFE: (wallets.safe, owner),
        SignatureType.POLY_1271: (wallets.uups, wallets.uups),
    }[kind]


def order_of(
    kind: SignatureType = SignatureType.EOA, owner: Address = ALICE.address
) -> SignedOrder:
    """Return an unsigned order of an account."""
    maker, signer = parties(kind, owner)
    return SignedOrder(
        salt=123456789,
        maker=maker,
        signer=signer,
        token_id=CLASSIC_TOKEN,
        maker_amount=5_000_000,
        taker_amount=10_000_000,
        side=Side.BUY,
        signature_type=kind,
        timestamp_ms=1_795_262_409_386,
    )


def wire_order(fields: dict[str, Any], signature: str = "") -> SignedOrder:
    """Read an order as the vectors write it."""
    return SignedOrder(
        salt=fields["salt"],
        maker=Address(fields["maker"]),
        signer=Address(fields["signer"]),
        token_id=TokenId(fields["tokenId"]),
        maker_amount=int(fields["makerAmount"]),
        taker_amount=int(fields["takerAmount"]),
        side=Side(fields["side"]),
        signature_type=SignatureType(fields["signatureType"]),
        timestamp_ms=int(fields["timestamp"]),
        metadata=Bytes32(fields.get("metadata", ZERO_BYTES32)),
        builder=Bytes32(fields.get("builder", ZERO_BYTES32)),
        expiration_s=int(fields["expiration"]),
        signature=signature or fields.get("signature", ""),
    )
