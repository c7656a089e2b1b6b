"""The user channel: what happens to the orders and trades of an API key, told to its owner.

A trade is told anew under the same id at every word of the chain. There is no snapshot. Bad
credentials end the connection without a word. Source: polymarket.md 4.2, 3.3.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.units import format_micros
from polyarb.venue.sandbox.server.channels.channel import DEFAULTS, Channel, ChannelSettings, Line
from polyarb.venue.sandbox.terms.announcements import Announcement, OrderChanged, TradeChanged
from polyarb.venue.sandbox.terms.ports import Faults
from polyarb.venue.sandbox.terms.trades import Fill, TradeRecord, sides_of
from polyarb.venue.sandbox.wire.frames import stamp, text_of

NS_PER_S = 1_000_000_000
TAKER, MAKER = "TAKER", "MAKER"


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """What a client shows of its API key."""

    api_key: str
    secret: str
    passphrase: str


class ClientFrame(msgspec.Struct, frozen=True):
    """Anything a client says: the first frame has a type, later ones an operation."""

    type: str = ""
    auth: Credentials | None = None
    markets: list[str] | None = None
    operation: str = ""


class OrderFrame(msgspec.Struct, frozen=True, kw_only=True, tag="order", tag_field="event_type"):
    """Something happened to an order."""

    type: str
    id: str
    owner: str
    order_owner: str
    market: str
    asset_id: str
    side: str
    price: str
    original_size: str
    size_matched: str
    outcome: str
    order_type: str
    status: str
    expiration: str
    maker_address: str
    associate_trades: tuple[str, ...]
    created_at: str
    timestamp: str


class MakerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A maker's part of a trade."""

    order_id: str
    owner: str
    maker_address: str
    matched_amount: str
    price: str
    fee_rate_bps: str = "0"
    asset_id: str
    outcome: str
    outcome_index: int
    side: str


class TradeFrame(msgspec.Struct, frozen=True, kw_only=True, tag="trade", tag_field="event_type"):
    """A trade, or a new word on one; token, side, size and price are always the taker's."""

    type: str = "TRADE"
    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: str
    size: str
    price: str
    fee_rate_bps: str = "0"
    status: str
    match_time: str
    last_update: str
    owner: str
    trade_owner: str
    maker_address: str
    trader_side: str
    outcome: str
    bucket_index: int
    transaction_hash: str
    maker_orders: tuple[MakerOrder, ...]
    timestamp: str


Accepts = Callable[[Credentials], bool]
"""Tells whether credentials are those of an API key."""
OutcomeIndex = Callable[[Fill], int]
"""Tells which outcome of its market a fill's token is."""

_decode = msgspec.json.Decoder(ClientFrame).decode


class _Subscription:
    """Whose messages one connection gets, of which markets; None is all of them."""

    def __init__(self, owner: str, markets: set[str] | None) -> None:
        self.owner = owner
        self.markets = markets

    def wants(self, condition_id: ConditionId) -> bool:
        """Tell whether messages of a market are wanted."""
        return self.markets is None or condition_id in self.markets


class UserChannel(Channel):
    """Tells owners of orders and trades what happens to them."""

    name = "user"
    path = "/ws/user"

    def __init__(
        self,
        accepts: Accepts,
        faults: Faults,
        *,
        now_ns: Callable[[], int],
        outcome_index: OutcomeIndex,
        settings: ChannelSettings = DEFAULTS,
    ) -> None:
        super().__init__(faults, settings, now_ns)
        self._accepts = accepts
        self._outcome_index = outcome_index
        self._subscriptions: dict[Line, _Subscription] = {}
        self._lines_of: dict[str, dict[Line, None]] = {}

    # What clients say

    def take(self, line: Line, frame: str) -> bool:
        """Take a frame; before good credentials nothing else keeps the connection."""
        try:
            told = _decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return line.is_subscribed
        subscription = self._subscriptions.get(line)
        if subscription is None:
            return self._admit(line, told)
        named = set(told.markets or ())
        if told.operation == "subscribe" and subscription.markets is not None:
            subscription.markets |= named
        elif told.operation == "unsubscribe" and subscription.markets is not None:
            subscription.markets -= named
        return True

    def forget(self, line: Line) -> None:
        """Let go of what a connection subscribed to."""
        subscription = self._subscriptions.pop(line, None)
        if subscription is None:
            return
        lines = self._lines_of[subscription.owner]
        del lines[line]
        if not lines:
            del self._lines_of[subscription.owner]

    def _admit(self, line: Line, told: ClientFrame) -> bool:
        if told.type != "user" or told.auth is None or not self._accepts(told.auth):
            return False
        line.is_subscribed = True
        owner = told.auth.api_key
        self._subscriptions[line] = _Subscription(owner, set(told.markets or ()) or None)
        self._lines_of.setdefault(owner, {})[line] = None
        return True

    # What happens

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Tell owners what was announced of theirs, in order."""
        for one in announcements:
            match one:
                case OrderChanged():
                    lines = self._lines(one.order.owner, one.order.condition_id)
                    if lines:
                        self.outlet.send(lines, text_of(order_frame(one)))
                case TradeChanged():
                    self._tell_trade(one)
                case _:
                    pass

    def _tell_trade(self, change: TradeChanged) -> None:
        match = change.trade.match
        for owner in dict.fromkeys(fill.owner for fill in sides_of(match)):
            lines = self._lines(owner, match.condition_id)
            if lines:
                frame = trade_frame(change.trade, owner, change.at_ns, self._outcome_index)
                self.outlet.send(lines, text_of(frame))

    def _lines(self, owner: str, condition_id: ConditionId) -> list[Line]:
        lines: Iterable[Line] = self._lines_of.get(owner, ())
        return [line for line in lines if self._subscriptions[line].wants(condition_id)]


def order_frame(change: OrderChanged) -> OrderFrame:
    """Say a step of an order."""
    order = change.order
    return OrderFrame(
        type=change.step,
        id=order.order_id,
        owner=order.owner,
        order_owner=order.owner,
        market=order.condition_id,
        asset_id=order.token_id,
        side=order.side,
        price=format_micros(order.price),
        original_size=format_micros(order.shares),
        size_matched=format_micros(order.shares_matched),
        outcome=order.outcome,
        order_type=order.time_in_force,
        status=order.state,
        expiration=str(order.expiration_s),
        maker_address=order.maker,
        associate_trades=order.trade_ids,
        created_at=str(order.created_s),
        timestamp=stamp(change.at_ns),
    )


def trade_frame(
    trade: TradeRecord, owner: str, at_ns: int, outcome_index: OutcomeIndex
) -> TradeFrame:
    """Say a trade to one of those who took part; who is on both sides hears it as the taker."""
    match = trade.match
    taker = match.taker
    return TradeFrame(
        id=match.trade_id,
        taker_order_id=taker.order_id,
        market=match.condition_id,
        asset_id=taker.token_id,
        side=taker.side,
        size=format_micros(taker.shares),
        price=format_micros(taker.price),
        status=trade.status,
        match_time=str(match.matched_ns // NS_PER_S),
        last_update=str(trade.updated_ns // NS_PER_S),
        owner=owner,
        trade_owner=taker.owner,
        maker_address=taker.maker,
        trader_side=TAKER if owner == taker.owner else MAKER,
        outcome=taker.outcome,
        bucket_index=match.bucket_index,
        transaction_hash=trade.transaction_hash,
        maker_orders=tuple(
            MakerOrder(
                order_id=fill.order_id,
                owner=fill.owner,
                maker_address=fill.maker,
                matched_amount=format_micros(fill.shares),
                price=format_micros(fill.price),
                asset_id=fill.token_id,
                outcome=fill.outcome,
                outcome_index=outcome_index(fill),
                side=fill.side,
            )
            for fill in match.makers
        ),
        timestamp=stamp(at_ns),
    )
