"""The market channel as it is on the wire, and the lines of a tape; nothing of it leaves venue/.

Only the fields that are used are decoded. Prices and sizes stay text until they are translated;
a timestamp is read as the whole number in its text. Source: polymarket.md 4.1.
"""

from typing import Annotated, Literal, get_args

import msgspec

from polyarb.domain.surroundings import CatalogueChange
from polyarb.domain.venue import VenueMode

Milliseconds = Annotated[int, msgspec.Meta(ge=1_000_000_000_000, lt=10_000_000_000_000)]
"""Unix milliseconds of the years 2001 to 2286: what the venue calls a timestamp."""
ReceivedMs = Annotated[int, msgspec.Meta(ge=0, lt=10_000_000_000_000)]
ReceivedNs = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
WireSide = Literal["BUY", "SELL"]


class Change(msgspec.Struct, gc=False):
    """One entry of a price_change: a level's new total, and perhaps the token's top after it."""

    asset_id: str
    price: str
    size: str
    side: WireSide
    best_bid: str | None = None
    best_ask: str | None = None


class Level(msgspec.Struct, gc=False):
    """One level of a book."""

    price: str
    size: str


class PriceChange(msgspec.Struct, tag="price_change", tag_field="event_type"):
    """Levels changed, of any number of tokens."""

    price_changes: tuple[Change, ...]
    timestamp: Milliseconds


class Book(msgspec.Struct, tag="book", tag_field="event_type"):
    """The whole book of one token; the order of the levels is not relied on."""

    asset_id: str
    bids: list[Level]
    asks: list[Level]
    timestamp: Milliseconds


class LastTrade(msgspec.Struct, tag="last_trade_price", tag_field="event_type", gc=False):
    """A trade; side is the taker's."""

    asset_id: str
    price: str
    size: str
    side: WireSide
    timestamp: Milliseconds


class TickSizeChange(msgspec.Struct, tag="tick_size_change", tag_field="event_type", gc=False):
    """The tick of a token, and so of its market, changed."""

    asset_id: str
    new_tick_size: str
    timestamp: Milliseconds


class BestBidAsk(msgspec.Struct, tag="best_bid_ask", tag_field="event_type", gc=False):
    """The top of a token's book, told again beside price_change."""

    asset_id: str
    best_bid: str
    best_ask: str
    timestamp: Milliseconds


class NewMarket(msgspec.Struct, tag="new_market", tag_field="event_type", gc=False):
    """A market was listed."""

    market: str
    timestamp: Milliseconds


class MarketResolved(msgspec.Struct, tag="market_resolved", tag_field="event_type", gc=False):
    """A market was resolved; without a winner where both outcomes pay alike."""

    market: str
    winning_asset_id: str | None
    timestamp: Milliseconds
    assets_ids: tuple[str, ...] = ()


Message = PriceChange | Book | LastTrade | TickSizeChange | BestBidAsk | NewMarket | MarketResolved
EVENT_TYPES: frozenset[str] = frozenset(
    str(kind.__struct_config__.tag) for kind in get_args(Message)
)


class BareChange(msgspec.Struct, gc=False):
    """An entry of the price_change of 2025, whose token stands beside the entries."""

    price: str
    size: str
    side: WireSide


class OneTokenChange(msgspec.Struct):
    """The price_change before 15 September 2025: one token, its entries in `changes`."""

    asset_id: str
    changes: tuple[BareChange, ...]
    timestamp: Milliseconds


class OneLevelChange(msgspec.Struct, gc=False):
    """The price_change of 2024: one token and one level, all at the top."""

    asset_id: str
    price: str
    size: str
    side: WireSide
    timestamp: Milliseconds


class EventType(msgspec.Struct, gc=False):
    """What kind of message it claims to be."""

    event_type: str


class PairChange(msgspec.Struct, gc=False):
    """A price_change of exactly two entries, by far the commonest message.

    Its type is a field, because the tag of a struct that is in no union may be missing.
    """

    event_type: Literal["price_change"]
    price_changes: tuple[Change, Change]
    timestamp: Milliseconds


class Envelope(msgspec.Struct, kw_only=True, gc=False):
    """What stands beside a message in a tape: ours has recv_ns, a published one perhaps recv_ms."""

    recv_ms: ReceivedMs | None = None
    recv_ns: ReceivedNs | None = None


class PairLine(Envelope, kw_only=True, gc=False):
    """A line that holds a PairChange and nothing else."""

    msg: PairChange


class ReadLine(PairLine, kw_only=True, gc=False):
    """A PairLine that need not be read again, because it was read before it was written."""

    line: bytes


class Line(Envelope, kw_only=True):
    """A line that holds one message of a known kind or an array of any."""

    msg: Message | list[msgspec.Raw]


class Lost(msgspec.Struct):
    """What a recording says where the books of some tokens ceased to be true; none is all."""

    reason: str
    assets: list[str] = []


class ModeTold(msgspec.Struct):
    """What a recording says where the venue began to accept more, or less."""

    mode: VenueMode
    reason: str = ""


class RawLine(Envelope, kw_only=True):
    """Any line; without msg a loss, a mode, other instruments, or a frame that is no JSON."""

    msg: msgspec.Raw = msgspec.Raw(b"")
    lost: Lost | None = None
    mode: ModeTold | None = None
    instruments: CatalogueChange | None = None


# Lax, so that the number in a timestamp's text is read as such; text fields stay strict in it.
decode_pair = msgspec.json.Decoder(PairLine, strict=False).decode
decode_line = msgspec.json.Decoder(Line, strict=False).decode
decode_raw_line = msgspec.json.Decoder(RawLine, strict=False).decode
decode_message = msgspec.json.Decoder(Message, strict=False).decode
decode_old_change = msgspec.json.Decoder(OneTokenChange, strict=False).decode
decode_oldest_change = msgspec.json.Decoder(OneLevelChange, strict=False).decode
decode_event_type = msgspec.json.Decoder(EventType).decode
decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def with_entries(message: OneTokenChange | OneLevelChange) -> PriceChange:
    """Bring an older price_change to today's shape."""
    entries = (message,) if isinstance(message, OneLevelChange) else message.changes
    return PriceChange(
        price_changes=tuple(
            Change(asset_id=message.asset_id, price=entry.price, size=entry.size, side=entry.side)
            for entry in entries
        ),
        timestamp=message.timestamp,
    )
