"""Time of the sandbox's chain: `python -m benchmarks.bench_sandbox_chain [--quick]`.

Shape: first settlements, microseconds each with the blocks they are mined in, one or twenty to a
block, sent, mined and looked at as the operator does; "day" is what 100,000 of them take. The
yardstick moves the same balances between bare dicts and knows no rights, blocks or undoing. Then
requests of the JSON-RPC face, microseconds each, beside an empty one (`eth_chainId`).
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from itertools import count

import msgspec
from polyarb.domain.fees import NO_FEE
from polyarb.domain.ids import OrderId, TokenId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS, address_of
from polyarb.venue.polymarket.signing.order import Address, Bytes32
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.ids import condition_id, token_pair
from polyarb.venue.sandbox.chain.rpc import answer
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket, Listing
from polyarb.venue.sandbox.terms.settings import ChainSettings
from polyarb.venue.sandbox.terms.trades import Fill, Match, sides_of

from benchmarks.timing import best_of, table

MICRO = 1_000_000
BLOCK_NS = 2_000_000_000
PURSE = 10**15
DAY = 100_000
ALICE, BOB = address_of(b"\x01" * 20), address_of(b"\x02" * 20)
WAYS = {
    "trade": (Side.BUY, Side.SELL, False),
    "mint": (Side.BUY, Side.BUY, True),
    "merge": (Side.SELL, Side.SELL, True),
}


class NoFaults:
    """Nothing goes wrong."""

    def strike(self, kind: FaultKind, scope: str) -> Fault | None:
        """Let it pass."""
        return None


def market() -> ListedMarket:
    """Return a market of its own."""
    question = Bytes32("0x" + "11" * 32)
    condition = condition_id(CONTRACTS.uma_adapter_v3, question)
    yes, no = token_pair(CONTRACTS.usdc_bridged, condition)
    return ListedMarket(
        condition_id=condition,
        question_id=question,
        oracle=CONTRACTS.uma_adapter_v3,
        yes=yes,
        no=no,
        question="?",
        slug="one",
        event_id="one",
        tick=10_000,
        size_min=MICRO,
        fee=NO_FEE,
    )


def chain_of(listed: ListedMarket) -> Chain:
    """Return a chain on which two accounts hold enough for any number of settlements."""
    event = ListedEvent(
        event_id="one", slug="one", title="?", condition_ids=(listed.condition_id,), ends_ns=0
    )
    chain = Chain(ChainSettings(genesis_ns=0), Listing(events=(event,), markets=(listed,)))
    for owner in (ALICE, BOB):
        chain.found(owner, pusd=PURSE, is_approved=True)
        chain.endow(owner, listed.condition_id, PURSE)
    return chain


def fill(maker: Address, token_id: TokenId, side: Side, price: int) -> Fill:
    """Return an order of ten shares."""
    given, got = (10 * price, 10 * MICRO) if side is Side.BUY else (10 * MICRO, 10 * price)
    return Fill(
        order_id=OrderId("0x" + maker[2:4] * 32),
        owner="",
        maker=maker,
        token_id=token_id,
        outcome="Yes",
        side=side,
        shares=10 * MICRO,
        price=price,
        given=given,
        got=got,
        fee=1_000 if maker == ALICE else 0,
    )


def match_of(listed: ListedMarket, way: str, makers: int) -> Match:
    """Return a match of one taker and one or several makers that trade, mint or merge."""
    taker_side, maker_side, is_other = WAYS[way]
    took = fill(ALICE, listed.yes, taker_side, 400_000)
    made = fill(BOB, listed.no if is_other else listed.yes, maker_side, 600_000)
    if not is_other:
        made = fill(BOB, listed.yes, maker_side, 400_000)
    taker = msgspec.structs.replace(
        took,
        given=took.given * makers,
        got=took.got * makers,
        shares=took.shares * makers,
    )
    return Match(
        trade_id=way,
        condition_id=listed.condition_id,
        is_neg_risk=False,
        taker=taker,
        makers=(made,) * makers,
        matched_ns=0,
    )


def settle(chain: Chain, match: Match, numbers: "count[int]", size: int) -> None:
    """Send some matches, mine them in one block and look at each."""
    sent = [chain.submit_match(match, is_ghost=False) for _ in range(size)]
    chain.advance(next(numbers) * BLOCK_NS)
    assert all(map(chain.is_mined, sent))


def bare(balances: dict[tuple[str, str], int], match: Match, size: int) -> None:
    """Move the same balances and nothing else: the yardstick."""
    for _ in range(size):
        for each in sides_of(match):
            is_buy = each.side is Side.BUY
            money, shares = (each.given, each.got) if is_buy else (-each.got, -each.given)
            balances["usd", each.maker] -= money + each.fee
            balances[each.token_id, each.maker] += shares
            balances["usd", "fees"] += each.fee


def settlements(rounds: int) -> list[tuple[str, ...]]:
    """Time every way of settling, and the yardstick beside it."""
    rows: list[tuple[str, ...]] = []
    listed = market()
    for way in WAYS:
        for makers, size in ((1, 1), (1, 20), (5, 20)):
            chain, match = chain_of(listed), match_of(listed, way, makers)
            balances = {
                (asset, owner): PURSE
                for asset in ("usd", listed.yes, listed.no)
                for owner in (ALICE, BOB, "fees")
            }
            best = best_of(
                {
                    "chain": partial(settle, chain, match, count(1), size),
                    "bare": partial(bare, balances, match, size),
                },
                rounds,
            )
            each = best["chain"] / size
            rows.append(
                (
                    f"{way}, {makers} makers, {size} a block",
                    f"{each * 1e6:.1f}",
                    f"{each * DAY:.1f}",
                    f"{best['chain'] / best['bare']:.1f}",
                )
            )
    return rows


def requests(chain: Chain, sent: str, listed: ListedMarket) -> dict[str, object]:
    """Return bodies of the requests that clients send most."""
    owners, tokens = [ALICE] * 2, [int(listed.yes), int(listed.no)]
    words = [0x40, 0xA0, 2, *(int(owner, 16) for owner in owners), 2, *tokens]
    batch = "0x4e1273f4" + "".join(f"{word:064x}" for word in words)
    held = f"0x70a08231{int(ALICE, 16):064x}"
    call = partial(request, "eth_call")
    return {
        "eth_chainId": request("eth_chainId"),
        "eth_getBlockByNumber": request("eth_getBlockByNumber", "latest", False),
        "eth_call balanceOf": call({"to": CONTRACTS.pusd, "data": held}, "latest"),
        "eth_call balanceOfBatch": call(
            {"to": CONTRACTS.conditional_tokens, "data": batch}, "latest"
        ),
        "eth_getTransactionReceipt": request("eth_getTransactionReceipt", sent),
        "batch of 16 calls": [call({"to": CONTRACTS.pusd, "data": held}, "latest")] * 16,
    }


def request(method: str, *params: object) -> dict[str, object]:
    """Return one request."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}


def face(rounds: int) -> list[tuple[str, ...]]:
    """Time the JSON-RPC face."""
    listed = market()
    chain = chain_of(listed)
    sent = chain.submit_match(match_of(listed, "mint", 1), is_ghost=False)
    chain.advance(BLOCK_NS)
    rivals: dict[str, Callable[[], object]] = {
        name: partial(answer, chain, json.dumps(body).encode(), faults=NoFaults())
        for name, body in requests(chain, sent, listed).items()
    }
    best = best_of(rivals, rounds)
    return [
        (name, f"{best[name] * 1e6:.0f}", f"{best[name] / best['eth_chainId']:.1f}")
        for name in rivals
    ]


def main() -> None:
    """Measure and print both tables."""
    rounds = 50 if "--quick" in sys.argv else 2_000
    head = ("settlement", "us each", "s a day of 100,000", "x bare dicts")
    print(table("Settlements on the sandbox's chain", head, settlements(rounds)))
    print(table("Requests of its JSON-RPC", ("request", "us", "x eth_chainId"), face(rounds)))


if __name__ == "__main__":
    main()
