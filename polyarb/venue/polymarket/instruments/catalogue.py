"""The catalogue of a run, from sidecar files of several shapes or from the tape itself."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from polyarb.domain.errors import VenueError
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.market import Catalogue, Market, MarketGroup
from polyarb.venue.polymarket.instruments.gamma import (
    CompactMarket,
    GammaEvent,
    GammaMarket,
    group_id_of,
    group_of_event,
    market_of_compact,
    market_of_gamma,
)

NO_EVENT_BODY = "the event that lists the outcomes was not given"


class TokenPair(msgspec.Struct):
    """Two tokens of one market, of which nothing else is known."""

    market: str
    token_a: str
    token_b: str


class _MarketsPage(msgspec.Struct):
    markets: list[GammaMarket]


class _EventsPage(msgspec.Struct):
    events: list[GammaEvent]


class _Shape(msgspec.Struct, rename="camel"):
    """Which keys a body has, by which its kind is known."""

    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    markets: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    title: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    condition_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    market_id: msgspec.Raw | msgspec.UnsetType = msgspec.field(
        name="market_id", default=msgspec.UNSET
    )
    t: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    token_a: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="token_a", default=msgspec.UNSET)


class _Sighting(msgspec.Struct):
    """The tokens that a message of a tape names under one market id."""

    market: str
    asset_id: str | None = None
    price_changes: list["_Entry"] = []


class _Entry(msgspec.Struct):
    asset_id: str


class _SeenLine(msgspec.Struct):
    msg: _Sighting | list[_Sighting]


class CatalogueBuilder:
    """Collects markets and groups; what several bodies say of one market is put together."""

    def __init__(self) -> None:
        self._markets: dict[ConditionId, Market] = {}
        self._groups: dict[GroupId, MarketGroup] = {}
        self._owners: dict[TokenId, ConditionId] = {}

    def add(self, content: bytes, name: str) -> None:
        """Read one sidecar.

        Errors: VenueError with the name, the place, what was expected and what was found.
        """
        try:
            if content.lstrip()[:1] != b"[":
                self._add_body(content, name)
                return
            bodies = msgspec.json.decode(content, type=list[msgspec.Raw])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            raise _unreadable(name, fault) from fault
        for number, body in enumerate(bodies):
            place = f"{name}, element {number}"
            try:
                self._add_body(bytes(body), place)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
                raise _unreadable(place, fault) from fault

    def catalogue(self) -> Catalogue:
        """Return what was collected."""
        return Catalogue(markets=dict(self._markets), groups=dict(self._groups))

    def add_market(self, market: Market | None, name: str) -> None:
        """Take one market; None is one that cannot be told (no two tokens).

        Errors: VenueError where a token or a market is claimed twice with different partners:
        one of the two claims is wrong, and nothing tells which.
        """
        if market is None:
            return
        for token in (market.yes, market.no):
            owner = self._owners.setdefault(token, market.condition_id) if token else None
            if owner not in (None, market.condition_id):
                raise VenueError(
                    f"{name}: expected every token in one market, found token {token} in "
                    f"{owner} and in {market.condition_id}; remove the wrong one"
                )
        known = self._markets.get(market.condition_id)
        if known is not None and (known.yes, known.no) != (market.yes, market.no):
            raise VenueError(
                f"{name}: expected the tokens {known.yes} and {known.no} of market "
                f"{market.condition_id}, found {market.yes} and {market.no}; remove the wrong body"
            )
        self._markets[market.condition_id] = _merged(known, market) if known else market

    def _add_body(self, content: bytes, name: str) -> None:
        shape = msgspec.json.decode(content, type=_Shape)
        unset = msgspec.UNSET
        if shape.events is not unset:
            for event in msgspec.json.decode(content, type=_EventsPage).events:
                self._add_event(event, name)
        elif shape.markets is not unset and shape.title is not unset:
            self._add_event(msgspec.json.decode(content, type=GammaEvent), name)
        elif shape.markets is not unset:
            for body in msgspec.json.decode(content, type=_MarketsPage).markets:
                self._add_gamma_market(body, name)
        elif shape.condition_id is not unset:
            self._add_gamma_market(msgspec.json.decode(content, type=GammaMarket), name)
        elif shape.t is not unset:
            compact = msgspec.json.decode(content, type=CompactMarket)
            if not compact.c:
                raise VenueError(
                    f"{name}: expected a compact market that says its condition (`c`), found none; "
                    "give the market's own page"
                )
            self.add_market(market_of_compact(compact), name)
        elif shape.token_a is not unset:
            pair = msgspec.json.decode(content, type=TokenPair)
            self.add_market(_bare_market(pair.market, pair.token_a, pair.token_b), name)
        elif shape.market_id is unset:  # a list of outcomes and payouts names no tokens
            raise VenueError(
                f"{name}: expected a Gamma page, event or market, a compact CLOB market or token "
                "pairs, found another object; give one of these"
            )

    def _add_gamma_market(self, body: GammaMarket, name: str) -> None:
        group_id = group_id_of(body)
        market = market_of_gamma(body, group_id)
        self.add_market(market, name)
        if group_id is None or market is None:
            return
        known = self._groups.get(group_id)
        if known is None or known.incomplete == NO_EVENT_BODY:
            condition_ids = (*(known.condition_ids if known else ()), market.condition_id)
            self._groups[group_id] = MarketGroup(
                group_id=group_id,
                condition_ids=tuple(dict.fromkeys(condition_ids)),
                incomplete=NO_EVENT_BODY,
            )

    def _add_event(self, event: GammaEvent, name: str) -> None:
        members: dict[GroupId, list[ConditionId]] = {}
        for body in event.markets:
            group_id = group_id_of(body, event)
            market = market_of_gamma(body, group_id)
            self.add_market(market, name)
            if group_id is not None and market is not None:
                members.setdefault(group_id, []).append(market.condition_id)
        for group_id, condition_ids in members.items():
            self._groups[group_id] = group_of_event(
                group_id, event, tuple(dict.fromkeys(condition_ids))
            )


def load_catalogue(paths: Iterable[Path]) -> Catalogue:
    """Read sidecar files. Errors: VenueError."""
    builder = CatalogueBuilder()
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as fault:
            raise VenueError(
                f"{path}: expected a readable sidecar, found {fault.strerror}; check the path"
            ) from fault
        builder.add(content, path.name)
    return builder.catalogue()


def infer_catalogue(lines: Iterable[bytes]) -> Catalogue:
    """Take tokens that share a market id in a tape as its two outcomes, in order of appearance.

    Nothing else is known of such markets, so that none is tradable. A token that appears under
    two market ids belongs to the first; a third token of a market is left out, and so is the
    second of a market that showed only one (its NO is then empty text).
    """
    markets: dict[str, list[str]] = {}
    owners: dict[str, str] = {}
    decode = msgspec.json.Decoder(_SeenLine).decode
    for line in lines:
        try:
            seen = decode(line).msg
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        for message in seen if isinstance(seen, list) else (seen,):
            named = [entry.asset_id for entry in message.price_changes]
            for token in (message.asset_id, *named):
                if token and owners.setdefault(token, message.market) == message.market:
                    tokens = markets.setdefault(message.market, [])
                    if token not in tokens:
                        tokens.append(token)
    return Catalogue(
        markets={
            ConditionId(name): _bare_market(name, tokens[0], tokens[1] if tokens[1:] else "")
            for name, tokens in markets.items()
        }
    )


def _bare_market(name: str, yes: str, no: str) -> Market:
    return Market(condition_id=ConditionId(name), yes=TokenId(yes), no=TokenId(no))


def _merged(first: Market, second: Market) -> Market:
    """Put together two descriptions of one market: the first known fact, the stricter state."""
    return Market(
        condition_id=first.condition_id,
        yes=first.yes,
        no=first.no,
        question=first.question or second.question,
        slug=first.slug or second.slug,
        outcomes=first.outcomes,
        version=first.version or second.version,
        tick=second.tick if first.tick is None else first.tick,
        size_min=second.size_min if first.size_min is None else first.size_min,
        fee=second.fee if first.fee is None else first.fee,
        hold_ms=max(first.hold_ms, second.hold_ms),
        group_id=first.group_id or second.group_id,
        is_accepting_orders=first.is_accepting_orders and second.is_accepting_orders,
        is_closed=first.is_closed or second.is_closed,
    )


def _unreadable(place: str, fault: Exception) -> VenueError:
    return VenueError(f"{place}: {fault}; expected the venue's JSON, fetch the sidecar again")
