"""What could be ordered now: one relation sized alone, or several that share legs sized as one.

Books are sized less what our own orders took of them. A joint plan is offered only where it earns
more than the best plans of its relations that can go side by side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue
from polyarb.domain.plan import (
    Bond,
    Constraints,
    Family,
    JointProblem,
    JointReason,
    JointRelation,
    Leg,
    Outcome,
    Plan,
    PlannedOrder,
    Problem,
    Side,
    SizeReason,
)
from polyarb.domain.units import MICRO, PICO
from polyarb.engine import books, detect, taken
from polyarb.engine.size import size, size_joint
from polyarb.engine.state import Ladder, Watch

MS = 1_000_000
CENT = 10_000
"""Micros: the step in which a too small plan's capital is raised towards the ceiling."""
ROUTES = {
    Family.NEGRISK_NO: (Family.NEGRISK_NO, Family.NEGRISK_SPLIT),
}
"""Ways to take one opportunity; they hit the same resting orders, so only one is ever taken."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What decisions go by; of it only the catalogue changes during a run."""

    catalogue: Catalogue
    profile: Profile
    config_digest: str


@dataclass(frozen=True, slots=True)
class Firing:
    """A relation whose inequality holds and that no guard refuses.

    Units: edge in micros and edge_net in picos, both a set.
    """

    watch: Watch
    family: Family
    edge: int
    edge_net: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan over the books of its legs, and the relations that it takes, its own first."""

    firings: tuple[Firing, ...]
    plan: Plan
    ladders: tuple[Ladder, ...]
    legs: tuple[Leg, ...]

    @property
    def condition_ids(self) -> tuple[ConditionId, ...]:
        """List the markets of its legs."""
        return tuple(ladder.condition_id for ladder in self.ladders)

    @property
    def ordered(self) -> frozenset[ConditionId]:
        """Name the markets in which it has an order."""
        return frozenset(self.ladders[order.leg].condition_id for order in self.plan.orders)

    @property
    def best_prices(self) -> tuple[int, ...]:
        """List the best price of the token that each order trades, in micros."""
        return tuple(_best_price(self.legs[order.leg], order) for order in self.plan.orders)


def alone(terms: Terms, firing: Firing, *, is_untouched: bool = False) -> Offer:
    """Size every route of one relation and keep the one that earns most.

    is_untouched pretends that none of our own orders ever took anything.
    """
    ladders = tuple(firing.watch.ladders)
    legs = _legs(ladders, (firing,), is_untouched=is_untouched)
    plans = [
        _climb(terms, firing, family, legs)
        for family in ROUTES.get(firing.family, (firing.family,))
    ]
    return Offer((firing,), max(plans, key=lambda plan: plan.profit), ladders, legs)


def companions(terms: Terms, firing: Firing, now_ns: int) -> list[Firing]:
    """Find the other relations that could be planned now and share legs, also through others."""
    found, seen = [firing], {firing.watch}
    for one in found:
        for ladder in detect.legs_of(one.watch, one.family):
            for watch, _leg in ladder.watches:
                if watch not in seen:
                    seen.add(watch)
                    found += _fires(terms, watch, now_ns)
    return found[1:]


def joint(terms: Terms, firings: Sequence[Firing]) -> Offer | None:
    """Size relations as one portfolio within the trade size, or None where none earns.

    Only the markets in which it has an order are its legs.
    """
    ladders = tuple(dict.fromkeys(ladder for one in firings for ladder in one.watch.ladders))
    legs = _legs(ladders, firings)
    position = {ladder: number for number, ladder in enumerate(ladders)}
    relations = tuple(
        JointRelation(
            bond=_bond(one.watch), legs=tuple(position[ladder] for ladder in one.watch.ladders)
        )
        for one in firings
    )
    answer = size_joint(
        JointProblem(
            id=firings[0].watch.relation_id,
            legs=legs,
            relations=relations,
            constraints=_constraints(terms, ladders, terms.profile.sizing.trade_size),
        )
    )
    if answer.reason is not JointReason.OK:
        return None
    kept = sorted({order.leg for order in answer.orders})
    plan = Plan(
        problem_id=answer.problem_id,
        family=firings[0].family,
        reason=SizeReason.OK,
        quantity=answer.payoff // PICO,
        profit=answer.profit,
        capital=answer.capital,
        payoff=answer.payoff,
        orders=tuple(replace(order, leg=kept.index(order.leg)) for order in answer.orders),
        states=tuple(dict.fromkeys(tuple(state[leg] for leg in kept) for state in answer.states)),
    )
    return Offer(
        tuple(firings),
        plan,
        tuple(ladders[leg] for leg in kept),
        tuple(legs[leg] for leg in kept),
    )


def side_by_side(offers: Iterable[Offer]) -> list[Offer]:
    """Choose trades that meet in no market, the one that earns most first."""
    chosen: list[Offer] = []
    used: set[ConditionId] = set()
    for offer in sorted(offers, key=lambda one: -one.plan.profit):
        if offer.plan.is_trade and used.isdisjoint(offer.ordered):
            chosen.append(offer)
            used |= offer.ordered
    return chosen


def _fires(terms: Terms, watch: Watch, now_ns: int) -> list[Firing]:
    """Tell for which family a relation could be planned now: for none, or for one."""
    guards = terms.profile.guards
    oldest = now_ns - guards.content_age_ms_max * MS
    for family, detector in watch.looks:
        edge = detector(watch)
        if edge <= 0 or family not in terms.profile.families:
            continue
        episode = watch.episodes.get(family)
        if episode is not None and episode.is_planned:
            continue
        look = detect.Look(watch, family, detect.edge_net(watch, family), terms.catalogue, guards)
        if any(ladder.receive_time_ns < oldest for ladder in look.legs()):
            continue
        if detect.guard(look) is None:
            return [Firing(watch, family, edge, look.edge_net)]
    return []


def _bond(watch: Watch) -> Bond:
    """Say what binds the legs of a relation; a group with a gap may resolve to none of them."""
    if Family.NEGRISK_NO not in watch.families:
        return Bond.NESTED
    return Bond.EXCLUSIVE if watch.gap else Bond.PARTITION


def _climb(terms: Terms, firing: Firing, family: Family, legs: tuple[Leg, ...]) -> Plan:
    """Size to the trade size; below the smallest legal set, to that set within the ceiling."""
    sizing, watch = terms.profile.sizing, firing.watch

    def at(capital: int) -> Plan:
        return size(
            Problem(
                id=watch.relation_id,
                family=family,
                legs=legs,
                constraints=_constraints(terms, watch.ladders, capital),
                exhaustive=not watch.gap,
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


def _constraints(terms: Terms, ladders: Sequence[Ladder], capital: int) -> Constraints:
    sizing = terms.profile.sizing
    return Constraints(
        size_min=max(ladder.market.size_min or 0 for ladder in ladders),
        notional_min=sizing.notional_min,
        capital=capital,
        gas=sizing.gas_per_plan,
    )


def _legs(
    ladders: Sequence[Ladder], firings: Sequence[Firing], *, is_untouched: bool = False
) -> tuple[Leg, ...]:
    """Take the books that guards looked at; any other is as good as empty."""
    wanted = {ladder for one in firings for ladder in detect.legs_of(one.watch, one.family)}
    return tuple(
        _leg(ladder, is_untouched)
        if ladder in wanted
        else Leg(fee=NO_FEE, name=ladder.market.question)
        for ladder in ladders
    )


def _leg(ladder: Ladder, is_untouched: bool) -> Leg:
    depth, fee = books.depth_of(ladder), ladder.market.fee
    assert fee is not None, "guards let no unknown fee through"
    if not is_untouched:
        depth = taken.free(ladder, depth)
    return Leg(fee=fee, asks=depth.asks, bids=depth.bids, name=ladder.market.question)


def _best_price(leg: Leg, order: PlannedOrder) -> int:
    if order.outcome is Outcome.NO:
        return MICRO - leg.bids[0][0]
    return leg.asks[0][0] if order.side is Side.BUY else leg.bids[0][0]
