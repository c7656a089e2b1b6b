"""The sandbox's exchange: what it is asked, and what happens in it by itself. No clock, no I/O.

Every answer to a user is a value. Retention: the newest closed orders and final trades only, as
many as the settings say; whatever is open or in flight is kept.
"""

from collections.abc import Sequence

from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import TRADE_STEPS, TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import ONE
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.exchange import texts
from polyarb.venue.sandbox.exchange.amounts import AMOUNT_DECIMALS
from polyarb.venue.sandbox.exchange.engine import Engine
from polyarb.venue.sandbox.exchange.heartbeats import Heartbeats
from polyarb.venue.sandbox.exchange.holdings import Holding, Holdings
from polyarb.venue.sandbox.exchange.intake import Intake
from polyarb.venue.sandbox.exchange.markets import Market
from polyarb.venue.sandbox.exchange.modes import Modes
from polyarb.venue.sandbox.exchange.spenders import spender_of
from polyarb.venue.sandbox.terms.announcements import (
    Announcement,
    MarketClosed,
    MarketOpened,
    ModeChanged,
    TickChanged,
    TradeChanged,
)
from polyarb.venue.sandbox.terms.instruments import (
    ListedEvent,
    ListedMarket,
    Listing,
    MarketStanding,
)
from polyarb.venue.sandbox.terms.orders import (
    BookLevels,
    Cancellation,
    ExchangeMode,
    Heartbeat,
    OrderRecord,
    OrderRequest,
    OrderState,
    Placement,
    Refused,
)
from polyarb.venue.sandbox.terms.ports import Funds
from polyarb.venue.sandbox.terms.settings import ExchangeSettings
from polyarb.venue.sandbox.terms.trades import Match, TradeRecord, sides_of


class Exchange:
    """One exchange with its markets, orders, trades and modes."""

    def __init__(
        self, settings: ExchangeSettings, listing: Listing, *, funds: Funds, opened_ns: int
    ) -> None:
        self._holdings = Holdings(funds)
        self._engine = Engine(settings, opened_ns)
        self._markets: dict[ConditionId, Market] = {}
        self._tokens: dict[TokenId, Market] = {}
        self._events: dict[str, ListedEvent] = {event.event_id: event for event in listing.events}
        for market in listing.markets:
            self._list(market)
        self._modes = Modes(settings, self._engine.timers, self._tell_mode)
        self._intake = Intake(
            settings, self._engine, self._holdings, self._modes, tokens=self._tokens
        )
        self._heartbeats = Heartbeats(
            settings, self._engine.timers, opened_ns=opened_ns, silenced=self._cancel_silenced
        )

    @property
    def now_ns(self) -> int:
        """Return the time up to which everything has happened."""
        return self._engine.now_ns

    @property
    def next_due_ns(self) -> int:
        """Return when something happens by itself next."""
        return self._engine.timers.next_due_ns

    def advance(self, now_ns: int) -> None:
        """Let everything happen that is due by now, in order of its time."""
        engine = self._engine
        while due := engine.timers.take(now_ns):
            engine.now_ns = max(engine.now_ns, due[0])
            due[1]()
        engine.now_ns = max(engine.now_ns, now_ns)

    def place(self, request: OrderRequest) -> Placement | Refused:
        """Place one order. Errors: none; whatever is wrong with it is a refusal."""
        return self._intake.place(request)

    def cancel(self, order_ids: Sequence[str], owner: str) -> Cancellation | Refused:
        """Cancel an owner's orders by id."""
        if refusal := self._modes.refuses_cancels():
            return refusal
        canceled: list[str] = []
        not_canceled: dict[str, str] = {}
        for order_id in dict.fromkeys(order_ids):
            order = self._engine.registry.find_open(OrderId(order_id))
            if order and order.request.owner == owner and order.state is OrderState.LIVE:
                self._engine.close(order, OrderState.CANCELED)
                canceled.append(order_id)
            else:
                not_canceled[order_id] = texts.NOT_CANCELED
        return Cancellation(canceled=tuple(canceled), not_canceled=not_canceled)

    def cancel_all(self, owner: str) -> Cancellation | Refused:
        """Cancel all resting orders of an owner; held ones are none."""
        return self._modes.refuses_cancels() or self._cancel_resting(owner)

    def cancel_market(
        self,
        owner: str,
        *,
        condition_id: ConditionId | None = None,
        token_id: TokenId | None = None,
    ) -> Cancellation | Refused:
        """Cancel an owner's resting orders of a market, a token, or both; of neither: none."""
        if refusal := self._modes.refuses_cancels():
            return refusal
        if condition_id is None and token_id is None:
            return Cancellation(canceled=(), not_canceled={})
        return self._cancel_resting(owner, condition_id=condition_id, token_id=token_id)

    def heartbeat(self, owner: str, heartbeat_id: str) -> Heartbeat | Refused:
        """Take a sign of life; a refusal's message is the id that was expected."""
        return self._heartbeats.beat(owner, heartbeat_id, self.now_ns)

    def order(self, order_id: str) -> OrderRecord | None:
        """Return an order in any state; None where it is unknown or forgotten."""
        return self._engine.registry.record(OrderId(order_id))

    def open_orders(self, owner: str) -> tuple[OrderRecord, ...]:
        """Return an owner's open orders, oldest first."""
        return tuple(order.record() for order in self._engine.registry.open_of(owner))

    def trades(self, owner: str) -> tuple[TradeRecord, ...]:
        """Return the trades that an owner took part in, oldest first."""
        return self._engine.trades.of_owner(owner)

    def trade(self, trade_id: str) -> TradeRecord | None:
        """Return a trade; None where it is unknown or forgotten."""
        trade = self._engine.trades.find(trade_id)
        return trade.record if trade else None

    def book(self, token_id: TokenId) -> BookLevels | None:
        """Return the book in the terms of one token; None for an unknown token."""
        market = self._tokens.get(token_id)
        return market.book(token_id) if market else None

    def last_print(self, token_id: TokenId) -> tuple[int, Side] | None:
        """Return price and taker's side of the last trade in the terms of one token."""
        market = self._tokens.get(token_id)
        return market.printed(token_id) if market else None

    def market(self, condition_id: ConditionId) -> ListedMarket | None:
        """Return a market as it was listed."""
        market = self._markets.get(condition_id)
        return market.listed if market else None

    def standing(self, condition_id: ConditionId) -> MarketStanding | None:
        """Return what changes in a market's life."""
        market = self._markets.get(condition_id)
        return market.standing() if market else None

    def condition_of(self, token_id: TokenId) -> ConditionId | None:
        """Return the market of a token."""
        market = self._tokens.get(token_id)
        return market.listed.condition_id if market else None

    def markets(self) -> tuple[ListedMarket, ...]:
        """Return every market in the order of their listing."""
        return tuple(market.listed for market in self._markets.values())

    def events(self) -> tuple[ListedEvent, ...]:
        """Return every event in the order of their listing."""
        return tuple(self._events.values())

    def balance(self, owner: Address, token_id: TokenId | None) -> int:
        """Return what the exchange believes an account holds (None: pUSD). Units: micros."""
        return self._holding(owner, token_id).balance

    def free(self, owner: Address, token_id: TokenId | None) -> int:
        """Return what of a balance no order and no trade has a claim on. Units: micros.

        Negative when the chain moved underneath.
        """
        return self._holding(owner, token_id).free

    def allowances(self, owner: Address, token_id: TokenId | None) -> dict[Address, int]:
        """Return what the exchange believes each spender may take. Units: micros."""
        return dict(self._holding(owner, token_id).allowances)

    def refresh(self, owner: Address, token_id: TokenId | None) -> None:
        """Read an account's balance and allowances from the chain again."""
        self._holding(owner, token_id)
        self._holdings.refresh(owner, token_id)

    @property
    def mode(self) -> ExchangeMode:
        """Return what the engine takes at present."""
        return self._modes.mode

    def set_mode(self, mode: ExchangeMode) -> None:
        """Take more or less from now on, until told otherwise; a restart is over with it."""
        self._modes.set(mode)

    def restart(self) -> None:
        """Restart the engine: nothing is taken, then post-only orders, then everything."""
        self._modes.restart(self.now_ns)

    def change_tick(self, condition_id: ConditionId, tick: int) -> None:
        """Change a market's tick; resting orders that are off the new grid are cancelled.

        Units: micros. Errors: ValueError for a tick that the venue does not have.
        """
        if tick not in AMOUNT_DECIMALS:
            raise ValueError(f"expected a tick of {sorted(AMOUNT_DECIMALS)} micros, found {tick}")
        market = self._markets[condition_id]
        old_tick = market.tick
        if tick == old_tick:
            return
        for order in market.resting():
            if order.price % tick or not tick <= order.price <= ONE - tick:
                self._engine.close(order, OrderState.CANCELED)
        market.tick = tick
        self._announce(
            TickChanged(
                condition_id=condition_id, old_tick=old_tick, new_tick=tick, at_ns=self.now_ns
            )
        )

    def close(self, condition_id: ConditionId) -> None:
        """Take no more orders of a market; resting ones stay and can be cancelled."""
        market = self._markets[condition_id]
        if not market.is_closed:
            market.is_accepting, market.is_closed = False, True
            self._announce(MarketClosed(condition_id=condition_id, payouts=None, at_ns=self.now_ns))

    def reopen(self, condition_id: ConditionId) -> None:
        """Take orders of a closed market again. Errors: ValueError for a resolved one."""
        market = self._markets[condition_id]
        if market.payouts is not None:
            raise ValueError(f"expected an unresolved market, found {condition_id} resolved")
        market.is_accepting, market.is_closed = True, False

    def resolve(self, condition_id: ConditionId, payouts: tuple[int, int]) -> None:
        """End a market with its verdict; whatever is open in it is cancelled.

        Units: micros of a USD that a YES and a NO share pay. Errors: ValueError for payouts
        that are not those of one set, or that differ from an earlier verdict.
        """
        if min(payouts) < 0 or sum(payouts) != ONE:
            raise ValueError(f"expected payouts that sum to {ONE} micros, found {payouts}")
        market = self._markets[condition_id]
        if market.payouts is not None:
            if market.payouts != payouts:
                raise ValueError(f"expected the verdict {market.payouts}, found {payouts}")
            return
        market.is_accepting, market.is_closed = False, True
        market.payouts, market.resolved_ns = payouts, self.now_ns
        for order in (*market.held.values(), *market.resting()):
            self._engine.close(order, OrderState.CANCELED_MARKET_RESOLVED)
        self._announce(MarketClosed(condition_id=condition_id, payouts=payouts, at_ns=self.now_ns))

    def open_market(self, event: ListedEvent, market: ListedMarket) -> None:
        """List a market while the venue runs; its event is new or takes the place of its old self.

        Errors: ValueError for a market or token that is listed already.
        """
        if market.condition_id in self._markets or {market.yes, market.no} & self._tokens.keys():
            raise ValueError(f"expected a new market, found {market.condition_id} listed already")
        self._events[event.event_id] = event
        self._list(market)
        self._announce(MarketOpened(market=market, at_ns=self.now_ns))

    def settle(self, trade_id: str, status: TradeStatus, transaction_hash: str) -> None:
        """Take the chain's word on a trade; one that cannot follow the present word is ignored."""
        trade = self._engine.trades.find(trade_id)
        if trade is None or status not in TRADE_STEPS[trade.record.status]:
            return
        was_mined = trade.record.status is TradeStatus.MINED
        self._engine.trades.step(trade, status, transaction_hash, self.now_ns)
        if was_mined or status is TradeStatus.CONFIRMED:
            for side in sides_of(trade.record.match):
                self._holdings.refresh(side.maker, None)
                self._holdings.refresh(side.maker, side.token_id)
        self._announce(TradeChanged(trade=trade.record, at_ns=self.now_ns))

    def take_matches(self) -> list[Match]:
        """Take the matches since the last call, oldest first, to be settled."""
        taken, self._engine.matches = self._engine.matches, []
        return taken

    def drain(self) -> list[Announcement]:
        """Take what was announced since the last call, oldest first."""
        taken, self._engine.announcements = self._engine.announcements, []
        return taken

    def _holding(self, owner: Address, token_id: TokenId | None) -> Holding:
        """Find a holding; one of a token that is not listed is read, but never remembered."""
        if token_id is None or token_id in self._tokens:
            return self._holdings.of(owner, token_id)
        return self._holdings.read(owner, token_id)

    def _announce(self, announcement: Announcement) -> None:
        self._engine.announcements.append(announcement)

    def _list(self, listed: ListedMarket) -> None:
        market = Market(
            listed=listed,
            spender=spender_of(listed),
            tick=listed.tick,
            opened_ns=self.now_ns,
            changed_ns=self.now_ns,
        )
        self._markets[listed.condition_id] = market
        self._tokens[listed.yes] = self._tokens[listed.no] = market

    def _tell_mode(self, mode: ExchangeMode) -> None:
        self._announce(ModeChanged(mode=mode, at_ns=self.now_ns))

    def _cancel_silenced(self, owner: str) -> None:
        self._cancel_resting(owner)

    def _cancel_resting(
        self,
        owner: str,
        *,
        condition_id: ConditionId | None = None,
        token_id: TokenId | None = None,
    ) -> Cancellation:
        canceled = []
        for order in self._engine.registry.open_of(owner):
            if order.state is not OrderState.LIVE:
                continue
            if condition_id is not None and order.market.listed.condition_id != condition_id:
                continue
            if token_id is not None and order.request.order.token_id != token_id:
                continue
            self._engine.close(order, OrderState.CANCELED)
            canceled.append(order.request.order_id)
        return Cancellation(canceled=tuple(canceled), not_canceled={})
