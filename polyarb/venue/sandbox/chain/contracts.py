"""PURE: which contracts stand on the sandbox's chain and which of their methods it carries."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import adapters, conditional, negrisk, tokens, wrapping
from polyarb.venue.sandbox.chain.addresses import (
    ADAPTER,
    CTF,
    EXCHANGE,
    NEG_RISK_ADAPTER,
    NEG_RISK_COLLATERAL_ADAPTER,
    NEG_RISK_EXCHANGE,
    PUSD,
    USDC,
    WCOL,
)
from polyarb.venue.sandbox.chain.frame import Frame, RevertError
from polyarb.venue.sandbox.chain.ids import (
    UnknownCollectionError,
    collection_id,
    condition_id,
    position_id,
    token_pair,
)
from polyarb.venue.sandbox.chain.methods import (
    SELECTOR_BYTES,
    Arguments,
    Method,
    Run,
    method,
)
from polyarb.venue.sandbox.chain.state import State

Table = MappingProxyType[bytes, Method]

NOT_CARRIED: Final = "Protocol V2 is not carried by the sandbox"
APPROVE_GAS: Final = 25_000
TRANSFER_GAS: Final = 35_000
PREPARE_GAS: Final = 60_000
REPORT_GAS: Final = 80_000
SPLIT_GAS: Final = 114_000
MERGE_GAS: Final = 67_000
REDEEM_GAS: Final = 70_000
NEG_RISK_SPLIT_GAS: Final = 170_000
NEG_RISK_MERGE_GAS: Final = 145_000
NEG_RISK_REDEEM_GAS: Final = 150_000
WRAPPING_GAS: Final = 125_000
CONVERT_GAS_PER_QUESTION: Final = 141_000


def _table(methods: Iterable[Method]) -> Table:
    return MappingProxyType({each.selector: each for each in methods})


def _approve(frame: Frame, at: Address, given: Arguments) -> bool:
    tokens.approve(frame, at, given.address(0), given.number(1))
    return True


def _transfer(frame: Frame, at: Address, given: Arguments) -> bool:
    tokens.move(frame, at, frame.sender, given.address(0), given.number(1))
    return True


def _transfer_from(frame: Frame, at: Address, given: Arguments) -> bool:
    tokens.pull(frame, at, given.address(0), given.address(1), given.number(2))
    return True


def _money(name: str, symbol: str) -> tuple[Method, ...]:
    return (
        method("approve(address,uint256)", _approve, gives="bool", gas=APPROVE_GAS),
        method("transfer(address,uint256)", _transfer, gives="bool", gas=TRANSFER_GAS),
        method(
            "transferFrom(address,address,uint256)", _transfer_from, gives="bool", gas=TRANSFER_GAS
        ),
        method(
            "balanceOf(address)",
            lambda frame, at, given: frame.state.read((at, given.address(0))),
            gives="uint256",
        ),
        method(
            "allowance(address,address)",
            lambda frame, at, given: frame.state.read((at, given.address(0), given.address(1))),
            gives="uint256",
        ),
        method(
            "totalSupply()",
            lambda frame, at, given: frame.state.read((tokens.SUPPLY, at)),
            gives="uint256",
        ),
        method("decimals()", lambda frame, at, given: 6, gives="uint8"),
        method("name()", lambda frame, at, given: name, gives="string"),
        method("symbol()", lambda frame, at, given: symbol, gives="string"),
    )


def _balances(frame: Frame, at: Address, given: Arguments) -> list[int]:
    owners, token_ids = given.addresses(0), given.tokens(1)
    if len(owners) != len(token_ids):
        raise RevertError("ERC1155: owners and IDs must have same lengths")
    pairs = zip(token_ids, owners, strict=True)
    return [frame.state.read((token_id, owner)) for token_id, owner in pairs]


def _allow_all(frame: Frame, at: Address, given: Arguments) -> None:
    tokens.allow_all(frame, at, given.address(0), given.flag(1))


_BALANCE: Final = method(
    "balanceOf(address,uint256)",
    lambda frame, at, given: frame.state.read((given.token(1), given.address(0))),
    gives="uint256",
)
_BALANCES: Final = method("balanceOfBatch(address[],uint256[])", _balances, gives="uint256[]")
_ALLOWS_ALL: Final = method(
    "isApprovedForAll(address,address)",
    lambda frame, at, given: bool(frame.state.read((at, given.address(0), given.address(1)))),
    gives="bool",
)
_ALLOW_ALL: Final = method("setApprovalForAll(address,bool)", _allow_all, gas=APPROVE_GAS)


def _collection(frame: Frame, at: Address, given: Arguments) -> str:
    try:
        return collection_id(given.condition(1), given.number(2), given.word(0))
    except UnknownCollectionError:
        raise RevertError("invalid parent collection ID") from None


def _stake(given: Arguments) -> conditional.Stake:
    return conditional.Stake(
        collateral=given.address(0),
        parent=given.word(1),
        condition=given.condition(2),
        index_sets=given.numbers(3),
    )


def _ctf_redeem(frame: Frame, at: Address, given: Arguments) -> None:
    conditional.redeem(frame, _stake(given))


def _ctf_prepare(frame: Frame, at: Address, given: Arguments) -> None:
    conditional.prepare_condition(frame, given.address(0), given.word(1), given.number(2))


def _send_shares(frame: Frame, at: Address, given: Arguments) -> None:
    tokens.send_shares(frame, given.address(0), given.address(1), given.token(2), given.number(3))


def _send_batch(frame: Frame, at: Address, given: Arguments) -> None:
    tokens.send_batch(frame, given.address(0), given.address(1), given.tokens(2), given.numbers(3))


_SPLIT: Final = "splitPosition(address,bytes32,bytes32,uint256[],uint256)"
_MERGE: Final = "mergePositions(address,bytes32,bytes32,uint256[],uint256)"
_REDEEM: Final = "redeemPositions(address,bytes32,bytes32,uint256[])"

_CTF: Final = (
    _BALANCE,
    _BALANCES,
    _ALLOWS_ALL,
    _ALLOW_ALL,
    method(
        "safeTransferFrom(address,address,uint256,uint256,bytes)", _send_shares, gas=TRANSFER_GAS
    ),
    method(
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
        _send_batch,
        gas=2 * TRANSFER_GAS,
    ),
    method(
        _SPLIT,
        lambda frame, at, given: conditional.split(frame, _stake(given), given.number(4)),
        gas=SPLIT_GAS,
    ),
    method(
        _MERGE,
        lambda frame, at, given: conditional.merge(frame, _stake(given), given.number(4)),
        gas=MERGE_GAS,
    ),
    method(_REDEEM, _ctf_redeem, gas=REDEEM_GAS),
    method("prepareCondition(address,bytes32,uint256)", _ctf_prepare, gas=PREPARE_GAS),
    method(
        "reportPayouts(bytes32,uint256[])",
        lambda frame, at, given: conditional.report_payouts(frame, given.word(0), given.numbers(1)),
        gas=REPORT_GAS,
    ),
    method(
        "payoutDenominator(bytes32)",
        lambda frame, at, given: frame.state.read((conditional.DENOMINATOR, given.word(0))),
        gives="uint256",
    ),
    method(
        "payoutNumerators(bytes32,uint256)",
        lambda frame, at, given: conditional.numerator(
            frame.state, given.condition(0), given.number(1)
        ),
        gives="uint256",
    ),
    method(
        "getOutcomeSlotCount(bytes32)",
        lambda frame, at, given: frame.state.read((conditional.SLOTS, given.word(0))),
        gives="uint256",
    ),
    method(
        "getConditionId(address,bytes32,uint256)",
        lambda frame, at, given: condition_id(given.address(0), given.word(1), given.number(2)),
        gives="bytes32",
    ),
    method("getCollectionId(bytes32,bytes32,uint256)", _collection, gives="bytes32"),
    method(
        "getPositionId(address,bytes32)",
        lambda frame, at, given: position_id(given.address(0), given.word(1)),
        gives="uint256",
    ),
)


def _group_slot(word: str) -> Run:
    return lambda frame, at, given: frame.state.read((word, given.word(0)))


def _position(frame: Frame, at: Address, given: Arguments) -> str:
    condition = condition_id(NEG_RISK_ADAPTER, given.word(0))
    return token_pair(WCOL, condition)[0 if given.flag(1) else 1]


def _need_bridged(given: Arguments) -> None:
    if given.address(0) != USDC:
        raise RevertError("UnexpectedCollateralToken()")


def _legacy_split(frame: Frame, at: Address, given: Arguments) -> None:
    _need_bridged(given)
    negrisk.split(frame, given.condition(2), given.number(4))


def _legacy_merge(frame: Frame, at: Address, given: Arguments) -> None:
    _need_bridged(given)
    negrisk.merge(frame, given.condition(2), given.number(4))


def _convert_gas(state: State, given: Arguments) -> int:
    return CONVERT_GAS_PER_QUESTION * state.read((negrisk.QUESTIONS, given.word(0)))


_CONVERT: Final = "convertPositions(bytes32,uint256,uint256)"
_NEG_RISK: Final = (
    _BALANCE,
    _BALANCES,
    method("getQuestionCount(bytes32)", _group_slot(negrisk.QUESTIONS), gives="uint256"),
    method("getFeeBips(bytes32)", _group_slot(negrisk.FEE_BIPS), gives="uint256"),
    method(
        "getOracle(bytes32)",
        lambda frame, at, given: negrisk.oracle_of(frame.state, given.group(0)),
        gives="address",
    ),
    method(
        "getDetermined(bytes32)",
        lambda frame, at, given: bool(frame.state.read((negrisk.RESULT, given.word(0)))),
        gives="bool",
    ),
    method(
        "getResult(bytes32)",
        lambda frame, at, given: negrisk.result_of(frame.state, given.group(0)),
        gives="uint256",
    ),
    method(
        "getConditionId(bytes32)",
        lambda frame, at, given: condition_id(NEG_RISK_ADAPTER, given.word(0)),
        gives="bytes32",
    ),
    method("getPositionId(bytes32,bool)", _position, gives="uint256"),
    method("wcol()", lambda frame, at, given: WCOL, gives="address"),
    method("col()", lambda frame, at, given: USDC, gives="address"),
    method("ctf()", lambda frame, at, given: CTF, gives="address"),
    method(_SPLIT, _legacy_split, gas=NEG_RISK_SPLIT_GAS),
    method(_MERGE, _legacy_merge, gas=NEG_RISK_MERGE_GAS),
    method(
        "splitPosition(bytes32,uint256)",
        lambda frame, at, given: negrisk.split(frame, given.condition(0), given.number(1)),
        gas=NEG_RISK_SPLIT_GAS,
    ),
    method(
        "mergePositions(bytes32,uint256)",
        lambda frame, at, given: negrisk.merge(frame, given.condition(0), given.number(1)),
        gas=NEG_RISK_MERGE_GAS,
    ),
    method(
        "redeemPositions(bytes32,uint256[])",
        lambda frame, at, given: negrisk.redeem(frame, given.condition(0), given.numbers(1)),
        gas=NEG_RISK_REDEEM_GAS,
    ),
    method(
        _CONVERT,
        lambda frame, at, given: negrisk.convert(
            frame, given.group(0), given.number(1), given.number(2)
        ),
        more_gas=_convert_gas,
    ),
    method(
        "reportOutcome(bytes32,bool)",
        lambda frame, at, given: negrisk.report_question(frame, given.word(0), given.flag(1)),
        gas=REPORT_GAS,
    ),
)


def _adapter(split_gas: int, merge_gas: int, redeem_gas: int) -> tuple[Method, ...]:
    return (
        method(
            _SPLIT,
            lambda frame, at, given: adapters.split(frame, at, given.condition(2), given.number(4)),
            gas=split_gas + WRAPPING_GAS,
        ),
        method(
            _MERGE,
            lambda frame, at, given: adapters.merge(frame, at, given.condition(2), given.number(4)),
            gas=merge_gas + WRAPPING_GAS,
        ),
        method(
            _REDEEM,
            lambda frame, at, given: adapters.redeem(frame, at, given.condition(2)),
            gas=redeem_gas + WRAPPING_GAS,
        ),
    )


_CONVERTING: Final = method(
    _CONVERT,
    lambda frame, at, given: adapters.convert(
        frame, given.group(0), given.number(1), given.number(2)
    ),
    gas=WRAPPING_GAS,
    more_gas=_convert_gas,
)


def _refuse_match(frame: Frame, at: Address, given: Arguments) -> None:
    raise RevertError("NotOperator()")


_ORDER: Final = (
    "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
)
MATCH_ORDERS: Final = method(
    f"matchOrders(bytes32,{_ORDER},{_ORDER}[],uint256,uint256[],uint256,uint256[])",
    _refuse_match,
)
"""The operator's call; only the sandbox itself settles matches, so everybody else is refused."""
_EXCHANGE: Final = (
    MATCH_ORDERS,
    method("getCollateral()", lambda frame, at, given: PUSD, gives="address"),
    method("getCtf()", lambda frame, at, given: CTF, gives="address"),
)

_WRAP: Final = method(
    "wrap(address,address,uint256)",
    lambda frame, at, given: wrapping.wrap_for(
        frame, at, given.address(0), given.address(1), given.number(2)
    ),
    gas=WRAPPING_GAS,
)
_UNWRAP: Final = method(
    "unwrap(address,address,uint256)",
    lambda frame, at, given: wrapping.unwrap_for(
        frame, at, given.address(0), given.address(1), given.number(2)
    ),
    gas=WRAPPING_GAS,
)

CARRIED: Final = MappingProxyType(
    {
        PUSD: _table(_money("Polymarket USD", "pUSD")),
        USDC: _table(_money("USD Coin (PoS)", "USDC.e")),
        WCOL: _table(_money("Wrapped Collateral", "WCOL")),
        CTF: _table(_CTF),
        NEG_RISK_ADAPTER: _table(_NEG_RISK),
        ADAPTER: _table(_adapter(SPLIT_GAS, MERGE_GAS, REDEEM_GAS)),
        NEG_RISK_COLLATERAL_ADAPTER: _table(
            (*_adapter(NEG_RISK_SPLIT_GAS, NEG_RISK_MERGE_GAS, NEG_RISK_REDEEM_GAS), _CONVERTING)
        ),
        EXCHANGE: _table(_EXCHANGE),
        NEG_RISK_EXCHANGE: _table(_EXCHANGE),
        CONTRACTS.onramp: _table((_WRAP,)),
        CONTRACTS.offramp: _table((_UNWRAP,)),
        CONTRACTS.position_manager: _table((_ALLOWS_ALL, _ALLOW_ALL)),
    }
)
"""Every contract that can be called, with its methods by selector."""

_PROTOCOL_V2: Final = frozenset(
    {
        CONTRACTS.router,
        CONTRACTS.exchange_v3,
        CONTRACTS.position_manager,
        CONTRACTS.binary_module,
        CONTRACTS.neg_risk_module,
        CONTRACTS.combinatorial_module,
        CONTRACTS.auto_redeemer,
    }
)
_SILENT: Final = frozenset(
    {
        CONTRACTS.proxy_factory,
        CONTRACTS.safe_factory,
        CONTRACTS.safe_multisend,
        CONTRACTS.deposit_wallet_factory,
        CONTRACTS.perps_deposit,
        CONTRACTS.permissioned_ramp,
        CONTRACTS.relay_hub,
    }
)


def is_contract(address: Address) -> bool:
    """Tell whether there is code at an address."""
    return address in CARRIED or address in _PROTOCOL_V2 or address in _SILENT


def method_at(address: Address, data: bytes) -> Method | None:
    """Return the method that a call means, None where there is no code.

    Reverts when the contract is there but carries no such method.
    """
    if not is_contract(address):
        return None
    found = CARRIED.get(address, _NOTHING).get(data[:SELECTOR_BYTES])
    if found is None:
        raise RevertError(NOT_CARRIED if address in _PROTOCOL_V2 else "")
    return found


_NOTHING: Final = _table(())
