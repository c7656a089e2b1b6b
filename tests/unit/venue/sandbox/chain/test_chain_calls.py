"""What the contracts do for a caller, by their published calls, and how they refuse."""

from typing import Any

import calldata
import msgspec
import pytest
from chain_cases import (
    ALICE,
    BOB,
    CAROL,
    ONE,
    UNLIMITED,
    account,
    chain_of,
    contents,
    fill,
    group_markets,
    group_of,
    listing,
    match,
    mine,
    plain_event,
    plain_market,
)
from eth_abi.abi import decode
from polyarb.domain.ids import ConditionId, TokenId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address, Bytes32
from polyarb.venue.sandbox.chain import contracts, events
from polyarb.venue.sandbox.chain.addresses import FEE_RECEIVER, NO_TOKEN_BURN
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.chain.events import Event, encode_log
from polyarb.venue.sandbox.chain.ids import collection_id, condition_id, position_id, token_pair
from polyarb.venue.sandbox.chain.rpc_shapes import calldata_of
from polyarb.venue.sandbox.chain.transactions import Reverted
from polyarb.venue.sandbox.terms.settings import ChainSettings
from polyarb.venue.sandbox.terms.trades import Match
from tests.signing_cases import read_vectors

VECTORS: dict[str, Any] = read_vectors("abi.json")
PUSD, USDC, WCOL = CONTRACTS.pusd, CONTRACTS.usdc_bridged, CONTRACTS.wrapped_collateral
CTF, NEG_RISK = CONTRACTS.conditional_tokens, CONTRACTS.neg_risk_adapter
ADAPTER, NR_ADAPTER = CONTRACTS.collateral_adapter, CONTRACTS.neg_risk_collateral_adapter
NOT_CARRIED = {
    "split(bytes31,uint256)",
    "merge(bytes31,uint256)",
    "redeem(bytes31,uint256,uint256)",
    "getPayout(uint256,uint256)",
    "multiSend(bytes)",
    "proxy((uint8,address,uint256,bytes)[])",
    "isValidSignature(bytes32,bytes)",
}


def run(chain: Chain, sender: Address, to: Address, data: bytes) -> str | None:
    """Send a call, mine it, and return why it reverted, None when it did not."""
    sent = chain.send(sender, to, data)
    mine(chain)
    receipt = chain.receipt(sent)
    assert receipt is not None and (receipt.is_success or not receipt.emitted)
    return None if receipt.is_success else receipt.reason


def read(chain: Chain, to: Address, kind: str, signature: str, *values: object) -> Any:
    answer = chain.call(CAROL, to, calldata.call(signature, *values))
    assert isinstance(answer, bytes), answer
    (value,) = decode([kind], answer)
    return value


def refused(chain: Chain, sender: Address, to: Address, data: bytes) -> str:
    """Run a call that must revert, and return its reason; nothing may have changed."""
    before = contents(chain)
    reason = run(chain, sender, to, data)
    assert reason is not None and contents(chain) == before
    simulated = chain.call(sender, to, data)
    assert isinstance(simulated, Reverted) and simulated.reason == reason
    return reason


@pytest.mark.parametrize(
    "row", VECTORS["functions"], ids=[row["signature"][:40] for row in VECTORS["functions"]]
)
def test_every_published_call_is_carried_or_known_not_to_be(row: dict[str, str]) -> None:
    carried = {selector.hex() for table in contracts.CARRIED.values() for selector in table}
    is_carried = row["selector"][2:] in carried
    assert is_carried != (row["signature"] in NOT_CARRIED)


def test_every_published_event_of_today_has_its_topic() -> None:
    known = {found.topic for found in vars(events).values() if isinstance(found, Event)}
    published = {row["topic0"] for row in VECTORS["events"] if row["contract"] != "V1 exchanges"}
    assert published <= known


@pytest.mark.parametrize(
    "row", VECTORS["calldata"], ids=[row["name"] for row in VECTORS["calldata"]]
)
def test_published_calldata_means_what_it_says(row: dict[str, str]) -> None:
    chain = chain_of()
    owner = Address("0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1")
    chain.found(owner, pusd=100 * ONE, is_approved=False)
    answer = chain.call(owner, Address(row["to"]), bytes.fromhex(row["data"][2:]))
    expected = {
        "split 1 pUSD": "InsufficientAllowance()",
        "merge 1 set": "ERC1155: need operator approval for 3rd party transfers.",
        "redeem": "ERC1155: need operator approval for 3rd party transfers.",
        "balanceOfBatch of both tokens": decode_words(0x20, 2, 0, 0),
        "approve max pUSD for the binary exchange": decode_words(1),
        "setApprovalForAll on the CTF": b"",
        "allowance": decode_words(0),
        "protocol V2 router split": "Protocol V2 is not carried by the sandbox",
        "convert outcomes 0, 1 and 3, 5 shares each": "MarketNotPrepared()",
    }[row["name"]]
    assert (answer.reason if isinstance(answer, Reverted) else answer) == expected


def decode_words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def test_a_founded_account_lacks_no_approval_of_the_official_table() -> None:
    chain = chain_of()
    spenders = (
        *(CONTRACTS.exchange, CONTRACTS.neg_risk_exchange, ADAPTER, NR_ADAPTER),
        *(CONTRACTS.router, CONTRACTS.exchange_v3, CONTRACTS.perps_deposit, NEG_RISK),
    )
    for spender in spenders:
        signature = "allowance(address,address)"
        assert read(chain, PUSD, "uint256", signature, ALICE, spender) == UNLIMITED
        assert read(chain, PUSD, "uint256", signature, CAROL, spender) == 0
    operators = {
        CTF: (
            *(CONTRACTS.exchange, CONTRACTS.neg_risk_exchange, ADAPTER, NR_ADAPTER),
            *(CONTRACTS.auto_redeemer, CONTRACTS.binary_module, CONTRACTS.neg_risk_module),
        ),
        CONTRACTS.position_manager: (
            *(CONTRACTS.router, CONTRACTS.exchange_v3, CONTRACTS.auto_redeemer),
        ),
    }
    for ledger, listed in operators.items():
        for operator in listed:
            signature = "isApprovedForAll(address,address)"
            assert read(chain, ledger, "bool", signature, ALICE, operator) is True
            assert read(chain, ledger, "bool", signature, CAROL, operator) is False


@pytest.mark.parametrize("fee_bips", [0, 37, 10_000])
@pytest.mark.parametrize("index_set", [0b0001, 0b1010, 0b0111, 0b1111])
def test_converting_pays_one_less_than_it_takes_and_the_other_yeses(
    fee_bips: int, index_set: int
) -> None:
    chain, markets = chain_of(4, fee_bips), group_markets(4, fee_bips)
    amount = 3_333_333
    for market in markets:
        chain.endow(CAROL, market.condition_id, amount)
    assert run(chain, CAROL, CTF, calldata.allow_all(NR_ADAPTER, True)) is None
    data = calldata.convert(group_of(fee_bips), index_set, amount)
    assert run(chain, CAROL, NR_ADAPTER, data) is None
    fee = amount * fee_bips // 10_000
    taken = [index_set >> at & 1 for at in range(4)]
    assert chain.collateral(CAROL) == (sum(taken) - 1) * (amount - fee)
    vault = CONTRACTS.neg_risk_vault
    assert chain.state.read((USDC, vault)) == (sum(taken) - 1) * fee
    for market, is_taken in zip(markets, taken, strict=True):
        assert chain.shares(CAROL, market.no) == (0 if is_taken else amount)
        assert chain.shares(NO_TOKEN_BURN, market.no) == amount
        gained = 0 if is_taken else amount - fee
        assert chain.shares(CAROL, market.yes) == amount + gained
        assert chain.shares(vault, market.yes) == (0 if is_taken else fee)


def test_converting_at_the_old_adapter_pays_bridged_dollars() -> None:
    chain, markets = chain_of(4, 100), group_markets(4, 100)
    for market in markets[:2]:
        chain.endow(ALICE, market.condition_id, 10 * ONE)
    before = chain.collateral(ALICE)
    assert run(chain, ALICE, NEG_RISK, calldata.convert(group_of(100), 0b11, 10 * ONE)) is None
    assert chain.collateral(ALICE) == before
    assert chain.state.read((USDC, ALICE)) == 9_900_000
    assert chain.shares(ALICE, markets[3].yes) == 9_900_000


@pytest.mark.parametrize("to", [NR_ADAPTER, NEG_RISK], ids=["pusd", "old"])
@pytest.mark.parametrize(
    ("index_set", "reason"),
    [
        (0, "InvalidIndexSet()"),
        (0b10000, "InvalidIndexSet()"),
        (0b10001, "InvalidIndexSet()"),
        (0b0001, "SafeMath: subtraction overflow"),
    ],
)
def test_a_conversion_that_cannot_be_reverts(to: Address, index_set: int, reason: str) -> None:
    chain = chain_of()
    assert refused(chain, ALICE, to, calldata.convert(group_of(0), index_set, ONE)) == reason


def test_a_group_of_one_question_converts_nothing() -> None:
    chain = chain_of(1)
    data = calldata.convert(group_of(0), 1, ONE)
    assert refused(chain, ALICE, NEG_RISK, data) == "NoConvertiblePositions()"


def test_converting_needs_the_right_over_the_shares() -> None:
    chain, markets = chain_of(), group_markets(4, 0)
    chain.endow(CAROL, markets[0].condition_id, ONE)
    data = calldata.convert(group_of(0), 1, ONE)
    assert refused(chain, CAROL, NEG_RISK, data) == "NotApprovedForAll()"
    assert refused(chain, CAROL, NR_ADAPTER, data).startswith("ERC1155: need operator approval")


def test_converting_nothing_is_no_error() -> None:
    chain = chain_of()
    before = contents(chain)
    for to in (NEG_RISK, NR_ADAPTER):
        assert run(chain, ALICE, to, calldata.convert(group_of(0), 0b11, 0)) is None
    assert contents(chain) == before


@pytest.mark.parametrize("place", [0, 1], ids=["plain", "neg-risk"])
def test_a_set_is_worth_a_dollar_on_the_way_in_and_out(place: int) -> None:
    chain = chain_of()
    market = (plain_market(), group_markets(4, 0)[0])[place]
    to = (ADAPTER, NR_ADAPTER)[place]
    before = contents(chain)
    assert run(chain, ALICE, to, calldata.split(market.condition_id, 5 * ONE)) is None
    assert chain.collateral(ALICE) == 995 * ONE
    assert chain.shares(ALICE, market.yes) == chain.shares(ALICE, market.no) == 5 * ONE
    give = calldata.send_shares(ALICE, BOB, market.no, 2 * ONE)
    assert run(chain, ALICE, CTF, give) is None
    excess = calldata.merge(market.condition_id, 4 * ONE)
    assert refused(chain, ALICE, to, excess) == "SafeMath: subtraction overflow"
    assert run(chain, ALICE, to, calldata.merge(market.condition_id, 3 * ONE)) is None
    back = calldata.send_shares(BOB, ALICE, market.no, 2 * ONE)
    assert run(chain, BOB, CTF, back) is None
    assert run(chain, ALICE, to, calldata.merge(market.condition_id, 2 * ONE)) is None
    assert contents(chain) == before


def test_the_adapters_ignore_what_the_caller_names_beside_the_condition() -> None:
    chain, market = chain_of(), plain_market()
    data = calldata.split(market.condition_id, ONE, collateral=BOB, parent=b"\7" * 32)
    assert run(chain, ALICE, ADAPTER, data) is None
    assert chain.shares(ALICE, market.yes) == ONE
    wrong = calldata.split(market.condition_id, ONE)
    assert run(chain, ALICE, NR_ADAPTER, wrong) is None
    assert chain.shares(ALICE, market.yes) == ONE
    crossed = token_pair(WCOL, market.condition_id)
    assert [chain.shares(ALICE, token) for token in crossed] == [ONE, ONE]


def bridged(chain: Chain, owner: Address, amount: int) -> None:
    """Turn pUSD of an account into USDC.e and give the ledger and the old adapter rights to it."""
    assert run(chain, owner, PUSD, calldata.approve(CONTRACTS.offramp, UNLIMITED)) is None
    data = calldata.call("unwrap(address,address,uint256)", USDC, owner, amount)
    assert run(chain, owner, CONTRACTS.offramp, data) is None
    for spender in (CTF, NEG_RISK, CONTRACTS.onramp):
        assert run(chain, owner, USDC, calldata.approve(spender, amount)) is None


def test_wrapping_and_unwrapping_goes_one_to_one_and_only_with_bridged_dollars() -> None:
    chain = chain_of()
    supply = read(chain, PUSD, "uint256", "totalSupply()")
    bridged(chain, ALICE, 40 * ONE)
    assert read(chain, PUSD, "uint256", "totalSupply()") == supply - 40 * ONE
    assert (chain.collateral(ALICE), chain.state.read((USDC, ALICE))) == (960 * ONE, 40 * ONE)
    wrap = "wrap(address,address,uint256)"
    to_bob = calldata.call(wrap, USDC, BOB, 15 * ONE)
    assert run(chain, ALICE, CONTRACTS.onramp, to_bob) is None
    assert (chain.collateral(BOB), chain.state.read((USDC, ALICE))) == (1_015 * ONE, 25 * ONE)
    again = calldata.call(wrap, USDC, BOB, 26 * ONE)
    reason = "ERC20: transfer amount exceeds allowance"
    assert refused(chain, ALICE, CONTRACTS.onramp, again) == reason
    native = calldata.call(wrap, CONTRACTS.usdc_native, BOB, ONE)
    assert refused(chain, ALICE, CONTRACTS.onramp, native) == "InvalidAsset()"
    native = calldata.call("unwrap(address,address,uint256)", WCOL, BOB, ONE)
    assert refused(chain, ALICE, CONTRACTS.offramp, native) == "InvalidAsset()"


def test_the_ledger_and_the_old_adapter_take_bridged_dollars_directly() -> None:
    chain, plain, grouped = chain_of(), plain_market(), group_markets(4, 0)[0]
    bridged(chain, ALICE, 40 * ONE)
    assert run(chain, ALICE, CTF, calldata.split(plain.condition_id, 10 * ONE, USDC)) is None
    short = "splitPosition(bytes32,uint256)"
    condition = calldata.word(grouped.condition_id)
    assert run(chain, ALICE, NEG_RISK, calldata.call(short, condition, 10 * ONE)) is None
    long_form = calldata.split(grouped.condition_id, 10 * ONE, USDC)
    assert run(chain, ALICE, NEG_RISK, long_form) is None
    assert chain.state.read((USDC, ALICE)) == 10 * ONE
    assert [chain.shares(ALICE, market.no) for market in (plain, grouped)] == [10 * ONE, 20 * ONE]
    assert run(chain, ALICE, CTF, calldata.merge(plain.condition_id, 10 * ONE, USDC)) is None
    merge = calldata.call("mergePositions(bytes32,uint256)", condition, 5 * ONE)
    assert run(chain, ALICE, NEG_RISK, merge) is None
    assert run(chain, ALICE, NEG_RISK, calldata.merge(grouped.condition_id, ONE, USDC)) is None
    assert chain.state.read((USDC, ALICE)) == 26 * ONE
    wrong = "UnexpectedCollateralToken()"
    for data in (
        calldata.split(grouped.condition_id, ONE, PUSD),
        calldata.merge(grouped.condition_id, ONE, PUSD),
    ):
        assert refused(chain, ALICE, NEG_RISK, data) == wrong


def test_redeeming_pays_by_the_verdict_wherever_it_is_asked() -> None:
    chain, plain, grouped = chain_of(), plain_market(), group_markets(4, 0)[0]
    for market in (plain, grouped):
        chain.endow(ALICE, market.condition_id, 10 * ONE)
        chain.endow(BOB, market.condition_id, 10 * ONE)
    early = "result for condition not received yet"
    assert refused(chain, ALICE, CTF, calldata.redeem(plain.condition_id, USDC)) == early
    assert refused(chain, ALICE, NR_ADAPTER, calldata.redeem(grouped.condition_id)) == early
    chain.report_payouts(plain.condition_id, (0, ONE))
    chain.report_payouts(grouped.condition_id, (ONE, 0))
    mine(chain)
    assert run(chain, ALICE, CTF, calldata.redeem(plain.condition_id, USDC)) is None
    signature = "redeemPositions(bytes32,uint256[])"
    condition = calldata.word(grouped.condition_id)
    some = calldata.call(signature, condition, [4 * ONE, 10 * ONE])
    assert run(chain, ALICE, NEG_RISK, some) is None
    assert chain.state.read((USDC, ALICE)) == 14 * ONE
    assert chain.shares(ALICE, grouped.yes) == 6 * ONE
    odd = calldata.call(signature, condition, [ONE])
    assert refused(chain, ALICE, NEG_RISK, odd) == "LengthMismatch()"
    for market, to in ((plain, ADAPTER), (grouped, NR_ADAPTER)):
        assert run(chain, BOB, to, calldata.redeem(market.condition_id)) is None
    assert chain.collateral(BOB) == 1_020 * ONE
    for market, to in ((plain, ADAPTER), (grouped, NR_ADAPTER)):
        assert run(chain, BOB, to, calldata.redeem(market.condition_id)) is None
    assert chain.collateral(BOB) == 1_020 * ONE


def test_half_a_dollar_a_share_leaves_no_more_than_dust() -> None:
    chain, market = chain_of(), plain_market()
    chain.endow(ALICE, market.condition_id, 3)
    chain.report_payouts(market.condition_id, (250_000, 750_000))
    mine(chain)
    numerators = [
        read(
            chain, CTF, "uint256", "payoutNumerators(bytes32,uint256)",
            calldata.word(market.condition_id), at,
        )
        for at in (0, 1)
    ]  # fmt: skip
    assert numerators == [1, 3]
    before = chain.collateral(ALICE)
    assert run(chain, ALICE, ADAPTER, calldata.redeem(market.condition_id)) is None
    assert chain.collateral(ALICE) - before == 3 * 1 // 4 + 3 * 3 // 4


@pytest.mark.parametrize("verdict", [(ONE, ONE), (0, 0), (-1, ONE + 1)])
def test_a_verdict_that_is_none_is_refused_before_it_is_sent(verdict: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected payouts of together 1000000"):
        chain_of().report_payouts(plain_market().condition_id, verdict)


def test_a_question_of_a_group_is_decided_with_yes_or_no_and_yes_only_once() -> None:
    chain, markets = chain_of(), group_markets(4, 0)
    with pytest.raises(ValueError, match="neg-risk group"):
        chain.report_payouts(markets[0].condition_id, (500_000, 500_000))
    group = calldata.word(group_of(0))
    assert read(chain, NEG_RISK, "bool", "getDetermined(bytes32)", group) is False
    undecided = chain.call(CAROL, NEG_RISK, calldata.call("getResult(bytes32)", group))
    assert undecided == Reverted(reason="MarketNotDetermined()", data=undecided.data)  # type: ignore[union-attr]
    for at, verdict in ((2, (ONE, 0)), (3, (ONE, 0)), (1, (0, ONE))):
        chain.report_payouts(markets[at].condition_id, verdict)
    mine(chain)
    denominators = [
        read(chain, CTF, "uint256", "payoutDenominator(bytes32)", calldata.word(each.condition_id))
        for each in markets
    ]
    assert denominators == [0, 1, 1, 0]
    assert read(chain, NEG_RISK, "uint256", "getResult(bytes32)", group) == 2
    assert read(chain, NEG_RISK, "bool", "getDetermined(bytes32)", group) is True


def test_only_its_oracle_decides() -> None:
    chain, markets = chain_of(), group_markets(4, 0)
    question = calldata.word(markets[0].question_id)
    report = calldata.call("reportOutcome(bytes32,bool)", question, True)
    assert refused(chain, ALICE, NEG_RISK, report) == "OnlyOracle()"
    payouts = calldata.call(
        "reportPayouts(bytes32,uint256[])", calldata.word(plain_market().question_id), [1, 0]
    )
    assert refused(chain, ALICE, CTF, payouts) == "condition not prepared or found"
    oracle = plain_market().oracle
    assert run(chain, oracle, CTF, payouts) is None
    assert refused(chain, oracle, CTF, payouts) == "payout denominator already set"
    beyond = f"{group_of(0)[:-2]}07"
    operator = CONTRACTS.neg_risk_operator
    report = calldata.call("reportOutcome(bytes32,bool)", calldata.word(beyond), True)
    assert refused(chain, operator, NEG_RISK, report) == "IndexOutOfBounds()"


@pytest.mark.parametrize(
    ("payouts", "reason"),
    [
        ([1], "there should be more than one outcome slot"),
        ([0, 0], "payout is all zeroes"),
    ],
    ids=["one", "nothing"],
)
def test_a_verdict_of_the_ledger_must_pay_somebody(payouts: list[int], reason: str) -> None:
    chain, market = chain_of(), plain_market()
    data = calldata.call(
        "reportPayouts(bytes32,uint256[])", calldata.word(market.question_id), payouts
    )
    assert refused(chain, market.oracle, CTF, data) == reason


def test_anybody_may_prepare_a_condition_of_more_outcomes() -> None:
    chain = chain_of()
    prepare = "prepareCondition(address,bytes32,uint256)"
    question = Bytes32("0x" + "5a" * 32)
    for outcomes, reason in (
        (257, "too many outcome slots"),
        (1, "there should be more than one outcome slot"),
    ):
        data = calldata.call(prepare, BOB, calldata.word(question), outcomes)
        assert refused(chain, ALICE, CTF, data) == reason
    data = calldata.call(prepare, BOB, calldata.word(question), 3)
    assert run(chain, ALICE, CTF, data) is None
    assert refused(chain, ALICE, CTF, data) == "condition already prepared"
    condition = condition_id(BOB, question, 3)
    word = calldata.word(condition)
    assert read(chain, CTF, "uint256", "getOutcomeSlotCount(bytes32)", word) == 3
    bridged(chain, ALICE, 10 * ONE)
    split = "splitPosition(address,bytes32,bytes32,uint256[],uint256)"
    merge = "mergePositions(address,bytes32,bytes32,uint256[],uint256)"

    def of(signature: str, partition: list[int], amount: int) -> bytes:
        return calldata.call(signature, USDC, calldata.ZERO, word, partition, amount)

    def held(index_set: int) -> int:
        token = position_id(USDC, collection_id(condition, index_set))
        return chain.shares(ALICE, token)

    assert run(chain, ALICE, CTF, of(split, [0b001, 0b110], 4 * ONE)) is None
    assert run(chain, ALICE, CTF, of(split, [0b010, 0b100], 3 * ONE)) is None
    assert [held(part) for part in (1, 2, 4, 6)] == [4 * ONE, 3 * ONE, 3 * ONE, ONE]
    assert run(chain, ALICE, CTF, of(merge, [0b001, 0b010, 0b100], 2 * ONE)) is None
    assert run(chain, ALICE, CTF, of(merge, [0b010, 0b100], ONE)) is None
    assert [held(part) for part in (1, 2, 4, 6)] == [2 * ONE, 0, 0, 2 * ONE]
    for partition, reason in (
        ([0b001], "got empty or singleton partition"),
        ([0b001, 0b011], "partition not disjoint"),
        ([0b000, 0b011], "got invalid index set"),
        ([0b111, 0b001], "got invalid index set"),
    ):
        assert refused(chain, ALICE, CTF, of(split, partition, ONE)) == reason
    verdict = calldata.call("reportPayouts(bytes32,uint256[])", calldata.word(question), [0, 1, 3])
    assert run(chain, BOB, CTF, verdict) is None
    redeem = calldata.call(
        "redeemPositions(address,bytes32,bytes32,uint256[])", USDC, calldata.ZERO, word, [6, 1]
    )
    assert run(chain, ALICE, CTF, redeem) is None
    assert chain.state.read((USDC, ALICE)) == 10 * ONE
    wrong = calldata.call(
        "redeemPositions(address,bytes32,bytes32,uint256[])", USDC, calldata.ZERO, word, [7]
    )
    assert refused(chain, ALICE, CTF, wrong) == "got invalid index set"
    asked = calldata.call("payoutNumerators(bytes32,uint256)", word, 3)
    assert chain.call(CAROL, CTF, asked) == Reverted(reason="")


def test_positions_can_stand_on_top_of_others() -> None:
    chain, market = chain_of(), plain_market()
    bridged(chain, ALICE, 10 * ONE)
    question = Bytes32("0x" + "77" * 32)
    prepare = calldata.call(
        "prepareCondition(address,bytes32,uint256)", BOB, calldata.word(question), 2
    )
    assert run(chain, ALICE, CTF, prepare) is None
    deep = condition_id(BOB, question)
    parent = collection_id(market.condition_id, 1)
    on_top = calldata.word(parent)
    assert run(chain, ALICE, CTF, calldata.split(market.condition_id, 6 * ONE, USDC)) is None
    split = calldata.split(deep, 4 * ONE, USDC, on_top)
    assert run(chain, ALICE, CTF, split) is None
    both = [position_id(USDC, collection_id(deep, part, parent)) for part in (1, 2)]
    assert [chain.shares(ALICE, token) for token in both] == [4 * ONE] * 2
    assert chain.shares(ALICE, market.yes) == 2 * ONE
    assert run(chain, ALICE, CTF, calldata.merge(deep, ONE, USDC, on_top)) is None
    assert chain.shares(ALICE, market.yes) == 3 * ONE
    verdict = calldata.call("reportPayouts(bytes32,uint256[])", calldata.word(question), [1, 0])
    assert run(chain, BOB, CTF, verdict) is None
    assert run(chain, ALICE, CTF, calldata.redeem(deep, USDC, on_top)) is None
    assert chain.shares(ALICE, market.yes) == 6 * ONE
    nowhere = calldata.split(deep, ONE, USDC, b"\0" * 31 + b"\4")
    assert refused(chain, ALICE, CTF, nowhere) == "invalid parent collection ID"
    asked = calldata.call(
        "getCollectionId(bytes32,bytes32,uint256)",
        b"\0" * 31 + b"\4",
        calldata.word(deep),
        1,
    )
    answer = chain.call(CAROL, CTF, asked)
    assert isinstance(answer, Reverted) and answer.reason == "invalid parent collection ID"


def test_ids_can_be_asked_of_the_contracts() -> None:
    chain, plain, grouped = chain_of(), plain_market(), group_markets(4, 0)[2]
    oracle, question = plain.oracle, calldata.word(plain.question_id)
    signature = "getConditionId(address,bytes32,uint256)"
    found = read(chain, CTF, "bytes32", signature, oracle, question, 2)
    assert "0x" + found.hex() == plain.condition_id
    signature = "getCollectionId(bytes32,bytes32,uint256)"
    collection = read(chain, CTF, "bytes32", signature, calldata.ZERO, found, 2)
    assert str(read(chain, CTF, "uint256", "getPositionId(address,bytes32)", USDC, collection)) == (
        plain.no
    )
    question = calldata.word(grouped.question_id)
    found = read(chain, NEG_RISK, "bytes32", "getConditionId(bytes32)", question)
    assert "0x" + found.hex() == grouped.condition_id
    signature = "getPositionId(bytes32,bool)"
    for is_yes, token in ((True, grouped.yes), (False, grouped.no)):
        assert str(read(chain, NEG_RISK, "uint256", signature, question, is_yes)) == token
    group = calldata.word(group_of(0))
    assert read(chain, NEG_RISK, "uint256", "getQuestionCount(bytes32)", group) == 4
    assert read(chain, NEG_RISK, "uint256", "getFeeBips(bytes32)", group) == 0
    operator = read(chain, NEG_RISK, "address", "getOracle(bytes32)", group)
    assert operator == CONTRACTS.neg_risk_operator.lower()
    for name, expected in (("wcol", WCOL), ("col", USDC), ("ctf", CTF)):
        assert read(chain, NEG_RISK, "address", f"{name}()") == expected.lower()
    assert read(chain, CONTRACTS.exchange, "address", "getCollateral()") == PUSD.lower()
    assert read(chain, CONTRACTS.neg_risk_exchange, "address", "getCtf()") == CTF.lower()
    for token, symbol in ((PUSD, "pUSD"), (USDC, "USDC.e"), (WCOL, "WCOL")):
        assert read(chain, token, "string", "symbol()") == symbol
        assert read(chain, token, "uint8", "decimals()") == 6
        assert read(chain, token, "string", "name()")


def test_balances_are_read_one_by_one_and_in_batches_at_both_ledgers() -> None:
    chain, market = chain_of(), plain_market()
    chain.endow(ALICE, market.condition_id, 3 * ONE)
    for ledger in (CTF, NEG_RISK):
        signature = "balanceOf(address,uint256)"
        assert read(chain, ledger, "uint256", signature, ALICE, int(market.yes)) == 3 * ONE
        signature = "balanceOfBatch(address[],uint256[])"
        tokens = [int(market.yes), int(market.no), 7]
        found = read(chain, ledger, "uint256[]", signature, [ALICE, ALICE, BOB], tokens)
        assert found == (3 * ONE, 3 * ONE, 0)
    uneven = calldata.call("balanceOfBatch(address[],uint256[])", [ALICE], [1, 2])
    answer = chain.call(CAROL, CTF, uneven)
    assert isinstance(answer, Reverted) and "must have same lengths" in answer.reason


def test_money_moves_for_its_owner_and_for_who_was_allowed() -> None:
    chain = chain_of()
    move = "transferFrom(address,address,uint256)"
    reason = "InsufficientAllowance()"
    assert refused(chain, CAROL, PUSD, calldata.call(move, ALICE, CAROL, 1)) == reason
    assert run(chain, ALICE, PUSD, calldata.approve(CAROL, 10)) is None
    assert run(chain, CAROL, PUSD, calldata.call(move, ALICE, BOB, 4)) is None
    assert refused(chain, CAROL, PUSD, calldata.call(move, ALICE, BOB, 7)) == reason
    assert run(chain, CAROL, PUSD, calldata.call(move, ALICE, CAROL, 6)) is None
    assert (chain.collateral(BOB) - 1_000 * ONE, chain.collateral(CAROL)) == (4, 6)
    assert run(chain, CAROL, PUSD, calldata.transfer(CAROL, 6)) is None
    assert refused(chain, CAROL, PUSD, calldata.transfer(BOB, 7)) == "InsufficientBalance()"
    assert chain.collateral(CAROL) == 6


def test_shares_move_for_their_owner_and_for_operators() -> None:
    chain, market = chain_of(), plain_market()
    chain.endow(ALICE, market.condition_id, 10)
    mine_it = calldata.send_shares(ALICE, CAROL, market.yes, 1)
    reason = "ERC1155: need operator approval for 3rd party transfers."
    assert refused(chain, BOB, CTF, mine_it) == reason
    assert run(chain, ALICE, CTF, calldata.allow_all(BOB, True)) is None
    assert run(chain, BOB, CTF, mine_it) is None
    assert run(chain, ALICE, CTF, calldata.allow_all(BOB, False)) is None
    assert refused(chain, BOB, CTF, mine_it) == reason
    batch = "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"
    tokens = [int(market.yes), int(market.no)]
    data = calldata.call(batch, ALICE, CAROL, tokens, [2, 3], b"")
    assert run(chain, ALICE, CTF, data) is None
    assert [chain.shares(CAROL, token) for token in (market.yes, market.no)] == [3, 3]
    for wrong, why in (
        (calldata.call(batch, ALICE, CAROL, tokens, [2], b""), "IDs and values must have same"),
        (calldata.call(batch, ALICE, CAROL, tokens, [2, 8], b""), "SafeMath"),
        (calldata.call(batch, ALICE, "0x" + "00" * 20, tokens, [1, 1], b""), "non-zero"),
        (calldata.send_shares(ALICE, Address("0x" + "00" * 20), market.yes, 1), "non-zero"),
    ):
        assert why in refused(chain, ALICE, CTF, wrong)


def test_a_wallets_batch_happens_as_a_whole_or_not_at_all() -> None:
    chain, market = chain_of(), plain_market()
    give = calldata.transfer(CAROL, 5 * ONE)
    split = calldata.split(market.condition_id, 5 * ONE)
    sent = chain.send_batch(ALICE, [(PUSD, give), (ADAPTER, split)])
    mine(chain)
    receipt = chain.receipt(sent)
    assert receipt is not None and receipt.is_success and receipt.gas_used > 250_000
    assert chain.collateral(CAROL) == chain.shares(ALICE, market.yes) == 5 * ONE
    before = contents(chain)
    failing = chain.send_batch(
        ALICE, [(PUSD, give), (ADAPTER, calldata.merge(market.condition_id, 6 * ONE))]
    )
    mine(chain)
    assert chain.is_mined(failing) is False and contents(chain) == before


@pytest.mark.parametrize(
    "to",
    [CONTRACTS.router, CONTRACTS.exchange_v3, CONTRACTS.position_manager, CONTRACTS.binary_module],
)
def test_protocol_v2_says_that_it_is_not_carried(to: Address) -> None:
    chain = chain_of()
    data = calldata.call("split(bytes31,uint256)", b"\1" * 31, ONE)
    assert refused(chain, ALICE, to, data) == "Protocol V2 is not carried by the sandbox"


@pytest.mark.parametrize(
    ("to", "data"),
    [
        (PUSD, b""),
        (PUSD, b"\xde\xad\xbe\xef"),
        (PUSD, calldata.approve(BOB, 1)[:-1]),
        (CTF, calldata.call("balanceOfBatch(address[],uint256[])", [BOB], [1])[:-40]),
        (PUSD, calldata.approve(BOB, 1)[:4] + b"\xff" * 64),
        (CONTRACTS.deposit_wallet_factory, bytes.fromhex("49493a4d")),
    ],
    ids=["nothing", "unknown", "short", "cut", "no-address", "beacon"],
)
def test_a_call_that_cannot_be_read_reverts_without_a_word(to: Address, data: bytes) -> None:
    assert chain_of().call(ALICE, to, data) == Reverted(reason="")


def test_where_there_is_no_code_a_call_does_nothing() -> None:
    chain = chain_of()
    assert chain.call(ALICE, account("nobody"), b"\1\2\3\4") == b""
    assert run(chain, ALICE, account("nobody"), b"\1\2\3\4") is None
    assert chain.estimate_gas(ALICE, account("nobody"), b"\1\0") == 21_020


def test_nobody_but_the_operator_settles() -> None:
    chain = chain_of()
    assert contracts.MATCH_ORDERS.selector.hex() == "3c2b4399"
    sent = chain.submit_match(matched(), is_ghost=False)
    mine(chain)
    transaction = chain.transaction(sent)
    assert transaction is not None
    data = calldata_of(transaction)
    assert refused(chain, ALICE, CONTRACTS.exchange, data) == "NotOperator()"


def matched() -> Match:
    market = plain_market()
    buy = fill(ALICE, market.yes, Side.BUY, ONE, 600_000)
    return match(market, buy, fill(BOB, market.no, Side.BUY, ONE, 400_000))


def test_a_call_changes_nothing_even_when_it_would_go_well() -> None:
    chain, market = chain_of(), plain_market()
    before = contents(chain)
    answer = chain.call(ALICE, ADAPTER, calldata.split(market.condition_id, ONE))
    assert answer == b"" and contents(chain) == before
    gas = chain.estimate_gas(ALICE, ADAPTER, calldata.split(market.condition_id, ONE))
    assert isinstance(gas, int) and 230_000 < gas < 300_000 and contents(chain) == before
    poor = chain.estimate_gas(CAROL, ADAPTER, calldata.split(market.condition_id, ONE))
    assert isinstance(poor, Reverted)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(5, 700_000, 900_000), (32, 4_400_000, 4_800_000)]
)
def test_converting_costs_gas_by_the_question(count: int, low: int, high: int) -> None:
    chain = chain_of(count)
    for market in group_markets(count, 0):
        chain.endow(ALICE, market.condition_id, ONE)
    gas = chain.estimate_gas(ALICE, NR_ADAPTER, calldata.convert(group_of(0), 3, ONE))
    assert isinstance(gas, int) and low < gas < high


def test_a_market_can_be_listed_while_the_chain_runs() -> None:
    chain = chain_of()
    mine(chain, 3)
    question = Bytes32("0x" + "22" * 32)
    late = plain_market(question, "late")
    chain.prepare(plain_event("late", question), late)
    chain.endow(CAROL, late.condition_id, 5 * ONE)
    assert chain.shares(CAROL, late.yes) == 0
    mine(chain)
    assert chain.shares(CAROL, late.yes) == 5 * ONE
    number = chain.head.number
    prepared = [
        encode_log(emitted)
        for receipt in chain.receipts_of(number)
        for emitted in receipt.emitted
        if emitted[1] is events.CONDITION_PREPARATION
    ]
    assert [log.topics[1] for log in prepared] == [late.condition_id]
    assert run(chain, ALICE, ADAPTER, calldata.split(late.condition_id, ONE)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"yes": TokenId("1")},
        {"condition_id": ConditionId("0x" + "ab" * 32)},
        {"oracle": account("another")},
    ],
    ids=["token", "condition", "oracle"],
)
def test_a_listing_whose_ids_the_chain_would_not_form_is_refused(change: dict[str, Any]) -> None:
    good = listing()
    for place in (0, 1):
        markets = list(good.markets)
        markets[place] = msgspec.structs.replace(markets[place], **change)
        with pytest.raises(ValueError, match="the chain forms the"):
            Chain(
                ChainSettings(genesis_ns=0), msgspec.structs.replace(good, markets=tuple(markets))
            )


def test_fees_of_settlements_gather_at_one_account() -> None:
    chain, market = chain_of(), plain_market()
    buy = fill(ALICE, market.yes, Side.BUY, ONE, 600_000, fee=700)
    chain.submit_match(
        match(market, buy, fill(BOB, market.no, Side.BUY, ONE, 400_000, fee=40)), is_ghost=False
    )
    mine(chain)
    assert chain.collateral(FEE_RECEIVER) == 740


def test_the_same_market_twice_is_refused_at_genesis() -> None:
    good = listing()
    twice = msgspec.structs.replace(good, markets=(*good.markets, good.markets[0]))
    with pytest.raises(ValueError, match="condition already prepared"):
        Chain(ChainSettings(genesis_ns=0), twice)
