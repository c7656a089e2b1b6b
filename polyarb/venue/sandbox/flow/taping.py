"""A played sandbox as a tape: the frames of the market channel, each with its time, and a sidecar.

Beside what the channel tells, every book is told anew each `snapshot_s`, as a recording that
checks its books holds them: a book that is silent for long is not decided on.
"""

from collections.abc import Iterator, Sequence

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.flow.play import Played, play
from polyarb.venue.sandbox.terms.announcements import (
    Announcement,
    LevelChanged,
    Printed,
    TickChanged,
)
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.wire import frames
from polyarb.venue.sandbox.wire.gamma import event_body, events_of
from polyarb.venue.sandbox.wire.turnover import Turnover

SNAPSHOT_S = 30
_NS_PER_S = 1_000_000_000
_encode = msgspec.json.Encoder(decimal_format="number").encode


class _Line(msgspec.Struct, frozen=True):
    """One line of a tape."""

    recv_ms: int
    seq: int
    msg: msgspec.Struct


def tape_blocks(
    played: Played, *, until_ns: int, snapshot_s: int = SNAPSHOT_S
) -> Iterator[list[bytes]]:
    """Play a sandbox and yield the lines of its tape, in blocks of `snapshot_s`."""
    world = played.world
    scribe = Scribe(world.exchange)
    scribe.snapshot(world.now_ns)
    while world.now_ns < until_ns:
        end_ns = min(world.now_ns + snapshot_s * _NS_PER_S, until_ns)
        play(played, until_ns=end_ns, listener=scribe.listen)
        scribe.snapshot(end_ns)
        yield scribe.take()


def sidecar_of(exchange: Exchange, now_ns: int) -> bytes:
    """Describe what a tape is of, as a Gamma page of events."""
    figures = events_of(exchange, Turnover(), now_ns)
    return _encode({"events": [event_body(one) for one in figures]})


class Scribe:
    """Writes what is announced as lines; what was announced together has one time."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._lines: list[bytes] = []
        self._seq = 0

    def take(self) -> list[bytes]:
        """Return what was written since the last call."""
        lines, self._lines = self._lines, []
        return lines

    def snapshot(self, now_ns: int) -> None:
        """Write every book as it stands."""
        for market in self._exchange.markets():
            self._books(market, now_ns)

    def listen(self, announcements: Sequence[Announcement]) -> None:
        """Write what was announced together, market by market."""
        changed: dict[ConditionId, list[LevelChanged | Printed]] = {}
        for announcement in announcements:
            if isinstance(announcement, LevelChanged | Printed):
                changed.setdefault(announcement.condition_id, []).append(announcement)
            elif isinstance(announcement, TickChanged):
                self._tick(announcement)
        for condition_id, changes in changed.items():
            market = self._exchange.market(condition_id)
            if market is not None:
                self._changes(market, changes)

    def _changes(self, market: ListedMarket, changes: Sequence[LevelChanged | Printed]) -> None:
        now_ns = changes[-1].at_ns
        levels = [change for change in changes if isinstance(change, LevelChanged)]
        trades = [change for change in changes if isinstance(change, Printed)]
        yes, no = self._exchange.book(market.yes), self._exchange.book(market.no)
        if yes is None or no is None:
            return
        for trade in trades:
            self._write(now_ns, frames.trade_frame(trade, tick=yes.tick))
        if trades:
            self._books(market, now_ns)
            return
        hashes = (frames.book_body(yes, market).hash, frames.book_body(no, market).hash)
        frame = frames.price_change_frame(market, levels, tick=yes.tick, hashes=hashes)
        self._write(now_ns, frame)

    def _books(self, market: ListedMarket, now_ns: int) -> None:
        """Write both books of a market; the time of both is now, whenever they changed last."""
        for token_id in (market.yes, market.no):
            levels = self._exchange.book(token_id)
            if levels is not None:
                body = frames.book_body(msgspec.structs.replace(levels, changed_ns=now_ns), market)
                self._write(now_ns, frames.book_frame(body))

    def _tick(self, change: TickChanged) -> None:
        market = self._exchange.market(change.condition_id)
        for token_id in (market.yes, market.no) if market else ():
            self._write(change.at_ns, frames.tick_frame(change, token_id))

    def _write(self, now_ns: int, frame: msgspec.Struct) -> None:
        self._lines.append(_encode(_Line(now_ns // frames.NS_PER_MS, self._seq, frame)))
        self._seq += 1
