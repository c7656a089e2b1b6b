"""PURE: what stands on chain before the first block: contracts, conditions, accounts, sets."""

from math import gcd
from typing import Final

from polyarb.domain.ids import ConditionId
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import conditional, negrisk, settling
from polyarb.venue.sandbox.chain.addresses import (
    COLLATERAL_SPENDERS,
    CTF,
    PROTOCOL_OPERATORS,
    PUSD,
    SHARE_OPERATORS,
    USDC,
    WCOL,
)
from polyarb.venue.sandbox.chain.frame import Frame
from polyarb.venue.sandbox.chain.ids import OUTCOMES, condition_id, question_id, token_pair
from polyarb.venue.sandbox.chain.state import UNLIMITED
from polyarb.venue.sandbox.chain.tokens import allow_all, approve, give_shares, mint
from polyarb.venue.sandbox.terms.instruments import ListedEvent, ListedMarket

ONE: Final = 1_000_000
POL: Final = "pol"
FOUNDING_POL_WEI: Final = 100 * 10**18
"""What an account gets for its gas."""


def prepare(frame: Frame, event: ListedEvent, market: ListedMarket) -> None:
    """Open a market's condition, and its group before its first question."""
    if market.group_id is None:
        conditional.prepare_condition(frame, market.oracle, market.question_id, OUTCOMES)
        return
    operator = frame.by(CONTRACTS.neg_risk_operator)
    if not frame.state.read((negrisk.ORACLE, market.group_id)):
        negrisk.prepare_group(operator, market.group_id, event.convert_fee_bips)
    while frame.state.read((negrisk.QUESTIONS, market.group_id)) <= market.question_index:
        negrisk.prepare_question(operator, market.group_id)


def check(market: ListedMarket) -> None:
    """Hold a market's ids against the chain's arithmetic. Errors: ValueError."""
    collateral = USDC if market.group_id is None else WCOL
    if market.group_id is not None:
        asked = question_id(market.group_id, market.question_index)
        _same(market, "question id", asked, market.question_id)
    found = condition_id(market.oracle, market.question_id)
    _same(market, "condition id", found, market.condition_id)
    _same(market, "tokens", token_pair(collateral, found), (market.yes, market.no))


def check_verdict(market: ListedMarket, payouts: tuple[int, int]) -> None:
    """Hold a verdict against what an oracle can say. Errors: ValueError."""
    if min(payouts) < 0 or sum(payouts) != ONE:
        raise ValueError(f"expected payouts of together {ONE} micros a set, found {payouts}")
    if market.is_neg_risk and ONE not in payouts:
        raise ValueError(
            f"market {market.slug!r} is a question of a neg-risk group: it pays (1, 0) or (0, 1), "
            f"found {payouts}"
        )


def report(frame: Frame, market: ListedMarket, payouts: tuple[int, int]) -> None:
    """Let a market's oracle decide it. Units: micros of a USD a share."""
    if market.is_neg_risk:
        operator = frame.by(CONTRACTS.neg_risk_operator)
        negrisk.report_question(operator, market.question_id, payouts[0] == ONE)
        return
    divisor = gcd(*payouts)
    weights = tuple(payout // divisor for payout in payouts)
    conditional.report_payouts(frame.by(market.oracle), market.question_id, weights)


def found(frame: Frame, owner: Address, *, pusd: int, is_approved: bool) -> None:
    """Give an account money (backed by USDC.e), gas money and, if asked, every trading approval."""
    mint(frame, USDC, PUSD, pusd)
    mint(frame, PUSD, owner, pusd)
    state = frame.state
    state.write((POL, owner), state.read((POL, owner)) + FOUNDING_POL_WEI)
    if not is_approved:
        return
    own = frame.by(owner)
    for spender in COLLATERAL_SPENDERS:
        approve(own, PUSD, spender, UNLIMITED)
    for operator in SHARE_OPERATORS:
        allow_all(own, CTF, operator, True)
    for operator in PROTOCOL_OPERATORS:
        allow_all(own, CONTRACTS.position_manager, operator, True)


def endow(
    frame: Frame, owner: Address, condition: ConditionId, *, is_neg_risk: bool, sets: int
) -> None:
    """Give an account complete sets of a market, backed by new collateral."""
    mint(frame, USDC, PUSD, sets)
    mint(frame, PUSD, PUSD, sets)
    settling.make_sets(frame.state, condition, sets, is_neg_risk)
    frame.state.write((PUSD, PUSD), frame.state.read((PUSD, PUSD)) - sets)
    for token_id in token_pair(WCOL if is_neg_risk else USDC, condition):
        give_shares(frame, owner, token_id, sets)


def _same(market: ListedMarket, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise ValueError(
            f"market {market.slug!r}: the chain forms the {what} {expected!r}, "
            f"the listing says {found!r}; form it with polyarb.venue.sandbox.chain.ids"
        )
