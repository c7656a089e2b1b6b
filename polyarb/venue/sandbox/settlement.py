"""PURE: how a match becomes money: sent, mined and confirmed, or reverted and failed."""

from heapq import heappop, heappush

import msgspec

from polyarb.domain.order import TradeStatus
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.ports import Faults, Settled, Settler
from polyarb.venue.sandbox.terms.settings import SettlementSettings
from polyarb.venue.sandbox.terms.trades import Match

_NS = 1_000_000


class _Journey(msgspec.Struct):
    """Where one match is on its way; tries counts its reverts."""

    match: Match
    tries: int = 0
    ghost_tries: int = 0
    transaction_hash: str = ""
    status: TradeStatus = TradeStatus.MATCHED


class Settlement:
    """The operator's side of the chain: every match is sent, watched and told.

    A trade that reverts is RETRYING under a new transaction hash until its tries are used up.
    """

    def __init__(
        self, settings: SettlementSettings, settler: Settler, settled: Settled, faults: Faults
    ) -> None:
        self._settings = settings
        self._settler = settler
        self._settled = settled
        self._faults = faults
        self._now_ns = 0
        self._waiting: list[tuple[int, int, _Journey]] = []
        self._sent: list[_Journey] = []
        self._count = 0

    @property
    def next_due_ns(self) -> int:
        """Return when a match is sent next, or the next block is to be looked at."""
        sending = self._waiting[0][0] if self._waiting else FAR_FUTURE_NS
        return min(sending, self._settler.next_due_ns) if self._sent else sending

    @property
    def open_count(self) -> int:
        """Return how many matches have no last word yet."""
        return len(self._waiting) + len(self._sent)

    def take(self, match: Match) -> None:
        """Begin the journey of one match."""
        delay_ms = self._settings.submit_ms
        if fault := self._faults.strike(FaultKind.SETTLEMENT_DELAY, match.condition_id):
            delay_ms += fault.amount
        journey = _Journey(match=match)
        if fault := self._faults.strike(FaultKind.GHOST_FILL, match.condition_id):
            journey.ghost_tries = fault.amount or self._settings.tries_max
        self._wait(journey, match.matched_ns + delay_ms * _NS)

    def advance(self, now_ns: int) -> None:
        """Send what is due, and tell what the chain has done since."""
        self._now_ns = now_ns
        while self._waiting and self._waiting[0][0] <= now_ns:
            self._send(heappop(self._waiting)[2])

    def look(self) -> None:
        """Read the chain's word on everything that was sent; call it after each new block.

        What moved money is told first: a last word lets balances be read anew, and by then it
        must be known of everything that is gone from them.
        """
        for journey in self._sent:
            if self._settler.is_mined(journey.transaction_hash):
                self._tell(journey, TradeStatus.MINED)
        self._sent = [journey for journey in self._sent if not self._is_over(journey)]

    def _wait(self, journey: _Journey, due_ns: int) -> None:
        self._count += 1
        heappush(self._waiting, (due_ns, self._count, journey))

    def _send(self, journey: _Journey) -> None:
        is_ghost = journey.tries < journey.ghost_tries
        journey.transaction_hash = self._settler.submit_match(journey.match, is_ghost=is_ghost)
        self._sent.append(journey)

    def _is_over(self, journey: _Journey) -> bool:
        is_mined = self._settler.is_mined(journey.transaction_hash)
        if is_mined is None:
            if journey.status is TradeStatus.MINED:
                self._tell(journey, TradeStatus.RETRYING)
            return False
        if not is_mined:
            self._revert(journey)
            return True
        is_confirmed = self._settler.is_confirmed(journey.transaction_hash)
        if is_confirmed:
            self._tell(journey, TradeStatus.CONFIRMED)
        return is_confirmed

    def _revert(self, journey: _Journey) -> None:
        journey.tries += 1
        if journey.tries >= self._settings.tries_max:
            self._tell(journey, TradeStatus.FAILED)
            return
        self._tell(journey, TradeStatus.RETRYING)
        self._wait(journey, self._now_ns + self._settings.retry_ms * _NS)

    def _tell(self, journey: _Journey, status: TradeStatus) -> None:
        if status is journey.status:
            return
        journey.status = status
        self._settled.settle(journey.match.trade_id, status, journey.transaction_hash)
