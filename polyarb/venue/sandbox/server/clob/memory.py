"""What the CLOB remembers of what was announced: midpoints, prints, notices, the engine's mode.

Bounded, whatever happens; the oldest is forgotten first. Nothing is written out before it is read.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from enum import IntEnum
from itertools import count

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.order import TradeStatus
from polyarb.domain.units import ONE
from polyarb.venue.sandbox.terms.announcements import (
    Announcement,
    LevelChanged,
    MarketClosed,
    ModeChanged,
    OrderChanged,
    OrderStep,
    Printed,
    TradeChanged,
)
from polyarb.venue.sandbox.terms.orders import ExchangeMode
from polyarb.venue.sandbox.terms.settings import ExchangeSettings
from polyarb.venue.sandbox.terms.trades import sides_of

NS_PER_S = 1_000_000_000
SECONDS_PER_MINUTE = 60
MIDPOINTS_MAX = 7 * 24 * 60
PRINTS_MAX = 100
NOTICES_MAX = 500
NOTICE_SECONDS_MAX = 48 * 3_600
"""Source: polymarket.md 3.3."""


class NoticeType(IntEnum):
    """Kinds of notices that the sandbox gives. Source: polymarket.md 3.3."""

    CANCELED = 1
    FILLED = 2
    RESOLVED = 4
    FILL_FAILED = 8


class Notice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something an owner may want to know. Shape: exactly one order or none is named."""

    notice_id: int
    type: NoticeType
    at_ns: int
    condition_id: ConditionId
    order_id: str = ""
    trade_id: str = ""
    transaction_hash: str = ""


class Midpoint(msgspec.Struct, frozen=True, gc=False):
    """The last midpoint of a minute, in YES terms. Units: minutes of unix time, half micros."""

    minute: int
    doubled: int


class Memory:
    """Listens to everything that is announced."""

    def __init__(self, settings: ExchangeSettings) -> None:
        self._settings = settings
        self._numbers = count(1)
        self._midpoints: dict[ConditionId, deque[Midpoint]] = {}
        self._prints: dict[ConditionId, deque[Printed]] = {}
        self._notices: dict[str, deque[Notice]] = {}
        self._owners: defaultdict[ConditionId, set[str]] = defaultdict(set)
        self._mode_ends_ns = 0

    def take(self, announcements: Sequence[Announcement]) -> None:
        """Remember what was announced."""
        for one in announcements:
            match one:
                case LevelChanged():
                    self._note_midpoint(one)
                case Printed():
                    prints = self._prints.setdefault(one.condition_id, deque(maxlen=PRINTS_MAX))
                    prints.append(one)
                case OrderChanged():
                    self._note_order(one)
                case TradeChanged():
                    self._note_trade(one)
                case MarketClosed():
                    self._note_resolution(one)
                case ModeChanged():
                    self._note_mode(one)
                case _:
                    pass

    def midpoints(self, condition_id: ConditionId) -> tuple[Midpoint, ...]:
        """Return a market's midpoints, oldest first."""
        return tuple(self._midpoints.get(condition_id, ()))

    def prints(self, condition_id: ConditionId) -> tuple[Printed, ...]:
        """Return a market's last trades, the newest first."""
        return tuple(reversed(self._prints.get(condition_id, ())))

    def notices(self, owner: str, now_ns: int) -> tuple[Notice, ...]:
        """Return what an owner was not told yet or did not drop, the newest first."""
        oldest_ns = now_ns - NOTICE_SECONDS_MAX * NS_PER_S
        kept = self._notices.get(owner, ())
        return tuple(notice for notice in reversed(kept) if notice.at_ns >= oldest_ns)

    def drop_notices(self, owner: str, notice_ids: frozenset[int] | None) -> None:
        """Forget some of an owner's notices, or all of them."""
        kept = self._notices.pop(owner, None)
        if kept is not None and notice_ids is not None:
            rest = (notice for notice in kept if notice.notice_id not in notice_ids)
            self._notices[owner] = deque(rest, maxlen=NOTICES_MAX)

    def mode_ends_s(self, now_ns: int) -> int:
        """Return in how many seconds the engine takes everything again, at least one."""
        return max(1, -(-(self._mode_ends_ns - now_ns) // NS_PER_S))

    def _note_midpoint(self, change: LevelChanged) -> None:
        if change.best_bid <= 0 or change.best_ask >= ONE:
            return
        minute = change.at_ns // (NS_PER_S * SECONDS_PER_MINUTE)
        known = self._midpoints.get(change.condition_id)
        if known is None:
            known = self._midpoints[change.condition_id] = deque(maxlen=MIDPOINTS_MAX)
        if known and known[-1].minute == minute:
            known.pop()
        known.append(Midpoint(minute, change.best_bid + change.best_ask))

    def _note_order(self, change: OrderChanged) -> None:
        if change.step is OrderStep.CANCELLATION:
            order = change.order
            self._keep(
                order.owner,
                Notice(
                    notice_id=next(self._numbers),
                    type=NoticeType.CANCELED,
                    at_ns=change.at_ns,
                    condition_id=order.condition_id,
                    order_id=order.order_id,
                ),
            )

    def _note_trade(self, change: TradeChanged) -> None:
        trade = change.trade
        kind = TRADE_NOTICES.get(trade.status)
        if kind is None:
            return
        for fill in sides_of(trade.match):
            self._owners[trade.match.condition_id].add(fill.owner)
            self._keep(
                fill.owner,
                Notice(
                    notice_id=next(self._numbers),
                    type=kind,
                    at_ns=change.at_ns,
                    condition_id=trade.match.condition_id,
                    order_id=fill.order_id,
                    trade_id=trade.match.trade_id,
                    transaction_hash=trade.transaction_hash,
                ),
            )

    def _note_resolution(self, closing: MarketClosed) -> None:
        if closing.payouts is None:
            return
        for owner in sorted(self._owners.pop(closing.condition_id, ())):
            self._keep(
                owner,
                Notice(
                    notice_id=next(self._numbers),
                    type=NoticeType.RESOLVED,
                    at_ns=closing.at_ns,
                    condition_id=closing.condition_id,
                ),
            )

    def _note_mode(self, change: ModeChanged) -> None:
        settings = self._settings
        lasts_ms = {
            ExchangeMode.RESTARTING: settings.restart_ms,
            ExchangeMode.POST_ONLY: settings.post_only_ms,
        }.get(change.mode, 0)
        self._mode_ends_ns = change.at_ns + lasts_ms * 1_000_000

    def _keep(self, owner: str, notice: Notice) -> None:
        kept = self._notices.get(owner)
        if kept is None:
            kept = self._notices[owner] = deque(maxlen=NOTICES_MAX)
        kept.append(notice)


TRADE_NOTICES: dict[TradeStatus, NoticeType] = {
    TradeStatus.MATCHED: NoticeType.FILLED,
    TradeStatus.FAILED: NoticeType.FILL_FAILED,
}
"""Which of a trade's words are worth a notice."""
