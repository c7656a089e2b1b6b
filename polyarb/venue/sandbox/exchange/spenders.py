"""The contracts that settle matches: whom an account must allow to take what its orders give."""

from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.terms.instruments import ListedMarket

SPENDERS: tuple[Address, ...] = (CONTRACTS.exchange, CONTRACTS.neg_risk_exchange)


def spender_of(market: ListedMarket) -> Address:
    """Return the contract that settles a market's matches."""
    return CONTRACTS.neg_risk_exchange if market.is_neg_risk else CONTRACTS.exchange
