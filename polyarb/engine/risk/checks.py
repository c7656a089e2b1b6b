"""The risk checks, in order. A check returns a reason or None and never changes anything."""

from collections.abc import Callable
from dataclasses import dataclass

from polyarb.domain.approval import Approved, Request, worst_cost
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import Profile
from polyarb.domain.order import TradingState
from polyarb.domain.plan import PlannedOrder
from polyarb.domain.reasons import Denial
from polyarb.domain.units import ATTO, MICRO, PICO, cost_up
from polyarb.domain.venue import VenueMode
from polyarb.engine.state import Exposure

MINUTE_NS = 60 * 10**9
VENUES_USED = 1


@dataclass(frozen=True, slots=True)
class Situation:
    """What a check may look at; under_way are the markets with an order not yet final."""

    request: Request
    exposure: Exposure
    trading: TradingState
    profile: Profile
    under_way: frozenset[ConditionId] = frozenset()
    venue_mode: VenueMode = VenueMode.OK
    is_clock_trusted: bool = True


def approve(situation: Situation) -> Approved[Request] | Denial:
    """Run every check; the first that refuses is the answer."""
    for check in RISK_CHECKS:
        reason = check(situation)
        if reason is not None:
            return reason
    return Approved(situation.request)


def is_active(situation: Situation) -> Denial | None:
    """Nothing that adds risk leaves unless trading is ACTIVE."""
    return None if situation.trading is TradingState.ACTIVE else Denial.NOT_ACTIVE


def is_open(situation: Situation) -> Denial | None:
    """Orders that take are refused by the venue in any mode but one."""
    return None if situation.venue_mode is VenueMode.OK else Denial.VENUE_RESTRICTED


def has_true_time(situation: Situation) -> Denial | None:
    """By a wrong clock nobody can tell how old a book is."""
    return None if situation.is_clock_trusted else Denial.CLOCK_WRONG


def is_enabled(situation: Situation) -> Denial | None:
    """The profile names the families that may trade."""
    enabled = situation.request.plan.family in situation.profile.families
    return None if enabled else Denial.FAMILY_DISABLED


def has_edge(situation: Situation) -> Denial | None:
    """Profit over capital reaches the profile's threshold."""
    plan = situation.request.plan
    needed = situation.profile.sizing.edge_fraction_min * plan.capital
    return None if plan.profit * MICRO >= needed else Denial.EDGE_TOO_SMALL


def is_within_slippage(situation: Situation) -> Denial | None:
    """No order walks further from its best price than the profile allows."""
    fraction = situation.profile.sizing.slippage_fraction_max
    pairs = zip(situation.request.plan.orders, situation.request.best_prices, strict=True)
    far = any(abs(order.price_limit - best) * MICRO > fraction * best for order, best in pairs)
    return Denial.SLIPPAGE if far else None


def is_within_trade_size(situation: Situation) -> Denial | None:
    """A plan needs no more capital than the trade size's ceiling."""
    capital = cost_up(situation.request.plan.capital, ATTO)
    over = capital > situation.profile.sizing.trade_size_ceiling
    return Denial.TRADE_SIZE if over else None


def _notional(order: PlannedOrder, fee: FeeSchedule) -> int:
    return max(worst_cost(order, fee), cost_up(order.price_limit * order.shares, PICO))


def is_within_order_notional(situation: Situation) -> Denial | None:
    """No single order is worth more than the envelope allows, at its limit and with its fee."""
    request = situation.request
    limit = situation.profile.envelope.order_notional_max
    over = any(_notional(order, request.fees[order.leg]) > limit for order in request.plan.orders)
    return Denial.ORDER_NOTIONAL if over else None


def is_within_position(situation: Situation) -> Denial | None:
    """The sum of open plans of every relation of the plan stays below the position limit."""
    request, by_relation = situation.request, situation.exposure.by_relation
    free = situation.profile.envelope.position_notional_max - request.reserved
    over = any(by_relation[relation_id] > free for relation_id in request.relation_ids)
    return Denial.POSITION_NOTIONAL if over else None


def is_within_open_notional(situation: Situation) -> Denial | None:
    """The sum of all open plans stays below the envelope."""
    total = situation.exposure.open_notional + situation.request.reserved
    over = total > situation.profile.envelope.open_notional_max
    return Denial.OPEN_NOTIONAL if over else None


def has_free_legs(situation: Situation) -> Denial | None:
    """No order meets a book of which another order of ours may be taking the same shares."""
    markets = situation.under_way.intersection(situation.request.ordered)
    return Denial.LEG_UNDER_WAY if markets else None


def is_within_instruments(situation: Situation) -> Denial | None:
    """The number of markets with open exposure stays below the envelope."""
    markets = set(situation.exposure.by_market) | set(situation.request.ordered)
    over = len(markets) > situation.profile.envelope.instruments_max
    return Denial.INSTRUMENTS if over else None


def is_within_venues(situation: Situation) -> Denial | None:
    """The envelope allows the one venue that orders go to."""
    over = situation.profile.envelope.venues_max < VENUES_USED
    return Denial.VENUES if over else None


def is_within_order_rate(situation: Situation) -> Denial | None:
    """Orders of the last minute and of this plan stay below the envelope."""
    since = situation.request.now_ns - MINUTE_NS
    recent = sum(time_ns > since for time_ns in situation.exposure.order_times_ns)
    total = recent + len(situation.request.plan.orders)
    over = total > situation.profile.envelope.orders_per_minute_max
    return Denial.ORDER_RATE if over else None


def is_within_daily_loss(situation: Situation) -> Denial | None:
    """No new plan on a UTC day that has lost its limit."""
    lost = -situation.exposure.day_pnl >= situation.profile.envelope.daily_loss_max
    return Denial.DAILY_LOSS if lost else None


RISK_CHECKS: tuple[Callable[[Situation], Denial | None], ...] = (
    is_active,
    is_open,
    has_true_time,
    is_enabled,
    has_edge,
    is_within_slippage,
    is_within_trade_size,
    is_within_order_notional,
    is_within_position,
    is_within_open_notional,
    has_free_legs,
    is_within_instruments,
    is_within_venues,
    is_within_order_rate,
    is_within_daily_loss,
)
