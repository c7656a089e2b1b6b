"""A rival arbitrageur: sees a window when it opens, and is there after a latency of its own."""

from collections.abc import Callable, Sequence
from random import Random

import msgspec

from polyarb.domain.units import MICRO, PICO, floor_to
from polyarb.venue.sandbox.flow.accounts import Wallet
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.chance import lot_of, reaction_ns
from polyarb.venue.sandbox.flow.desk import Desk, Quote
from polyarb.venue.sandbox.flow.scenario import EventKind, RivalTerms
from polyarb.venue.sandbox.flow.tops import NO_BID, Top, Tops
from polyarb.venue.sandbox.terms.instruments import ListedMarket

_NS_PER_MS = 1_000_000
_REACTION_SPREAD = 0.4


class Leg(msgspec.Struct, frozen=True):
    """A market of the event by its place, and whether its asks are bought or its bids hit."""

    at: int
    is_bid: bool


class Window(msgspec.Struct, frozen=True):
    """A sure profit after fees. Units: edge in picos of a USD for a share of every leg."""

    edge: int
    legs: tuple[Leg, ...]


def group_window(tops: Sequence[Top]) -> Window | None:
    """Return the better family of a neg-risk group: all bids above one, or all asks below.

    An outcome that nobody bids for is skipped; one that nobody asks for costs one: no set then.
    """
    bids = [at for at, top in enumerate(tops) if top.bid > NO_BID]
    selling = sum(tops[at].net_bid for at in bids) - PICO
    buying = PICO - sum(top.net_ask for top in tops)
    if max(selling, buying) <= 0:
        return None
    if selling >= buying:
        return Window(selling, tuple(Leg(at, is_bid=False) for at in bids))
    return Window(buying, tuple(Leg(at, is_bid=True) for at in range(len(tops))))


def nested_window(tops: Sequence[Top]) -> Window | None:
    """Return the best pair of a nested event: a narrow bid above the ask of a wider market."""
    best: Window | None = None
    cheapest = 0
    for at in range(1, len(tops)):
        if tops[at - 1].net_ask < tops[cheapest].net_ask:
            cheapest = at - 1
        edge = tops[at].net_bid - tops[cheapest].net_ask
        if edge > (best.edge if best else 0):
            best = Window(edge, (Leg(cheapest, is_bid=True), Leg(at, is_bid=False)))
    return best


WINDOWS: dict[EventKind, Callable[[Sequence[Top]], Window | None]] = {
    EventKind.NEG_RISK: group_window,
    EventKind.NESTED: nested_window,
}


class Rival:
    """One rival in one event."""

    def __init__(
        self,
        terms: RivalTerms,
        kind: EventKind,
        markets: Sequence[ListedMarket],
        wallet: Wallet,
        random: Random,
    ) -> None:
        self._terms = terms
        self._find = WINDOWS[kind]
        self._markets = markets
        self._wallet = wallet
        self._random = random
        self._is_busy = False

    def begin(self, desk: Desk, agenda: Agenda, tops: Tops) -> None:
        """Watch the event from now on."""
        self._desk = desk
        self._agenda = agenda
        self._tops = tops
        tops.watch([market.condition_id for market in self._markets], self._look)

    def _look(self) -> None:
        if self._is_busy or self._window() is None:
            return
        self._is_busy = True
        delay_ns = reaction_ns(self._random, self._terms.latency_ms, _REACTION_SPREAD)
        self._agenda.after(delay_ns, self._act)

    def _window(self) -> Window | None:
        window = self._find([self._tops.top(market.condition_id) for market in self._markets])
        if window is None or window.edge < self._terms.edge_min * MICRO:
            return None
        is_over = any(self._desk.is_over(self._markets[leg.at]) for leg in window.legs)
        return None if is_over else window

    def _act(self) -> None:
        """Take what is left of the window, the same number of shares of every leg."""
        window = self._window()
        if window is not None:
            shares = self._shares(window)
            for leg in window.legs if shares else ():
                self._take(leg, shares)
        self._agenda.after(self._terms.pause_ms * _NS_PER_MS, self._rest)

    def _rest(self) -> None:
        self._is_busy = False
        self._look()

    def _take(self, leg: Leg, shares: int) -> None:
        """Sell: YES where bids are hit, NO where asks are bought, so that shares are counted."""
        market = self._markets[leg.at]
        top = self._tops.top(market.condition_id)
        quote = Quote(
            is_bid=leg.is_bid,
            price=top.ask if leg.is_bid else top.bid,
            shares=shares,
            is_of_no=leg.is_bid,
        )
        self._desk.take(self._wallet, market, quote)

    def _shares(self, window: Window) -> int:
        """Return what every leg has at its best price, in lots of all of them; 0 is too little."""
        markets = [self._markets[leg.at] for leg in window.legs]
        lot = max(lot_of(self._desk.tick(market)) for market in markets)
        sizes = [
            self._desk.size_at_top(market, is_ask=leg.is_bid)
            for market, leg in zip(markets, window.legs, strict=True)
        ]
        shares = floor_to(min(self._terms.shares_max, *sizes), lot)
        return shares if shares >= max(market.size_min for market in markets) else 0
