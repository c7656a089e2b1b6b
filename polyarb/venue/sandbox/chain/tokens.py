"""PURE: the two token standards: ERC-20 money and ERC-1155 shares, with their rights.

Receiver hooks of ERC-1155 are not called: every account accepts what it is sent.
"""

from collections.abc import Sequence
from typing import Final

from polyarb.domain.ids import TokenId
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.addresses import CTF, NOBODY, PUSD, USDC, WCOL
from polyarb.venue.sandbox.chain.events import (
    APPROVAL,
    APPROVAL_FOR_ALL,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
)
from polyarb.venue.sandbox.chain.frame import Frame, RevertError, need
from polyarb.venue.sandbox.chain.state import UNLIMITED

SUPPLY: Final = "supply"

TOO_LITTLE_MONEY: Final = {
    PUSD: "InsufficientBalance()",
    USDC: "ERC20: transfer amount exceeds balance",
    WCOL: "ERC20: transfer amount exceeds balance",
}
TOO_LITTLE_ALLOWED: Final = {
    PUSD: "InsufficientAllowance()",
    USDC: "ERC20: transfer amount exceeds allowance",
    WCOL: "ERC20: transfer amount exceeds allowance",
}
TOO_FEW_SHARES: Final = "SafeMath: subtraction overflow"
NOT_OPERATOR: Final = "ERC1155: need operator approval for 3rd party transfers."
TO_NOBODY: Final = "ERC1155: target address must be non-zero"


def move(frame: Frame, token: Address, source: Address, target: Address, amount: int) -> None:
    """Move money between accounts, whoever asks. Reverts when the source has too little."""
    _take(frame, token, source, amount)
    _give(frame, token, target, amount)
    frame.emit(token, TRANSFER, source, target, amount)


def pull(frame: Frame, token: Address, source: Address, target: Address, amount: int) -> None:
    """Move money of an account that allowed the caller to. Reverts as `transferFrom`."""
    spend(frame, token, source, amount)
    move(frame, token, source, target, amount)


def spend(frame: Frame, token: Address, owner: Address, amount: int) -> None:
    """Use up what the caller may take of an account; an unlimited right stays as it is."""
    slot = (token, owner, frame.sender)
    allowed = frame.state.read(slot)
    if allowed == UNLIMITED:
        return
    need(allowed >= amount, TOO_LITTLE_ALLOWED[token])
    frame.state.write(slot, allowed - amount)


def approve(frame: Frame, token: Address, spender: Address, amount: int) -> None:
    """Let a spender take money of the caller."""
    frame.state.write((token, frame.sender, spender), amount)
    frame.emit(token, APPROVAL, frame.sender, spender, amount)


def mint(frame: Frame, token: Address, target: Address, amount: int) -> None:
    """Create money."""
    frame.state.write((SUPPLY, token), frame.state.read((SUPPLY, token)) + amount)
    _give(frame, token, target, amount)
    frame.emit(token, TRANSFER, NOBODY, target, amount)


def burn(frame: Frame, token: Address, source: Address, amount: int) -> None:
    """Destroy money. Reverts when the source has too little."""
    _take(frame, token, source, amount)
    frame.state.write((SUPPLY, token), frame.state.read((SUPPLY, token)) - amount)
    frame.emit(token, TRANSFER, source, NOBODY, amount)


def allow_all(frame: Frame, ledger: Address, operator: Address, is_allowed: bool) -> None:
    """Let an operator move every share of the caller, or no longer."""
    frame.state.write((ledger, frame.sender, operator), int(is_allowed))
    frame.emit(ledger, APPROVAL_FOR_ALL, frame.sender, operator, is_allowed)


def is_operator(frame: Frame, owner: Address) -> bool:
    """Tell whether the caller may move an account's shares."""
    return frame.sender == owner or bool(frame.state.read((CTF, owner, frame.sender)))


def send_shares(
    frame: Frame, source: Address, target: Address, token_id: TokenId, amount: int
) -> None:
    """Move shares of one token for the caller. Reverts as `safeTransferFrom`."""
    need(target != NOBODY, TO_NOBODY)
    need(is_operator(frame, source), NOT_OPERATOR)
    take_shares(frame, source, token_id, amount)
    give_shares(frame, target, token_id, amount)
    frame.emit(CTF, TRANSFER_SINGLE, frame.sender, source, target, token_id, amount)


def send_batch(
    frame: Frame,
    source: Address,
    target: Address,
    token_ids: Sequence[TokenId],
    amounts: Sequence[int],
) -> None:
    """Move shares of several tokens for the caller. Reverts as `safeBatchTransferFrom`."""
    need(len(token_ids) == len(amounts), "ERC1155: IDs and values must have same lengths")
    need(target != NOBODY, TO_NOBODY)
    need(is_operator(frame, source), NOT_OPERATOR)
    for token_id, amount in zip(token_ids, amounts, strict=True):
        take_shares(frame, source, token_id, amount)
        give_shares(frame, target, token_id, amount)
    frame.emit(CTF, TRANSFER_BATCH, frame.sender, source, target, tuple(token_ids), tuple(amounts))


def take_shares(frame: Frame, owner: Address, token_id: TokenId, amount: int) -> None:
    """Take shares from an account. Reverts when it has too few."""
    slot = (token_id, owner)
    left = frame.state.read(slot) - amount
    if left < 0:
        raise RevertError(TOO_FEW_SHARES)
    frame.state.write(slot, left)


def give_shares(frame: Frame, owner: Address, token_id: TokenId, amount: int) -> None:
    """Add shares to an account."""
    slot = (token_id, owner)
    frame.state.write(slot, frame.state.read(slot) + amount)


def _take(frame: Frame, token: Address, owner: Address, amount: int) -> None:
    slot = (token, owner)
    left = frame.state.read(slot) - amount
    if left < 0:
        raise RevertError(TOO_LITTLE_MONEY[token])
    frame.state.write(slot, left)


def _give(frame: Frame, token: Address, owner: Address, amount: int) -> None:
    slot = (token, owner)
    frame.state.write(slot, frame.state.read(slot) + amount)
