"""Every key of the configuration files: its section, unit, bounds, default and meaning.

A key is the name of the domain's field with its unit before `_max` or `_min`. The reference
docs/CONFIGURATION.md is written from here.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from polyarb.config.accounts import Account
from polyarb.config.addresses import Address
from polyarb.config.figures import (
    Assets,
    CheckMinutes,
    Choice,
    Copies,
    Count,
    Days,
    Fraction,
    Gibibytes,
    Id,
    Ids,
    Milliseconds,
    Minutes,
    Period,
    PositiveFraction,
    PositiveMilliseconds,
    Rates,
    Seed,
    Servers,
    Slippage,
    SyncMinutes,
    Text,
    Texts,
    Tighter,
    Truth,
    Usd,
    UsdOrZero,
)
from polyarb.domain.limits import Phase, RunKind
from polyarb.domain.plan import Family
from polyarb.domain.surroundings import ClockSettings, RecordingSettings
from polyarb.domain.venue import Universe, VenueHosts, VenueSettings
from polyarb.domain.wallet import WalletSettings
from polyarb.host.time_servers import TIME_SERVERS

_RUN = Choice(tuple(RunKind))
_PHASE = Choice(tuple(Phase))
_FAMILY = Choice(tuple(Family))
_PAIRED = Choice((Family.IMPLICATION, Family.LADDER))
_WEB = Address("https", "http")
_STREAM = Address("wss", "ws")
_HOSTS, _VENUE, _UNIVERSE = VenueHosts(), VenueSettings(), Universe()
_RECORDING, _CLOCK = RecordingSettings(), ClockSettings(servers=TIME_SERVERS)
_WALLET = WalletSettings()

LOWER, HIGHER, ANY = Tighter.LOWER, Tighter.HIGHER, Tighter.ANY


class Keys(BaseModel):
    """A section: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EnvelopeKeys(Keys):
    """The most that may be at risk. Every key must stand in the profile's own file."""

    order_notional_usd_max: Annotated[Usd, LOWER] = Field(
        description="worth of one order at its limit price, fee included"
    )
    position_notional_usd_max: Annotated[Usd, LOWER] = Field(
        description="sum of the open plans of one relation (group, pair, ladder)"
    )
    open_notional_usd_max: Annotated[Usd, LOWER] = Field(
        description="sum of all open plans, every unanswered order counted as filled"
    )
    daily_loss_usd_max: Annotated[Usd, LOWER] = Field(
        description="loss of a UTC day from which no new plan is sent until the next"
    )
    instruments_max: Annotated[Count, LOWER] = Field(description="markets with open exposure")
    venues_max: Annotated[Count, LOWER] = Field(description="venues that orders go to")
    orders_per_minute_max: Annotated[Count, LOWER] = Field(
        description="orders in any 60 seconds of receive time"
    )


class SizingKeys(Keys):
    """How large a plan is and what it must earn."""

    trade_size_usd: Annotated[Usd, LOWER] = Field(description="capital that a plan is sized to")
    trade_size_ceiling_usd: Annotated[Usd, LOWER] = Field(
        description="capital up to which a plan below the smallest legal set is rounded up"
    )
    edge_fraction_min: Annotated[Fraction, HIGHER] = Field(
        description="profit per capital after fees and gas that a plan must reach"
    )
    slippage_fraction_max: Annotated[Slippage, LOWER] = Field(
        description="how far from its best price an order may walk"
    )
    gas_per_plan_usd: Annotated[UsdOrZero, HIGHER] = Field(
        default=20_000, description="charged once to every plan's profit"
    )
    notional_usd_min: Annotated[Usd, HIGHER] = Field(
        default=1_000_000, description="the venue's least worth of a marketable order"
    )


class GuardKeys(Keys):
    """When a book is too old, too late or too uneven to decide on."""

    settle_ms: Annotated[Milliseconds, HIGHER] = Field(
        default=10, description="silence after which a venue timestamp counts as over"
    )
    lag_ms_max: Annotated[PositiveMilliseconds, LOWER] = Field(
        default=2000, description="age of a leg's last message when it arrived"
    )
    skew_ms_max: Annotated[PositiveMilliseconds, LOWER] = Field(
        default=100, description="difference of the legs' ages"
    )
    content_age_ms_max: Annotated[PositiveMilliseconds, LOWER] = Field(
        default=60_000, description="silence of a book after which a fresh snapshot is asked for"
    )
    episode_gap_ms: Annotated[Milliseconds, HIGHER] = Field(
        default=500, description="pause below which two windows are one episode"
    )


class BreakerKeys(Keys):
    """When broken sets stop trading."""

    consecutive_failures_max: Annotated[Count, LOWER] = Field(
        description="broken sets in a row that open the breaker"
    )
    failure_fraction_max: Annotated[PositiveFraction, LOWER] = Field(
        description="broken share of the window from which the breaker opens"
    )
    failure_window: Annotated[Count, ANY] = Field(
        default=20, description="finished sets that the share is taken of"
    )


class ShadowKeys(Keys):
    """How shadow orders meet the market."""

    seed: Annotated[Seed, ANY] = Field(default=7, description="of every draw of the simulation")
    latency_ms_p50: Annotated[Milliseconds, HIGHER] = Field(
        default=150, description="median time from decision to match (tier T1)"
    )
    latency_ms_p95: Annotated[Milliseconds, HIGHER] = Field(
        default=550, description="95th percentile of it (tiers T2 and T3)"
    )
    fade_fraction: Annotated[Fraction, HIGHER] = Field(
        default=200_000, description="probability that a maker withdraws from a later leg (T3)"
    )
    revert_fraction: Annotated[Fraction, HIGHER] = Field(
        default=10_000, description="probability that a settlement reverts (T3)"
    )


class UniverseKeys(Keys):
    """Which markets of the catalogue a run looks at.

    A group of mutually exclusive markets is taken or left whole: its volume and liquidity are the
    sums of its markets. `markets sync` reads the venue's second source for the selected markets.
    """

    markets_max: Annotated[Count, LOWER] = Field(
        default=_UNIVERSE.markets_max, description="how many markets are watched at once"
    )
    volume_24h_usd_min: Annotated[UsdOrZero, HIGHER] = Field(
        default=_UNIVERSE.volume_24h_min, description="turnover of the last day"
    )
    liquidity_usd_min: Annotated[UsdOrZero, HIGHER] = Field(
        default=_UNIVERSE.liquidity_min, description="worth of the resting orders"
    )
    expiry_blackout_min: Annotated[Minutes, HIGHER] = Field(
        default=_UNIVERSE.expiry_blackout_min,
        description="minutes before its end date from which a market is left alone",
    )
    fee_rates: Rates = Field(
        default=(), description="taker fee rates that are watched; empty is every known one"
    )
    groups_only: Truth = Field(
        default=_UNIVERSE.groups_only,
        description="watch markets of a group or a relation only: `true` or `false`",
    )
    allow: Ids = Field(
        default=(),
        description="condition ids, group ids or slugs that the figures above do not hold off",
    )
    deny: Ids = Field(
        default=(), description="condition ids, group ids or slugs never watched; wins over `allow`"
    )


class ProfileKeys(Keys):
    """A profile: what differs between phases."""

    run: Annotated[RunKind, PlainValidator(_RUN.read), _RUN] = Field(
        description="`shadow` (orders are simulated) or `live`; never implied"
    )
    phase: Annotated[Phase | None, PlainValidator(_PHASE.read_or_none), _PHASE] = Field(
        description="the rung of the rollout it serves, `null` for none"
    )
    families: Annotated[tuple[Family, ...], PlainValidator(_FAMILY.read_list), _FAMILY, LOWER] = (
        Field(description="kinds of arbitrage that may be planned")
    )
    envelope: EnvelopeKeys
    sizing: SizingKeys
    guards: GuardKeys = GuardKeys()
    breaker: BreakerKeys
    shadow: ShadowKeys = ShadowKeys()
    universe: UniverseKeys = UniverseKeys()
    description: Text = Field(default="", description="one line for people")
    version: Text = Field(default="1.0.0", description="of the profile; raise it with its figures")
    tags: Texts = Field(default=(), description="for people and for change warnings")
    risk_warnings: Texts = Field(default=(), description="codes to be confirmed before use")


class PhaseKeys(Keys):
    """Which profile serves each phase."""

    shadow: Text = Field(description="profile of `start --phase shadow`")
    micro_live: Text = Field(description="profile of `start --phase micro-live`")
    constrained: Text = Field(description="profile of `start --phase constrained`")
    scaled: Text = Field(description="profile of `start --phase scaled`")


class HostKeys(Keys):
    """The public addresses of the venue."""

    gamma: Annotated[str, PlainValidator(_WEB.read), _WEB] = Field(
        default=_HOSTS.gamma, description="lists events and markets"
    )
    clob: Annotated[str, PlainValidator(_WEB.read), _WEB] = Field(
        default=_HOSTS.clob, description="books, market parameters, time"
    )
    stream: Annotated[str, PlainValidator(_STREAM.read), _STREAM] = Field(
        default=_HOSTS.stream, description="the market channel"
    )
    geoblock: Annotated[str, PlainValidator(_WEB.read), _WEB] = Field(
        default=_HOSTS.geoblock, description="tells whether this place may trade"
    )


class VenueKeys(Keys):
    """How the venue's public side is reached and listened to."""

    hosts: HostKeys = HostKeys()
    request_ms_max: Period = Field(
        default=_VENUE.request_ms_max, description="how long one answer is waited for"
    )
    connect_ms_max: Period = Field(
        default=_VENUE.connect_ms_max,
        description="how long a start waits for the first true books before it gives up",
    )
    assets_per_socket_max: Assets = Field(
        default=_VENUE.assets_per_socket_max, description="tokens told on one stream connection"
    )
    stream_copies: Copies = Field(
        default=_VENUE.stream_copies, description="independent connections for the same tokens"
    )
    ping_ms: Period = Field(default=_VENUE.ping_ms, description="pause between two PINGs")
    pong_ms_max: Period = Field(
        default=_VENUE.pong_ms_max, description="age of an unanswered PING that ends a connection"
    )
    silence_ms_max: Period = Field(
        default=_VENUE.silence_ms_max, description="silence that ends a connection"
    )
    poll_ms: Period = Field(
        default=_VENUE.poll_ms, description="pause between two rounds of the polling source"
    )
    check_ms: Period = Field(
        default=_VENUE.check_ms, description="pause between two checks of a book against REST"
    )
    sync_minutes: SyncMinutes = Field(
        default=_VENUE.sync_minutes,
        description="pause after which a run reads the instruments anew; 0 is never",
    )


class RecordingKeys(Keys):
    """How long what a run records stays; a run looks every hour, and 0 is no limit."""

    disk_gib_max: Gibibytes = Field(
        default=_RECORDING.disk_gib_max,
        description="what all recordings may take; beyond it the oldest whole hours go",
    )
    days_max: Days = Field(
        default=_RECORDING.days_max, description="age at which recorded hours go"
    )
    replay_days_min: Days = Field(
        default=_RECORDING.replay_days_min,
        description="what runs of the last so many days need for `replay verify` stays in any case",
    )


class ClockKeys(Keys):
    """How this machine's clock is watched while a run lasts."""

    offset_ms_max: PositiveMilliseconds = Field(
        default=_CLOCK.offset_ms_max,
        description="how far the clock may be off for certain, leap or drift in a minute; beyond"
        " it nothing is decided",
    )
    check_minutes: CheckMinutes = Field(
        default=_CLOCK.check_minutes, description="pause between two questions for the time"
    )
    servers: Servers = Field(
        default=_CLOCK.servers,
        description="time servers, HOST or HOST:PORT; `[]` asks the venue alone",
    )


class WalletKeys(Keys):
    """Which wallet trades in the live phases; its key stands in no configuration."""

    address: Account = Field(
        default=_WALLET.address,
        description="holds the funds: the account of the key, or one of its wallets as"
        " `polyarb keys address` lists them; `null` for none",
    )
    day_turnovers_max: Count = Field(
        default=_WALLET.day_turnovers_max,
        description="times that `open_notional_usd_max` may be signed in any 24 hours, to buy and"
        " to sell each",
    )


class ConfigKeys(Keys):
    """config/config.yaml: the workspace's own choices, and what every profile falls back to."""

    profile: Annotated[Text, ANY] = Field(
        description="the profile that is meant where none is named"
    )
    phases: PhaseKeys
    venue: VenueKeys = VenueKeys()
    recording: RecordingKeys = RecordingKeys()
    clock: ClockKeys = ClockKeys()
    wallet: WalletKeys = WalletKeys()
    sizing: SizingKeys | None = None
    guards: GuardKeys | None = None
    breaker: BreakerKeys | None = None
    shadow: ShadowKeys | None = None
    universe: UniverseKeys | None = None


class RelationKeys(Keys):
    """One logical constraint between markets."""

    id: Id = Field(description="unique name")
    family: Annotated[Family, PlainValidator(_PAIRED.read), _PAIRED] = Field(
        description="`implication` (two markets) or `ladder` (two or more)"
    )
    markets: Ids = Field(description="condition ids, widest first: each implies the one before")
    note: Text = Field(default="", description="why it holds, for the person who checks it")


REQUIRED_IN_PROFILE = ("run", "phase", "families", "envelope")
"""What a profile's own file must hold; the rest may come from config/config.yaml."""
BASE_SECTIONS = ("sizing", "guards", "breaker", "shadow", "universe")
"""What config/config.yaml may set for every profile."""
