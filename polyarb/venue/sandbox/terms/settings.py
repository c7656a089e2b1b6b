"""How the sandbox behaves where the venue's own figures may differ or change."""

import msgspec

from polyarb.venue.polymarket.signing.order import Address

POLYGON_CHAIN_ID = 137


class ExchangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and times of the exchange. Source: polymarket.md 3.3, 5.3, 5.5, 7.3.

    Units: milliseconds, seconds; counts. makers_per_trade_max splits a large match into buckets;
    expiry_lead_s is how long before its expiration an order is cancelled; expiration_s_min how
    far in the future it must lie; closed_orders_max and final_trades_max are how many orders and
    trades are remembered after their end.
    """

    batch_orders_max: int = 15
    cancels_max: int = 1_000
    heartbeat_ms: int = 10_000
    heartbeat_sweep_ms: int = 5_000
    restart_ms: int = 90_000
    post_only_ms: int = 120_000
    expiry_lead_s: int = 60
    expiration_s_min: int = 60
    makers_per_trade_max: int = 50
    closed_orders_max: int = 50_000
    final_trades_max: int = 50_000


class ChainSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times and prices of the chain.

    Units: milliseconds; blocks; wei. genesis_ns is when block 0 was made; operator sends the
    exchange's settlements; history_blocks is for how long settlements are remembered.
    """

    chain_id: int = POLYGON_CHAIN_ID
    block_ms: int = 2_000
    confirmations: int = 2
    gas_price_wei: int = 30_000_000_000
    block_gas_max: int = 30_000_000
    history_blocks: int = 129_600
    genesis_ns: int
    operator: Address = Address("0x00000000000000000000000000000000000a11ce")


class SettlementSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a match gets on chain. Units: milliseconds.

    submit_ms passes before the operator sends a match, retry_ms between a revert and the next
    try; after tries_max reverts the trade is FAILED.
    """

    submit_ms: int = 500
    retry_ms: int = 2_000
    tries_max: int = 3


DEFAULT_EXCHANGE = ExchangeSettings()
DEFAULT_SETTLEMENT = SettlementSettings()
