"""The filters of Gamma's lists, as tables: each is asked its own keys and passes or holds a row.

A key that no filter knows is ignored, as a web page's extra parameters are. No clock, no I/O.
Source: polymarket.md 2.5.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from polyarb.venue.sandbox.server.gamma.queries import Asked
from polyarb.venue.sandbox.wire.gamma import (
    EventFigures,
    MarketFigures,
    market_number,
    tag_of,
)

RowT = TypeVar("RowT")
MarketTest = Callable[[MarketFigures], bool]
EventTest = Callable[[EventFigures], bool]
VERSION = "v1"
NAMES_OF_NOTHING_HERE = (
    "position_ids",
    "onchain_event_ids",
    "request_ids",
    "resolution_status",
    "game_id",
    "sports_market_types",
    "market_maker_address",
)
"""Filters on what no market of the sandbox has: whoever sets one finds nothing."""


def wanted_markets(rows: Sequence[MarketFigures], asked: Asked) -> list[MarketFigures]:
    """Return the markets that pass every filter; closed ones only where they are asked for."""
    return _passing(rows, [test for make in MARKET_FILTERS if (test := make(asked))])


def wanted_events(rows: Sequence[EventFigures], asked: Asked) -> list[EventFigures]:
    """Return the events that pass every filter; closed ones only where they are asked for."""
    return _passing(rows, [test for make in EVENT_FILTERS if (test := make(asked))])


def _passing(rows: Iterable[RowT], tests: Sequence[Callable[[RowT], bool]]) -> list[RowT]:
    return [row for row in rows if all(test(row) for test in tests)]


def _market_closed(asked: Asked) -> MarketTest:
    is_closed = asked.flag("closed") or False
    return lambda row: row.standing.is_closed == is_closed


def _market_flags(asked: Asked) -> MarketTest | None:
    """Hold what is asked for as inactive or archived: no market of the sandbox is."""
    if asked.flag("active") is False or asked.flag("archived") is True:
        return lambda _: False
    return None


def _market_ids(asked: Asked) -> MarketTest | None:
    ids = asked.texts("id")
    return (lambda row: market_number(row.listed.condition_id) in ids) if ids else None


def _market_slugs(asked: Asked) -> MarketTest | None:
    slugs = asked.texts("slug")
    return (lambda row: row.listed.slug in slugs) if slugs else None


def _condition_ids(asked: Asked) -> MarketTest | None:
    ids = {each.lower() for each in asked.texts("condition_ids")}
    return (lambda row: row.listed.condition_id in ids) if ids else None


def _token_ids(asked: Asked) -> MarketTest | None:
    ids = asked.texts("clob_token_ids")
    return (lambda row: row.listed.yes in ids or row.listed.no in ids) if ids else None


def _question_ids(asked: Asked) -> MarketTest | None:
    ids = {each.lower() for each in asked.texts("question_ids")}
    return (lambda row: row.listed.question_id in ids) if ids else None


def _market_versions(asked: Asked) -> MarketTest | None:
    versions = asked.texts("version")
    return (lambda _: VERSION in versions) if versions else None


def _nothing_here(asked: Asked) -> MarketTest | None:
    if any(asked.texts(key) for key in NAMES_OF_NOTHING_HERE):
        return lambda _: False
    return None


def _market_tags(asked: Asked) -> MarketTest | None:
    tags = asked.texts("tag_id")
    return (lambda row: tag_of(row.event.category).id in tags) if tags else None


def _uma_status(asked: Asked) -> MarketTest | None:
    status = asked.text("uma_resolution_status")
    if status is None:
        return None
    return lambda row: row.standing.payouts is not None and status == "resolved"


def _market_volumes(asked: Asked) -> MarketTest:
    fits = _range(asked.micros("volume_num_min"), asked.micros("volume_num_max"))
    return lambda row: fits(row.volume)


def _market_liquidity(asked: Asked) -> MarketTest:
    fits = _range(asked.micros("liquidity_num_min"), asked.micros("liquidity_num_max"))
    return lambda row: fits(row.liquidity)


def _market_starts(asked: Asked) -> MarketTest:
    fits = _range(asked.time_ns("start_date_min"), asked.time_ns("start_date_max"))
    return lambda row: fits(row.event.starts_ns)


def _market_ends(asked: Asked) -> MarketTest:
    fits = _range(asked.time_ns("end_date_min"), asked.time_ns("end_date_max"))
    return lambda row: fits(row.event.ends_ns)


def _event_closed(asked: Asked) -> EventTest:
    is_closed = asked.flag("closed") or False
    return lambda row: row.is_closed == is_closed


def _event_flags(asked: Asked) -> EventTest | None:
    """Hold what is asked for as something that no event of the sandbox is."""
    wanted = [asked.flag(key) for key in ("featured", "cyom", "live", "ended", "archived")]
    if asked.flag("active") is False or True in wanted:
        return lambda _: False
    return None


def _event_ids(asked: Asked) -> EventTest | None:
    ids = asked.texts("id")
    return (lambda row: row.event.event_id in ids) if ids else None


def _event_slugs(asked: Asked) -> EventTest | None:
    slugs = asked.texts("slug")
    return (lambda row: row.event.slug in slugs) if slugs else None


def _event_title(asked: Asked) -> EventTest | None:
    words = (asked.text("title_search") or "").lower()
    return (lambda row: words in row.event.title.lower()) if words else None


def _event_versions(asked: Asked) -> EventTest | None:
    versions = asked.texts("version")
    return (lambda _: VERSION in versions) if versions else None


def _event_tags(asked: Asked) -> EventTest | None:
    tags, slug = asked.texts("tag_id"), asked.text("tag_slug")
    if not tags and slug is None:
        return None
    wanted = {*tags, *([slug] if slug else [])}
    return lambda row: not wanted.isdisjoint(_tag_names(row))


def _event_tags_excluded(asked: Asked) -> EventTest | None:
    tags = asked.texts("exclude_tag_id")
    return (lambda row: tag_of(row.event.category).id not in tags) if tags else None


def _events_of_nothing(asked: Asked) -> EventTest | None:
    keys = ("series_id", "game_id", "parent_event_id", "partner_slug", "recurrence", "event_week")
    return (lambda _: False) if any(asked.texts(key) for key in keys) else None


def _event_volumes(asked: Asked) -> EventTest:
    fits = _range(asked.micros("volume_min"), asked.micros("volume_max"))
    return lambda row: fits(row.volume)


def _event_liquidity(asked: Asked) -> EventTest:
    fits = _range(asked.micros("liquidity_min"), asked.micros("liquidity_max"))
    return lambda row: fits(row.liquidity)


def _event_starts(asked: Asked) -> EventTest:
    fits = _range(asked.time_ns("start_date_min"), asked.time_ns("start_date_max"))
    return lambda row: fits(row.event.starts_ns)


def _event_ends(asked: Asked) -> EventTest:
    fits = _range(asked.time_ns("end_date_min"), asked.time_ns("end_date_max"))
    return lambda row: fits(row.event.ends_ns)


def _range(least: int | None, most: int | None) -> Callable[[int], bool]:
    """Return the test that an amount lies between two bounds, either of which may be open."""
    return lambda found: (least is None or found >= least) and (most is None or found <= most)


def _tag_names(row: EventFigures) -> tuple[str, str]:
    tag = tag_of(row.event.category)
    return tag.id, tag.slug


MARKET_FILTERS: tuple[Callable[[Asked], MarketTest | None], ...] = (
    _market_closed,
    _market_flags,
    _market_ids,
    _market_slugs,
    _condition_ids,
    _token_ids,
    _question_ids,
    _market_versions,
    _nothing_here,
    _market_tags,
    _uma_status,
    _market_volumes,
    _market_liquidity,
    _market_starts,
    _market_ends,
)
EVENT_FILTERS: tuple[Callable[[Asked], EventTest | None], ...] = (
    _event_closed,
    _event_flags,
    _event_ids,
    _event_slugs,
    _event_title,
    _event_versions,
    _event_tags,
    _event_tags_excluded,
    _events_of_nothing,
    _event_volumes,
    _event_liquidity,
    _event_starts,
    _event_ends,
)
