"""What the wallet can do on chain, each as a value, and the one call that does it. No I/O.

Split, merge, redeem and convert go through the collateral adapters (pUSD in, pUSD out), chosen by
the market's neg-risk flag. A right over shares has no amount (ERC-1155): it is given to the
venue's contracts alone, where a right over pUSD is bounded as well.
"""

from typing import Final

import msgspec

from polyarb.domain.ids import ConditionId, GroupId, TokenId
from polyarb.domain.market import MarketVersion
from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.relays import Call
from polyarb.venue.polymarket.signing.words import bytes32_word
from polyarb.venue.polymarket.wallet.abi import encode_call

SPENDERS: Final = (
    CONTRACTS.exchange,
    CONTRACTS.neg_risk_exchange,
    CONTRACTS.collateral_adapter,
    CONTRACTS.neg_risk_collateral_adapter,
    CONTRACTS.neg_risk_adapter,
)
"""Who may be given a right over pUSD or shares; nobody else ever is."""
OUTCOMES_MAX: Final = 255

_NO_PARENT: Final = bytes(32)
_PARTITION: Final = [1, 2]
_CONDITION_CALL: Final = "(address,bytes32,bytes32,uint256[],uint256)"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A market as the wallet must know it. Shape: version None is not known, and is refused."""

    condition_id: ConditionId
    yes: TokenId
    no: TokenId
    is_neg_risk: bool
    version: MarketVersion | None

    @property
    def adapter(self) -> Address:
        """Return the contract that makes and dissolves sets of it."""
        return adapter_of(is_neg_risk=self.is_neg_risk)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question of a neg-risk group whose NO shares are converted; index from 0."""

    index: int
    no: TokenId


class Approve(msgspec.Struct, frozen=True, kw_only=True, tag="approve"):
    """Let a contract take so much pUSD, and no more. Units: micros."""

    spender: Address
    micros: int


class Revoke(msgspec.Struct, frozen=True, kw_only=True, tag="revoke"):
    """Let a contract take no pUSD any more; of any contract."""

    spender: Address


class AllowShares(msgspec.Struct, frozen=True, kw_only=True, tag="allow-shares"):
    """Let a contract move the wallet's shares."""

    operator: Address


class RevokeShares(msgspec.Struct, frozen=True, kw_only=True, tag="revoke-shares"):
    """Let a contract move no shares any more; of any contract."""

    operator: Address


class Split(msgspec.Struct, frozen=True, kw_only=True, tag="split"):
    """Turn pUSD into complete sets. Units: micro-shares, as many micros of pUSD."""

    condition: Condition
    shares: int


class Merge(msgspec.Struct, frozen=True, kw_only=True, tag="merge"):
    """Turn complete sets into pUSD. Units: micro-shares."""

    condition: Condition
    shares: int


class Redeem(msgspec.Struct, frozen=True, kw_only=True, tag="redeem"):
    """Take the payout of all shares of a decided market."""

    condition: Condition


class Convert(msgspec.Struct, frozen=True, kw_only=True, tag="convert"):
    """Turn NO shares of some questions into pUSD and YES shares of the others.

    Units: micro-shares of each question's NO.
    """

    group_id: GroupId
    questions: tuple[Question, ...]
    shares: int
    version: MarketVersion | None

    @property
    def index_set(self) -> int:
        """Return the questions as the contract names them: a bit each."""
        return sum(1 << question.index for question in self.questions)


Action = Approve | Revoke | AllowShares | RevokeShares | Split | Merge | Redeem | Convert


def adapter_of(*, is_neg_risk: bool) -> Address:
    """Return the collateral adapter of a market."""
    return CONTRACTS.neg_risk_collateral_adapter if is_neg_risk else CONTRACTS.collateral_adapter


def call_of(action: Action) -> Call:
    """Write the call that does it. Errors: ValueError for ids that are none."""
    match action:
        case Approve(spender=spender, micros=micros):
            return _call(CONTRACTS.pusd, "approve(address,uint256)", spender, micros)
        case Revoke(spender=spender):
            return _call(CONTRACTS.pusd, "approve(address,uint256)", spender, 0)
        case AllowShares(operator=operator):
            return _right(operator, is_given=True)
        case RevokeShares(operator=operator):
            return _right(operator, is_given=False)
        case Split(condition=condition, shares=shares):
            return _sets("splitPosition", condition, shares)
        case Merge(condition=condition, shares=shares):
            return _sets("mergePositions", condition, shares)
        case Redeem(condition=condition):
            word = bytes32_word(condition.condition_id)
            method = "redeemPositions(address,bytes32,bytes32,uint256[])"
            return _call(condition.adapter, method, CONTRACTS.pusd, _NO_PARENT, word, _PARTITION)
        case Convert():
            return _call(
                CONTRACTS.neg_risk_collateral_adapter,
                "convertPositions(bytes32,uint256,uint256)",
                bytes32_word(action.group_id),
                action.index_set,
                action.shares,
            )


def _sets(method: str, condition: Condition, shares: int) -> Call:
    word = bytes32_word(condition.condition_id)
    values = (CONTRACTS.pusd, _NO_PARENT, word, _PARTITION, shares)
    return _call(condition.adapter, method + _CONDITION_CALL, *values)


def _right(operator: Address, *, is_given: bool) -> Call:
    ctf = CONTRACTS.conditional_tokens
    return _call(ctf, "setApprovalForAll(address,bool)", operator, is_given)


def _call(target: Address, signature: str, *values: object) -> Call:
    return Call(target=target, data=encode_call(signature, *values))
