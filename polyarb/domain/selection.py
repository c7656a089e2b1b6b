"""Which markets of the instrument master a run looks at: rules over what is known, no clock.

Markets that stand in one neg-risk group or one relation are one *bundle*: it is taken or left
whole, because a sum can only be judged with all its legs. What cannot be traded falls out first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from polyarb.domain.fees import RATE_SCALE
from polyarb.domain.ids import ConditionId, GroupId, RelationId, condition_key
from polyarb.domain.instruments import Instrument, Instruments
from polyarb.domain.market import Catalogue, MarketGroup, Relation
from polyarb.domain.units import MICRO
from polyarb.domain.venue import Universe

_MS_PER_MINUTE = 60_000
_MICROS_PER_RATE = MICRO // RATE_SCALE


class Unselected(StrEnum):
    """Why a market is not watched; the first that applies, in this order."""

    NOT_TRADABLE = "NOT_TRADABLE"
    DENIED = "DENIED"
    EXPIRY = "EXPIRY"
    FEE_RATE = "FEE_RATE"
    NO_GROUP = "NO_GROUP"
    VOLUME = "VOLUME"
    LIQUIDITY = "LIQUIDITY"
    BEYOND_MAX = "BEYOND_MAX"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The markets to watch, best bundle first, and why each other one is not among them."""

    selected: tuple[ConditionId, ...] = ()
    left: dict[ConditionId, Unselected] = {}


@dataclass(frozen=True, slots=True)
class _Bundle:
    """Tradable markets that stand or fall together. Units: micros of a USD."""

    members: tuple[Instrument, ...]
    is_allowed: bool
    is_denied: bool

    @property
    def volume(self) -> int:
        return sum(member.volume_24h or 0 for member in self.members)

    @property
    def liquidity(self) -> int:
        return sum(member.liquidity or 0 for member in self.members)

    @property
    def condition_ids(self) -> tuple[ConditionId, ...]:
        return tuple(member.market.condition_id for member in self.members)


def select(
    instruments: Instruments,
    universe: Universe,
    relations: Mapping[RelationId, Relation],
    *,
    now_ms: int,
) -> Selection:
    """Choose the markets to watch; the answer depends on nothing but the arguments.

    An unknown volume or liquidity counts as none, an unknown end date as too close.
    """
    left: dict[ConditionId, Unselected] = {
        condition_id: Unselected.NOT_TRADABLE
        for condition_id, instrument in instruments.instruments.items()
        if instrument.market.untradable() is not None
    }
    good: list[_Bundle] = []
    for bundle in _bundles(instruments, relations, universe):
        reason = _obstacle(bundle, universe, now_ms)
        if reason is None:
            good.append(bundle)
        else:
            left.update(dict.fromkeys(bundle.condition_ids, reason))
    selected: list[ConditionId] = []
    for bundle in sorted(good, key=_rank):
        if len(selected) + len(bundle.members) <= universe.markets_max:
            selected += bundle.condition_ids
        else:
            left.update(dict.fromkeys(bundle.condition_ids, Unselected.BEYOND_MAX))
    return Selection(selected=tuple(selected), left=left)


def watched_catalogue(
    instruments: Instruments,
    selected: Iterable[ConditionId],
    relations: Mapping[RelationId, Relation],
) -> Catalogue:
    """Cut the catalogue of a run out of the master.

    A group of which not every leg is watched is told as incomplete: its YES side is no full set,
    the NO side of the watched legs still is one.
    """
    chosen = set(selected)
    markets = {
        condition_id: instrument.market
        for condition_id, instrument in sorted(instruments.instruments.items())
        if condition_id in chosen
    }
    groups = {
        group_id: cut
        for group_id, group in sorted(instruments.groups.items())
        if (cut := _cut(group, chosen)).condition_ids
    }
    known = {
        relation_id: relation
        for relation_id, relation in relations.items()
        if all(condition_id in markets for condition_id in relation.condition_ids)
    }
    return Catalogue(markets=markets, groups=groups, relations=known)


def _cut(group: MarketGroup, chosen: set[ConditionId]) -> MarketGroup:
    kept = tuple(each for each in group.condition_ids if each in chosen)
    if len(kept) == len(group.condition_ids):
        return group
    told = f"{len(kept)} of its {len(group.condition_ids)} markets are watched"
    return msgspec.structs.replace(group, condition_ids=kept, incomplete=group.incomplete or told)


def _obstacle(bundle: _Bundle, universe: Universe, now_ms: int) -> Unselected | None:
    """Name the first rule that a bundle of tradable markets does not meet."""
    if bundle.is_denied:
        return Unselected.DENIED
    if bundle.is_allowed:
        return None
    rates = universe.fee_rates
    tests = (
        (_is_close(bundle, universe, now_ms), Unselected.EXPIRY),
        (rates and any(_rate(each) not in rates for each in bundle.members), Unselected.FEE_RATE),
        (universe.groups_only and len(bundle.members) < 2, Unselected.NO_GROUP),
        (bundle.volume < universe.volume_24h_min, Unselected.VOLUME),
        (bundle.liquidity < universe.liquidity_min, Unselected.LIQUIDITY),
    )
    return next((reason for failed, reason in tests if failed), None)


def _is_close(bundle: _Bundle, universe: Universe, now_ms: int) -> bool:
    """Tell whether a market of the bundle ends too soon, has ended, or does not say."""
    if not universe.expiry_blackout_min:
        return False
    latest_ms = now_ms + universe.expiry_blackout_min * _MS_PER_MINUTE
    return any(
        member.end_time_ms is None or member.end_time_ms <= latest_ms for member in bundle.members
    )


def _rate(instrument: Instrument) -> int:
    fee = instrument.market.fee
    assert fee is not None, "a market with an unknown fee is not tradable"
    return fee.rate * _MICROS_PER_RATE


def _rank(bundle: _Bundle) -> tuple[bool, int, int, ConditionId]:
    """Order bundles: allowed ones first, then by turnover, then by what rests."""
    return (
        not bundle.is_allowed,
        -bundle.volume,
        -bundle.liquidity,
        min(bundle.condition_ids),
    )


def _bundles(
    instruments: Instruments, relations: Mapping[RelationId, Relation], universe: Universe
) -> list[_Bundle]:
    """Put tradable markets together that share a group or a relation, directly or over others."""
    tradable = {
        condition_id: instrument
        for condition_id, instrument in instruments.instruments.items()
        if instrument.market.untradable() is None
    }
    allowed = frozenset(map(condition_key, universe.allow))
    denied = frozenset(map(condition_key, universe.deny))
    whole = [group.condition_ids for group in instruments.groups.values()]
    whole += [relation.condition_ids for relation in relations.values()]
    joined = [legs for each in whole if (legs := [one for one in each if one in tradable])]
    roots = _roots(tradable, joined)
    members: dict[ConditionId, list[Instrument]] = {}
    for condition_id, instrument in tradable.items():
        members.setdefault(_root(roots, condition_id), []).append(instrument)
    # A denied leg that is not tradable denies its group, too: the operator meant the group.
    groups_denied = _groups_named(instruments, denied)
    return [
        _Bundle(
            members=tuple(sorted(each, key=lambda one: one.market.condition_id)),
            is_allowed=any(_is_named(one, allowed) for one in each),
            is_denied=any(
                _is_named(one, denied) or one.market.group_id in groups_denied for one in each
            ),
        )
        for each in members.values()
    ]


def _groups_named(instruments: Instruments, names: frozenset[str]) -> frozenset[GroupId]:
    if not names:
        return frozenset()
    return frozenset(
        group_id
        for each in instruments.instruments.values()
        if (group_id := each.market.group_id) is not None and _is_named(each, names)
    )


def _is_named(instrument: Instrument, names: frozenset[str]) -> bool:
    market = instrument.market
    return bool(names) and (
        condition_key(market.condition_id) in names
        or market.slug.lower() in names
        or (market.group_id is not None and market.group_id.lower() in names)
    )


def _roots(
    tradable: Iterable[ConditionId], joined: Iterable[list[ConditionId]]
) -> dict[ConditionId, ConditionId]:
    """Build the forest in which every market leads to the root of its bundle."""
    roots = {condition_id: condition_id for condition_id in tradable}
    for first, *others in joined:
        for other in others:
            roots[_root(roots, other)] = _root(roots, first)
    return roots


def _root(roots: dict[ConditionId, ConditionId], condition_id: ConditionId) -> ConditionId:
    while roots[condition_id] != condition_id:
        roots[condition_id] = roots[roots[condition_id]]
        condition_id = roots[condition_id]
    return condition_id
