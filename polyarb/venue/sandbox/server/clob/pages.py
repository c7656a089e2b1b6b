"""The CLOB's pages: a cursor is the offset in base64, and the end has a cursor of its own."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from polyarb.venue.sandbox.server.errors import RejectedError

Row = TypeVar("Row")

START = "MA=="
END = "LTE="
"""Base64 of "0" and of "-1". Source: polymarket.md 2.7."""
BAD_CURSOR = "invalid next_cursor"
_CURSOR_LENGTH_MAX = 24


class Page(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """One page of a list, and where the next one begins."""

    limit: int
    count: int
    next_cursor: str
    data: Sequence[Row]


def page_of(rows: Sequence[Row], cursor: str, size: int) -> Page[Row]:
    """Cut the page that a cursor asks for; the end's cursor gives an empty page.

    Errors: RejectedError for a cursor that was never given out.
    """
    start = len(rows) if cursor == END else _offset(cursor)
    shown = rows[start : start + size]
    following = start + size
    next_cursor = END if following >= len(rows) else _cursor(following)
    return Page(limit=size, count=len(shown), next_cursor=next_cursor, data=shown)


def _cursor(offset: int) -> str:
    return b64encode(str(offset).encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        digits = b64decode(cursor[:_CURSOR_LENGTH_MAX], validate=True)
    except ValueError as error:
        raise RejectedError(400, BAD_CURSOR) from error
    if not digits.isdigit() or len(cursor) > _CURSOR_LENGTH_MAX:
        raise RejectedError(400, BAD_CURSOR)
    return int(digits)
