"""Signing and judging orders, beside both official clients on the same order and key.

The rivals keep their account objects between orders, as a running client does, and use the same
curve library. Usage: python -m benchmarks.bench_signing
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import msgspec
from polyarb.domain.ids import TokenId
from polyarb.domain.units import MICRO
from polyarb.store.lines import LineFile
from polyarb.venue.polymarket.signing.budget import Budget, Charge
from polyarb.venue.polymarket.signing.digests import BINARY, order_digest
from polyarb.venue.polymarket.signing.guarded import GuardedSigner
from polyarb.venue.polymarket.signing.mac import request_headers
from polyarb.venue.polymarket.signing.order import SignatureType
from polyarb.venue.polymarket.signing.port import OrdersSigned, OrdersToSign
from polyarb.venue.polymarket.signing.signatures import attest
from polyarb.venue.sandbox.server.auth import Request, authenticate
from polyarb.venue.sandbox.server.keys import ApiKeys
from tests.policy_cases import SetClock, policy_for, to_sign
from tests.signing_cases import ALICE, CLASSIC_TOKEN, KEY, order_of

from benchmarks.timing import best_of, table

CALLS, ROUNDS = 50, 20
GUARDED = "sign an order through port, policy and budget"
TARGETS_US = {"sign an order (EOA)": 250.0, "id of an order": 60.0, GUARDED: 250.0}
LARGE_USD = 10**12
TOKENS = 1_000
CHARGES, SLOWEST = 40, 0.95
PEERS = ("eth_account", "polymarket", "py_clob_client_v2")
NOW_S = 1_795_262_409
BODY = b'{"order":{"salt":123456789},"owner":"","orderType":"GTC"}'


def repeated(call: Callable[[], object]) -> Callable[[], None]:
    """Make one slice of many calls, long enough for the clock."""

    def calls() -> None:
        for _ in range(CALLS):
            call()

    return calls


def ours() -> dict[str, Callable[[], object]]:
    """Return what is measured of us."""
    plain, nested = order_of(), order_of(SignatureType.POLY_1271)
    signed, wrapped = ALICE.sign_order(plain, BINARY), ALICE.sign_order(nested, BINARY)
    keys = ApiKeys(seed=1)
    made = keys.create(ALICE.address)
    assert made is not None
    headers = request_headers(made, ALICE.address, NOW_S, method="POST", path="/order", body=BODY)
    request = Request(method="POST", path="/order", headers=headers, body=BODY)
    return {
        "sign an order (EOA)": lambda: ALICE.sign_order(plain, BINARY),
        "sign an order (deposit wallet)": lambda: ALICE.sign_order(nested, BINARY),
        "id of an order": lambda: order_digest(plain, BINARY),
        "judge a signature (EOA)": lambda: attest(signed, BINARY),
        "judge a signature (deposit wallet)": lambda: attest(wrapped, BINARY),
        "judge the headers of a request (L2)": lambda: authenticate(keys, request, NOW_S),
    }


def guarded(folder: Path, tranche_usd: int) -> Callable[[], object]:
    """Sign through the port, with 1,000 tokens allowed and charges on the disk."""
    policy = policy_for(day_max=LARGE_USD * MICRO)
    token = policy.tokens[CLASSIC_TOKEN]
    many = {TokenId(str(number)): token for number in range(TOKENS)}
    policy = msgspec.structs.replace(policy, tokens=many | dict(policy.tokens))
    book = LineFile(folder / f"charges-{tranche_usd}.jsonl", Charge)
    budget = Budget(book, day_max=policy.day_notional_max, tranche=tranche_usd * MICRO)
    signer = GuardedSigner(ALICE, policy, budget, SetClock())
    salts = count(1)

    def sign() -> object:
        answer = signer.sign_orders(OrdersToSign(orders=(to_sign(salt=next(salts)),)))
        assert isinstance(answer, OrdersSigned)
        return answer

    return sign


def charged_each_ms(folder: Path) -> tuple[float, float]:
    """Measure signatures that each wait for their own charge: median and 95th percentile."""
    sign, took = guarded(folder, tranche_usd=1), []
    for _ in range(CHARGES):
        began = perf_counter()
        sign()
        took.append((perf_counter() - began) * 1_000)
    took.sort()
    return took[CHARGES // 2], took[int(CHARGES * SLOWEST)]


def theirs() -> dict[str, Callable[[], object]]:
    """Return how the official clients sign the same order; nothing where they are absent."""
    if not all(find_spec(name) for name in PEERS):
        return {}
    peers = import_module("tests.official_signing")
    order, key = order_of(), KEY.reveal()
    account = peers.Account.from_key(key)
    signer = peers.TheirSigner(key, BINARY.chain_id)
    unified, second = peers.unified_order(order, BINARY), peers.second_order(order)

    def sign_unified() -> str:
        typed = peers.build_order_typed_data(unified)
        signed = account.sign_typed_data(full_message=typed)
        return str(peers.build_order_signature(unified, "0x" + signed.signature.hex()))

    def sign_second() -> str:
        builder = peers.ExchangeOrderBuilderV2(BINARY.exchange, BINARY.chain_id, signer)
        return str(builder.build_order_signature(builder.build_order_typed_data(second)))

    assert sign_unified() == sign_second() == ALICE.sign_order(order, BINARY).signature
    return {"polymarket-client 0.14": sign_unified, "py-clob-client-v2 1.2": sign_second}


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        measure(Path(folder))


def measure(folder: Path) -> None:
    """Measure with charges in a folder, and print."""
    rivals = theirs()
    own = ours() | {GUARDED: guarded(folder, LARGE_USD)}
    calls = {name: repeated(call) for name, call in (own | rivals).items()}
    each_us = {name: took / CALLS * MICRO for name, took in best_of(calls, ROUNDS).items()}
    own_us = each_us["sign an order (EOA)"]
    rows = [
        (
            name,
            f"{took:.0f} us",
            f"<= {TARGETS_US[name]:.0f} us" if name in TARGETS_US else "",
            f"{took / own_us:.1f}" if name in rivals else "",
        )
        for name, took in each_us.items()
    ]
    print(table("Signing", ("", "CPU a call", "target", "times ours"), rows))
    median, slow = charged_each_ms(folder)
    told = (f"{median:.1f} ms", f"{slow:.1f} ms")
    title = "Where every signature waits for its own charge on the disk (wall time)"
    print(table(title, ("median", "95 %"), [told]))


if __name__ == "__main__":
    main()
