"""A signature counts for exactly one order, one exchange and one account; a key is never shown."""

import copy
import pickle
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import RefusedError, UsageError
from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.digests import (
    BINARY,
    LEGACY_BINARY,
    NEG_RISK,
    PROTOCOL_V2,
    Domain,
    domain_of,
    domain_of_token,
    nested_digest,
    order_digest,
    order_hash,
    typed_digest,
)
from polyarb.venue.polymarket.signing.order import Address, Bytes32, SignatureType, SignedOrder
from polyarb.venue.polymarket.signing.signatures import (
    Attested,
    SignatureFault,
    Signer,
    attest,
    nested_signature,
    recover,
    session_signature,
    unwrap_session,
    verify_order,
)
from polyarb.venue.polymarket.signing.wallets import wallets_of
from tests.signing_cases import ALICE, BOB, CLASSIC_TOKEN, V2_TOKEN, order_of

KINDS = pytest.mark.parametrize("kind", list(SignatureType), ids=lambda kind: kind.name)
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
INVALID, MISMATCH = SignatureFault.INVALID_SIGNATURE, SignatureFault.VERSION_MISMATCH
PAYLOAD = SignatureFault.INVALID_PAYLOAD

CHANGES: dict[str, Callable[[SignedOrder], object]] = {
    "salt": lambda order: order.salt + 1,
    "token_id": lambda order: TokenId(str(int(order.token_id) + 1)),
    "maker_amount": lambda order: order.maker_amount + 1,
    "taker_amount": lambda order: order.taker_amount - 1,
    "side": lambda _: Side.SELL,
    "timestamp_ms": lambda order: order.timestamp_ms + 1,
    "metadata": lambda _: Bytes32("0x" + "17" * 32),
    "builder": lambda _: Bytes32("0x" + "42" * 32),
}


def raw(order: SignedOrder) -> bytes:
    return bytes.fromhex(order.signature[2:])


def resigned(order: SignedOrder, signature: bytes) -> SignedOrder:
    return msgspec.structs.replace(order, signature="0x" + signature.hex())


@pytest.mark.parametrize(
    ("kind", "order_id", "inner"),
    [
        (
            SignatureType.EOA,
            "0x53cad492f220aae0e181c399872ebb4dbf9169e1fedee02bad32a7b07c48ea06",
            "0x0ad9277da7616ce7257fbe5366ff7d2a9b5e99d0f39f76e56ccc4453fb56f396"
            "038977683a8c720056574ccce39b077afcfe5edf218ef1270d01f668d55278831b",
        ),
        (
            SignatureType.POLY_1271,
            "0xccf8f0c937a64301066bb82ca48de7edeb7031e2a39400e2cad8bec1739a77d4",
            "0x3b02832c312ffef063706a0823c7f3a83aab447a74c808f79cf01fb35557ca5c"
            "05e2270b83e749ad164313dcc334a7414a197ec124d7f6b560091314bd0581bb1b",
        ),
    ],
    ids=["EOA", "deposit wallet"],
)
def test_the_orders_of_the_reference_are_signed_as_there(
    kind: SignatureType, order_id: str, inner: str
) -> None:
    assert order_digest(order_of(kind), BINARY) == order_id
    signature = ALICE.sign_order(order_of(kind), BINARY).signature
    assert signature.startswith(inner)
    assert len(signature) == len("0x") + 2 * (317 if kind is SignatureType.POLY_1271 else 65)


@KINDS
def test_an_account_signs_for_itself_and_its_wallets(kind: SignatureType) -> None:
    signed = ALICE.sign_order(order_of(kind), BINARY)
    order_id = order_digest(order_of(kind), BINARY)
    assert attest(signed, BINARY) == Attested(order_id=order_id, owner=ALICE.address)
    assert verify_order(signed, BINARY) is None


@KINDS
@pytest.mark.parametrize("name", CHANGES)
def test_no_signed_field_can_be_changed(kind: SignatureType, name: str) -> None:
    signed = ALICE.sign_order(order_of(kind), NEG_RISK)
    changed = msgspec.structs.replace(signed, **{name: CHANGES[name](signed)})
    assert verify_order(changed, NEG_RISK) is INVALID
    assert order_digest(changed, NEG_RISK) != order_digest(signed, NEG_RISK)


@KINDS
def test_the_expiration_is_not_signed(kind: SignatureType) -> None:
    signed = ALICE.sign_order(order_of(kind), BINARY)
    later = msgspec.structs.replace(signed, expiration_s=1_800_000_000)
    assert order_digest(later, BINARY) == order_digest(signed, BINARY)
    assert verify_order(later, BINARY) is None


@KINDS
@pytest.mark.parametrize("other", list(SignatureType), ids=lambda kind: kind.name)
def test_a_signature_of_one_type_is_none_of_another(
    kind: SignatureType, other: SignatureType
) -> None:
    signed = ALICE.sign_order(order_of(kind), BINARY)
    posed = msgspec.structs.replace(order_of(other), signature=signed.signature)
    assert (verify_order(posed, BINARY) is None) is (kind is other)


@KINDS
def test_nobody_signs_for_somebody_else(kind: SignatureType) -> None:
    order = order_of(kind, BOB.address)
    with pytest.raises(RefusedError, match=ALICE.address):
        ALICE.sign_order(order, BINARY)
    forged = msgspec.structs.replace(
        ALICE.sign_order(order_of(kind), BINARY), maker=order.maker, signer=order.signer
    )
    assert verify_order(forged, BINARY) is INVALID


@pytest.mark.parametrize(
    "kind", [SignatureType.POLY_PROXY, SignatureType.POLY_GNOSIS_SAFE], ids=lambda kind: kind.name
)
def test_a_wallet_of_the_other_kind_is_refused(kind: SignatureType) -> None:
    wallets = wallets_of(ALICE.address)
    for maker in {*wallets.deposit, wallets.proxy, wallets.safe, ALICE.address, BOB.address}:
        order = msgspec.structs.replace(order_of(kind), maker=maker)
        signature = ALICE.sign(typed_digest(BINARY.separator, order_hash(order)))
        is_own = maker == order_of(kind).maker
        assert (verify_order(resigned(order, signature), BINARY) is None) is is_own


@pytest.mark.parametrize(
    "kind",
    [SignatureType.EOA, SignatureType.POLY_PROXY, SignatureType.POLY_GNOSIS_SAFE],
    ids=lambda kind: kind.name,
)
@pytest.mark.parametrize("name", ["maker", "signer"])
def test_both_maker_and_signer_must_be_the_signing_accounts(kind: SignatureType, name: str) -> None:
    order = msgspec.structs.replace(order_of(kind), **{name: BOB.address})
    signature = ALICE.sign(typed_digest(BINARY.separator, order_hash(order)))
    assert verify_order(resigned(order, signature), BINARY) is INVALID
    with pytest.raises(RefusedError, match=BOB.address):
        ALICE.sign_order(order, BINARY)


def deposit_order(maker: Address, signer: Address) -> SignedOrder:
    order = msgspec.structs.replace(order_of(SignatureType.POLY_1271), maker=maker, signer=signer)
    contents = order_hash(order)
    inner = ALICE.sign(nested_digest(contents, order.signer, BINARY))
    return resigned(order, nested_signature(inner, contents, BINARY))


def test_a_deposit_wallet_may_be_of_either_make_and_of_the_signer_only() -> None:
    uups, beacon = wallets_of(ALICE.address).deposit
    assert verify_order(deposit_order(uups, uups), BINARY) is None
    assert verify_order(deposit_order(beacon, beacon), BINARY) is None
    for stranger in (*wallets_of(BOB.address).deposit, wallets_of(ALICE.address).safe):
        assert verify_order(deposit_order(stranger, stranger), BINARY) is INVALID
    assert verify_order(deposit_order(uups, beacon), BINARY) is INVALID
    assert verify_order(deposit_order(uups, ALICE.address), BINARY) is INVALID


def test_every_byte_of_a_deposit_wallets_signature_counts() -> None:
    signed = ALICE.sign_order(order_of(SignatureType.POLY_1271), BINARY)
    content = raw(signed)
    assert len(content) == 317
    for at in range(len(content)):
        broken = content[:at] + bytes((content[at] ^ 1,)) + content[at + 1 :]
        assert verify_order(resigned(signed, broken), BINARY) is INVALID, at
    for wrong in (content[:-1], content + b"\0", content[:65], b""):
        assert verify_order(resigned(signed, wrong), BINARY) is INVALID


def test_a_session_key_passes_only_as_the_owner_of_the_wallet() -> None:
    signed = ALICE.sign_order(order_of(SignatureType.POLY_1271), BINARY)
    wrapped = session_signature(ALICE.address, raw(signed))
    assert verify_order(resigned(signed, wrapped), BINARY) is None
    named_bob = session_signature(BOB.address, raw(signed))
    assert verify_order(resigned(signed, named_bob), BINARY) is INVALID
    contents = order_hash(signed)
    inner = BOB.sign(nested_digest(contents, signed.signer, BINARY))
    by_bob = session_signature(BOB.address, nested_signature(inner, contents, BINARY))
    assert verify_order(resigned(signed, by_bob), BINARY) is INVALID


@given(st.binary(max_size=400), st.integers(0, 400))
def test_a_session_wrapper_is_read_only_in_its_one_form(inner: bytes, at: int) -> None:
    wrapped = session_signature(ALICE.address, inner)
    assert unwrap_session(wrapped) == (ALICE.address, inner)
    at %= len(wrapped)
    broken = wrapped[:at] + bytes((wrapped[at] ^ 0x80,)) + wrapped[at + 1 :]
    found = unwrap_session(broken)
    assert found != (ALICE.address, inner)
    assert found is None or session_signature(*found) == broken


@given(st.binary(max_size=500))
def test_no_bytes_are_taken_for_a_session_wrapper_by_accident(content: bytes) -> None:
    assert unwrap_session(content) is None
    assert unwrap_session(content + bytes.fromhex("6492") * 16) is None


@pytest.mark.parametrize(
    ("signed_for", "judged_under", "fault"),
    [
        (BINARY, NEG_RISK, INVALID),
        (NEG_RISK, BINARY, INVALID),
        (BINARY, PROTOCOL_V2, MISMATCH),
        (PROTOCOL_V2, NEG_RISK, MISMATCH),
        (LEGACY_BINARY, BINARY, MISMATCH),
    ],
    ids=["neg-risk", "binary", "to v3", "from v3", "from v1"],
)
@KINDS
def test_another_exchange_is_told_from_another_version(
    kind: SignatureType,
    signed_for: Domain,
    judged_under: Domain,
    fault: SignatureFault,
) -> None:
    signed = ALICE.sign_order(order_of(kind), signed_for)
    assert verify_order(signed, judged_under) is fault


def test_v_may_be_written_in_two_ways_and_in_no_other() -> None:
    signed = ALICE.sign_order(order_of(), BINARY)
    content = raw(signed)
    for v in range(256):
        is_same = v in (content[-1], content[-1] - 27)
        found = verify_order(resigned(signed, content[:-1] + bytes((v,))), BINARY)
        assert (found is None) is is_same


def test_the_second_form_of_a_signature_is_refused() -> None:
    digest = typed_digest(BINARY.separator, order_hash(order_of()))
    content = ALICE.sign(digest)
    high = CURVE_ORDER - int.from_bytes(content[32:64], "big")
    twin = content[:32] + high.to_bytes(32, "big") + bytes((55 - content[64],))
    assert recover(digest, content) == ALICE.address
    assert recover(digest, twin) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 65,
        b"\0" * 64 + b"\x1b",
        b"\0" * 32 + (1).to_bytes(32, "big") + b"\x1b",
        (1).to_bytes(32, "big") + b"\0" * 32 + b"\x1b",
        b"\xff" * 32 + (1).to_bytes(32, "big") + b"\x1b",
        (5).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\x1b",
        b"\1" * 64,
        b"\1" * 66,
    ],
    ids=["none", "zeros", "zero", "no r", "no s", "r too big", "no point", "short", "long"],
)
def test_nobody_is_recovered_from_nonsense(content: bytes) -> None:
    assert recover(b"\7" * 32, content) is None


@pytest.mark.parametrize(
    "text", ["", "0x", "0xzz", "12", "0x123", "0X" + "01" * 65, "0x\u0661\u0661"]
)
@KINDS
def test_a_signature_that_is_no_hex_is_refused(kind: SignatureType, text: str) -> None:
    assert verify_order(msgspec.structs.replace(order_of(kind), signature=text), BINARY) is INVALID


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("salt", -1),
        ("salt", 1 << 256),
        ("maker_amount", -1),
        ("taker_amount", 1 << 256),
        ("timestamp_ms", 1 << 300),
        ("token_id", TokenId("abc")),
        ("token_id", TokenId("-1")),
        ("token_id", TokenId("1_0")),
        ("token_id", TokenId("")),
        ("token_id", TokenId("\u0661")),
        ("token_id", TokenId(str(1 << 256))),
        ("token_id", TokenId("9" * 5000)),
        ("maker", Address("0x12")),
        ("maker", Address("0x" + "zz" * 20)),
        ("signer", Address("")),
        ("signer", Address("0x" + " 1" * 20)),
        ("metadata", Bytes32("0x00")),
        ("builder", Bytes32("nothing")),
        ("builder", Bytes32("0x" + "0g" * 32)),
    ],
    ids=str,
)
def test_an_order_that_does_not_fit_its_types_is_an_invalid_payload(
    name: str, value: object
) -> None:
    signed = ALICE.sign_order(order_of(), BINARY)
    assert verify_order(msgspec.structs.replace(signed, **{name: value}), BINARY) is PAYLOAD


def test_addresses_count_in_any_letter_case() -> None:
    signed = ALICE.sign_order(order_of(), BINARY)
    lowered = msgspec.structs.replace(
        signed, maker=Address(signed.maker.lower()), signer=Address(signed.signer.lower())
    )
    assert verify_order(lowered, BINARY) is None
    assert order_digest(lowered, BINARY) == order_digest(signed, BINARY)


def test_the_exchange_follows_from_the_market_or_the_token() -> None:
    assert domain_of(False) == BINARY
    assert domain_of(True) == NEG_RISK
    for is_neg_risk in (False, True):
        assert domain_of_token(V2_TOKEN, is_neg_risk=is_neg_risk) == PROTOCOL_V2
        found = domain_of_token(CLASSIC_TOKEN, is_neg_risk=is_neg_risk)
        assert found == domain_of(is_neg_risk)


@pytest.mark.parametrize("prefix", ["0x", ""], ids=["0x", "bare"])
def test_a_key_is_read_with_or_without_its_prefix(prefix: str) -> None:
    assert Signer(Secret(prefix + "01" * 32)).address == ALICE.address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "secret",
        "0x" + "01" * 31,
        "0x" + "01" * 33,
        "00" * 32,
        "ff" * 32,
        " " + "01" * 32,
        f"{CURVE_ORDER:064x}",
    ],
    ids=["none", "0x", "word", "short", "long", "zero", "ones", "space", "order"],
)
def test_a_text_that_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(UsageError, match="expected a private key") as caught:
        Signer(Secret(text))
    shown = str(caught.value) + repr(caught.value.__context__) + repr(caught.value.__cause__)
    assert text in ("", "0x") or text not in shown


def test_the_largest_key_signs() -> None:
    signer = Signer(Secret(f"{CURVE_ORDER - 1:064x}"))
    assert recover(b"\1" * 32, signer.sign(b"\1" * 32)) == signer.address


def test_a_signer_is_shown_as_its_address_and_written_nowhere() -> None:
    assert repr(ALICE) == str(ALICE) == f"Signer({ALICE.address})"
    for write in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError, match="not written"):
            write(ALICE)
    with pytest.raises(TypeError):
        msgspec.json.encode(ALICE)
    assert not hasattr(ALICE, "__dict__")


def test_the_same_order_is_always_signed_to_the_same_bytes() -> None:
    first, second = (ALICE.sign_order(order_of(), BINARY) for _ in range(2))
    assert first == second
