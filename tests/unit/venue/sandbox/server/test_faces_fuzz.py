"""Whatever anybody sends to the smaller services: no 500, no hang, nothing changed by a refusal."""

import json
import re
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.sandbox.chain.rpc_methods import METHODS
from polyarb.venue.sandbox.server.admin import app as admin_app
from polyarb.venue.sandbox.server.data_api import app as data_app
from polyarb.venue.sandbox.server.gamma import app as gamma_app
from polyarb.venue.sandbox.server.keys import KeyKind
from polyarb.venue.sandbox.terms.faults import FaultKind
from tests.face_cases import MICRO, Faces

FUZZED = settings(
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
READ_STATUSES = {200, 400, 404, 422}
GAMMA_KEYS = (
    *("limit", "offset", "after_cursor", "order", "ascending", "closed", "active", "archived"),
    *("id", "slug", "condition_ids", "clob_token_ids", "question_ids", "version", "tag_id"),
    *("tag_slug", "title_search", "liquidity_num_min", "liquidity_num_max", "volume_num_min"),
    *("start_date_min", "end_date_max", "uma_resolution_status", "include_tag", "q", "page"),
    *("limit_per_type", "search_tags", "liquidity_min", "volume_max", "exclude_tag_id", "live"),
)
DATA_KEYS = (
    *("user", "condition_id", "event_id", "status", "limit", "cursor", "title", "sort_by"),
    *("sort_direction", "filter_type", "filter_amount", "start", "end", "as_of", "interval"),
    *("token_id", "condition", "type", "side", "taker_only", "min_balance", "question_id"),
    *("bucket_seconds", "include_archived", "fidelity"),
)
FACES = Faces()
RAIN = FACES.market("rain")
KEY = FACES.state.keys.issue(FACES.traders[0].address, KeyKind.RELAYER)
RELAYER_HEADERS = {
    "RELAYER_API_KEY": KEY.key,
    "RELAYER_API_KEY_ADDRESS": FACES.traders[0].address,
}
NASTY = (
    *("", "0", "-1", "true", "1e3", "NaN", "Infinity", "1" * 400, "2026-01-01", "0001-01-01"),
    *("9999-12-31T23:59:59-23:59", "OPEN", "ASC", "1h", "volume24hr", "W10=", "WzFd", "WzEsMl0="),
    *(",", "٣", "\x00", "../..", "9" * 24, "1e400", "-1e400", "1_000", " 1 ", "v1", "rain"),
    *(RAIN.condition_id, RAIN.yes, RAIN.event_id, FACES.traders[0].address, "0x" + "f" * 40),
)
values = st.one_of(st.sampled_from(NASTY), st.text(max_size=30))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def filled(path: str, value: str) -> str:
    """Put a value into the parameters of a path."""
    return re.sub(r"\{\w+\}", lambda _: quote(value, safe="") or "x", path)


@pytest.mark.parametrize(
    "path", ["/markets/keyset?limit=2", "/events?limit=2", "/public-search?q=a"]
)
def test_every_key_of_gamma_bears_every_value(path: str) -> None:
    paths = [f"{path}&{key}={quote(value)}" for key in GAMMA_KEYS for value in NASTY]
    found = dict(zip(paths, FACES.statuses("gamma", paths), strict=True))
    assert {each for each, status in found.items() if status not in READ_STATUSES} == set()


@pytest.mark.parametrize(
    "path",
    [
        f"/v2/positions?user={FACES.traders[0].address}",
        f"/v2/activity?user={FACES.traders[0].address}",
        "/v2/trades?limit=5",
        f"/v2/prices-history?token_id={RAIN.yes}",
    ],
    ids=lambda path: path.partition("?")[0],
)
def test_every_key_of_the_data_api_bears_every_value(path: str) -> None:
    paths = [f"{path}&{key}={quote(value)}" for key in DATA_KEYS for value in NASTY]
    found = dict(zip(paths, FACES.statuses("data", paths), strict=True))
    assert {each for each, status in found.items() if status not in READ_STATUSES} == set()


@FUZZED
@given(
    path=st.sampled_from(sorted(gamma_app.ANSWERS)),
    part=values,
    query=st.lists(st.tuples(st.sampled_from(GAMMA_KEYS), values), max_size=4),
)
def test_gamma_answers_or_refuses_whatever_is_asked(
    path: str, part: str, query: list[tuple[str, str]]
) -> None:
    answer = FACES.ask("gamma", "GET", filled(path, part), params=query)
    assert answer.status_code in READ_STATUSES
    assert answer.headers["content-type"] == "application/json"
    answer.json()


@FUZZED
@given(
    path=st.sampled_from(sorted(data_app.ANSWERS)),
    query=st.lists(st.tuples(st.sampled_from(DATA_KEYS), values), max_size=5),
)
def test_the_data_api_answers_or_refuses_whatever_is_asked(
    path: str, query: list[tuple[str, str]]
) -> None:
    answer = FACES.ask("data", "GET", path, params=query)
    assert answer.status_code in READ_STATUSES
    answer.json()


@FUZZED
@given(content=st.binary(max_size=60) | documents.map(msgspec.json.encode) | st.just(b"[" * 5_000))
def test_the_relayer_refuses_what_nobody_signed(content: bytes) -> None:
    before = FACES.image()
    answer = FACES.ask("relayer", "POST", "/submit", content=content, headers=RELAYER_HEADERS)
    assert answer.status_code in (400, 429)
    assert FACES.image() == before


@FUZZED
@given(
    kind=st.sampled_from(["WALLET", "SAFE", "PROXY", "SAFE-CREATE"]),
    body=st.fixed_dictionaries(
        {
            "from": values | st.just(FACES.traders[0].address),
            "to": values | st.just(CONTRACTS.deposit_wallet_factory),
            "nonce": values,
            "signature": values | st.binary(max_size=70).map(lambda raw: "0x" + raw.hex()),
            "proxyWallet": values,
            "data": values | st.binary(max_size=70).map(lambda raw: "0x" + raw.hex()),
            "value": values,
        }
    ),
    params=st.dictionaries(
        st.sampled_from(["depositWallet", "deadline", "operation", "gasToken", "relay", "baseGas"]),
        values,
    ),
)
def test_the_relayer_refuses_what_is_almost_a_submission(
    kind: str, body: dict[str, object], params: dict[str, str]
) -> None:
    safe = {
        "baseGas": "0",
        "gasPrice": "0",
        "gasToken": "0x0",
        "operation": "0",
        "refundReceiver": "0x0",
        "safeTxnGas": "0",
        "gasLimit": "0",
        "relay": "0x0",
        "relayHub": CONTRACTS.relay_hub,
        "relayerFee": "0",
        **params,
    }
    deposit = {"depositWallet": "0x0", "deadline": "0", "calls": [], **params}
    whole = {"type": kind, **body, "signatureParams": safe, "depositWalletParams": deposit}
    before = FACES.image()
    FACES.clock.pass_ms(60_000)
    answer = FACES.ask("relayer", "POST", "/submit", json=whole, headers=RELAYER_HEADERS)
    assert answer.status_code == 400
    assert FACES.image() == before


@FUZZED
@given(
    path=st.sampled_from(["/deployed", "/relay-payload", "/v1/account/transactions/params"]),
    query=st.lists(st.tuples(st.sampled_from(["address", "type"]), values), max_size=3),
)
def test_the_relayer_answers_or_refuses_questions(path: str, query: list[tuple[str, str]]) -> None:
    answer = FACES.ask("relayer", "GET", path, params=query, headers=RELAYER_HEADERS)
    assert answer.status_code in (200, 400)


requests = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | scalars,
        "id": scalars,
        "method": st.sampled_from(sorted(METHODS)) | st.text(max_size=20) | scalars,
        "params": st.lists(
            documents
            | st.sampled_from(["latest", "pending", "0x1", "0x", "0xzz", "0x" + "f" * 70])
            | st.fixed_dictionaries(
                {}, optional={"to": values, "data": values, "from": values, "value": values}
            ),
            max_size=4,
        )
        | documents,
    },
)


@settings(FUZZED, max_examples=300)
@given(
    content=st.binary(max_size=60)
    | requests.map(msgspec.json.encode)
    | st.lists(requests, max_size=3).map(msgspec.json.encode)
    | st.just(b"[" * 5_000)
)
def test_the_chain_answers_or_refuses_whatever_is_asked(content: bytes) -> None:
    before = FACES.image()
    answer = FACES.ask("rpc", "POST", "/", content=content)
    assert answer.status_code == 200
    if answer.content:
        told = answer.json()
        for each in told if isinstance(told, list) else [told]:
            assert each["jsonrpc"] == "2.0" and ("result" in each) != ("error" in each)
    assert FACES.image() == before


@FUZZED
@given(
    act=st.sampled_from(sorted(admin_app.ACTS)),
    part=values | st.just(RAIN.condition_id),
    content=st.binary(max_size=60)
    | documents.map(msgspec.json.encode)
    | st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from(FaultKind) | values,
            "mode": values,
            "tick": st.integers() | values,
            "payouts": st.lists(st.integers() | st.just(MICRO), max_size=3),
            "address": values,
            "pusd": st.integers(),
            "sets": st.integers(),
            "condition_id": values,
            "depth": st.integers(),
            "share": st.floats(),
            "amount": st.integers(),
        },
    ).map(lambda body: json.dumps(body).encode()),
)
def test_the_admin_port_does_what_it_is_told_or_changes_nothing(
    act: tuple[str, str], part: str, content: bytes
) -> None:
    faces = FACES if act[0] == "GET" else Faces()
    before = faces.image()
    answer = faces.ask("admin", act[0], filled(act[1], part), content=content)
    assert answer.status_code in (200, 400, 404, 409)
    if answer.status_code != 200 or act[0] == "GET":
        assert faces.image() == before


@pytest.mark.parametrize("service", ["gamma", "data", "relayer", "rpc", "admin"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "OPTIONS"])
def test_a_method_that_is_not_known_is_refused_in_json(service: str, method: str) -> None:
    path = {"gamma": "/markets", "data": "/v2/oi", "relayer": "/submit", "rpc": "/"}
    answer = FACES.ask(service, method, path.get(service, "/status"))
    assert answer.status_code == 405
    assert answer.json() == {"error": "method not allowed"}
