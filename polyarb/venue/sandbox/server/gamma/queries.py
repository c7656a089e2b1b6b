"""What Gamma is asked for: how a query is read, ordered and cut into pages. No clock, no I/O.

A value that cannot be read is refused with 422. Source: polymarket.md 2.5 and 2.7.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Generic, Protocol, TypeVar

import msgspec
from starlette.datastructures import QueryParams

from polyarb.domain.units import MICRO
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.wire.gamma import EventFigures, MarketFigures, market_number

LIMIT_MAX = 100
LIMIT_DEFAULT = 20
OFFSET_MAX = 1_000_000
_CURSOR_LENGTH_MAX = 400
_CURSORS = msgspec.json.Decoder(list[int])
_NS = 1_000_000_000
_SHOWN_MAX = 80
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


class Ranked(Protocol):
    """An item of a list with its place in the order of listing."""

    @property
    def rank(self) -> int:
        """Return its place."""
        ...


RowT = TypeVar("RowT", bound=Ranked)


class Slice(msgspec.Struct, Generic[RowT], frozen=True, kw_only=True):
    """A page of a keyset list; next_cursor is None at the end."""

    rows: tuple[RowT, ...]
    next_cursor: str | None


class Asked:
    """The query of one request, read strictly. Errors: RejectedError for a value it cannot read."""

    def __init__(self, query: QueryParams) -> None:
        self._query = query

    def texts(self, key: str) -> frozenset[str]:
        """Return every value of a key that may be repeated."""
        return frozenset(self._query.getlist(key))

    def text(self, key: str) -> str | None:
        """Return the value of a key, None where it is not given."""
        return self._query.get(key)

    def flag(self, key: str) -> bool | None:
        """Read a yes or no."""
        value = self._query.get(key)
        if value is None:
            return None
        found = _FLAGS.get(value.lower())
        if found is None:
            raise _unreadable(key, "true or false", value)
        return found

    def whole(self, key: str, *, default: int, most: int) -> int:
        """Read a whole number from 0 to most."""
        value = self._query.get(key)
        if value is None:
            return default
        if not (value.isascii() and value.isdecimal()) or len(value) > len(str(most)):
            raise _unreadable(key, f"a whole number up to {most}", value)
        if int(value) > most:
            raise _unreadable(key, f"at most {most}", value)
        return int(value)

    def micros(self, key: str) -> int | None:
        """Read a plain amount of dollars as micros."""
        value = self._query.get(key)
        if value is None:
            return None
        try:
            amount = Decimal(value)
        except InvalidOperation as problem:
            raise _unreadable(key, "a number", value) from problem
        if not amount.is_finite() or amount.adjusted() > 20:
            raise _unreadable(key, "a number", value)
        return int(amount * MICRO)

    def time_ns(self, key: str) -> int | None:
        """Read an ISO time, or a day, as unix nanoseconds."""
        value = self._query.get(key)
        if value is None:
            return None
        try:
            read = datetime.fromisoformat(value)
            aware = read if read.tzinfo else read.replace(tzinfo=UTC)
            return int(aware.timestamp()) * _NS
        except (ValueError, OverflowError) as problem:
            raise _unreadable(key, "an ISO time", value) from problem


def keyset_slice(
    rows: Sequence[RowT], asked: Asked, orders: Mapping[str, Callable[[RowT], int]]
) -> Slice[RowT]:
    """Cut the page that follows a cursor; what came or went in between moves nothing twice."""
    size = _limit(asked)
    keyed = sorted(_keyed(rows, asked, orders), key=lambda pair: pair[0])
    after = _cursor(asked.text("after_cursor"), len(keyed[0][0]) if keyed else None)
    following = [pair for pair in keyed if after is None or pair[0] > after]
    shown = following[:size]
    is_end = len(following) <= len(shown) or not shown
    return Slice(
        rows=tuple(row for _, row in shown),
        next_cursor=None if is_end else _cursor_text(shown[-1][0]),
    )


def offset_slice(
    rows: Sequence[RowT], asked: Asked, orders: Mapping[str, Callable[[RowT], int]]
) -> tuple[RowT, ...]:
    """Cut the page at an offset, as the older lists do."""
    size, offset = _limit(asked), asked.whole("offset", default=0, most=OFFSET_MAX)
    keyed = sorted(_keyed(rows, asked, orders), key=lambda pair: pair[0])
    return tuple(row for _, row in keyed[offset : offset + size])


MARKET_ORDERS: dict[str, Callable[[MarketFigures], int]] = {
    "id": lambda row: int(market_number(row.listed.condition_id)),
    "volume": lambda row: row.volume,
    "volumeNum": lambda row: row.volume,
    "volume24hr": lambda row: row.volume_day,
    "liquidity": lambda row: row.liquidity,
    "liquidityNum": lambda row: row.liquidity,
    "startDate": lambda row: row.event.starts_ns,
    "endDate": lambda row: row.event.ends_ns,
    "closedTime": lambda row: row.standing.resolved_ns,
}
EVENT_ORDERS: dict[str, Callable[[EventFigures], int]] = {
    "id": lambda row: row.rank,
    "volume": lambda row: row.volume,
    "volume24hr": lambda row: row.volume_day,
    "liquidity": lambda row: row.liquidity,
    "startDate": lambda row: row.event.starts_ns,
    "endDate": lambda row: row.event.ends_ns,
}


def _limit(asked: Asked) -> int:
    size = asked.whole("limit", default=LIMIT_DEFAULT, most=OFFSET_MAX)
    if not 1 <= size <= LIMIT_MAX:
        raise _unreadable("limit", f"1 to {LIMIT_MAX}", str(size))
    return size


def _keyed(
    rows: Sequence[RowT], asked: Asked, orders: Mapping[str, Callable[[RowT], int]]
) -> list[tuple[list[int], RowT]]:
    """Give every row the key that it is ordered by, its rank last."""
    chosen: list[Callable[[RowT], int]] = []
    for name in filter(None, (asked.text("order") or "").split(",")):
        if name not in orders:
            raise _unreadable("order", f"one of {', '.join(orders)}", name)
        chosen.append(orders[name])
    is_ascending = asked.flag("ascending")
    sign = -1 if is_ascending is False or (chosen and is_ascending is None) else 1
    return [([sign * of(row) for of in chosen] + [sign * row.rank], row) for row in rows]


def _cursor_text(key: list[int]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode()


def _cursor(text: str | None, length: int | None) -> list[int] | None:
    if text is None:
        return None
    try:
        if len(text) > _CURSOR_LENGTH_MAX:
            raise _unreadable("after_cursor", "a cursor of this list", text)
        key = _CURSORS.decode(urlsafe_b64decode(text))
    except (ValueError, msgspec.MsgspecError) as problem:
        raise _unreadable("after_cursor", "a cursor of this list", text) from problem
    if length is not None and len(key) != length:
        raise _unreadable("after_cursor", "a cursor of this order", text)
    return key


def _unreadable(key: str, expected: str, found: str) -> RejectedError:
    return RejectedError(422, f"{key}: expected {expected}, found {found[:_SHOWN_MAX]!r}")
