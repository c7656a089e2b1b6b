"""The venue's public REST endpoints: the catalogue, books, time, version and where it is blocked.

Lists come page by page as raw bodies. Source: polymarket.md 2.5, 2.7, 3.2, 7.4.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from random import Random
from typing import Self, TypeVar

import anyio
import httpx
import msgspec

from polyarb.domain.venue import VenueSettings
from polyarb.ports import Clock
from polyarb.venue.polymarket.rest.budget import Priority, Scope
from polyarb.venue.polymarket.rest.caller import Caller, Request, RestState, Sleep
from polyarb.venue.polymarket.rest.faults import (
    RestError,
    RestFaultKind,
    fault_of_body,
    printable,
)
from polyarb.venue.polymarket.rest.mode import ModeReading, ModeWatch

PAGE_ITEMS_MAX = 100
"""The most that `/markets/keyset` allows. Source: polymarket.md 2.5."""
PAGES_MAX = 3_000
CURSOR_LENGTH_MAX = 4_096
BOOKS_PER_REQUEST = 200
"""The venue allows 500; smaller answers stay far from the limit of a body."""
BOOK_REQUESTS_AT_ONCE = 4
_TIME_S_MAX = 1 << 40

_Body = TypeVar("_Body")


class GeoblockAnswer(msgspec.Struct, frozen=True):
    """Whether orders from this address are refused, and where the venue believes it is."""

    blocked: bool
    ip: str = ""
    country: str = ""
    region: str = ""


class _Version(msgspec.Struct):
    version: int


class _BookHead(msgspec.Struct):
    asset_id: str
    event_type: str | msgspec.UnsetType = msgspec.UNSET


class _EventsPage(msgspec.Struct):
    events: list[msgspec.Raw]
    next_cursor: str | None = None

    @property
    def count(self) -> int:
        return len(self.events)


class _MarketsPage(msgspec.Struct):
    markets: list[msgspec.Raw]
    next_cursor: str | None = None

    @property
    def count(self) -> int:
        return len(self.markets)


class _AnyObject(msgspec.Struct):
    """A JSON object of which nothing is asked."""


def as_book_frame(*books: bytes) -> bytes:
    """Return raw books as a frame of the market channel: one as an object, several as an array."""
    messages = [b'{"event_type":"book",' + book.lstrip()[1:] for book in books]
    return messages[0] if len(messages) == 1 else b"[" + b",".join(messages) + b"]"


class PublicClient:
    """Reads what the venue tells everybody. Errors: RestError (a VenueError) of every method.

    Open it as an async context manager. One client for a process: it holds the rate limits.
    """

    def __init__(
        self,
        settings: VenueSettings,
        clock: Clock,
        random: Random,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
        on_mode: Callable[[ModeReading], None] | None = None,
    ) -> None:
        self._hosts = settings.hosts
        self._mode = ModeWatch(on_mode)
        self._caller = Caller(
            settings, clock, random, mode=self._mode, transport=transport, sleep=sleep
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._caller.close()

    @property
    def mode(self) -> ModeReading:
        """Return what the venue accepts, as last observed."""
        return self._mode.reading

    @property
    def state(self) -> RestState:
        """Return what was done up to now, and how much of the limits is used."""
        return self._caller.state()

    async def events(self, *, closed: bool = False) -> AsyncIterator[bytes]:
        """Yield every page of Gamma's events as it came; a list that was cut short raises."""
        async for page in self._pages("/events/keyset", _EventsPage, closed, Scope.GAMMA_EVENTS):
            yield page

    async def markets(self, *, closed: bool = False) -> AsyncIterator[bytes]:
        """Yield every page of Gamma's markets as it came; a list that was cut short raises."""
        async for page in self._pages("/markets/keyset", _MarketsPage, closed, Scope.GAMMA_MARKETS):
            yield page

    async def clob_market(self, condition_id: str) -> bytes:
        """Return the compact description of a market. Errors: kind NOT_FOUND if there is none."""
        request = self._clob(f"/clob-markets/{_segment(condition_id)}")
        body, _ = await self._call(request, _AnyObject, "a market")
        return body

    async def books(
        self, tokens: Sequence[str], *, priority: Priority = Priority.ESSENTIAL
    ) -> list[bytes]:
        """Return the book of every token that has one, as it came and in no order."""
        wanted = list(dict.fromkeys(tokens))
        starts = range(0, len(wanted), BOOKS_PER_REQUEST)
        lots = [wanted[start : start + BOOKS_PER_REQUEST] for start in starts]
        found: list[list[bytes]] = [[] for _ in lots]
        deadline_ns = self._caller.deadline_ns()
        gate = asyncio.Semaphore(BOOK_REQUESTS_AT_ONCE)

        async def ask(place: int) -> None:
            request = self._books_request(lots[place], priority)
            async with gate:
                found[place] = await self._caller.call(
                    request, lambda body: _books_of(body, lots[place], request), deadline_ns
                )

        try:
            async with anyio.create_task_group() as group:
                for place in range(len(lots)):
                    group.start_soon(ask, place)
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None
        return [book for books in found for book in books]

    async def time_ms(self) -> int:
        """Return the venue's time. Units: unix milliseconds, told in whole seconds."""
        request = self._clob("/time")
        return await self._caller.call(request, lambda body: _milliseconds(body, request))

    async def version(self) -> int:
        """Return the version of the exchange whose orders the venue takes."""
        _, answer = await self._call(self._clob("/version"), _Version, "a version")
        return answer.version

    async def is_ok(self) -> bool:
        """Tell whether the venue says that it is well."""
        return await self._caller.call(self._clob("/ok", Scope.OK), _says_ok)

    async def geoblock(self) -> GeoblockAnswer:
        """Tell whether orders from this address would be refused."""
        request = Request(url=self._hosts.geoblock, scopes=(Scope.ALL, Scope.SITE))
        _, answer = await self._call(request, GeoblockAnswer, "a geoblock answer")
        return GeoblockAnswer(
            blocked=answer.blocked,
            ip=printable(answer.ip),
            country=printable(answer.country),
            region=printable(answer.region),
        )

    async def _call(
        self, request: Request, kind: type[_Body], expected: str
    ) -> tuple[bytes, _Body]:
        """Return an answer as it came, and as it was read."""
        return await self._caller.call(
            request, lambda body: (body, _decode(body, kind, request, expected))
        )

    def _clob(self, path: str, *scopes: Scope) -> Request:
        url = _join(self._hosts.clob, path)
        return Request(url=url, scopes=(Scope.ALL, Scope.CLOB, *scopes))

    def _books_request(self, tokens: list[str], priority: Priority) -> Request:
        return Request(
            method="POST",
            url=_join(self._hosts.clob, "/books"),
            body=msgspec.json.encode([{"token_id": token} for token in tokens]),
            scopes=(Scope.ALL, Scope.CLOB, Scope.BOOKS),
            priority=priority,
        )

    async def _pages(
        self, path: str, kind: type[_EventsPage | _MarketsPage], closed: bool, scope: Scope
    ) -> AsyncIterator[bytes]:
        query = (("limit", str(PAGE_ITEMS_MAX)), ("closed", "true" if closed else "false"))
        url = _join(self._hosts.gamma, path)
        scopes = (Scope.ALL, Scope.GAMMA, Scope.GAMMA_LISTS, scope)
        request = Request(url=url, query=query, scopes=scopes)
        seen: set[str] = set()
        for _ in range(PAGES_MAX):
            body, page = await self._call(request, kind, "a page of a list")
            cursor = page.next_cursor
            if cursor is not None:
                _check_cursor(cursor, page.count, seen, request)
            yield body
            if cursor is None:
                return
            seen.add(cursor)
            query_on = (*query, ("after_cursor", cursor))
            request = Request(url=url, query=query_on, scopes=scopes)
        raise _endless(request, f"more than {PAGES_MAX} pages")


def _books_of(body: bytes, tokens: list[str], request: Request) -> list[bytes]:
    """Return each book of an answer. Errors: RestError if one was not asked for or came twice."""
    books = _decode(body, list[msgspec.Raw], request, "an array of books")
    unseen = set(tokens)
    for book in books:
        head = _decode(bytes(book), _BookHead, request, "a book")
        if head.asset_id not in unseen or head.event_type is not msgspec.UNSET:
            expected = "one book of each token that was asked for"
            raise fault_of_body(request.asked, expected, str(head))
        unseen.discard(head.asset_id)
    return [bytes(book) for book in books]


def _milliseconds(body: bytes, request: Request) -> int:
    """Read whole seconds of unix time."""
    seconds = _decode(body, int, request, "whole seconds")
    if not 0 < seconds < _TIME_S_MAX:
        raise fault_of_body(request.asked, "unix seconds", printable(repr(body[:40])))
    return seconds * 1_000


def _says_ok(body: bytes) -> bool:
    return body.strip().strip(b'"') == b"OK"


def _check_cursor(cursor: str, count: int, seen: set[str], request: Request) -> None:
    """Refuse a cursor that does not lead on. Errors: RestError ENDLESS."""
    if not cursor:
        raise _endless(request, "an empty cursor")
    if len(cursor) > CURSOR_LENGTH_MAX:
        raise _endless(request, f"a cursor of {len(cursor)} characters")
    if cursor in seen:
        raise _endless(request, f"the cursor {printable(cursor)!r} once more")
    if not count:
        raise _endless(request, "an empty page that is not the last")


def _endless(request: Request, found: str) -> RestError:
    return RestError(
        f"expected {request.asked} to lead to the end of the list, found: {found}; "
        "try again, or the venue has changed its lists",
        RestFaultKind.ENDLESS,
        retryable=True,
    )


def _decode(body: bytes, kind: type[_Body], request: Request, expected: str) -> _Body:
    """Read an answer. Errors: RestError WRONG_BODY that says what is wrong, and how it begins."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        beginning = printable(body[:1_000].decode("utf-8", "replace"))
        raise fault_of_body(request.asked, expected, f"{error}, in: {beginning}") from error


def _join(host: str, path: str) -> str:
    return host.rstrip("/") + path


def _segment(text: str) -> str:
    """Return an id as a part of a path. Errors: RestError if it is none."""
    if not text.isascii() or not text.isalnum():
        raise RestError(
            f"expected the id of a market, found: {printable(text)!r}; run markets sync",
            RestFaultKind.NOT_FOUND,
        )
    return text
