"""Everything that was traded in the sandbox, by wallet and by token, as the chain has it.

It hears of every trade from the world; an order of the day is kept as one leg of one wallet. No
clock, no I/O.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.order import TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.terms.announcements import Announcement, TradeChanged
from polyarb.venue.sandbox.terms.trades import Fill, TradeRecord, sides_of

SEEN_BY_THE_INDEXER = frozenset({TradeStatus.MINED, TradeStatus.CONFIRMED})
"""The Data API knows what is on chain; a match that only waits is not there yet."""


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet's part of a settled trade. Units: micros, unix nanoseconds."""

    leg_id: str
    condition_id: ConditionId
    fill: Fill
    is_taker: bool
    transaction_hash: str
    at_ns: int

    @property
    def collateral(self) -> int:
        """Return the collateral of it, before the fee."""
        return self.fill.given if self.fill.side is Side.BUY else self.fill.got


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet's trades in one token add up to. Units: micros.

    shares is what they left; cost what these were bought for, without fees; bought is all that
    was ever bought; realized is what sales brought above their cost, fees deducted.
    """

    shares: int = 0
    cost: int = 0
    bought: int = 0
    fees: int = 0
    realized: int = 0
    first_ns: int = 0
    last_ns: int = 0


class TradeLedger:
    """The trades of one sandbox."""

    def __init__(self) -> None:
        self._trades: dict[str, TradeRecord] = {}
        self._by_wallet: defaultdict[Address, list[str]] = defaultdict(list)
        self._by_condition: defaultdict[ConditionId, list[str]] = defaultdict(list)

    def listen(self, announcements: Sequence[Announcement]) -> None:
        """Take the trades among what was announced, each with its last word."""
        for told in announcements:
            if isinstance(told, TradeChanged):
                self._take(told.trade)

    @property
    def wallets(self) -> tuple[Address, ...]:
        """Return everybody who ever traded."""
        return tuple(self._by_wallet)

    def legs(self, wallet: Address) -> Iterator[Leg]:
        """Return a wallet's parts of settled trades, oldest first."""
        for trade_id in self._by_wallet.get(wallet, ()):
            for leg in _legs_of(self._trades[trade_id]):
                if leg.fill.maker == wallet:
                    yield leg

    def market_legs(self, condition_ids: Sequence[ConditionId]) -> Iterator[Leg]:
        """Return everybody's parts of some markets' settled trades, oldest first."""
        trade_ids = [each for found in condition_ids for each in self._by_condition.get(found, ())]
        trades = sorted(
            (self._trades[each] for each in trade_ids), key=lambda trade: trade.match.matched_ns
        )
        for trade in trades:
            yield from _legs_of(trade)

    def all_legs(self) -> Iterator[Leg]:
        """Return everybody's parts of all settled trades, oldest first."""
        for trade in self._trades.values():
            yield from _legs_of(trade)

    def costs(self, wallet: Address) -> dict[TokenId, Cost]:
        """Add up a wallet's trades token by token, sales at the average cost."""
        costs: dict[TokenId, Cost] = {}
        for leg in self.legs(wallet):
            token_id = leg.fill.token_id
            costs[token_id] = _after(costs.get(token_id, Cost(first_ns=leg.at_ns)), leg)
        return costs

    def _take(self, trade: TradeRecord) -> None:
        trade_id = trade.match.trade_id
        if trade_id not in self._trades:
            for wallet in dict.fromkeys(fill.maker for fill in sides_of(trade.match)):
                self._by_wallet[wallet].append(trade_id)
            self._by_condition[trade.match.condition_id].append(trade_id)
        self._trades[trade_id] = trade


def _legs_of(trade: TradeRecord) -> Iterator[Leg]:
    if trade.status not in SEEN_BY_THE_INDEXER:
        return
    for number, fill in enumerate(sides_of(trade.match)):
        yield Leg(
            leg_id=f"{trade.match.trade_id}-{number}",
            condition_id=trade.match.condition_id,
            fill=fill,
            is_taker=number == 0,
            transaction_hash=trade.transaction_hash,
            at_ns=trade.match.matched_ns,
        )


def _after(before: Cost, leg: Leg) -> Cost:
    """Add one leg; a sale of more than was bought sells shares that came another way."""
    fill = leg.fill
    if fill.side is Side.BUY:
        return msgspec.structs.replace(
            before,
            shares=before.shares + fill.got,
            cost=before.cost + fill.given,
            bought=before.bought + fill.got,
            fees=before.fees + fill.fee,
            last_ns=leg.at_ns,
        )
    sold = min(fill.given, before.shares)
    cost = before.cost * sold // before.shares if before.shares else 0
    other_cost = split_cost(fill.given - sold)
    return msgspec.structs.replace(
        before,
        shares=before.shares - sold,
        cost=before.cost - cost,
        fees=before.fees + fill.fee,
        realized=before.realized + fill.got - fill.fee - cost - other_cost,
        last_ns=leg.at_ns,
    )


def split_cost(shares: int) -> int:
    """Return what shares cost that came by a split or a gift: half of their set. Units: micros."""
    return shares * (MICRO // 2) // MICRO
