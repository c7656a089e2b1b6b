"""A scenario: what is listed, who trades in it and how, and what goes wrong; all of it values.

Units everywhere: prices and money in micros of a USD, sizes in micro-shares, times as named.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.settings import ExchangeSettings, SettlementSettings

SHARE = MICRO
USD = MICRO


class EventKind(StrEnum):
    """How the markets of an event depend on each other."""

    PLAIN = "plain"
    NEG_RISK = "neg-risk"
    NESTED = "nested"


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """What markets of one category have in common; hold_ms is the taker hold."""

    name: str
    fee: FeeSchedule
    hold_ms: int = 0


class MarketTerms(msgspec.Struct, frozen=True, kw_only=True):
    """One market. Units: price is what YES is worth when the scenario begins."""

    slug: str
    question: str
    price: int
    tick: int = 10_000
    size_min: int = 5 * SHARE


class EventTerms(msgspec.Struct, frozen=True, kw_only=True):
    """One event with its markets.

    Shape: the prices of a neg-risk event sum to one USD; a nested event lists its markets widest
    first, each implying the one before. crowd names who trades in it, empty for nobody.
    """

    slug: str
    title: str
    kind: EventKind
    category: str
    crowd: str = ""
    convert_fee_bips: int = 0
    ends_days: int = 30
    markets: tuple[MarketTerms, ...]


class MakerTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How each maker of a market quotes; every market of a group has makers of its own.

    half_spread is the distance of the best quote from the maker's view, step that of the next
    levels; size that of the best level, of which deeper ones are multiples. The view strays from
    the fair value with the standard deviation `stray`, newly drawn in part at every review.
    At `inventory_max` net shares the quotes have moved by `fade`. 0 ms or s: never.
    """

    count: int = 1
    levels: int = 3
    half_spread: int = 10_000
    step: int = 10_000
    size: int = 100 * SHARE
    stray: int = 0
    review_s: int = 0
    refill_ms: int = 0
    reaction_ms: int = 5_000
    inventory_max: int = 5_000 * SHARE
    fade: int = 20_000


class TakerTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Noise: takers who buy or sell at the best price without a reason, in every market.

    Units: per_hour counts orders of one market, in thousandths; size is the mean.
    """

    per_hour: int = 0
    size: int = 20 * SHARE


class NewsTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How the fair value of an event moves, and who knows it first.

    Units: per_day counts jumps in thousandths, jump is their mean size, walk the standard
    deviation of an hour between them. informed takers act informed_ms after a jump.
    """

    per_day: int = 0
    jump: int = 30_000
    walk: int = 0
    informed: int = 0
    informed_ms: int = 1_000
    informed_size: int = 100 * SHARE


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """Who trades in an event."""

    name: str
    makers: MakerTerms = MakerTerms()
    takers: TakerTerms = TakerTerms()
    news: NewsTerms = NewsTerms()


class RivalTerms(msgspec.Struct, frozen=True, kw_only=True):
    """An arbitrageur beside us, over all neg-risk and nested events.

    Units: latency_ms from seeing a window to its orders (median), edge_min a set's profit after
    fees, shares_max of one attempt.
    """

    name: str
    latency_ms: int = 300
    edge_min: int = 1_000
    shares_max: int = 200 * SHARE
    pause_ms: int = 1_000


class ArmedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault and when it is armed.

    Shape: market is a slug whose condition id becomes the scope. Units: seconds since the start.
    """

    kind: FaultKind
    at_s: int = 0
    scope: str = ""
    market: str = ""
    share: float = 1.0
    skip: int = 0
    times: int | None = None
    amount: int = 0


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """When a market closes and what its shares pay.

    Units: at_s since the start; pays is what YES pays, 0, half or one USD.
    """

    market: str
    at_s: int
    pays: int


class AccountTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The funded accounts that are given away. Units: pusd in micros."""

    count: int = 3
    pusd: int = 1_000 * USD


class ChainTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How the chain goes; see `ChainSettings`."""

    block_ms: int = 2_000
    confirmations: int = 2


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a sandbox is made of, but for the seed and the moment it begins."""

    name: str
    title: str
    description: str = ""
    accounts: AccountTerms = AccountTerms()
    categories: tuple[Category, ...]
    events: tuple[EventTerms, ...]
    crowds: tuple[Crowd, ...] = ()
    rivals: tuple[RivalTerms, ...] = ()
    faults: tuple[ArmedFault, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    exchange: ExchangeSettings = ExchangeSettings()
    chain: ChainTerms = ChainTerms()
    settlement: SettlementSettings = SettlementSettings()

    @property
    def markets(self) -> tuple[MarketTerms, ...]:
        """Return all markets, event by event."""
        return tuple(market for event in self.events for market in event.markets)

    def category(self, name: str) -> Category:
        """Return a category by its name."""
        return next(category for category in self.categories if category.name == name)

    def crowd(self, name: str) -> Crowd | None:
        """Return a crowd by its name, None for nobody."""
        return next((crowd for crowd in self.crowds if crowd.name == name), None)
