"""Takers: without a reason all day long, or with one after a piece of news."""

from collections.abc import Sequence
from random import Random

from polyarb.domain.units import MICRO, ONE, ceil_to, floor_to
from polyarb.venue.sandbox.flow.accounts import Wallet
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.chance import pause_ns, reaction_ns, shares_of
from polyarb.venue.sandbox.flow.desk import Desk, Quote
from polyarb.venue.sandbox.flow.scenario import NewsTerms, TakerTerms
from polyarb.venue.sandbox.flow.tops import NO_ASK, NO_BID, Tops
from polyarb.venue.sandbox.flow.values import Values
from polyarb.venue.sandbox.terms.instruments import ListedMarket

_HOUR_MS = 3_600_000
_REACTION_SPREAD = 0.5
_NOTIONAL_MIN = MICRO


class NoiseTaker:
    """Buys or sells in one market now and then, at the best price that it finds."""

    def __init__(
        self, terms: TakerTerms, market: ListedMarket, wallet: Wallet, random: Random, tops: Tops
    ) -> None:
        self._terms = terms
        self._market = market
        self._wallet = wallet
        self._random = random
        self._tops = tops

    def begin(self, desk: Desk, agenda: Agenda) -> None:
        """Trade from now on."""
        self._desk = desk
        self._agenda = agenda
        self._plan()

    def _plan(self) -> None:
        mean_ms = _HOUR_MS * MICRO // self._terms.per_hour
        self._agenda.after(pause_ns(self._random, mean_ms), self._trade)

    def _trade(self) -> None:
        if self._desk.is_over(self._market):
            return
        self._plan()
        is_bid, is_of_no = self._random.random() < 0.5, self._random.random() < 0.5
        shares = shares_of(
            self._random,
            self._terms.size,
            tick=self._desk.tick(self._market),
            least=self._market.size_min,
        )
        top = self._tops.top(self._market.condition_id)
        price = top.ask if is_bid else top.bid
        if NO_BID < price < NO_ASK:
            quote = Quote(is_bid=is_bid, price=price, shares=shares, is_of_no=is_of_no)
            self._desk.take(self._wallet, self._market, affordable(quote))


class InformedTaker:
    """Knows of news before the makers do, and takes what is still quoted at the old price."""

    def __init__(
        self,
        terms: NewsTerms,
        markets: Sequence[ListedMarket],
        wallet: Wallet,
        random: Random,
        values: Values,
    ) -> None:
        self._terms = terms
        self._markets = markets
        self._wallet = wallet
        self._random = random
        self._values = values

    def begin(self, desk: Desk, agenda: Agenda, tops: Tops) -> None:
        """Listen from now on."""
        self._desk = desk
        self._agenda = agenda
        self._tops = tops

    def hear(self) -> None:
        """Hear of news, and act after a reaction time of its own."""
        delay_ns = reaction_ns(self._random, self._terms.informed_ms, _REACTION_SPREAD)
        self._agenda.after(delay_ns, self._act)

    def _act(self) -> None:
        """Take from the market whose quotes are furthest from what it is worth."""
        gaps = [(self._gap(market), at) for at, market in enumerate(self._markets)]
        gap, at = max(gaps, key=lambda pair: abs(pair[0]))
        market = self._markets[at]
        if not gap or self._desk.is_over(market):
            return
        tick, fair = self._desk.tick(market), self._values.fair(market.condition_id)
        is_bid = gap > 0
        price = floor_to(fair, tick) if is_bid else ceil_to(fair, tick)
        shares = shares_of(
            self._random, self._terms.informed_size, tick=tick, least=market.size_min
        )
        quote = Quote(
            is_bid=is_bid, price=price, shares=shares, is_of_no=self._random.random() < 0.5
        )
        self._desk.take(self._wallet, market, affordable(quote))

    def _gap(self, market: ListedMarket) -> int:
        """Return how far the quotes are below (positive) or above what a market is worth."""
        top, fair = self._tops.top(market.condition_id), self._values.fair(market.condition_id)
        below = fair - top.ask if top.ask < NO_ASK else 0
        above = fair - top.bid if top.bid > NO_BID else 0
        return below if below > 0 else min(above, 0)


def affordable(quote: Quote) -> Quote:
    """Turn a purchase below the least worth of one into a sale of the other token."""
    is_buy = quote.is_bid != quote.is_of_no
    price = ONE - quote.price if quote.is_of_no else quote.price
    if is_buy and price * quote.shares < _NOTIONAL_MIN * MICRO:
        return Quote(
            is_bid=quote.is_bid,
            price=quote.price,
            shares=quote.shares,
            is_of_no=not quote.is_of_no,
        )
    return quote
