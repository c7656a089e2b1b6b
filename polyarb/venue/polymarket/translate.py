"""Wire messages become domain events in YES terms; what cannot is counted with its reason.

A message is translated whole or not at all. Times only go forward: where a tape tells no receive
time, the latest venue time stands for it.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import Catalogue
from polyarb.domain.messages import (
    BookReplaced,
    LevelChanged,
    LevelsChanged,
    MarketEvent,
    MarketResolved,
    TickChanged,
    TradePrinted,
)
from polyarb.domain.plan import Level, Outcome, Side
from polyarb.domain.units import ONE
from polyarb.ports import FeedStatistics, Frame
from polyarb.venue.polymarket import wire
from polyarb.venue.polymarket.numerals import (
    BEST_ASKS,
    BEST_BIDS,
    PRICES,
    SIZES,
    Rejection,
    UnusableError,
    read_best_ask,
    read_best_bid,
    read_exact_size,
    read_price,
    read_size,
    read_tick,
)
from polyarb.venue.polymarket.wire import decode_pair

NS_PER_MS = 1_000_000
MIRROR_UNPAIRED = "mirror_unpaired"
RECEIVE_STEPPED_BACK = "receive_stepped_back"
SIZE_CUT = "size_cut"

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NO_PAIR = (*_UNREADABLE, UnusableError, KeyError)
_Token = tuple[ConditionId, bool, TokenId]
"""The token's market, whether it is the YES, and the other token of that market."""
_Entry = tuple[bool, bool, int, int]
"""Whether the entry is of the YES token; the change in YES terms: is_bid, price, size."""


class Translator:
    """Turns lines of a tape into frames of events, by the catalogue's tokens alone.

    The wire's `market` is not looked at: recordings exist that carry a wrong one.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._tokens: dict[str, _Token] = {}
        for market in catalogue.markets.values():
            self._tokens[market.yes] = (market.condition_id, True, market.no)
            self._tokens[market.no] = (market.condition_id, False, market.yes)
        self._tokens.pop("", None)
        self._latest_ns = 0
        self._pairs = 0
        self._counted = FeedStatistics()

    @property
    def statistics(self) -> FeedStatistics:
        """Return the counts up to now; messages = sum of by_type + sum of rejected."""
        counted = self._counted
        by_type = dict(counted.by_type)
        if self._pairs:
            by_type["price_change"] = by_type.get("price_change", 0) + self._pairs
        return FeedStatistics(
            frames=counted.frames + self._pairs,
            messages=counted.messages + self._pairs,
            by_type=by_type,
            rejected=dict(counted.rejected),
            noted=dict(counted.noted),
            unknown_tokens=counted.unknown_tokens,
        )

    def frame(self, line: bytes) -> Frame:
        """Translate one line of a tape; a line that cannot be used is a frame without events."""
        return next(self.frames((line,)))

    def frames(self, lines: Iterable[bytes]) -> Iterator[Frame]:
        """Translate lines as they come.

        More than 99 of 100 lines of a feed tell one level of one market for both of its tokens.
        That line alone is read here, in one go and without a further call, because nothing in
        the river runs as often; whatever else it may be goes to `translated`, which reads every
        line, this kind included, and with which a property test compares it.
        """
        tokens = self._tokens
        for line in lines:
            try:
                record = decode_pair(line)
                message = record.msg
                first, second = message.price_changes
                condition_id, is_yes, sister = tokens[first.asset_id]
                price, mirrored, mirrored_text = PRICES[first.price]
                size = SIZES.get(first.size)
                if size is None:
                    size = read_exact_size(first.size)
                best_bid, best_bid_mirrored = BEST_BIDS[first.best_bid]
                best_ask, best_ask_mirrored = BEST_ASKS[first.best_ask]
            except _NO_PAIR:
                yield self.translated(line)
                continue
            receive_ns = venue_ns = message.timestamp * NS_PER_MS
            if record.recv_ns is not None:
                receive_ns = record.recv_ns
            elif record.recv_ms is not None:
                receive_ns = record.recv_ms * NS_PER_MS
            elif venue_ns < self._latest_ns:
                receive_ns = self._latest_ns
            side = first.side
            if (
                second.asset_id != sister
                or second.price != mirrored_text
                or second.size != first.size
                or second.side == side
                or receive_ns < self._latest_ns
            ):
                yield self.translated(line)
                continue
            self._latest_ns = receive_ns
            self._pairs += 1
            is_bid = side == "BUY"
            if not is_yes:
                is_bid, price = not is_bid, mirrored
                best_bid, best_ask = best_ask_mirrored, best_bid_mirrored
            event = LevelChanged(
                condition_id=condition_id,
                is_bid=is_bid,
                price=price,
                size=size,
                best_bid=best_bid,
                best_ask=best_ask,
                venue_time_ns=venue_ns,
                receive_time_ns=receive_ns,
            )
            yield Frame(receive_ns, (event,))

    def translated(self, line: bytes) -> Frame:
        """Translate any line: one message or an array of them; the reference for `frames`."""
        self._counted.frames += 1
        try:
            record: wire.Line | wire.RawLine = wire.decode_line(line)
            messages: Sequence[wire.Message | msgspec.Raw | bytes] = (
                record.msg if isinstance(record.msg, list) else (record.msg,)
            )
        except _UNREADABLE:
            try:
                record = wire.decode_raw_line(line)
                messages = _split(bytes(record.msg).strip())
            except (*_UNREADABLE, UnusableError):
                self._reject(Rejection.MALFORMED_LINE)
                return Frame(self._latest_ns, ())
        is_timed = self._set_receive_time(record)
        events = [event for message in messages for event in self._message(message, is_timed)]
        return Frame(self._latest_ns, events)

    def _set_receive_time(self, record: wire.Envelope) -> bool:
        """Move our time to the line's, never back; tell whether it had one."""
        if record.recv_ns is not None:
            receive_ns = record.recv_ns
        elif record.recv_ms is not None:
            receive_ns = record.recv_ms * NS_PER_MS
        else:
            return False
        if receive_ns < self._latest_ns:
            _count(self._counted.noted, RECEIVE_STEPPED_BACK)
        else:
            self._latest_ns = receive_ns
        return True

    def _message(
        self, raw: wire.Message | bytes | msgspec.Raw, is_timed: bool
    ) -> tuple[MarketEvent, ...]:
        """Translate one message, or count why not."""
        before = self._latest_ns
        try:
            message = _decode(raw) if isinstance(raw, bytes | msgspec.Raw) else raw
            if not is_timed:
                self._latest_ns = max(before, message.timestamp * NS_PER_MS)
            events = self._events(message)
        except UnusableError as fault:
            self._latest_ns = before
            self._reject(fault.rejection)
            return ()
        self._counted.messages += 1
        _count(self._counted.by_type, str(message.__struct_config__.tag))
        return events

    def _events(self, message: wire.Message) -> tuple[MarketEvent, ...]:
        match message:
            case wire.PriceChange():
                return self._levels(message)
            case wire.Book():
                return (self._book(message),)
            case wire.LastTrade():
                return (self._trade(message),)
            case wire.TickSizeChange():
                return (self._tick(message),)
            case wire.MarketResolved():
                return (self._resolved(message),)
            case wire.BestBidAsk() | wire.NewMarket():
                return ()

    def _levels(self, message: wire.PriceChange) -> tuple[MarketEvent, ...]:
        """Translate a price_change to one event for every market in it that we know."""
        if not message.price_changes:
            raise UnusableError(Rejection.NO_ENTRIES)
        markets: dict[ConditionId, list[tuple[wire.Change, _Entry]]] = {}
        unknown = cut = 0
        for change in message.price_changes:
            token = self._tokens.get(change.asset_id)
            if token is None:
                unknown += 1
                continue
            condition_id, is_yes, _ = token
            price, mirrored, _ = read_price(change.price)
            size, is_cut = read_size(change.size)
            cut += is_cut
            entry = (is_yes, (change.side == "BUY") == is_yes, price if is_yes else mirrored, size)
            markets.setdefault(condition_id, []).append((change, entry))
        tops = {key: _tops(*entries[0]) for key, entries in markets.items()}
        self._counted.unknown_tokens += unknown
        if not markets:
            raise UnusableError(Rejection.UNKNOWN_TOKEN)
        _count(self._counted.noted, SIZE_CUT, cut)
        return tuple(
            self._level_event(condition_id, entries, tops[condition_id], message.timestamp)
            for condition_id, entries in markets.items()
        )

    def _level_event(
        self,
        condition_id: ConditionId,
        entries: list[tuple[wire.Change, _Entry]],
        tops: tuple[int, int],
        timestamp: int,
    ) -> LevelChanged | LevelsChanged:
        """Make one event of a market's entries; what both tokens tell alike is told once."""
        yes = [entry[1:] for _, entry in entries if entry[0]]
        no = [entry[1:] for _, entry in entries if not entry[0]]
        changes = [entry[1:] for _, entry in entries]
        if yes and no:
            if _final(yes) == _final(no):
                changes = yes
            else:
                _count(self._counted.noted, MIRROR_UNPAIRED)
        if len(changes) == 1:
            is_bid, price, size = changes[0]
            return LevelChanged(
                condition_id=condition_id,
                is_bid=is_bid,
                price=price,
                size=size,
                best_bid=tops[0],
                best_ask=tops[1],
                venue_time_ns=timestamp * NS_PER_MS,
                receive_time_ns=self._latest_ns,
            )
        return LevelsChanged(
            condition_id=condition_id,
            changes=tuple(changes),
            best_bid=tops[0],
            best_ask=tops[1],
            venue_time_ns=timestamp * NS_PER_MS,
            receive_time_ns=self._latest_ns,
        )

    def _book(self, message: wire.Book) -> BookReplaced:
        condition_id, is_yes, _ = self._token(message.asset_id)
        bids, cut_bids = _side(message.bids)
        asks, cut_asks = _side(message.asks)
        if not is_yes:
            bids, asks = (
                [(ONE - price, size) for price, size in side] for side in (asks, bids)
            )  # fmt: skip
        _count(self._counted.noted, SIZE_CUT, cut_bids + cut_asks)
        return BookReplaced(
            condition_id=condition_id,
            outcome=Outcome.YES if is_yes else Outcome.NO,
            bids=tuple(sorted(bids, reverse=True)),
            asks=tuple(sorted(asks)),
            venue_time_ns=message.timestamp * NS_PER_MS,
            receive_time_ns=self._latest_ns,
        )

    def _trade(self, message: wire.LastTrade) -> TradePrinted:
        condition_id, _, _ = self._token(message.asset_id)
        price, _, _ = read_price(message.price)
        size, is_cut = read_size(message.size)
        _count(self._counted.noted, SIZE_CUT, is_cut)
        return TradePrinted(
            condition_id=condition_id,
            token_id=TokenId(message.asset_id),
            side=Side(message.side),
            price=price,
            size=size,
            venue_time_ns=message.timestamp * NS_PER_MS,
            receive_time_ns=self._latest_ns,
        )

    def _tick(self, message: wire.TickSizeChange) -> TickChanged:
        condition_id, _, _ = self._token(message.asset_id)
        return TickChanged(
            condition_id=condition_id,
            tick=read_tick(message.new_tick_size),
            venue_time_ns=message.timestamp * NS_PER_MS,
            receive_time_ns=self._latest_ns,
        )

    def _resolved(self, message: wire.MarketResolved) -> MarketResolved:
        condition_id, _, _ = self._token(message.winning_asset_id)
        return MarketResolved(
            condition_id=condition_id,
            winner=TokenId(message.winning_asset_id),
            venue_time_ns=message.timestamp * NS_PER_MS,
            receive_time_ns=self._latest_ns,
        )

    def _token(self, asset_id: str) -> _Token:
        token = self._tokens.get(asset_id)
        if token is None:
            self._counted.unknown_tokens += 1
            raise UnusableError(Rejection.UNKNOWN_TOKEN)
        return token

    def _reject(self, rejection: Rejection) -> None:
        self._counted.messages += 1
        _count(self._counted.rejected, rejection.value)


def _split(payload: bytes) -> list[msgspec.Raw] | tuple[bytes, ...]:
    """Return the messages of a frame. Errors: UnusableError where there is none."""
    if not payload:
        raise UnusableError(Rejection.MALFORMED_LINE)
    return wire.decode_array(payload) if payload[:1] == b"[" else (payload,)


def _decode(raw: bytes | msgspec.Raw) -> wire.Message:
    """Decode one message of any known kind and age. Errors: UnusableError."""
    try:
        message: wire.Message = wire.decode_message(raw)
        return message
    except _UNREADABLE:
        pass
    try:
        event_type = wire.decode_event_type(raw).event_type
    except _UNREADABLE:
        raise UnusableError(Rejection.MALFORMED_MESSAGE) from None
    if event_type not in wire.EVENT_TYPES:
        raise UnusableError(Rejection.UNKNOWN_TYPE)
    if event_type == "price_change":
        for decode in (wire.decode_old_change, wire.decode_oldest_change):
            try:
                return wire.with_entries(decode(raw))
            except _UNREADABLE:
                continue
    raise UnusableError(Rejection.MALFORMED_MESSAGE)


def _side(levels: list[wire.Level]) -> tuple[list[Level], int]:
    """Read one side of a book, without empty levels; tell how many sizes were cut."""
    side: dict[int, int] = {}
    cut = 0
    for level in levels:
        price, _, _ = read_price(level.price)
        size, is_cut = read_size(level.size)
        if price in side:
            raise UnusableError(Rejection.REPEATED_LEVEL)
        side[price] = size
        cut += is_cut
    return [(price, size) for price, size in side.items() if size], cut


def _tops(change: wire.Change, entry: _Entry) -> tuple[int, int]:
    """Read the best bid and ask of an entry's token, in YES terms."""
    best_bid, best_bid_mirrored = read_best_bid(change.best_bid)
    best_ask, best_ask_mirrored = read_best_ask(change.best_ask)
    return (best_bid, best_ask) if entry[0] else (best_ask_mirrored, best_bid_mirrored)


def _final(changes: list[tuple[bool, int, int]]) -> dict[tuple[bool, int], int]:
    """Return what the changes leave at each level."""
    return {(is_bid, price): size for is_bid, price, size in changes}


def _count(counts: dict[str, int], name: str, number: int = 1) -> None:
    if number:
        counts[name] = counts.get(name, 0) + number
