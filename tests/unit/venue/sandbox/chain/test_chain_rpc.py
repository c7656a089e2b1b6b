"""The JSON-RPC face answers every body, well or ill, in the form of a node."""

import json
from typing import Any

import calldata
import pytest
from chain_cases import (
    ALICE,
    BOB,
    GENESIS_NS,
    ONE,
    account,
    chain_of,
    contents,
    fill,
    match,
    mine,
    plain_market,
)
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.sandbox.chain import rpc_logs
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.rpc import BATCH_MAX, answer
from polyarb.venue.sandbox.chain.rpc_methods import METHODS
from polyarb.venue.sandbox.terms.faults import FaultKind
from rpc_cases import OWNER, Armed, NoFaults, ask, error, result, signed

PUSD, CTF = CONTRACTS.pusd, CONTRACTS.conditional_tokens
BALANCE = "0x" + calldata.call("balanceOf(address)", OWNER).hex()
GIVE = calldata.transfer(BOB, ONE)
ZERO_WORD = "0x" + "00" * 32


def founded(**settings: int) -> Chain:
    chain = chain_of(**settings)
    chain.found(OWNER, pusd=500 * ONE, is_approved=True)
    return chain


def bodies(chain: Chain, body: object) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = answer(chain, raw, faults=NoFaults())
    return json.loads(told) if told else None


def request(method: str = "eth_chainId", **fields: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": [], **fields}


def held(chain: Chain, block: object = "latest", faults: Any = None) -> int:
    return int(result(chain, "eth_call", {"to": PUSD, "data": BALANCE}, block, faults=faults), 16)


def give(chain: Chain) -> str:
    sent = result(chain, "eth_sendRawTransaction", signed(chain, PUSD, GIVE))
    mine(chain)
    assert isinstance(sent, str)
    return sent


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32_700),
        (b"{", -32_700),
        (b"\xff\xfe", -32_700),
        (b"[" * 100_000, -32_700),
        (b"1", -32_600),
        (b"null", -32_600),
        (b'"eth_chainId"', -32_600),
        (b"[]", -32_600),
        (b"{}", -32_600),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32_600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32_600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32_600),
    ],
)
def test_what_is_no_request_gets_the_error_of_the_standard(body: bytes, code: int) -> None:
    told = bodies(chain_of(), body)
    assert told["error"]["code"] == code and told["id"] is None and told["jsonrpc"] == "2.0"


def test_ids_of_any_kind_come_back_as_they_were() -> None:
    for request_id in (0, -1, 2**40, "seven", 1.5, None):
        assert bodies(chain_of(), request(id=request_id))["id"] == request_id


def test_a_notification_gets_no_answer() -> None:
    silent = {"jsonrpc": "2.0", "method": "eth_chainId"}
    unknown = {"jsonrpc": "2.0", "method": "eth_unknown"}
    assert bodies(chain_of(), silent) is None
    assert bodies(chain_of(), [silent, unknown]) is None
    assert [told["id"] for told in bodies(chain_of(), [silent, request()])] == [7]


def test_a_batch_answers_each_for_itself_in_order() -> None:
    told = bodies(
        chain_of(),
        [request(id="a"), 1, request("eth_nothing", id="b"), request("net_version", id="c")],
    )
    assert [each["id"] for each in told] == ["a", None, "b", "c"]
    assert told[0]["result"] == "0x89" and told[3]["result"] == "137"
    assert (told[1]["error"]["code"], told[2]["error"]["code"]) == (-32_600, -32_601)
    assert len(bodies(chain_of(), [request()] * BATCH_MAX)) == BATCH_MAX
    assert bodies(chain_of(), [request()] * (BATCH_MAX + 1))["error"]["message"] == (
        "batch too large"
    )


@pytest.mark.parametrize("method", ["eth_sign", "eth_getStorageAt", "debug_traceCall", ""])
def test_an_unknown_method_is_named(method: str) -> None:
    failed = error(chain_of(), method)
    assert failed["code"] == -32_601 and f"the method {method} does not exist" in failed["message"]


WRONG = [
    ("eth_chainId", [1], "too many arguments, want at most 0"),
    ("eth_call", [], "missing value for required argument 0"),
    ("eth_call", ["0x"], "invalid argument 0: expected an object"),
    ("eth_call", [{"to": "0x12"}], "invalid argument 0: expected an address"),
    ("eth_call", [{"to": 5}], "invalid argument 0: expected an address"),
    ("eth_call", [{"to": PUSD, "data": "0x1"}], "invalid argument 0: expected bytes"),
    ("eth_call", [{"to": PUSD, "data": "zz"}], "invalid argument 0: expected bytes"),
    ("eth_call", [{"to": PUSD, "value": "1"}], "invalid argument 0: expected a quantity"),
    ("eth_call", [{"to": PUSD, "value": "0xzz"}], "invalid argument 0: expected a quantity"),
    ("eth_call", [{"to": PUSD, "value": "0x" + "1" * 65}], "expected a quantity"),
    ("eth_call", [{"to": PUSD}, "newest"], "invalid argument 1: expected a quantity"),
    ("eth_call", [{"to": PUSD}, {}], "invalid argument 1: expected a block number, a tag"),
    ("eth_getBalance", ["me"], "invalid argument 0: expected an address"),
    ("eth_getBlockByNumber", ["0x1", "yes"], "invalid argument 1: expected true or false"),
    ("eth_getBlockByHash", ["0x1234"], "invalid argument 0: expected a hash of 32 bytes, found 2"),
    ("eth_getLogs", [{"topics": "0x"}], "expected a list of at most 4 topics"),
    ("eth_getLogs", [{"topics": [None] * 5}], "expected a list of at most 4 topics"),
    ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}], "invalid block range params"),
    ("eth_getLogs", [{"blockHash": ZERO_WORD, "toBlock": "0x1"}], "cannot specify both"),
    ("eth_feeHistory", ["0x0", "latest"], "expected 1 to 1024 blocks"),
]


@pytest.mark.parametrize(
    ("method", "params", "message"), WRONG, ids=[f"{at}-{row[0]}" for at, row in enumerate(WRONG)]
)
def test_parameters_that_cannot_be_read_say_which_and_why(
    method: str, params: list[object], message: str
) -> None:
    failed = error(chain_of(), method, *params)
    assert failed["code"] == -32_602 and message in failed["message"]


def test_parameters_by_name_are_refused() -> None:
    told = bodies(chain_of(), request(params={"to": PUSD}))
    assert told["error"] == {"code": -32_602, "message": "non-array args"}
    assert bodies(chain_of(), request(params=None))["result"] == "0x89"


def test_every_method_of_the_table_is_answered_without_a_stir() -> None:
    chain = founded()
    sent = give(chain)
    block = result(chain, "eth_getBlockByNumber", "latest", True)
    params: dict[str, list[object]] = {
        "eth_getBlockByNumber": ["latest", False],
        "eth_getBlockByHash": [block["hash"]],
        "eth_getBlockReceipts": ["latest"],
        "eth_getBlockTransactionCountByNumber": ["latest"],
        "eth_getBlockTransactionCountByHash": [block["hash"]],
        "eth_getTransactionCount": [OWNER, "latest"],
        "eth_getBalance": [OWNER],
        "eth_getCode": [PUSD],
        "eth_feeHistory": ["0x2", "latest", [50]],
        "eth_call": [{"to": PUSD, "data": BALANCE}],
        "eth_estimateGas": [{"from": OWNER, "to": PUSD, "data": "0x" + GIVE.hex()}],
        "eth_sendRawTransaction": [signed(chain, PUSD, GIVE)],
        "eth_getTransactionByHash": [sent],
        "eth_getTransactionByBlockNumberAndIndex": ["latest", "0x0"],
        "eth_getTransactionByBlockHashAndIndex": [block["hash"], "0x0"],
        "eth_getTransactionReceipt": [sent],
        "eth_getLogs": [{"fromBlock": "0x0"}],
    }
    before = contents(chain)
    for method in METHODS:
        assert result(chain, method, *params.get(method, [])) is not None
    assert contents(chain) == before
    assert result(chain, "eth_getTransactionByBlockNumberAndIndex", "latest", "0x0")["hash"] == sent
    assert result(chain, "eth_getTransactionByBlockNumberAndIndex", "latest", "0x1") is None
    assert block["transactions"][0]["hash"] == sent
    assert result(chain, "eth_getBlockTransactionCountByNumber", "latest") == "0x1"
    assert result(chain, "eth_getTransactionCount", OWNER, "latest") == "0x1"
    assert result(chain, "eth_getTransactionCount", OWNER, "pending") == "0x2"


def test_what_is_not_there_is_null() -> None:
    chain = founded()
    for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getBlockByHash"):
        assert result(chain, method, ZERO_WORD) is None
    assert result(chain, "eth_getBlockByNumber", "0x5", False) is None
    assert result(chain, "eth_getBlockReceipts", "0x5") is None
    assert result(chain, "eth_getBlockTransactionCountByNumber", "0x5") is None
    assert result(chain, "eth_getTransactionByBlockHashAndIndex", ZERO_WORD, "0x0") is None
    assert error(chain, "eth_getLogs", {"blockHash": ZERO_WORD})["message"] == "unknown block"


def test_the_state_of_the_future_and_of_the_far_past_is_not_there() -> None:
    chain = founded()
    assert error(chain, "eth_getBalance", OWNER, "0x1")["message"] == "header not found"
    missing = error(chain, "eth_call", {"to": PUSD, "data": BALANCE}, {"blockHash": ZERO_WORD})
    assert missing["message"] == "header for hash not found"
    mine(chain, 200)
    for method, params in (
        ("eth_getBalance", [OWNER]),
        ("eth_call", [{"to": PUSD, "data": BALANCE}]),
    ):
        gone = error(chain, method, *params, hex(71))
        assert gone["code"] == -32_000 and gone["message"].startswith("missing trie node")
        assert result(chain, method, *params, hex(72))
    assert result(chain, "eth_getBlockByNumber", "earliest", False)["number"] == "0x0"


def test_what_blocks_of_the_far_past_carried_is_refused_and_never_shown_as_nothing() -> None:
    chain = founded(history_blocks=150)
    mine(chain)
    old = result(chain, "eth_getBlockByNumber", "0x1", False)["hash"]
    sent = give(chain)
    mine(chain, 160)
    for method, params in (
        ("eth_getBlockByNumber", ["0x1", False]),
        ("eth_getBlockByHash", [old, False]),
        ("eth_getBlockReceipts", ["0x1"]),
        ("eth_getLogs", [{"fromBlock": "earliest"}]),
        ("eth_getLogs", [{"fromBlock": "0x1", "toBlock": "0x1"}]),
        ("eth_getLogs", [{"blockHash": old}]),
    ):
        gone = error(chain, method, *params)
        assert gone == {"code": 4_444, "message": "pruned history unavailable"}
    number = result(chain, "eth_getTransactionReceipt", sent)["blockNumber"]
    assert int(number, 16) < chain.oldest_block
    assert result(chain, "eth_getBlockReceipts", number)[0]["transactionHash"] == sent
    assert len(result(chain, "eth_getLogs", {"fromBlock": number, "toBlock": number})) == 1
    assert result(chain, "eth_getLogs", {"fromBlock": hex(chain.oldest_block)}) == []


def test_a_block_can_be_named_by_tag_number_and_hash() -> None:
    chain = founded()
    for _ in range(4):
        give(chain)
    by_hash = result(chain, "eth_getBlockByNumber", "0x2", False)["hash"]
    assert held(chain, {"blockHash": by_hash}) == held(chain, {"blockNumber": "0x2"})
    assert held(chain, "0x2") == held(chain, "finalized") == held(chain, "safe") == 498 * ONE
    assert held(chain, "earliest") == 500 * ONE
    assert held(chain, "pending") == held(chain) == held(chain, None) == 496 * ONE


def test_a_lagging_node_knows_less_of_everything() -> None:
    chain = founded()
    first, second = give(chain), give(chain)
    mine(chain)
    lag = {"faults": Armed(FaultKind.RPC_LAG, 2, times=99)}
    assert result(chain, "eth_blockNumber", **lag) == "0x1"
    assert held(chain, **lag) == 499 * ONE and held(chain) == 498 * ONE
    assert result(chain, "eth_getTransactionReceipt", first, **lag) is not None
    assert result(chain, "eth_getTransactionReceipt", second, **lag) is None
    assert result(chain, "eth_getTransactionByHash", second, **lag)["blockHash"] is None
    assert result(chain, "eth_getTransactionCount", OWNER, "latest", **lag) == "0x1"
    assert result(chain, "eth_getBlockByNumber", "0x2", False, **lag) is None
    assert error(chain, "eth_getBalance", OWNER, "0x2", **lag)["message"] == "header not found"
    newer = result(chain, "eth_getBlockByNumber", "0x2", False)["hash"]
    assert result(chain, "eth_getBlockByHash", newer, **lag) is None
    found = result(chain, "eth_getLogs", {"fromBlock": "0x0", "address": PUSD}, **lag)
    assert [each["transactionHash"] for each in found] == [first]
    deep = {"faults": Armed(FaultKind.RPC_LAG, 50)}
    assert result(chain, "eth_blockNumber", **deep) == "0x0"


def test_an_armed_reorg_happens_before_the_answer() -> None:
    chain = founded()
    sent = give(chain)
    reorg = Armed(FaultKind.REORG, 1)
    assert result(chain, "eth_getTransactionReceipt", sent, faults=reorg) is None
    assert held(chain) == 500 * ONE
    mine(chain)
    assert result(chain, "eth_getTransactionReceipt", sent)["status"] == "0x1"


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
def test_reverts_carry_code_three_their_text_and_their_data(method: str) -> None:
    chain = founded()
    poor = {"from": account("poor"), "to": PUSD, "data": "0x" + GIVE.hex()}
    custom = error(chain, method, poor)
    assert custom["code"] == 3 and custom["message"] == "execution reverted"
    assert custom["data"] == "0x" + keccak256(b"InsufficientBalance()")[:4].hex()
    market = plain_market()
    early = {"to": CTF, "data": "0x" + calldata.redeem(market.condition_id).hex()}
    text = error(chain, method, early)
    why = "result for condition not received yet"
    assert text["code"] == 3 and text["message"] == f"execution reverted: {why}"
    assert text["data"].startswith("0x08c379a0") and why.encode().hex() in text["data"]
    silent = error(chain, method, {"to": PUSD, "data": "0xdeadbeef"})
    assert silent == {"code": -32_000, "message": "execution reverted"}
    assert error(chain, method, {"data": "0x60"})["code"] == -32_000


def test_estimating_counts_the_pol_that_is_sent() -> None:
    chain = founded()
    send = {"from": OWNER, "to": ALICE, "value": hex(10**18)}
    assert result(chain, "eth_estimateGas", send) == hex(21_000)
    failed = error(chain, "eth_estimateGas", {**send, "value": hex(101 * 10**18)})
    assert failed["message"] == "insufficient funds for transfer"


def trade(chain: Chain, count: int = 1) -> list[str]:
    market = plain_market()
    return [
        chain.submit_match(
            match(
                market,
                fill(ALICE, market.yes, Side.BUY, ONE, 600_000),
                fill(BOB, market.no, Side.BUY, ONE, 400_000),
                trade_id=f"{chain.head.number}-{at}",
            ),
            is_ghost=False,
        )
        for at in range(count)
    ]


def test_places_in_a_block_add_up_over_its_receipts() -> None:
    chain = founded()
    sent = [*trade(chain, 2), give(chain)]
    receipts = [result(chain, "eth_getTransactionReceipt", each) for each in sent]
    assert receipts == result(chain, "eth_getBlockReceipts", "latest")
    assert [receipt["transactionIndex"] for receipt in receipts] == ["0x0", "0x1", "0x2"]
    used = 0
    for receipt in receipts:
        used += int(receipt["gasUsed"], 16)
        assert int(receipt["cumulativeGasUsed"], 16) == used
    block = result(chain, "eth_getBlockByNumber", "latest", False)
    assert int(block["gasUsed"], 16) == used
    logs = [log for receipt in receipts for log in receipt["logs"]]
    assert [int(log["logIndex"], 16) for log in logs] == list(range(len(logs)))
    assert logs == result(chain, "eth_getLogs", {})
    blooms = [int(receipt["logsBloom"], 16) for receipt in receipts]
    assert int(block["logsBloom"], 16) == blooms[0] | blooms[1] | blooms[2]


def in_bloom(bloom: str, text: str) -> bool:
    digest, bits = keccak256(bytes.fromhex(text[2:])), int(bloom, 16)
    return all(bits >> ((digest[at] << 8 | digest[at + 1]) & 2047) & 1 for at in (0, 2, 4))


def test_the_bloom_lets_clients_skip_blocks() -> None:
    chain = founded()
    sent = give(chain)
    receipt = result(chain, "eth_getTransactionReceipt", sent)
    (log,) = receipt["logs"]
    for text in (log["address"], *log["topics"]):
        assert in_bloom(receipt["logsBloom"], text)
    assert not in_bloom(receipt["logsBloom"], CTF)
    empty = result(chain, "eth_getBlockByNumber", "0x0", False)["logsBloom"]
    assert empty == "0x" + "00" * 256


def test_logs_pass_by_contract_topic_and_place() -> None:
    chain = founded()
    for _ in range(3):
        trade(chain)
        mine(chain, 2)
    every = result(chain, "eth_getLogs", {"fromBlock": "0x0"})
    head = result(chain, "eth_blockNumber")
    filled = "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"
    alice = "0x" + "00" * 12 + ALICE[2:].lower()
    bob = "0x" + "00" * 12 + BOB[2:].lower()
    cases: list[tuple[dict[str, object], int]] = [
        ({}, len(every)),
        ({"address": CONTRACTS.exchange.lower()}, 9),
        ({"address": [CONTRACTS.exchange, PUSD], "topics": [filled]}, 6),
        ({"topics": [filled, None, alice]}, 3),
        ({"topics": [[filled, ZERO_WORD], None, [alice, bob]]}, 6),
        ({"topics": [None, None, alice, bob]}, 0),
        ({"topics": [[], None, None, alice]}, 6),
        ({"topics": [filled], "fromBlock": "0x3", "toBlock": "0x3"}, 2),
        ({"topics": [filled], "fromBlock": "latest"}, 0),
        ({"topics": [filled], "toBlock": "0xffff"}, 6),
        ({"topics": [ZERO_WORD]}, 0),
        ({"address": account("nobody")}, 0),
    ]
    for wanted, count in cases:
        found = result(chain, "eth_getLogs", {"fromBlock": "0x0", **wanted})
        assert len(found) == count, wanted
        assert all(each in every for each in found)
    assert head == "0x6"


def test_too_many_logs_are_refused_as_providers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = founded()
    trade(chain, 3)
    mine(chain)
    count = len(result(chain, "eth_getLogs", {"fromBlock": "0x0"}))
    monkeypatch.setattr(rpc_logs, "LOGS_MAX", count)
    assert len(result(chain, "eth_getLogs", {"fromBlock": "0x0"})) == count
    monkeypatch.setattr(rpc_logs, "LOGS_MAX", count - 1)
    failed = error(chain, "eth_getLogs", {"fromBlock": "0x0"})
    assert failed["code"] == -32_005 and "query returned more than" in failed["message"]


def test_a_settlement_shows_its_orders_in_its_calldata() -> None:
    chain = founded()
    (sent,) = trade(chain)
    mine(chain)
    carried = result(chain, "eth_getTransactionByHash", sent)
    assert carried["input"].startswith("0x3c2b4399" + plain_market().condition_id[2:])
    assert carried["from"].lower() == chain.settings.operator.lower()
    assert (carried["v"], carried["r"], carried["s"], carried["type"]) == ("0x0",) * 4


def test_times_of_blocks_are_those_of_the_moved_clock() -> None:
    chain = founded()
    mine(chain, 7)
    block = result(chain, "eth_getBlockByNumber", "latest", False)
    assert int(block["timestamp"], 16) == GENESIS_NS // 10**9 + 14
    assert block["extraData"] == "0x" + "00" * 97


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["latest", "0x", "0x1", "0x-1", "0x_1", ZERO_WORD, PUSD, OWNER, BALANCE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["to", "from", "data", "value", "blockHash", "topics", "address"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(method=st.sampled_from(sorted(METHODS)), params=st.lists(JSON, max_size=4))
def test_no_parameters_break_a_method_or_change_anything(method: str, params: list[object]) -> None:
    chain = founded()
    give(chain)
    before = contents(chain)
    told = ask(chain, method, *params)
    assert ("error" in told) != ("result" in told)
    if "error" in told:
        assert isinstance(told["error"]["code"], int) and told["error"]["message"]
    assert contents(chain) == before


@given(body=st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_face(body: bytes) -> None:
    told = answer(chain_of(), body, faults=NoFaults())
    assert json.loads(told) is not None
