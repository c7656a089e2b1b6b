"""What the arbiter looks at in a frame: kind, tokens, venue time, hash, levels. No clock, no I/O.

The commonest message is read in one step; everything else by the general shape. What cannot be
read here is not passed on.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from polyarb.domain.units import ONE
from polyarb.venue.polymarket.channel import wire
from polyarb.venue.polymarket.channel.numerals import (
    Rejection,
    UnusableError,
    read_best_ask,
    read_best_bid,
    read_price,
    read_size,
)
from polyarb.venue.polymarket.channel.wire import Level, Milliseconds

Top = tuple[int, int]
"""Best bid and best ask in micros; 0 and ONE where a side is empty."""
LevelKey = tuple[str, bool, int]
"""One level: token, whether it is a bid, price in micros."""
_OF_BOOKS = ("book", "price_change")
HOLLOW_BID = 10_000
HOLLOW_ASK = 990_000
"""Nothing between is what a stale cache of the venue answers. Source: polymarket.md 7.2."""


class Change(wire.Change, gc=False):
    """One entry of a price_change."""

    hash: str = ""


class Pair(wire.PairChange, gc=False):
    """A price_change of exactly two entries; what translates it can go on from here."""

    price_changes: tuple[Change, Change]


class Message(msgspec.Struct):
    """Any message of the market channel, as far as it is looked at."""

    event_type: str
    timestamp: Milliseconds
    asset_id: str = ""
    winning_asset_id: str = ""
    hash: str = ""
    price_changes: tuple[Change, ...] = ()
    bids: list[Level] = []
    asks: list[Level] = []


class RestBook(Message, kw_only=True):
    """A book as REST answers it: a message without its kind."""

    event_type: str = "book"


# Lax, so that the number in a timestamp's text is read as such.
decode_pair = msgspec.json.Decoder(Pair, strict=False).decode
decode_message = msgspec.json.Decoder(Message, strict=False).decode
decode_rest_book = msgspec.json.Decoder(RestBook, strict=False).decode
decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, UnusableError)


def touched(message: Pair | Message) -> Iterator[tuple[LevelKey, str]]:
    """Yield every level that a price_change sets, with the text of its size.

    Errors: UnusableError.
    """
    for entry in message.price_changes:
        yield (entry.asset_id, entry.side == "BUY", read_price(entry.price)[0]), entry.size


def check_entries(message: Message) -> None:
    """Read all of a price_change that will be read when it is translated. Errors: UnusableError."""
    for entry in message.price_changes:
        read_price(entry.price)
        read_size(entry.size)
        read_best_bid(entry.best_bid)
        read_best_ask(entry.best_ask)


def top_of_change(entry: Change) -> Top | None:
    """Return the top that an entry tells, if it tells one. Errors: UnusableError."""
    if entry.best_bid is None or entry.best_ask is None:
        return None
    return read_best_bid(entry.best_bid)[0], read_best_ask(entry.best_ask)[0]


def sides_of(book: Message) -> tuple[dict[int, int], dict[int, int]]:
    """Return bids and asks of a book as price to size, without empty levels.

    Errors: UnusableError, also of a level that is told twice. Units: micros, micro-shares.
    """
    return _side(book.bids), _side(book.asks)


def top_of_book(book: Message) -> Top:
    """Return a book's best prices, whatever the order of its levels. Errors: UnusableError."""
    bids, asks = sides_of(book)
    return max(bids, default=0), min(asks, default=ONE)


def is_hollow(top: Top) -> bool:
    """Tell whether a book shows nothing between 0.01 and 0.99."""
    return top[0] <= HOLLOW_BID and top[1] >= HOLLOW_ASK


def only(raw: bytes, assets: frozenset[str]) -> bytes:
    """Cut a price_change down to the entries of some tokens."""
    message: dict[str, Any] = msgspec.json.decode(raw)
    entries = [entry for entry in message["price_changes"] if entry["asset_id"] in assets]
    return msgspec.json.encode({**message, "price_changes": entries})


def _side(levels: list[Level]) -> dict[int, int]:
    side = {read_price(level.price)[0]: read_size(level.size)[0] for level in levels}
    if len(side) < len(levels):
        raise UnusableError(Rejection.REPEATED_LEVEL)
    return {price: size for price, size in side.items() if size}


def assets_of(message: Message) -> frozenset[str]:
    """Return the tokens that a message names."""
    if message.price_changes:
        return frozenset(entry.asset_id for entry in message.price_changes)
    asset = message.asset_id or message.winning_asset_id
    return frozenset((asset,)) if asset else frozenset()


def claimed_by(raw: bytes) -> frozenset[str]:
    """Return the tokens whose books a message that cannot be read seems to tell."""
    try:
        message: Any = msgspec.json.decode(raw)
    except UNREADABLE:
        return frozenset()
    if not isinstance(message, dict) or message.get("event_type") not in _OF_BOOKS:
        return frozenset()
    entries = message.get("price_changes")
    bodies = [message, *(entries if isinstance(entries, list) else ())]
    named = [body.get("asset_id") for body in bodies if isinstance(body, dict)]
    return frozenset(asset for asset in named if isinstance(asset, str))


def part_of(message: Message, assets: frozenset[str], sisters: Mapping[str, str]) -> Pair | Message:
    """Return what a price_change says of one market, in the commonest shape where it fits."""
    entries = tuple(entry for entry in message.price_changes if entry.asset_id in assets)
    if len(entries) == 2 and sisters.get(entries[0].asset_id) == entries[1].asset_id:
        return Pair("price_change", (entries[0], entries[1]), message.timestamp)
    return Message(
        event_type="price_change",
        timestamp=message.timestamp,
        asset_id=message.asset_id,
        price_changes=entries,
    )
