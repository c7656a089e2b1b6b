"""Two legs signed and placed, beside the official client's own place call in the same run.

The sandbox is a process of its own with a quiet market on loopback; both sides take turns, so that
they meet the same disturbances. The parts of ours are timed where they happen; what is left of a
POST is the HTTP library, the loopback and the sandbox. Usage: python -m benchmarks.bench_trading
[TURNS]. Units: wall milliseconds,
but for the CPU.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.digests import domain_of, order_digest
from polyarb.venue.polymarket.signing.mac import request_headers
from polyarb.venue.polymarket.signing.order import SignedOrder
from polyarb.venue.polymarket.trading.order_wire import PreparedOrder, prepare
from polyarb.venue.polymarket.trading.outcomes import Accepted
from tests.sandbox_server import SandboxServer, address_of, sandbox_served
from tests.trading_cases import Trader, desk

from benchmarks.timing import table

TURNS, WARM_UP, SWEEP_EVERY = 300, 20, 20
PRICE, SHARES = 100_000, 5
PUSD = 1_000_000
PEER = "polymarket"
Times = dict[str, list[float]]

SIGN, WRITE, MAC, BATCH = (
    "  sign both",
    "  ids and bytes",
    "  keyed hash",
    "  POST /orders, one of both",
)
CPU = "  CPU of this process in that POST"
OURS_BATCH = "ours: sign and POST both as a batch"
OURS_PAIR = "ours: sign and POST both at once"
THEIRS = "polymarket-client: place_limit_order of both at once"
TARGETS_MS = {OURS_BATCH: (2.0, 5.0), OURS_PAIR: (2.0, 5.0)}


def percentile(times: Sequence[float], share: float) -> float:
    """Return the time that this share of turns did not exceed."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def written(trader: Trader, order: SignedOrder) -> PreparedOrder:
    """Prepare a signed order as the client sends it."""
    return prepare(
        order,
        order_digest(order, domain_of(False)),
        owner=trader.account.credentials.key,
        time_in_force=TimeInForce.GTC,
    )


class Turns:
    """Both legs, over and over, with the time of each part."""

    def __init__(self, trader: Trader, tokens: tuple[str, str]) -> None:
        self.trader = trader
        self.tokens = tokens
        self.times: Times = {}

    def note(self, name: str, began: float) -> float:
        """Keep how long something took; return the time."""
        now = perf_counter()
        self.times.setdefault(name, []).append(1_000 * (now - began))
        return now

    def signed(self) -> list[PreparedOrder]:
        """Sign and write both legs."""
        began = perf_counter()
        orders = [self.trader.signed(each, Side.BUY, PRICE, SHARES) for each in self.tokens]
        began = self.note(SIGN, began)
        prepared = [written(self.trader, each) for each in orders]
        self.note(WRITE, began)
        return prepared

    async def batch(self) -> None:
        """Place both as one request."""
        began = perf_counter()
        legs = self.signed()
        sent, used = perf_counter(), process_time()
        placed = await self.trader.client.place_all(legs)
        self.times.setdefault(CPU, []).append(1_000 * (process_time() - used))
        self.note(BATCH, sent)
        self.note(OURS_BATCH, began)
        assert all(isinstance(each, Accepted) for each in placed), placed
        self.mac(legs[0].entry + legs[1].entry)

    async def pair(self) -> None:
        """Place both as two requests side by side."""
        began = perf_counter()
        legs = self.signed()
        placed = await asyncio.gather(*(self.trader.client.place(each) for each in legs))
        self.note(OURS_PAIR, began)
        assert all(isinstance(each, Accepted) for each in placed), placed

    def mac(self, body: bytes) -> None:
        """Time the keyed hash of a request by itself; it is within the POST."""
        account, began = self.trader.account, perf_counter()
        request_headers(
            account.credentials, account.address, 1, method="POST", path="/orders", body=body
        )
        self.note(MAC, began)


async def theirs(client: Any, tokens: tuple[str, str]) -> None:
    """Place both with the official client."""
    placed = await asyncio.gather(
        *(
            client.place_limit_order(asset_id=each, price="0.1", size=SHARES, side="BUY")
            for each in tokens
        )
    )
    assert all(each.ok for each in placed), placed


def environment(venue: SandboxServer) -> Any:
    """Point the official client at the sandbox."""
    module = import_module("polymarket._internal.environment")
    urls = {f"{name}_url": venue.info[name] for name in ("clob", "gamma", "data", "relayer")}
    config = replace(module.PRODUCTION_CONFIG, rpc_url=venue.info["rpc"], **urls)
    return module.create_environment(name="sandbox", config=config)


async def compare(venue: SandboxServer, turns: int) -> Times:
    """Let both sides take turns."""
    own, other = venue.account(), venue.account()
    for key in (own, other):
        venue.fund(address_of(key), PUSD)
    market = venue.market("rain")
    tokens = (market["yes_token"], market["no_token"])
    async with desk(venue, key=own) as trader:
        ours = Turns(trader, tokens)
        sides: list[Callable[[], Awaitable[None]]] = [ours.batch, ours.pair]
        if find_spec(PEER) is None:
            return await take_turns(ours, sides, turns, trader.client.cancel_all)
        opening = {"private_key": other, "wallet": address_of(other)}
        opening["environment"] = environment(venue)
        async with await import_module(PEER).AsyncSecureClient.create(**opening) as client:

            async def timed() -> None:
                began = perf_counter()
                await theirs(client, tokens)
                ours.note(THEIRS, began)

            async def sweep() -> None:
                await trader.client.cancel_all()
                await client.cancel_all()

            return await take_turns(ours, [*sides, timed], turns, sweep)


async def take_turns(
    ours: Turns,
    sides: Sequence[Callable[[], Awaitable[None]]],
    turns: int,
    sweep: Callable[[], Awaitable[object]],
) -> Times:
    """Run every side in turn; what was warmed up with does not count."""
    for turn in range(turns + WARM_UP):
        if turn == WARM_UP:
            ours.times.clear()
        for side in sides:
            await side()
        if turn % SWEEP_EVERY == 0:
            await sweep()
    return ours.times


def main() -> None:
    """Print the table."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else TURNS
    with TemporaryDirectory() as folder, sandbox_served(Path(folder)) as venue:
        times = asyncio.run(compare(venue, turns))
    rows = []
    for name in (OURS_BATCH, SIGN, WRITE, BATCH, CPU, MAC, OURS_PAIR, THEIRS):
        if name not in times:
            rows.append((name, "not installed", "", ""))
            continue
        aim = "/".join(f"{each:g}" for each in TARGETS_MS.get(name, ()))
        p50, p99 = percentile(times[name], 0.5), percentile(times[name], 0.99)
        rows.append((name, f"{p50:.3f}", f"{p99:.3f}", aim))
    print(table(f"Two legs on loopback, {turns} turns", ("what", "p50 ms", "p99 ms", "aim"), rows))


if __name__ == "__main__":
    main()
