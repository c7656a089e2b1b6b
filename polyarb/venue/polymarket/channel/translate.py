"""Lines of the market channel become frames of domain events; what cannot is counted, with why.

Times only go forward: where a tape tells no receive time, the latest venue time stands for it.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import FeedLost, LevelChanged, MarketEvent
from polyarb.domain.surroundings import CatalogueChange, InstrumentsChanged, VenueModeChanged
from polyarb.ports import FeedStatistics, Frame
from polyarb.venue.polymarket.channel import wire
from polyarb.venue.polymarket.channel.events import NS_PER_MS, Token, count, events_of
from polyarb.venue.polymarket.channel.numerals import (
    BEST_ASKS,
    BEST_BIDS,
    PRICES,
    SIZES,
    Rejection,
    UnusableError,
    read_exact_size,
)
from polyarb.venue.polymarket.channel.wire import ReadLine, decode_pair

RECEIVE_STEPPED_BACK = "receive_stepped_back"
"""Noted: a line's receive time was before its predecessor's, whose time it was given."""
FEED_LOST = "feed_lost"
"""Noted: the recording says that books ceased to be true."""
INSTRUMENTS = "instruments"
"""Noted: the recording says that other instruments are watched."""
VENUE_MODE = "venue_mode"
"""Noted: the recording says that the venue accepts more, or less."""
LEAP_NS = 3_600 * 10**9
"""From here on a line that moves time ahead must be plausible, because time never goes back."""
LEAP_NS_MAX = 400 * 86_400 * 10**9
"""No pause between two recordings that are played in a row is longer."""
LAG_NS_MAX = 86_400 * 10**9
"""No message arrives later after it was sent, nor earlier before it by the two clocks."""

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NO_PAIR = (*_UNREADABLE, UnusableError, KeyError)


class Translator:
    """Turns lines of a tape into frames of events, by the catalogue's tokens alone.

    The wire's `market` is not looked at: recordings exist that carry a wrong one.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._tokens: dict[str, Token] = {}
        self._know(catalogue.markets.values())
        self._latest_ns = self._certain_ns = 0
        self._pairs = 0
        self._counted = FeedStatistics()

    def _know(self, markets: Iterable[Market]) -> None:
        """Take the tokens of markets; those of one that left are still known."""
        for market in markets:
            if market.yes:
                self._tokens[market.yes] = (market.condition_id, True, market.no or None)
            if market.no:
                self._tokens[market.no] = (market.condition_id, False, market.yes or None)

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

    def frames(self, lines: Iterable[bytes | ReadLine]) -> Iterator[Frame]:
        """Translate lines as they come.

        More than 99 of 100 lines of a feed tell one level of one market for both of its tokens.
        That line alone is read here, in one go and without a further call, because nothing in
        the river runs as often; whatever else it may be goes to `translated`, which reads every
        line, this kind included, and with which a property test compares it.
        """
        tokens = self._tokens
        for line in lines:
            try:
                record = decode_pair(line) if isinstance(line, bytes) else line
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
                yield self.translated(line if isinstance(line, bytes) else line.line)
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
                or not 0 <= receive_ns - self._latest_ns < LEAP_NS
            ):
                yield self.translated(line if isinstance(line, bytes) else line.line)
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
                is_told = record.lost or record.mode or record.instruments
                messages = () if is_told else _split(bytes(record.msg).strip())
            except (*_UNREADABLE, UnusableError):
                self._reject(Rejection.MALFORMED_LINE)
                return Frame(self._latest_ns, ())
        self._certain_ns = self._latest_ns
        is_timed = self._set_receive_time(record)
        if isinstance(record, wire.RawLine) and record.lost is not None:
            return self._loss(record.lost)
        if isinstance(record, wire.RawLine) and record.mode is not None:
            return self._mode(record.mode)
        if isinstance(record, wire.RawLine) and record.instruments is not None:
            return self._instruments(record.instruments)
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
            count(self._counted.noted, RECEIVE_STEPPED_BACK)
        else:
            self._latest_ns = receive_ns
        return True

    def _message(
        self, raw: wire.Message | bytes | msgspec.Raw, is_timed: bool
    ) -> tuple[MarketEvent, ...]:
        """Translate one message, or count why not."""
        line_ns = self._latest_ns
        try:
            message = _decode(raw) if isinstance(raw, bytes | msgspec.Raw) else raw
            venue_ns = message.timestamp * NS_PER_MS
            if not is_timed:
                self._latest_ns = max(line_ns, venue_ns)
            self._check_leap(venue_ns)
            events = events_of(message, self._tokens, self._counted, self._latest_ns)
        except UnusableError as fault:
            is_leap = line_ns - self._certain_ns >= LEAP_NS
            self._latest_ns = self._certain_ns if is_leap else line_ns
            self._reject(fault.rejection)
            return ()
        self._certain_ns = self._latest_ns
        self._counted.messages += 1
        count(self._counted.by_type, str(message.__struct_config__.tag))
        return events

    def _check_leap(self, venue_ns: int) -> None:
        """Refuse a message that would move time to where nobody can have been.

        Errors: UnusableError.
        """
        leap_ns = self._latest_ns - self._certain_ns
        if leap_ns < LEAP_NS:
            return
        is_far = bool(self._certain_ns) and leap_ns > LEAP_NS_MAX
        if is_far or abs(self._latest_ns - venue_ns) > LAG_NS_MAX:
            raise UnusableError(Rejection.IMPLAUSIBLE_TIME)

    def _loss(self, lost: wire.Lost) -> Frame:
        """Say which books ceased to be true; a loss of unknown tokens only is none of ours."""
        self._refuse_far_leap()
        count(self._counted.noted, FEED_LOST)
        known = [self._tokens[asset][0] for asset in lost.assets if asset in self._tokens]
        if lost.assets and not known:
            return Frame(self._latest_ns, ())
        event = FeedLost(
            receive_time_ns=self._latest_ns,
            reason=lost.reason,
            condition_ids=tuple(sorted(set(known))),
        )
        return Frame(self._latest_ns, (event,))

    def _mode(self, told: wire.ModeTold) -> Frame:
        """Say what the venue accepts from here on."""
        self._refuse_far_leap()
        count(self._counted.noted, VENUE_MODE)
        event = VenueModeChanged(
            receive_time_ns=self._latest_ns, mode=told.mode, reason=told.reason
        )
        return Frame(self._latest_ns, (event,))

    def _instruments(self, change: CatalogueChange) -> Frame:
        """Say which instruments there are from here on, and know their tokens."""
        self._refuse_far_leap()
        count(self._counted.noted, INSTRUMENTS)
        self._know(change.markets)
        event = InstrumentsChanged(receive_time_ns=self._latest_ns, change=change)
        return Frame(self._latest_ns, (event,))

    def _refuse_far_leap(self) -> None:
        """Keep the time before a line of our own that lies where nobody can have been."""
        if self._certain_ns and self._latest_ns - self._certain_ns > LEAP_NS_MAX:
            self._latest_ns = self._certain_ns

    def _reject(self, rejection: Rejection) -> None:
        self._counted.messages += 1
        count(self._counted.rejected, rejection.value)


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
