"""The other side of bench_river: NautilusTrader's Polymarket decode and book apply.

Runs in an environment of its own that has nautilus_trader; prints seconds a message of the best
slice on standard output. It does what the adapter's data client does with a frame up to its local
book (decode, instrument look-up, order, delta, apply), without cache, clock and publication.
"""

import gzip
import json
import sys
import time
from pathlib import Path

import msgspec
from nautilus_trader.adapters.polymarket.common.enums import PolymarketOrderSide
from nautilus_trader.adapters.polymarket.common.parsing import parse_instrument
from nautilus_trader.adapters.polymarket.common.symbol import get_polymarket_instrument_id
from nautilus_trader.adapters.polymarket.schemas.book import (
    PolymarketBookSnapshot,
    PolymarketQuotes,
)
from nautilus_trader.adapters.polymarket.websocket.types import MARKET_WS_MESSAGE
from nautilus_trader.core.datetime import millis_to_nanos
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, OrderSide, RecordFlag

SLICE = 2_000
WARM = 5_000


def instruments(messages: list[dict]) -> dict:
    """Make an instrument for every token of the tape."""
    found = {}
    for message in messages:
        changes = message.get("price_changes") or [message]
        for change in changes:
            key = get_polymarket_instrument_id(message["market"], change["asset_id"])
            if key not in found:
                info = {
                    "condition_id": message["market"],
                    "question": "?",
                    "minimum_tick_size": "0.001",
                    "minimum_order_size": 5,
                    "end_date_iso": None,
                    "maker_base_fee": 0,
                    "taker_base_fee": 0,
                }
                found[key] = parse_instrument(info, change["asset_id"], "Yes", 0)
    return found


def main() -> None:
    """Measure and print."""
    messages = [
        json.loads(line)["msg"]
        for line in gzip.decompress(Path(sys.argv[1]).read_bytes()).splitlines()
    ]
    for message in messages:
        for change in message.get("price_changes", ()):
            change.setdefault("hash", "")
        if message["event_type"] == "last_trade_price":
            message.setdefault("fee_rate_bps", "0")
    table = instruments(messages)
    frames = [json.dumps(message, separators=(",", ":")).encode() for message in messages]
    decode = msgspec.json.Decoder(MARKET_WS_MESSAGE).decode
    books: dict = {}

    def handle(frame: bytes) -> None:
        message = decode(frame)
        if isinstance(message, PolymarketBookSnapshot):
            key = get_polymarket_instrument_id(message.market, message.asset_id)
            book = books[key] = OrderBook(key, book_type=BookType.L2_MBP)
            book.apply_deltas(message.parse_to_snapshot(table[key], 0))
        elif isinstance(message, PolymarketQuotes):
            for change in message.price_changes:
                key = get_polymarket_instrument_id(message.market, change.asset_id)
                instrument = table[key]
                order = BookOrder(
                    side=OrderSide.BUY
                    if change.side == PolymarketOrderSide.BUY
                    else OrderSide.SELL,
                    price=instrument.make_price(float(change.price)),
                    size=instrument.make_qty(float(change.size)),
                    order_id=0,
                )
                delta = OrderBookDelta(
                    instrument_id=key,
                    action=BookAction.UPDATE if order.size > 0 else BookAction.DELETE,
                    order=order,
                    flags=RecordFlag.F_LAST,
                    sequence=0,
                    ts_event=millis_to_nanos(float(message.timestamp)),
                    ts_init=0,
                )
                books[key].apply(OrderBookDeltas(key, [delta]))

    for frame in frames[:WARM]:
        handle(frame)
    part = frames[WARM : WARM + SLICE]
    best = float("inf")
    for _ in range(40):
        began = time.process_time()
        for frame in part:
            handle(frame)
        best = min(best, time.process_time() - began)
    print(best / SLICE)


if __name__ == "__main__":
    main()
