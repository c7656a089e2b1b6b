"""What the Data API is asked for: how its queries are read and its lists are cut into pages.

Several values of one key stand in one text, with commas. A value that cannot be read is refused
with 400. No clock, no I/O. Source: polymarket.md 2.6 and 2.7.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Sequence
from decimal import Decimal, InvalidOperation
from typing import Generic, Protocol, TypeVar

import msgspec
from starlette.datastructures import QueryParams

from polyarb.domain.ids import ConditionId, condition_key
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.contracts import checksum
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.server.errors import RejectedError

LIMIT_MAX = 1_000
LIMIT_DEFAULT = 100
CONDITIONS_MAX = 20
TIME_S_MAX = 253_402_300_799
_CURSOR_LENGTH_MAX = 400
_SHOWN_MAX = 80
_DIGITS_MAX = 20
_CONDITION = re.compile(r"0x(?:[0-9a-fA-F]{62}|[0-9a-fA-F]{64})")
_FLAGS = {"true": True, "false": False}


class Keyed(Protocol):
    """A row of a list; its key names it among all of them."""

    @property
    def key(self) -> str:
        """Return the name of the row."""
        ...


RowT = TypeVar("RowT", bound=Keyed)
BodyT = TypeVar("BodyT")


class Pagination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page ends; next_cursor is null where nothing follows."""

    has_more: bool
    next_cursor: str | None


class PageBody(msgspec.Struct, Generic[BodyT], frozen=True, kw_only=True):
    """The envelope of a list."""

    data: tuple[BodyT, ...]
    pagination: Pagination


class Envelope(msgspec.Struct, Generic[BodyT], frozen=True, kw_only=True):
    """The envelope of a single answer."""

    data: BodyT


class Inquiry:
    """The query of one request. Errors: RejectedError 400 for a value that cannot be read."""

    def __init__(self, query: QueryParams) -> None:
        self._query = query

    def text(self, key: str) -> str | None:
        """Return the value of a key; None where it is empty or not given."""
        return self._query.get(key) or None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the values of a key, each once."""
        parts = (part.strip() for part in (self.text(key) or "").split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """Read one of several words."""
        value = self.text(key)
        if value is not None and value not in choices:
            raise unreadable(key, f"one of {', '.join(choices)}", value)
        return value

    def flag(self, key: str) -> bool | None:
        """Read true or false."""
        value = self.text(key)
        if value is None:
            return None
        if value.lower() not in _FLAGS:
            raise unreadable(key, "true or false", value)
        return _FLAGS[value.lower()]

    def user(self) -> Address | None:
        """Read the wallet that is asked about."""
        value = self.text("user")
        if value is None:
            return None
        wallet = checksum(value)
        if wallet is None:
            raise unreadable("user", "0x and 40 hex digits", value)
        return wallet

    def required_user(self) -> Address:
        """Read the wallet that must be given."""
        user = self.user()
        if user is None:
            raise RejectedError(400, "user is required")
        return user

    def condition_ids(self, key: str = "condition_id") -> tuple[ConditionId, ...]:
        """Read condition ids, those of 31 bytes padded."""
        found = self.texts(key)
        if len(found) > CONDITIONS_MAX:
            raise unreadable(key, f"at most {CONDITIONS_MAX} ids", str(len(found)))
        for each in found:
            if not _CONDITION.fullmatch(each):
                raise unreadable(key, "0x and 64 hex digits", each)
        return tuple(ConditionId(condition_key(each)) for each in found)

    def event_ids(self) -> tuple[str, ...]:
        """Read event ids."""
        found = self.texts("event_id")
        for each in found:
            if not is_whole(each):
                raise unreadable("event_id", "a whole number", each)
        return found

    def whole(self, key: str, *, least: int, most: int) -> int | None:
        """Read a whole number between two bounds."""
        value = self.text(key)
        if value is None:
            return None
        if not is_whole(value) or not least <= int(value) <= most:
            raise unreadable(key, f"a whole number from {least} to {most}", value)
        return int(value)

    def micros(self, key: str) -> int | None:
        """Read an amount that is not negative as micros."""
        value = self.text(key)
        if value is None:
            return None
        try:
            amount = Decimal(value)
        except InvalidOperation as problem:
            raise unreadable(key, "an amount", value) from problem
        if not amount.is_finite() or amount < 0 or amount.adjusted() > _DIGITS_MAX:
            raise unreadable(key, "an amount", value)
        return int(amount * MICRO)

    def seconds(self, key: str) -> int | None:
        """Read a unix time in seconds."""
        return self.whole(key, least=0, most=TIME_S_MAX)


def cut_page(
    rows: Sequence[RowT], inquiry: Inquiry, *, limit_max: int = LIMIT_MAX
) -> tuple[tuple[RowT, ...], Pagination]:
    """Cut the page after a cursor, which names the last row shown.

    Errors: RejectedError 400 for a cursor that names no row, or none any more.
    """
    size = inquiry.whole("limit", least=1, most=limit_max) or min(LIMIT_DEFAULT, limit_max)
    start = _start(rows, inquiry.text("cursor"))
    shown = tuple(rows[start : start + size])
    has_more = start + size < len(rows)
    return shown, Pagination(
        has_more=has_more, next_cursor=_cursor_text(shown[-1].key) if has_more else None
    )


def empty_page() -> PageBody[None]:
    """Return the page of a list of which the sandbox has nothing."""
    return PageBody(data=(), pagination=Pagination(has_more=False, next_cursor=None))


def is_whole(text: str) -> bool:
    """Tell whether a text is a whole number of a sane length."""
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX


def is_within(at_s: int, start: int | None, end: int | None) -> bool:
    """Tell whether a time lies between two others, either of which may be open."""
    return (start is None or at_s >= start) and (end is None or at_s <= end)


def unreadable(key: str, expected: str, found: str) -> RejectedError:
    """Refuse a value, saying what was expected."""
    return RejectedError(400, f"{key}: expected {expected}, found {found[:_SHOWN_MAX]!r}")


def _cursor_text(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode()


def _start(rows: Sequence[RowT], cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        key = urlsafe_b64decode(cursor[:_CURSOR_LENGTH_MAX]).decode()
    except ValueError as problem:
        raise unreadable("cursor", "a cursor of this list", cursor) from problem
    for position, row in enumerate(rows):
        if row.key == key:
            return position + 1
    raise unreadable("cursor", "a cursor of this list", cursor)
