"""Orders are hashed, signed and judged as in the published vectors, to the last byte."""

from typing import Any

import pytest
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing import digests
from polyarb.venue.polymarket.signing.digests import (
    ORDER_TYPE,
    domain_of_token,
    nested_digest,
    nested_hash,
    order_digest,
    order_hash,
)
from polyarb.venue.polymarket.signing.order import SignatureType
from polyarb.venue.polymarket.signing.signatures import (
    Attested,
    SignatureFault,
    Signer,
    attest,
    is_legacy_order,
    session_signature,
    unwrap_session,
    verify_order,
)
from polyarb.venue.polymarket.signing.words import hex_bytes
from tests.signing_cases import DOMAINS, read_vectors, wire_order

FILE = read_vectors("orders.json")
ROWS = FILE["vectors"]
NAMED = pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])


def text(content: bytes) -> str:
    return "0x" + content.hex()


@NAMED
def test_an_order_has_the_published_hash_and_id(row: dict[str, Any]) -> None:
    order, expected = wire_order(row["input"]["order"]), row["expected"]
    domain = DOMAINS[row["input"]["market_kind"]]
    assert text(domain.separator) == expected["domain_separator"]
    assert text(order_hash(order)) == expected["struct_hash"]
    assert order_digest(order, domain) == expected["order_id"]


@NAMED
def test_an_order_is_signed_to_the_published_bytes(row: dict[str, Any]) -> None:
    order, expected = wire_order(row["input"]["order"]), row["expected"]
    domain = DOMAINS[row["input"]["market_kind"]]
    signed = Signer(Secret(row["input"]["private_key"])).sign_order(order, domain)
    assert signed.signature == expected["signature"] == expected["post_body"]["order"]["signature"]


@NAMED
def test_a_published_signature_holds_under_its_domain_alone(row: dict[str, Any]) -> None:
    order = wire_order(row["expected"]["post_body"]["order"])
    kind, expected = row["input"]["market_kind"], row["expected"]
    found = attest(order, DOMAINS[kind])
    assert found == Attested(order_id=expected["order_id"], owner=expected["recovered_signer"])
    for other, domain in DOMAINS.items():
        is_other_version = "protocol_v2" in (kind, other)
        wanted = SignatureFault.VERSION_MISMATCH if is_other_version else "invalid signature"
        assert other == kind or verify_order(order, domain) == wanted


@NAMED
def test_the_exchange_of_an_order_follows_from_its_token_and_market(row: dict[str, Any]) -> None:
    order, kind = wire_order(row["input"]["order"]), row["input"]["market_kind"]
    assert domain_of_token(order.token_id, is_neg_risk=kind == "neg_risk") == DOMAINS[kind]


def test_a_deposit_wallet_signs_the_published_nested_digest() -> None:
    rows = [row for row in ROWS if row["input"]["order"]["signatureType"] == 3]
    assert len(rows) == 3
    for row in rows:
        order, expected = wire_order(row["input"]["order"]), row["expected"]
        assert order.signature_type is SignatureType.POLY_1271
        domain, contents = DOMAINS[row["input"]["market_kind"]], order_hash(order)
        nested = nested_hash(contents, order.signer, domain.chain_id)
        assert text(nested) == expected["typed_data_sign_hash"]
        assert text(nested_digest(contents, order.signer, domain)) == expected["signed_digest"]


def test_the_published_separators_and_type_are_ours() -> None:
    constants = FILE["constants"]
    assert constants["order_type"].encode() == ORDER_TYPE
    ours = {
        "binary": digests.BINARY,
        "neg_risk": digests.NEG_RISK,
        "protocol_v2": digests.PROTOCOL_V2,
        "legacy_v1_binary": digests.LEGACY_BINARY,
        "legacy_v1_neg_risk": digests.LEGACY_NEG_RISK,
    }
    found = {
        name: {
            "version": domain.version,
            "verifyingContract": domain.exchange,
            "separator": text(domain.separator),
        }
        for name, domain in ours.items()
    }
    assert found == constants["domain_separators_137"]


def test_a_session_key_wraps_a_signature_to_the_published_bytes() -> None:
    case = FILE["session_key_wrapper"]
    inner = hex_bytes(case["input"]["signature"])
    assert inner is not None
    wrapped = session_signature(case["input"]["session_signer"], inner)
    assert text(wrapped) == case["expected"]["signature"]
    assert unwrap_session(wrapped) == (case["input"]["session_signer"], inner)


def test_a_binary_signature_is_refused_for_a_neg_risk_token() -> None:
    case = FILE["must_refuse"][0]
    order = wire_order(case["input"]["order"], case["input"]["signature"])
    domain = DOMAINS[case["input"]["verify_with"]]
    assert order_digest(order, domain) == case["expected"]["order_id_under_that_domain"]
    assert verify_order(order, domain) is SignatureFault.INVALID_SIGNATURE
    assert verify_order(order, digests.BINARY) is None


def test_an_order_of_the_dead_version_is_told_by_its_fields() -> None:
    case = FILE["must_refuse"][1]["input"]["post_body"]["order"]
    assert is_legacy_order(case)
    assert not any(is_legacy_order(row["expected"]["post_body"]["order"]) for row in ROWS)
    assert not is_legacy_order(case.keys() | {"timestamp", "metadata", "builder"})
