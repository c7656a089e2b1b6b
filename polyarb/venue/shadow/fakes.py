"""Books that somebody sets by hand, for tests of what is matched against them."""

from polyarb.domain.book import Depth
from polyarb.domain.ids import ConditionId
from polyarb.domain.market import Market
from polyarb.domain.messages import BookReplaced, LevelChanged
from polyarb.domain.plan import Level, Outcome
from polyarb.domain.units import ONE
from polyarb.domain.venue import VenueMode


class FakeBooks:
    """Implements the port Books; every change returns the event that it stands for."""

    def __init__(self) -> None:
        self.venue_mode = VenueMode.OK
        self.markets: dict[ConditionId, Market] = {}
        self._depths: dict[ConditionId, Depth] = {}

    def depth(self, condition_id: ConditionId) -> Depth | None:
        """Return what was set, or None."""
        return self._depths.get(condition_id)

    def market(self, condition_id: ConditionId) -> Market | None:
        """Return what was set in `markets`, or None."""
        return self.markets.get(condition_id)

    def replace(
        self,
        condition_id: ConditionId,
        *,
        bids: tuple[Level, ...] = (),
        asks: tuple[Level, ...] = (),
    ) -> BookReplaced:
        """Set a whole book, levels in any order."""
        depth = Depth(bids=tuple(sorted(bids, reverse=True)), asks=tuple(sorted(asks)))
        self._depths[condition_id] = depth
        return BookReplaced(
            receive_time_ns=0,
            condition_id=condition_id,
            outcome=Outcome.YES,
            bids=depth.bids,
            asks=depth.asks,
            venue_time_ns=0,
        )

    def change(
        self, condition_id: ConditionId, *, is_bid: bool, price: int, size: int
    ) -> LevelChanged:
        """Set one level; size 0 removes it."""
        depth = self._depths[condition_id]
        levels = {**dict(depth.bids if is_bid else depth.asks), price: size}
        changed = tuple((at, left) for at, left in levels.items() if left)
        bids, asks = (changed, depth.asks) if is_bid else (depth.bids, changed)
        self.replace(condition_id, bids=bids, asks=asks)
        kept = self._depths[condition_id]
        return LevelChanged(
            receive_time_ns=0,
            condition_id=condition_id,
            is_bid=is_bid,
            price=price,
            size=size,
            best_bid=kept.bids[0][0] if kept.bids else 0,
            best_ask=kept.asks[0][0] if kept.asks else ONE,
            venue_time_ns=0,
        )

    def lose(self, condition_id: ConditionId) -> None:
        """Make a book undecidable."""
        self._depths.pop(condition_id, None)
