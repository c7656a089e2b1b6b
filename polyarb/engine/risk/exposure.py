"""What is at risk: reservations of open plans, the day's result, the run of failures."""

from polyarb.domain.ids import ConditionId, PlanId, RelationId
from polyarb.domain.limits import Breaker
from polyarb.domain.units import MICRO
from polyarb.engine.state import Exposure

DAY_NS = 86_400 * 10**9
MINUTE_NS = 60 * 10**9


def reserve(
    exposure: Exposure,
    plan_id: PlanId,
    *,
    relation_id: RelationId,
    condition_ids: tuple[ConditionId, ...],
    reserved: int,
    shared_with: tuple[RelationId, ...] = (),
) -> None:
    """Count a plan as fully filled from before its orders leave, against each of its relations."""
    exposure.by_plan[plan_id] = reserved
    if shared_with:
        exposure.shared[plan_id] = shared_with
    for each_id in (relation_id, *shared_with):
        exposure.by_relation[each_id] += reserved
    for condition_id in condition_ids:
        exposure.by_market[condition_id] += 1
    exposure.open_notional += reserved


def release(
    exposure: Exposure,
    plan_id: PlanId,
    *,
    relation_id: RelationId,
    condition_ids: tuple[ConditionId, ...],
) -> None:
    """Free what a finished plan had reserved."""
    reserved = exposure.by_plan.pop(plan_id)
    for each_id in (relation_id, *exposure.shared.pop(plan_id, ())):
        exposure.by_relation[each_id] -= reserved
    for condition_id in condition_ids:
        exposure.by_market[condition_id] -= 1
        if not exposure.by_market[condition_id]:
            del exposure.by_market[condition_id]
    exposure.open_notional -= reserved


def roll_day(exposure: Exposure, now_ns: int) -> None:
    """Begin a new day's result at UTC midnight; a clock that steps back begins none."""
    day = now_ns // DAY_NS
    if day > exposure.day:
        exposure.day, exposure.day_pnl = day, 0


def record_outcome(exposure: Exposure, is_failure: bool, window: int) -> None:
    """Remember whether a set completed or broke, for the breaker."""
    exposure.failures.append(is_failure)
    while len(exposure.failures) > window:
        exposure.failures.popleft()
    exposure.consecutive_failures = exposure.consecutive_failures + 1 if is_failure else 0


def record_orders(exposure: Exposure, orders: int, now_ns: int) -> None:
    """Remember when orders left, for the limit of orders a minute."""
    times = exposure.order_times_ns
    times.extend([now_ns] * orders)
    while times and times[0] <= now_ns - MINUTE_NS:
        times.popleft()


def breaker_reason(exposure: Exposure, breaker: Breaker) -> str:
    """Say why broken sets must stop trading, or nothing."""
    if exposure.consecutive_failures >= breaker.consecutive_failures_max:
        return f"{exposure.consecutive_failures} sets in a row broke"
    attempts, failed = len(exposure.failures), sum(exposure.failures)
    is_over = failed * MICRO >= breaker.failure_fraction_max * attempts
    if attempts == breaker.failure_window and is_over:
        return f"{failed} of the last {attempts} sets broke"
    return ""


def reset_breaker(exposure: Exposure) -> None:
    """Forget failures once a person has allowed trading again."""
    exposure.failures.clear()
    exposure.consecutive_failures = 0
