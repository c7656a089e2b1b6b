"""What the official clients put into their headers is understood, and nothing else."""

import importlib
from types import ModuleType

import pytest
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID
from polyarb.venue.sandbox.server.auth import (
    PAST_S,
    Authenticated,
    Login,
    Request,
    Unauthorized,
    authenticate,
    authenticate_builder,
    authenticate_login,
)
from polyarb.venue.sandbox.server.keys import ApiKeys, KeyKind
from tests.signing_cases import ALICE, KEY

for needed in ("eth_account", "polymarket", "py_clob_client_v2"):
    pytest.importorskip(needed, reason="the official clients are in the extra `conformance`")

NOW_S = 1_795_262_409
BODY = '{"heartbeat_id":""}'


@pytest.fixture(scope="module")
def peers() -> ModuleType:
    return importlib.import_module("tests.official_signing")


def test_the_second_client_logs_in_and_signs_a_request(peers: ModuleType) -> None:
    signer = peers.TheirSigner(KEY.reveal(), CHAIN_ID)
    login = authenticate_login(peers.create_level_1_headers(signer, 4, NOW_S), NOW_S)
    assert login == Login(address=ALICE.address, nonce=4)
    keys = ApiKeys(seed=3)
    made = keys.create(login.address, login.nonce)
    assert made is not None
    arguments = peers.RequestArgs(
        method="POST", request_path="/v1/heartbeats", body=BODY, serialized_body=BODY
    )
    credentials = peers.ApiCreds(
        api_key=made.key,
        api_secret=made.secret.reveal(),
        api_passphrase=made.passphrase.reveal(),
    )
    headers = peers.create_level_2_headers(signer, credentials, arguments, NOW_S)
    request = Request(method="POST", path="/v1/heartbeats", headers=headers, body=BODY.encode())
    expected = Authenticated(address=ALICE.address, owner=made.key, kind=KeyKind.TRADING)
    assert authenticate(keys, request, NOW_S) == expected
    assert isinstance(authenticate(keys, request, NOW_S + PAST_S + 1), Unauthorized)


def test_the_unified_client_logs_in(peers: ModuleType) -> None:
    account = peers.Account.from_key(KEY.reveal())
    signed = peers.l1_auth.sign_api_key_auth(account, chain_id=CHAIN_ID, timestamp=NOW_S, nonce=0)
    headers = peers.build_l1_auth_headers(signed)
    assert authenticate_login(headers, NOW_S) == Login(address=ALICE.address, nonce=0)


def test_the_unified_client_signs_as_a_builder(peers: ModuleType) -> None:
    keys = ApiKeys(seed=3)
    made = keys.issue(ALICE.address, KeyKind.BUILDER)
    credentials = peers.BuilderApiKey(
        key=made.key,
        secret=made.secret.reveal(),
        passphrase=made.passphrase.reveal(),
    )
    path = "/auth/builder-api-key"
    headers = peers.build_builder_key_headers(creds=credentials, method="DELETE", path=path)
    sent_s = int(headers["POLY_BUILDER_TIMESTAMP"])
    request = Request(method="DELETE", path=path, headers=headers)
    expected = Authenticated(address=ALICE.address, owner=made.key, kind=KeyKind.BUILDER)
    assert authenticate_builder(keys, request, sent_s) == expected
