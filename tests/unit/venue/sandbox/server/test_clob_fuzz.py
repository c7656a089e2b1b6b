"""Whatever is sent to whatever endpoint: an answer in JSON, never a 500, and a refusal changes
nothing."""

import asyncio
import json
from functools import cache
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.mac import request_mac
from polyarb.venue.sandbox.server.clob.app import CLOB_ENDPOINTS
from polyarb.venue.sandbox.server.clob.calls import Access, Endpoint
from polyarb.venue.sandbox.server.clob.openapi import describe
from polyarb.venue.sandbox.server.keys import KeyKind
from tests.clob_cases import Desk, Trader

FEW = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
MANY = settings(FEW, max_examples=60)
ORDERS = tuple(
    each
    for each in CLOB_ENDPOINTS
    if (each.method, each.path) in (("POST", "/order"), ("POST", "/orders"))
)
WRITES = tuple(each for each in CLOB_ENDPOINTS if each.body is not None)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from(["0x" + "ab" * 32, "0x" + "cd" * 20, "9" * 78, "1e5", "-1", "BUY"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


def label(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


class Besieged:
    """A sandbox that is sent anything, and what of it could change."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.trader: Trader = self.desk.trader()
        self.builder = self.desk.state.keys.issue(self.trader.address, KeyKind.BUILDER)
        token_id = self.desk.market("rain").yes
        for price in (100_000, 110_000):
            self.send("POST", "/order", self.payload(token_id, price))

    def payload(self, token_id: str, price: int) -> bytes:
        order = self.trader.order(token_id, Side.BUY, price, 10)
        return json.dumps(self.trader.payload(order)).encode()

    def headers(self, access: Access, method: str, path: str, raw: bytes) -> dict[str, str]:
        if access is Access.PUBLIC:
            return {}
        if access is Access.WALLET:
            return self.trader.l1()
        if access is not Access.BUILDER:
            return self.trader.l2(method, path, raw)
        stamp = str(self.desk.now_s)
        mac = request_mac(self.builder.secret, stamp, method=method, path=path, body=raw)
        return {
            "POLY_BUILDER_API_KEY": self.builder.key,
            "POLY_BUILDER_PASSPHRASE": self.builder.passphrase.reveal(),
            "POLY_BUILDER_TIMESTAMP": stamp,
            "POLY_BUILDER_SIGNATURE": mac,
        }

    def send(
        self,
        method: str,
        path: str,
        raw: bytes = b"",
        *,
        access: Access = Access.TRADE,
        query: Any = None,
    ) -> httpx.Response:
        url = httpx.URL(f"http://clob{path}")
        headers = self.headers(access, method, unquote(url.raw_path.decode().split("?")[0]), raw)
        request = httpx.Request(method, url, params=query, content=raw, headers=headers)
        return asyncio.run(self.desk.client.send(request))

    def state(self) -> object:
        world, keys = self.desk.world, self.desk.state.keys
        owner, address = self.trader.owner, self.trader.address
        return (
            self.desk.books(),
            world.exchange.open_orders(owner),
            world.exchange.trades(owner),
            [keys.listed(address, kind) for kind in KeyKind],
            [world.chain.collateral(trader.address) for trader in self.desk.traders],
        )

    def check(self, endpoint: Endpoint, answer: httpx.Response, before: object) -> None:
        """Hold an answer to what is promised of all of them."""
        assert answer.status_code < 500, answer.text
        content = answer.json()
        if answer.status_code == 200:
            msgspec.json.decode(answer.content, type=endpoint.answer)
        else:
            assert content.get("error") or content.get("error_msg")
            assert self.state() == before


@cache
def schema() -> Any:
    described = json.loads(json.dumps(describe(CLOB_ENDPOINTS, title="CLOB")))
    return schemathesis.openapi.from_dict(described)


@pytest.mark.parametrize("endpoint", CLOB_ENDPOINTS, ids=label)
def test_whatever_fits_the_description_is_answered_as_described(endpoint: Endpoint) -> None:
    besieged = Besieged()
    operation = schema()[endpoint.path][endpoint.method]

    # Orders have many patterns, which are slow to fill; other tests here break them thoroughly.
    @settings(FEW, max_examples=3 if endpoint in ORDERS else 8)
    @given(operation.as_strategy())
    def check(case: Any) -> None:
        path = endpoint.path.format_map(case.path_parameters or {})
        has_body = endpoint.body is not None
        raw = json.dumps(case.body).encode() if has_body else b""
        before = besieged.state()
        query = {key: str(each) for key, each in (case.query or {}).items()}
        answer = besieged.send(endpoint.method, path, raw, access=endpoint.access, query=query)
        if answer.status_code == 401:
            # A key that made itself invalid is taken anew.
            assert "api-key" in endpoint.path
            besieged.trader.credentials = None
            besieged.trader.login()
            besieged.builder = besieged.desk.state.keys.issue(
                besieged.trader.address, KeyKind.BUILDER
            )
            return
        besieged.check(endpoint, answer, before)

    check()


@pytest.mark.parametrize("endpoint", WRITES, ids=label)
def test_whatever_bytes_or_values_are_sent_instead_of_a_body_are_refused_or_done(
    endpoint: Endpoint,
) -> None:
    besieged = Besieged()

    @MANY
    @given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
    def check(raw: bytes) -> None:
        before = besieged.state()
        answer = besieged.send(endpoint.method, endpoint.path, raw, access=endpoint.access)
        besieged.check(endpoint, answer, before)

    check()


@pytest.mark.parametrize("path", ["/order", "/orders"])
def test_an_order_with_one_value_exchanged_is_refused_without_a_trace(path: str) -> None:
    besieged = Besieged()
    endpoint = next(each for each in WRITES if (each.method, each.path) == ("POST", path))
    token_id = besieged.desk.market("rain").yes
    keys = list(json.loads(besieged.payload(token_id, 100_000))["order"])

    @MANY
    @given(st.sampled_from(keys), VALUES)
    def check(key: str, value: object) -> None:
        body = json.loads(besieged.payload(token_id, 100_000))
        body["order"][key] = value
        raw = json.dumps([body] if path == "/orders" else body).encode()
        before = besieged.state()
        answer = besieged.send("POST", path, raw)
        besieged.check(endpoint, answer, before)
        if answer.status_code == 200 and path == "/orders":
            assert [row["success"] for row in answer.json()] == [False]
            assert besieged.state() == before

    check()


@FEW
@given(st.text(max_size=30), st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
def test_whatever_path_is_asked_for_has_an_answer(path: str, method: str) -> None:
    desk = Desk()
    answer = asyncio.run(
        desk.client.request(method, httpx.URL("http://clob/").join("/x" + path.encode().hex()))
    )
    assert (answer.status_code, set(answer.json())) == (404, {"error"})


def deep(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("raw", [deep(100_000), b'{"order":' * 50_000, b"\xff\xfe", b"", b"nul"])
@pytest.mark.parametrize("endpoint", WRITES, ids=label)
def test_bodies_that_break_readers_are_refused(endpoint: Endpoint, raw: bytes) -> None:
    besieged = Besieged()
    before = besieged.state()
    answer = besieged.send(endpoint.method, endpoint.path, raw, access=endpoint.access)
    assert answer.status_code == 400
    besieged.check(endpoint, answer, before)


@pytest.mark.parametrize("endpoint", WRITES, ids=label)
def test_a_body_that_is_too_large_is_refused_with_413(endpoint: Endpoint) -> None:
    besieged = Besieged()
    answer = besieged.send(endpoint.method, endpoint.path, b" " * 1_048_577, access=endpoint.access)
    assert (answer.status_code, answer.json()) == (413, {"error": "request entity too large"})
