"""The bodies of the CLOB's endpoints of markets. Source: polymarket.md 3.2."""

import msgspec


class CompactToken(msgspec.Struct, frozen=True):
    """A token of a market in short."""

    t: str
    o: str


class CompactFee(msgspec.Struct, frozen=True):
    """The effective fee: rate, exponent, taker only."""

    r: float
    e: int
    to: bool = True


class CompactMarket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A market's parameters in short; what is false or unset is left out."""

    c: str
    t: tuple[CompactToken, CompactToken]
    mos: float
    mts: float
    mbf: int | None = None
    tbf: int | None = None
    ao: bool = False
    aot: str = ""
    nr: bool = False
    itode: bool = False
    fd: CompactFee | None = None


class MarketToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a market."""

    token_id: str
    outcome: str
    price: float
    winner: bool


class Rewards(msgspec.Struct, frozen=True, kw_only=True):
    """What resting orders would earn: nothing."""

    rates: None = None
    min_size: float = 0
    max_spread: float = 0


class MarketBody(msgspec.Struct, frozen=True, kw_only=True):
    """A market with everything."""

    enable_order_book: bool
    active: bool
    closed: bool
    archived: bool
    accepting_orders: bool
    accepting_order_timestamp: str | None
    minimum_order_size: float
    minimum_tick_size: float
    condition_id: str
    question_id: str
    question: str
    description: str
    market_slug: str
    end_date_iso: str | None
    game_start_time: str | None
    seconds_delay: int
    fpmm: str
    maker_base_fee: int
    taker_base_fee: int
    notifications_enabled: bool
    neg_risk: bool
    neg_risk_market_id: str
    neg_risk_request_id: str
    icon: str
    image: str
    rewards: Rewards
    is_50_50_outcome: bool
    tokens: tuple[MarketToken, MarketToken]
    tags: tuple[str, ...]


class SimplifiedMarket(msgspec.Struct, frozen=True, kw_only=True):
    """A market with what trading needs."""

    condition_id: str
    rewards: Rewards
    tokens: tuple[MarketToken, MarketToken]
    active: bool
    closed: bool
    archived: bool
    accepting_orders: bool


class ActivityMarket(msgspec.Struct, frozen=True, kw_only=True):
    """The market of a trade."""

    condition_id: str
    asset_id: str
    question: str
    icon: str
    slug: str


class ActivityUser(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever traded; nobody is named here."""

    address: str = ""
    username: str = ""
    profile_picture: str = ""
    optimized_profile_picture: str = ""
    pseudonym: str = ""


class ActivityBody(msgspec.Struct, frozen=True, kw_only=True):
    """A recent trade."""

    event_type: str
    market: ActivityMarket
    user: ActivityUser
    side: str
    size: str
    fee_rate_bps: str
    price: str
    outcome: str
    outcome_index: int
    transaction_hash: str
    timestamp: str
