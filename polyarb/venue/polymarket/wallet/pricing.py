"""What a unit of gas is offered, and how a stuck offer is raised; both under a cap. No I/O."""

from typing import Final

import msgspec

from polyarb.venue.polymarket.wallet.checks import WalletRefusal, WalletRefused
from polyarb.venue.polymarket.wallet.limits import WalletLimits

GAS_MARGIN_PERCENT: Final = 25
"""Gas beside the estimate: the state may be another one when the transaction is mined."""
BASE_FEES_MAX: Final = 2
"""The base fee may rise to so many times of today's before an offer is too low."""
RAISE_PERCENT: Final = 15
"""By how much a replacement pays more; nodes want 10 at least."""
_GWEI: Final = 1_000_000_000


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction offers for a unit of gas. Units: wei."""

    price_wei_max: int
    priority_wei: int


def offer_of(base_wei: int, priority_wei: int, limits: WalletLimits) -> Offer | WalletRefused:
    """Offer what gets into a block soon, never above the cap."""
    cap = limits.gas_price_wei_max
    needed = base_wei + priority_wei
    if needed > cap:
        return _too_dear(needed, cap)
    price = min(BASE_FEES_MAX * base_wei + priority_wei, cap)
    return Offer(price_wei_max=price, priority_wei=priority_wei)


def raise_offer(old: Offer, fresh: Offer, limits: WalletLimits) -> Offer | WalletRefused:
    """Raise a stuck offer by enough to replace it, or to what is needed now if that is more."""
    priority = max(_raised(old.priority_wei), fresh.priority_wei)
    price = max(_raised(old.price_wei_max), fresh.price_wei_max, priority)
    if price > limits.gas_price_wei_max:
        return _too_dear(price, limits.gas_price_wei_max)
    return Offer(price_wei_max=price, priority_wei=priority)


def gas_limit_of(estimate: int, limits: WalletLimits) -> int | WalletRefused:
    """Return the gas that a transaction may use; refused above the cap."""
    wanted = -(-estimate * (100 + GAS_MARGIN_PERCENT) // 100)
    if wanted <= limits.gas_limit_max:
        return wanted
    told = f"expected at most {limits.gas_limit_max} gas, found that {wanted} is needed"
    return WalletRefused(reason=WalletRefusal.GAS_LIMIT, told=told)


def _raised(wei: int) -> int:
    return -(-wei * (100 + RAISE_PERCENT) // 100)


def _too_dear(needed: int, cap: int) -> WalletRefused:
    told = f"expected gas at {cap / _GWEI:g} gwei at most, found {needed / _GWEI:g}; wait"
    return WalletRefused(reason=WalletRefusal.GAS_PRICE, told=told)
