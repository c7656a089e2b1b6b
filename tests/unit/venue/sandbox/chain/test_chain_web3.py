"""web3, unmodified, reads and moves the chain as it would on Polygon."""

from typing import Any

import pytest
from chain_cases import (
    BLOCK_NS,
    BOB,
    ONE,
    UNLIMITED,
    chain_of,
    fill,
    group_markets,
    match,
    mine,
    plain_market,
)
from eth_account import Account
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.sandbox.chain.chain import Chain
from rpc_cases import OWNER, SIGNER, web3_of
from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError
from web3.logs import DISCARD

FEE_BIPS = 100


def function(name: str, takes: str, gives: str = "") -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view" if gives else "nonpayable",
        "inputs": [{"name": f"a{at}", "type": kind} for at, kind in enumerate(takes.split())],
        "outputs": [{"name": "", "type": gives}] if gives else [],
    }


def event(name: str, *inputs: str) -> dict[str, Any]:
    parts = [text.split() for text in inputs]
    return {
        "type": "event",
        "name": name,
        "anonymous": False,
        "inputs": [
            {"name": words[-1], "type": words[0], "indexed": "indexed" in words} for words in parts
        ],
    }


PUSD_ABI = [
    function("approve", "address uint256"),
    function("transfer", "address uint256"),
    function("balanceOf", "address", "uint256"),
    function("allowance", "address address", "uint256"),
    function("decimals", "", "uint8"),
    event("Transfer", "address indexed from", "address indexed to", "uint256 value"),
    event("Approval", "address indexed owner", "address indexed spender", "uint256 value"),
]
CTF_ABI = [
    function("setApprovalForAll", "address bool"),
    function("isApprovedForAll", "address address", "bool"),
    function("balanceOf", "address uint256", "uint256"),
    function("balanceOfBatch", "address[] uint256[]", "uint256[]"),
    function("payoutDenominator", "bytes32", "uint256"),
    function("payoutNumerators", "bytes32 uint256", "uint256"),
    function("getCollectionId", "bytes32 bytes32 uint256", "bytes32"),
    function("getPositionId", "address bytes32", "uint256"),
    event(
        "PositionSplit",
        "address indexed account",
        "address collateralToken",
        "bytes32 indexed parentCollectionId",
        "bytes32 indexed conditionId",
        "uint256[] partition",
        "uint256 amount",
    ),
    event(
        "TransferBatch",
        "address indexed operator",
        "address indexed from",
        "address indexed to",
        "uint256[] ids",
        "uint256[] values",
    ),
]
ADAPTER_ABI = [
    function("splitPosition", "address bytes32 bytes32 uint256[] uint256"),
    function("mergePositions", "address bytes32 bytes32 uint256[] uint256"),
    function("redeemPositions", "address bytes32 bytes32 uint256[]"),
    function("convertPositions", "bytes32 uint256 uint256"),
]
NEG_RISK_ABI = [
    event(
        "PositionsConverted",
        "address indexed account",
        "bytes32 indexed marketId",
        "uint256 indexed indexSet",
        "uint256 amount",
    ),
    {"type": "error", "name": "InvalidIndexSet", "inputs": []},
]
EXCHANGE_ABI = [
    event(
        "OrderFilled",
        "bytes32 indexed orderHash",
        "address indexed maker",
        "address indexed taker",
        "uint8 side",
        "uint256 tokenId",
        "uint256 makerAmountFilled",
        "uint256 takerAmountFilled",
        "uint256 fee",
        "bytes32 builder",
        "bytes32 metadata",
    ),
    event(
        "OrdersMatched",
        "bytes32 indexed takerOrderHash",
        "address indexed takerOrderMaker",
        "uint8 side",
        "uint256 tokenId",
        "uint256 makerAmountFilled",
        "uint256 takerAmountFilled",
    ),
    event("FeeCharged", "address indexed receiver", "uint256 amount"),
]


class Venue:
    """A chain with an account whose key the test has, and web3 on top."""

    def __init__(self, *, is_approved: bool = False) -> None:
        self.chain: Chain = chain_of(count=4, fee_bips=FEE_BIPS)
        self.chain.found(OWNER, pusd=500 * ONE, is_approved=is_approved)
        self.web3: Web3 = web3_of(self.chain)
        self.pusd = self.web3.eth.contract(CONTRACTS.pusd, abi=PUSD_ABI)
        self.ctf = self.web3.eth.contract(CONTRACTS.conditional_tokens, abi=CTF_ABI)
        self.plain = self.web3.eth.contract(CONTRACTS.collateral_adapter, abi=ADAPTER_ABI)
        self.neg_risk = self.web3.eth.contract(
            CONTRACTS.neg_risk_collateral_adapter, abi=ADAPTER_ABI
        )

    def send(self, call: Any, **fields: Any) -> Any:
        """Sign a call as web3 builds it, send it, mine it and return its receipt."""
        nonce = self.web3.eth.get_transaction_count(OWNER, "pending")
        built = call.build_transaction({"from": OWNER, "nonce": nonce, **fields})
        raw = SIGNER.sign_transaction(built).raw_transaction
        sent = self.web3.eth.send_raw_transaction(raw)
        mine(self.chain)
        return self.web3.eth.get_transaction_receipt(sent)

    def approve_all(self) -> None:
        """Approve both collateral adapters for money and shares."""
        for adapter in (self.plain.address, self.neg_risk.address):
            assert self.send(self.pusd.functions.approve(adapter, UNLIMITED))["status"] == 1
            assert self.send(self.ctf.functions.setApprovalForAll(adapter, True))["status"] == 1

    def money(self) -> int:
        """Return what the account holds."""
        held: int = self.pusd.functions.balanceOf(OWNER).call()
        return held

    def shares(self, *tokens: str) -> list[int]:
        """Return what the account holds of some tokens."""
        owners = [OWNER] * len(tokens)
        held: list[int] = self.ctf.functions.balanceOfBatch(owners, [*map(int, tokens)]).call()
        return held


def split_of(contract: Any, condition: str, amount: int) -> Any:
    return contract.functions.splitPosition(
        CONTRACTS.pusd, "0x" + "00" * 32, condition, [1, 2], amount
    )


def merge_of(contract: Any, condition: str, amount: int) -> Any:
    return contract.functions.mergePositions(
        CONTRACTS.pusd, "0x" + "00" * 32, condition, [1, 2], amount
    )


def redeem_of(contract: Any, condition: str) -> Any:
    return contract.functions.redeemPositions(CONTRACTS.pusd, "0x" + "00" * 32, condition, [1, 2])


def test_the_network_and_the_account_are_read() -> None:
    venue = Venue()
    eth = venue.web3.eth
    assert (eth.chain_id, venue.web3.net.version, eth.syncing) == (137, "137", False)
    assert eth.gas_price == 30_000_000_000 and eth.max_priority_fee == 25_000_000_000
    assert eth.get_balance(OWNER) == 100 * 10**18
    assert venue.money() == 500 * ONE and venue.pusd.functions.decimals().call() == 6
    assert eth.get_code(CONTRACTS.pusd) != b"" and eth.get_code(OWNER) == b""
    assert eth.fee_history(4, "latest", [10, 50])["baseFeePerGas"] == [5_000_000_000] * 2


def test_an_account_splits_merges_and_pays_gas_for_it() -> None:
    venue, market = Venue(), plain_market()
    venue.approve_all()
    split = venue.send(split_of(venue.plain, market.condition_id, 7 * ONE))
    assert split["status"] == 1 and venue.shares(market.yes, market.no) == [7 * ONE] * 2
    assert venue.money() == 493 * ONE
    (logged,) = venue.ctf.events.PositionSplit().process_receipt(split, errors=DISCARD)
    assert logged["args"]["account"] == CONTRACTS.collateral_adapter
    assert logged["args"]["conditionId"].hex() == market.condition_id[2:]
    assert logged["args"]["partition"] == [1, 2] and logged["args"]["amount"] == 7 * ONE
    merged = venue.send(merge_of(venue.plain, market.condition_id, 2 * ONE))
    assert merged["status"] == 1 and venue.shares(market.yes, market.no) == [5 * ONE] * 2
    assert venue.money() == 495 * ONE
    spent = 100 * 10**18 - venue.web3.eth.get_balance(OWNER)
    receipts = [
        receipt
        for number in venue.chain.made_between(0, venue.chain.head.number)
        for receipt in venue.web3.eth.get_block_receipts(number)
    ]
    paid = sum(receipt["gasUsed"] * receipt["effectiveGasPrice"] for receipt in receipts)
    assert len(receipts) == 6 and spent == paid > 0


def test_an_account_converts_and_redeems_a_neg_risk_group() -> None:
    venue, markets = Venue(), group_markets(4, FEE_BIPS)
    venue.approve_all()
    for market in markets[:3]:
        assert venue.send(split_of(venue.neg_risk, market.condition_id, 10 * ONE))["status"] == 1
    group = markets[0].group_id
    done = venue.send(venue.neg_risk.functions.convertPositions(group, 0b0111, 10 * ONE))
    adapter = venue.web3.eth.contract(CONTRACTS.neg_risk_adapter, abi=NEG_RISK_ABI)
    (logged,) = adapter.events.PositionsConverted().process_receipt(done, errors=DISCARD)
    assert logged["args"]["indexSet"] == 0b0111 and logged["args"]["amount"] == 10 * ONE
    assert venue.money() == (470 + 20) * ONE - 200_000
    assert venue.shares(*(market.yes for market in markets)) == [10 * ONE] * 3 + [9_900_000]
    assert venue.shares(*(market.no for market in markets)) == [0] * 4
    venue.chain.report_payouts(markets[3].condition_id, (ONE, 0))
    mine(venue.chain)
    assert venue.ctf.functions.payoutDenominator(markets[3].condition_id).call() == 1
    before = venue.money()
    assert venue.send(redeem_of(venue.neg_risk, markets[3].condition_id))["status"] == 1
    assert venue.money() - before == 9_900_000 and venue.shares(markets[3].yes) == [0]


def test_half_and_half_pays_half_of_either() -> None:
    venue, market = Venue(is_approved=True), plain_market()
    venue.send(split_of(venue.plain, market.condition_id, 3 * ONE))
    venue.chain.report_payouts(market.condition_id, (500_000, 500_000))
    mine(venue.chain)
    numerators = venue.ctf.functions.payoutNumerators
    assert [numerators(market.condition_id, at).call() for at in (0, 1)] == [1, 1]
    assert venue.ctf.functions.payoutDenominator(market.condition_id).call() == 2
    venue.send(redeem_of(venue.plain, market.condition_id))
    assert venue.money() == 500 * ONE


def test_a_settlement_can_be_read_from_its_logs() -> None:
    venue, market = Venue(is_approved=True), plain_market()
    taker = fill(OWNER, market.yes, Side.BUY, 10 * ONE, 600_000, fee=5_000, order="aa")
    maker = fill(BOB, market.no, Side.BUY, 10 * ONE, 400_000, order="bb")
    sent = venue.chain.submit_match(match(market, taker, maker), is_ghost=False)
    mine(venue.chain)
    receipt = venue.web3.eth.get_transaction_receipt(sent)
    exchange = venue.web3.eth.contract(CONTRACTS.exchange, abi=EXCHANGE_ABI)
    fills = exchange.events.OrderFilled().process_receipt(receipt, errors=DISCARD)
    assert [logged["args"]["orderHash"].hex() for logged in fills] == ["bb" * 32, "aa" * 32]
    assert [logged["args"]["maker"] for logged in fills] == [BOB, OWNER]
    assert [logged["args"]["taker"] for logged in fills] == [OWNER, CONTRACTS.exchange]
    assert fills[1]["args"]["makerAmountFilled"] == 6 * ONE
    assert fills[1]["args"]["takerAmountFilled"] == 10 * ONE and fills[1]["args"]["fee"] == 5_000
    (matched,) = exchange.events.OrdersMatched().process_receipt(receipt, errors=DISCARD)
    assert matched["args"]["tokenId"] == int(market.yes)
    (charged,) = exchange.events.FeeCharged().process_receipt(receipt, errors=DISCARD)
    assert charged["args"]["amount"] == 5_000
    carried = venue.web3.eth.get_transaction(sent)
    assert carried["to"] == CONTRACTS.exchange and carried["input"][:4].hex() == "3c2b4399"
    flows = venue.pusd.events.Transfer().get_logs(from_block=0, argument_filters={"from": OWNER})
    assert [logged["args"]["value"] for logged in flows] == [6 * ONE + 5_000]


def test_logs_are_found_by_contract_event_and_argument() -> None:
    venue, market = Venue(is_approved=True), plain_market()
    for amount in (1, 2, 3):
        venue.send(split_of(venue.plain, market.condition_id, amount * ONE))
        mine(venue.chain, 2)
    splits = venue.ctf.events.PositionSplit()
    found = splits.get_logs(from_block=0)
    assert [logged["args"]["amount"] for logged in found] == [ONE, 2 * ONE, 3 * ONE]
    middle = found[1]["blockNumber"]
    only = splits.get_logs(from_block=middle, to_block=middle)
    assert [logged["args"]["amount"] for logged in only] == [2 * ONE]
    assert [logged["logIndex"] for logged in only] == [found[1]["logIndex"]]
    assert splits.get_logs(block_hash=found[2]["blockHash"]) == [found[2]]
    other = {"conditionId": "0x" + "00" * 32}
    assert splits.get_logs(from_block=0, argument_filters=other) == []


def test_a_type_two_transaction_pays_the_base_fee_and_its_tip() -> None:
    venue = Venue()
    fees = {"maxFeePerGas": 90_000_000_000, "maxPriorityFeePerGas": 26_000_000_000}
    receipt = venue.send(venue.pusd.functions.transfer(BOB, ONE), **fees)
    assert (receipt["status"], receipt["type"]) == (1, 2)
    assert receipt["effectiveGasPrice"] == 31_000_000_000
    carried = venue.web3.eth.get_transaction(receipt["transactionHash"])
    assert (carried["maxFeePerGas"], carried["yParity"]) == (90_000_000_000, carried["v"])
    (moved,) = venue.pusd.events.Transfer().process_receipt(receipt)
    assert moved["args"] == {"from": OWNER, "to": BOB, "value": ONE}


def test_a_revert_names_its_reason_before_anything_is_sent() -> None:
    venue, market = Venue(), plain_market()
    with pytest.raises(ContractCustomError):
        split_of(venue.plain, market.condition_id, ONE).estimate_gas({"from": OWNER})
    venue.approve_all()
    with pytest.raises(ContractLogicError, match="SafeMath: subtraction overflow"):
        merge_of(venue.plain, market.condition_id, ONE).call({"from": OWNER})
    with pytest.raises(ContractLogicError, match="result for condition not received yet"):
        redeem_of(venue.plain, market.condition_id).call({"from": OWNER})
    beyond = venue.neg_risk.functions.convertPositions(
        group_markets(4, FEE_BIPS)[0].group_id, 16, 1
    )
    with pytest.raises(ContractCustomError):
        beyond.call({"from": OWNER})


def test_a_sent_revert_is_mined_and_costs_gas_but_changes_nothing() -> None:
    venue, market = Venue(), plain_market()
    before = venue.web3.eth.get_balance(OWNER)
    receipt = venue.send(split_of(venue.plain, market.condition_id, ONE), gas=400_000)
    assert receipt["status"] == 0 and receipt["logs"] == []
    assert venue.money() == 500 * ONE and venue.shares(market.yes) == [0]
    paid = receipt["gasUsed"] * receipt["effectiveGasPrice"]
    assert before - venue.web3.eth.get_balance(OWNER) == paid > 0
    assert venue.web3.eth.get_transaction_count(OWNER) == 1


def test_nonces_are_held_to_the_order_of_the_account() -> None:
    venue = Venue()
    call = venue.pusd.functions.transfer(BOB, ONE)

    def raw(nonce: int, price: int = 30_000_000_000) -> bytes:
        built = call.build_transaction({"from": OWNER, "nonce": nonce, "gasPrice": price})
        signed: bytes = SIGNER.sign_transaction(built).raw_transaction
        return signed

    eth = venue.web3.eth
    later = eth.send_raw_transaction(raw(1))
    mine(venue.chain)
    assert eth.get_transaction_count(OWNER, "pending") == 0
    first = eth.send_raw_transaction(raw(0))
    assert eth.get_transaction_count(OWNER, "pending") == 2
    assert eth.get_transaction_count(OWNER, "latest") == 0
    assert eth.get_transaction(first)["blockNumber"] is None
    with pytest.raises(Web3RPCError, match="already known"):
        eth.send_raw_transaction(raw(0))
    with pytest.raises(Web3RPCError, match="replacement transaction underpriced"):
        eth.send_raw_transaction(raw(0, 31_000_000_000))
    mine(venue.chain)
    assert [eth.get_transaction_receipt(sent)["status"] for sent in (first, later)] == [1, 1]
    with pytest.raises(Web3RPCError, match="nonce too low: next nonce 2, tx nonce 0"):
        eth.send_raw_transaction(raw(0, 60_000_000_000))


def test_a_reorg_takes_receipts_away_until_the_blocks_are_made_again() -> None:
    venue = Venue()
    receipt = venue.send(venue.pusd.functions.transfer(BOB, ONE))
    sent, eth = receipt["transactionHash"], venue.web3.eth
    venue.chain.reorg(1)
    assert venue.money() == 500 * ONE and eth.get_transaction(sent)["blockHash"] is None
    mine(venue.chain)
    again = eth.get_transaction_receipt(sent)
    assert again["blockHash"] != receipt["blockHash"] and again["status"] == 1
    assert venue.money() == 499 * ONE


def test_the_past_can_be_read_block_by_block() -> None:
    venue = Venue()
    start = venue.chain.head.number
    for _ in range(3):
        venue.send(venue.pusd.functions.transfer(BOB, ONE))
    held = [
        venue.pusd.functions.balanceOf(OWNER).call(block_identifier=start + at) for at in range(4)
    ]
    assert held == [500 * ONE, 499 * ONE, 498 * ONE, 497 * ONE]
    eth = venue.web3.eth
    assert [eth.get_transaction_count(OWNER, start + at) for at in range(4)] == [0, 1, 2, 3]
    assert eth.get_block(start + 1)["parentHash"] == eth.get_block(start)["hash"]
    assert eth.get_block("latest", True)["transactions"][0]["from"] == OWNER
    assert venue.chain.now_ns % BLOCK_NS == 0


def test_a_batch_is_answered_request_by_request() -> None:
    venue = Venue()
    with venue.web3.batch_requests() as batch:
        batch.add(venue.web3.eth.get_block("latest"))
        batch.add(venue.pusd.functions.balanceOf(OWNER))
        batch.add(venue.pusd.functions.allowance(OWNER, CONTRACTS.exchange))
        block, held, allowed = batch.execute()
    assert (block["number"], held, allowed) == (0, 500 * ONE, 0)


def test_another_key_or_chain_is_refused() -> None:
    venue = Venue()
    built = venue.pusd.functions.transfer(BOB, ONE).build_transaction({"from": OWNER, "nonce": 0})
    foreign = SIGNER.sign_transaction({**built, "chainId": 1}).raw_transaction
    with pytest.raises(Web3RPCError, match="invalid chain id for signer: have 1 want 137"):
        venue.web3.eth.send_raw_transaction(foreign)
    poor = Account.from_key("0x" + "09" * 32)
    signed = poor.sign_transaction({**built, "from": poor.address})
    with pytest.raises(Web3RPCError, match="insufficient funds for gas"):
        venue.web3.eth.send_raw_transaction(signed.raw_transaction)
