"""Another catalogue in the midst of a run: new books and relations, other facts, markets that left.

Nothing is forgotten: a market that left has no book, so that nothing fires on it.
"""

from collections.abc import Iterable

from polyarb.domain.ids import RelationId
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import Output
from polyarb.domain.surroundings import CatalogueChange
from polyarb.engine import books, detect, faults
from polyarb.engine.state import EngineState, Ladder, Watch


def change(state: EngineState, changed: CatalogueChange, now_ns: int) -> list[Output]:
    """Take new facts and relations; what a relation that is told anew had open ends here."""
    outputs = _retire(state, _ids_of(changed), now_ns)
    for market in changed.markets:
        _take(state, market)
    told = Catalogue(
        groups={one.group_id: one for one in changed.groups},
        relations={one.relation_id: one for one in changed.relations},
    )
    for watch in detect.build_watches(told, state.ladders):
        state.watches.append(watch)
        _begin(watch)
    return outputs


def _ids_of(changed: CatalogueChange) -> frozenset[RelationId]:
    groups = (*(one.group_id for one in changed.groups), *changed.groups_removed)
    return frozenset((*map(RelationId, groups), *(one.relation_id for one in changed.relations)))


def _retire(state: EngineState, gone: Iterable[RelationId], now_ns: int) -> list[Output]:
    """Let relations fire no more; what is in flight of them goes on by itself."""
    names = frozenset(gone)
    retired = [watch for watch in state.watches if watch.relation_id in names]
    outputs: list[Output] = []
    for watch in retired:
        outputs += faults.close(list(watch.episodes.values()), now_ns)
        for ladder in watch.ladders:
            ladder.watches = [pair for pair in ladder.watches if pair[0] is not watch]
    state.watches = [watch for watch in state.watches if watch not in retired]
    return outputs


def _take(state: EngineState, market: Market) -> None:
    """Begin a book, or take the facts of a market; another tick is another tick epoch."""
    ladder = state.ladders.get(market.condition_id)
    if ladder is None:
        state.ladders[market.condition_id] = Ladder(market)
        return
    ladder.market = market
    if market.tick is not None and market.tick != ladder.tick:
        books.set_tick(ladder, market.tick)


def _begin(watch: Watch) -> None:
    """Let a relation know the settled tops of books that are there already."""
    for leg, ladder in enumerate(watch.ladders):
        detect.update_leg(watch, leg, ladder.settled_bid, ladder.settled_ask)
        watch.is_taken_from |= bool(ladder.taken)
