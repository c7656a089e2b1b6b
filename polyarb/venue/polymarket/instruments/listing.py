"""Pages of Gamma events as the instrument master; what is wrong is left out with its reason.

A page that is no JSON or has no events is refused whole: nobody knows what it hides. Pure.
"""

from collections.abc import Iterable

import msgspec

from polyarb.domain.errors import VenueError
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.instruments import Instrument, Instruments, Refusal
from polyarb.domain.market import MarketGroup
from polyarb.venue.polymarket.instruments.gamma import (
    GammaEvent,
    GammaMarket,
    end_time_ms_of,
    group_id_of,
    group_of_event,
    is_numbered,
    liquidity_of,
    market_of_gamma,
    volume_24h_of,
)

TORN = "an outcome could not be read"
REFUSED_LEG = "an outcome was refused"
LISTED_TWICE = "two events list it with different outcomes"
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SHOWN_MAX = 80


class _Page(msgspec.Struct):
    events: list[GammaEvent]


class _RawPage(msgspec.Struct):
    events: list[msgspec.Raw]


class _RawEvent(msgspec.Struct, rename="camel"):
    """An event of which a market could not be read."""

    markets: list[msgspec.Raw] = []


class _Name(msgspec.Struct, rename="camel"):
    """What may name a body that could not be read; none of it needs to be right."""

    condition_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    slug: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    title: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_PAGES = msgspec.json.Decoder(_Page)
_RAW_PAGES = msgspec.json.Decoder(_RawPage)
_EVENTS = msgspec.json.Decoder(GammaEvent)
_RAW_EVENTS = msgspec.json.Decoder(_RawEvent)
_MARKETS = msgspec.json.Decoder(GammaMarket)
_NAMES = msgspec.json.Decoder(_Name)


class Listing:
    """Collects the pages of one reading of Gamma's events."""

    def __init__(self, read_time_ms: int) -> None:
        self._read_time_ms = read_time_ms
        self._instruments: dict[ConditionId, Instrument] = {}
        self._owners: dict[TokenId, ConditionId] = {}
        self._groups: dict[GroupId, MarketGroup] = {}
        self._conflicts: dict[ConditionId, str] = {}
        self._refused: list[Refusal] = []
        self.numbered: set[GroupId] = set()

    def add_page(self, content: bytes, name: str) -> int:
        """Take one page and return how many events it lists.

        Errors: VenueError for a page that is torn; a single event or market that is wrong is
        left out and told as refused.
        """
        try:
            events = _PAGES.decode(content).events
        except _FAULTS:
            return self._add_raw_page(content, name)
        for event in events:
            self._add_event(event, is_torn=False)
        return len(events)

    def __len__(self) -> int:
        """Count the markets so far."""
        return len(self._instruments)

    def instruments(self) -> Instruments:
        """Return what was collected, without the markets that contradict each other."""
        refusals = [
            Refusal(subject=condition_id, reason=reason)
            for condition_id, reason in sorted(self._conflicts.items())
        ]
        return Instruments(
            read_time_ms=self._read_time_ms,
            instruments={
                condition_id: instrument
                for condition_id, instrument in self._instruments.items()
                if condition_id not in self._conflicts
            },
            groups={group_id: self._without_conflicts(each) for group_id, each in self._listed()},
            refused=(*self._refused, *refusals),
        )

    def _listed(self) -> Iterable[tuple[GroupId, MarketGroup]]:
        for group_id, group in self._groups.items():
            if any(each not in self._conflicts for each in group.condition_ids):
                yield group_id, group

    def _without_conflicts(self, group: MarketGroup) -> MarketGroup:
        kept = tuple(each for each in group.condition_ids if each not in self._conflicts)
        if len(kept) == len(group.condition_ids):
            return group
        return msgspec.structs.replace(group, condition_ids=kept, incomplete=REFUSED_LEG)

    def _add_raw_page(self, content: bytes, name: str) -> int:
        try:
            events = _RAW_PAGES.decode(content).events
        except _FAULTS as fault:
            raise VenueError(
                f"{name}: expected a page of Gamma events, found {fault}; the list would have a"
                " hole, so that nothing of it was taken: try again"
            ) from fault
        for raw in events:
            self._add_raw_event(raw)
        return len(events)

    def _add_raw_event(self, raw: msgspec.Raw) -> None:
        """Take an event of a page in which something is wrong; keep what is not."""
        try:
            self._add_event(_EVENTS.decode(raw), is_torn=False)
            return
        except _FAULTS as fault:
            whole_fault = str(fault)
        try:
            markets = _RAW_EVENTS.decode(raw).markets
            shell = _EVENTS.decode(_without_markets(raw))
        except _FAULTS:
            self._refuse(_named(raw), whole_fault)
            return
        for body in markets:
            try:
                shell.markets.append(_MARKETS.decode(body))
            except _FAULTS as fault:
                self._refuse(_named(body), str(fault))
        self._add_event(shell, is_torn=True)

    def _add_event(self, event: GammaEvent, *, is_torn: bool) -> None:
        members: dict[GroupId, list[ConditionId]] = {}
        readable: list[GammaMarket] = []
        for body in event.markets:
            group_id = group_id_of(body, event)
            try:
                instrument = self._describe(body, group_id)
            except msgspec.ValidationError as fault:
                self._refuse(body.condition_id or body.slug or "", str(fault))
                is_torn = True
                continue
            readable.append(body)
            if instrument is None:
                self._refuse(body.condition_id or body.slug or "", "it has no two tokens")
                continue
            self._take(instrument)
            if group_id is not None:
                members.setdefault(group_id, []).append(instrument.market.condition_id)
        event.markets = readable
        for group_id, condition_ids in members.items():
            self._take_group(group_id, event, condition_ids, is_torn=is_torn)

    def _describe(self, body: GammaMarket, group_id: GroupId | None) -> Instrument | None:
        market = market_of_gamma(body, group_id)
        if market is None:
            return None
        return Instrument(
            market=market,
            end_time_ms=end_time_ms_of(body),
            volume_24h=volume_24h_of(body),
            liquidity=liquidity_of(body),
            fee_time_ms=None if market.fee is None else self._read_time_ms,
        )

    def _take(self, instrument: Instrument) -> None:
        """Take one market; of two that contradict each other neither is believed."""
        market = instrument.market
        known = self._instruments.get(market.condition_id)
        if known is not None and (known.market.yes, known.market.no) != (market.yes, market.no):
            self._conflict(market.condition_id, "it is listed with different tokens")
        if known is not None and known.market.group_id != market.group_id:
            self._conflict(market.condition_id, "it is listed in two groups")
        for token in (market.yes, market.no):
            owner = self._owners.setdefault(token, market.condition_id)
            if owner != market.condition_id:
                self._conflict(market.condition_id, f"token {token} is in {owner}, too")
                self._conflict(owner, f"token {token} is in {market.condition_id}, too")
        self._instruments[market.condition_id] = instrument

    def _take_group(
        self,
        group_id: GroupId,
        event: GammaEvent,
        condition_ids: list[ConditionId],
        *,
        is_torn: bool,
    ) -> None:
        group = group_of_event(group_id, event, tuple(dict.fromkeys(condition_ids)))
        if is_torn:
            group = msgspec.structs.replace(group, incomplete=TORN)
        known = self._groups.get(group_id)
        if known is not None and set(known.condition_ids) != set(group.condition_ids):
            both = dict.fromkeys((*known.condition_ids, *group.condition_ids))
            group = msgspec.structs.replace(
                group, condition_ids=tuple(both), incomplete=LISTED_TWICE
            )
        self._groups[group_id] = group
        if is_numbered(group_id, event.markets):
            self.numbered.add(group_id)

    def _conflict(self, condition_id: ConditionId, reason: str) -> None:
        self._conflicts.setdefault(condition_id, reason)

    def _refuse(self, subject: str, reason: str) -> None:
        self._refused.append(Refusal(subject=subject, reason=reason))


def _without_markets(raw: msgspec.Raw) -> bytes:
    """Return an event body with an empty list of markets."""
    entries = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    entries["markets"] = msgspec.Raw(b"[]")
    return msgspec.json.encode(entries)


def _named(raw: msgspec.Raw) -> str:
    """Name a body that could not be read by the best that it says of itself."""
    try:
        name = _NAMES.decode(raw)
    except _FAULTS:
        return bytes(raw)[:_SHOWN_MAX].decode(errors="replace")
    for found in (name.condition_id, name.slug, name.title, name.id):
        if found is not msgspec.UNSET:
            return bytes(found)[:_SHOWN_MAX].decode(errors="replace").strip('"')
    return "a body without a name"
