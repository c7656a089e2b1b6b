"""Token buckets of signers and windows of addresses: what passes, what waits and how long."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.plan import Side
from polyarb.venue.sandbox.server.clob.venue import ClobSettings
from polyarb.venue.sandbox.server.limits import (
    TIERS,
    AddressLimits,
    Bucket,
    LimitSettings,
    SignerLimits,
    TierName,
)
from polyarb.venue.sandbox.server.limits_gate import AddressGate
from tests.clob_cases import Desk

S = 1_000_000_000
STANDARD = LimitSettings(tier=TierName.STANDARD)
STRICT = LimitSettings(is_address_limited=True)


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    limits = SignerLimits(STANDARD)
    drawn = [limits.draw("a", Bucket.ORDERS, 1, 5 * S) for _ in range(61)]
    assert [each.is_admitted for each in drawn] == [True] * 60 + [False]
    assert [each.remaining for each in drawn] == [*range(59, -1, -1), 0]
    assert (drawn[-1].wait_s, drawn[-1].reset_s) == (1, 6)
    later = [limits.draw("a", Bucket.ORDERS, 1, 6 * S) for _ in range(41)]
    assert sum(each.is_admitted for each in later) == 40
    assert limits.draw("b", Bucket.ORDERS, 1, 6 * S).is_admitted
    assert limits.draw("a", Bucket.CANCELS, 1, 6 * S).is_admitted


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    limits = SignerLimits(STANDARD)
    assert limits.draw("a", Bucket.ORDERS, 1, 0).remaining == 59
    drawn = [limits.draw("a", Bucket.ORDERS, 1, 3_600 * S) for _ in range(61)]
    assert [each.is_admitted for each in drawn] == [True] * 60 + [False]


def test_a_batch_passes_whole_or_not_at_all() -> None:
    limits = SignerLimits(STANDARD)
    for _ in range(3):
        assert limits.draw("a", Bucket.ORDERS, 15, 0).is_admitted
    limits.draw("a", Bucket.ORDERS, 1, 0)
    refused = limits.draw("a", Bucket.ORDERS, 15, 0)
    assert (refused.is_admitted, refused.remaining) == (False, 14)
    assert limits.draw("a", Bucket.ORDERS, 14, 0).is_admitted


def test_what_costs_more_than_a_full_bucket_passes_when_it_is_full() -> None:
    limits = SignerLimits(STANDARD)
    assert limits.draw("a", Bucket.CANCELS, 1_000, 0).is_admitted
    assert not limits.draw("a", Bucket.CANCELS, 1_000, S).is_admitted
    assert limits.draw("a", Bucket.CANCELS, 1_000, 2 * S).is_admitted


@pytest.mark.parametrize(("tier", "left"), [(TierName.STANDARD, 0), (TierName.ELITE, -200)])
def test_a_sweep_may_overdraw_some_tiers(tier: TierName, left: int) -> None:
    limits = SignerLimits(LimitSettings(tier=tier))
    assert limits.charge("a", Bucket.CANCELS, 2_000, 0) == left


def test_a_warning_lets_everything_pass() -> None:
    limits = SignerLimits(LimitSettings(tier=TierName.STANDARD, is_warning=True))
    drawn = [limits.draw("a", Bucket.ORDERS, 60, 0) for _ in range(2)]
    assert [each.is_admitted for each in drawn] == [True, True]
    assert [each.headers().get("Poly-RateLimit-Warning") for each in drawn] == [None, "true"]
    assert "Retry-After" not in drawn[1].headers()


@settings(derandomize=True, database=None, max_examples=200)
@given(
    st.sampled_from([TierName.STANDARD, TierName.ELITE]),
    st.lists(st.tuples(st.integers(0, S), st.integers(1, 15)), max_size=120),
)
def test_no_more_passes_than_burst_and_rate_allow(
    tier: TierName, asked: list[tuple[int, int]]
) -> None:
    limits, rate = SignerLimits(LimitSettings(tier=tier)), TIERS[tier].orders
    now_ns, passed = 0, 0
    for wait_ns, cost in asked:
        now_ns += wait_ns
        drawn = limits.draw("a", Bucket.ORDERS, cost, now_ns)
        passed += cost * drawn.is_admitted
        assert passed * S <= rate.burst * S + now_ns * rate.per_second
        assert drawn.remaining >= 0
        if not drawn.is_admitted:
            again = now_ns + drawn.wait_s * S
            fresh = SignerLimits(LimitSettings(tier=tier))
            assert fresh.draw("a", Bucket.ORDERS, cost, again).is_admitted
            assert drawn.wait_s >= 1


def test_a_window_slides() -> None:
    limits = AddressLimits(STRICT)
    asked = ("1", "clob", "GET", "/tick-size")
    assert [limits.admit(*asked, at * S // 40) for at in range(200)] == [0] * 200
    assert limits.admit(*asked, 9 * S) == 1
    assert limits.admit("2", "clob", "GET", "/tick-size", 9 * S) == 0
    assert limits.admit(*asked, 10 * S + 1) == 0


@pytest.mark.parametrize(
    ("service", "method", "path", "limit"),
    [
        ("clob", "GET", "/ok", 100),
        ("clob", "GET", "/auth/api-keys", 100),
        ("clob", "GET", "/balance-allowance/update", 50),
        ("clob", "DELETE", "/cancel-all", 250),
        ("clob", "GET", "/data/order/0x1", 900),
        ("clob", "POST", "/books", 500),
        ("gamma", "GET", "/markets/keyset", 300),
        ("gamma", "GET", "/tags", 200),
        ("data", "GET", "/v2/positions", 150),
        ("relayer", "POST", "/submit", 25),
    ],
)
def test_every_documented_window_is_kept(service: str, method: str, path: str, limit: int) -> None:
    limits = AddressLimits(STRICT)
    waits = [limits.admit("1", service, method, path, 0) for _ in range(limit + 1)]
    assert waits[:limit] == [0] * limit
    assert waits[limit] == (60 if service == "relayer" else 10)


def test_without_limits_of_addresses_everything_passes() -> None:
    limits = AddressLimits(LimitSettings())
    assert {limits.admit("1", "clob", "GET", "/ok", 0) for _ in range(300)} == {0}


def test_orders_and_cancels_tell_where_a_signer_stands() -> None:
    async def main() -> None:
        desk = Desk(ClobSettings(limits=STANDARD))
        trader = desk.trader()
        token_id = desk.market("rain").yes
        orders = [trader.order(token_id, Side.BUY, 100_000, 10) for _ in range(75)]
        payloads = [trader.payload(order) for order in orders]
        for at in range(4):
            batch = await trader.ask("POST", "/orders", payloads[15 * at : 15 * at + 15])
            assert batch.status_code == 200
            assert batch.headers["Poly-RateLimit-Remaining"] == str(45 - 15 * at)
        refused = await trader.ask("POST", "/orders", payloads[60:])
        assert (refused.status_code, refused.json()) == (429, {"error": "Too Many Requests"})
        assert refused.headers["Retry-After"] == "1"
        assert refused.headers["Poly-RateLimit-Tier"] == "standard"
        assert int(refused.headers["Poly-RateLimit-Reset"]) == desk.now_s + 1
        assert len(desk.world.exchange.open_orders(trader.owner)) == 60
        swept = await trader.ask("DELETE", "/cancel-all")
        assert len(swept.json()["canceled"]) == 60
        assert swept.headers["Poly-RateLimit-Remaining"] == str(120 - 61)
        desk.clock.pass_ms(1_000)
        again = await trader.ask("POST", "/orders", payloads[60:])
        assert again.status_code == 200

    run(main)


def test_a_refused_order_has_its_headers_too() -> None:
    async def main() -> None:
        desk = Desk(ClobSettings(limits=STANDARD))
        trader = desk.trader()
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 1)
        answer = await trader.place(order)
        assert answer.status_code == 400
        assert answer.headers["Poly-RateLimit-Remaining"] == "59"

    run(main)


def test_an_address_is_refused_with_the_time_it_has_to_wait() -> None:
    async def main() -> None:
        desk = Desk()
        gate = AddressGate(desk.gate, AddressLimits(STRICT), "clob", desk.clock.now_ns)
        transport = httpx.ASGITransport(gate)
        async with httpx.AsyncClient(transport=transport, base_url="http://clob") as client:
            statuses = [(await client.get("/ok")).status_code for _ in range(101)]
            assert statuses == [200] * 100 + [429]
            refused = await client.get("/ok")
            assert refused.json() == {"error": "Too Many Requests"}
            assert refused.headers["Retry-After"] == "10"
            desk.clock.pass_ms(10_000)
            assert (await client.get("/ok")).status_code == 200

    run(main)


def test_a_forgotten_signer_begins_anew() -> None:
    limits = SignerLimits(STANDARD)
    assert limits.draw("first", Bucket.ORDERS, 60, 0).is_admitted
    for number in range(10_000):
        limits.draw(str(number), Bucket.ORDERS, 1, 0)
    assert limits.draw("first", Bucket.ORDERS, 60, 0).is_admitted
