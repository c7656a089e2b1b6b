"""Gamma on the wire: what is listed, described from the world as it stands. Reads only.

There are no comments, profiles, teams, series or sports in the sandbox; their lists are empty.
Source: polymarket.md 2.5.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.server.gamma.filters import wanted_events, wanted_markets
from polyarb.venue.sandbox.server.gamma.queries import (
    EVENT_ORDERS,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    MARKET_ORDERS,
    OFFSET_MAX,
    Asked,
    keyset_slice,
    offset_slice,
)
from polyarb.venue.sandbox.server.json_app import json_app, json_response
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.wire.gamma import (
    EventBody,
    EventFigures,
    MarketBody,
    MarketFigures,
    TagBody,
    event_body,
    events_of,
    market_body,
    market_number,
    tag_of,
)
from polyarb.venue.sandbox.wire.turnover import Turnover

NOT_FOUND = "id not found"
SLUG_NOT_FOUND = "slug not found"
SEARCH_LIMIT_MAX = 50
Found = TypeVar("Found")


class MarketsPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of markets; the key of the cursor is absent at the end."""

    markets: tuple[MarketBody, ...]
    next_cursor: str | None = None


class EventsPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of events; the key of the cursor is absent at the end."""

    events: tuple[EventBody, ...]
    next_cursor: str | None = None


class SearchPagination(msgspec.Struct, frozen=True, rename="camel"):
    """Where a search stands."""

    has_more: bool
    total_results: int


class SearchBody(msgspec.Struct, frozen=True):
    """What a search found."""

    events: tuple[EventBody, ...]
    tags: tuple[TagBody, ...]
    profiles: tuple[()]
    pagination: SearchPagination


class GeoblockBody(msgspec.Struct, frozen=True):
    """Where the venue believes that the caller is."""

    blocked: bool = False
    ip: str = "127.0.0.1"
    country: str = "IE"
    region: str = ""


class Gamma:
    """The listing of one sandbox, read anew for every request."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._turnover = Turnover()
        state.listen(self._turnover.listen)

    def events(self) -> tuple[EventFigures, ...]:
        """Read every event with its figures, as of now."""
        now_ns, world = self._state.now(), self._state.world
        return events_of(world.exchange, self._turnover, now_ns, chain=world.chain)

    def markets(self) -> list[MarketFigures]:
        """Read every market with its figures, as of now."""
        return [market for event in self.events() for market in event.markets]

    def tags(self) -> dict[str, TagBody]:
        """Return the tags of all events by id."""
        categories = [event.category for event in self._state.world.exchange.events()]
        return {tag.id: tag for tag in map(tag_of, dict.fromkeys(categories))}


def gamma_app(state: SandboxState) -> Starlette:
    """Build the service `gamma`."""
    gamma = Gamma(state)
    routes = [
        Route(path, _endpoint(gamma, answer), methods=["GET"]) for path, answer in ANSWERS.items()
    ]
    return json_app(routes)


def _endpoint(
    gamma: Gamma, answer: Callable[[Gamma, Request], object]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return json_response(answer(gamma, request))

    return endpoint


def _markets_keyset(gamma: Gamma, request: Request) -> MarketsPage:
    asked = Asked(request.query_params)
    page = keyset_slice(wanted_markets(gamma.markets(), asked), asked, MARKET_ORDERS)
    return MarketsPage(markets=_market_bodies(page.rows, asked), next_cursor=page.next_cursor)


def _events_keyset(gamma: Gamma, request: Request) -> EventsPage:
    asked = Asked(request.query_params)
    page = keyset_slice(wanted_events(gamma.events(), asked), asked, EVENT_ORDERS)
    return EventsPage(events=tuple(map(event_body, page.rows)), next_cursor=page.next_cursor)


def _markets(gamma: Gamma, request: Request) -> tuple[MarketBody, ...]:
    asked = Asked(request.query_params)
    rows = offset_slice(wanted_markets(gamma.markets(), asked), asked, MARKET_ORDERS)
    return _market_bodies(rows, asked)


def _events(gamma: Gamma, request: Request) -> tuple[EventBody, ...]:
    asked = Asked(request.query_params)
    rows = offset_slice(wanted_events(gamma.events(), asked), asked, EVENT_ORDERS)
    return tuple(map(event_body, rows))


def _market_by_id(gamma: Gamma, request: Request) -> MarketBody:
    return market_body(_market_with_id(gamma, request), is_tagged=_is_tagged(request))


def _market_by_slug(gamma: Gamma, request: Request) -> MarketBody:
    slug = request.path_params["slug"]
    found = (row for row in gamma.markets() if row.listed.slug == slug)
    return market_body(_first(found, SLUG_NOT_FOUND), is_tagged=_is_tagged(request))


def _market_tags(gamma: Gamma, request: Request) -> tuple[TagBody, ...]:
    return (tag_of(_market_with_id(gamma, request).event.category),)


def _event_by_id(gamma: Gamma, request: Request) -> EventBody:
    return event_body(_event_with_id(gamma, request))


def _event_by_slug(gamma: Gamma, request: Request) -> EventBody:
    slug = request.path_params["slug"]
    found = (row for row in gamma.events() if row.event.slug == slug)
    return event_body(_first(found, SLUG_NOT_FOUND))


def _event_tags(gamma: Gamma, request: Request) -> tuple[TagBody, ...]:
    return (tag_of(_event_with_id(gamma, request).event.category),)


def _tags(gamma: Gamma, request: Request) -> tuple[TagBody, ...]:
    asked = Asked(request.query_params)
    limit = asked.whole("limit", default=LIMIT_MAX, most=OFFSET_MAX)
    offset = asked.whole("offset", default=0, most=OFFSET_MAX)
    return tuple(gamma.tags().values())[offset : offset + limit]


def _tag_by_id(gamma: Gamma, request: Request) -> TagBody:
    found = gamma.tags().get(request.path_params["id"])
    return _first(() if found is None else (found,), NOT_FOUND)


def _tag_by_slug(gamma: Gamma, request: Request) -> TagBody:
    slug = request.path_params["slug"]
    return _first((tag for tag in gamma.tags().values() if tag.slug == slug), SLUG_NOT_FOUND)


def _search(gamma: Gamma, request: Request) -> SearchBody:
    asked = Asked(request.query_params)
    words = (asked.text("q") or "").strip().lower()
    if not words:
        raise RejectedError(422, "q: expected some text, found none")
    limit = asked.whole("limit_per_type", default=LIMIT_DEFAULT, most=SEARCH_LIMIT_MAX)
    skipped = limit * (max(asked.whole("page", default=1, most=OFFSET_MAX), 1) - 1)
    found = [row for row in gamma.events() if _speaks_of(row, words)]
    tags = [tag for tag in gamma.tags().values() if words in tag.label.lower()]
    return SearchBody(
        events=tuple(map(event_body, found[skipped : skipped + limit])),
        tags=tuple(tags) if asked.flag("search_tags") else (),
        profiles=(),
        pagination=SearchPagination(
            has_more=len(found) > skipped + limit, total_results=len(found)
        ),
    )


def _nothing(_: Gamma, __: Request) -> tuple[()]:
    return ()


def _no_comments(_: Gamma, __: Request) -> dict[str, tuple[()]]:
    return {"comments": ()}


def _no_market_types(_: Gamma, __: Request) -> dict[str, tuple[()]]:
    return {"marketTypes": ()}


def _not_here(_: Gamma, __: Request) -> object:
    raise RejectedError(404, NOT_FOUND)


def _geoblock(_: Gamma, __: Request) -> GeoblockBody:
    return GeoblockBody()


def _market_bodies(rows: Sequence[MarketFigures], asked: Asked) -> tuple[MarketBody, ...]:
    is_tagged = asked.flag("include_tag") or False
    return tuple(market_body(row, is_tagged=is_tagged) for row in rows)


def _is_tagged(request: Request) -> bool:
    return Asked(request.query_params).flag("include_tag") or False


def _market_with_id(gamma: Gamma, request: Request) -> MarketFigures:
    number = request.path_params["id"]
    found = (row for row in gamma.markets() if market_number(row.listed.condition_id) == number)
    return _first(found, NOT_FOUND)


def _event_with_id(gamma: Gamma, request: Request) -> EventFigures:
    event_id = request.path_params["id"]
    return _first((row for row in gamma.events() if row.event.event_id == event_id), NOT_FOUND)


def _first(found: Iterable[Found], text: str) -> Found:
    for each in found:
        return each
    raise RejectedError(404, text)


def _speaks_of(row: EventFigures, words: str) -> bool:
    texts = [row.event.title, row.event.slug, *(each.listed.question for each in row.markets)]
    return any(words in text.lower() for text in texts)


ANSWERS: Mapping[str, Callable[[Gamma, Request], object]] = {
    "/markets/keyset": _markets_keyset,
    "/events/keyset": _events_keyset,
    "/markets": _markets,
    "/events": _events,
    "/markets/slug/{slug}": _market_by_slug,
    "/markets/{id}/tags": _market_tags,
    "/markets/{id}": _market_by_id,
    "/events/slug/{slug}": _event_by_slug,
    "/events/{id}/tags": _event_tags,
    "/events/{id}": _event_by_id,
    "/tags": _tags,
    "/tags/slug/{slug}/related-tags/tags": _nothing,
    "/tags/slug/{slug}/related-tags": _nothing,
    "/tags/slug/{slug}": _tag_by_slug,
    "/tags/{id}/related-tags/tags": _nothing,
    "/tags/{id}/related-tags": _nothing,
    "/tags/{id}": _tag_by_id,
    "/series": _nothing,
    "/series/{id}": _not_here,
    "/sports": _nothing,
    "/sports/market-types": _no_market_types,
    "/teams": _nothing,
    "/comments": _nothing,
    "/comments/keyset": _no_comments,
    "/comments/user_address/{address}": _nothing,
    "/comments/{id}": _nothing,
    "/public-profile": _not_here,
    "/public-search": _search,
    "/api/geoblock": _geoblock,
}
"""Every path of the service, in the order in which they are tried."""
