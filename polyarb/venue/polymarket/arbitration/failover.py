"""Which source tells each market: losing, choosing, asking for snapshots, giving up. No clock.

Nothing of a market is passed between its Loss and the fresh books of the source that is chosen.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from polyarb.venue.polymarket.arbitration.scoring import NS_PER_MS, Fault, Score
from polyarb.venue.polymarket.arbitration.state import NOBODY, MarketState, Patience, SourceSpec
from polyarb.venue.polymarket.sources import Line, Loss

_BETWEEN_ASKS_MS = 200
_OF_SNAPSHOTS = frozenset({Fault.STALE_BOOK, Fault.HOLLOW_BOOK})
"""Faults that count even while a snapshot is awaited; the rest follows from the first one."""
_PARTIAL_ATTEMPTS_MAX = 3
"""How often the other token of a market is asked for; some have only one book."""
_SETTLED_RETURNS = 10
"""A market leaves a source that is merely worse only after so many times return_ms on it."""


class Switchboard:
    """The choice of a source for every market, and what is passed on of it."""

    def __init__(
        self,
        sources: Sequence[SourceSpec],
        emit: Callable[[Line | Loss], None],
        refresh: Callable[[str, frozenset[str]], None],
        patience: Patience,
    ) -> None:
        self.scores = [
            Score(source.name, patience.judging, is_last_resort=source.is_last_resort)
            for source in sources
        ]
        self.states: list[MarketState] = []
        self.awaiting: dict[MarketState, None] = {}
        self.ahead: dict[MarketState, None] = {}
        self.held: list[bytes] = []
        self.latest_ns = 0
        self.switches = 0
        self.losses = 0
        self._emit = emit
        self._refresh = refresh
        self._patience = patience
        self._asks: dict[int, set[str]] = {}
        self._silent_at_ns = [0] * len(sources)
        self._reviewed_ns = 0

    # What goes on

    def pass_line(self, frame: bytes, now_ns: int) -> None:
        """Pass a frame on; time never goes back."""
        self.latest_ns = max(self.latest_ns, now_ns)
        self._emit(Line(self.latest_ns, frame))

    def flush(self, now_ns: int) -> None:
        """Pass on the messages that were held, as one frame."""
        held, self.held = self.held, []
        if held:
            self.pass_line(held[0] if len(held) == 1 else b"[" + b",".join(held) + b"]", now_ns)

    def lose(self, markets: Iterable[MarketState], reason: str, now_ns: int) -> None:
        """Say that books are not true any more, of markets of which something was passed on."""
        lost: set[str] = set()
        for market in markets:
            if market.fresh:
                lost |= market.assets
            market.forget()
            self.ahead.pop(market, None)
            self.awaiting[market] = None
        if not lost:
            return
        self.flush(now_ns)
        self.latest_ns = max(self.latest_ns, now_ns)
        self.losses += 1
        self._emit(Loss(self.latest_ns, reason, frozenset(lost)))

    # Who tells a market

    def best(self, market: MarketState, now_ns: int, *, but: int = NOBODY) -> int:
        """Return the best source that may be used for a market, or NOBODY."""
        candidates = [
            (*score.rank(), place)
            for place, (score, track) in enumerate(zip(self.scores, market.tracks, strict=True))
            if place != but
            and not score.isolated
            and not track.is_lost
            and track.shunned_until_ns <= now_ns
        ]
        return min(candidates)[-1] if candidates else NOBODY

    def adopts(self, market: MarketState, index: int) -> bool:
        """Tell whether a source whose book came may take over a market that waits for one."""
        if market.fresh or self.scores[index].isolated:
            return False
        active = market.active
        if active != NOBODY and not self.scores[active].isolated:
            ours, theirs = self.scores[index].rank(), self.scores[active].rank()
            if (*ours, index) > (*theirs, active):
                return False
        self._choose(market, index)
        return True

    def leave(self, markets: Collection[MarketState], reason: str, now_ns: int) -> None:
        """Lose markets and let another source tell them, if there is a good one."""
        self.lose(markets, reason, now_ns)
        for market in markets:
            self.expect(market, self.best(market, now_ns, but=market.active), now_ns)

    def abandon(self, index: int, now_ns: int) -> None:
        """Leave every market that a source tells, because it was isolated."""
        score = self.scores[index]
        told = [market for market in self.states if market.active == index]
        self.leave(told, f"{score.source} isolated: {score.isolated}", now_ns)

    def expect(self, market: MarketState, index: int, now_ns: int) -> None:
        """Wait for the fresh books of a source; ask it for them, though not all the time."""
        is_other = index != market.active
        self._choose(market, index)
        self.awaiting[market] = None
        if index == NOBODY:
            return
        if is_other or now_ns - market.asked_ns >= _BETWEEN_ASKS_MS * NS_PER_MS:
            self.ask_of(index, market.assets)
            market.asked_ns = now_ns

    def blame(self, market: MarketState, index: int, fault: Fault, now_ns: int) -> None:
        """Count a fault of a source's part in a market; if it tells the market, its book is lost.

        It is given another chance with a fresh book, unless it has had too many faults.
        """
        market.tracks[index].sequence.restart()
        if market.active == index and not market.fresh and fault not in _OF_SNAPSHOTS:
            return
        if self.scores[index].fault(fault, now_ns):
            self.abandon(index, now_ns)
        if market.active == index and market.fresh:
            self.lose([market], f"{self.scores[index].source}: {fault}", now_ns)
            self.expect(market, index, now_ns)

    # Time

    def _has_faster(self, score: Score) -> bool:
        """Tell whether another stream tells the same in time."""
        return any(
            not (other is score or other.is_last_resort or other.isolated or other.is_slow)
            for other in self.scores
        )

    def pass_time(self, now_ns: int) -> None:
        """Conclude from freezes, silences, unanswered questions, probation and better sources."""
        for index, score in enumerate(self.scores):
            if score.pass_time(now_ns, has_faster=self._has_faster(score)):
                self.abandon(index, now_ns)
            self._check_silence(index, now_ns)
        for market in list(self.ahead):
            if not market.ahead_ns:
                self.ahead.pop(market, None)
            elif now_ns - market.ahead_ns >= self._patience.behind_ms * NS_PER_MS:
                self.freeze(market, Fault.BEHIND, now_ns)
        for market in list(self.awaiting):
            self._ask_again(market, now_ns)
        if now_ns - self._reviewed_ns >= self._patience.answer_ms * NS_PER_MS:
            self._reviewed_ns = now_ns
            self._review(now_ns)

    def freeze(self, market: MarketState, fault: Fault, now_ns: int) -> None:
        """Leave a source that tells too little of a market, and ask it, too, for a fresh book."""
        index = market.active
        self.ahead.pop(market, None)
        if index == NOBODY:
            return
        market.tracks[index].lose()
        self.ask_of(index, market.assets)
        if self.scores[index].fault(fault, now_ns):
            self.abandon(index, now_ns)
        if market.active == index:
            self.leave([market], f"{self.scores[index].source}: {fault}", now_ns)

    def ask_of(self, index: int, assets: frozenset[str]) -> None:
        """Note which books a source will be asked for."""
        self._asks.setdefault(index, set()).update(assets)

    def ask(self) -> None:
        """Ask for what was noted; a source may report the loss of those books at once."""
        while self._asks:
            index, assets = self._asks.popitem()
            self._refresh(self.scores[index].source, frozenset(assets))

    def _choose(self, market: MarketState, index: int) -> None:
        if index != market.active:
            self.switches += 1
            market.active = index
            market.attempts = 0

    def _check_silence(self, index: int, now_ns: int) -> None:
        """Leave a source that tells nothing at all of anything."""
        score = self.scores[index]
        if not score.latest_ns or self._silent_at_ns[index] == score.latest_ns:
            return
        if now_ns - score.latest_ns < self._patience.silence_ms * NS_PER_MS:
            return
        self._silent_at_ns[index] = score.latest_ns
        for market in self.states:
            market.tracks[index].lose()
        if score.fault(Fault.SILENT, now_ns):
            self.abandon(index, now_ns)
        told = [market for market in self.states if market.active == index]
        self.leave(told, f"{score.source}: {Fault.SILENT}", now_ns)
        for market in told:
            self.ask_of(index, market.assets)

    def _ask_again(self, market: MarketState, now_ns: int) -> None:
        """Ask another source where one does not answer, or the same, ever more rarely."""
        best = self.best(market, now_ns)
        if market.active == NOBODY and best != NOBODY:
            self.expect(market, best, now_ns)
            return
        patience = self._patience
        wait_ms = min(patience.answer_ms << min(market.attempts, 10), patience.answer_ms_max)
        if now_ns - market.asked_ns < wait_ms * NS_PER_MS:
            return
        if market.active == NOBODY:
            market.attempts += 1
            market.asked_ns = now_ns
            for index, score in enumerate(self.scores):
                if not score.isolated:
                    self.ask_of(index, market.assets)
            return
        market.attempts += 1
        if market.fresh:
            if market.attempts > _PARTIAL_ATTEMPTS_MAX:
                self.awaiting.pop(market, None)
            else:
                self.expect(market, market.active, now_ns)
            return
        counts = self.scores[market.active].counts
        counts[Fault.NO_ANSWER] = counts.get(Fault.NO_ANSWER, 0) + 1
        other = self.best(market, now_ns, but=market.active)
        if other == NOBODY:
            self.expect(market, market.active, now_ns)
            return
        market.tracks[market.active].shunned_until_ns = now_ns + patience.shun_ms * NS_PER_MS
        self.expect(market, other, now_ns)

    def _review(self, now_ns: int) -> None:
        """Go back to a better source that has been good for a while."""
        return_ns = self._patience.return_ms * NS_PER_MS
        better: list[MarketState] = []
        for market in self.states:
            if market.active == NOBODY or not market.is_live:
                continue
            best = self.best(market, now_ns)
            if best in (NOBODY, market.active):
                continue
            ours, theirs = self.scores[market.active].rank(), self.scores[best].rank()
            good_since_ns = market.tracks[best].good_since_ns
            settled_ns = return_ns if ours[0] else _SETTLED_RETURNS * return_ns
            if (
                theirs < ours
                and good_since_ns
                and now_ns - good_since_ns >= return_ns
                and now_ns - market.asked_ns >= settled_ns
            ):
                better.append(market)
        if better:
            self.leave(better, "a better source is back", now_ns)
