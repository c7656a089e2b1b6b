"""The venue's words for every refusal. Source: polymarket.md 3.3 and 3.4."""

from polyarb.domain.units import format_micros
from polyarb.venue.polymarket.signing.order import Address

NOT_CANCELED = "order can't be found - already canceled or matched"
INVALID_PAYLOAD = "Invalid order payload"
INVALID_EXPIRATION = "invalid expiration"
DUPLICATE = "Duplicated."
MARKET_NOT_READY = "the market is not yet ready to process new orders"
UNKNOWN_TOKEN = "No orderbook exists for the requested token id"
POST_ONLY_CROSSES = "invalid post-only order: order crosses book"
FOK_NOT_FILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_NOT_FILLED = (
    "no orders found to match with FAK order. "
    "FAK orders are partially filled or killed if no match is found."
)
SERVICE_NOT_READY = "service not ready"
POST_ONLY_MODE = "post-only mode: only post-only orders and cancels are allowed"
CANCEL_ONLY_MODE = "cancel-only mode: only cancels are allowed"
TRADING_DISABLED = "trading is disabled"


def off_tick(order_id: str, *, price: int, tick: int) -> str:
    """Say that a price is off the grid. Units: micros."""
    return (
        f"order {order_id} is invalid. Price ({format_micros(price)}) "
        f"breaks minimum tick size rule: {format_micros(tick)}"
    )


def too_small(order_id: str, *, shares: int, size_min: int) -> str:
    """Say that a limit order asks for too little. Units: micro-shares."""
    return (
        f"order {order_id} is invalid. Size ({format_micros(shares)}) "
        f"lower than the minimum: {format_micros(size_min)}"
    )


def invalid_amounts(kind: str, *, maker_decimals: int, taker_decimals: int) -> str:
    """Say that amounts have too many decimals. Shape: kind is such as `market buy`."""
    return (
        f"invalid amounts, the {kind} orders maker amount supports a max accuracy of "
        f"{maker_decimals} decimals, taker amount a max of {taker_decimals} decimals"
    )


def not_enough_balance(*, balance: int, amount: int, matched: int, active: int) -> str:
    """Say that an account does not hold what an order would commit. Units: micros."""
    return (
        "not enough balance / allowance: the balance is not enough -> "
        f"balance: {balance}, order amount: {amount}, "
        f"sum of matched orders: {matched}, sum of active orders: {active}"
    )


def not_enough_allowance(*, spender: Address, allowance: int, amount: int) -> str:
    """Say that the exchange may not take what an order would give. Units: micros."""
    return (
        "not enough balance / allowance: the allowance is not enough -> "
        f"spender: {spender}, allowance: {allowance}, order amount: {amount}"
    )
