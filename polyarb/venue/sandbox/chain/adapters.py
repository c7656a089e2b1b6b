"""PURE: the two collateral adapters: the same steps as below them, but pUSD in and pUSD out.

Source: CtfCollateralAdapter and NegRiskCtfCollateralAdapter. They ignore the collateral, parent
and partition that the caller names.
"""

from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import conditional, negrisk
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
from polyarb.venue.sandbox.chain.frame import Frame
from polyarb.venue.sandbox.chain.ids import token_pair
from polyarb.venue.sandbox.chain.state import UNLIMITED, State
from polyarb.venue.sandbox.chain.tokens import pull, send_batch
from polyarb.venue.sandbox.chain.wrapping import release, wrap_held


def split(frame: Frame, adapter: Address, condition: ConditionId, amount: int) -> None:
    """Turn the caller's pUSD into a YES and a NO share."""
    own = frame.by(adapter)
    pull(own, PUSD, frame.sender, PUSD, amount)
    release(frame, adapter, amount)
    if _is_neg_risk(adapter):
        negrisk.split(own, condition, amount)
    else:
        conditional.split(own, _stake(condition), amount)
    send_batch(own, adapter, frame.sender, _tokens(adapter, condition), (amount, amount))


def merge(frame: Frame, adapter: Address, condition: ConditionId, amount: int) -> None:
    """Turn a YES and a NO share of the caller back into pUSD."""
    own = frame.by(adapter)
    send_batch(own, frame.sender, adapter, _tokens(adapter, condition), (amount, amount))
    if _is_neg_risk(adapter):
        negrisk.merge(own, condition, amount)
    else:
        conditional.merge(own, _stake(condition), amount)
    wrap_held(frame, adapter, frame.sender, amount)


def redeem(frame: Frame, adapter: Address, condition: ConditionId) -> None:
    """Pay pUSD for all the caller's shares of a decided condition."""
    own = frame.by(adapter)
    state = frame.state
    tokens = _tokens(adapter, condition)
    stakes = tuple(state.read((token_id, frame.sender)) for token_id in tokens)
    send_batch(own, frame.sender, adapter, tokens, stakes)
    if _is_neg_risk(adapter):
        negrisk.redeem(own, condition, stakes)
    else:
        conditional.redeem(own, _stake(condition))
    wrap_held(frame, adapter, frame.sender, state.read((USDC, adapter)))


def convert(frame: Frame, group: GroupId, index_set: int, amount: int) -> None:
    """Turn the caller's NO shares into pUSD and YES shares of all other questions."""
    adapter = NEG_RISK_COLLATERAL_ADAPTER
    own = frame.by(adapter)
    count = negrisk.convertible(frame.state, group, index_set)
    noes, yeses = _sides(group, index_set, count)
    send_batch(own, frame.sender, adapter, noes, (amount,) * len(noes))
    negrisk.convert(own, group, index_set, amount)
    fee = amount * frame.state.read((negrisk.FEE_BIPS, group)) // negrisk.BIPS
    send_batch(own, adapter, frame.sender, yeses, (amount - fee,) * len(yeses))
    if money := frame.state.read((USDC, adapter)):
        wrap_held(frame, adapter, frame.sender, money)


def own_rights(state: State) -> None:
    """Give the contracts the rights over each other that their constructors give."""
    state.write((USDC, ADAPTER, CTF), UNLIMITED)
    state.write((USDC, NEG_RISK_COLLATERAL_ADAPTER, NEG_RISK_ADAPTER), UNLIMITED)
    state.write((CTF, NEG_RISK_COLLATERAL_ADAPTER, NEG_RISK_ADAPTER), 1)
    state.write((WCOL, NEG_RISK_ADAPTER, CTF), UNLIMITED)
    for exchange, adapter in (
        (EXCHANGE, ADAPTER),
        (NEG_RISK_EXCHANGE, NEG_RISK_COLLATERAL_ADAPTER),
    ):
        state.write((PUSD, exchange, adapter), UNLIMITED)
        state.write((CTF, exchange, adapter), 1)


def _sides(
    group: GroupId, index_set: int, count: int
) -> tuple[tuple[TokenId, ...], tuple[TokenId, ...]]:
    pairs = [token_pair(WCOL, negrisk.group_condition(group, index)) for index in range(count)]
    noes = tuple(no for index, (_, no) in enumerate(pairs) if index_set >> index & 1)
    yeses = tuple(yes for index, (yes, _) in enumerate(pairs) if not index_set >> index & 1)
    return noes, yeses


def _tokens(adapter: Address, condition: ConditionId) -> tuple[TokenId, TokenId]:
    return token_pair(WCOL if _is_neg_risk(adapter) else USDC, condition)


def _is_neg_risk(adapter: Address) -> bool:
    return adapter == NEG_RISK_COLLATERAL_ADAPTER


def _stake(condition: ConditionId) -> conditional.Stake:
    return conditional.Stake(collateral=USDC, condition=condition)
