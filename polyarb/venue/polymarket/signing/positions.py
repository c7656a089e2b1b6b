"""Which tokens are Protocol V2 positions, and what their ids say.

Shape: 256 bits from the top: module 8, base hash 128, arity 16, reserved 64 (all zero),
resolution chain 16, condition index 16, outcome index 8.
"""

import msgspec

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.polymarket.signing.words import UINT256_MAX

_RESERVED = ((1 << 64) - 1) << 40
_MODULES = frozenset({1, 2, 3})
_DIGITS_MAX = 78


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a Protocol V2 position id."""

    module: int
    base_hash: int
    arity: int
    resolution_chain: int
    condition_index: int
    outcome_index: int
    condition_id: ConditionId


def position_number(token_id: str) -> int | None:
    """Read a token id; None where it is no whole number below 2**256."""
    if not (token_id.isascii() and token_id.isdecimal() and len(token_id) <= _DIGITS_MAX):
        return None
    number = int(token_id)
    return number if number <= UINT256_MAX else None


def is_protocol_v2(token_id: TokenId) -> bool:
    """Tell whether the token lives in the Protocol V2 ledger: its reserved bits are all zero."""
    number = position_number(token_id)
    return number is not None and not number & _RESERVED


def decode_position(token_id: TokenId) -> Position | None:
    """Read a Protocol V2 position id; None for any other token and for an unknown module."""
    number = position_number(token_id)
    if number is None or number & _RESERVED:
        return None
    module, outcome = number >> 248, number & 0xFF
    if module not in _MODULES or outcome > 1:
        return None
    return Position(
        module=module,
        base_hash=(number >> 120) & ((1 << 128) - 1),
        arity=(number >> 104) & 0xFFFF,
        resolution_chain=(number >> 24) & 0xFFFF,
        condition_index=(number >> 8) & 0xFFFF,
        outcome_index=outcome,
        condition_id=ConditionId(f"0x{number >> 8:062x}00"),
    )
