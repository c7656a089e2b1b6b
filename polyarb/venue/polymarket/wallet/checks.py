"""Why an action is not even signed: of itself, of what the chain says, of its gas. No I/O."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from polyarb.domain.ids import TokenId
from polyarb.domain.market import MarketVersion
from polyarb.domain.units import format_micros
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.positions import is_protocol_v2, position_number
from polyarb.venue.polymarket.signing.words import bytes32_word
from polyarb.venue.polymarket.wallet.actions import (
    OUTCOMES_MAX,
    SPENDERS,
    Action,
    AllowShares,
    Approve,
    Convert,
    Merge,
    Redeem,
    Revoke,
    RevokeShares,
    Split,
    call_of,
)
from polyarb.venue.polymarket.wallet.limits import WalletLimits


class WalletRefusal(StrEnum):
    """Why the wallet does not do something; nothing was sent."""

    MALFORMED = "MALFORMED"
    UNKNOWN_VERSION = "UNKNOWN_VERSION"
    UNKNOWN_SPENDER = "UNKNOWN_SPENDER"
    ABOVE_ENVELOPE = "ABOVE_ENVELOPE"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    MISSING_ALLOWANCE = "MISSING_ALLOWANCE"
    NOT_RESOLVED = "NOT_RESOLVED"
    INSUFFICIENT_POL = "INSUFFICIENT_POL"
    GAS_PRICE = "GAS_PRICE"
    GAS_LIMIT = "GAS_LIMIT"
    WOULD_REVERT = "WOULD_REVERT"
    UNRESOLVED = "UNRESOLVED"
    FOREIGN_NONCE = "FOREIGN_NONCE"
    INTENT_REUSED = "INTENT_REUSED"
    NOT_WAITING = "NOT_WAITING"


class WalletRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing was sent, with what was expected and found."""

    reason: WalletRefusal
    told: str


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What an action needs, as the chain shows it. Units: micros, micro-shares.

    Shape: allowance and is_approved are the called contract's, None where the action needs none;
    shares are of the tokens of `tokens_of`; denominator is 0 while a market is not decided.
    """

    pusd: int
    shares: tuple[int, ...] = ()
    allowance: int | None = None
    is_approved: bool | None = None
    denominator: int | None = None


ActionCheck = Callable[[Action, WalletLimits], str]
MeansCheck = Callable[[Action, Means], str]


def tokens_of(action: Action) -> tuple[TokenId, ...]:
    """Return the tokens that an action takes from the wallet."""
    match action:
        case Merge(condition=condition) | Redeem(condition=condition):
            return (condition.yes, condition.no)
        case Convert(questions=questions):
            return tuple(question.no for question in questions)
        case _:
            return ()


def refuse_action(action: Action, limits: WalletLimits) -> WalletRefused | None:
    """Say why an action is refused whatever the chain says; None where it is not."""
    for reason, check in ACTION_CHECKS:
        if told := check(action, limits):
            return WalletRefused(reason=reason, told=told)
    return None


def refuse_means(action: Action, means: Means) -> WalletRefused | None:
    """Say why an action cannot go well now; None where nothing is known against it."""
    for reason, check in MEANS_CHECKS:
        if told := check(action, means):
            return WalletRefused(reason=reason, told=told)
    return None


def _form(action: Action, _limits: WalletLimits) -> str:
    if isinstance(action, Approve | Split | Merge | Convert) and _amount(action) <= 0:
        return f"expected an amount above 0, found {_amount(action)}"
    if isinstance(action, Convert):
        indices = [question.index for question in action.questions]
        if not indices or len(set(indices)) < len(indices):
            return f"expected different questions of a group, found {indices}"
        if min(indices) < 0 or max(indices) > OUTCOMES_MAX:
            return f"expected indices of 0 to {OUTCOMES_MAX}, found {indices}"
        try:
            bytes32_word(action.group_id)
        except ValueError as fault:
            return str(fault)
    if any(position_number(token) is None for token in _named_tokens(action)):
        return f"expected token ids as decimal numbers, found {_named_tokens(action)}"
    try:
        call_of(action)
    except (ValueError, OverflowError) as fault:
        return str(fault)
    return ""


def _version(action: Action, _limits: WalletLimits) -> str:
    version = _version_of(action)
    if version is not MarketVersion.V1:
        told = version or "an unknown one"
        return f"expected a market of version {MarketVersion.V1}, found {told}"
    if any(is_protocol_v2(token) for token in _named_tokens(action)):
        return f"expected tokens of version {MarketVersion.V1}, found some of {MarketVersion.V2}"
    return ""


def _spender(action: Action, _limits: WalletLimits) -> str:
    match action:
        case Approve(spender=who) | AllowShares(operator=who):
            return "" if who in SPENDERS else f"expected a contract of the venue, found {who}"
        case _:
            return ""


def _envelope(action: Action, limits: WalletLimits) -> str:
    amount = _amount(action)
    if amount <= limits.envelope:
        return ""
    most = format_micros(limits.envelope)
    return f"expected at most {most} USD, the phase's envelope, found {format_micros(amount)}"


def _balance(action: Action, means: Means) -> str:
    if isinstance(action, Split) and means.pusd < action.shares:
        return _short("pUSD", action.shares, means.pusd)
    if isinstance(action, Merge | Convert):
        for token, held in zip(tokens_of(action), means.shares, strict=True):
            if held < action.shares:
                return _short(f"shares of {token}", action.shares, held)
    if isinstance(action, Redeem) and not any(means.shares):
        return "expected shares of the market to redeem, found none"
    return ""


def _allowance(action: Action, means: Means) -> str:
    spender = call_of(action).target
    if isinstance(action, Split) and (means.allowance or 0) < action.shares:
        needed = _short(f"allowance of {spender}", action.shares, means.allowance or 0)
        return f"{needed}; approve it within the envelope"
    if means.is_approved is False:
        return f"expected {spender} to be allowed to move shares, found that it is not; allow it"
    return ""


def _resolution(action: Action, means: Means) -> str:
    if isinstance(action, Redeem) and not means.denominator:
        return "expected a decided market, found no payout on chain yet"
    return ""


def _short(what: str, needed: int, held: int) -> str:
    return f"expected at least {format_micros(needed)} {what}, found {format_micros(held)}"


def _amount(action: Action) -> int:
    match action:
        case Approve(micros=amount):
            return amount
        case Split(shares=amount) | Merge(shares=amount) | Convert(shares=amount):
            return amount
        case _:
            return 0


def _named_tokens(action: Action) -> tuple[TokenId, ...]:
    if isinstance(action, Split):
        return (action.condition.yes, action.condition.no)
    return tokens_of(action)


def _version_of(action: Action) -> MarketVersion | None:
    match action:
        case Split(condition=condition) | Merge(condition=condition) | Redeem(condition=condition):
            return condition.version
        case Convert(version=version):
            return version
        case Approve() | Revoke() | AllowShares() | RevokeShares():
            return MarketVersion.V1


def needs_allowance(action: Action) -> Address | None:
    """Return whose allowance over pUSD an action needs."""
    return call_of(action).target if isinstance(action, Split) else None


def needs_approval(action: Action) -> Address | None:
    """Return whose right over shares an action needs."""
    is_taken = isinstance(action, Merge | Redeem | Convert)
    return call_of(action).target if is_taken else None


def _dissolved_within(action: Action, limits: WalletLimits) -> str:
    # Taking money out of sets needs no bound: it lowers what is at stake.
    return "" if isinstance(action, Merge | Convert) else _envelope(action, limits)


ACTION_CHECKS: Final[tuple[tuple[WalletRefusal, ActionCheck], ...]] = (
    (WalletRefusal.UNKNOWN_VERSION, _version),
    (WalletRefusal.MALFORMED, _form),
    (WalletRefusal.UNKNOWN_SPENDER, _spender),
    (WalletRefusal.ABOVE_ENVELOPE, _dissolved_within),
)
"""What must hold of an action itself."""
MEANS_CHECKS: Final[tuple[tuple[WalletRefusal, MeansCheck], ...]] = (
    (WalletRefusal.NOT_RESOLVED, _resolution),
    (WalletRefusal.INSUFFICIENT_BALANCE, _balance),
    (WalletRefusal.MISSING_ALLOWANCE, _allowance),
)
"""What must hold on chain before an action is signed."""
