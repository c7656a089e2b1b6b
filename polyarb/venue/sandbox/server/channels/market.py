"""The market channel: who listens to which tokens, and what of the world they are told.

What was announced together is told together: of a market one `price_change` with all its levels,
or, where it traded, its trades and both books; so every frame agrees with the book of that moment.
Every client is told levels (`level` 2), whatever level it asks for. Source: polymarket.md 4.1.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.units import ONE
from polyarb.venue.sandbox.server.channels.channel import DEFAULTS, Channel, ChannelSettings, Line
from polyarb.venue.sandbox.terms.announcements import (
    Announcement,
    LevelChanged,
    MarketClosed,
    MarketOpened,
    Printed,
    TickChanged,
)
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket
from polyarb.venue.sandbox.terms.orders import BookLevels
from polyarb.venue.sandbox.terms.ports import Faults
from polyarb.venue.sandbox.wire import frames
from polyarb.venue.sandbox.wire.frames import BookBody, Top

DUMP_BOOKS_MAX = 20
"""Books in one frame of an initial dump; clients take frames of 1 MiB."""


class Told(Protocol):
    """What the channel reads of the exchange."""

    def book(self, token_id: TokenId) -> BookLevels | None:
        """Return a token's book."""
        ...

    def market(self, condition_id: ConditionId) -> ListedMarket | None:
        """Return a market."""
        ...

    def condition_of(self, token_id: TokenId) -> ConditionId | None:
        """Return the market of a token."""
        ...

    def events(self) -> Sequence[ListedEvent]:
        """List the events."""
        ...


class ClientFrame(msgspec.Struct, frozen=True):
    """Anything a client says: the first frame has a type, later ones an operation."""

    assets_ids: list[str] = []
    type: str = ""
    operation: str = ""
    initial_dump: bool | None = None
    level: int | None = None
    custom_feature_enabled: bool | None = None


_decode = msgspec.json.Decoder(ClientFrame).decode


class _Subscription:
    """What one connection listens to."""

    def __init__(self) -> None:
        self.assets: dict[TokenId, None] = {}
        self.has_custom_features = False


class _Changes:
    """What was announced of one market together."""

    def __init__(self) -> None:
        self.levels: dict[tuple[bool, int], LevelChanged] = {}
        self.trades: list[Printed] = []
        self.at_ns = 0

    def take(self, change: LevelChanged | Printed) -> None:
        """Take one change; of a level only the last total counts, and it comes last."""
        self.at_ns = change.at_ns
        if isinstance(change, Printed):
            self.trades.append(change)
            return
        key = (change.is_bid, change.price)
        self.levels.pop(key, None)
        self.levels[key] = change


class MarketChannel(Channel):
    """Tells books, levels and trades to whoever subscribed to their tokens."""

    name = "market"
    path = "/ws/market"

    def __init__(
        self,
        exchange: Told,
        faults: Faults,
        *,
        now_ns: Callable[[], int],
        market_id: Callable[[ConditionId], str],
        settings: ChannelSettings = DEFAULTS,
    ) -> None:
        """Shape: market_id gives the number that Gamma lists a market under."""
        super().__init__(faults, settings, now_ns)
        self._exchange = exchange
        self._now_ns = now_ns
        self._market_id = market_id
        self._subscriptions: dict[Line, _Subscription] = {}
        self._listeners: dict[TokenId, dict[Line, None]] = {}
        self._bodies: dict[TokenId, BookBody] = {}
        self._tops: dict[ConditionId, Top] = {}

    # What clients say

    def take(self, line: Line, frame: str) -> bool:
        """Take a frame; what is none of the documented ones changes nothing."""
        try:
            told = _decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return True
        if told.type == "market" or told.operation == "subscribe":
            self._subscribe(line, told)
        elif told.operation == "unsubscribe":
            self._unsubscribe(line, told.assets_ids)
        return True

    def forget(self, line: Line) -> None:
        """Let go of what a connection subscribed to."""
        subscription = self._subscriptions.pop(line, None)
        if subscription is not None:
            for asset in subscription.assets:
                self._leave(line, asset)

    def _subscribe(self, line: Line, told: ClientFrame) -> None:
        """Listen to tokens from now on; those that are asked for again are told anew."""
        line.is_subscribed = True
        subscription = self._subscriptions.setdefault(line, _Subscription())
        if told.custom_feature_enabled is not None:
            subscription.has_custom_features = told.custom_feature_enabled
        asked = []
        for asset in dict.fromkeys(map(TokenId, told.assets_ids)):
            is_new = asset not in subscription.assets
            if self._exchange.condition_of(asset) is None:
                continue
            if is_new and len(subscription.assets) >= self.settings.assets_max:
                continue
            subscription.assets[asset] = None
            self._listeners.setdefault(asset, {})[line] = None
            asked.append(asset)
        if told.initial_dump is not False:
            self._dump(line, asked)

    def _unsubscribe(self, line: Line, assets: Iterable[str]) -> None:
        subscription = self._subscriptions.get(line)
        if subscription is None:
            return
        for asset in map(TokenId, assets):
            if asset in subscription.assets:
                del subscription.assets[asset]
                self._leave(line, asset)

    def _leave(self, line: Line, asset: TokenId) -> None:
        listeners = self._listeners[asset]
        del listeners[line]
        if not listeners:
            del self._listeners[asset]

    def _dump(self, line: Line, assets: Sequence[TokenId]) -> None:
        """Tell the books of tokens, several in a frame."""
        bodies = [body for asset in assets if (body := self._body(asset)) is not None]
        for first in range(0, len(bodies), DUMP_BOOKS_MAX):
            part = bodies[first : first + DUMP_BOOKS_MAX]
            told = [frames.book_frame(body) for body in part]
            untrue = [frames.stale_frame(body, self._now_ns()) for body in part]
            self.outlet.send((line,), frames.text_of(told), stale=frames.text_of(untrue))

    # What happens

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Tell everybody whom it concerns what was announced together."""
        changed: dict[ConditionId, _Changes] = {}
        for one in announcements:
            match one:
                case LevelChanged() | Printed():
                    changed.setdefault(one.condition_id, _Changes()).take(one)
                case TickChanged():
                    self._tell_tick(one)
                case MarketOpened():
                    self._tell_opened(one)
                case MarketClosed():
                    self._tell_closed(one)
                case _:
                    pass
        for condition_id, changes in changed.items():
            market = self._exchange.market(condition_id)
            if market is not None:
                self._tell_changes(market, changes)

    def _tell_changes(self, market: ListedMarket, changes: _Changes) -> None:
        for token in (market.yes, market.no):
            self._bodies.pop(token, None)
        listening = self._listeners_of(market)
        if not listening:
            self._tops.pop(market.condition_id, None)
            return
        yes, no = self._body(market.yes), self._body(market.no)
        levels = self._exchange.book(market.yes)
        if yes is None or no is None or levels is None:
            return
        if changes.trades:
            self._tell_trades(changes.trades, levels.tick)
            self._tell_book(market.yes, yes)
            self._tell_book(market.no, no)
        else:
            frame = frames.price_change_frame(
                market,
                tuple(changes.levels.values()),
                tick=levels.tick,
                hashes=(yes.hash, no.hash),
            )
            self.outlet.send(listening, frames.text_of(frame))
        self._tell_top(market, levels, changes.at_ns)

    def _tell_trades(self, trades: Iterable[Printed], tick: int) -> None:
        for trade in trades:
            listening = self._listeners.get(trade.token_id, {})
            if listening:
                frame = frames.trade_frame(trade, tick=tick)
                self.outlet.send(listening, frames.text_of(frame))

    def _tell_book(self, token_id: TokenId, body: BookBody) -> None:
        listening = self._listeners.get(token_id)
        if listening:
            untrue = frames.text_of(frames.stale_frame(body, self._now_ns()))
            self.outlet.send(listening, frames.text_of(frames.book_frame(body)), stale=untrue)

    def _tell_top(self, market: ListedMarket, levels: BookLevels, at_ns: int) -> None:
        """Tell the top where it moved, to those who want custom features."""
        top = _top_of(levels)
        if self._tops.get(market.condition_id) == top:
            return
        self._tops[market.condition_id] = top
        for token_id in (market.yes, market.no):
            listening = self._with_features(self._listeners.get(token_id, {}))
            if listening:
                frame = frames.top_frame(market, token_id, top=top, at_ns=at_ns)
                self.outlet.send(listening, frames.text_of(frame))

    def _tell_tick(self, change: TickChanged) -> None:
        market = self._exchange.market(change.condition_id)
        if market is None:
            return
        for token_id in (market.yes, market.no):
            self._bodies.pop(token_id, None)
            listening = self._listeners.get(token_id)
            if listening:
                frame = frames.tick_frame(change, token_id)
                self.outlet.send(listening, frames.text_of(frame))

    def _tell_opened(self, opened: MarketOpened) -> None:
        event = self._event_of(opened.market)
        listening = self._with_features(self._subscriptions)
        if event is not None and listening:
            frame = frames.new_market_frame(
                opened.market,
                event,
                market_id=self._market_id(opened.market.condition_id),
                at_ns=opened.at_ns,
            )
            self.outlet.send(listening, frames.text_of(frame))

    def _tell_closed(self, closed: MarketClosed) -> None:
        """Tell a verdict; a market that merely takes no more orders is not told."""
        market = self._exchange.market(closed.condition_id)
        if market is None or closed.payouts is None:
            return
        event = self._event_of(market)
        listening = self._with_features(self._listeners_of(market))
        if event is not None and listening:
            frame = frames.resolved_frame(
                market,
                event,
                market_id=self._market_id(market.condition_id),
                payouts=closed.payouts,
                at_ns=closed.at_ns,
            )
            self.outlet.send(listening, frames.text_of(frame))

    def _body(self, token_id: TokenId) -> BookBody | None:
        """Return a token's book as it is told; written once for each of its states."""
        found = self._bodies.get(token_id)
        if found is not None:
            return found
        levels = self._exchange.book(token_id)
        market = None if levels is None else self._exchange.market(levels.condition_id)
        if levels is None or market is None:
            return None
        body = frames.book_body(levels, market)
        self._bodies[token_id] = body
        return body

    def _listeners_of(self, market: ListedMarket) -> dict[Line, None]:
        """Return who listens to either token of a market."""
        yes, no = self._listeners.get(market.yes, {}), self._listeners.get(market.no, {})
        return yes | no if yes and no else yes or no

    def _with_features(self, lines: Iterable[Line]) -> list[Line]:
        subscriptions = self._subscriptions
        return [line for line in lines if subscriptions[line].has_custom_features]

    def _event_of(self, market: ListedMarket) -> ListedEvent | None:
        events = self._exchange.events()
        return next((event for event in events if event.event_id == market.event_id), None)


def _top_of(levels: BookLevels) -> Top:
    """Return the top of a book in its token's terms; best levels are last."""
    return Top(
        best_bid=levels.bids[-1][0] if levels.bids else 0,
        best_ask=levels.asks[-1][0] if levels.asks else ONE,
        tick=levels.tick,
    )
