"""Every fault of a connection: seen, said once, and healed by the next connection's books."""

import asyncio
import json
from collections.abc import Callable

import pytest
from polyarb.venue.polymarket.stream.faults import LossReason
from polyarb.venue.polymarket.stream.pool import Pace
from tests.stream_cases import (
    LONG_MS,
    Case,
    Longest,
    SkippingClock,
    StandingClock,
    listening,
    until,
)
from tests.wire_server import Channel, Opening, Torn
from websockets.frames import OP_CONT, OP_TEXT, Frame

Break = Callable[[Channel], None]
BREAKS: dict[str, tuple[Break, LossReason, dict[str, int]]] = {
    "drop": (Channel.drop, LossReason.DROPPED, {}),
    "close 1001": (lambda it: it.close(1001), LossReason.CLOSED, {}),
    "close 1009": (lambda it: it.close(1009), LossReason.CLOSED, {}),
    "close 4003": (lambda it: it.close(4003, "slow down"), LossReason.CLOSED, {}),
    "freeze": (Channel.freeze, LossReason.SILENT, {"silence_ms_max": 100, "ping_ms": 5}),
    "half-open": (Channel.half_open, LossReason.NO_PONG, {"ping_ms": 5, "pong_ms_max": 100}),
    "cut": (lambda it: it.tear_next(Torn.CUT), LossReason.TORN, {}),
    "no json": (lambda it: it.tear_next(Torn.NO_JSON), LossReason.TORN, {}),
    "binary": (lambda it: it.tear_next(Torn.BINARY), LossReason.TORN, {}),
    "not utf-8": (lambda it: it.tear_next(Torn.NOT_UTF8), LossReason.TORN, {}),
    "huge": (lambda it: it.tear_next(Torn.HUGE), LossReason.OVERSIZED, {}),
    "bad opcode": (lambda it: it._transport.write(b"\x87\x00"), LossReason.PROTOCOL, {}),
    "masked": (lambda it: it._transport.write(b"\x81\x80abcd"), LossReason.PROTOCOL, {}),
}


def market_of(channel: Channel, it: Case) -> int:
    """Find the market that a connection tells."""
    return next(n for n, pair in enumerate(it.venue.pairs) if channel.assets == set(pair))


@pytest.mark.parametrize("name", BREAKS)
def test_a_fault_is_said_once_and_then_fresh_books_come(name: str) -> None:
    fault, reason, periods = BREAKS[name]

    async def case() -> None:
        async with listening(2, assets_per_socket_max=2, **periods) as it:
            broken = it.server.channels[0]
            assets = frozenset(broken.assets)
            fault(broken)
            for market in it.venue.markets:
                it.server.publish(it.venue.move(market))

            def is_over() -> bool:
                it.server.move()
                return (assets, reason) in it.sink.losses

            await until(is_over)
            await it.until_true()
            assert it.sink.losses.count((assets, reason)) == 1
            lost_at = it.sink.log.index(("lost", reason))
            fresh = next(what for kind, what in it.sink.log[lost_at + 1 :] if _tells(what, assets))
            assert json.loads(fresh)[0]["event_type"] == "book"
            assert broken not in it.server.channels
            counted = it.pool.statistics.sockets
            assert sum(sum(socket.losses.values()) for socket in counted) == len(it.sink.losses)
            assert sum(socket.losses.get(reason, 0) for socket in counted)
            assert it.pool.first_fault is None

    asyncio.run(case())


def _tells(frame: object, assets: frozenset[str]) -> bool:
    return isinstance(frame, bytes) and any(asset.encode() in frame for asset in assets)


def test_a_fault_of_one_connection_leaves_the_others_alone() -> None:
    async def case() -> None:
        async with listening(3, assets_per_socket_max=2) as it:
            others = it.server.channels[1:]
            it.server.channels[0].drop()
            await until(lambda: bool(it.sink.losses))
            await it.until_true()
            assert len(it.sink.losses) == 1
            assert others == it.server.channels[:2]
            assert [len(channel.requests) for channel in others] == [1, 1]

    asyncio.run(case())


def test_books_of_before_the_fault_are_not_told_after_it() -> None:
    async def case() -> None:
        async with listening(1) as it:
            it.server.channels[0].tear_next(Torn.CUT)
            it.server.move(30)
            await until(lambda: bool(it.sink.losses))
            await it.until_true()
            kinds = [kind for kind, _ in it.sink.log]
            assert kinds == ["frame", "frame", "lost", "frame"]

    asyncio.run(case())


def test_a_torn_frame_is_delivered_all_the_same_so_that_it_is_recorded() -> None:
    async def case() -> None:
        async with listening(1) as it:
            it.server.channels[0].tear_next(Torn.NO_JSON)
            it.server.move()
            await until(lambda: bool(it.sink.losses))
            assert it.sink.frames[1].startswith(b"<html>")

    asyncio.run(case())


def test_a_torn_frame_is_a_loss_before_anything_else_can_be_decided() -> None:
    async def case() -> None:
        async with listening(1) as it:
            it.server.channels[0].tear_next(Torn.CUT)
            it.server.move()
            while len(it.sink.frames) < 2:
                await asyncio.sleep(0)
            assert it.sink.reasons == [LossReason.TORN]
            await it.until_true()
            assert it.sink.reasons == [LossReason.TORN]

    asyncio.run(case())


@pytest.mark.parametrize("whole", [b'"a text"', b"17", b'{"a":1', b"[1,2]x", b'{"a":}', b"]["])
def test_what_is_no_object_and_no_array_is_torn(whole: bytes) -> None:
    async def case() -> None:
        async with listening(1) as it:
            it.server.channels[0].send(whole)
            await until(lambda: bool(it.sink.losses))
            assert it.sink.reasons == [LossReason.TORN]

    asyncio.run(case())


def test_a_message_in_pieces_is_put_together() -> None:
    async def case() -> None:
        async with listening(1) as it:
            message = b'{"event_type":"x"}'
            opcode = OP_TEXT
            for piece in (b'{"event', b"", b'_type":"', b'x"}'):
                frame = Frame(opcode, piece, fin=piece == b'x"}')
                opcode = OP_CONT
                it.server.channels[0]._transport.write(frame.serialize(mask=False))
            it.server.channels[0].send(message)
            await until(lambda: len(it.sink.frames) == 3)
            assert it.sink.frames[1:] == [message, message]

    asyncio.run(case())


def test_pieces_that_are_too_large_together_end_the_connection() -> None:
    async def case() -> None:
        async with listening(1) as it:
            piece = b"7" * (1 << 20)
            opcode = OP_TEXT
            for _ in range(9):
                frame = Frame(opcode, piece, fin=False)
                it.server.channels[0]._transport.write(frame.serialize(mask=False))
                opcode = OP_CONT
            await until(lambda: bool(it.sink.losses))
            assert it.sink.reasons == [LossReason.OVERSIZED]
            await it.until_true()

    asyncio.run(case())


def test_a_compressed_frame_that_unpacks_to_too_much_ends_the_connection() -> None:
    async def case() -> None:
        async with listening(1, compression=True) as it:
            it.server.channels[0].tear_next(Torn.HUGE)
            it.server.move()
            await until(lambda: bool(it.sink.losses))
            assert it.sink.reasons == [LossReason.OVERSIZED]
            await it.until_true()

    asyncio.run(case())


def test_compressed_frames_tell_the_same() -> None:
    async def case() -> None:
        async with listening(2, compression=True) as it:
            it.server.move(100)
            await it.until_true()
            assert not it.sink.losses

    asyncio.run(case())


def test_a_venue_that_closes_and_then_hangs_is_not_waited_for() -> None:
    async def case() -> None:
        async with listening(1) as it:
            silent = it.server.channels[0]
            silent._transport.write(b"\x88\x02\x03\xe9")
            silent.half_open()
            await until(lambda: bool(it.sink.losses), seconds=5)
            assert it.sink.reasons == [LossReason.CLOSED]
            await it.until_true()

    asyncio.run(case())


def test_a_connection_that_takes_nothing_any_more_is_given_up() -> None:
    async def case() -> None:
        async with listening(1, assets_per_socket_max=100_000, request_ms_max=300) as it:
            it.server.channels[0].half_open()
            it.server.channels[0]._transport.pause_reading()
            more = [(f"{number}".rjust(2_000, "9"),) for number in range(8_000)]
            it.pool.set_assets([*it.venue.pairs, *more])
            await until(lambda: bool(it.sink.losses))
            assert it.sink.reasons == [LossReason.STUCK]
            it.pool.set_assets(it.venue.pairs)
            await it.until_true()

    asyncio.run(case())


def test_rubbish_in_one_breath_with_the_handshake_ends_the_connection() -> None:
    async def case() -> None:
        async with listening(1) as it:
            it.server.greetings.extend([b"<html>", b'{"event_type":"hello"}'])
            it.server.channels[0].drop()
            await until(lambda: it.server.opened >= 3)
            await it.until_true()
            assert it.sink.reasons == [LossReason.DROPPED]
            assert it.sink.frames[1:3] == [b"<html>", b'{"event_type":"hello"}']
            fault = it.pool.statistics.sockets[0].last_fault
            assert fault is not None
            assert LossReason.TORN in fault.text

    asyncio.run(case())


def test_data_keep_a_connection_alive_and_pong_alone_does_not() -> None:
    async def case() -> None:
        clock = SkippingClock()
        async with listening(1, silence_ms_max=10_000, ping_ms=5, clock=clock) as it:
            channel = it.server.channels[0]

            async def pass_by(skipped_ms: int) -> None:
                """Let time pass; a PING that was sent after it proves that it was noticed."""
                clock.skip(skipped_ms)
                pings = channel.pings
                await until(lambda: channel.pings > pings + 1)

            for _ in range(5):
                await pass_by(6_000)
                frames = len(it.sink.frames)
                it.server.publish(it.venue.move(it.venue.markets[0]))
                await until(lambda frames=frames: len(it.sink.frames) > frames)
            await pass_by(6_000)
            assert not it.sink.losses
            clock.skip(6_000)
            await until(lambda: bool(it.sink.losses))
            assert it.sink.reasons == [LossReason.SILENT]

    asyncio.run(case())


@pytest.mark.parametrize("opening", [each for each in Opening if each is not Opening.GOOD])
def test_whatever_the_next_attempt_runs_into_books_come_in_the_end(opening: Opening) -> None:
    async def case() -> None:
        async with listening(1, request_ms_max=40) as it:
            it.server.openings.extend([opening, opening])
            it.server.channels[0].drop()
            await until(lambda: it.server.opened >= 4)
            await it.until_true()
            assert it.sink.reasons == [LossReason.DROPPED]
            counted = it.pool.statistics.sockets[0]
            assert counted.last_fault is not None
            assert counted.failures + counted.connects >= 4

    asyncio.run(case())


def test_a_host_that_is_gone_for_a_while_is_found_again() -> None:
    async def case() -> None:
        async with listening(2, assets_per_socket_max=2) as it:
            await it.server.deafen()
            for channel in list(it.server.channels):
                channel.drop()
            await until(lambda: it.pool.statistics.sockets[0].failures > 3)
            assert it.pool.statistics.open_sockets == 0
            it.server.move(10)
            await it.server.listen()
            await it.until_true()
            assert sorted(it.sink.reasons) == [LossReason.DROPPED] * 2

    asyncio.run(case())


def test_a_venue_that_asks_for_a_pause_is_left_alone() -> None:
    async def case() -> None:
        async with listening(1) as it:
            it.server.retry_after_s = 3_600
            it.server.openings.append(Opening.THROTTLED)
            it.server.channels[0].drop()
            await until(lambda: it.pool.statistics.sockets[0].failures == 1)
            fault = it.pool.statistics.sockets[0].last_fault
            assert fault is not None
            assert fault.retry_after_ms == 60_000
            await asyncio.sleep(0.05)
            assert it.server.opened == 2

    asyncio.run(case())


def test_a_venue_that_hangs_up_after_every_book_is_not_asked_ever_faster() -> None:
    async def case() -> None:
        pace = Pace(stagger_ms=1, backoff_first_ms=8, backoff_most_ms=LONG_MS)
        random, clock = Longest(), StandingClock()
        async with listening(1, pace=pace, random=random, clock=clock) as it:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for losses in range(1, 7):
                it.server.channels[0].drop()
                await until(lambda losses=losses: len(it.sink.losses) == losses)
                await it.until_true()
            assert loop.time() - began > 0.24, "8 + 16 + 32 + 64 + 64 + 64 ms"

    asyncio.run(case())
