"""How much was at risk over time, and every figure of the envelope with the most that was seen.

It is counted as the risk checks count: a plan is at risk with all that was reserved for it from
its approval until it is over. Nothing of the engine is asked; the journal tells it all.
"""

from collections import Counter, deque
from collections.abc import Callable

import msgspec

from polyarb.domain.ids import ConditionId, RelationId
from polyarb.domain.limits import Envelope
from polyarb.domain.messages import JournalMessage, PlaceOrders, PlanApproved
from polyarb.domain.units import PICO, cost_up
from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import PlanAccount, PlanKey
from polyarb.ledger.pnl import DAY_NS, by_day
from polyarb.ledger.postings import PlanMessage
from polyarb.reports.window import Window

MINUTE_NS = 60 * 10**9
STEP_NS = DAY_NS // 96
VENUES_USED = 1


class ExposurePoint(msgspec.Struct, frozen=True, kw_only=True):
    """The most that was at risk within one step of a quarter of an hour.

    Units: unix nanoseconds of the step's end, micros of a USD.
    """

    time_ns: int
    open_notional: int


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of the envelope against the most that was seen.

    Units: those of `unit`; allowed None: what was configured is not known. is_kept None: it
    cannot be told.
    """

    name: str
    unit: str
    most: int
    allowed: int | None
    is_kept: bool | None


class ExposureFold:
    """Follows what plans have at risk."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._reserved: dict[PlanKey, int] = {}
        self._relations: Counter[RelationId] = Counter()
        self._markets: Counter[ConditionId] = Counter()
        self._times: deque[int] = deque()
        self._open = 0
        self._most: Counter[str] = Counter()
        self._points: dict[int, int] = {}

    def apply(self, message: JournalMessage, ledger: Ledger) -> None:
        """Take one message about a plan, after the ledger took it."""
        if not isinstance(message, PlanMessage):
            return
        key = ledger.latest.get(message.plan_id)
        if key is None:
            return
        plan = ledger.plans[key]
        now_ns = message.receive_time_ns
        if isinstance(message, PlanApproved):
            self._add(key, plan, is_inside=self._window.has(now_ns))
        elif isinstance(message, PlaceOrders):
            self._place(message, plan)
        if plan.is_over and key in self._reserved:
            self._drop(key, plan)
        if self._window.has(now_ns):
            self._note(now_ns)

    def uses(self, ledger: Ledger, envelope: Envelope | None) -> tuple[Use, ...]:
        """List every figure of the envelope with the most that was seen."""
        days = [day for day in by_day(ledger.pnl) if self._window.has_day(day.day)]
        lost = max((-(day.columns.settled or 0) for day in days), default=0)
        most = {**self._most, "daily loss": max(0, lost)}
        return tuple(
            _use(name, unit, most.get(name, 0), None if envelope is None else limit(envelope))
            for name, unit, limit in LIMITS
        )

    def points(self) -> tuple[ExposurePoint, ...]:
        """List the steps in which anything happened."""
        return tuple(
            ExposurePoint(time_ns=(step + 1) * STEP_NS, open_notional=amount)
            for step, amount in sorted(self._points.items())
        )

    @property
    def open_now(self) -> int:
        """Return what is at risk as of the last message."""
        return self._open

    def _add(self, key: PlanKey, plan: PlanAccount, *, is_inside: bool) -> None:
        if key in self._reserved:
            return
        reserved = plan.reserved or 0
        self._reserved[key] = reserved
        self._open += reserved
        for relation_id in plan.relation_ids:
            self._relations[relation_id] += reserved
            if is_inside:
                self._raise("position notional", self._relations[relation_id])

    def _place(self, message: PlaceOrders, plan: PlanAccount) -> None:
        for intent in message.orders:
            worth = max(intent.reserved, cost_up(intent.price_limit * intent.shares, PICO))
            if self._window.has(message.receive_time_ns):
                self._raise("order notional", worth)
            self._markets[intent.condition_id] += 1
            self._times.append(message.receive_time_ns)
        while self._times and self._times[0] <= message.receive_time_ns - MINUTE_NS:
            self._times.popleft()

    def _drop(self, key: PlanKey, plan: PlanAccount) -> None:
        reserved = self._reserved.pop(key)
        self._open -= reserved
        for relation_id in plan.relation_ids:
            self._relations[relation_id] -= reserved
        for order in plan.orders.values():
            condition_id = order.intent.condition_id
            self._markets[condition_id] -= 1
            if not self._markets[condition_id]:
                del self._markets[condition_id]

    def _note(self, now_ns: int) -> None:
        self._raise("open notional", self._open)
        if not self._points:
            self._raise("position notional", max(self._relations.values(), default=0))
        self._raise("instruments", len(self._markets))
        self._raise("venues", VENUES_USED)
        self._raise("orders a minute", len(self._times))
        step = now_ns // STEP_NS
        self._points[step] = max(self._points.get(step, 0), self._open)

    def _raise(self, name: str, value: int) -> None:
        self._most[name] = max(self._most[name], value)


LIMITS: tuple[tuple[str, str, Callable[[Envelope], int]], ...] = (
    ("order notional", "usd", lambda envelope: envelope.order_notional_max),
    ("position notional", "usd", lambda envelope: envelope.position_notional_max),
    ("open notional", "usd", lambda envelope: envelope.open_notional_max),
    ("daily loss", "usd", lambda envelope: envelope.daily_loss_max),
    ("instruments", "count", lambda envelope: envelope.instruments_max),
    ("venues", "count", lambda envelope: envelope.venues_max),
    ("orders a minute", "count", lambda envelope: envelope.orders_per_minute_max),
)
"""Every figure of an envelope: its name, its unit and where it stands."""


def _use(name: str, unit: str, most: int, allowed: int | None) -> Use:
    return Use(
        name=name,
        unit=unit,
        most=most,
        allowed=allowed,
        is_kept=None if allowed is None else most <= allowed,
    )
