"""The pool listens to the right tokens on the right connections, and ends cleanly."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from random import Random

import msgspec
import pytest
from polyarb.domain.errors import StoreError, UsageError
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.stream.faults import FaultKind, LossReason
from polyarb.venue.polymarket.stream.pool import StreamPool
from tests.stream_cases import FoldingSink, listening, pool_of, running, until
from tests.wire_server import Opening, WireServer
from tests.wire_venue import Venue
from tests.worlds import feed
from tests.worlds import running as engine_of


def sockets_of(server: WireServer) -> list[set[str]]:
    return [channel.assets for channel in server.channels]


def test_books_are_true_from_the_first_moment_and_stay_so() -> None:
    async def case() -> None:
        async with listening(3) as it:
            assert it.pool.has_delivered
            for _ in range(20):
                it.server.move(20)
                await asyncio.sleep(0)
            await it.until_true()
            assert not it.sink.losses
            assert it.sink.sources == {"stream-1"}
            assert len(it.sink.frames) > 400

    asyncio.run(case())


def test_frames_are_delivered_as_received_with_the_time_of_receipt() -> None:
    async def case() -> None:
        async with listening(1) as it:
            before = time.time_ns()
            told = [b'{"event_type":"unheard of", "b" : 1}', b' [{"event_type":"x"}]', b"[{},{}]"]
            for frame in told:
                it.server.channels[0].send(frame)
            await until(lambda: len(it.sink.frames) > 3)
            assert it.sink.frames[1:] == told
            assert before <= min(it.sink.times_ns[1:]) <= max(it.sink.times_ns) <= time.time_ns()
            assert it.sink.times_ns == sorted(it.sink.times_ns)

    asyncio.run(case())


def test_pong_and_frames_without_a_message_are_not_delivered() -> None:
    async def case() -> None:
        async with listening(1, ping_ms=5) as it:
            for frame in (b"", b"[]", b"PONG"):
                it.server.channels[0].send(frame)
            await until(lambda: it.server.channels[0].pings > 2)
            await until(lambda: it.pool.statistics.sockets[0].round_trip_ms is not None)
            assert len(it.sink.frames) == 1
            assert not it.sink.losses

    asyncio.run(case())


def test_a_few_plain_words_are_recorded_and_change_nothing() -> None:
    async def case() -> None:
        async with listening(1) as it:
            it.server.channels[0].send(b"INVALID OPERATION")
            it.server.move()
            await until(lambda: len(it.sink.frames) > 2)
            assert it.sink.frames[1] == b"INVALID OPERATION"
            assert not it.sink.losses

    asyncio.run(case())


def test_the_engines_books_are_the_venues() -> None:
    async def case() -> None:
        async with listening(3) as it:
            it.server.move(300)
            await it.until_true()
            catalogue = it.venue.catalogue()
            translator, engine = Translator(catalogue), engine_of(catalogue)
            for frame, time_ns in zip(it.sink.frames, it.sink.times_ns, strict=True):
                line = b'{"recv_ns":%d,"seq":0,"msg":%b}' % (time_ns, frame)
                feed(engine, *translator.frame(line).events)
            assert not translator.statistics.rejected
            for market in it.venue.markets:
                depth = engine.depth(market.condition_id)  # type: ignore[arg-type]
                assert depth is not None
                assert (dict(depth.bids), dict(depth.asks)) == (market.bids, market.asks)

    asyncio.run(case())


def test_both_tokens_of_a_market_share_a_connection_and_none_has_too_many() -> None:
    async def case() -> None:
        async with listening(7, assets_per_socket_max=5) as it:
            told = sockets_of(it.server)
            assert sorted(map(len, told)) == [2, 4, 4, 4]
            for pair in it.venue.pairs:
                assert sum(set(pair) <= assets for assets in told) == 1
                assert sum(not assets.isdisjoint(pair) for assets in told) == 1
            assert [socket.assets for socket in it.pool.statistics.sockets] == [4, 4, 4, 2]
            assert it.pool.statistics.open_sockets == 4
            assert it.pool.statistics.frames == len(it.sink.frames)

    asyncio.run(case())


def test_only_the_connections_that_change_are_told_so() -> None:
    async def case() -> None:
        async with listening(6, assets_per_socket_max=4) as it:
            channels = list(it.server.channels)
            leaving = it.venue.pairs[2]
            it.venue.list_market("later")
            it.pool.set_assets([pair for pair in it.venue.pairs if pair != leaving])
            later = it.venue.pairs[-1]
            await until(lambda: set(later) <= set(it.sink.folded.books))
            told = [[request.get("operation") for request in each.requests] for each in channels]
            assert sorted(told, key=len) == [[None], [None], [None, "unsubscribe", "subscribe"]]
            changed = max(channels, key=lambda channel: len(channel.requests))
            assert changed.requests[1]["assets_ids"] == sorted(leaving)
            assert changed.requests[2]["assets_ids"] == sorted(later)
            assert it.server.opened == 3
            assert it.sink.losses == [(frozenset(leaving), LossReason.UNSUBSCRIBED)]

    asyncio.run(case())


def test_markets_that_fit_nowhere_open_another_connection() -> None:
    async def case() -> None:
        async with listening(2, assets_per_socket_max=4) as it:
            it.venue.list_market("later")
            it.pool.set_assets(it.venue.pairs)
            await it.until_true()
            assert sorted(map(len, sockets_of(it.server))) == [2, 4]
            assert not it.sink.losses

    asyncio.run(case())


def test_a_connection_that_nothing_is_left_for_is_closed() -> None:
    async def case() -> None:
        async with listening(2, assets_per_socket_max=2) as it:
            kept = it.venue.pairs[1]
            it.pool.set_assets([kept])
            await until(lambda: len(it.server.channels) == 1)
            await until(lambda: sockets_of(it.server) == [set(kept)])
            assert len(it.pool.statistics.sockets) == 1
            it.pool.set_assets([])
            await until(lambda: not it.server.channels)
            assert it.sink.reasons == [LossReason.UNSUBSCRIBED] * 2
            it.pool.set_assets(it.venue.pairs)
            await it.until_true()

    asyncio.run(case())


def test_fresh_books_are_asked_for_on_demand() -> None:
    async def case() -> None:
        async with listening(2, assets_per_socket_max=2) as it:
            yes, _ = it.venue.pairs[0]
            it.server.channels[0].tell_stale(yes)
            it.server.channels[1].tell_stale(yes)
            await until(lambda: not it.sink.is_true(it.venue))
            it.pool.resubscribe([yes, "unknown"])
            assert it.sink.losses == [(frozenset({yes}), LossReason.ASKED_ANEW)]
            await it.until_true()
            requests = [len(channel.requests) for channel in it.server.channels]
            assert sorted(requests) == [1, 3]
            assert it.server.opened == 2

    asyncio.run(case())


def test_what_is_in_hand_when_the_pool_is_stopped_is_not_delivered() -> None:
    async def case() -> None:
        async with listening(1) as it:
            stopped_at = len(it.sink.frames) + 3

            def stop_then(source: str, frame: bytes, time_ns: int) -> None:
                FoldingSink.frame(it.sink, source, frame, time_ns)
                if len(it.sink.frames) == stopped_at:
                    it.pool.stop()

            it.sink.frame = stop_then  # type: ignore[method-assign]
            it.server.move(50)
            await until(lambda: not it.server.channels)
            it.pool.resubscribe(it.venue.tokens)
            it.pool.set_assets([])
            assert len(it.sink.frames) == stopped_at
            assert not it.sink.losses

    asyncio.run(case())


def test_a_cancelled_pool_ends_at_once_and_delivers_nothing_more() -> None:
    async def case() -> None:
        async with listening(3, assets_per_socket_max=2) as it:
            it.server.openings.append(Opening.UNANSWERED)
            it.server.channels[0].drop()
            await until(lambda: it.server.opened == 4)
            task = next(task for task in asyncio.all_tasks() if "StreamPool.run" in str(task))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            told = len(it.sink.log)
            it.server.move(20)
            await until(lambda: not it.server.sockets)
            assert len(it.sink.log) == told

    asyncio.run(case())


def test_a_fault_of_the_sink_ends_the_pool_with_it() -> None:
    async def case() -> None:
        async with WireServer(Venue(2)) as server:
            sink = FoldingSink()
            server.venue.markets.pop()

            def full(source: str, frame: bytes, time_ns: int) -> None:
                raise StoreError("expected room on the disk")

            sink.frame = full  # type: ignore[method-assign]
            seen: list[dict[str, object]] = []
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: seen.append(context))
            with pytest.raises(StoreError, match="room on the disk"):
                await asyncio.wait_for(pool_of(server, sink).run(), 10)
            assert not sink.losses

    asyncio.run(case())


def test_a_pool_that_was_stopped_before_does_nothing() -> None:
    async def case() -> None:
        async with WireServer(Venue(1)) as server:
            pool = pool_of(server, FoldingSink())
            pool.stop()
            await pool.run()
            assert not server.opened

    asyncio.run(case())


def test_two_copies_listen_to_the_same_tokens_by_themselves() -> None:
    async def case() -> None:
        async with listening(2) as it:
            other = FoldingSink()
            async with running(pool_of(it.server, other, source="stream-2", seed=2)):
                await until(lambda: other.is_true(it.venue))
                it.server.channels[0].drop()
                it.server.move(30)
                await until(lambda: other.is_true(it.venue))
                await it.until_true()
                assert other.sources == {"stream-2"}
                assert not other.losses
                assert len(it.sink.losses) == 1

    asyncio.run(case())


def test_new_resolved_and_retuned_markets_are_told() -> None:
    async def case() -> None:
        async with listening(2) as it:
            one, other = it.venue.markets
            it.server.publish(it.venue.list_market("new"))
            it.server.publish(it.venue.change_tick(one, 1_000))
            it.server.publish([it.venue.best_bid_ask(one.no)])
            it.server.publish(it.venue.resolve(other))
            await until(lambda: len(it.sink.frames) == 6)
            kinds = [json.loads(frame)["event_type"] for frame in it.sink.frames[1:]]
            assert kinds == [
                "new_market",
                "tick_size_change",
                "tick_size_change",
                "best_bid_ask",
                "market_resolved",
            ]

    asyncio.run(case())


@pytest.mark.parametrize("address", ["http://a.org", "a.org", "ws://" + "a" * 70 + ".org", ""])
def test_an_impossible_address_is_refused_before_anything_is_opened(address: str) -> None:
    settings = VenueSettings(hosts=VenueHosts(stream=address))
    with pytest.raises(UsageError, match=r"venue\.hosts\.stream"):
        StreamPool(settings, "stream-1", FoldingSink(), clock=SystemClock(), random=Random(1))


def test_a_market_that_fits_no_connection_is_refused() -> None:
    settings = VenueSettings(assets_per_socket_max=1)
    pool = StreamPool(settings, "stream-1", FoldingSink(), clock=SystemClock(), random=Random(1))
    with pytest.raises(UsageError, match="assets_per_socket_max"):
        pool.set_assets([("a", "b")])


async def first_fault(settings: VenueSettings, tls: ssl.SSLContext | None = None) -> StreamPool:
    """Run a pool until its first attempt has failed."""
    pool = StreamPool(
        settings,
        "stream-1",
        FoldingSink(),
        clock=SystemClock(),
        random=Random(1),
        assets=[("a", "b")],
        tls=tls,
    )
    async with running(pool):
        await until(lambda: pool.first_fault is not None)
    return pool


def to(hosts: VenueHosts, request_ms_max: int = 5_000) -> VenueSettings:
    return VenueSettings(hosts=hosts, request_ms_max=request_ms_max)


async def from_opening(opening: Opening) -> StreamPool:
    async with WireServer(Venue(1)) as server:
        server.openings.extend([opening] * 3)
        return await first_fault(to(server.hosts, 50))


async def from_deaf_host() -> StreamPool:
    server = WireServer(Venue(1))
    async with server:
        await server.deafen()
        return await first_fault(to(server.hosts))


async def from_unknown_host() -> StreamPool:
    """A name that is too long for any name server is refused without asking one."""
    name = ("a" * 60 + ".") * 5 + "invalid"
    return await first_fault(to(VenueHosts(stream=f"ws://{name}/ws/market")))


async def from_plain_host_asked_for_tls() -> StreamPool:
    async with WireServer(Venue(1)) as server:
        address = server.hosts.stream.replace("ws://", "wss://")
        return await first_fault(to(VenueHosts(stream=address)))


async def from_no_path() -> StreamPool:
    async with WireServer(Venue(1)) as server:
        return await first_fault(to(VenueHosts(stream=server.hosts.stream + "/else")))


STARTS: dict[str, tuple[Callable[[], Awaitable[StreamPool]], FaultKind, str]] = {
    "refused": (from_deaf_host, FaultKind.REFUSED, "check the address"),
    "unknown": (from_unknown_host, FaultKind.DNS, "check the host name"),
    "no tls": (from_plain_host_asked_for_tls, FaultKind.TLS, "certificates"),
    "404": (from_no_path, FaultKind.STATUS, "HTTP 404"),
    "403": (lambda: from_opening(Opening.FORBIDDEN), FaultKind.STATUS, "region"),
    "429": (lambda: from_opening(Opening.THROTTLED), FaultKind.STATUS, "too many"),
    "503": (lambda: from_opening(Opening.UNAVAILABLE), FaultKind.STATUS, "restarting"),
    "unanswered": (lambda: from_opening(Opening.UNANSWERED), FaultKind.TIMEOUT, "request_ms_max"),
    "cut": (lambda: from_opening(Opening.REFUSED), FaultKind.HANDSHAKE, "wait"),
    "mute": (lambda: from_opening(Opening.MUTE), FaultKind.NO_BOOKS, "within 50 ms"),
    "half-open": (lambda: from_opening(Opening.HALF_OPEN), FaultKind.NO_BOOKS, "within 50 ms"),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_start_that_fails_says_what_was_found_and_what_to_do(name: str) -> None:
    start, kind, words = STARTS[name]
    pool = asyncio.run(start())  # type: ignore[arg-type]
    fault = pool.first_fault
    assert fault is not None
    assert fault.kind is kind
    assert fault.text.startswith("expected ")
    assert words in fault.text
    assert not pool.has_delivered
    assert pool.statistics.first_fault == fault
    assert msgspec.json.encode(pool.statistics)
