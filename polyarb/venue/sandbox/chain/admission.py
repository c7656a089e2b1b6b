"""PURE: whether a node takes a signed transaction into its pool, in the words of geth."""

from typing import Final

import msgspec

from polyarb.venue.sandbox.chain import gas
from polyarb.venue.sandbox.chain.pool import Pool
from polyarb.venue.sandbox.chain.raw import SERVER_ERROR
from polyarb.venue.sandbox.chain.running import nonce_of, pol_of
from polyarb.venue.sandbox.chain.state import State
from polyarb.venue.sandbox.chain.transactions import ChainRefused, Transaction
from polyarb.venue.sandbox.terms.settings import ChainSettings

PRIORITY_MIN_WEI: Final = 25_000_000_000
"""The least tip that nodes of Polygon forward."""
BUMP_PERCENT: Final = 10
"""By how much a replacement must pay more."""


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit of gas costs. Units: wei; gas is their sum."""

    base: int
    priority: int

    @property
    def gas(self) -> int:
        """Return what a legacy transaction should offer."""
        return self.base + self.priority


def prices_of(settings: ChainSettings) -> Prices:
    """Part the price of gas into the base fee and the tip."""
    priority = min(PRIORITY_MIN_WEI, settings.gas_price_wei)
    return Prices(base=settings.gas_price_wei - priority, priority=priority)


def paid_price(transaction: Transaction, prices: Prices) -> int:
    """Return what a transaction pays for a unit of gas. Units: wei."""
    return min(transaction.gas_price, prices.base + transaction.priority_price)


def refusal(
    transaction: Transaction, *, state: State, pool: Pool, settings: ChainSettings
) -> ChainRefused | None:
    """Say why a signed transaction is not taken, None when it is."""
    message = (
        _form_fault(transaction, settings)
        or _price_fault(transaction, prices_of(settings))
        or _account_fault(transaction, state)
        or _place_fault(transaction, pool)
    )
    return ChainRefused(code=SERVER_ERROR, message=message) if message else None


def _form_fault(transaction: Transaction, settings: ChainSettings) -> str:
    if transaction.to is None:
        return "the sandbox carries no contracts of others: contract creation is refused"
    if transaction.gas_limit > settings.block_gas_max:
        return "exceeds block gas limit"
    needed = gas.sending(transaction.data)
    if transaction.gas_limit < needed:
        return f"intrinsic gas too low: gas {transaction.gas_limit}, minimum needed {needed}"
    return ""


def _price_fault(transaction: Transaction, prices: Prices) -> str:
    price, priority = transaction.gas_price, transaction.priority_price
    if priority > price:
        return (
            "max priority fee per gas higher than max fee per gas: "
            f"maxPriorityFeePerGas: {priority}, maxFeePerGas: {price}"
        )
    if priority < prices.priority:
        return f"transaction underpriced: gas tip cap {priority}, minimum needed {prices.priority}"
    if price < prices.base:
        return (
            "max fee per gas less than block base fee: "
            f"maxFeePerGas: {price}, baseFee: {prices.base}"
        )
    return ""


def _account_fault(transaction: Transaction, state: State) -> str:
    sender = transaction.sender
    mined = nonce_of(state, sender)
    if transaction.nonce < mined:
        return f"nonce too low: next nonce {mined}, tx nonce {transaction.nonce}"
    balance = pol_of(state, sender)
    cost = transaction.gas_limit * transaction.gas_price + transaction.value
    if balance < cost:
        return (
            f"insufficient funds for gas * price + value: balance {balance}, "
            f"tx cost {cost}, overshot {cost - balance}"
        )
    return ""


def _place_fault(transaction: Transaction, pool: Pool) -> str:
    waiting = pool.at(transaction.sender, transaction.nonce)
    if waiting is None:
        return ""
    if waiting.hash == transaction.hash:
        return "already known"
    bumped = (100 + BUMP_PERCENT) * waiting.gas_price <= 100 * transaction.gas_price
    return "" if bumped else "replacement transaction underpriced"
