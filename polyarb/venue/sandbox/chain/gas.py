"""PURE: how much gas things cost. Source: polymarket-chain 5 (snapshots of the contracts).

Units: gas. A call costs what its table entry says beside the price of sending its bytes.
"""

from typing import Final

from polyarb.venue.sandbox.terms.trades import Match

PLAIN: Final = 21_000
"""What every transaction costs before it does anything."""

RELAYED_MIN: Final = 1_000_000
"""The least that a relayed call may use."""
SETTLEMENT: Final = 170_000
SETTLEMENT_PER_MAKER: Final = 75_000
SET_MAKING: Final = 130_000

_ZERO_BYTE: Final = 4
_OTHER_BYTE: Final = 16


def sending(data: bytes) -> int:
    """Return the cost of a transaction's bytes, with the plain cost."""
    zeros = data.count(0)
    return PLAIN + zeros * _ZERO_BYTE + (len(data) - zeros) * _OTHER_BYTE


def settling(match: Match) -> int:
    """Return the cost of the operator's settlement of a match."""
    makes_sets = any(maker.side is match.taker.side for maker in match.makers)
    return SETTLEMENT + SETTLEMENT_PER_MAKER * len(match.makers) + SET_MAKING * makes_sets
