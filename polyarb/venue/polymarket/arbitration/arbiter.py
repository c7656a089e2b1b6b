"""Of several sources of the same books it passes on, per market, one at a time, and never a mix.

A market's frames are those of one source from that source's own fresh books on; before those of
another, a Loss is passed. Synchronous, time is given. docs/adr/0007 has the rules and the proof.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from polyarb.venue.polymarket.arbitration import peeking
from polyarb.venue.polymarket.arbitration.failover import Switchboard
from polyarb.venue.polymarket.arbitration.peeking import UNREADABLE, Message, Pair, decode_pair
from polyarb.venue.polymarket.arbitration.scoring import (
    NO_DELAY_MS,
    NS_PER_MS,
    Fault,
    SourceStatistics,
)
from polyarb.venue.polymarket.arbitration.sequencer import DROPPED, Verdict
from polyarb.venue.polymarket.arbitration.state import (
    NOBODY,
    PENDING_MAX,
    Claim,
    MarketState,
    Patience,
    SourceSpec,
    Track,
    markets_of,
)
from polyarb.venue.polymarket.sources import Line, Loss
from polyarb.venue.polymarket.stream.faults import LossReason

_SMOOTHING = 1 / 64
_ASKED_FOR = frozenset({LossReason.ASKED_ANEW, LossReason.UNSUBSCRIBED})
"""Losses that do not speak against a source."""
_HELD_UNTIL_FRESH = frozenset({"tick_size_change", "market_resolved"})
_FAULT_OF: dict[Verdict, Fault] = {
    Verdict.LATE: Fault.LATE,
    Verdict.LONG_LATE: Fault.LATE,
    Verdict.REVISITED: Fault.LATE,
    Verdict.UNMIRRORED: Fault.UNMIRRORED,
    Verdict.TOP_BROKE: Fault.TOP_BROKE,
}


class Arbiter:
    """A FrameSink in front of the feed. `tick` must be called every `patience.tick_ms`.

    emit takes what goes on; refresh(source, assets) asks a source for fresh books and may call
    back into `lost`. One thread.
    """

    def __init__(
        self,
        sources: Sequence[SourceSpec],
        emit: Callable[[Line | Loss], None],
        refresh: Callable[[str, frozenset[str]], None],
        patience: Patience | None = None,
    ) -> None:
        """Shape: sources in order of preference."""
        self.patience = patience if patience is not None else Patience()
        self.verdicts: dict[str, int] = {}
        self._emit = emit
        self._index = {source.name: place for place, source in enumerate(sources)}
        self._compared = [source.tells_every_change for source in sources]
        self._rivals = [
            [other for other, told in enumerate(self._compared) if told and other != place]
            for place in range(len(sources))
        ]
        self._board = Switchboard(sources, emit, refresh, self.patience)
        self._scores = self._board.scores
        self._markets: dict[str, MarketState] = {}
        self._behind_ms = self.patience.behind_ms

    # What the wiring asks

    @property
    def statistics(self) -> tuple[SourceStatistics, ...]:
        """Return what is known of each source."""
        states = self._board.states
        return tuple(
            score.statistics(sum(market.active == place for market in states))
            for place, score in enumerate(self._scores)
        )

    @property
    def live_markets(self) -> int:
        """Count the markets whose books are passed on whole."""
        return sum(market.is_live for market in self._board.states)

    @property
    def switches(self) -> int:
        """Count how often a market was given to another source, or to none."""
        return self._board.switches

    @property
    def losses(self) -> int:
        """Count the losses that were passed on."""
        return self._board.losses

    def take_delays(self) -> dict[str, int]:
        """Return the shortest delay of each source's changes since the last call, in ms."""
        told = [score for score in self._scores if score.delay_ms_min != NO_DELAY_MS]
        delays = {score.source: score.delay_ms_min for score in told}
        for score in told:
            score.delay_ms_min = NO_DELAY_MS
        return delays

    def set_assets(self, groups: Iterable[Collection[str]], now_ns: int) -> None:
        """Pass on these groups of tokens (both of a market are one group) and no others."""
        board = self._board
        wanted = markets_of(groups, self._markets, len(self._scores))
        gone = [market for market in board.states if wanted.get(min(market.assets)) is not market]
        board.lose(gone, LossReason.UNSUBSCRIBED, now_ns)
        self._markets = wanted
        board.states = list(dict.fromkeys(wanted.values()))
        for market in gone:
            board.awaiting.pop(market, None)
        for market in board.states:
            if not market.fresh:
                market.asked_ns = market.asked_ns or now_ns
                board.awaiting[market] = None

    def claim(self, asset: str) -> Claim | None:
        """Return what the active source last said of a token whose book is passed on."""
        market = self._markets.get(asset)
        if market is None or market.active == NOBODY or asset not in market.fresh:
            return None
        told = market.tracks[market.active].sequence.top(asset)
        if told is None:
            return None
        venue_time_ms, book_hash, top = told
        source = self._scores[market.active].source
        return Claim(source=source, venue_time_ms=venue_time_ms, hash=book_hash, top=top)

    def doubt(self, assets: Collection[str], fault: Fault, now_ns: int) -> None:
        """Lose the books of some tokens, because of what was found beside the stream.

        The engine's own findings are Fault.DOUBTED, those of the REST check BEHIND or HASH_BROKE.
        """
        for market in self._of(assets):
            if market.active != NOBODY and market.fresh:
                if fault is Fault.BEHIND:
                    self._board.freeze(market, fault, now_ns)
                else:
                    self._board.blame(market, market.active, fault, now_ns)
        self._board.ask()

    def lose_all(self, reason: str, now_ns: int) -> None:
        """Lose every book and ask for it anew: after the venue was down."""
        self._board.lose(self._board.states, reason, now_ns)
        for market in self._board.states:
            self._board.expect(market, self._board.best(market, now_ns), now_ns)
        self._board.ask()

    # What the sources tell

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        """Take one frame; pass it on if it is of the source in use and in order."""
        index = self._index[source]
        try:
            pair = decode_pair(frame)
            first, second = pair.price_changes
            market = self._markets[first.asset_id]
            if market.sisters.get(first.asset_id) != second.asset_id:
                self._general(index, frame, receive_time_ns)
                return
            if not self._takes(market, index, pair, receive_time_ns):
                self._board.ask()
                return
        except (KeyError, *UNREADABLE):
            self._general(index, frame, receive_time_ns)
            return
        if market.is_live:
            board = self._board
            if receive_time_ns > board.latest_ns:
                board.latest_ns = receive_time_ns
            self._emit(Line(board.latest_ns, frame, pair))
        elif market.fresh:
            self._board.pass_line(peeking.only(frame, market.fresh), receive_time_ns)

    def lost(self, source: str, assets: Collection[str], reason: str, receive_time_ns: int) -> None:
        """Take note that a source's books of these tokens are not true until their next book."""
        index = self._index[source]
        told: list[MarketState] = []
        for market in self._of(assets) if assets else self._board.states:
            track = market.tracks[index]
            if reason in _ASKED_FOR:
                track.sequence.restart()
            else:
                track.lose()
            if market.active == index:
                told.append(market)
        text = f"{source}: {reason}"
        if reason in _ASKED_FOR:
            self._board.lose([market for market in told if market.fresh], text, receive_time_ns)
        else:
            if self._scores[index].fault(Fault.LOST, receive_time_ns):
                self._board.abandon(index, receive_time_ns)
            told = [market for market in told if market.active == index]
            self._board.leave(told, text, receive_time_ns)
        self._board.ask()

    def tick(self, now_ns: int) -> None:
        """Let time pass: freezes, silences, unanswered questions, probation, better sources."""
        self._board.pass_time(now_ns)
        self._board.ask()

    # A change of levels

    def _takes(self, market: MarketState, index: int, pair: Pair, now_ns: int) -> bool:
        """Judge a change of both tokens; tell whether it may go on.

        Errors: UnusableError.
        """
        score = self._scores[index]
        latency_ms = now_ns // NS_PER_MS - pair.timestamp
        score.messages += 1
        score.latest_ns = now_ns
        score.latency_ms += (latency_ms - score.latency_ms) * _SMOOTHING
        if latency_ms < score.delay_ms_min:
            score.delay_ms_min = latency_ms
        if latency_ms < -self.patience.future_ms_max:
            self._board.blame(market, index, Fault.AHEAD_OF_TIME, now_ns)
            return False
        sequence = market.tracks[index].sequence
        before_ms = sequence.told_ms
        verdict = sequence.take_pair(pair)
        if verdict:
            self._irregular(market, index, verdict, now_ns)
            return False
        return self._is_complete(market, index, before_ms, now_ns)

    def _is_complete(self, market: MarketState, index: int, before_ms: int, now_ns: int) -> bool:
        """Compare a change in order with other sources; tell whether it may go on.

        Whoever goes past a change that another source told has missed it.
        """
        tracks = market.tracks
        sequence = tracks[index].sequence
        told_ms = sequence.told_ms
        rivals = self._rivals[index]
        if rivals and self._compared[index] and not self._scores[index].isolated:
            for place in rivals:
                if self._scores[place].isolated:
                    continue
                other = tracks[place].sequence
                if other.told_ms > told_ms and other.has_skipped(told_ms):
                    self._board.blame(market, place, Fault.SKIPPED, now_ns)
                has_missed = other.told_ms > before_ms and other.would_skip(before_ms, told_ms)
                if has_missed and len(sequence.recent) > 1:
                    self._board.blame(market, index, Fault.SKIPPED, now_ns)
                    return False
            if market.active not in (index, NOBODY):
                self._witness(market, told_ms, now_ns)
        if market.active != index:
            return False
        if market.ahead_ns and told_ms >= market.ahead_ms:
            market.ahead_ns = 0
            self._look_ahead(market, index, now_ns)
        return True

    def _witness(self, market: MarketState, told_ms: int, now_ns: int) -> None:
        """Note since when the source in use is behind another one."""
        if not self._compared[market.active] or market.ahead_ns or not market.fresh:
            return
        if told_ms > market.tracks[market.active].sequence.told_ms:
            market.ahead_ms, market.ahead_ns = told_ms, now_ns
            self._board.ahead[market] = None

    def _look_ahead(self, market: MarketState, index: int, now_ns: int) -> None:
        """Having caught up with what was noted, see whether another has gone on since."""
        for place in self._rivals[index]:
            stamps = market.tracks[place].sequence.stamps
            if stamps and not self._scores[place].isolated:
                self._witness(market, stamps[-1], now_ns)

    def _irregular(self, market: MarketState, index: int, verdict: Verdict, now_ns: int) -> None:
        """Count what is not in order; what might matter costs the book."""
        self.verdicts[verdict.name] = self.verdicts.get(verdict.name, 0) + 1
        if verdict not in DROPPED:
            self._board.blame(market, index, _FAULT_OF[verdict], now_ns)

    # One frame of any kind

    def _general(self, index: int, frame: bytes, now_ns: int) -> None:
        """Take a frame message by message; it goes on whole if all of it may."""
        stripped = frame.strip()
        try:
            is_array = stripped[:1] == b"["
            raws = [bytes(raw) for raw in peeking.decode_array(stripped)] if is_array else [frame]
        except UNREADABLE:
            self._malformed(index)
            return
        board = self._board
        for raw in raws:
            passing = self._message(index, raw, now_ns)
            if passing is not None:
                board.held.append(passing)
        if board.held == raws:
            board.held = []
            if raws:
                board.pass_line(frame, now_ns)
        board.flush(now_ns)
        board.ask()

    def _malformed(self, index: int) -> None:
        counts = self._scores[index].counts
        counts[Fault.MALFORMED] = counts.get(Fault.MALFORMED, 0) + 1

    def _unreadable(self, index: int, raw: bytes, now_ns: int) -> None:
        """Count what cannot be read; where it seems to be of a book, that is not true any more."""
        markets = self._of(peeking.claimed_by(raw))
        for market in markets:
            self._board.blame(market, index, Fault.MALFORMED, now_ns)
        if not markets:
            self._malformed(index)

    def _message(self, index: int, raw: bytes, now_ns: int) -> bytes | None:
        """Take one message; return what of it may go on."""
        try:
            message = peeking.decode_message(raw)
        except UNREADABLE:
            self._unreadable(index, raw, now_ns)
            return None
        named = peeking.assets_of(message)
        if message.event_type not in ("book", "price_change"):
            self._scores[index].latest_ns = now_ns
            return self._remark(index, message, raw, named)
        markets = self._of(named)
        try:
            if message.event_type == "price_change":
                return self._changes(index, message, raw, now_ns)
            return self._book(index, message, raw, now_ns) if markets else None
        except UNREADABLE:
            for market in markets:
                self._board.blame(market, index, Fault.MALFORMED, now_ns)
            return None

    def _remark(
        self, index: int, message: Message, raw: bytes, named: frozenset[str]
    ) -> bytes | None:
        """Take what changes no book: of a market from its source, else from the best one."""
        market = next(iter(self._of(named)), None)
        if market is None:
            return raw if not named and index == self._leader() else None
        if market.active != index:
            return None
        if market.is_live:
            return raw
        if message.event_type in _HELD_UNTIL_FRESH and len(market.pending) < PENDING_MAX:
            market.pending.append(raw)
        return None

    def _changes(self, index: int, message: Message, raw: bytes, now_ns: int) -> bytes | None:
        """Take a price_change of any form. Errors: UnusableError."""
        named = peeking.assets_of(message)
        allowed: set[str] = set(named - self._markets.keys())
        for market in self._of(named):
            own = peeking.part_of(message, market.assets, market.sisters)
            if isinstance(own, Pair):
                may_pass = self._takes(market, index, own, now_ns)
            else:
                may_pass = self._takes_part(market, index, own, now_ns)
            if may_pass:
                allowed |= market.fresh
        if named <= allowed and named & self._markets.keys():
            return raw
        passing = named & allowed & self._markets.keys()
        return peeking.only(raw, frozenset(passing)) if passing else None

    def _takes_part(self, market: MarketState, index: int, own: Message, now_ns: int) -> bool:
        """Judge a change that is not one level of both tokens; tell whether it may go on."""
        if not own.price_changes or self._is_ahead_of_time(market, index, own, now_ns):
            if not own.price_changes:
                self._board.blame(market, index, Fault.MALFORMED, now_ns)
            return False
        sequence = market.tracks[index].sequence
        before_ms = sequence.told_ms
        verdict = sequence.take(own)
        if verdict:
            self._irregular(market, index, verdict, now_ns)
            return False
        return self._is_complete(market, index, before_ms, now_ns)

    def _is_ahead_of_time(
        self, market: MarketState, index: int, message: Message, now_ns: int
    ) -> bool:
        """Count a message; refuse one that was sent in the future, by our clock."""
        score = self._scores[index]
        score.messages += 1
        score.latest_ns = now_ns
        if now_ns // NS_PER_MS - message.timestamp >= -self.patience.future_ms_max:
            return False
        self._board.blame(market, index, Fault.AHEAD_OF_TIME, now_ns)
        return True

    # A whole book

    def _book(self, index: int, book: Message, raw: bytes, now_ns: int) -> bytes | None:
        """Take a whole book: of a source in use it may make the market live.

        Errors: UnusableError.
        """
        market = self._markets[book.asset_id]
        track = market.tracks[index]
        top = peeking.top_of_book(book)
        is_told = market.active == index and book.asset_id in market.fresh
        if self._is_ahead_of_time(market, index, book, now_ns):
            return None
        if self._is_stale(market, index, book):
            if not is_told or book.timestamp >= track.sequence.told_ms:
                self._board.blame(market, index, Fault.STALE_BOOK, now_ns)
                return None
        elif self._is_suddenly_hollow(market, index, book, top, now_ns):
            self._board.blame(market, index, Fault.HOLLOW_BOOK, now_ns)
            return None
        if market.active != index and not self._board.adopts(market, index):
            self._stand_by(track, book, now_ns)
            return None
        if not market.fresh:
            track.sequence.restart(book)
        else:
            verdict = track.sequence.take(book)
            is_proof = verdict is Verdict.REPEATED and not (is_told and self._compared[index])
            if verdict and not is_proof:
                self._irregular(market, index, verdict, now_ns)
                return None
        track.heal(now_ns)
        market.is_narrow = not peeking.is_hollow(top)
        if is_told:
            return raw
        self._begin(market, book.asset_id, raw)
        return None

    def _begin(self, market: MarketState, asset: str, raw: bytes) -> None:
        """Pass the first book of a token since its market was lost, then what waited for it."""
        market.fresh |= {asset}
        self._board.held.append(raw)
        if market.fresh == market.assets:
            market.is_live = True
            market.attempts = 0
            self._board.awaiting.pop(market, None)
            self._board.held += market.pending
            market.pending.clear()

    def _stand_by(self, track: Track, book: Message, now_ns: int) -> None:
        """Take the book of a source that is not in use: it could be, from now on."""
        if track.is_lost or not track.sequence.told_ms:
            track.sequence.restart(book)
        else:
            track.sequence.take(book)
        track.heal(now_ns)

    def _is_stale(self, market: MarketState, index: int, book: Message) -> bool:
        """Tell whether a book is older than what its source told, or far older than any did."""
        for place, track in enumerate(market.tracks):
            tolerance_ms = 0 if place == index else self._behind_ms
            if book.timestamp < track.sequence.told_ms - tolerance_ms:
                return True
        return False

    def _is_suddenly_hollow(
        self,
        market: MarketState,
        index: int,
        book: Message,
        top: peeking.Top,
        now_ns: int,
    ) -> bool:
        """Tell whether a market that had prices shows none, and this for the first time."""
        if not peeking.is_hollow(top):
            market.tracks[index].hollow_ns = 0
            return False
        told = market.tracks[index].sequence.top(book.asset_id)
        before = told[2] if told is not None else None
        if not market.is_narrow and (before is None or peeking.is_hollow(before)):
            return False
        wait_ns = self.patience.hollow_ms * NS_PER_MS
        return not market.tracks[index].confirms_hollow(now_ns, wait_ns)

    def _leader(self) -> int:
        """Return the best source of all, for what is of no market."""
        ranks = [
            (bool(score.isolated), *score.rank(), place) for place, score in enumerate(self._scores)
        ]
        return min(ranks)[-1]

    def _of(self, assets: Iterable[str]) -> list[MarketState]:
        """Return the markets of some tokens, each once."""
        markets = (self._markets.get(asset) for asset in assets)
        return list(dict.fromkeys(market for market in markets if market is not None))
