"""Every key of a scenario file of the sandbox: its unit, bounds, default and meaning.

A key is the name of the scenario's field; docs/SCENARIOS.md holds the same table.
"""

from typing import Annotated

from pydantic import Field, PlainValidator

from polyarb.config.figures import Choice, Figure, Text, Unit, mistaken
from polyarb.config.nodes import Items
from polyarb.config.schema import Keys
from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.flow.scenario import (
    AccountTerms,
    ChainTerms,
    EventKind,
    MakerTerms,
    NewsTerms,
    RivalTerms,
    TakerTerms,
)
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.settings import ExchangeSettings, SettlementSettings

_DAY_S = 86_400
_HOUR_MS = 3_600_000
_YEARS_S = 3_650 * _DAY_S
_MAKERS, _TAKERS, _NEWS, _RIVAL = MakerTerms(), TakerTerms(), NewsTerms(), RivalTerms(name="")
_ACCOUNTS, _CHAIN = AccountTerms(), ChainTerms()
_EXCHANGE, _SETTLEMENT = ExchangeSettings(), SettlementSettings()


def read_items(node: object) -> Items:
    """Read a list, whose entries are read one by one later."""
    if not isinstance(node, Items):
        mistaken("a list of sections", node)
    return node


def read_named(node: object) -> dict[str, object]:
    """Read a section of sections, which are read one by one later."""
    if not isinstance(node, dict):
        mistaken("names with a section each", node)
    return node


def _usd(lowest: int, highest: int) -> Figure:
    return Figure(Unit.USD, lowest, highest, is_decimal=True)


_PRICE = _usd(100, MICRO - 100)
_TICK = _usd(100, 100_000)
_DISTANCE = _usd(0, MICRO // 2)
_STEP = _usd(100, MICRO // 2)
_PUSD = _usd(100 * MICRO, 1_000_000 * MICRO)
_PAYS = _usd(0, MICRO)
_RATE = Figure(Unit.FRACTION, 0, 250_000, is_decimal=True)
_SHARE = Figure(Unit.FRACTION, 1, MICRO, is_decimal=True)
_SHARES = Figure(Unit.SHARES, MICRO, 1_000_000 * MICRO, is_decimal=True)
_A_TIME = Figure(Unit.COUNT, 0, 1_000_000_000, is_decimal=True)
_BIPS = Figure(Unit.COUNT, 0, 1_000)
_DAYS = Figure(Unit.DAYS, 1, 3_650)
_MANY = Figure(Unit.COUNT, 1, 20)
_SOME = Figure(Unit.COUNT, 0, 20)
_ACCOUNT_COUNT = Figure(Unit.COUNT, 3, 100)
_TIMES = Figure(Unit.COUNT, 0, 1_000_000_000)
_SPAN = Figure(Unit.MILLISECONDS, 0, 24 * _HOUR_MS)
_POSITIVE_SPAN = Figure(Unit.MILLISECONDS, 1, 24 * _HOUR_MS)
_SECONDS = Figure(Unit.SECONDS, 0, _YEARS_S)
_POSITIVE_SECONDS = Figure(Unit.SECONDS, 1, _YEARS_S)
_BATCH = Figure(Unit.COUNT, 1, 1_000)
_CANCELS = Figure(Unit.COUNT, 1, 100_000)

Price = Annotated[int, PlainValidator(_PRICE.read), _PRICE]
Tick = Annotated[int, PlainValidator(_TICK.read), _TICK]
Distance = Annotated[int, PlainValidator(_DISTANCE.read), _DISTANCE]
Step = Annotated[int, PlainValidator(_STEP.read), _STEP]
Pusd = Annotated[int, PlainValidator(_PUSD.read), _PUSD]
Pays = Annotated[int, PlainValidator(_PAYS.read), _PAYS]
Rate = Annotated[int, PlainValidator(_RATE.read), _RATE]
Share = Annotated[int, PlainValidator(_SHARE.read), _SHARE]
Shares = Annotated[int, PlainValidator(_SHARES.read), _SHARES]
PerTime = Annotated[int, PlainValidator(_A_TIME.read), _A_TIME]
Bips = Annotated[int, PlainValidator(_BIPS.read), _BIPS]
Days = Annotated[int, PlainValidator(_DAYS.read), _DAYS]
Many = Annotated[int, PlainValidator(_MANY.read), _MANY]
Some = Annotated[int, PlainValidator(_SOME.read), _SOME]
AccountCount = Annotated[int, PlainValidator(_ACCOUNT_COUNT.read), _ACCOUNT_COUNT]
Times = Annotated[int, PlainValidator(_TIMES.read), _TIMES]
Span = Annotated[int, PlainValidator(_SPAN.read), _SPAN]
PositiveSpan = Annotated[int, PlainValidator(_POSITIVE_SPAN.read), _POSITIVE_SPAN]
Seconds = Annotated[int, PlainValidator(_SECONDS.read), _SECONDS]
PositiveSeconds = Annotated[int, PlainValidator(_POSITIVE_SECONDS.read), _POSITIVE_SECONDS]
Batch = Annotated[int, PlainValidator(_BATCH.read), _BATCH]
Cancels = Annotated[int, PlainValidator(_CANCELS.read), _CANCELS]
Sections = Annotated[Items, PlainValidator(read_items)]
Named = Annotated[dict[str, object], PlainValidator(read_named)]

_KIND = Choice(tuple(EventKind))
_FAULT = Choice(tuple(FaultKind))


class CategoryKeys(Keys):
    """What the markets of one category have in common; its name is the key."""

    fee_rate: Rate = Field(description="taker fee: rate x p x (1 - p) of a share; 0 is none")
    hold_ms: Span = Field(default=0, description="how long a marketable order is held")


class MarketKeys(Keys):
    """One market of an event."""

    slug: Text = Field(description="its short name, once in the file")
    question: Text = Field(description="what it asks")
    price: Price = Field(description="what YES is worth when the scenario begins")
    tick: Tick = Field(default=10_000, description="0.1, 0.01, 0.005, 0.0025, 0.001 or 0.0001")
    size_min: Shares = Field(default=5 * MICRO, description="least size of an order, in shares")


class EventKeys(Keys):
    """One event: a market, or several that depend on each other."""

    slug: Text = Field(description="its short name, once in the file")
    title: Text = Field(description="its name for people")
    kind: Annotated[EventKind, PlainValidator(_KIND.read), _KIND] = Field(
        default=EventKind.PLAIN,
        description="`plain`: nothing holds between its markets; `neg-risk`: one of them resolves"
        " YES, their prices sum to 1; `nested`: each implies the one before",
    )
    category: Text = Field(description="one of `categories`")
    crowd: Text = Field(default="", description="one of `crowds`; empty is nobody")
    convert_fee_bips: Bips = Field(
        default=0, description="what converting costs in a neg-risk group, parts of 10,000"
    )
    ends_days: Days = Field(default=30, description="days until its end date")
    markets: Sections = Field(description="its markets, a nested event's widest first")


class MakerKeys(Keys):
    """How each maker of a market quotes. Every market has makers of its own."""

    count: Many = Field(default=_MAKERS.count, description="makers of each market")
    levels: Many = Field(default=_MAKERS.levels, description="prices quoted on each side")
    half_spread: Distance = Field(
        default=_MAKERS.half_spread, description="from the maker's view to its best quote"
    )
    step: Step = Field(default=_MAKERS.step, description="from one level to the next")
    size: Shares = Field(
        default=_MAKERS.size, description="mean shares of the best level; the nth has n times it"
    )
    stray: Distance = Field(
        default=_MAKERS.stray, description="standard deviation of the view from the fair value"
    )
    review_s: Seconds = Field(
        default=_MAKERS.review_s, description="mean pause between two looks at the quotes; 0: none"
    )
    refill_ms: Span = Field(
        default=_MAKERS.refill_ms, description="mean time until a taken level is back; 0: never"
    )
    reaction_ms: Span = Field(
        default=_MAKERS.reaction_ms, description="median time from news to new quotes; 0: never"
    )
    inventory_max: Shares = Field(
        default=_MAKERS.inventory_max, description="net shares at which the quotes moved by `fade`"
    )
    fade: Distance = Field(default=_MAKERS.fade, description="how far a full store moves quotes")


class TakerKeys(Keys):
    """Takers without a reason, in every market."""

    per_hour: PerTime = Field(default=_TAKERS.per_hour, description="orders in a market an hour")
    size: Shares = Field(default=_TAKERS.size, description="mean shares of an order")


class NewsKeys(Keys):
    """How the fair value of an event moves, and who knows first."""

    per_day: PerTime = Field(default=_NEWS.per_day, description="jumps of an event a day")
    jump: Distance = Field(default=_NEWS.jump, description="mean size of a jump")
    walk: Distance = Field(
        default=_NEWS.walk, description="standard deviation of an hour between the jumps"
    )
    informed: Some = Field(default=_NEWS.informed, description="takers who act on a jump")
    informed_ms: PositiveSpan = Field(
        default=_NEWS.informed_ms, description="median time from the jump to their order"
    )
    informed_size: Shares = Field(
        default=_NEWS.informed_size, description="mean shares of their orders"
    )


class CrowdKeys(Keys):
    """Who trades in an event; its name is the key."""

    makers: MakerKeys = MakerKeys()
    takers: TakerKeys = TakerKeys()
    news: NewsKeys = NewsKeys()


class RivalKeys(Keys):
    """An arbitrageur beside us, in every neg-risk and nested event."""

    name: Text = Field(description="its name, once in the file")
    latency_ms: PositiveSpan = Field(
        default=_RIVAL.latency_ms, description="median time from a window to its orders"
    )
    edge_min: Distance = Field(
        default=_RIVAL.edge_min, description="profit of a set after fees that it acts on"
    )
    shares_max: Shares = Field(default=_RIVAL.shares_max, description="shares of one attempt")
    pause_ms: PositiveSpan = Field(
        default=_RIVAL.pause_ms, description="pause after an attempt in the same event"
    )


class FaultKeys(Keys):
    """A fault that is armed; kinds and scopes are those of the admin port."""

    kind: Annotated[FaultKind, PlainValidator(_FAULT.read), _FAULT] = Field(
        description="what goes wrong"
    )
    at_s: Seconds = Field(default=0, description="when it is armed, since the start")
    scope: Text = Field(default="", description="where it strikes; empty is anywhere")
    market: Text = Field(default="", description="slug of a market instead of `scope`")
    share: Share = Field(default=MICRO, description="probability that an occasion is hit")
    skip: Times = Field(default=0, description="occasions that are let pass first")
    times: Times = Field(default=0, description="how often it strikes; 0 is until cleared")
    amount: Times = Field(
        default=0, description="milliseconds, blocks, tries, or micros of a new tick"
    )


class ResolutionKeys(Keys):
    """When a market is resolved."""

    market: Text = Field(description="slug of the market")
    at_s: PositiveSeconds = Field(description="when, since the start")
    pays: Pays = Field(description="what a YES share pays: 0, 1, or 0.5 in no neg-risk group")


class AccountKeys(Keys):
    """The funded throw-away accounts that are given away."""

    count: AccountCount = Field(default=_ACCOUNTS.count, description="how many")
    pusd: Pusd = Field(default=_ACCOUNTS.pusd, description="what each of them holds")


class ExchangeKeys(Keys):
    """Limits and times of the exchange."""

    batch_orders_max: Batch = Field(
        default=_EXCHANGE.batch_orders_max, description="orders of one batch"
    )
    cancels_max: Cancels = Field(
        default=_EXCHANGE.cancels_max, description="orders of one cancellation"
    )
    heartbeat_ms: PositiveSpan = Field(
        default=_EXCHANGE.heartbeat_ms, description="silence after which orders are cancelled"
    )
    heartbeat_sweep_ms: PositiveSpan = Field(
        default=_EXCHANGE.heartbeat_sweep_ms, description="pause between two looks for silence"
    )
    restart_ms: Span = Field(
        default=_EXCHANGE.restart_ms, description="how long a restart refuses everything"
    )
    post_only_ms: Span = Field(
        default=_EXCHANGE.post_only_ms, description="how long only post-only orders follow"
    )
    expiry_lead_s: Seconds = Field(
        default=_EXCHANGE.expiry_lead_s, description="how early an expiring order is cancelled"
    )
    expiration_s_min: Seconds = Field(
        default=_EXCHANGE.expiration_s_min, description="least distance of an expiration"
    )
    makers_per_trade_max: Batch = Field(
        default=_EXCHANGE.makers_per_trade_max, description="makers of one trade"
    )


class ChainKeys(Keys):
    """How the chain goes."""

    block_ms: PositiveSpan = Field(default=_CHAIN.block_ms, description="between two blocks")
    confirmations: Many = Field(
        default=_CHAIN.confirmations, description="blocks that make a transaction final"
    )


class SettlementKeys(Keys):
    """How a match gets on chain."""

    submit_ms: Span = Field(default=_SETTLEMENT.submit_ms, description="before a match is sent")
    retry_ms: PositiveSpan = Field(
        default=_SETTLEMENT.retry_ms, description="between a revert and the next try"
    )
    tries_max: Many = Field(
        default=_SETTLEMENT.tries_max, description="reverts after which a trade has failed"
    )


class ScenarioKeys(Keys):
    """A scenario file."""

    title: Text = Field(description="one line that names it")
    description: Text = Field(default="", description="what it is for")
    categories: Named = Field(description="fee and hold of the markets, by category")
    events: Sections = Field(description="what is listed")
    crowds: Named = Field(default={}, description="who trades, by name")
    rivals: Sections | None = Field(default=None, description="arbitrageurs beside us")
    faults: Sections | None = Field(default=None, description="what goes wrong, and when")
    resolutions: Sections | None = Field(default=None, description="which markets end, and how")
    accounts: AccountKeys = AccountKeys()
    exchange: ExchangeKeys = ExchangeKeys()
    chain: ChainKeys = ChainKeys()
    settlement: SettlementKeys = SettlementKeys()
