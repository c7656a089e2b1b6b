"""PURE: the contracts that the sandbox's chain carries, and who must be approved for trading."""

from typing import Final

from polyarb.venue.polymarket.signing.contracts import CONTRACTS, ZERO_ADDRESS, address_of
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address

NOBODY: Final = ZERO_ADDRESS
PUSD: Final = CONTRACTS.pusd
USDC: Final = CONTRACTS.usdc_bridged
WCOL: Final = CONTRACTS.wrapped_collateral
CTF: Final = CONTRACTS.conditional_tokens
EXCHANGE: Final = CONTRACTS.exchange
NEG_RISK_EXCHANGE: Final = CONTRACTS.neg_risk_exchange
ADAPTER: Final = CONTRACTS.collateral_adapter
NEG_RISK_COLLATERAL_ADAPTER: Final = CONTRACTS.neg_risk_collateral_adapter
NEG_RISK_ADAPTER: Final = CONTRACTS.neg_risk_adapter
VAULT: Final = CONTRACTS.neg_risk_vault
FEE_RECEIVER: Final = CONTRACTS.neg_risk_fee_module
"""Where the exchanges' fees go; the venue's real receiver is not documented."""
NO_TOKEN_BURN: Final = address_of(keccak256(b"NO_TOKEN_BURN_ADDRESS")[:20])
"""Where the neg-risk adapter buries the NO tokens of a convert."""

COLLATERAL_SPENDERS: Final = (
    EXCHANGE,
    NEG_RISK_EXCHANGE,
    ADAPTER,
    NEG_RISK_COLLATERAL_ADAPTER,
    CONTRACTS.router,
    CONTRACTS.exchange_v3,
    CONTRACTS.perps_deposit,
    NEG_RISK_ADAPTER,
)
"""Who may take pUSD of an account that is ready to trade. Source: polymarket-chain 2."""
SHARE_OPERATORS: Final = (
    EXCHANGE,
    NEG_RISK_EXCHANGE,
    ADAPTER,
    NEG_RISK_COLLATERAL_ADAPTER,
    CONTRACTS.auto_redeemer,
    CONTRACTS.binary_module,
    CONTRACTS.neg_risk_module,
    NEG_RISK_ADAPTER,
)
"""Who may move the shares of an account that is ready to trade. Source: polymarket-chain 2."""
PROTOCOL_OPERATORS: Final = (CONTRACTS.router, CONTRACTS.exchange_v3, CONTRACTS.auto_redeemer)
"""Who may move Protocol V2 positions of an account that is ready to trade."""
CHECKED_BY_VENUE: Final = (EXCHANGE, NEG_RISK_EXCHANGE, NEG_RISK_ADAPTER)
"""Spenders and operators that the venue looks at before it takes an order. Source: polymarket 3."""


def exchange_of(is_neg_risk: bool) -> Address:
    """Return the exchange that settles a market."""
    return NEG_RISK_EXCHANGE if is_neg_risk else EXCHANGE
