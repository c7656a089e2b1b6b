"""Trades: the chain's present word on each, and what it frees of the commitments behind it.

Retention: every trade without a last word is kept; of CONFIRMED and FAILED ones only the newest
`final_max`.
"""

from collections import deque

import msgspec

from polyarb.domain.order import TRADE_STEPS, TradeStatus
from polyarb.venue.sandbox.exchange.holdings import Holding
from polyarb.venue.sandbox.terms.trades import Match, TradeRecord, sides_of


class Trade(msgspec.Struct, eq=False):
    """One trade while the exchange knows it. Shape: claims are what it holds of each holding."""

    record: TradeRecord
    claims: tuple[tuple[Holding, int], ...]


class Trades:
    """All trades by id and by owner."""

    def __init__(self, final_max: int) -> None:
        self._final_max = final_max
        self._trades: dict[str, Trade] = {}
        self._of_owner: dict[str, dict[str, Trade]] = {}
        self._final: deque[str] = deque()

    def find(self, trade_id: str) -> Trade | None:
        """Return a trade, None where it is unknown or forgotten."""
        return self._trades.get(trade_id)

    def of_owner(self, owner: str) -> tuple[TradeRecord, ...]:
        """Return the trades that an owner took part in, oldest first."""
        return tuple(trade.record for trade in self._of_owner.get(owner, {}).values())

    def add(self, match: Match, claims: tuple[tuple[Holding, int], ...]) -> Trade:
        """Take a new match, with what it claims of its parties' holdings."""
        record = TradeRecord(match=match, status=TradeStatus.MATCHED, updated_ns=match.matched_ns)
        trade = self._trades[match.trade_id] = Trade(record, claims)
        for holding, amount in claims:
            holding.matched += amount
        for side in sides_of(match):
            self._of_owner.setdefault(side.owner, {})[match.trade_id] = trade
        return trade

    def step(self, trade: Trade, status: TradeStatus, transaction_hash: str, at_ns: int) -> None:
        """Take the chain's word on a trade; a final one frees its claims."""
        old = trade.record
        trade.record = TradeRecord(
            match=old.match, status=status, transaction_hash=transaction_hash, updated_ns=at_ns
        )
        mined = (status is TradeStatus.MINED) - (old.status is TradeStatus.MINED)
        is_final = not TRADE_STEPS[status]
        for holding, amount in trade.claims:
            holding.mined += mined * amount
            if is_final:
                holding.matched -= amount
        if is_final:
            trade.claims = ()
            self._retire(old.match)

    def _retire(self, match: Match) -> None:
        self._final.append(match.trade_id)
        if len(self._final) > self._final_max:
            self._forget(self._trades.pop(self._final.popleft()))

    def _forget(self, trade: Trade) -> None:
        match = trade.record.match
        for owner in {side.owner for side in sides_of(match)}:
            mine = self._of_owner[owner]
            del mine[match.trade_id]
            if not mine:
                del self._of_owner[owner]
