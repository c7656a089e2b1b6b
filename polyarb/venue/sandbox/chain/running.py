"""PURE: one transaction run on the state, all of it or nothing but its gas and its nonce."""

from collections.abc import Sequence
from typing import Final

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import calls, gas
from polyarb.venue.sandbox.chain.events import Emitted
from polyarb.venue.sandbox.chain.founding import POL
from polyarb.venue.sandbox.chain.frame import Frame, RevertError, need
from polyarb.venue.sandbox.chain.settling import TRANSFER_FAILED, settle
from polyarb.venue.sandbox.chain.state import State
from polyarb.venue.sandbox.chain.transactions import Receipt, Transaction
from polyarb.venue.sandbox.terms.trades import Match

NONCE: Final = "nonce"
OUT_OF_GAS: Final = "out of gas"
NO_POL: Final = "insufficient funds for transfer"


def nonce_of(state: State, sender: Address) -> int:
    """Return how many transactions of an account were mined."""
    return state.read((NONCE, sender))


def pol_of(state: State, owner: Address) -> int:
    """Return an account's gas money. Units: wei."""
    return state.read((POL, owner))


def run(state: State, transaction: Transaction, *, number: int, index: int, price: int) -> Receipt:
    """Run a transaction as the next one of a block. Units: price in wei for a unit of gas."""
    if transaction.match is not None:
        used = gas.settling(transaction.match)
        emitted: tuple[Emitted, ...] = ()
        reason = _settle(state, transaction, transaction.match)
    else:
        used, emitted, reason = _call(state, transaction)
    if transaction.is_signed:
        _charge(state, transaction.sender, used * price)
    return Receipt(
        transaction=transaction,
        is_success=reason is None,
        block_number=number,
        index=index,
        gas_used=used,
        gas_price=price,
        reason=reason or "",
        emitted=emitted,
    )


def _settle(state: State, transaction: Transaction, match: Match) -> str | None:
    if transaction.is_ghost:
        return TRANSFER_FAILED
    mark = state.mark()
    try:
        settle(state, match)
    except RevertError as revert:
        state.undo(mark)
        return revert.reason
    return None


def _call(state: State, transaction: Transaction) -> tuple[int, tuple[Emitted, ...], str | None]:
    """Run calls; return their gas, their logs and why they reverted, None when they did not."""
    mark = state.mark()
    frame = Frame(state, transaction.sender)
    used = gas.sending(transaction.data)
    try:
        if transaction.act is not None:
            transaction.act(frame)
        for to, data in _calls(transaction):
            used += calls.gas_of(frame, to, data) - gas.sending(data)
            need(used <= transaction.gas_limit, OUT_OF_GAS)
            calls.run_call(frame, to, data)
        _pay(state, transaction)
    except RevertError as revert:
        state.undo(mark)
        return min(used, transaction.gas_limit), (), revert.reason
    return used, tuple(frame.logs), None


def _calls(transaction: Transaction) -> Sequence[tuple[Address, bytes]]:
    if transaction.batch or transaction.to is None:
        return transaction.batch
    return ((transaction.to, transaction.data),)


def _pay(state: State, transaction: Transaction) -> None:
    """Move the POL that a transaction carries."""
    value = transaction.value
    if not value:
        return
    assert transaction.to is not None
    left = pol_of(state, transaction.sender) - value
    if left < 0:
        raise RevertError(NO_POL)
    state.write((POL, transaction.sender), left)
    state.write((POL, transaction.to), pol_of(state, transaction.to) + value)


def _charge(state: State, sender: Address, cost: int) -> None:
    state.write((NONCE, sender), nonce_of(state, sender) + 1)
    state.write((POL, sender), max(pol_of(state, sender) - cost, 0))
