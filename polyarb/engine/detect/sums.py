"""Best-level filters of every family: integer sums of settled tops, exact and incremental."""

from collections.abc import Callable

from polyarb.domain.ids import ConditionId, RelationId
from polyarb.domain.market import Catalogue
from polyarb.domain.plan import Family
from polyarb.domain.units import ONE
from polyarb.engine.state import Ladder, Watch

GROUP_FAMILIES = (Family.NEGRISK_YES, Family.NEGRISK_NO)
"""What a neg-risk group is watched for; splitting is a route of the NO side, not a third kind."""


def update_leg(watch: Watch, leg: int, bid: int, ask: int) -> None:
    """Take one leg's settled top into the sums.

    Units: micros; bid 0 and ask ONE mean an empty side.
    """
    old_ask = watch.asks[leg]
    if ask != old_ask:
        watch.sum_asks += ask - old_ask
        watch.missing_asks += (ask == ONE) - (old_ask == ONE)
        watch.asks[leg] = ask
    old_bid = watch.bids[leg]
    if bid != old_bid:
        watch.sum_bids += bid - old_bid
        watch.bids[leg] = bid


def negrisk_yes(watch: Watch) -> int:
    """Compute 1 - the sum of the listed asks: what a set of every listed YES leaves.

    Units: micros a set, before fees; above 0 the inequality holds. Outcomes without an ask are
    left out, as a careless reader would; `guard` refuses such a set.
    """
    listed = len(watch.asks) - watch.missing_asks
    if listed < 2:
        return 0
    return ONE * (1 + watch.missing_asks) - watch.sum_asks


def negrisk_no(watch: Watch) -> int:
    """Compute the sum of the bids - 1: what selling every YES that has a bid leaves."""
    return watch.sum_bids - ONE


def implication(watch: Watch) -> int:
    """Compute the narrow bid - the wide ask of a pair in which narrow implies wide."""
    return watch.bids[1] - watch.asks[0]


def ladder(watch: Watch) -> int:
    """Compute the best of later bid - earlier ask over nested outcomes, widest first."""
    best: int = -ONE
    cheapest: int = ONE
    for bid, ask in zip(watch.bids, watch.asks, strict=True):
        cheapest = min(cheapest, ask)
        best = max(best, bid - cheapest)
    return best


DETECTORS: dict[Family, Callable[[Watch], int]] = {
    Family.NEGRISK_YES: negrisk_yes,
    Family.NEGRISK_NO: negrisk_no,
    Family.IMPLICATION: implication,
    Family.LADDER: ladder,
}
"""The edge before fees of each watched family, in micros a set; a binary sum is a crossed book."""


def build_watches(catalogue: Catalogue, ladders: dict[ConditionId, Ladder]) -> list[Watch]:
    """Build a watch for every group and relation and hang it on the ladders of its legs.

    A relation that names a market without a book, or one twice, is left out: nothing can be said
    of it.
    """
    watches = [
        Watch(
            RelationId(group.group_id),
            GROUP_FAMILIES,
            [ladders[condition_id] for condition_id in group.condition_ids],
            group.incomplete,
        )
        for group in catalogue.groups.values()
        if _is_told(group.condition_ids, ladders)
    ]
    watches += [
        Watch(
            relation.relation_id,
            (relation.family,),
            [ladders[condition_id] for condition_id in relation.condition_ids],
        )
        for relation in catalogue.relations.values()
        if _is_told(relation.condition_ids, ladders)
    ]
    for watch in watches:
        watch.looks = tuple((family, DETECTORS[family]) for family in watch.families)
        for leg, market_ladder in enumerate(watch.ladders):
            market_ladder.watches.append((watch, leg))
    return watches


def _is_told(condition_ids: tuple[ConditionId, ...], ladders: dict[ConditionId, Ladder]) -> bool:
    """Tell whether every market has a book, and none stands twice: its depth is there once."""
    is_once = len(set(condition_ids)) == len(condition_ids)
    return is_once and all(condition_id in ladders for condition_id in condition_ids)
