"""A request counts for the account that proved itself, now, for exactly this request."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.venue.polymarket.signing.contracts import address_of
from polyarb.venue.polymarket.signing.mac import (
    ApiCredentials,
    login_headers,
    request_headers,
    request_mac,
)
from polyarb.venue.sandbox.server.auth import (
    FUTURE_S,
    INVALID_KEY,
    INVALID_LOGIN,
    PAST_S,
    Authenticated,
    Login,
    Request,
    Unauthorized,
    authenticate,
    authenticate_builder,
    authenticate_channel,
    authenticate_login,
    authenticate_relayed,
)
from polyarb.venue.sandbox.server.keys import ApiKeys, KeyKind
from starlette.datastructures import Headers
from tests.signing_cases import ALICE, BOB

NOW_S = 1_795_262_409
BODY = b'{"orderID":"0xabc"}'
NO_KEY = Unauthorized(error="Unauthorized/Invalid api key", status=401)
NO_LOGIN = Unauthorized(error="Invalid L1 Request headers", status=401)
BAD_NUMBERS = ["", "x", "-1", "+1", " 1", "1_0", "1.0", "1e3", "\u0661", "\u00b2", "9" * 400]


def keys_of_alice() -> tuple[ApiKeys, ApiCredentials]:
    keys = ApiKeys(seed=1)
    made = keys.create(ALICE.address)
    assert made is not None
    return keys, made


def signed(
    made: ApiCredentials,
    *,
    stamp: int = NOW_S,
    method: str = "DELETE",
    path: str = "/order",
    body: bytes = BODY,
    headers: Mapping[str, str] | None = None,
) -> Request:
    given_headers = request_headers(made, ALICE.address, stamp, method=method, path=path, body=body)
    return Request(
        method=method, path=path, headers={**given_headers, **(headers or {})}, body=body
    )


def changed(request: Request, **fields: Any) -> Request:
    return msgspec.structs.replace(request, **fields)


def builder_headers(made: ApiCredentials, request: Request) -> dict[str, str]:
    mac = request_mac(
        made.secret,
        str(NOW_S),
        method=request.method,
        path=request.path,
        body=request.body,
    )
    return {
        "POLY_BUILDER_API_KEY": made.key,
        "POLY_BUILDER_PASSPHRASE": made.passphrase.reveal(),
        "POLY_BUILDER_SIGNATURE": mac,
        "POLY_BUILDER_TIMESTAMP": str(NOW_S),
    }


def test_the_refusals_are_the_venues() -> None:
    assert NO_KEY.error == INVALID_KEY
    assert NO_LOGIN.error == INVALID_LOGIN


def test_a_signed_request_is_its_accounts() -> None:
    keys, made = keys_of_alice()
    expected = Authenticated(address=ALICE.address, owner=made.key, kind=KeyKind.TRADING)
    assert authenticate(keys, signed(made), NOW_S) == expected
    empty = signed(made, method="GET", path="/data/orders", body=b"")
    assert authenticate(keys, empty, NOW_S) == expected


def test_header_names_count_in_any_letter_case_on_the_wire() -> None:
    keys, made = keys_of_alice()
    request = signed(made)
    lowered = Headers({name.lower(): value for name, value in request.headers.items()})
    assert isinstance(authenticate(keys, changed(request, headers=lowered), NOW_S), Authenticated)
    login = Headers({name.lower(): value for name, value in login_headers(ALICE, NOW_S).items()})
    assert authenticate_login(login, NOW_S) == Login(address=ALICE.address, nonce=0)


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "POST"},
        {"method": "delete"},
        {"path": "/orders"},
        {"path": "/order?id=1"},
        {"body": BODY + b" "},
        {"body": b""},
    ],
    ids=str,
)
def test_nothing_that_was_signed_can_be_changed(fields: dict[str, Any]) -> None:
    keys, made = keys_of_alice()
    assert authenticate(keys, changed(signed(made), **fields), NOW_S) == NO_KEY


@pytest.mark.parametrize(
    "headers",
    [
        {"POLY_ADDRESS": BOB.address},
        {"POLY_ADDRESS": ""},
        {"POLY_ADDRESS": "me"},
        {"POLY_API_KEY": ""},
        {"POLY_API_KEY": "11111111-2222-3333-4444-555555555555"},
        {"POLY_PASSPHRASE": ""},
        {"POLY_PASSPHRASE": "00" * 32},
        {"POLY_PASSPHRASE": "\u00e9" * 64},
        {"POLY_SIGNATURE": ""},
        {"POLY_SIGNATURE": "AAAA"},
        {"POLY_SIGNATURE": "\u00e9"},
        {"POLY_TIMESTAMP": str(NOW_S + 1)},
    ],
    ids=str,
)
def test_every_header_counts(headers: dict[str, str]) -> None:
    keys, made = keys_of_alice()
    assert authenticate(keys, signed(made, headers=headers), NOW_S) == NO_KEY


def test_no_header_may_be_missing() -> None:
    keys, made = keys_of_alice()
    request = signed(made)
    for name in request.headers:
        fewer = {other: text for other, text in request.headers.items() if other != name}
        assert authenticate(keys, changed(request, headers=fewer), NOW_S) == NO_KEY
    assert authenticate(keys, changed(request, headers={}), NOW_S) == NO_KEY


def test_the_key_of_somebody_else_proves_nothing() -> None:
    keys, made = keys_of_alice()
    other = keys.create(BOB.address)
    assert other is not None
    posed = signed(other, headers={"POLY_API_KEY": made.key})
    assert authenticate(keys, posed, NOW_S) == NO_KEY
    assert authenticate(keys, signed(other), NOW_S) == NO_KEY


def test_an_address_may_be_in_lower_case() -> None:
    keys, made = keys_of_alice()
    request = signed(made, headers={"POLY_ADDRESS": ALICE.address.lower()})
    found = authenticate(keys, request, NOW_S)
    assert isinstance(found, Authenticated)
    assert found.address == ALICE.address


def test_a_deleted_key_is_refused() -> None:
    keys, made = keys_of_alice()
    keys.delete(made.key)
    assert authenticate(keys, signed(made), NOW_S) == NO_KEY


@pytest.mark.parametrize(
    ("age_s", "is_good"),
    [
        (0, True),
        (PAST_S, True),
        (PAST_S + 1, False),
        (-FUTURE_S, True),
        (-FUTURE_S - 1, False),
        (86_400, False),
        (-86_400, False),
        (NOW_S, False),
    ],
)
def test_a_request_counts_only_about_when_it_was_signed(age_s: int, is_good: bool) -> None:
    keys, made = keys_of_alice()
    request = signed(made, stamp=NOW_S - age_s)
    assert isinstance(authenticate(keys, request, NOW_S), Authenticated) is is_good
    login = authenticate_login(login_headers(ALICE, NOW_S - age_s), NOW_S)
    assert isinstance(login, Login) is is_good


def test_a_recorded_request_is_refused_once_it_is_old_and_repeated_while_it_is_not() -> None:
    keys, made = keys_of_alice()
    request = signed(made)
    for later_s in range(PAST_S + 1):
        assert isinstance(authenticate(keys, request, NOW_S + later_s), Authenticated)
    assert authenticate(keys, request, NOW_S + PAST_S + 1) == NO_KEY


def test_milliseconds_are_no_timestamp() -> None:
    keys, made = keys_of_alice()
    assert authenticate(keys, signed(made, stamp=NOW_S * 1000), NOW_S) == NO_KEY
    assert authenticate_login(login_headers(ALICE, NOW_S * 1000), NOW_S) == NO_LOGIN


@pytest.mark.parametrize("text", BAD_NUMBERS, ids=ascii)
def test_what_is_no_number_is_refused(text: str) -> None:
    keys, made = keys_of_alice()
    mac = request_mac(made.secret, text, method="DELETE", path="/order", body=BODY)
    request = signed(made, headers={"POLY_TIMESTAMP": text, "POLY_SIGNATURE": mac})
    assert authenticate(keys, request, NOW_S) == NO_KEY
    for name in ("POLY_TIMESTAMP", "POLY_NONCE"):
        headers = {**login_headers(ALICE, NOW_S), name: text}
        assert authenticate_login(headers, NOW_S) == NO_LOGIN


@pytest.mark.parametrize("nonce", [0, 1, 10**18 - 1])
def test_a_login_is_its_accounts(nonce: int) -> None:
    found = authenticate_login(login_headers(ALICE, NOW_S, nonce), NOW_S)
    assert found == Login(address=ALICE.address, nonce=nonce)


def test_the_nonce_of_a_login_is_zero_where_none_is_sent() -> None:
    headers = login_headers(ALICE, NOW_S)
    del headers["POLY_NONCE"]
    assert authenticate_login(headers, NOW_S) == Login(address=ALICE.address, nonce=0)


@pytest.mark.parametrize(
    "headers",
    [
        {"POLY_ADDRESS": BOB.address},
        {"POLY_ADDRESS": "0x12"},
        {"POLY_NONCE": "1"},
        {"POLY_TIMESTAMP": str(NOW_S - 1)},
        {"POLY_TIMESTAMP": f"0{NOW_S}"},
        {"POLY_SIGNATURE": ""},
        {"POLY_SIGNATURE": "0x"},
        {"POLY_SIGNATURE": "0x" + "00" * 65},
        {"POLY_SIGNATURE": "\u00e9"},
        {"POLY_SIGNATURE": BOB.sign_login(NOW_S)},
        {"POLY_SIGNATURE": ALICE.sign_login(NOW_S, chain_id=80002)},
    ],
    ids=str,
)
def test_a_login_of_something_else_is_refused(headers: dict[str, str]) -> None:
    assert authenticate_login({**login_headers(ALICE, NOW_S), **headers}, NOW_S) == NO_LOGIN


def test_no_header_of_a_login_may_be_missing() -> None:
    headers = login_headers(ALICE, NOW_S)
    for name in ("POLY_ADDRESS", "POLY_SIGNATURE", "POLY_TIMESTAMP"):
        fewer = {other: text for other, text in headers.items() if other != name}
        assert authenticate_login(fewer, NOW_S) == NO_LOGIN


def test_a_read_only_key_reads_and_changes_nothing() -> None:
    keys, _ = keys_of_alice()
    made = keys.issue(ALICE.address, KeyKind.READ_ONLY)
    reading = signed(made, method="GET", path="/data/orders", body=b"")
    expected = Authenticated(address=ALICE.address, owner=made.key, kind=KeyKind.READ_ONLY)
    assert authenticate(keys, reading, NOW_S) == expected
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        assert authenticate(keys, signed(made, method=method), NOW_S) == NO_KEY


@pytest.mark.parametrize("kind", [KeyKind.BUILDER, KeyKind.RELAYER])
def test_a_key_of_another_kind_does_not_trade(kind: KeyKind) -> None:
    keys, _ = keys_of_alice()
    made = keys.issue(ALICE.address, kind)
    assert authenticate(keys, signed(made), NOW_S) == NO_KEY
    shown = {"secret": made.secret.reveal(), "passphrase": made.passphrase.reveal()}
    assert authenticate_channel(keys, key=made.key, **shown) == NO_KEY


def test_a_builder_is_known_by_headers_of_its_own() -> None:
    keys, trading = keys_of_alice()
    made = keys.issue(ALICE.address, KeyKind.BUILDER)
    request = Request(method="POST", path="/submit", headers={}, body=BODY)
    own = changed(request, headers=builder_headers(made, request))
    expected = Authenticated(address=ALICE.address, owner=made.key, kind=KeyKind.BUILDER)
    assert authenticate_builder(keys, own, NOW_S) == expected
    assert authenticate_relayed(keys, own, NOW_S) == expected
    assert authenticate_builder(keys, own, NOW_S + PAST_S + 1) == NO_KEY
    assert authenticate_builder(keys, changed(own, body=b"{}"), NOW_S) == NO_KEY
    assert authenticate(keys, own, NOW_S) == NO_KEY
    posed = changed(request, headers=builder_headers(trading, request))
    assert authenticate_builder(keys, posed, NOW_S) == NO_KEY


def test_a_relayer_key_is_known_with_its_address() -> None:
    keys, trading = keys_of_alice()
    made = keys.issue(ALICE.address, KeyKind.RELAYER)

    def judged(key: str, address: str) -> Authenticated | Unauthorized:
        headers = {"RELAYER_API_KEY": key, "RELAYER_API_KEY_ADDRESS": address}
        request = Request(method="POST", path="/submit", headers=headers)
        return authenticate_relayed(keys, request, NOW_S)

    expected = Authenticated(address=ALICE.address, owner=made.key, kind=KeyKind.RELAYER)
    assert judged(made.key, ALICE.address) == expected
    for key, address in (
        (made.key, BOB.address),
        (made.key, ""),
        (trading.key, ALICE.address),
        ("", ALICE.address),
    ):
        assert judged(key, address) == NO_KEY
    nobody = Request(method="POST", path="/submit", headers={})
    assert authenticate_relayed(keys, nobody, NOW_S) == NO_KEY


def test_a_channel_is_opened_with_all_three_credentials() -> None:
    keys, made = keys_of_alice()
    shown = {
        "key": made.key,
        "secret": made.secret.reveal(),
        "passphrase": made.passphrase.reveal(),
    }
    expected = Authenticated(address=ALICE.address, owner=made.key, kind=KeyKind.TRADING)
    assert authenticate_channel(keys, **shown) == expected
    for name, right in shown.items():
        for wrong in ("", "x", "\u00e9", right + "x"):
            assert authenticate_channel(keys, **{**shown, name: wrong}) == NO_KEY


HEADER = st.text(st.characters(max_codepoint=255), max_size=80)
NAMES = (
    "POLY_ADDRESS",
    "POLY_API_KEY",
    "POLY_PASSPHRASE",
    "POLY_TIMESTAMP",
    "POLY_SIGNATURE",
    "POLY_NONCE",
    "POLY_BUILDER_API_KEY",
    "POLY_BUILDER_TIMESTAMP",
    "RELAYER_API_KEY",
    "RELAYER_API_KEY_ADDRESS",
)


@given(st.dictionaries(st.sampled_from(NAMES), HEADER), st.booleans(), st.binary(max_size=20))
def test_no_header_makes_it_stumble(
    headers: dict[str, str], is_key_known: bool, body: bytes
) -> None:
    keys, made = keys_of_alice()
    if is_key_known:
        headers = {
            **headers,
            "POLY_API_KEY": made.key,
            "POLY_BUILDER_API_KEY": made.key,
            "POLY_TIMESTAMP": str(NOW_S),
        }
    request = Request(method="POST", path="/order", headers=headers, body=body)
    assert authenticate(keys, request, NOW_S) == NO_KEY
    assert authenticate_builder(keys, request, NOW_S) == NO_KEY
    assert authenticate_relayed(keys, request, NOW_S) == NO_KEY
    assert authenticate_login(headers, NOW_S) == NO_LOGIN


@given(st.binary(min_size=20, max_size=20), st.binary(min_size=65, max_size=65))
def test_no_account_is_logged_in_by_chance(account: bytes, signature: bytes) -> None:
    headers = {
        "POLY_ADDRESS": address_of(account),
        "POLY_SIGNATURE": "0x" + signature.hex(),
        "POLY_TIMESTAMP": str(NOW_S),
    }
    assert authenticate_login(headers, NOW_S) == NO_LOGIN


def test_secrets_reach_no_log_and_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys, made = keys_of_alice()
    answers = [
        authenticate(keys, signed(made), NOW_S),
        authenticate(keys, changed(signed(made), body=b""), NOW_S),
        authenticate_channel(keys, key=made.key, secret="x", passphrase="y"),
    ]
    shown = repr(answers) + caplog.text
    assert made.secret.reveal() not in shown
    assert made.passphrase.reveal() not in shown
