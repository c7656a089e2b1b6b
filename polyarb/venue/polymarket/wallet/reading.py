"""What the chain holds for an account, read at one block: balances, rights, means, prices.

A node that lags shows an old block; every read names its block and refuses one that is older than
what was seen before.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from polyarb.domain.ids import TokenId
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.relays import Call
from polyarb.venue.polymarket.signing.words import bytes32_word
from polyarb.venue.polymarket.wallet.abi import encode_call, read_number, read_numbers
from polyarb.venue.polymarket.wallet.actions import SPENDERS, Action, Redeem, call_of
from polyarb.venue.polymarket.wallet.answers import BlockSeen, known, quantity, read_block
from polyarb.venue.polymarket.wallet.checks import (
    Means,
    needs_allowance,
    needs_approval,
    tokens_of,
)
from polyarb.venue.polymarket.wallet.node import Ask, Node, NodeError, NodeFault

TOKENS_PER_CALL: Final = 500
_LATEST: Final = "latest"


class TokenHeld(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a token is held. Units: micro-shares."""

    token_id: TokenId
    shares: int


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds after a block. Units: micros of pUSD, wei of POL."""

    account: Address
    block_number: int
    block_hash: str
    pusd: int
    pol_wei: int
    positions: tuple[TokenHeld, ...]


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """How much pUSD a contract may take. Units: micros."""

    spender: Address
    micros: int


class ShareRight(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a contract may move shares."""

    operator: Address
    is_allowed: bool


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue's contracts may do with an account's money and shares after a block."""

    account: Address
    block_number: int
    allowances: tuple[Allowance, ...]
    share_rights: tuple[ShareRight, ...]


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What an action meets: its means, the account's nonces, the price of gas, its estimate.

    Units: wei; gas. Shape: gas is a NodeFault where the call would revert.
    """

    block: BlockSeen
    means: Means
    pol_wei: int
    mined_nonce: int
    waiting_nonce: int
    priority_wei: int
    gas: int | NodeFault


async def read_head(node: Node, at_least: int) -> BlockSeen:
    """Return the node's youngest block. Errors: NodeError where it is older than `at_least`."""
    block = read_block(await node.ask("eth_getBlockByNumber", _LATEST, False))
    if block is None or block.number < at_least:
        raise _lagging(at_least)
    return block


async def read_at(node: Node, block: BlockSeen, asks: Sequence[Ask]) -> list[object]:
    """Ask several things about one block. Errors: NodeError where it is no longer on the chain."""
    first = Ask(method="eth_getBlockByNumber", params=(hex(block.number), False))
    found, *answers = await node.ask_all([first, *asks])
    again = read_block(found)
    if again is None or again.hash != block.hash:
        raise _lagging(block.number)
    return answers


async def read_holdings(
    node: Node, account: Address, tokens: Sequence[TokenId], *, at_least: int = 0
) -> Holdings:
    """Read balances. Errors: NodeError, VenueError."""
    block = await read_head(node, at_least)
    at = hex(block.number)
    lots = [tokens[i : i + TOKENS_PER_CALL] for i in range(0, len(tokens), TOKENS_PER_CALL)]
    asks = [_pol(account, at), _view(_pusd_of(account), at)]
    pol, pusd, *held = await read_at(
        node, block, [*asks, *(_view(_shares_of(account, lot), at) for lot in lots)]
    )
    numbers = [
        number
        for lot, answer in zip(lots, held, strict=True)
        for number in read_numbers(known(answer), len(lot))
    ]
    return Holdings(
        account=account,
        block_number=block.number,
        block_hash=block.hash,
        pusd=read_number(known(pusd)),
        pol_wei=quantity(pol),
        positions=tuple(
            TokenHeld(token_id=token, shares=shares)
            for token, shares in zip(tokens, numbers, strict=True)
        ),
    )


async def read_rights(
    node: Node, account: Address, spenders: Sequence[Address] = SPENDERS, *, at_least: int = 0
) -> Rights:
    """Read what contracts may do. Errors: NodeError, VenueError."""
    block = await read_head(node, at_least)
    at = hex(block.number)
    calls = [_allowance_of(account, spender) for spender in spenders]
    calls += [_right_of(account, spender) for spender in spenders]
    answers = await read_at(node, block, [_view(call, at) for call in calls])
    numbers = [read_number(known(answer)) for answer in answers]
    count = len(spenders)
    return Rights(
        account=account,
        block_number=block.number,
        allowances=tuple(
            Allowance(spender=spender, micros=micros)
            for spender, micros in zip(spenders, numbers[:count], strict=True)
        ),
        share_rights=tuple(
            ShareRight(operator=operator, is_allowed=bool(flag))
            for operator, flag in zip(spenders, numbers[count:], strict=True)
        ),
    )


async def read_surroundings(
    node: Node, account: Address, action: Action, *, at_least: int
) -> Surroundings:
    """Read what must be known before an action is signed. Errors: NodeError, VenueError."""
    block = await read_head(node, at_least)
    at = hex(block.number)
    asks = {
        "pol": _pol(account, at),
        "mined": Ask(method="eth_getTransactionCount", params=(account, at)),
        "waiting": Ask(method="eth_getTransactionCount", params=(account, "pending")),
        "priority": Ask(method="eth_maxPriorityFeePerGas"),
        "gas": Ask(method="eth_estimateGas", params=(_fields(call_of(action), account), _LATEST)),
        "pusd": _view(_pusd_of(account), at),
        **_means_asks(account, action, at),
    }
    answers = dict(zip(asks, await read_at(node, block, list(asks.values())), strict=True))
    gas = answers["gas"]
    return Surroundings(
        block=block,
        means=_means(action, answers),
        pol_wei=quantity(answers["pol"]),
        mined_nonce=quantity(answers["mined"]),
        waiting_nonce=quantity(answers["waiting"]),
        priority_wei=quantity(answers["priority"]),
        gas=gas if isinstance(gas, NodeFault) else quantity(gas),
    )


async def read_revert(node: Node, call: Call, account: Address, block_number: int) -> object:
    """Run a call on the state before a block and return its result, or the NodeFault."""
    at = hex(max(block_number - 1, 0))
    return await node.ask("eth_call", _fields(call, account), at)


def _means_asks(account: Address, action: Action, at: str) -> dict[str, Ask]:
    asks: dict[str, Ask] = {}
    if tokens := tokens_of(action):
        asks["shares"] = _view(_shares_of(account, tokens), at)
    if spender := needs_allowance(action):
        asks["allowance"] = _view(_allowance_of(account, spender), at)
    if operator := needs_approval(action):
        asks["right"] = _view(_right_of(account, operator), at)
    if isinstance(action, Redeem):
        word = bytes32_word(action.condition.condition_id)
        data = encode_call("payoutDenominator(bytes32)", word)
        asks["denominator"] = _view(Call(target=CONTRACTS.conditional_tokens, data=data), at)
    return asks


def _means(action: Action, answers: dict[str, object]) -> Means:
    def number(name: str) -> int | None:
        return read_number(known(answers[name])) if name in answers else None

    right = number("right")
    tokens = tokens_of(action)
    return Means(
        pusd=number("pusd") or 0,
        shares=read_numbers(known(answers["shares"]), len(tokens)) if tokens else (),
        allowance=number("allowance"),
        is_approved=None if right is None else bool(right),
        denominator=number("denominator"),
    )


def _lagging(at_least: int) -> NodeError:
    return NodeError(
        f"expected a node that knows block {at_least} and keeps it, found one that lags or a chain"
        " that was reorganised; ask again"
    )


def _view(call: Call, at: str) -> Ask:
    fields = {"to": call.target, "data": "0x" + call.data.hex()}
    return Ask(method="eth_call", params=(fields, at))


def _fields(call: Call, account: Address) -> dict[str, str]:
    return {"from": account, "to": call.target, "data": "0x" + call.data.hex()}


def _pol(account: Address, at: str) -> Ask:
    return Ask(method="eth_getBalance", params=(account, at))


def _pusd_of(account: Address) -> Call:
    return Call(target=CONTRACTS.pusd, data=encode_call("balanceOf(address)", account))


def _shares_of(account: Address, tokens: Sequence[TokenId]) -> Call:
    signature = "balanceOfBatch(address[],uint256[])"
    data = encode_call(signature, [account] * len(tokens), [int(token) for token in tokens])
    return Call(target=CONTRACTS.conditional_tokens, data=data)


def _allowance_of(account: Address, spender: Address) -> Call:
    data = encode_call("allowance(address,address)", account, spender)
    return Call(target=CONTRACTS.pusd, data=data)


def _right_of(account: Address, operator: Address) -> Call:
    data = encode_call("isApprovedForAll(address,address)", account, operator)
    return Call(target=CONTRACTS.conditional_tokens, data=data)
