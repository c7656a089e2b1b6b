"""The CLOB's endpoints of rewards, rebates and builders: there are none, and so they say.

Source: polymarket.md 3.2, 5.7.
"""

import re

import msgspec

from polyarb.venue.sandbox.server.clob.bodies import (
    BuilderFeesAnswer,
    BuilderPath,
    CursorQuery,
    MarketRewardsQuery,
    Nothing,
)
from polyarb.venue.sandbox.server.clob.calls import Access, Call, Endpoint, endpoint
from polyarb.venue.sandbox.server.clob.pages import Page, page_of
from polyarb.venue.sandbox.server.errors import INVALID_REQUEST, RejectedError

NO_BUILDER = "invalid builder code"
_BUILDER_CODE = re.compile(r"0x[0-9a-fA-F]{64}\Z")


class NoRow(msgspec.Struct, frozen=True):
    """A row of a list that is always empty."""


class VersionBody(msgspec.Struct, frozen=True):
    """The generation of the exchange that orders are signed for."""

    version: int = 2


class BuilderTradesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose trades, and which page of them."""

    builder_code: str = ""
    next_cursor: str = ""


def _no_page(call: Call[CursorQuery, Nothing]) -> Page[NoRow]:
    return page_of((), call.query.next_cursor, call.venue.settings.record_page)


def _no_market_page(call: Call[MarketRewardsQuery, Nothing]) -> Page[NoRow]:
    call.venue.market(call.query.condition_id)
    return page_of((), call.query.next_cursor, call.venue.settings.record_page)


def _no_list(_: Call[Nothing, Nothing]) -> tuple[()]:
    return ()


def _no_percentages(_: Call[Nothing, Nothing]) -> dict[str, float]:
    return {}


def _builder_fees(call: Call[BuilderPath, Nothing]) -> BuilderFeesAnswer:
    if _BUILDER_CODE.match(call.query.builder_code) is None:
        raise RejectedError(400, NO_BUILDER)
    return BuilderFeesAnswer()


def _builder_trades(call: Call[BuilderTradesQuery, Nothing]) -> Page[NoRow]:
    if not call.query.builder_code:
        raise RejectedError(400, INVALID_REQUEST)
    return page_of((), call.query.next_cursor, call.venue.settings.record_page)


def _ok(_: Call[Nothing, Nothing]) -> str:
    return "OK"


def _time(call: Call[Nothing, Nothing]) -> int:
    return call.venue.state.told_ns() // 1_000_000_000


def _version(_: Call[Nothing, Nothing]) -> VersionBody:
    return VersionBody()


SIGN_ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint("GET", "/ok", _ok, summary="Whether it is there", answer=str),
    endpoint("GET", "/time", _time, summary="The venue's time in unix seconds", answer=int),
    endpoint("GET", "/version", _version, summary="The exchange's generation", answer=VersionBody),
)
"""Signs that the venue is there."""

REWARD_ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(
        "GET",
        "/fees/builder-fees/{builder_code}",
        _builder_fees,
        summary="A builder's fees: none",
        query=BuilderPath,
        answer=BuilderFeesAnswer,
    ),
    endpoint(
        "GET",
        "/builder/trades",
        _builder_trades,
        summary="A builder's trades: none",
        query=BuilderTradesQuery,
        answer=Page[NoRow],
    ),
    endpoint(
        "GET",
        "/rewards/markets/current",
        _no_page,
        summary="Markets with rewards: none",
        query=CursorQuery,
        answer=Page[NoRow],
    ),
    endpoint(
        "GET",
        "/rewards/markets/multi",
        _no_page,
        summary="Markets with rewards: none",
        query=CursorQuery,
        answer=Page[NoRow],
    ),
    endpoint(
        "GET",
        "/rewards/markets/{condition_id}",
        _no_market_page,
        summary="A market's rewards: none",
        query=MarketRewardsQuery,
        answer=Page[NoRow],
    ),
    endpoint(
        "GET",
        "/rewards/user",
        _no_page,
        summary="What the account earned: nothing",
        access=Access.READ,
        query=CursorQuery,
        answer=Page[NoRow],
    ),
    endpoint(
        "GET",
        "/rewards/user/total",
        _no_list,
        summary="What the account earned in all: nothing",
        access=Access.READ,
        answer=tuple[()],
    ),
    endpoint(
        "GET",
        "/rewards/user/percentages",
        _no_percentages,
        summary="The account's share of rewards: none",
        access=Access.READ,
        answer=dict[str, float],
    ),
    endpoint(
        "GET",
        "/rewards/user/markets",
        _no_page,
        summary="What the account earned in each market: nothing",
        access=Access.READ,
        query=CursorQuery,
        answer=Page[NoRow],
    ),
    endpoint(
        "GET",
        "/rebates/current",
        _no_list,
        summary="Rebates of maker fees: none",
        answer=tuple[()],
    ),
)
