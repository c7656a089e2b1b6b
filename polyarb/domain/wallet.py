"""The wallet that trades, as an operator configures it."""

import msgspec


class WalletSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which wallet holds the funds, and how much its key may sign.

    Shape: address is the account of the key or one of its wallets, in EIP-55 case; empty where
    none is configured. Units: times that a phase's open notional may be signed in 24 hours, each
    side of the book for itself.
    """

    address: str = ""
    day_turnovers_max: int = 25
