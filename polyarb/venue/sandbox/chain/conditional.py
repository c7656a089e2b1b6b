"""PURE: the conditional tokens contract: conditions, splitting, merging, payouts, redemption.

Source: ConditionalTokens (Gnosis). Amounts are micro-shares; a set of all outcomes of a condition
is always worth, and backed by, the same amount of its collateral.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.polymarket.signing.order import ZERO_BYTES32, Address, Bytes32
from polyarb.venue.sandbox.chain.addresses import CTF, NOBODY, PUSD, USDC, WCOL
from polyarb.venue.sandbox.chain.events import (
    CONDITION_PREPARATION,
    CONDITION_RESOLUTION,
    PAYOUT_REDEMPTION,
    POSITION_SPLIT,
    POSITIONS_MERGE,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
)
from polyarb.venue.sandbox.chain.frame import Frame, RevertError, need
from polyarb.venue.sandbox.chain.ids import (
    FULL_PARTITION,
    UnknownCollectionError,
    collection_id,
    condition_id,
    position_id,
)
from polyarb.venue.sandbox.chain.state import State
from polyarb.venue.sandbox.chain.tokens import give_shares, move, pull, take_shares

SLOTS: Final = "slots"
DENOMINATOR: Final = "denominator"
NUMERATOR: Final = "numerator"
HELD: Final = "held"
COLLATERALS: Final = frozenset({PUSD, USDC, WCOL})

_OUTCOMES_MAX: Final = 256


def held_slot(collateral: Address, condition: ConditionId) -> tuple[str, ...]:
    """Name the slot of the collateral that stands behind a condition's sets."""
    return (HELD, collateral, condition)


class Stake(msgspec.Struct, frozen=True, kw_only=True):
    """Sets of outcomes of one condition. Shape: bit i of an index set stands for outcome i.

    parent is the collection on top of which the sets stand, ZERO_BYTES32 for the collateral alone.
    """

    collateral: Address
    parent: Bytes32 = ZERO_BYTES32
    condition: ConditionId
    index_sets: tuple[int, ...] = FULL_PARTITION

    def token(self, index_set: int) -> TokenId:
        """Return the token of one set. Reverts when the parent is no collection."""
        try:
            collection = collection_id(self.condition, index_set, self.parent)
        except UnknownCollectionError:
            raise RevertError("invalid parent collection ID") from None
        return position_id(self.collateral, collection)

    def tokens(self) -> tuple[TokenId, ...]:
        """Return the tokens of all its sets."""
        return tuple(map(self.token, self.index_sets))


def prepare_condition(
    frame: Frame, oracle: Address, question: Bytes32, outcomes: int
) -> ConditionId:
    """Open a condition that its oracle will report on."""
    need(outcomes <= _OUTCOMES_MAX, "too many outcome slots")
    need(outcomes > 1, "there should be more than one outcome slot")
    condition = condition_id(oracle, question, outcomes)
    need(not frame.state.read((SLOTS, condition)), "condition already prepared")
    frame.state.write((SLOTS, condition), outcomes)
    frame.emit(CTF, CONDITION_PREPARATION, condition, oracle, question, outcomes)
    return condition


def report_payouts(frame: Frame, question: Bytes32, payouts: Sequence[int]) -> None:
    """Take the caller's verdict as the oracle of a question: what each outcome pays, by weight."""
    outcomes = len(payouts)
    need(outcomes > 1, "there should be more than one outcome slot")
    condition = condition_id(frame.sender, question, outcomes)
    state = frame.state
    need(state.read((SLOTS, condition)) == outcomes, "condition not prepared or found")
    need(not state.read((DENOMINATOR, condition)), "payout denominator already set")
    need(sum(payouts) > 0, "payout is all zeroes")
    state.write((DENOMINATOR, condition), sum(payouts))
    for index, weight in enumerate(payouts):
        state.write((NUMERATOR, condition, str(index)), weight)
    frame.emit(
        CTF, CONDITION_RESOLUTION, condition, frame.sender, question, outcomes, tuple(payouts)
    )


def split(frame: Frame, stake: Stake, amount: int) -> None:
    """Turn collateral, or shares of a larger set of outcomes, into shares of its parts."""
    whole = _whole(frame.state, stake.condition)
    union = _union(stake.index_sets, whole)
    caller = frame.sender
    parts = stake.tokens()
    if union != whole:
        _burn(frame, stake.token(union), amount)
    elif stake.parent == ZERO_BYTES32:
        need(stake.collateral in COLLATERALS, "could not receive collateral tokens")
        pull(frame.by(CTF), stake.collateral, caller, CTF, amount)
    else:
        _burn(frame, position_id(stake.collateral, stake.parent), amount)
    if union == whole:
        _back(frame, stake, amount)
    for token_id in parts:
        give_shares(frame, caller, token_id, amount)
    frame.emit(CTF, TRANSFER_BATCH, caller, NOBODY, caller, parts, (amount,) * len(parts))
    frame.emit(CTF, POSITION_SPLIT, *_terms(caller, stake, amount))


def merge(frame: Frame, stake: Stake, amount: int) -> None:
    """Turn shares of the parts of a set of outcomes back into the set, or into collateral."""
    whole = _whole(frame.state, stake.condition)
    union = _union(stake.index_sets, whole)
    caller = frame.sender
    parts = stake.tokens()
    for token_id in parts:
        take_shares(frame, caller, token_id, amount)
    frame.emit(CTF, TRANSFER_BATCH, caller, caller, NOBODY, parts, (amount,) * len(parts))
    if union == whole:
        _back(frame, stake, -amount)
    if union != whole:
        _create(frame, stake.token(union), amount)
    else:
        _pay(frame, stake, amount)
    frame.emit(CTF, POSITIONS_MERGE, *_terms(caller, stake, amount))


def redeem(frame: Frame, stake: Stake) -> int:
    """Exchange the caller's shares of a decided condition for what they pay; return how much."""
    state, caller = frame.state, frame.sender
    denominator = state.read((DENOMINATOR, stake.condition))
    need(denominator > 0, "result for condition not received yet")
    whole = _whole(state, stake.condition)
    total = 0
    for index_set in stake.index_sets:
        need(0 < index_set < whole, "got invalid index set")
        token_id = stake.token(index_set)
        held = state.read((token_id, caller))
        if held:
            total += held * _weight(state, stake.condition, index_set) // denominator
            _burn(frame, token_id, held)
    if total:
        _back(frame, stake, -total)
        _pay(frame, stake, total)
    frame.emit(
        CTF,
        PAYOUT_REDEMPTION,
        caller,
        stake.collateral,
        stake.parent,
        stake.condition,
        stake.index_sets,
        total,
    )
    return total


def numerator(state: State, condition: ConditionId, index: int) -> int:
    """Return the weight of one outcome in a verdict. Reverts for an outcome it has not."""
    need(index < state.read((SLOTS, condition)), "")
    return state.read((NUMERATOR, condition, str(index)))


def _weight(state: State, condition: ConditionId, index_set: int) -> int:
    outcomes = state.read((SLOTS, condition))
    return sum(
        state.read((NUMERATOR, condition, str(index)))
        for index in range(outcomes)
        if index_set >> index & 1
    )


def _whole(state: State, condition: ConditionId) -> int:
    outcomes = state.read((SLOTS, condition))
    need(outcomes > 0, "condition not prepared yet")
    return (1 << outcomes) - 1


def _union(partition: Sequence[int], whole: int) -> int:
    need(len(partition) > 1, "got empty or singleton partition")
    free = whole
    for index_set in partition:
        need(0 < index_set < whole, "got invalid index set")
        need(index_set & free == index_set, "partition not disjoint")
        free ^= index_set
    return whole ^ free


def _pay(frame: Frame, stake: Stake, amount: int) -> None:
    """Pay the caller out of what stands behind a condition: collateral, or shares of the parent."""
    if stake.parent == ZERO_BYTES32:
        need(stake.collateral in COLLATERALS, "could not send collateral tokens")
        move(frame, stake.collateral, CTF, frame.sender, amount)
    else:
        _create(frame, position_id(stake.collateral, stake.parent), amount)


def _terms(caller: Address, stake: Stake, amount: int) -> tuple[object, ...]:
    return (caller, stake.collateral, stake.parent, stake.condition, stake.index_sets, amount)


def _back(frame: Frame, stake: Stake, amount: int) -> None:
    slot = held_slot(stake.collateral, stake.condition)
    frame.state.write(slot, frame.state.read(slot) + amount)


def _burn(frame: Frame, token_id: TokenId, amount: int) -> None:
    take_shares(frame, frame.sender, token_id, amount)
    frame.emit(CTF, TRANSFER_SINGLE, frame.sender, frame.sender, NOBODY, token_id, amount)


def _create(frame: Frame, token_id: TokenId, amount: int) -> None:
    give_shares(frame, frame.sender, token_id, amount)
    frame.emit(CTF, TRANSFER_SINGLE, frame.sender, NOBODY, frame.sender, token_id, amount)
