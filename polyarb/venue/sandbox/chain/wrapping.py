"""PURE: the three kinds of collateral turned into each other one to one.

pUSD is backed by USDC.e that stands on pUSD's own account; WCOL, the collateral of neg-risk
markets, by USDC.e on WCOL's account (short of it by what converts have released).
"""

from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.addresses import NEG_RISK_ADAPTER, PUSD, USDC, WCOL
from polyarb.venue.sandbox.chain.frame import Frame, need
from polyarb.venue.sandbox.chain.tokens import burn, mint, move, pull


def wrap_for(frame: Frame, contract: Address, asset: Address, target: Address, amount: int) -> None:
    """Wrap for a user of a ramp: the ramp takes the user's USDC.e and pUSD goes to the target."""
    need(asset == USDC, "InvalidAsset()")
    pull(frame.by(contract), USDC, frame.sender, PUSD, amount)
    mint(frame, PUSD, target, amount)


def unwrap_for(
    frame: Frame, contract: Address, asset: Address, target: Address, amount: int
) -> None:
    """Unwrap for a user of a ramp: the ramp takes the user's pUSD and USDC.e goes to the target."""
    need(asset == USDC, "InvalidAsset()")
    pull(frame.by(contract), PUSD, frame.sender, PUSD, amount)
    release(frame, target, amount)


def release(frame: Frame, target: Address, amount: int) -> None:
    """Burn pUSD that was sent to its own contract and pay its USDC.e out."""
    burn(frame, PUSD, PUSD, amount)
    move(frame, USDC, PUSD, target, amount)


def wrap_held(frame: Frame, source: Address, target: Address, amount: int) -> None:
    """Turn USDC.e that a contract holds into pUSD of somebody."""
    move(frame, USDC, source, PUSD, amount)
    mint(frame, PUSD, target, amount)


def lock(frame: Frame, amount: int) -> None:
    """Turn USDC.e of the neg-risk adapter into WCOL of the neg-risk adapter."""
    move(frame, USDC, NEG_RISK_ADAPTER, WCOL, amount)
    mint(frame, WCOL, NEG_RISK_ADAPTER, amount)


def unlock(frame: Frame, target: Address, amount: int) -> None:
    """Turn WCOL of the neg-risk adapter into USDC.e of somebody."""
    burn(frame, WCOL, NEG_RISK_ADAPTER, amount)
    move(frame, USDC, WCOL, target, amount)
