"""A recorded tape as the background book: our orders meet what was really quoted.

Accounts of the background place and cancel so that every book is the tape's plus our own orders.
What our orders take of a level stays taken until the tape tells another total of that level, which
then stands whole. A resting order of ours is filled when the tape quotes through it, never by a
recorded trade. The markets keep question, tick and fee, and get ids of the sandbox.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from polyarb.domain.fees import NO_FEE, FeeSchedule
from polyarb.domain.ids import ConditionId, OrderId
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import (
    BookReplaced,
    LevelChanged,
    LevelsChanged,
    MarketEvent,
    MarketResolved,
    TickChanged,
)
from polyarb.domain.units import MICRO, ONE, floor_to
from polyarb.ports import FAR_FUTURE_NS, Frame
from polyarb.venue.polymarket.instruments.gamma import TICKS
from polyarb.venue.sandbox.flow.accounts import Wallet, wallet_of
from polyarb.venue.sandbox.flow.desk import Desk, Quote
from polyarb.venue.sandbox.flow.founding import Founded, found
from polyarb.venue.sandbox.flow.scenario import (
    Category,
    EventKind,
    EventTerms,
    MarketTerms,
    Scenario,
)
from polyarb.venue.sandbox.terms.announcements import Announcement, OrderChanged
from polyarb.venue.sandbox.terms.instruments import ListedMarket
from polyarb.venue.sandbox.terms.orders import ExchangeMode, OrderRecord, OrderState
from polyarb.venue.sandbox.terms.ports import Faults
from polyarb.venue.sandbox.world import World

PURSE = 10**12 * MICRO
"""What the background holds, in micros of a USD: a tape's levels may be worth millions."""
_COARSEST_TICK = 10_000
_SIZE_MIN = 5 * MICRO
_SIZE_STEP = MICRO // 100

Place = tuple[bool, int]
"""A level of a book in YES terms: whether it is a bid, and its price in micros."""


def found_recorded(
    catalogue: Catalogue,
    frames: Iterable[Frame],
    *,
    seed: int,
    starts_ns: int,
    faults: Faults,
    name: str = "recorded",
) -> Founded:
    """Found a sandbox whose books are those of a tape; its first frame comes at the start."""
    founded = found(scenario_of(catalogue, name), seed=seed, starts_ns=starts_ns, faults=faults)
    listed = dict(zip(_in_order(catalogue), founded.listing.markets, strict=True))
    background = Background(founded.world, frames, listed, seed=seed)
    return msgspec.structs.replace(founded, flow=background)


def scenario_of(catalogue: Catalogue, name: str) -> Scenario:
    """Describe what a tape is of as a scenario without agents; a fee that is unknown is none."""
    fees = {_fee_name(market): market.fee or NO_FEE for market in catalogue.markets.values()}
    return Scenario(
        name=name,
        title=f"Recorded: {name}",
        categories=tuple(_category(fee_name, fee) for fee_name, fee in fees.items()),
        events=tuple(_event(catalogue, conditions) for conditions in _events(catalogue)),
    )


def _events(catalogue: Catalogue) -> Iterator[tuple[ConditionId, ...]]:
    """Yield the markets of every event: groups first, then each market that is in none."""
    grouped = {known for group in catalogue.groups.values() for known in group.condition_ids}
    for group in catalogue.groups.values():
        known = tuple(each for each in group.condition_ids if each in catalogue.markets)
        if known:
            yield known
    for condition_id in catalogue.markets:
        if condition_id not in grouped:
            yield (condition_id,)


def _in_order(catalogue: Catalogue) -> Iterator[ConditionId]:
    return (condition_id for event in _events(catalogue) for condition_id in event)


def _event(catalogue: Catalogue, conditions: tuple[ConditionId, ...]) -> EventTerms:
    first = catalogue.markets[conditions[0]]
    group = catalogue.groups.get(first.group_id) if first.group_id else None
    return EventTerms(
        slug=group.group_id if group else conditions[0],
        title=group.title if group else first.question,
        kind=EventKind.NEG_RISK if group else EventKind.PLAIN,
        category=_fee_name(first),
        convert_fee_bips=(group.convert_fee_bips or 0) if group else 0,
        markets=tuple(_terms(catalogue.markets[condition_id]) for condition_id in conditions),
    )


def _terms(market: Market) -> MarketTerms:
    return MarketTerms(
        slug=market.condition_id,
        question=market.question or market.condition_id,
        price=ONE // 2,
        tick=market.tick or _COARSEST_TICK,
        size_min=market.size_min or _SIZE_MIN,
    )


def _fee_name(market: Market) -> str:
    fee = market.fee or NO_FEE
    return f"fee {fee.rate} exponent {fee.exponent} hold {market.hold_ms}"


def _category(name: str, fee: FeeSchedule) -> Category:
    return Category(name=name, fee=fee, hold_ms=int(name.rpartition(" ")[2]))


class BackgroundCounts(msgspec.Struct):
    """What could not be mirrored: parts of levels below the least size, and refused quotes."""

    too_small: int = 0
    refused: int = 0


class Background:
    """Plays a tape into a world; it is the flow of that sandbox."""

    def __init__(
        self,
        world: World,
        frames: Iterable[Frame],
        listed: Mapping[ConditionId, ListedMarket],
        *,
        seed: int,
    ) -> None:
        self.counts = BackgroundCounts()
        self._world = world
        self._frames = iter(frames)
        desk = Desk(world, seed)
        self._mirrors = {
            condition_id: _Mirror(market, self._wallet(market, seed), desk, self.counts)
            for condition_id, market in listed.items()
        }
        self._owners = {mirror.wallet.owner: mirror for mirror in self._mirrors.values()}
        self._next = next(self._frames, None)
        self._shift_ns = world.now_ns - (self._next.receive_time_ns if self._next else 0)
        world.watch(self._hear)

    @property
    def next_due_ns(self) -> int:
        """Return when the next frame of the tape is due."""
        if self._next is None:
            return FAR_FUTURE_NS
        return self._next.receive_time_ns + self._shift_ns

    def advance(self, now_ns: int) -> None:
        """Play every frame that is due by now, each at its own time."""
        while (due_ns := self.next_due_ns) <= now_ns and self._next is not None:
            self._world.advance(max(due_ns, self._world.now_ns))
            self._world.tell()
            for event in self._next.events:
                self._play(event)
            self._next = next(self._frames, None)

    def _play(self, event: MarketEvent) -> None:
        mirror = self._mirrors.get(getattr(event, "condition_id", ConditionId("")))
        if mirror is None or mirror.is_over:
            return
        match event:
            case LevelChanged():
                mirror.change({(event.is_bid, event.price): event.size})
            case LevelsChanged():
                mirror.change({(is_bid, price): size for is_bid, price, size in event.changes})
            case BookReplaced():
                mirror.replace(event)
            case TickChanged():
                self._world.exchange.change_tick(mirror.market.condition_id, event.tick)
            case MarketResolved():
                is_yes = event.winner == mirror.market.yes
                self._world.resolve(mirror.market.condition_id, (ONE, 0) if is_yes else (0, ONE))
            case _:
                return
        self._world.tell()

    def _hear(self, announcements: Iterable[Announcement]) -> None:
        for announcement in announcements:
            if isinstance(announcement, OrderChanged):
                mirror = self._owners.get(announcement.order.owner)
                if mirror is not None:
                    mirror.take_note(announcement.order)

    def _wallet(self, market: ListedMarket, seed: int) -> Wallet:
        wallet = wallet_of(seed, f"background of {market.slug}")
        self._world.chain.found(wallet.address, pusd=PURSE, is_approved=True)
        return wallet


class _Mirror:
    """One market's background: what the tape told last, and the orders that stand for it."""

    def __init__(
        self, market: ListedMarket, wallet: Wallet, desk: Desk, counts: BackgroundCounts
    ) -> None:
        self.market = market
        self.wallet = wallet
        self._desk = desk
        self._counts = counts
        self._told: dict[Place, int] = {}
        self._standing: dict[Place, dict[OrderId, int]] = {}
        self._places: dict[OrderId, Place] = {}
        self._is_behind = False

    @property
    def is_over(self) -> bool:
        """Tell whether the market takes no more orders."""
        return self._desk.is_over(self.market)

    def replace(self, book: BookReplaced) -> None:
        """Take a whole book: the levels that it does not tell are gone."""
        totals = dict.fromkeys(self._told, 0)
        totals |= {(True, price): size for price, size in book.bids}
        totals |= {(False, price): size for price, size in book.asks}
        self.change(totals)

    def change(self, totals: Mapping[Place, int]) -> None:
        """Bring the levels whose total is another than before to it; first what goes away.

        While the engine takes no orders nothing can follow; the first change after it brings all.
        """
        fresh = {place: size for place, size in totals.items() if self._told.get(place, 0) != size}
        self._told |= fresh
        self._told = {place: size for place, size in self._told.items() if size}
        if self._desk.world.exchange.mode is not ExchangeMode.OPEN:
            self._is_behind = True
            return
        if self._is_behind:
            self._is_behind = False
            fresh = dict.fromkeys(self._standing, 0) | self._told
        for place, size in fresh.items():
            if self._total(place) > size:
                self._lower(place, size)
        for place, size in fresh.items():
            missing = size - self._total(place)
            if missing > 0:
                self._raise(place, missing)

    def take_note(self, order: OrderRecord) -> None:
        """See how much of an order of the background is left."""
        place = self._places.get(order.order_id)
        if place is None:
            return
        if order.state is OrderState.LIVE:
            self._standing[place][order.order_id] = order.shares - order.shares_matched
        elif order.state is not OrderState.DELAYED:
            self._forget(order.order_id, place)

    def _total(self, place: Place) -> int:
        return sum(self._standing.get(place, {}).values())

    def _lower(self, place: Place, size: int) -> None:
        """Withdraw the newest orders, and put back what is then too little."""
        withdrawn: list[OrderId] = []
        for order_id in reversed(list(self._standing.get(place, {}))):
            if self._total(place) <= size:
                break
            withdrawn.append(order_id)
            self._forget(order_id, place)
        self._desk.withdraw(self.wallet, withdrawn)
        missing = size - self._total(place)
        if missing > 0:
            self._raise(place, missing)

    def _raise(self, place: Place, shares: int) -> None:
        """Add to a level; what the tape left behind on the other side of it is withdrawn."""
        is_bid, price = place
        shares = floor_to(shares, _SIZE_STEP)
        shares += self._released(place, shares)
        if shares < self.market.size_min:
            self._counts.too_small += bool(shares)
            return
        self._refine_tick(price)
        for other in [each for each in self._standing if _crosses(each, place)]:
            self._lower(other, 0)
        quote = Quote(is_bid=is_bid, price=price, shares=shares, is_of_no=not is_bid)
        order_id = self._desk.stand(self.wallet, self.market, quote)
        if order_id is None:
            self._counts.refused += 1
            return
        self._places[order_id] = place
        self._standing.setdefault(place, {})[order_id] = shares
        self._desk.world.tell()

    def _released(self, place: Place, shares: int) -> int:
        """Withdraw the newest order of a level where only both together are large enough."""
        standing = self._standing.get(place)
        if not standing or shares >= self.market.size_min:
            return 0
        order_id, left = next(reversed(standing.items()))
        if left + shares < self.market.size_min:
            return 0
        self._forget(order_id, place)
        self._desk.withdraw(self.wallet, [order_id])
        return left

    def _refine_tick(self, price: int) -> None:
        """Make the tick finer where a price proves that it was, though the tape did not tell."""
        tick = self._desk.tick(self.market)
        if price % tick:
            finer = [each for each in TICKS if each < tick and not price % each]
            if finer:
                exchange = self._desk.world.exchange
                exchange.change_tick(self.market.condition_id, max(finer))

    def _forget(self, order_id: OrderId, place: Place) -> None:
        del self._places[order_id]
        del self._standing[place][order_id]
        if not self._standing[place]:
            del self._standing[place]


def _crosses(standing: Place, fresh: Place) -> bool:
    """Tell whether a level on the other side would trade with a fresh one."""
    if standing[0] == fresh[0]:
        return False
    return standing[1] >= fresh[1] if standing[0] else standing[1] <= fresh[1]
