"""Both official clients, unmodified, sign to our bytes, and an independent library recovers us."""

import dataclasses
import importlib
from base64 import urlsafe_b64encode
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side
from polyarb.domain.secret import Secret
from polyarb.domain.units import MICRO, format_micros
from polyarb.venue.polymarket.signing.amounts import (
    AMOUNT_STEP,
    limit_amounts,
    market_buy_amounts,
    market_sell_amounts,
)
from polyarb.venue.polymarket.signing.contracts import CONTRACTS, Contracts, address_of
from polyarb.venue.polymarket.signing.digests import (
    BINARY,
    NEG_RISK,
    PROTOCOL_V2,
    Domain,
    order_digest,
)
from polyarb.venue.polymarket.signing.mac import login_headers, request_mac
from polyarb.venue.polymarket.signing.order import Bytes32, SignatureType, SignedOrder
from polyarb.venue.polymarket.signing.positions import is_protocol_v2
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
from polyarb.venue.polymarket.signing.signatures import (
    Signer,
    recover,
    session_signature,
    verify_order,
)
from polyarb.venue.polymarket.signing.wallets import wallets_of
from tests.signing_cases import parties

for needed in ("eth_account", "polymarket", "py_clob_client_v2"):
    pytest.importorskip(needed, reason="the official clients are in the extra `conformance`")
peers = importlib.import_module("tests.official_signing")

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS = st.integers(1, CURVE_ORDER - 1).map(lambda number: f"0x{number:064x}")
WORDS = st.binary(min_size=32, max_size=32).map(lambda content: Bytes32("0x" + content.hex()))
UINT256 = st.integers(0, (1 << 256) - 1)
ADDRESSES = st.binary(min_size=20, max_size=20).map(address_of)
DOMAINS = st.sampled_from([BINARY, NEG_RISK, PROTOCOL_V2])
Case = tuple[str, SignedOrder]
FEW = settings(max_examples=40)
DERIVATION = peers.environment.PRODUCTION_CONFIG.wallet_derivation


@st.composite
def orders(draw: st.DrawFn) -> tuple[str, SignedOrder]:
    key = draw(KEYS)
    kind = draw(st.sampled_from(list(SignatureType)))
    maker, signer = parties(kind, Signer(Secret(key)).address)
    order = SignedOrder(
        salt=draw(st.integers(0, (1 << 53) - 1)),
        maker=maker,
        signer=signer,
        token_id=TokenId(str(draw(UINT256))),
        maker_amount=draw(st.integers(0, 1 << 80)),
        taker_amount=draw(st.integers(0, 1 << 80)),
        side=draw(st.sampled_from(list(Side))),
        signature_type=kind,
        timestamp_ms=draw(st.integers(0, 1 << 42)),
        metadata=draw(WORDS),
        builder=draw(WORDS),
    )
    return key, order


@FEW
@given(orders(), DOMAINS)
def test_the_unified_client_signs_to_our_bytes(case: Case, domain: Domain) -> None:
    key, order = case
    signed = Signer(Secret(key)).sign_order(order, domain)
    assert signed.signature == peers.sign_unified(key, order, domain)
    assert verify_order(signed, domain) is None


@FEW
@given(orders(), DOMAINS)
def test_the_second_client_signs_to_our_bytes(case: Case, domain: Domain) -> None:
    key, order = case
    signed = Signer(Secret(key)).sign_order(order, domain)
    assert signed.signature == peers.sign_second(key, order, domain)
    assert peers.second_order_id(key, order, domain) == order_digest(order, domain)


@FEW
@given(orders(), DOMAINS)
def test_an_independent_library_recovers_our_address(case: Case, domain: Domain) -> None:
    key, order = case
    message = peers.typed_message(order, domain)
    signed = Signer(Secret(key)).sign_order(order, domain)
    inner = signed.signature[: 2 + 2 * 65]
    owner = peers.Account.from_key(key).address
    assert peers.Account.recover_message(message, signature=inner) == owner
    if order.signature_type is not SignatureType.POLY_1271:
        assert peers.digest_of(message) == order_digest(order, domain)


@FEW
@given(KEYS, st.binary(min_size=32, max_size=32))
def test_we_recover_whom_an_independent_library_signed_for(key: str, digest: bytes) -> None:
    theirs = peers.Account.from_key(key)
    assert recover(digest, bytes(theirs.unsafe_sign_hash(digest).signature)) == theirs.address
    assert Signer(Secret(key)).sign(digest) == bytes(theirs.unsafe_sign_hash(digest).signature)


@FEW
@given(KEYS, st.integers(0, 1 << 40), st.integers(0, 1 << 60))
def test_all_log_in_with_the_same_headers(key: str, stamp: int, nonce: int) -> None:
    ours = login_headers(Signer(Secret(key)), stamp, nonce)
    assert ours == peers.create_level_1_headers(peers.TheirSigner(key, 137), nonce, stamp)
    unified = peers.l1_auth.sign_api_key_auth(
        peers.Account.from_key(key), chain_id=137, timestamp=stamp, nonce=nonce
    )
    assert (unified.address, unified.signature) == (ours["POLY_ADDRESS"], ours["POLY_SIGNATURE"])


@given(
    secret=st.binary(min_size=1, max_size=48),
    stamp=st.integers(0, 1 << 40),
    body=st.text(st.characters(exclude_characters="'", exclude_categories=["Cs"])),
)
def test_all_make_the_same_keyed_hash(secret: bytes, stamp: int, body: str) -> None:
    text = urlsafe_b64encode(secret).decode()
    path = "/order"
    ours = request_mac(Secret(text), str(stamp), method="POST", path=path, body=body.encode())
    assert ours == peers.build_hmac_signature(text, str(stamp), "POST", path, body)
    bare = text.rstrip("=")
    assert ours == peers.hmac.build_hmac_signature(
        secret=bare, timestamp=stamp, method="POST", path=path, body=body
    )
    again = request_mac(Secret(bare), str(stamp), method="POST", path=path, body=body.encode())
    assert ours == again


@FEW
@given(ADDRESSES)
def test_wallets_stand_where_the_unified_client_puts_them(owner: str) -> None:
    ours = wallets_of(address_of(bytes.fromhex(owner[2:])))
    assert ours.proxy == peers.wallet.derive_proxy_wallet_address(owner, DERIVATION)
    assert ours.safe == peers.wallet.derive_safe_wallet_address(owner, DERIVATION)
    assert ours.uups == peers.wallet.derive_uups_deposit_wallet_address(owner, DERIVATION)
    assert ours.beacon == peers.wallet.derive_beacon_deposit_wallet_address(owner, DERIVATION)


@FEW
@given(ADDRESSES, st.binary(min_size=1, max_size=400))
def test_a_session_is_wrapped_as_by_the_unified_client(signer: str, content: bytes) -> None:
    theirs = peers.wallet.wrap_deposit_wallet_session_signer_signature(signer, "0x" + content.hex())
    assert theirs == "0x" + session_signature(address_of(bytes.fromhex(signer[2:])), content).hex()


@given(
    st.one_of(UINT256, st.integers(0, 1 << 40), UINT256.map(lambda n: n & ~(((1 << 64) - 1) << 40)))
)
def test_positions_are_told_as_by_the_unified_client(number: int) -> None:
    assert is_protocol_v2(TokenId(str(number))) == peers.protocol.is_v2_position_id(str(number))


CALLS = st.lists(
    st.tuples(ADDRESSES, st.integers(0, 1 << 100), st.binary(max_size=100)), max_size=4
)


@FEW
@given(KEYS, ADDRESSES, CALLS, st.integers(0, 1 << 60), st.integers(0, 1 << 60))
def test_a_batch_is_signed_as_by_the_unified_client(
    key: str,
    address: str,
    calls: list[tuple[str, int, bytes]],
    nonce: int,
    deadline: int,
) -> None:
    ours = WalletBatch(
        wallet=address,
        nonce=nonce,
        deadline_s=deadline,
        calls=tuple(Call(target=to, value=value, data=content) for to, value, content in calls),
    )
    theirs = peers.deposit_wallet.sign_deposit_wallet_batch(
        peers.Account.from_key(key),
        wallet=address,
        calls=[
            peers.TransactionCall(to=to, value=value, data="0x" + content.hex())
            for to, value, content in calls
        ],
        nonce=str(nonce),
        deadline=str(deadline),
        chain_id=137,
    )
    signer = Signer(Secret(key))
    signature = sign_batch(signer, ours)
    assert theirs == "0x" + signature.hex()
    assert batch_signer(ours, signature) == signer.address
    other = msgspec.structs.replace(ours, nonce=nonce + 1)
    assert batch_signer(other, signature) != signer.address


@FEW
@given(
    KEYS, ADDRESSES, ADDRESSES, st.binary(max_size=100), st.integers(0, 1), st.integers(0, 1 << 60)
)
def test_a_safe_transaction_is_signed_as_by_the_unified_client(
    key: str, address: str, to: str, content: bytes, operation: int, nonce: int
) -> None:
    ours = SafeTransaction(
        safe=address, call=Call(target=to, data=content), operation=operation, nonce=nonce
    )
    theirs = peers.safe.sign_safe_transaction(
        peers.Account.from_key(key),
        safe_address=address,
        to=to,
        data="0x" + content.hex(),
        value=0,
        operation=operation,
        nonce=str(nonce),
        chain_id=137,
    )
    signer = Signer(Secret(key))
    signature = sign_safe(signer, ours)
    assert theirs == "0x" + signature.hex()
    assert safe_signer(ours, signature) == signer.address
    assert safe_signer(ours, signature[:-1] + bytes((signature[-1] - 4,))) is None
    assert safe_signer(ours, signature[:-1]) is None


@FEW
@given(
    KEYS,
    ADDRESSES,
    st.binary(max_size=100),
    st.lists(st.integers(0, 1 << 60), min_size=4, max_size=4),
)
def test_a_proxy_transaction_is_signed_as_by_the_unified_client(
    key: str, to: str, content: bytes, numbers: list[int]
) -> None:
    signer = Signer(Secret(key))
    fee, price, limit_, nonce = numbers
    ours = ProxyTransaction(
        owner=signer.address,
        to=to,
        data=content,
        nonce=nonce,
        gas_limit=limit_,
        relay=to,
        relayer_fee=fee,
        gas_price=price,
    )
    hashed = peers.proxy.build_proxy_transaction_hash(
        from_address=signer.address,
        to=to,
        data="0x" + content.hex(),
        relayer_fee=str(fee),
        gas_price=str(price),
        gas_limit=str(limit_),
        nonce=str(nonce),
        relay_hub=CONTRACTS.relay_hub,
        relay=to,
    )
    signature = sign_proxy(signer, ours)
    assert (
        peers.proxy.sign_proxy_message(peers.Account.from_key(key), hashed)
        == "0x" + signature.hex()
    )
    assert proxy_signer(ours, signature) == signer.address


@st.composite
def priced(draw: st.DrawFn) -> tuple[int, int, int]:
    """Draw a tick, a price on its grid and a size of up to six decimals."""
    tick = draw(st.sampled_from(sorted(AMOUNT_STEP)))
    price = tick * draw(st.integers(1, MICRO // tick - 1))
    size = draw(st.one_of(st.integers(0, 10**12), st.integers(0, 10**8).map(lambda n: n * 10_000)))
    return tick, price, size


def decimal(micros: int) -> Decimal:
    return Decimal(format_micros(micros))


@given(priced(), st.sampled_from(list(Side)))
def test_limit_amounts_are_those_of_the_unified_client(
    case: tuple[int, int, int], side: Side
) -> None:
    tick, price, size = case
    theirs = peers.limit._compute_limit_order_amounts(
        price=decimal(price), size=decimal(size), side=side.value, tick_size=decimal(tick)
    )
    ours = limit_amounts(price=price, shares=size, side=side, tick=tick)
    assert (ours.maker, ours.taker) == theirs


@given(priced(), st.sampled_from(list(Side)))
def test_market_amounts_are_those_of_the_unified_client(
    case: tuple[int, int, int], side: Side
) -> None:
    tick, price, size = case
    theirs = peers.market._compute_market_order_amounts(
        amount=decimal(size), price=decimal(price), side=side.value, tick_size=decimal(tick)
    )
    if side is Side.BUY:
        ours = market_buy_amounts(price=price, collateral=size, tick=tick)
        assert ours.maker * MICRO >= ours.taker * price
    else:
        ours = market_sell_amounts(price=price, shares=size, tick=tick)
    assert (ours.maker, ours.taker) == theirs


UNIFIED_NAMES = {
    "collateral_token": "pusd",
    "conditional_tokens": "conditional_tokens",
    "neg_risk_adapter": "neg_risk_adapter",
    "collateral_adapter": "collateral_adapter",
    "neg_risk_collateral_adapter": "neg_risk_collateral_adapter",
    "standard_exchange": "exchange",
    "neg_risk_exchange": "neg_risk_exchange",
    "exchange_v3": "exchange_v3",
    "protocol_v2_router": "router",
    "binary_module": "binary_module",
    "neg_risk_module": "neg_risk_module",
    "combinatorial_module": "combinatorial_module",
    "position_manager": "position_manager",
    "auto_redeem_operator": "auto_redeemer",
    "safe_multisend": "safe_multisend",
    "relay_hub": "relay_hub",
    "perps_deposit_contract": "perps_deposit",
}
SECOND_NAMES = {
    "exchange": "legacy_exchange",
    "neg_risk_adapter": "neg_risk_adapter",
    "neg_risk_exchange": "legacy_neg_risk_exchange",
    "collateral": "pusd",
    "conditional_tokens": "conditional_tokens",
    "exchange_v2": "exchange",
    "neg_risk_exchange_v2": "neg_risk_exchange",
    "exchange_v3": "exchange_v3",
}


def same(theirs: object, names: dict[str, str], ours: Contracts) -> None:
    for their_name, our_name in names.items():
        found = str(getattr(theirs, their_name))
        assert found.lower() == getattr(ours, our_name).lower(), their_name


def test_both_clients_have_our_contracts() -> None:
    config = peers.environment.PRODUCTION_CONFIG
    assert config.chain_id == CONTRACTS.chain_id
    same(config, UNIFIED_NAMES, CONTRACTS)
    same(peers.get_contract_config(137), SECOND_NAMES, CONTRACTS)
    derivation = {field.name: field.name for field in dataclasses.fields(DERIVATION)}
    same(DERIVATION, derivation, CONTRACTS)
