"""The sandbox's exchange on one core: orders a second of a realistic mix, and its memory.

Usage: python -m benchmarks.bench_sandbox_exchange
"""

import random
import time
import tracemalloc
from collections import deque
from collections.abc import Iterator, Sequence

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, OrderId, TokenId
from polyarb.domain.order import TimeInForce, TradeStatus
from polyarb.domain.plan import Side
from polyarb.domain.units import MICRO
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Address, SignedOrder
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.exchange.fakes import FakeFunds
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, Listing
from polyarb.venue.sandbox.terms.orders import OrderRequest
from polyarb.venue.sandbox.terms.settings import ExchangeSettings

from benchmarks.timing import table

OPENED_NS = 1_795_262_400_000_000_000
MARKETS, ACCOUNTS = 20, 40
TICK = 10_000
REQUESTS = 60_000
SLICE = 2_000
ROUNDS = 9
OPEN_MAX = 4_000
"""So many orders rest at once; beyond it the oldest is cancelled, as makers do who re-quote."""
MARKETABLE_SHARE = 0.15
TARGET = 30_000
LONG_RUN = 200_000
SETTINGS = ExchangeSettings()
LONG_RUN_SETTINGS = ExchangeSettings(closed_orders_max=10_000, final_trades_max=10_000)


def listing() -> Listing:
    """Make markets, each in an event of its own."""
    markets = tuple(
        ListedMarket(
            condition_id=ConditionId(f"0x{number:064x}"),
            question_id=ZERO_BYTES32,
            oracle=Address("0x" + "00" * 20),
            yes=TokenId(f"{2 * number + 1}{'7' * 70}"),
            no=TokenId(f"{2 * number + 2}{'7' * 70}"),
            question=f"Question {number}?",
            slug=f"question-{number}",
            event_id=str(number),
            tick=TICK,
            size_min=5 * MICRO,
            fee=FeeSchedule(rate=400),
        )
        for number in range(MARKETS)
    )
    events = tuple(
        ListedEvent(
            event_id=market.event_id,
            slug=market.slug,
            title=market.question,
            condition_ids=(market.condition_id,),
            ends_ns=2 * OPENED_NS,
        )
        for market in markets
    )
    return Listing(events=events, markets=markets)


def accounts() -> tuple[Address, ...]:
    """Name the accounts."""
    return tuple(Address(f"0x{number:040x}") for number in range(1, ACCOUNTS + 1))


def opened(settings: ExchangeSettings) -> Exchange:
    """Open an exchange whose accounts can pay for everything."""
    funds, listed = FakeFunds(), listing()
    for account in accounts():
        funds.pusd[account] = 10**15
        for market in listed.markets:
            funds.tokens[account, market.yes] = funds.tokens[account, market.no] = 10**15
    return Exchange(settings, listed, funds=funds, opened_ns=OPENED_NS)


def requests(seed: int, count: int) -> Iterator[OrderRequest]:
    """Draw orders: quotes around a middle of 0.50 that rest, and some that cross it."""
    source = random.Random(seed)
    listed, owners = listing(), accounts()
    for number in range(count):
        market = source.choice(listed.markets)
        is_yes, is_buy = source.random() < 0.5, source.random() < 0.5
        is_taker = source.random() < MARKETABLE_SHARE
        away = source.randrange(1, 12) * TICK
        price = MICRO // 2 + (away if is_buy is is_taker else -away)
        shares = source.randrange(5, 200) * MICRO
        collateral = shares * price // MICRO
        account = source.choice(owners)
        yield OrderRequest(
            order_id=OrderId(f"0x{seed:08x}{number:056x}"),
            owner=f"key-{account}",
            time_in_force=TimeInForce.FAK if is_taker else TimeInForce.GTC,
            order=SignedOrder(
                salt=number,
                maker=account,
                signer=account,
                token_id=market.yes if is_yes else market.no,
                maker_amount=collateral if is_buy else shares,
                taker_amount=shares if is_buy else collateral,
                side=Side.BUY if is_buy else Side.SELL,
                timestamp_ms=OPENED_NS // MICRO,
            ),
        )


class Play:
    """One exchange, and the orders that rest in it."""

    def __init__(self, settings: ExchangeSettings = SETTINGS) -> None:
        self.exchange = opened(settings)
        self.resting: deque[tuple[str, str]] = deque()
        self.cancels = self.trades = 0

    def run(self, orders: Sequence[OrderRequest]) -> None:
        """Place every order; the oldest resting ones are cancelled, and matches settled."""
        exchange, resting = self.exchange, self.resting
        for request in orders:
            exchange.place(request)
            if request.time_in_force is TimeInForce.GTC:
                resting.append((request.order_id, request.owner))
            if len(resting) > OPEN_MAX:
                order_id, owner = resting.popleft()
                exchange.cancel((order_id,), owner)
                self.cancels += 1
        for match in exchange.take_matches():
            self.trades += 1
            exchange.settle(match.trade_id, TradeStatus.CONFIRMED, "0x00")
        exchange.drain()


def best_run(orders: list[OrderRequest]) -> tuple[float, Play]:
    """Play the same orders several times; of every slice the fastest play counts.

    Units: CPU seconds. A disturbance only ever makes a slice slower.
    """
    slices = [orders[at : at + SLICE] for at in range(0, len(orders), SLICE)]
    best = [float("inf")] * len(slices)
    for _ in range(ROUNDS):
        play = Play()
        for number, part in enumerate(slices):
            began = time.process_time()
            play.run(part)
            best[number] = min(best[number], time.process_time() - began)
    return sum(best), play


def memory_of_long_run() -> tuple[float, float]:
    """Measure what is held half-way and at the end of a long run. Units: MiB."""
    play = Play(LONG_RUN_SETTINGS)
    held = []
    tracemalloc.start()
    for half in (1, 2):
        for part in range(LONG_RUN // 2 // SLICE):
            play.run(list(requests(half * 1_000 + part, SLICE)))
        held.append(tracemalloc.get_traced_memory()[0] / 2**20)
    tracemalloc.stop()
    return held[0], held[1]


def main() -> None:
    """Measure and print."""
    orders = list(requests(1, REQUESTS))
    best, play = best_run(orders)
    cancels, trades = play.cancels, play.trades
    half, end = memory_of_long_run()
    rows = [
        ("orders a second, cancels beside them", f"{REQUESTS / best:,.0f}", f">= {TARGET:,}"),
        ("orders and cancels a second", f"{(REQUESTS + cancels) / best:,.0f}", ""),
        ("trades a second", f"{trades / best:,.0f}", ""),
        (f"memory after {LONG_RUN // 2:,} orders", f"{half:.0f} MiB", ""),
        (f"memory after {LONG_RUN:,} orders", f"{end:.0f} MiB", f"<= {half * 1.05:.0f} MiB"),
    ]
    title = f"Sandbox exchange: {REQUESTS:,} orders, {cancels:,} cancels, {trades:,} trades"
    print(table(title, ("", "measured", "target"), rows))


if __name__ == "__main__":
    main()
