"""PURE: a settlement taken step by step as the exchange's contract takes it, for its logs.

Source: CTF Exchange V2, Trading. `settling` moves the same balances in one go; nothing is logged
then. Who reads a receipt gets the logs of the long way, run beside the chain on borrowed money.
"""

from collections.abc import Iterable
from typing import Final

from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import adapters
from polyarb.venue.sandbox.chain.addresses import (
    ADAPTER,
    CTF,
    FEE_RECEIVER,
    NEG_RISK_COLLATERAL_ADAPTER,
    PUSD,
    USDC,
    WCOL,
    exchange_of,
)
from polyarb.venue.sandbox.chain.conditional import SLOTS, held_slot
from polyarb.venue.sandbox.chain.events import (
    FEE_CHARGED,
    ORDER_FILLED,
    ORDERS_MATCHED,
    Emitted,
)
from polyarb.venue.sandbox.chain.frame import Frame
from polyarb.venue.sandbox.chain.ids import OUTCOMES
from polyarb.venue.sandbox.chain.state import UNLIMITED, State
from polyarb.venue.sandbox.chain.tokens import SUPPLY, move, pull, send_shares
from polyarb.venue.sandbox.terms.trades import Fill, Match, sides_of

_SIDES: Final = {Side.BUY: 0, Side.SELL: 1}
_BORROWED: Final = 1 << 200


def logs_of(match: Match) -> tuple[Emitted, ...]:
    """Return what a settlement that went well logs, in order."""
    frame = Frame(_borrowed(match), exchange_of(match.is_neg_risk))
    settle_stepwise(frame, match)
    return tuple(frame.logs)


def settle_stepwise(frame: Frame, match: Match) -> None:
    """Settle a match in the exchange's name, transfer by transfer."""
    if all(maker.side is not match.taker.side for maker in match.makers):
        _trade_directly(frame, match)
    else:
        _trade_through(frame, match)


def _trade_directly(frame: Frame, match: Match) -> None:
    """Let buyers and sellers of one token pay and deliver to each other."""
    exchange, taker = frame.sender, match.taker
    fees = taker.fee
    for maker in match.makers:
        fees += maker.fee
        if taker.side is Side.BUY:
            send_shares(frame, maker.maker, taker.maker, maker.token_id, maker.given)
            _charge(frame, maker.fee)
            pull(frame, PUSD, taker.maker, maker.maker, maker.got - maker.fee)
        else:
            send_shares(frame, taker.maker, maker.maker, taker.token_id, maker.got)
            pull(frame, PUSD, maker.maker, exchange, maker.given + maker.fee)
            _charge(frame, maker.fee)
        _fill(frame, maker, taker.maker)
    _charge(frame, taker.fee)
    if taker.side is Side.SELL:
        move(frame, PUSD, exchange, taker.maker, taker.got - taker.fee)
    _close(frame, taker)
    if fees and taker.side is Side.BUY:
        pull(frame, PUSD, taker.maker, FEE_RECEIVER, fees)
    elif fees:
        move(frame, PUSD, exchange, FEE_RECEIVER, fees)


def _trade_through(frame: Frame, match: Match) -> None:
    """Let everybody pay the exchange, which makes or dissolves sets and deals out."""
    exchange, taker = frame.sender, match.taker
    _pay_in(frame, (taker,))
    _pay_in(frame, match.makers)
    same = [maker for maker in match.makers if maker.side is taker.side]
    adapter = NEG_RISK_COLLATERAL_ADAPTER if match.is_neg_risk else ADAPTER
    if taker.side is Side.BUY:
        sets = sum(maker.got for maker in same)
        adapters.split(frame, adapter, match.condition_id, sets)
    else:
        sets = sum(maker.given for maker in same)
        adapters.merge(frame, adapter, match.condition_id, sets)
    for maker in match.makers:
        _pay_out(frame, maker)
        _charge(frame, maker.fee)
        _fill(frame, maker, taker.maker)
    fees = sum(fill.fee for fill in sides_of(match))
    if taker.side is Side.BUY:
        _charge(frame, taker.fee)
    if fees:
        move(frame, PUSD, exchange, FEE_RECEIVER, fees)
    _pay_out(frame, taker)
    if taker.side is Side.SELL:
        _charge(frame, taker.fee)
    _close(frame, taker)


def _pay_in(frame: Frame, fills: Iterable[Fill]) -> None:
    for fill in fills:
        if fill.side is Side.BUY:
            pull(frame, PUSD, fill.maker, frame.sender, fill.given + fill.fee)
        else:
            send_shares(frame, fill.maker, frame.sender, fill.token_id, fill.given)


def _pay_out(frame: Frame, fill: Fill) -> None:
    if fill.side is Side.BUY:
        send_shares(frame, frame.sender, fill.maker, fill.token_id, fill.got)
    else:
        move(frame, PUSD, frame.sender, fill.maker, fill.got - fill.fee)


def _charge(frame: Frame, fee: int) -> None:
    if fee:
        frame.emit(frame.sender, FEE_CHARGED, FEE_RECEIVER, fee)


def _fill(frame: Frame, fill: Fill, counterparty: Address) -> None:
    frame.emit(
        frame.sender,
        ORDER_FILLED,
        fill.order_id,
        fill.maker,
        counterparty,
        _SIDES[fill.side],
        fill.token_id,
        fill.given,
        fill.got,
        fill.fee,
        fill.builder,
        fill.metadata,
    )


def _close(frame: Frame, taker: Fill) -> None:
    """Log the taker's order, whose counterparty is the exchange, and the match as a whole."""
    _fill(frame, taker, frame.sender)
    frame.emit(
        frame.sender,
        ORDERS_MATCHED,
        taker.order_id,
        taker.maker,
        _SIDES[taker.side],
        taker.token_id,
        taker.given,
        taker.got,
    )


def _borrowed(match: Match) -> State:
    """Return a state in which everybody has enough of everything, and every right."""
    state = State()
    adapters.own_rights(state)
    exchange = exchange_of(match.is_neg_risk)
    for owner in {fill.maker for fill in sides_of(match)}:
        state.write((PUSD, owner, exchange), UNLIMITED)
        state.write((CTF, owner, exchange), 1)
        state.write((PUSD, owner), _BORROWED)
        for token_id in {fill.token_id for fill in sides_of(match)}:
            state.write((token_id, owner), _BORROWED)
    for slot in ((USDC, PUSD), (USDC, CTF), (USDC, WCOL), (WCOL, CTF)):
        state.write(slot, _BORROWED)
    for token in (PUSD, WCOL):
        state.write((SUPPLY, token), _BORROWED)
    for collateral in (USDC, WCOL):
        state.write(held_slot(collateral, match.condition_id), _BORROWED)
    state.write((SLOTS, match.condition_id), OUTCOMES)
    return state
