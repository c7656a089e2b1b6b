"""From an inequality to orders: detect, guard, size, approve, place; every no has a reason."""

from dataclasses import dataclass

from polyarb.domain.approval import Request
from polyarb.domain.book import BookFault, BookStatus
from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId, PlanId, derive_id
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue
from polyarb.domain.messages import (
    Output,
    PlanApproved,
    PlanDenied,
    PlanSized,
    Stage,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import (
    Constraints,
    Family,
    Leg,
    Outcome,
    Plan,
    PlannedOrder,
    Problem,
    Side,
    SizeReason,
)
from polyarb.domain.reasons import Denial, Guard
from polyarb.domain.units import MICRO
from polyarb.engine import books, detect, episodes, execute, faults, risk
from polyarb.engine.size import size
from polyarb.engine.state import EngineState, Episode, Ladder, Watch

MS = 1_000_000
CENT = 10_000
"""Micros: the step in which a too small plan's capital is raised towards the ceiling."""
_IN_DOUBT = frozenset(
    {Guard.UNSETTLED, Guard.CROSSED_BOOK, Guard.GAPPED, Guard.STALE, Guard.SKEWED}
)
"""Guards that say nobody can tell whether the inequality is true of the market."""
_NO_EPISODE = _IN_DOUBT | {Guard.INCOMPLETE}
"""Guards that say the inequality is not true of the market, only of what we hold of it."""
_ROUTES = {
    Family.NEGRISK_NO: (Family.NEGRISK_NO, Family.NEGRISK_SPLIT),
}
"""Ways to take one opportunity; they hit the same resting orders, so only one is ever taken."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What does not change during a run."""

    catalogue: Catalogue
    profile: Profile
    config_digest: str


def pursue(state: EngineState, terms: Terms, watch: Watch, now_ns: int) -> list[Output]:
    """Evaluate every family of a watch on its settled tops."""
    outputs: list[Output] = []
    for family, detector in watch.looks:
        edge = detector(watch)
        if edge > 0:
            state.census.raw_hits[family] += 1
            outputs += _judge(state, terms, watch, family=family, edge=edge, now_ns=now_ns)
        else:
            _fade(state, terms, watch.episodes.get(family), now_ns)
    return outputs


def _fade(
    state: EngineState,
    terms: Terms,
    episode: Episode | None,
    now_ns: int,
    *,
    is_doubted: bool = False,
) -> None:
    """Note when an inequality ceased, or could not be seen any more; after the gap it ends."""
    if episode is not None and not episode.false_since_ns:
        episode.false_since_ns = now_ns
        episode.is_doubted = is_doubted
        state.schedule(now_ns + terms.profile.guards.episode_gap_ms * MS, episode)


def _judge(
    state: EngineState, terms: Terms, watch: Watch, *, family: Family, edge: int, now_ns: int
) -> list[Output]:
    outputs = _drop_stale(state, terms, watch, now_ns)
    if outputs:
        edge = detect.DETECTORS[family](watch)
    edge_net = detect.edge_net(watch, family)
    look = detect.Look(watch, family, edge_net, terms.catalogue, terms.profile.guards)
    reason = detect.guard(look) if edge > 0 else Guard.STALE
    if reason in _NO_EPISODE:
        state.census.rejected[reason] += 1
        is_doubted = reason in _IN_DOUBT
        _fade(state, terms, watch.episodes.get(family), now_ns, is_doubted=is_doubted)
        if reason is Guard.UNSETTLED:
            _await(look)
        return outputs
    episode, opened = _episode(
        state, watch, family, edge_gross=edge * MICRO, edge_net=edge_net, now_ns=now_ns
    )
    outputs += opened
    if reason is None and episode.is_planned:
        reason = Guard.ALREADY_PLANNED
    if reason is not None:
        return outputs + _deny(state, episode, Stage.GUARD, reason, now_ns)
    return outputs + _plan(state, terms, episode, now_ns)


def _drop_stale(state: EngineState, terms: Terms, watch: Watch, now_ns: int) -> list[Output]:
    """Invalidate legs whose content nobody has confirmed for too long."""
    oldest = now_ns - terms.profile.guards.content_age_ms_max * MS
    outputs: list[Output] = []
    for ladder in watch.ladders:
        if ladder.status is BookStatus.LIVE and ladder.receive_time_ns < oldest:
            outputs += faults.invalidate(state, ladder, BookFault.CONTENT_STALE, now_ns)
    return outputs


def _await(look: detect.Look) -> None:
    """Look again when a leg settles, even if its top will be what it was."""
    for ladder in look.legs():
        ladder.is_awaited = ladder.is_awaited or ladder.unsettled


def _episode(
    state: EngineState,
    watch: Watch,
    family: Family,
    *,
    edge_gross: int,
    edge_net: int | None,
    now_ns: int,
) -> tuple[Episode, list[Output]]:
    episode = watch.episodes.get(family)
    net = edge_net if edge_net is not None else 0
    if episode is None:
        episode = episodes.open_episode(
            state, watch, family, edge_gross=edge_gross, edge_net=net, now_ns=now_ns
        )
        return episode, [episodes.found(episode)]
    episode.false_since_ns, episode.is_doubted = 0, False
    episode.edge_gross_max = max(episode.edge_gross_max, edge_gross)
    episode.edge_net_max = max(episode.edge_net_max, net)
    return episode, []


def _deny(
    state: EngineState, episode: Episode, stage: Stage, reason: str, now_ns: int
) -> list[Output]:
    """Count a no, and tell it once per reason and episode."""
    if stage is not Stage.RISK:
        state.census.rejected[reason] += 1
    if not episode.is_planned:
        episode.reason = reason
    if reason in episode.told:
        return []
    episode.told.add(reason)
    return [
        PlanDenied(
            receive_time_ns=now_ns,
            opportunity_id=episode.opportunity_id,
            family=episode.family,
            stage=stage,
            reason=reason,
        )
    ]


def _plan(state: EngineState, terms: Terms, episode: Episode, now_ns: int) -> list[Output]:
    watch = episode.watch
    for ladder in watch.ladders:
        ladder.is_watched = True
    plan, legs = _best_plan(terms, episode)
    if not plan.is_trade:
        return _deny(state, episode, Stage.SIZE, plan.reason, now_ns)
    state.census.tradable[plan.family] += 1
    episode.quantity_max = max(episode.quantity_max, plan.quantity)
    episode.profit_max = max(episode.profit_max, plan.profit)
    plan_id = PlanId(derive_id("plan", episode.opportunity_id, terms.config_digest))
    request = Request(
        plan_id=plan_id,
        plan=plan,
        relation_id=watch.relation_id,
        condition_ids=tuple(ladder.condition_id for ladder in watch.ladders),
        fees=tuple(leg.fee for leg in legs),
        best_prices=tuple(_best_price(legs[order.leg], order) for order in plan.orders),
        now_ns=now_ns,
    )
    return _seek_approval(state, terms, episode, request)


def _seek_approval(
    state: EngineState, terms: Terms, episode: Episode, request: Request
) -> list[Output]:
    exposure, now_ns = state.exposure, request.now_ns
    risk.roll_day(exposure, now_ns)
    verdict = risk.approve(
        risk.Situation(request, exposure, state.trading, terms.profile, _under_way(state))
    )
    if isinstance(verdict, Denial):
        return _deny(state, episode, Stage.RISK, verdict, now_ns)
    episode.is_planned, episode.reason = True, ""
    markets = [ladder.market for ladder in episode.watch.ladders]
    flight = execute.open_set(verdict, markets)
    state.sets[flight.plan_id] = flight
    risk.reserve(
        exposure,
        flight.plan_id,
        relation_id=flight.relation_id,
        condition_ids=flight.condition_ids,
        reserved=flight.reserved,
    )
    risk.record_orders(exposure, len(flight.orders), now_ns)
    return [
        PlanSized(
            receive_time_ns=now_ns,
            plan_id=request.plan_id,
            opportunity_id=episode.opportunity_id,
            relation_id=request.relation_id,
            condition_ids=request.condition_ids,
            plan=request.plan,
        ),
        PlanApproved(
            receive_time_ns=now_ns,
            plan_id=request.plan_id,
            reserved=flight.reserved,
            open_notional=exposure.open_notional,
        ),
        execute.place(flight, request.plan.profit, now_ns),
    ]


def _under_way(state: EngineState) -> frozenset[ConditionId]:
    """Name the markets in which an order of ours has not met its fate."""
    return frozenset(
        progress.intent.condition_id
        for flight in state.sets.values()
        if flight.status is SetStatus.LEGGING
        for progress in flight.orders.values()
    )


def _best_plan(terms: Terms, episode: Episode) -> tuple[Plan, tuple[Leg, ...]]:
    """Size every route of an opportunity and keep the one that earns most."""
    wanted = set(detect.legs_of(episode.watch, episode.family))
    legs = tuple(_leg(ladder, ladder in wanted) for ladder in episode.watch.ladders)
    plans = [
        _size(terms, episode, family, legs)
        for family in _ROUTES.get(episode.family, (episode.family,))
    ]
    return max(plans, key=lambda plan: plan.profit), legs


def _size(terms: Terms, episode: Episode, family: Family, legs: tuple[Leg, ...]) -> Plan:
    """Size to the trade size; below the smallest legal set, to that set within the ceiling."""
    sizing = terms.profile.sizing
    markets = [ladder.market for ladder in episode.watch.ladders]

    def at(capital: int) -> Plan:
        constraints = Constraints(
            size_min=max(market.size_min or 0 for market in markets),
            notional_min=sizing.notional_min,
            capital=capital,
            gas=sizing.gas_per_plan,
        )
        return size(
            Problem(
                id=episode.opportunity_id,
                family=family,
                legs=legs,
                constraints=constraints,
                exhaustive=not episode.watch.gap,
            )
        )

    plan = at(sizing.trade_size)
    if plan.reason is not SizeReason.INFEASIBLE:
        return plan
    low, high = sizing.trade_size, sizing.trade_size_ceiling
    plan = at(high)
    while high - low > CENT and plan.reason is not SizeReason.INFEASIBLE:
        middle = (low + high) // 2
        smaller = at(middle)
        if smaller.reason is SizeReason.INFEASIBLE:
            low = middle
        else:
            high, plan = middle, smaller
    return plan


def _leg(ladder: Ladder, is_wanted: bool) -> Leg:
    """Take a leg's book if the guards looked at it; any other is as good as empty."""
    if not is_wanted:
        return Leg(fee=NO_FEE, name=ladder.market.question)
    depth, fee = books.depth_of(ladder), ladder.market.fee
    assert fee is not None, "guards let no unknown fee through"
    return Leg(fee=fee, asks=depth.asks, bids=depth.bids, name=ladder.market.question)


def _best_price(leg: Leg, order: PlannedOrder) -> int:
    """Find the best price of the token that an order trades, in micros."""
    if order.outcome is Outcome.NO:
        return MICRO - leg.bids[0][0]
    return leg.asks[0][0] if order.side is Side.BUY else leg.bids[0][0]
