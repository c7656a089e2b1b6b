"""What the venue sends arrives whole through TLS, too, as it comes from there and only so."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import msgspec
import pytest
from polyarb.domain.venue import VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.stream.connection import READ_BYTES
from polyarb.venue.polymarket.stream.faults import LossReason
from polyarb.venue.polymarket.stream.pool import StreamPool
from tests.stream_cases import LONG_MS, PACE, Case, FoldingSink, running, until
from tests.wire_server import Torn, WireServer
from tests.wire_venue import Venue


@asynccontextmanager
async def encrypted(certificate: Path, *, compression: bool, **periods: int) -> AsyncIterator[Case]:
    """Run a pool against a server behind TLS, from its first true books on."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    trusted = ssl.create_default_context(cafile=str(certificate.with_suffix(".crt")))
    venue = Venue(3, seed=1)
    async with WireServer(venue, compression=compression, tls=served) as server:
        hosts = msgspec.structs.replace(
            server.hosts, stream=server.hosts.stream.replace("ws://", "wss://")
        )
        known = {"request_ms_max": LONG_MS, "ping_ms": LONG_MS, "pong_ms_max": LONG_MS}
        known |= {"silence_ms_max": LONG_MS, **periods}
        sink = FoldingSink()
        pool = StreamPool(
            VenueSettings(hosts=hosts, **known),
            "stream-1",
            sink,
            clock=SystemClock(),
            random=Random(1),
            assets=venue.pairs,
            pace=PACE,
            tls=trusted,
        )
        async with running(pool):
            case = Case(server=server, pool=pool, sink=sink, venue=venue)
            await case.until_true()
            yield case


@pytest.mark.parametrize("compression", [False, True], ids=["plain", "compressed"])
def test_many_frames_at_once_small_and_large_arrive_in_order_and_as_they_were(
    certificate: Path, compression: bool
) -> None:
    random = Random(2)
    sizes = [1, READ_BYTES - 4, READ_BYTES, READ_BYTES + 1, 70_000, 3_000_000]
    told = [
        json.dumps({"number": number, "noise": random.randbytes(size // 2).hex()}).encode()
        for number, size in enumerate([*sizes, *([20] * 2_000), *sizes, *([20] * 50)])
    ]

    async def case() -> None:
        async with encrypted(certificate, compression=compression) as it:
            before = len(it.sink.frames)
            for frame in told:
                it.server.channels[0].send(frame)
            await until(lambda: len(it.sink.frames) - before >= len(told), "all frames")
            assert it.sink.frames[before:] == told
            assert it.sink.times_ns == sorted(it.sink.times_ns)
            assert not it.sink.losses
            it.server.move(50)
            await it.until_true()

    asyncio.run(case())


FAULTS = {
    "dropped": LossReason.DROPPED,
    "closed": LossReason.CLOSED,
    "torn": LossReason.TORN,
    "oversized": LossReason.OVERSIZED,
    "half-open": LossReason.NO_PONG,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_behind_tls_is_one_loss_and_then_fresh_books(certificate: Path, name: str) -> None:
    async def case() -> None:
        periods = {"ping_ms": 50, "pong_ms_max": 2_000} if name == "half-open" else {}
        async with encrypted(certificate, compression=True, **periods) as it:
            channel = it.server.channels[0]
            match name:
                case "dropped":
                    channel.drop()
                case "closed":
                    channel.close()
                case "half-open":
                    channel.half_open()
                case "torn":
                    channel.tear_next(Torn.CUT)
                case "oversized":
                    channel.tear_next(Torn.HUGE)
            it.server.move(5)
            await until(lambda: bool(it.sink.losses), "the loss")
            await it.until_true()
            assert it.sink.reasons == [FAULTS[name]]

    asyncio.run(case())
