"""The CLOB behind its endpoints: the world, its rules at the door, and what it remembers."""

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.sandbox.server.clob.memory import Memory
from polyarb.venue.sandbox.server.errors import NO_BOOK, NO_MARKET, RejectedError
from polyarb.venue.sandbox.server.limits import LimitSettings, SignerLimits
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.server.telling import told_book
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, MarketStanding
from polyarb.venue.sandbox.terms.orders import BookLevels, RefusalReason, Refused
from polyarb.venue.sandbox.terms.settings import ExchangeSettings


class ClobSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the CLOB's door behaves where the venue's own figures may differ or change.

    Shape: is_eoa_allowed lets plain accounts trade, which the venue no longer lets new ones do.
    Units: rows a page, bytes, seconds that a body may take to arrive.
    """

    is_eoa_allowed: bool = True
    limits: LimitSettings = LimitSettings()
    exchange: ExchangeSettings = ExchangeSettings()
    record_page: int = 100
    market_page: int = 500
    body_bytes_max: int = 1_048_576
    body_seconds_max: float = 30.0


class ClobVenue:
    """What endpoints act on."""

    def __init__(self, state: SandboxState, settings: ClobSettings) -> None:
        self.state = state
        self.world = state.world
        self.exchange = state.world.exchange
        self.settings = settings
        self.limits = SignerLimits(settings.limits)
        self.memory = Memory(settings.exchange)
        self._events: dict[str, ListedEvent] = {}
        state.listen(self.memory.take)

    def book(self, token_id: str) -> BookLevels:
        """Return a token's book. Errors: RejectedError 404."""
        levels = self.find_book(token_id)
        if levels is None:
            raise RejectedError(404, NO_BOOK)
        return levels

    def find_book(self, token_id: str) -> BookLevels | None:
        """Return a token's book, or None."""
        return told_book(self.exchange.book(TokenId(token_id)), self.state.skew_ns())

    def market(self, condition_id: str) -> ListedMarket:
        """Return a market. Errors: RejectedError 404."""
        market = self.exchange.market(ConditionId(condition_id.lower()))
        if market is None:
            raise RejectedError(404, NO_MARKET)
        return market

    def market_of(self, token_id: str, refusal: str = NO_MARKET) -> ListedMarket:
        """Return the market of a token. Errors: RejectedError 404."""
        condition_id = self.exchange.condition_of(TokenId(token_id))
        market = None if condition_id is None else self.exchange.market(condition_id)
        if market is None:
            raise RejectedError(404, refusal)
        return market

    def standing(self, market: ListedMarket) -> MarketStanding:
        """Return what changes in a listed market's life."""
        standing = self.exchange.standing(market.condition_id)
        assert standing is not None
        return standing

    def event_of(self, market: ListedMarket) -> ListedEvent:
        """Return the event that a market belongs to."""
        if market.event_id not in self._events:
            self._events = {event.event_id: event for event in self.exchange.events()}
        return self._events[market.event_id]

    def wait_s(self, refused: Refused) -> int:
        """Return how many seconds a refused caller is told to wait, 0 where the venue is silent."""
        if refused.reason not in (RefusalReason.POST_ONLY_MODE, RefusalReason.RESTARTING):
            return 0
        return self.memory.mode_ends_s(self.world.now_ns)
