"""Calls and transactions are, to the byte, what web3 and eth-account write."""

import subprocess
import sys
import warnings
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.market import MarketVersion
from polyarb.domain.secret import Secret
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.relays import Call
from polyarb.venue.polymarket.signing.signatures import Signer
from polyarb.venue.polymarket.wallet.actions import (
    Action,
    AllowShares,
    Approve,
    Condition,
    Convert,
    Merge,
    Question,
    Redeem,
    Revoke,
    RevokeShares,
    Split,
    call_of,
)
from polyarb.venue.polymarket.wallet.transactions import Transaction, sign_transaction

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "websockets.legacy is deprecated", DeprecationWarning)
    from web3 import Web3

KEY = "0x" + "07" * 32
SIGNER = Signer(Secret(KEY))
PLAIN = Condition(
    condition_id=ConditionId("0x" + "ab" * 32),
    yes=TokenId(str(2**250 + 1)),
    no=TokenId(str(2**250 + 2)),
    is_neg_risk=False,
    version=MarketVersion.V1,
)
QUESTION = Condition(
    condition_id=PLAIN.condition_id,
    yes=PLAIN.yes,
    no=PLAIN.no,
    is_neg_risk=True,
    version=MarketVersion.V1,
)
GROUP = GroupId("0x" + "cd" * 31 + "00")
ADAPTER, GROUP_ADAPTER = CONTRACTS.collateral_adapter, CONTRACTS.neg_risk_collateral_adapter
ZERO, PAIR = bytes(32), [1, 2]
WORD = bytes.fromhex("ab" * 32)
SETS = "address bytes32 bytes32 uint256[] uint256"
CONVERT = Convert(
    group_id=GROUP,
    questions=(Question(index=0, no=PLAIN.no), Question(index=5, no=PLAIN.yes)),
    shares=9,
    version=MarketVersion.V1,
)
CALLS: tuple[tuple[Action, str, str, str, tuple[object, ...]], ...] = (
    (
        Approve(spender=ADAPTER, micros=7),
        CONTRACTS.pusd,
        "approve",
        "address uint256",
        (ADAPTER, 7),
    ),
    (Revoke(spender=ADAPTER), CONTRACTS.pusd, "approve", "address uint256", (ADAPTER, 0)),
    (
        AllowShares(operator=ADAPTER),
        CONTRACTS.conditional_tokens,
        "setApprovalForAll",
        "address bool",
        (ADAPTER, True),
    ),
    (
        RevokeShares(operator=ADAPTER),
        CONTRACTS.conditional_tokens,
        "setApprovalForAll",
        "address bool",
        (ADAPTER, False),
    ),
    (
        Split(condition=PLAIN, shares=5),
        ADAPTER,
        "splitPosition",
        SETS,
        (CONTRACTS.pusd, ZERO, WORD, PAIR, 5),
    ),
    (
        Split(condition=QUESTION, shares=5),
        GROUP_ADAPTER,
        "splitPosition",
        SETS,
        (CONTRACTS.pusd, ZERO, WORD, PAIR, 5),
    ),
    (
        Merge(condition=QUESTION, shares=6),
        GROUP_ADAPTER,
        "mergePositions",
        SETS,
        (CONTRACTS.pusd, ZERO, WORD, PAIR, 6),
    ),
    (
        Redeem(condition=PLAIN),
        ADAPTER,
        "redeemPositions",
        "address bytes32 bytes32 uint256[]",
        (CONTRACTS.pusd, ZERO, WORD, PAIR),
    ),
    (
        CONVERT,
        GROUP_ADAPTER,
        "convertPositions",
        "bytes32 uint256 uint256",
        (bytes.fromhex(GROUP[2:]), 0b100001, 9),
    ),
)


@pytest.mark.parametrize(
    ("action", "target", "name", "takes", "values"),
    CALLS,
    ids=[f"{type(row[0]).__name__}-{number}" for number, row in enumerate(CALLS)],
)
def test_an_action_is_the_call_that_web3_writes(
    action: Action, target: str, name: str, takes: str, values: tuple[object, ...]
) -> None:
    inputs = [{"name": f"a{at}", "type": kind} for at, kind in enumerate(takes.split())]
    abi: Any = [
        {
            "type": "function",
            "name": name,
            "inputs": inputs,
            "outputs": [],
            "stateMutability": "nonpayable",
        }
    ]
    written = Web3().eth.contract(abi=abi).encode_abi(name, args=list(values))
    call = call_of(action)
    assert (call.target, "0x" + call.data.hex(), call.value) == (target, written, 0)


@given(
    nonce=st.integers(0, 2**32),
    price=st.integers(1, 2**60),
    gas_limit=st.integers(21_000, 2**24),
    value=st.integers(0, 2**80),
    content=st.binary(max_size=300),
)
def test_a_signed_transaction_is_what_eth_account_signs(
    nonce: int, price: int, gas_limit: int, value: int, content: bytes
) -> None:
    ours = sign_transaction(
        SIGNER,
        Transaction(
            chain_id=137,
            nonce=nonce,
            priority_wei=price // 2,
            price_wei_max=price,
            gas_limit=gas_limit,
            call=Call(target=ADAPTER, data=content, value=value),
        ),
    )
    theirs = Account.from_key(KEY).sign_transaction(
        {
            "type": 2,
            "chainId": 137,
            "nonce": nonce,
            "maxPriorityFeePerGas": price // 2,
            "maxFeePerGas": price,
            "gas": gas_limit,
            "to": ADAPTER,
            "value": value,
            "data": content,
        }
    )
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.hash == "0x" + bytes(theirs.hash).hex()


def test_whoever_only_imports_the_wallet_does_not_wait_for_web3() -> None:
    program = (
        "import sys, polyarb.venue.polymarket.wallet.wallet, polyarb.venue.polymarket.wallet.fills;"
        "sys.exit(bool({'web3', 'aiohttp', 'eth_account'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
