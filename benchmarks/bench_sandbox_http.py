"""Orders a second over real HTTP against the sandbox's CLOB, each with its signature checked.

The server is a process of its own with the sandbox's app on a loopback socket; the load comes from
another, with orders that were signed before. Every client keeps one connection and sends the next
order when the last was answered. Usage: python -m benchmarks.bench_sandbox_http [ORDERS [RUNS]].
Shape: CPU is the server process's, so that a core is what it has by itself; of several runs the
least and the most are printed. `profile` as the first word prints where the server spends it.
"""

import asyncio
import cProfile
import pstats
import resource
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection

import msgspec
import uvicorn
from polyarb.config.scenarios import load_scenario
from polyarb.domain.ids import OrderId, TokenId
from polyarb.domain.plan import Side
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.signing.digests import domain_of
from polyarb.venue.polymarket.signing.mac import ApiCredentials, request_headers
from polyarb.venue.polymarket.signing.order import Address, SignedOrder
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import Founded, found
from polyarb.venue.sandbox.flow.scenario import AccountTerms
from polyarb.venue.sandbox.server.clob.app import clob_app
from polyarb.venue.sandbox.server.gates import gated
from polyarb.venue.sandbox.server.keys import ApiKeys
from polyarb.venue.sandbox.server.limits import AddressLimits, LimitSettings
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.terms.orders import OrderRequest, Placement
from polyarb.wiring.sandbox.scenarios import scenario_home

from benchmarks.timing import table

ORDERS = 4_000
RUNS = 3
CLIENTS = (1, 16, 128)
MICRO = 1_000_000
SHARES = 10
STOCK = 10_000_000
ASK = 510_000
SEED = 1
BATCH = 15
HTTP_OK = b"HTTP/1.1 200"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. Shape: entries is how many orders one request carries."""

    name: str
    clients: int
    price: int
    entries: int = 1


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one load gave. Units: seconds, CPU seconds of the server, milliseconds."""

    orders: int
    wall_s: float
    cpu_s: float
    p50_ms: float
    p99_ms: float


LOADS = (
    *(Load(name="resting", clients=count, price=100_000) for count in CLIENTS),
    Load(name="matched at once", clients=128, price=600_000),
    Load(name="batches of 15", clients=128, price=100_000, entries=BATCH),
)


def founded(clients: int) -> Founded:
    """Found the quiet scenario with an account for every client."""
    scenario = msgspec.structs.replace(
        load_scenario("quiet", scenario_home(None)),
        accounts=AccountTerms(count=clients, pusd=10**9 * MICRO),
    )
    return found(scenario, seed=SEED, starts_ns=SystemClock().now_ns(), faults=FaultBoard(SEED))


def serve(control: Connection, clients: int, is_profiled: bool) -> None:
    """Serve until told to stop; tell the port, and the CPU used whenever asked."""
    sandbox = founded(clients)
    state = SandboxState(
        sandbox.world, SystemClock(), accounts=sandbox.accounts, keys=ApiKeys(SEED)
    )
    for account in sandbox.accounts:
        state.keys.create(account.address)
    offer(sandbox)
    app = gated(clob_app(state), state, "clob", AddressLimits(LimitSettings()))
    listening = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    # What is accepted inherits it: head and body of an answer do not wait for each other.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", access_log=False)
    server = uvicorn.Server(config)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def hear() -> None:
            try:
                is_over = control.recv() == "stop"
            except EOFError:
                is_over = True
            server.should_exit = is_over
            if is_over:
                loop.remove_reader(control.fileno())
            else:
                control.send(cpu_s())

        loop.add_reader(control.fileno(), hear)
        control.send(listening.getsockname()[1])
        await server.serve([listening])

    profile = cProfile.Profile()
    if is_profiled:
        profile.enable()
    asyncio.run(main())
    if is_profiled:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(32)


def offer(sandbox: Founded) -> None:
    """Let the first account offer more shares than will be bought, as one order."""
    market, seller = sandbox.listing.markets[0], sandbox.accounts[0].address
    sandbox.world.chain.endow(seller, market.condition_id, STOCK * MICRO)
    order = SignedOrder(
        salt=1,
        maker=seller,
        signer=seller,
        token_id=market.yes,
        maker_amount=STOCK * MICRO,
        taker_amount=STOCK * ASK,
        side=Side.SELL,
        timestamp_ms=0,
    )
    request = OrderRequest(order_id=OrderId("0x" + "51" * 32), order=order, owner="seller")
    assert isinstance(sandbox.world.place(request), Placement)


def cpu_s() -> float:
    """Return what this process has used of a core, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a client that can be made before it runs."""

    address: Address
    credentials: ApiCredentials
    bodies: tuple[bytes, ...]


def prepare(sandbox: Founded, load: Load, orders: int, salt: int) -> list[Prepared]:
    """Sign all orders of a load. Shape: the orders are shared out evenly."""
    keys = ApiKeys(SEED)
    market = sandbox.listing.markets[0]
    path_entries = load.entries
    each = max(1, orders // (load.clients * path_entries))
    prepared = []
    for number, account in enumerate(sandbox.accounts[: load.clients]):
        signer = Signer(account.private_key)
        credentials = keys.create(account.address)
        assert credentials is not None
        payloads = [
            payload(signer, credentials.key, market.yes, load.price, salt + number * 10**6 + at)
            for at in range(each * path_entries)
        ]
        bodies = [
            msgspec.json.encode(
                payloads[at : at + path_entries] if path_entries > 1 else payloads[at]
            )
            for at in range(0, len(payloads), path_entries)
        ]
        prepared.append(
            Prepared(address=account.address, credentials=credentials, bodies=tuple(bodies))
        )
    return prepared


def payload(signer: Signer, owner: str, token_id: TokenId, price: int, salt: int) -> object:
    """Sign one order and write it as clients send it."""
    plain = SignedOrder(
        salt=salt,
        maker=signer.address,
        signer=signer.address,
        token_id=token_id,
        maker_amount=price * SHARES,
        taker_amount=SHARES * MICRO,
        side=Side.BUY,
        timestamp_ms=time.time_ns() // MICRO,
    )
    order = signer.sign_order(plain, domain_of(False))
    return {
        "deferExec": False,
        "order": {
            "salt": order.salt,
            "maker": order.maker,
            "signer": order.signer,
            "tokenId": order.token_id,
            "makerAmount": str(order.maker_amount),
            "takerAmount": str(order.taker_amount),
            "side": order.side.value,
            "expiration": "0",
            "signatureType": 0,
            "timestamp": str(order.timestamp_ms),
            "metadata": order.metadata,
            "builder": order.builder,
            "signature": order.signature,
        },
        "owner": owner,
        "orderType": "GTC",
        "postOnly": False,
    }


def request_of(client: Prepared, path: str, body: bytes) -> bytes:
    """Write a request; its keyed hash counts for half a minute only, so it is made here."""
    headers = request_headers(
        client.credentials,
        client.address,
        int(time.time()),
        method="POST",
        path=path,
        body=body,
    )
    lines = [f"POST {path} HTTP/1.1", "host: clob", "content-type: application/json"]
    lines += [f"content-length: {len(body)}"]
    lines += [f"{name}: {told}" for name, told in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def send_all(port: int, client: Prepared, path: str, times_s: list[float]) -> int:
    """Send one client's requests, one after the other; return how many orders were accepted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    accepted = 0
    for content in client.bodies:
        request = request_of(client, path, content)
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        times_s.append(time.perf_counter() - began)
        assert head.startswith(HTTP_OK), body
        accepted += body.count(b'"success":true')
    writer.close()
    return accepted


async def run_load(
    port: int, clients: Sequence[Prepared], path: str
) -> tuple[int, float, list[float]]:
    """Let all clients send at once; return accepted orders, seconds and the time of each answer."""
    times_s: list[float] = []
    began = time.perf_counter()
    accepted = await asyncio.gather(*(send_all(port, each, path, times_s) for each in clients))
    return sum(accepted), time.perf_counter() - began, times_s


def measure(control: Connection, port: int, load: Load, clients: Sequence[Prepared]) -> Measured:
    """Measure one load once."""
    path = "/orders" if load.entries > 1 else "/order"
    control.send("cpu")
    before = control.recv()
    accepted, wall_s, times_s = asyncio.run(run_load(port, clients, path))
    control.send("cpu")
    used = control.recv() - before
    assert accepted == sum(len(client.bodies) for client in clients) * load.entries
    ordered = sorted(times_s)
    return Measured(
        orders=accepted,
        wall_s=wall_s,
        cpu_s=used,
        p50_ms=1_000 * ordered[len(ordered) // 2],
        p99_ms=1_000 * ordered[len(ordered) * 99 // 100],
    )


def salt_of(load: Load) -> int:
    """Keep the salts of loads apart."""
    return (LOADS.index(load) + 1) * 10**9


def span(figures: Sequence[float], form: str) -> str:
    """Write the least and the most."""
    return f"{min(figures):{form}} - {max(figures):{form}}"


def main() -> None:
    """Measure all loads and print them."""
    words = sys.argv[1:]
    is_profiled = bool(words) and words[0] == "profile"
    numbers = [int(word) for word in words if word.isdecimal()]
    orders, runs = [*numbers, ORDERS, RUNS][:2] if len(numbers) != 1 else [numbers[0], RUNS]
    most = max(load.clients for load in LOADS)
    context = get_context("spawn")
    control, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs, most, is_profiled), daemon=True)
    server.start()
    theirs.close()
    port = control.recv()
    sandbox = founded(most)
    rows: list[tuple[str, ...]] = []
    for load in LOADS:
        found_all = [
            measure(
                control,
                port,
                load,
                prepare(sandbox, load, orders, salt=(run + 1) * 10**10 + salt_of(load)),
            )
            for run in range(runs)
        ]
        rows.append(
            (
                load.name,
                str(load.clients),
                str(found_all[0].orders),
                span([each.orders / each.cpu_s for each in found_all], ",.0f"),
                span([each.orders / each.wall_s for each in found_all], ",.0f"),
                span([each.p50_ms for each in found_all], ".1f"),
                span([each.p99_ms for each in found_all], ".1f"),
            )
        )
    control.send("stop")
    server.join()
    head = ("orders", "clients", "each run", "per CPU s", "per s", "p50 ms", "p99 ms")
    print(table("Orders over HTTP, signatures checked", head, rows))


if __name__ == "__main__":
    main()
