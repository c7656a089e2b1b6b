"""What a key may sign: each bound refuses by itself, and nothing but the asked is signed."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.errors import RefusedError
from polyarb.domain.ids import TokenId
from polyarb.domain.market import MarketVersion
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.digests import (
    BINARY,
    LEGACY_BINARY,
    NEG_RISK,
    PROTOCOL_V2,
    Domain,
    login_digest,
    order_digest,
)
from polyarb.venue.polymarket.signing.mac import login_headers
from polyarb.venue.polymarket.signing.order import Bytes32, SignatureType
from polyarb.venue.polymarket.signing.policy import ORDER_CHECKS, SignatureKind, SigningPolicy
from polyarb.venue.polymarket.signing.port import (
    LoginSigned,
    LoginToSign,
    OrdersSigned,
    OrdersToSign,
    OrderToSign,
    SignatureRefused,
    SigningRefusal,
)
from polyarb.venue.polymarket.signing.signatures import attest, recover
from polyarb.venue.polymarket.signing.wallets import wallets_of
from tests.policy_cases import (
    NEG_RISK_TOKEN,
    NOW_MS,
    NOW_NS,
    TOKENS,
    UNKNOWN_TOKEN,
    USD,
    Book,
    SetClock,
    guard,
    policy_for,
    to_sign,
)
from tests.signing_cases import ALICE, BOB, CLASSIC_TOKEN, V2_TOKEN

NOW_S = NOW_MS // 1_000
replace = msgspec.structs.replace
OTHER = Bytes32("0x" + "ab" * 32)


def ask(
    *orders: OrderToSign, policy: SigningPolicy | None = None, book: Book | None = None
) -> OrdersSigned | SignatureRefused:
    return guard(policy, book=book).sign_orders(OrdersToSign(orders=orders))


def refusal(answer: object) -> SigningRefusal:
    assert isinstance(answer, SignatureRefused), answer
    assert answer.told
    return answer.reason


@pytest.mark.parametrize("kind", SignatureType, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("token", "domain"),
    [(CLASSIC_TOKEN, BINARY), (NEG_RISK_TOKEN, NEG_RISK), (V2_TOKEN, PROTOCOL_V2)],
    ids=["binary", "neg-risk", "protocol v2"],
)
def test_what_is_allowed_is_signed_for_the_exchange_of_its_token(
    kind: SignatureType, token: TokenId, domain: Domain
) -> None:
    one = replace(to_sign(kind, token_id=token), exchange=domain.exchange)
    answer = ask(one, policy=policy_for(kind))
    assert isinstance(answer, OrdersSigned)
    (order,) = answer.orders
    assert replace(order, signature="") == one.order
    found = attest(order, domain)
    assert found == attest(ALICE.sign_order(one.order, domain), domain)
    assert answer.order_ids == (order_digest(one.order, domain),)


def gtd(expiration_s: int) -> OrderToSign:
    return replace(to_sign(expiration_s=expiration_s), time_in_force=TimeInForce.GTD)


_WALLETS = wallets_of(ALICE.address)
REFUSED: list[tuple[SigningRefusal, OrderToSign]] = [
    (SigningRefusal.MALFORMED, to_sign(salt=-1)),
    (SigningRefusal.MALFORMED, to_sign(salt=(1 << 53) + 1)),
    (SigningRefusal.MALFORMED, to_sign(maker_amount=0)),
    (SigningRefusal.MALFORMED, to_sign(taker_amount=0)),
    (SigningRefusal.MALFORMED, to_sign(maker_amount=-5_000_000, taker_amount=-10_000_000)),
    (SigningRefusal.MALFORMED, to_sign(taker_amount=1 << 256)),
    (SigningRefusal.MALFORMED, to_sign(signature="0x00")),
    (SigningRefusal.CHAIN, replace(to_sign(), chain_id=80_002)),
    (SigningRefusal.SIGNATURE_TYPE, to_sign(signature_type=SignatureType.POLY_PROXY)),
    (SigningRefusal.MAKER, to_sign(maker=BOB.address)),
    (SigningRefusal.MAKER, to_sign(signer=BOB.address)),
    (SigningRefusal.MAKER, to_sign(maker=_WALLETS.proxy)),
    (SigningRefusal.MAKER, to_sign(maker=ALICE.address.lower())),
    (SigningRefusal.TOKEN, to_sign(token_id=TokenId("1"))),
    (SigningRefusal.TOKEN, to_sign(token_id=TokenId("0" + CLASSIC_TOKEN))),
    (SigningRefusal.UNKNOWN_VERSION, to_sign(token_id=UNKNOWN_TOKEN)),
    (SigningRefusal.CONTRACT, replace(to_sign(), exchange=NEG_RISK.exchange)),
    (SigningRefusal.CONTRACT, replace(to_sign(), exchange=LEGACY_BINARY.exchange)),
    (SigningRefusal.CONTRACT, to_sign(token_id=V2_TOKEN)),
    (SigningRefusal.BUILDER, to_sign(builder=OTHER)),
    (SigningRefusal.BUILDER, to_sign(metadata=OTHER)),
    (SigningRefusal.TIMESTAMP, to_sign(timestamp_ms=NOW_MS - 30_001)),
    (SigningRefusal.TIMESTAMP, to_sign(timestamp_ms=NOW_MS + 30_001)),
    (SigningRefusal.TIME_IN_FORCE, replace(to_sign(), time_in_force=TimeInForce.GTC)),
    (SigningRefusal.EXPIRATION, to_sign(expiration_s=NOW_S + 60)),
    (SigningRefusal.EXPIRATION, gtd(0)),
    (SigningRefusal.EXPIRATION, gtd(NOW_S)),
    (SigningRefusal.EXPIRATION, gtd(NOW_S + 901)),
    (SigningRefusal.PRICE, to_sign(maker_amount=6_000_001)),
    (SigningRefusal.PRICE, to_sign(maker_amount=3_999_999)),
    (SigningRefusal.PRICE, to_sign(side=Side.SELL, maker_amount=10 * USD, taker_amount=3 * USD)),
    (SigningRefusal.PRICE, to_sign(maker_amount=10 * USD, taker_amount=5 * USD)),
    (SigningRefusal.ORDER_NOTIONAL, to_sign(maker_amount=10 * USD + 1, taker_amount=20 * USD)),
]


@pytest.mark.parametrize(("reason", "one"), REFUSED)
def test_what_is_beyond_a_bound_is_refused_by_its_name_and_costs_nothing(
    reason: SigningRefusal, one: OrderToSign
) -> None:
    book = Book()
    answer = ask(to_sign(), one, book=book)
    assert refusal(answer) is reason
    assert isinstance(answer, SignatureRefused) and answer.index == 1
    assert not book.charges


def test_every_check_refuses_something() -> None:
    assert {reason for reason, _ in ORDER_CHECKS} == {reason for reason, _ in REFUSED}


@pytest.mark.parametrize(
    "one",
    [
        to_sign(maker_amount=6_000_000),
        to_sign(maker_amount=4_000_000),
        to_sign(maker_amount=10 * USD, taker_amount=20 * USD),
        to_sign(side=Side.SELL, maker_amount=10 * USD, taker_amount=5 * USD),
        to_sign(timestamp_ms=NOW_MS - 30_000),
        to_sign(timestamp_ms=NOW_MS + 30_000),
        to_sign(salt=1 << 53),
        gtd(NOW_S + 1),
        gtd(NOW_S + 900),
    ],
)
def test_a_bound_itself_is_allowed(one: OrderToSign) -> None:
    assert isinstance(ask(one), OrdersSigned)


@pytest.mark.parametrize("count", [0, 16])
def test_a_set_has_at_least_one_order_and_no_more_than_the_venue_takes(count: int) -> None:
    assert refusal(ask(*[to_sign()] * count)) is SigningRefusal.COUNT


@pytest.mark.parametrize(
    "changes",
    [
        {"exchanges": frozenset({CONTRACTS.neg_risk_exchange})},
        {"tokens": TOKENS | {CLASSIC_TOKEN: replace(TOKENS[V2_TOKEN])}},
        {"tokens": TOKENS | {CLASSIC_TOKEN: replace(TOKENS[NEG_RISK_TOKEN])}},
    ],
    ids=["unlisted exchange", "version of another ledger", "other exchange"],
)
def test_a_token_whose_exchange_is_not_as_listed_is_refused(changes: dict[str, object]) -> None:
    assert refusal(ask(to_sign(), policy=replace(policy_for(), **changes))) is (
        SigningRefusal.CONTRACT
    )


def test_a_policy_for_another_chain_signs_nothing_of_this_one() -> None:
    amoy = replace(policy_for(), chain_id=80_002)
    assert refusal(ask(to_sign(), policy=amoy)) is SigningRefusal.CHAIN
    assert refusal(ask(replace(to_sign(), chain_id=80_002), policy=amoy)) is (
        SigningRefusal.CONTRACT
    )


def test_a_policy_that_names_nothing_allows_nothing() -> None:
    nothing = SigningPolicy(
        kinds=frozenset({SignatureKind.ORDER}),
        chain_id=BINARY.chain_id,
        exchanges=frozenset(),
        account=ALICE.address,
        maker=ALICE.address,
        signature_type=SignatureType.EOA,
    )
    assert refusal(ask(to_sign(), policy=nothing)) is SigningRefusal.TOKEN
    assert refusal(guard(nothing).sign_login(LoginToSign(timestamp_s=NOW_S))) is SigningRefusal.KIND


def test_a_login_is_allowed_apart_from_orders() -> None:
    only = replace(policy_for(), kinds=frozenset({SignatureKind.LOGIN}))
    assert refusal(ask(to_sign(), policy=only)) is SigningRefusal.KIND
    answer = guard(only).sign_login(LoginToSign(timestamp_s=NOW_S, nonce=3))
    assert isinstance(answer, LoginSigned)
    digest = login_digest(ALICE.address, str(NOW_S), 3)
    assert recover(digest, bytes.fromhex(answer.signature[2:])) == ALICE.address
    assert answer.headers == login_headers(ALICE, NOW_S, 3)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (SigningRefusal.CHAIN, {"chain_id": 80_002}),
        (SigningRefusal.MALFORMED, {"nonce": -1}),
        (SigningRefusal.MALFORMED, {"nonce": 1 << 256}),
        (SigningRefusal.TIMESTAMP, {"timestamp_s": NOW_S - 31}),
        (SigningRefusal.TIMESTAMP, {"timestamp_s": NOW_S + 32}),
    ],
)
def test_a_login_beyond_a_bound_is_refused(
    reason: SigningRefusal, changes: dict[str, object]
) -> None:
    request = replace(LoginToSign(timestamp_s=NOW_S), **changes)
    assert refusal(guard().sign_login(request)) is reason


def test_a_policy_of_another_account_is_refused_before_anything_is_signed() -> None:
    theirs = replace(policy_for(), account=BOB.address)
    with pytest.raises(RefusedError, match=f"expected the key of {BOB.address}"):
        guard(theirs)
    mine = guard()
    with pytest.raises(RefusedError, match="expected the key of"):
        mine.adopt(theirs)
    with pytest.raises(RefusedError, match="end this run"):
        mine.adopt(policy_for(day_max=101 * USD))


def test_other_tokens_count_from_the_moment_they_are_adopted() -> None:
    tokens = dict(TOKENS)
    mine = guard(replace(policy_for(), tokens=tokens))
    tokens.clear()
    request = OrdersToSign(orders=(to_sign(),))
    assert isinstance(mine.sign_orders(request), OrdersSigned)
    mine.adopt(replace(policy_for(), tokens={}))
    assert refusal(mine.sign_orders(request)) is SigningRefusal.TOKEN


def test_neither_the_key_nor_its_holder_can_be_shown_or_copied() -> None:
    mine = guard()
    assert "01" * 16 not in repr(mine)
    assert repr(mine) == f"GuardedSigner({ALICE.address})"


_NUMBERS = st.integers(min_value=-(1 << 260), max_value=1 << 260)
_TEXTS = st.sampled_from(
    ["", "0x", "0", BOB.address, ALICE.address, CLASSIC_TOKEN, V2_TOKEN, OTHER, "0x" + "00" * 32]
) | st.text(max_size=80)


@st.composite
def distorted(draw: Callable[[st.SearchStrategy[object]], object]) -> OrderToSign:
    """An order of ours with some of its fields replaced by anything of their type."""
    changes: dict[str, object] = {}
    names = draw(st.sets(st.sampled_from(to_sign().order.__struct_fields__), max_size=4))
    for name in sorted(names):
        found = getattr(to_sign().order, name)
        if isinstance(found, Side | SignatureType):
            changes[name] = draw(st.sampled_from(list(type(found))))
        elif isinstance(found, int):
            changes[name] = draw(_NUMBERS | st.integers(0, 20 * USD))
        else:
            changes[name] = draw(_TEXTS)
    one = to_sign(**changes)
    return replace(
        one,
        chain_id=draw(st.sampled_from([137, 137, 1])),
        exchange=draw(st.sampled_from([BINARY.exchange, BINARY.exchange, NEG_RISK.exchange])),
        time_in_force=draw(st.sampled_from(list(TimeInForce))),
    )


@given(st.lists(distorted(), min_size=1, max_size=3))
def test_whatever_is_asked_is_refused_by_a_reason_or_is_ours_and_within_every_bound(
    orders: list[OrderToSign],
) -> None:
    answer = ask(*orders)
    if isinstance(answer, SignatureRefused):
        return
    for one, order in zip(orders, answer.orders, strict=True):
        assert replace(order, signature="") == one.order
        assert one.chain_id == 137 and one.exchange == BINARY.exchange
        assert (order.maker, order.signer, order.token_id) == (
            ALICE.address,
            ALICE.address,
            CLASSIC_TOKEN,
        )
        money, shares = order.maker_amount, order.taker_amount
        if order.side is Side.SELL:
            money, shares = shares, money
        assert 0 < money <= 10 * USD
        assert 0.4 <= money / shares <= 0.6
        assert not isinstance(attest(order, BINARY), str)


def test_an_unknown_version_is_refused_even_where_the_token_looks_like_one() -> None:
    tokens = TOKENS | {V2_TOKEN: replace(TOKENS[V2_TOKEN], version=None)}
    one = replace(to_sign(token_id=V2_TOKEN), exchange=PROTOCOL_V2.exchange)
    policy = replace(policy_for(), tokens=tokens)
    assert refusal(ask(one, policy=policy)) is SigningRefusal.UNKNOWN_VERSION
    known = replace(
        policy, tokens=tokens | {V2_TOKEN: replace(TOKENS[V2_TOKEN], version=MarketVersion.V1)}
    )
    assert refusal(ask(one, policy=known)) is SigningRefusal.CONTRACT


def test_the_time_is_the_holders_own() -> None:
    clock = SetClock(NOW_NS + 10**12)
    answer = guard(clock=clock).sign_orders(OrdersToSign(orders=(to_sign(),)))
    assert refusal(answer) is SigningRefusal.TIMESTAMP
