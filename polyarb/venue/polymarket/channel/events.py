"""One decoded message becomes domain events in YES terms: the rules, without lines or times.

A message is translated whole or raises UnusableError before anything of it was counted as done.
"""

from collections.abc import Mapping

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.market import mirror
from polyarb.domain.messages import (
    NO_WINNER,
    BookReplaced,
    LevelChanged,
    LevelsChanged,
    MarketEvent,
    MarketResolved,
    TickChanged,
    TradePrinted,
)
from polyarb.domain.plan import Level, Outcome, Side
from polyarb.ports import FeedStatistics
from polyarb.venue.polymarket.channel import wire
from polyarb.venue.polymarket.channel.numerals import (
    Rejection,
    UnusableError,
    read_best_ask,
    read_best_bid,
    read_price,
    read_size,
    read_tick,
)

NS_PER_MS = 1_000_000
MIRROR_UNPAIRED = "mirror_unpaired"
"""Noted: both tokens of a market appear in one message and do not say the same."""
SIZE_CUT = "size_cut"
"""Noted: a size had more than six decimals, which were cut off."""

Token = tuple[ConditionId, bool, TokenId | None]
"""The token's market, whether it is the YES, and the other token of that market if known."""
Change = tuple[bool, int, int]
"""A level's new total in YES terms: is_bid, price, size."""


def events_of(
    message: wire.Message,
    tokens: Mapping[str, Token],
    counted: FeedStatistics,
    receive_ns: int,
) -> tuple[MarketEvent, ...]:
    """Translate one message; what is odd or of unknown tokens is counted. Errors: UnusableError."""
    rules = _Rules(tokens, counted, message.timestamp * NS_PER_MS, receive_ns)
    match message:
        case wire.PriceChange():
            return rules.levels(message)
        case wire.Book():
            return (rules.book(message),)
        case wire.LastTrade():
            return (rules.trade(message),)
        case wire.TickSizeChange():
            return (rules.tick(message),)
        case wire.MarketResolved():
            return (rules.resolved(message),)
        case wire.BestBidAsk():
            return rules.top(message)
        case wire.NewMarket():
            return ()


def count(counts: dict[str, int], name: str, number: int = 1) -> None:
    """Add to a named count; nothing appears for nothing."""
    if number:
        counts[name] = counts.get(name, 0) + number


class _Entries:
    """The entries of a price_change that belong to one market."""

    def __init__(self, first: wire.Change, is_yes: bool) -> None:
        """Take the tops of the first entry; the others tell the same state of the one book."""
        best_bid, best_bid_mirrored = read_best_bid(first.best_bid)
        best_ask, best_ask_mirrored = read_best_ask(first.best_ask)
        self.best_bid, self.best_ask = best_bid, best_ask
        if not is_yes:
            self.best_bid, self.best_ask = best_ask_mirrored, best_bid_mirrored
        self.all: list[Change] = []
        self.of_yes: list[Change] = []
        self.of_no: list[Change] = []

    def add(self, is_yes: bool, change: Change) -> None:
        """Take one entry more."""
        self.all.append(change)
        (self.of_yes if is_yes else self.of_no).append(change)

    @property
    def is_unpaired(self) -> bool:
        """Tell whether both tokens appear and do not leave the same sizes at the same levels."""
        return bool(self.of_yes and self.of_no) and _final(self.of_yes) != _final(self.of_no)

    def changes(self) -> list[Change]:
        """Return what changed; what both tokens tell alike is told once."""
        return self.of_yes if self.of_yes and not self.is_unpaired else self.all


class _Rules:
    """How each kind of message is translated, at one venue time and one receive time."""

    def __init__(
        self, tokens: Mapping[str, Token], counted: FeedStatistics, venue_ns: int, receive_ns: int
    ) -> None:
        self._tokens = tokens
        self._counted = counted
        self._venue_ns = venue_ns
        self._receive_ns = receive_ns

    def levels(self, message: wire.PriceChange) -> tuple[MarketEvent, ...]:
        """Make one event for every market in the message that we know."""
        if not message.price_changes:
            raise UnusableError(Rejection.NO_ENTRIES)
        markets: dict[ConditionId, _Entries] = {}
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
            if condition_id not in markets:
                markets[condition_id] = _Entries(change, is_yes)
            is_bid = (change.side == "BUY") == is_yes
            markets[condition_id].add(is_yes, (is_bid, price if is_yes else mirrored, size))
        self._counted.unknown_tokens += unknown
        if not markets:
            raise UnusableError(Rejection.UNKNOWN_TOKEN)
        count(self._counted.noted, SIZE_CUT, cut)
        return tuple(self._level_event(*market) for market in markets.items())

    def _level_event(
        self, condition_id: ConditionId, entries: _Entries
    ) -> LevelChanged | LevelsChanged:
        count(self._counted.noted, MIRROR_UNPAIRED, entries.is_unpaired)
        changes = entries.changes()
        if len(changes) > 1:
            return LevelsChanged(
                condition_id=condition_id,
                changes=tuple(changes),
                best_bid=entries.best_bid,
                best_ask=entries.best_ask,
                venue_time_ns=self._venue_ns,
                receive_time_ns=self._receive_ns,
            )
        is_bid, price, size = changes[0]
        return LevelChanged(
            condition_id=condition_id,
            is_bid=is_bid,
            price=price,
            size=size,
            best_bid=entries.best_bid,
            best_ask=entries.best_ask,
            venue_time_ns=self._venue_ns,
            receive_time_ns=self._receive_ns,
        )

    def book(self, message: wire.Book) -> BookReplaced:
        """Bring a book to YES terms, best level first, whatever the order it came in."""
        condition_id, is_yes, _ = self._token(message.asset_id)
        bids, cut_bids = _side(message.bids, is_yes)
        asks, cut_asks = _side(message.asks, is_yes)
        if not is_yes:
            bids, asks = asks, bids
        count(self._counted.noted, SIZE_CUT, cut_bids + cut_asks)
        return BookReplaced(
            condition_id=condition_id,
            outcome=Outcome.YES if is_yes else Outcome.NO,
            bids=tuple(sorted(bids, reverse=True)),
            asks=tuple(sorted(asks)),
            venue_time_ns=self._venue_ns,
            receive_time_ns=self._receive_ns,
        )

    def trade(self, message: wire.LastTrade) -> TradePrinted:
        """Report a trade in the terms of its token."""
        condition_id, _, _ = self._token(message.asset_id)
        price, _, _ = read_price(message.price)
        size, is_cut = read_size(message.size)
        count(self._counted.noted, SIZE_CUT, is_cut)
        return TradePrinted(
            condition_id=condition_id,
            token_id=TokenId(message.asset_id),
            side=Side(message.side),
            price=price,
            size=size,
            venue_time_ns=self._venue_ns,
            receive_time_ns=self._receive_ns,
        )

    def tick(self, message: wire.TickSizeChange) -> TickChanged:
        """Report a new tick; the wire tells it once for each token of the market."""
        condition_id, _, _ = self._token(message.asset_id)
        return TickChanged(
            condition_id=condition_id,
            tick=read_tick(message.new_tick_size),
            venue_time_ns=self._venue_ns,
            receive_time_ns=self._receive_ns,
        )

    def resolved(self, message: wire.MarketResolved) -> MarketResolved:
        """Report which token won, or that neither did."""
        winner = message.winning_asset_id
        named = next(iter(message.assets_ids), "") if winner is None else winner
        condition_id, _, _ = self._token(named)
        return MarketResolved(
            condition_id=condition_id,
            winner=NO_WINNER if winner is None else TokenId(winner),
            venue_time_ns=self._venue_ns,
            receive_time_ns=self._receive_ns,
        )

    def top(self, message: wire.BestBidAsk) -> tuple[MarketEvent, ...]:
        """Check the message and make nothing of it: price_change tells the same top in order."""
        self._token(message.asset_id)
        read_best_bid(message.best_bid)
        read_best_ask(message.best_ask)
        return ()

    def _token(self, asset_id: str) -> Token:
        token = self._tokens.get(asset_id)
        if token is None:
            self._counted.unknown_tokens += 1
            raise UnusableError(Rejection.UNKNOWN_TOKEN)
        return token


def _side(levels: list[wire.Level], is_yes: bool) -> tuple[list[Level], int]:
    """Read one side of a book in YES prices, without empty levels; tell how many were cut."""
    side: dict[int, int] = {}
    cut = 0
    for level in levels:
        price, _, _ = read_price(level.price)
        size, is_cut = read_size(level.size)
        if price in side:
            raise UnusableError(Rejection.REPEATED_LEVEL)
        side[price] = size
        cut += is_cut
    return [(price if is_yes else mirror(price), size) for price, size in side.items() if size], cut


def _final(changes: list[Change]) -> dict[tuple[bool, int], int]:
    """Return what the changes leave at each level."""
    return {(is_bid, price): size for is_bid, price, size in changes}
