"""From an inequality to orders: detect, guard, size, approve, place; every no has a reason."""

from collections.abc import Iterable

from msgspec.structs import replace

from polyarb.domain.approval import Approved, Request
from polyarb.domain.book import BookFault, BookStatus
from polyarb.domain.ids import ConditionId, PlanId, derive_id
from polyarb.domain.messages import (
    Output,
    PlanApproved,
    PlanDenied,
    PlanSized,
    Stage,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family
from polyarb.domain.reasons import Denial, Guard
from polyarb.domain.units import MICRO
from polyarb.engine import detect, episodes, execute, faults, offers, risk, taken
from polyarb.engine.offers import MS, Firing, Offer, Terms
from polyarb.engine.state import EngineState, Episode, Watch

__all__ = ["MS", "Terms", "pursue"]

JOINT_REST_NS = 10 * 10**9
"""How long an episode lets a joint sizing rest: a programme may take a second to solve."""
_IN_DOUBT = frozenset(
    {Guard.UNSETTLED, Guard.CROSSED_BOOK, Guard.GAPPED, Guard.STALE, Guard.SKEWED}
)
"""Guards that say nobody can tell whether the inequality is true of the market."""
_NO_EPISODE = _IN_DOUBT | {Guard.INCOMPLETE}
"""Guards that say the inequality is not true of the market, only of what we hold of it."""


def pursue(state: EngineState, terms: Terms, watch: Watch, now_ns: int) -> list[Output]:
    """Evaluate every family of a watch on its settled tops."""
    outputs: list[Output] = []
    if watch.is_taken_from:
        taken.follow(watch)
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
    firing = Firing(watch, family, edge, edge_net)
    episode, opened = _episode(state, firing, now_ns)
    outputs += opened
    if reason is None and episode.joined_ns == now_ns:
        episode.joined_ns = 0
        state.census.tradable[family] += 1
        return outputs
    if reason is None and episode.is_planned:
        reason = Guard.ALREADY_PLANNED
    if reason is not None:
        return outputs + _deny(state, episode, Stage.GUARD, reason, now_ns)
    return outputs + _plan(state, terms, firing, now_ns)


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


def _episode(state: EngineState, firing: Firing, now_ns: int) -> tuple[Episode, list[Output]]:
    """Go on with the episode of a relation, or begin it and tell."""
    episode = firing.watch.episodes.get(firing.family)
    gross = firing.edge * MICRO
    net = firing.edge_net if firing.edge_net is not None else 0
    if episode is None:
        episode = episodes.open_episode(
            state, firing.watch, firing.family, edge_gross=gross, edge_net=net, now_ns=now_ns
        )
        return episode, [episodes.found(episode)]
    episode.false_since_ns, episode.is_doubted = 0, False
    episode.edge_gross_max = max(episode.edge_gross_max, gross)
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


def _plan(state: EngineState, terms: Terms, firing: Firing, now_ns: int) -> list[Output]:
    """Size what may be planned, alone and together with what shares its legs; order the best."""
    episode = firing.watch.episodes[firing.family]
    _watch_depth(firing.watch)
    own = offers.alone(terms, firing)
    rivals, joint = _contest(state, terms, own, now_ns)
    outputs: list[Output] = []
    for rival in rivals:
        ordered, denial = _seek_approval(state, terms, rival, now_ns)
        outputs += ordered
        if denial is None:
            _mark_joined(rival.firings, now_ns)
    choice = [offer for offer in (joint, own) if offer is not None and offer.plan.is_trade]
    if not choice:
        return outputs + _deny(state, episode, Stage.SIZE, _why_none(terms, own), now_ns)
    state.census.tradable[choice[0].plan.family] += 1
    for offer in choice:
        ordered, denial = _seek_approval(state, terms, offer, now_ns)
        outputs += ordered
        if denial is None:
            _mark_joined(offer.firings[1:], now_ns)
            return outputs
    assert denial is not None
    return outputs + _deny(state, episode, Stage.RISK, denial, now_ns)


def _contest(
    state: EngineState, terms: Terms, own: Offer, now_ns: int
) -> tuple[list[Offer], Offer | None]:
    """Weigh an offer against the other relations that fire on its legs.

    Return what must be ordered before it because it earns more on the same markets, or else the
    joint plan if one earns more than all that can go side by side.
    """
    (firing,) = own.firings
    if not state.is_free or firing.family not in terms.profile.families:
        return [], None
    others = offers.companions(terms, firing, now_ns)
    if not others:
        return [], None
    chosen = offers.side_by_side([own, *(offers.alone(terms, other) for other in others)])
    episode = firing.watch.episodes[firing.family]
    if now_ns >= episode.joint_after_ns:
        episode.joint_after_ns = now_ns + JOINT_REST_NS
        joint = offers.joint(terms, (firing, *others))
        if joint is not None and joint.plan.profit > sum(offer.plan.profit for offer in chosen):
            return [], joint
    meeting = [offer for offer in chosen if offer.ordered & own.ordered]
    return [offer for offer in meeting if offer is not own], None


def _mark_joined(firings: Iterable[Firing], now_ns: int) -> None:
    """Remember that relations were planned before their own turn of this moment came."""
    for firing in firings:
        firing.watch.episodes[firing.family].joined_ns = now_ns


def _watch_depth(watch: Watch) -> None:
    """Look at every change of a relation's books while its episode lasts."""
    for ladder in watch.ladders:
        ladder.is_watched = True


def _why_none(terms: Terms, own: Offer) -> str:
    """Say why nothing is to be had; that our own orders had it before is a reason of its own."""
    if not any(ladder.taken for ladder in own.ladders):
        return own.plan.reason
    whole = offers.alone(terms, own.firings[0], is_untouched=True).plan
    return Guard.ALREADY_TAKEN if whole.is_trade else whole.reason


def _seek_approval(
    state: EngineState, terms: Terms, offer: Offer, now_ns: int
) -> tuple[list[Output], Denial | None]:
    """Ask the risk stage and order what it approves; a denial is the caller's to tell.

    The episodes of every relation that the offer takes begin here if they have not yet.
    """
    outputs: list[Output] = []
    taking: list[Episode] = []
    for firing in offer.firings:
        episode, opened = _episode(state, firing, now_ns)
        taking.append(episode)
        outputs += opened
        _watch_depth(firing.watch)
    taking[0].quantity_max = max(taking[0].quantity_max, offer.plan.quantity)
    taking[0].profit_max = max(taking[0].profit_max, offer.plan.profit)
    request = _request(terms, offer, taking[0].opportunity_id, now_ns)
    risk.roll_day(state.exposure, now_ns)
    verdict = risk.approve(
        risk.Situation(
            request,
            state.exposure,
            state.trading,
            terms.profile,
            _under_way(state),
            venue_mode=state.venue_mode,
            is_clock_trusted=not state.clock_fault,
        )
    )
    if isinstance(verdict, Denial):
        return outputs, verdict
    for episode in taking:
        episode.is_planned, episode.reason = True, ""
    return outputs + _order(state, offer, verdict, taking), None


def _request(terms: Terms, offer: Offer, opportunity_id: str, now_ns: int) -> Request:
    first, *others = offer.firings
    return Request(
        plan_id=PlanId(derive_id("plan", opportunity_id, terms.config_digest)),
        plan=replace(offer.plan, problem_id=opportunity_id),
        relation_id=first.watch.relation_id,
        condition_ids=offer.condition_ids,
        fees=tuple(leg.fee for leg in offer.legs),
        best_prices=offer.best_prices,
        now_ns=now_ns,
        shared_with=tuple(one.watch.relation_id for one in others),
    )


def _order(
    state: EngineState, offer: Offer, approved: Approved[Request], taking: list[Episode]
) -> list[Output]:
    """Open the set of an approved plan, reserve what it may cost and command its orders."""
    request, exposure = approved.value, state.exposure
    now_ns = request.now_ns
    flight = execute.open_set(approved, offer.ladders)
    state.sets[flight.plan_id] = flight
    risk.reserve(
        exposure,
        flight.plan_id,
        relation_id=flight.relation_id,
        condition_ids=flight.condition_ids,
        reserved=flight.reserved,
        shared_with=request.shared_with,
    )
    risk.record_orders(exposure, len(flight.orders), now_ns)
    return [
        PlanSized(
            receive_time_ns=now_ns,
            plan_id=request.plan_id,
            opportunity_id=taking[0].opportunity_id,
            relation_id=request.relation_id,
            condition_ids=request.condition_ids,
            plan=request.plan,
            joint_with=tuple(episode.opportunity_id for episode in taking[1:]),
            shared_with=request.shared_with,
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
