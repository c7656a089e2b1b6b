"""Retries, their budget, the breaker and the deadlines, in virtual time and under random faults."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.errors import VenueError
from polyarb.domain.venue import VenueSettings
from polyarb.venue.polymarket.rest import caller
from polyarb.venue.polymarket.rest.budget import Scope
from polyarb.venue.polymarket.rest.caller import ATTEMPTS_MAX
from polyarb.venue.polymarket.rest.client import PublicClient
from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind
from polyarb.venue.polymarket.rest.retries import (
    COOL_DOWN_MS,
    COOL_DOWN_MS_MAX,
    FAILURES_MAX,
    RETRY_RESERVE,
    Breaker,
    RetryBudget,
)
from rest_cases import (
    Outcome,
    ScriptedTransport,
    in_turn,
    local_client,
    order_like,
    version,
    virtual_client,
)
from tests.rest_server import Fault, RestServer
from tests.virtual_time import run_virtually

MS = 1_000_000
DOWN = httpx.Response(503, content=b"down")
Call = Callable[[PublicClient], Awaitable[object]]


def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_waits_grow_and_are_drawn_anew() -> None:
    waits: list[list[float]] = []

    async def one(seed: int) -> None:
        transport = in_turn(DOWN)
        async with virtual_client(transport, seed=seed) as client:
            with pytest.raises(RestError, match="503: down"):
                await client.version()
        times = transport.times
        waits.append([later - earlier for earlier, later in pairwise(times)])

    for seed in range(30):
        run_virtually(lambda seed=seed: one(seed))  # type: ignore[misc]
    assert {len(each) for each in waits} == {ATTEMPTS_MAX - 1}
    for place, longest_s in enumerate((0.1, 0.2, 0.4, 0.8)):
        drawn = [each[place] for each in waits]
        assert max(drawn) <= longest_s
        assert min(drawn) < longest_s / 4, "full jitter draws short waits too"
        assert max(drawn) > longest_s * 3 / 4
    run_virtually(lambda: one(7))
    assert waits[-1] == waits[7]


@pytest.mark.parametrize("status", [429, 503, 425])
def test_retry_after_is_obeyed(status: int) -> None:
    async def main() -> None:
        limited = httpx.Response(status, headers={"Retry-After": "7"})
        transport = in_turn(limited, version())
        async with virtual_client(transport) as client:
            assert await client.version() == 2
            assert 7.0 <= transport.times[1] <= 7.1

    run_virtually(main)


def test_a_retry_after_beyond_the_deadline_is_told_at_once() -> None:
    async def main() -> None:
        limited = httpx.Response(429, headers={"Retry-After": "40"}, content=b"slow down")
        transport = in_turn(limited, version())
        async with virtual_client(transport) as client:
            with pytest.raises(RestError, match="429: slow down") as caught:
                await client.version()
            assert now_s() == 0.0
            assert caught.value.retry_after_ms == 40_000
            with pytest.raises(RestError, match="a pause that the venue asked for"):
                await client.time_ms()
            assert len(transport.sent) == 1, "the pause holds for every request to the host"
            await asyncio.sleep(40)
            assert await client.version() == 2

    run_virtually(main)


def test_a_limit_of_one_host_does_not_hold_another() -> None:
    async def main() -> None:
        transport = in_turn(
            httpx.Response(429, headers={"Retry-After": "40"}),
            httpx.Response(200, content=b'{"events":[]}'),
        )
        async with virtual_client(transport) as client:
            with pytest.raises(RestError):
                await client.version()
            assert [page async for page in client.events()] == [b'{"events":[]}']

    run_virtually(main)


def test_a_limit_without_a_length_pauses_for_a_second() -> None:
    async def main() -> None:
        transport = in_turn(httpx.Response(429), version())
        async with virtual_client(transport) as client:
            assert await client.version() == 2
            assert transport.times[1] == pytest.approx(1.0, abs=0.01)
            assert client.state.governor.pauses == 1

    run_virtually(main)


@pytest.mark.parametrize(
    "outcome",
    [
        DOWN,
        httpx.Response(429),
        httpx.Response(425),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout(""),
        httpx.RemoteProtocolError("torn"),
    ],
)
def test_what_is_not_idempotent_is_sent_once(outcome: Outcome) -> None:
    async def main() -> None:
        transport = in_turn(outcome, version())
        async with virtual_client(transport) as client:
            with pytest.raises(RestError):
                await client._caller.call(order_like(), bytes)
            assert len(transport.sent) == 1
            assert client.state.retries == 0

    run_virtually(main)


def test_a_host_that_never_answers_ends_with_the_deadline() -> None:
    async def main() -> None:
        async def script(_: httpx.Request) -> Outcome:
            await asyncio.sleep(10**6)
            raise AssertionError

        transport = ScriptedTransport(script)
        settings = VenueSettings(request_ms_max=9_000, connect_ms_max=20_000)
        async with virtual_client(transport, settings) as client:
            with pytest.raises(RestError, match="no whole answer in time") as caught:
                await client.version()
            assert caught.value.kind is RestFaultKind.TIMEOUT
            assert now_s() == pytest.approx(20.0, abs=0.001)
            assert len(transport.sent) == 3

    run_virtually(main)


def test_a_list_gives_every_page_its_own_deadline_and_books_share_one() -> None:
    async def main() -> None:
        async def script(request: httpx.Request) -> Outcome:
            await asyncio.sleep(4)
            if request.method == "POST":
                return httpx.Response(200, content=b"[]")
            place = int(request.url.params.get("after_cursor", "0"))
            more = f',"next_cursor":"{place + 1}"' if place < 3 else ""
            return httpx.Response(200, content=f'{{"events":[{{}}]{more}}}'.encode())

        settings = VenueSettings(request_ms_max=5_000, connect_ms_max=6_000)
        async with virtual_client(ScriptedTransport(script), settings) as client:
            assert len([page async for page in client.events()]) == 4
            assert now_s() == 16.0
            with pytest.raises(RestError, match="in time"):
                await client.books([str(number) for number in range(2_000)])
            assert now_s() == 22.0

    run_virtually(main)


def test_the_budget_allows_its_reserve_and_a_tenth_of_the_requests() -> None:
    budget = RetryBudget()
    assert sum(budget.spend() for _ in range(100)) == RETRY_RESERVE
    for _ in range(9):
        budget.earn()
    assert not budget.spend()
    budget.earn()
    assert (budget.left, budget.spend(), budget.spend()) == (1, True, False)
    for _ in range(10_000):
        budget.earn()
    assert budget.left == RETRY_RESERVE, "what is not used is not saved for a storm"


def test_an_outage_of_one_endpoint_does_not_become_a_storm() -> None:
    """One endpoint fails while others answer, so that the breaker stays closed."""

    async def main() -> None:
        async def script(request: httpx.Request) -> Outcome:
            return version() if request.url.path == "/version" else httpx.Response(503)

        transport = ScriptedTransport(script)
        async with virtual_client(transport) as client:
            for _ in range(150):
                await client.version()
                with pytest.raises(RestError):
                    await client.time_ms()
            assert len(transport.sent) <= 300 + RETRY_RESERVE + 30
            assert client.state.retries >= 30, "and the budget is used"

    run_virtually(main)


def test_a_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(FAILURES_MAX - 1):
            assert not breaker.failed("down", 0)
        assert breaker.wait_ms(0) == 0
        breaker.answered()
    states = [breaker.failed("down", 0) for _ in range(FAILURES_MAX)]
    assert states == [False] * (FAILURES_MAX - 1) + [True]
    assert breaker.wait_ms(0) == COOL_DOWN_MS
    assert breaker.wait_ms(COOL_DOWN_MS * MS - 1) == 1


def test_after_its_pause_a_breaker_lets_one_try_and_shuts_again_for_longer() -> None:
    breaker = Breaker(failures_max=1)
    now_ns = 0
    breaker.failed("down", now_ns)
    paused = []
    for _ in range(6):
        wait_ms = breaker.wait_ms(now_ns)
        paused.append(wait_ms)
        now_ns += wait_ms * MS
        assert breaker.wait_ms(now_ns) == 0
        assert breaker.wait_ms(now_ns) > 0, "only one tries"
        assert not breaker.failed("down", now_ns)
    assert paused == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]
    assert paused[-1] == COOL_DOWN_MS_MAX
    breaker.answered()
    assert (breaker.wait_ms(now_ns), breaker.failures, breaker.reason) == (0, 0, "")
    breaker.failed("down", now_ns)
    assert breaker.wait_ms(now_ns) == COOL_DOWN_MS


def test_a_try_that_was_lost_does_not_shut_a_breaker_for_ever() -> None:
    breaker = Breaker(failures_max=1)
    breaker.failed("down", 0)
    assert breaker.wait_ms(COOL_DOWN_MS * MS) == 0
    assert breaker.wait_ms(COOL_DOWN_MS * MS) == COOL_DOWN_MS
    assert breaker.wait_ms(2 * COOL_DOWN_MS * MS) == 0


def test_while_a_host_is_down_it_is_not_asked_and_the_last_reason_is_told() -> None:
    async def main() -> None:
        is_down = True

        async def script(request: httpx.Request) -> Outcome:
            if request.url.host.startswith("gamma"):
                return httpx.Response(200, content=b'{"events":[]}')
            return httpx.ConnectError("no route to the venue") if is_down else version()

        transport = ScriptedTransport(script)
        async with virtual_client(transport) as client:
            for _ in range(2):
                with pytest.raises(RestError, match="no route to the venue") as caught:
                    await client.version()
                assert caught.value.kind is RestFaultKind.NETWORK
            assert len(transport.sent) == FAILURES_MAX
            began = now_s()
            with pytest.raises(RestError, match=r"8 failures in a row.*no route") as caught:
                await client.version()
            assert caught.value.kind is RestFaultKind.OUTAGE
            assert (now_s(), len(transport.sent)) == (began, FAILURES_MAX)
            (down,) = client.state.down.items()
            assert down[0] == "https://clob.polymarket.com"
            assert "no route" in down[1]
            assert len([page async for page in client.events()]) == 1, "another host is asked"
            is_down = False
            await asyncio.sleep(COOL_DOWN_MS / 1_000)
            assert await client.version() == 2
            assert client.state.down == {}

    run_virtually(main)


@pytest.mark.parametrize("outcome", [httpx.Response(404), httpx.Response(200, content=b"<p>")])
def test_an_answer_that_is_no_outage_never_counts_as_one(outcome: httpx.Response) -> None:
    async def main() -> None:
        transport = in_turn(outcome)
        async with virtual_client(transport) as client:
            for _ in range(3 * FAILURES_MAX):
                with pytest.raises(RestError):
                    await client.version()
            assert client.state.down == {}
            assert len(transport.sent) == 3 * FAILURES_MAX

    run_virtually(main)


def test_an_hour_of_outage_sends_next_to_nothing() -> None:
    async def main() -> None:
        transport = in_turn(httpx.ConnectError("down"))
        async with virtual_client(transport) as client:
            for _ in range(60 * 30):
                with pytest.raises(VenueError):
                    await client.books(["1"])
                await asyncio.sleep(2)
            assert len(transport.sent) <= 60 + 2 * FAILURES_MAX

    run_virtually(main)


CALLS: tuple[Call, ...] = (
    lambda client: client.version(),
    lambda client: client.is_ok(),
    lambda client: client.books([str(number) for number in range(300)]),
    lambda client: client.geoblock(),
    lambda client: client.clob_market("0xab"),
)
FAILING: tuple[Outcome, ...] = (
    httpx.Response(500),
    httpx.Response(429, headers={"Retry-After": "1"}),
    httpx.Response(429, headers={"Retry-After": "30"}),
    httpx.Response(425),
    httpx.Response(403),
    httpx.Response(503, content=b'{"error":"post-only mode","code":"post_only_mode"}'),
    httpx.Response(200, content=b"<html>"),
    httpx.ConnectError("refused"),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("torn"),
    httpx.ConnectTimeout(""),
)
GOOD = {
    "/version": b'{"version":2}',
    "/ok": b'"OK"',
    "/books": b"[]",
    "/api/geoblock": b'{"blocked":false}',
    "/clob-markets/0xab": b"{}",
}


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    percent=st.integers(0, 100),
    takes_s_max=st.sampled_from([0.0, 0.5, 4.0, 100.0]),
    calls=st.lists(st.tuples(st.integers(0, len(CALLS) - 1), st.integers(0, 9_000)), max_size=40),
)
def test_under_any_faults_a_call_ends_in_time_and_no_storm_comes(
    seed: int, percent: int, takes_s_max: float, calls: list[tuple[int, int]]
) -> None:
    async def main() -> None:
        random = Random(seed)

        async def script(request: httpx.Request) -> Outcome:
            await asyncio.sleep(random.uniform(0, takes_s_max))
            if random.randrange(100) < percent:
                return random.choice(FAILING)
            return httpx.Response(200, content=GOOD[request.url.path])

        def fresh(outcome: Outcome) -> Outcome:
            if isinstance(outcome, httpx.Response):
                return httpx.Response(
                    outcome.status_code, headers=outcome.headers, content=outcome.content
                )
            return outcome

        async def renewed(request: httpx.Request) -> Outcome:
            return fresh(await script(request))

        transport = ScriptedTransport(renewed)
        settings = VenueSettings(request_ms_max=3_000, connect_ms_max=10_000)
        async with virtual_client(transport, settings, seed) as client:
            for which, pause_ms in calls:
                began = now_s()
                try:
                    await CALLS[which](client)
                except RestError as fault:
                    assert "; " in str(fault)
                assert now_s() - began <= 10.001
                await asyncio.sleep(pause_ms / 1_000)
            state = client.state
            assert len(transport.sent) == state.attempts == state.governor.admitted
            assert state.retries <= RETRY_RESERVE + state.requests // 10
            assert state.attempts <= state.requests + state.retries
            assert {use.scope for use in state.governor.scopes} == set(Scope)

    run_virtually(main)


@pytest.mark.parametrize("seed", range(6))
def test_random_faults_over_real_sockets_end_and_leave_the_client_usable(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "FIRST_WAIT_MS", 1)
    monkeypatch.setattr(caller, "MOST_WAIT_MS", 2)
    monkeypatch.setattr(caller, "PAUSE_MS", 1)
    monkeypatch.setattr(caller, "RECYCLE_AFTER", 7)
    among = [fault for fault in Fault if fault not in (Fault.BOMB, Fault.ENDLESS)]

    async def one(client: PublicClient, call: Call) -> None:
        try:
            async with asyncio.timeout(60):
                await call(client)
        except RestError:
            return

    async def main() -> None:
        async with RestServer() as server:
            server.break_at_random(Random(seed), percent=40, among=among)
            async with local_client(server, request_ms=25, total_ms=200, seed=seed) as client:
                for turn in range(12):
                    calls = [CALLS[(turn + place) % len(CALLS)] for place in range(4)]
                    await asyncio.gather(*(one(client, call) for call in calls))
                state = client.state
                assert len(server.asked) <= state.attempts
                assert state.retries <= RETRY_RESERVE + state.requests // 10
                server.break_at_random(Random(seed), percent=0)
            async with local_client(server) as client:
                assert await client.version() == 2

    asyncio.run(main())
