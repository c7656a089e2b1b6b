"""The drill `feed-loss`: a stream is cut and comes back; meanwhile nothing trades on what it told.

The cut is made twice: on a real connection of this machine with itself, and in a market.
"""

import asyncio
from collections.abc import Collection
from random import Random

from websockets.asyncio.server import ServerConnection, serve

from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.research.scenario import parse_scenario
from polyarb.venue.polymarket.stream.pool import Pace, StreamPool
from polyarb.wiring.drills.room import DrillRoom, UnprovenError, check
from polyarb.wiring.drills.scripted import play

_LOSS = """\
set families negrisk_no
set sizing.trade_size_usd 100
set sizing.trade_size_ceiling_usd 250
set sizing.edge_fraction_min 0.01
set sizing.slippage_fraction_max 0.25
set envelope.order_notional_usd_max 300
set envelope.position_notional_usd_max 300
set envelope.open_notional_usd_max 300
set envelope.instruments_max 20
set envelope.orders_per_minute_max 60
market A
market B
group RACE A B
0.000  book A YES bid 0.60 x 50
0.001  book B YES bid 0.55 x 50
expect place A NO BUY
0.040  lost the stream was cut
expect cancel all
expect invalid A FEED_LOST
expect set negrisk_no MISSED
5.000  level A YES bid 0.61 x 50
5.001  level B YES bid 0.56 x 50
9.000  book A YES bid 0.60 x 50
expect restored A
9.500  book B YES bid 0.55 x 50
expect restored B
expect found negrisk_no RACE
expect place A NO BUY
12.000 level A YES bid 0.60 x 0
"""
_TOKENS = ("1" * 76, "2" * 76)
_MESSAGE = '{"event_type":"book"}'


class _Heard:
    """Takes what the stream tells, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.changed = asyncio.Event()

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        """Note that something came."""
        self._note("frame")

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        """Note that what came before is not true any more."""
        self._note("lost")

    def _note(self, what: str) -> None:
        if self.told[-1:] != [what]:
            self.told.append(what)
        self.changed.set()


def drill_feed_loss(room: DrillRoom) -> None:
    """Cut a connection and look at stream and engine. Errors: UnprovenError."""
    told = asyncio.run(_cut_a_connection(room.remaining_s()))
    check(told == ["frame", "lost", "frame"], "data, its loss, and data again", ", ".join(told))
    room.note("a cut connection was told as a loss, opened again, and told anew")
    owed = play(parse_scenario(_LOSS, "feed-loss"), room.profile, room.workspace)
    check(not owed, "every order called back and no trade on lost books", "; ".join(owed))
    room.note("on the loss every order was called back and every book emptied")
    room.note("levels told on lost books traded nothing; fresh books traded again")


async def _cut_a_connection(deadline_s: float) -> list[str]:
    """Listen to a server of our own that cuts its first connection, until the second one tells."""
    heard = _Heard()
    connections = 0

    async def answer(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        is_first = connections == 1
        await connection.recv()
        await connection.send(_MESSAGE)
        if is_first:
            await _until(heard, 1)
            connection.transport.abort()
        await connection.wait_closed()

    async with serve(answer, "127.0.0.1", 0) as server:
        (listening_at,) = server.sockets
        port = listening_at.getsockname()[1]
        settings = VenueSettings(hosts=VenueHosts(stream=f"ws://127.0.0.1:{port}/ws/market"))
        pool = StreamPool(
            settings,
            "drill",
            heard,
            clock=SystemClock(),
            random=Random(1),
            assets=[_TOKENS],
            pace=Pace(backoff_first_ms=50, backoff_most_ms=200),
        )
        listening = asyncio.create_task(pool.run())
        try:
            async with asyncio.timeout(deadline_s):
                await _until(heard, 3)
        except TimeoutError:
            raise UnprovenError(
                f"expected data, its loss, and data again, found {', '.join(heard.told)}"
            ) from None
        finally:
            pool.stop()
            await listening
    return heard.told


async def _until(heard: _Heard, count: int) -> None:
    while len(heard.told) < count:
        heard.changed.clear()
        await heard.changed.wait()
