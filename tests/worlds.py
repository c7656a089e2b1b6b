"""Small worlds for tests of the engine: markets, a roomy profile, market events in one line.

Prices are given in cents and sizes in whole shares, times in milliseconds after START_NS.
"""

from collections.abc import Iterable, Sequence

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, RelationId, TokenId
from polyarb.domain.limits import (
    Breaker,
    Envelope,
    Guards,
    Phase,
    Profile,
    RunKind,
    ShadowModel,
    Sizing,
)
from polyarb.domain.market import Catalogue, Market, MarketGroup, MarketVersion, Relation
from polyarb.domain.messages import (
    UNKNOWN_PRICE,
    BookReplaced,
    BooksOpened,
    ClockTicked,
    Event,
    LevelChanged,
    Output,
    RunStarted,
)
from polyarb.domain.plan import Family, Level, Outcome
from polyarb.domain.units import MICRO, Price, Shares
from polyarb.engine.engine import Engine

START_NS = 1_800_000_000 * 10**9
MS = 1_000_000
CENT = 10_000
GROUP = GroupId("GROUP")
RELATION = RelationId("RELATION")

ROOMY = Profile(
    name="roomy",
    run=RunKind.SHADOW,
    phase=Phase.SHADOW,
    families=tuple(Family),
    envelope=Envelope(
        order_notional_max=300 * MICRO,
        position_notional_max=300 * MICRO,
        open_notional_max=300 * MICRO,
        daily_loss_max=100 * MICRO,
        instruments_max=20,
        venues_max=1,
        orders_per_minute_max=60,
    ),
    sizing=Sizing(
        trade_size=100 * MICRO,
        trade_size_ceiling=250 * MICRO,
        edge_fraction_min=10_000,
        slippage_fraction_max=250_000,
        gas_per_plan=20_000,
        notional_min=MICRO,
    ),
    guards=Guards(
        settle_ms=10,
        lag_ms_max=2_000,
        skew_ms_max=100,
        content_age_ms_max=600_000,
        episode_gap_ms=500,
    ),
    breaker=Breaker(consecutive_failures_max=3, failure_fraction_max=400_000, failure_window=20),
    shadow=ShadowModel(
        seed=7, latency_ms_p50=150, latency_ms_p95=550, fade_fraction=200_000, revert_fraction=0
    ),
)


def market(name: str, **facts: object) -> Market:
    """Describe a tradable market without a fee; facts replace what it is given."""
    known: dict[str, object] = {
        "condition_id": ConditionId(name),
        "yes": TokenId(f"{name}:YES"),
        "no": TokenId(f"{name}:NO"),
        "version": MarketVersion.V1,
        "tick": Price(CENT),
        "size_min": Shares(5 * MICRO),
        "fee": FeeSchedule(rate=0),
        "is_accepting_orders": True,
    }
    return Market(**{**known, **facts})  # type: ignore[arg-type]


def group_of(
    *names: str, incomplete: str = "", convert: int | None = 0, **facts: object
) -> Catalogue:
    """Describe a neg-risk group of markets."""
    markets = [market(name, group_id=GROUP, **facts) for name in names]
    group = MarketGroup(
        group_id=GROUP,
        condition_ids=tuple(one.condition_id for one in markets),
        incomplete=incomplete,
        convert_fee_bips=convert,
    )
    return Catalogue(
        markets={one.condition_id: one for one in markets}, groups={group.group_id: group}
    )


def relation_of(family: Family, *names: str, relation_id: RelationId = RELATION) -> Catalogue:
    """Describe one relation between markets, widest first."""
    markets = [market(name) for name in dict.fromkeys(names)]
    relation = Relation(
        relation_id=relation_id,
        family=family,
        condition_ids=tuple(ConditionId(name) for name in names),
    )
    return Catalogue(
        markets={one.condition_id: one for one in markets},
        relations={relation.relation_id: relation},
    )


def at(milliseconds: float) -> int:
    """Turn milliseconds after the start into a time."""
    return START_NS + round(milliseconds * MS)


def levels(side: Iterable[tuple[float, float]]) -> tuple[Level, ...]:
    """Turn cents and shares into a side's levels."""
    return tuple((round(price * CENT), round(size * MICRO)) for price, size in side)


def book(
    name: str,
    when: float,
    *,
    bids: Sequence[tuple[float, float]] = (),
    asks: Sequence[tuple[float, float]] = (),
    venue: float | None = None,
    outcome: Outcome = Outcome.YES,
) -> BookReplaced:
    """Send a snapshot in YES terms."""
    return BookReplaced(
        condition_id=ConditionId(name),
        outcome=outcome,
        bids=tuple(sorted(levels(bids), reverse=True)),
        asks=tuple(sorted(levels(asks))),
        venue_time_ns=at(when if venue is None else venue),
        receive_time_ns=at(when),
    )


def bid(
    name: str,
    when: float,
    price: float,
    size: float,
    *,
    venue: float | None = None,
    top: tuple[float, float] | None = None,
) -> LevelChanged:
    """Set one bid level."""
    return _level(name, when, (True, price, size), venue, top)


def ask(
    name: str,
    when: float,
    price: float,
    size: float,
    *,
    venue: float | None = None,
    top: tuple[float, float] | None = None,
) -> LevelChanged:
    """Set one ask level."""
    return _level(name, when, (False, price, size), venue, top)


def _level(
    name: str,
    when: float,
    level: tuple[bool, float, float],
    venue: float | None,
    top: tuple[float, float] | None,
) -> LevelChanged:
    is_bid, price, size = level
    return LevelChanged(
        condition_id=ConditionId(name),
        is_bid=is_bid,
        price=round(price * CENT),
        size=round(size * MICRO),
        best_bid=UNKNOWN_PRICE if top is None else round(top[0] * CENT),
        best_ask=UNKNOWN_PRICE if top is None else round(top[1] * CENT),
        venue_time_ns=at(when if venue is None else venue),
        receive_time_ns=at(when),
    )


def started(when: float = 0, run_id: str = "run") -> RunStarted:
    """Begin a run."""
    return RunStarted(
        receive_time_ns=at(when),
        run_id=run_id,
        phase="shadow",
        profile="roomy",
        feed="test",
        code_digest="",
        config_digest="",
        catalogue_digest="",
    )


def running(catalogue: Catalogue, profile: Profile = ROOMY) -> Engine:
    """Make an engine whose trading is ACTIVE from the start."""
    engine = Engine(catalogue, profile, "digest")
    engine.handle(started())
    engine.handle(BooksOpened(receive_time_ns=at(0), open_sets=0))
    return engine


def feed(engine: Engine, *events: Event) -> list[Output]:
    """Give an engine events, with the clock ticks that it asks for in between."""
    outputs: list[Output] = []
    for event in events:
        outputs += tick_until(engine, event.receive_time_ns)
        outputs += engine.handle(event)
    return outputs


def tick_until(engine: Engine, time_ns: int) -> list[Output]:
    """Give an engine every clock tick that it asks for up to a time."""
    outputs: list[Output] = []
    while engine.deadline_ns <= time_ns:
        outputs += engine.handle(ClockTicked(receive_time_ns=engine.deadline_ns))
    return outputs


def pass_time(engine: Engine, when: float) -> list[Output]:
    """Let the clock run to so many milliseconds."""
    return tick_until(engine, at(when))
