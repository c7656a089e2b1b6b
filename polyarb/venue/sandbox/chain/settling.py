"""PURE: what the exchange's `matchOrders` does to balances: all of a match, or nothing of it.

Source: CTF Exchange V2, Trading. Orders of opposite sides of one token trade with each other, two
buyers of opposite tokens mint sets, two sellers of opposite tokens merge sets. The same steps as
the contracts below are taken in one go; the tests hold them against the long way.
"""

from typing import Final

from polyarb.domain.ids import ConditionId
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.addresses import (
    CTF,
    FEE_RECEIVER,
    PUSD,
    USDC,
    WCOL,
    exchange_of,
)
from polyarb.venue.sandbox.chain.conditional import SLOTS, held_slot
from polyarb.venue.sandbox.chain.frame import RevertError
from polyarb.venue.sandbox.chain.ids import token_pair
from polyarb.venue.sandbox.chain.state import UNLIMITED, State
from polyarb.venue.sandbox.chain.tokens import SUPPLY
from polyarb.venue.sandbox.terms.trades import Fill, Match

TRANSFER_FAILED: Final = "TransferFromFailed()"
NOT_APPROVED: Final = "ERC1155: need operator approval for 3rd party transfers."
TOO_FEW_SHARES: Final = "SafeMath: subtraction overflow"
NOT_OF_MARKET: Final = "MismatchedTokenIds()"
TOO_LITTLE_GOT: Final = "TooLittleTokensReceived()"
FEE_TOO_HIGH: Final = "FeeExceedsProceeds()"
NO_MAKERS: Final = "NoMakerOrders()"
NOT_PREPARED: Final = "condition not prepared yet"


def settle(state: State, match: Match) -> None:
    """Move what a match says. Reverts with the contract's reason, then undo every write."""
    exchange = exchange_of(match.is_neg_risk)
    sets = _sets_made(match)
    cash = fees = 0
    for fill in (match.taker, *match.makers):
        cash += _take(state, exchange, fill)
        fees += fill.fee
    if sets:
        cash -= sets
        make_sets(state, match.condition_id, sets, match.is_neg_risk)
    for fill in match.makers:
        cash -= _give(state, fill)
    cash -= _give(state, match.taker) + fees
    if cash < 0:
        raise RevertError(TOO_LITTLE_GOT)
    _add(state, (PUSD, match.taker.maker), cash)
    _add(state, (PUSD, FEE_RECEIVER), fees)


def _sets_made(match: Match) -> int:
    """Return how many sets a match mints, below 0 how many it merges.

    Reverts when an order does not fit the taker's, or when shares do not add up.
    """
    if not match.makers:
        raise RevertError(NO_MAKERS)
    taker = match.taker
    pair = token_pair(WCOL if match.is_neg_risk else USDC, match.condition_id)
    if taker.token_id not in pair:
        raise RevertError(NOT_OF_MARKET)
    own, other = -_wanted(taker), 0
    for maker in match.makers:
        is_same_token = maker.token_id == taker.token_id
        if is_same_token is (maker.side is taker.side) or maker.token_id not in pair:
            raise RevertError(NOT_OF_MARKET)
        if is_same_token:
            own -= _wanted(maker)
        else:
            other -= _wanted(maker)
    if own != other:
        raise RevertError(TOO_LITTLE_GOT)
    return -own


def _wanted(fill: Fill) -> int:
    """Return how many shares an order takes, below 0 how many it gives."""
    return fill.got if fill.side is Side.BUY else -fill.given


def make_sets(state: State, condition: ConditionId, sets: int, is_neg_risk: bool) -> None:
    """Let pUSD become the collateral of new sets, or the other way round below 0."""
    if not state.read((SLOTS, condition)):
        raise RevertError(NOT_PREPARED)
    _add(state, (SUPPLY, PUSD), -sets)
    _add(state, (USDC, PUSD), -sets)
    if is_neg_risk:
        _add(state, (USDC, WCOL), sets)
        _add(state, (SUPPLY, WCOL), sets)
        _add(state, (WCOL, CTF), sets)
        _add(state, held_slot(WCOL, condition), sets)
    else:
        _add(state, (USDC, CTF), sets)
        _add(state, held_slot(USDC, condition), sets)


def _take(state: State, exchange: Address, fill: Fill) -> int:
    """Take what an order gives; return how much of it is collateral."""
    owner = fill.maker
    if fill.side is Side.BUY:
        amount = fill.given + fill.fee
        _spend(state, owner, exchange, amount)
        left = state.read((PUSD, owner)) - amount
        if left < 0:
            raise RevertError(TRANSFER_FAILED)
        state.write((PUSD, owner), left)
        return amount
    if not state.read((CTF, owner, exchange)):
        raise RevertError(NOT_APPROVED)
    left = state.read((fill.token_id, owner)) - fill.given
    if left < 0:
        raise RevertError(TOO_FEW_SHARES)
    state.write((fill.token_id, owner), left)
    return 0


def _spend(state: State, owner: Address, exchange: Address, amount: int) -> None:
    allowed = state.read((PUSD, owner, exchange))
    if allowed == UNLIMITED:
        return
    if allowed < amount:
        raise RevertError(TRANSFER_FAILED)
    state.write((PUSD, owner, exchange), allowed - amount)


def _give(state: State, fill: Fill) -> int:
    """Give an order what it gets; return how much of it is collateral."""
    if fill.side is Side.BUY:
        _add(state, (fill.token_id, fill.maker), fill.got)
        return 0
    if fill.fee > fill.got:
        raise RevertError(FEE_TOO_HIGH)
    _add(state, (PUSD, fill.maker), fill.got - fill.fee)
    return fill.got - fill.fee


def _add(state: State, slot: tuple[str, ...], amount: int) -> None:
    if amount:
        state.write(slot, state.read(slot) + amount)
