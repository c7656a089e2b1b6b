"""Calls of the venue's contracts as bytes, written by the ABI encoder and nothing else."""

from eth_abi.abi import encode
from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address

ZERO = bytes(32)


def call(signature: str, *values: object) -> bytes:
    """Encode a call of a method by its Solidity signature."""
    kinds = signature.partition("(")[2].removesuffix(")")
    return keccak256(signature.encode())[:4] + encode([*filter(None, kinds.split(","))], values)


def word(text: str) -> bytes:
    """Read 0x and hex digits."""
    return bytes.fromhex(text[2:])


def split(
    condition: ConditionId, amount: int, collateral: Address = CONTRACTS.pusd, parent: bytes = ZERO
) -> bytes:
    return call(
        "splitPosition(address,bytes32,bytes32,uint256[],uint256)",
        collateral,
        parent,
        word(condition),
        [1, 2],
        amount,
    )


def merge(
    condition: ConditionId, amount: int, collateral: Address = CONTRACTS.pusd, parent: bytes = ZERO
) -> bytes:
    return call(
        "mergePositions(address,bytes32,bytes32,uint256[],uint256)",
        collateral,
        parent,
        word(condition),
        [1, 2],
        amount,
    )


def redeem(
    condition: ConditionId, collateral: Address = CONTRACTS.pusd, parent: bytes = ZERO
) -> bytes:
    return call(
        "redeemPositions(address,bytes32,bytes32,uint256[])",
        collateral,
        parent,
        word(condition),
        [1, 2],
    )


def convert(group: GroupId, index_set: int, amount: int) -> bytes:
    return call("convertPositions(bytes32,uint256,uint256)", word(group), index_set, amount)


def approve(spender: Address, amount: int) -> bytes:
    return call("approve(address,uint256)", spender, amount)


def allow_all(operator: Address, is_allowed: bool) -> bytes:
    return call("setApprovalForAll(address,bool)", operator, is_allowed)


def transfer(target: Address, amount: int) -> bytes:
    return call("transfer(address,uint256)", target, amount)


def send_shares(source: Address, target: Address, token_id: TokenId, amount: int) -> bytes:
    return call(
        "safeTransferFrom(address,address,uint256,uint256,bytes)",
        source,
        target,
        int(token_id),
        amount,
        b"",
    )
