"""The bounds of everything that the wallet does on chain."""

import msgspec


class WalletLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What no transaction may exceed.

    Units: envelope in micros of a USD, the most that one approval or one operation may cover;
    wei for a unit of gas; gas; blocks on top of a transaction until it counts; milliseconds.
    """

    envelope: int
    gas_price_wei_max: int = 500_000_000_000
    gas_limit_max: int = 6_000_000
    confirmations: int = 16
    request_ms_max: int = 10_000
