"""Who plays in a scenario: every agent with a wallet and a chance of its own, then let loose."""

from collections.abc import Iterator, Sequence

from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.flow.accounts import Wallet, wallet_of
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.chance import random_of
from polyarb.venue.sandbox.flow.desk import Desk
from polyarb.venue.sandbox.flow.listing import conditions_of
from polyarb.venue.sandbox.flow.makers import Maker
from polyarb.venue.sandbox.flow.news import News
from polyarb.venue.sandbox.flow.play import Flow
from polyarb.venue.sandbox.flow.rivals import WINDOWS, Rival
from polyarb.venue.sandbox.flow.scenario import Crowd, EventTerms, Scenario
from polyarb.venue.sandbox.flow.script import Script
from polyarb.venue.sandbox.flow.takers import InformedTaker, NoiseTaker
from polyarb.venue.sandbox.flow.tops import Tops
from polyarb.venue.sandbox.flow.values import Values
from polyarb.venue.sandbox.terms.instruments import ListedMarket, Listing
from polyarb.venue.sandbox.world import World

PURSE = 100_000_000 * MICRO
"""What an agent is founded with, in micros of a USD: it never runs out of money."""
STORE = 10_000_000 * MICRO
"""How many complete sets an agent holds of each market that it trades in, in micro-shares."""


class Cast:
    """All agents of a scenario in one world."""

    def __init__(self, scenario: Scenario, listing: Listing, world: World, seed: int) -> None:
        self._scenario = scenario
        self._world = world
        self._seed = seed
        self._conditions = conditions_of(scenario, listing)
        self._markets = {market.condition_id: market for market in listing.markets}
        self._values = Values(
            {self._conditions[terms.slug]: terms.price for terms in scenario.markets}
        )
        self._desk = Desk(world, seed)
        self._agenda = Agenda(world.now_ns)
        self._tops = Tops(listing.markets, world.exchange)
        self._flow = Flow(world, self._agenda, self._tops)

    def perform(self) -> Flow:
        """Let everybody begin, event by event, and return what moves them."""
        news = {event.slug: self._begin(event) for event in self._scenario.events}
        script = Script(self._scenario, self._conditions, self._world, news)
        script.begin(self._agenda)
        self._world.tell()
        for event in self._scenario.events:
            for rival in self._rivals(event):
                rival.begin(self._desk, self._agenda, self._tops)
        return self._flow

    def _begin(self, event: EventTerms) -> News:
        crowd = self._scenario.crowd(event.crowd) or Crowd(name="")
        markets = self._listed(event)
        makers = list(self._makers(event, crowd)) if event.crowd else []
        informed = list(self._informed(event, crowd))
        for maker in makers:
            self._flow.join(maker.wallet.owner, maker)
            maker.begin(self._desk, self._agenda)
        for taker in self._noise(event, crowd):
            taker.begin(self._desk, self._agenda)
        for knower in informed:
            knower.begin(self._desk, self._agenda, self._tops)
        random = random_of(self._seed, f"news of {event.slug}")
        news = News(crowd.news, event.kind, markets, random, self._values)
        news.begin(self._agenda, makers, informed)
        return news

    def _makers(self, event: EventTerms, crowd: Crowd) -> Iterator[Maker]:
        for market in self._listed(event):
            for number in range(1, crowd.makers.count + 1):
                name = f"maker {number} of {market.slug}"
                wallet = self._wallet(name, [market])
                chance = random_of(self._seed, name)
                yield Maker(crowd.makers, market, wallet, chance, self._values)

    def _noise(self, event: EventTerms, crowd: Crowd) -> Iterator[NoiseTaker]:
        if not crowd.takers.per_hour:
            return
        for market in self._listed(event):
            name = f"taker of {market.slug}"
            wallet = self._wallet(name, [market])
            chance = random_of(self._seed, name)
            yield NoiseTaker(crowd.takers, market, wallet, chance, self._tops)

    def _informed(self, event: EventTerms, crowd: Crowd) -> Iterator[InformedTaker]:
        markets = self._listed(event)
        for number in range(1, crowd.news.informed + 1):
            name = f"informed taker {number} of {event.slug}"
            wallet = self._wallet(name, markets)
            chance = random_of(self._seed, name)
            yield InformedTaker(crowd.news, markets, wallet, chance, self._values)

    def _rivals(self, event: EventTerms) -> Iterator[Rival]:
        if event.kind not in WINDOWS or not event.crowd:
            return
        markets = self._listed(event)
        for terms in self._scenario.rivals:
            name = f"rival {terms.name} in {event.slug}"
            wallet = self._wallet(name, markets)
            yield Rival(terms, event.kind, markets, wallet, random_of(self._seed, name))

    def _listed(self, event: EventTerms) -> list[ListedMarket]:
        return [self._markets[self._conditions[terms.slug]] for terms in event.markets]

    def _wallet(self, name: str, markets: Sequence[ListedMarket]) -> Wallet:
        """Found an agent's account, with money and shares for as long as anybody plays."""
        wallet = wallet_of(self._seed, name)
        self._world.chain.found(wallet.address, pusd=PURSE, is_approved=True)
        for market in markets:
            self._world.chain.endow(wallet.address, market.condition_id, STORE)
        return wallet
