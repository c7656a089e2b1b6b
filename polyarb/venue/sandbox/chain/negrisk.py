"""PURE: the neg-risk adapter: sets of exclusive questions, and NO shares converted to YES shares.

Source: NegRiskAdapter. A group counts its questions; the bit i of an index set stands for question
i. Converting m NO shares of a group pays m - 1 and the YES shares of all other questions.
"""

from collections.abc import Sequence
from typing import Final

from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.venue.polymarket.signing.contracts import address_of
from polyarb.venue.polymarket.signing.order import Address, Bytes32
from polyarb.venue.sandbox.chain import conditional
from polyarb.venue.sandbox.chain.addresses import (
    NEG_RISK_ADAPTER,
    NO_TOKEN_BURN,
    USDC,
    VAULT,
    WCOL,
)
from polyarb.venue.sandbox.chain.events import (
    ADAPTER_CONVERT,
    ADAPTER_MERGE,
    ADAPTER_REDEMPTION,
    ADAPTER_SPLIT,
    OUTCOME_REPORTED,
)
from polyarb.venue.sandbox.chain.frame import Frame, need
from polyarb.venue.sandbox.chain.ids import (
    OUTCOMES,
    condition_id,
    question_id,
    token_pair,
)
from polyarb.venue.sandbox.chain.state import State
from polyarb.venue.sandbox.chain.tokens import is_operator, mint, move, pull, send_batch
from polyarb.venue.sandbox.chain.wrapping import lock, unlock

ORACLE: Final = "oracle"
QUESTIONS: Final = "questions"
FEE_BIPS: Final = "fee-bips"
RESULT: Final = "result"
QUESTIONS_MAX: Final = 255
BIPS: Final = 10_000

NOT_ALLOWED: Final = "NotApprovedForAll()"


def group_condition(group: GroupId, index: int) -> ConditionId:
    """Return the condition of one question of a group."""
    return condition_id(NEG_RISK_ADAPTER, question_id(group, index))


def prepare_group(frame: Frame, group: GroupId, fee_bips: int) -> None:
    """Open a group in the name of the caller, who will report its outcomes."""
    need(not frame.state.read((ORACLE, group)), "MarketAlreadyPrepared()")
    need(fee_bips <= BIPS, "FeeBipsOutOfBounds()")
    frame.state.write((ORACLE, group), int(frame.sender, 16))
    frame.state.write((FEE_BIPS, group), fee_bips)


def prepare_question(frame: Frame, group: GroupId) -> ConditionId:
    """Add the next question to a group of the caller."""
    state = frame.state
    need(bool(state.read((ORACLE, group))), "MarketNotPrepared()")
    need(state.read((ORACLE, group)) == int(frame.sender, 16), "OnlyOracle()")
    index = state.read((QUESTIONS, group))
    need(index < QUESTIONS_MAX, "IndexOutOfBounds()")
    state.write((QUESTIONS, group), index + 1)
    asked = question_id(group, index)
    return conditional.prepare_condition(
        frame.by(NEG_RISK_ADAPTER), NEG_RISK_ADAPTER, asked, OUTCOMES
    )


def report_outcome(frame: Frame, group: GroupId, index: int, is_yes: bool) -> None:
    """Decide one question of a group; at most one may be decided with yes."""
    state = frame.state
    need(state.read((ORACLE, group)) == int(frame.sender, 16), "OnlyOracle()")
    need(index < state.read((QUESTIONS, group)), "IndexOutOfBounds()")
    if is_yes:
        need(not state.read((RESULT, group)), "MarketAlreadyDetermined()")
        state.write((RESULT, group), index + 1)
    asked = question_id(group, index)
    payouts = (1, 0) if is_yes else (0, 1)
    conditional.report_payouts(frame.by(NEG_RISK_ADAPTER), asked, payouts)
    frame.emit(NEG_RISK_ADAPTER, OUTCOME_REPORTED, group, asked, is_yes)


def report_question(frame: Frame, asked: Bytes32, is_yes: bool) -> None:
    """Decide a question by its id."""
    group, index = group_of(asked)
    report_outcome(frame, group, index, is_yes)


def group_of(asked: Bytes32) -> tuple[GroupId, int]:
    """Return the group of a question and its place in it: the last byte of its id."""
    return GroupId(asked[:-2] + "00"), int(asked[-2:], 16)


def oracle_of(state: State, group: GroupId) -> Address:
    """Return who decides the questions of a group, nobody while there is no such group."""
    return address_of(state.read((ORACLE, group)).to_bytes(20, "big"))


def result_of(state: State, group: GroupId) -> int:
    """Return the place of the question that was decided with yes."""
    need(bool(state.read((RESULT, group))), "MarketNotDetermined()")
    return state.read((RESULT, group)) - 1


def split(frame: Frame, condition: ConditionId, amount: int) -> None:
    """Turn the caller's USDC.e into a YES and a NO share of a question."""
    own = frame.by(NEG_RISK_ADAPTER)
    pull(own, USDC, frame.sender, NEG_RISK_ADAPTER, amount)
    lock(frame, amount)
    _split_own(own, condition, amount)
    send_batch(own, NEG_RISK_ADAPTER, frame.sender, token_pair(WCOL, condition), (amount,) * 2)
    frame.emit(NEG_RISK_ADAPTER, ADAPTER_SPLIT, frame.sender, condition, amount)


def merge(frame: Frame, condition: ConditionId, amount: int) -> None:
    """Turn a YES and a NO share of a question back into USDC.e of the caller."""
    own = frame.by(NEG_RISK_ADAPTER)
    tokens = token_pair(WCOL, condition)
    send_batch(own, frame.sender, NEG_RISK_ADAPTER, tokens, (amount, amount))
    conditional.merge(own, _stake(condition), amount)
    unlock(frame, frame.sender, amount)
    frame.emit(NEG_RISK_ADAPTER, ADAPTER_MERGE, frame.sender, condition, amount)


def redeem(frame: Frame, condition: ConditionId, amounts: Sequence[int]) -> None:
    """Pay the caller for given amounts of YES and NO shares of a decided question."""
    need(len(amounts) == OUTCOMES, "LengthMismatch()")
    own = frame.by(NEG_RISK_ADAPTER)
    tokens = token_pair(WCOL, condition)
    send_batch(own, frame.sender, NEG_RISK_ADAPTER, tokens, amounts)
    conditional.redeem(own, _stake(condition))
    payout = frame.state.read((WCOL, NEG_RISK_ADAPTER))
    if payout:
        unlock(frame, frame.sender, payout)
    frame.emit(
        NEG_RISK_ADAPTER, ADAPTER_REDEMPTION, frame.sender, condition, tuple(amounts), payout
    )


def convert(frame: Frame, group: GroupId, index_set: int, amount: int) -> None:
    """Turn NO shares of some questions into USDC.e and YES shares of all the others.

    The fee of the group is skimmed from both and goes to the vault.
    """
    state = frame.state
    count = convertible(state, group, index_set)
    if amount == 0:
        return
    own, caller = frame.by(NEG_RISK_ADAPTER), frame.sender
    noes, others = _parted(group, index_set, count)
    mint(own, WCOL, NEG_RISK_ADAPTER, amount * len(others))
    for condition in others:
        _split_own(own, condition, amount)
    given = tuple(token_pair(WCOL, condition)[1] for condition in noes)
    yeses = tuple(token_pair(WCOL, condition)[0] for condition in others)
    left_over = tuple(token_pair(WCOL, condition)[1] for condition in others)
    need(is_operator(own, caller), NOT_ALLOWED)
    send_batch(own, caller, NO_TOKEN_BURN, given, (amount,) * len(given))
    fee = amount * state.read((FEE_BIPS, group)) // BIPS
    _release(own, caller, fee=fee, amount=amount, times=len(noes) - 1)
    if yeses:
        send_batch(own, NEG_RISK_ADAPTER, NO_TOKEN_BURN, left_over, (amount,) * len(left_over))
        _share_out(own, caller, yeses, fee=fee, amount=amount)
    frame.emit(NEG_RISK_ADAPTER, ADAPTER_CONVERT, caller, group, index_set, amount)


def convertible(state: State, group: GroupId, index_set: int) -> int:
    """Return how many questions a group has. Reverts when the set cannot be converted."""
    need(bool(state.read((ORACLE, group))), "MarketNotPrepared()")
    count = state.read((QUESTIONS, group))
    need(count > 1, "NoConvertiblePositions()")
    need(index_set > 0, "InvalidIndexSet()")
    need(index_set >> count == 0, "InvalidIndexSet()")
    return count


def _parted(
    group: GroupId, index_set: int, count: int
) -> tuple[list[ConditionId], list[ConditionId]]:
    noes: list[ConditionId] = []
    others: list[ConditionId] = []
    for index in range(count):
        side = noes if index_set >> index & 1 else others
        side.append(group_condition(group, index))
    return noes, others


def _release(own: Frame, caller: Address, *, fee: int, amount: int, times: int) -> None:
    """Pay out of the adapter's wrapped collateral; the WCOL stays behind it, locked for good."""
    if times < 1:
        return
    if fee:
        move(own, USDC, WCOL, VAULT, fee * times)
    move(own, USDC, WCOL, caller, (amount - fee) * times)


def _share_out(
    own: Frame, caller: Address, yeses: tuple[TokenId, ...], *, fee: int, amount: int
) -> None:
    if fee:
        send_batch(own, NEG_RISK_ADAPTER, VAULT, yeses, (fee,) * len(yeses))
    send_batch(own, NEG_RISK_ADAPTER, caller, yeses, (amount - fee,) * len(yeses))


def _split_own(own: Frame, condition: ConditionId, amount: int) -> None:
    """Split the adapter's own WCOL; the contract gave the ledger an unlimited right over it."""
    conditional.split(own, _stake(condition), amount)


def _stake(condition: ConditionId) -> conditional.Stake:
    return conditional.Stake(collateral=WCOL, condition=condition)
