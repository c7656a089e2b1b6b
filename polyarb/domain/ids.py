"""Identifiers: what the venue calls a thing, and ids of our own derived from content."""

from hashlib import sha256
from typing import NewType

ConditionId = NewType("ConditionId", str)
"""One market: 0x and 64 hex digits on the venue, any text on older tapes."""
TokenId = NewType("TokenId", str)
"""One outcome token: a decimal number of about 77 digits."""
GroupId = NewType("GroupId", str)
"""One group of mutually exclusive markets (negRiskMarketID)."""
RelationId = NewType("RelationId", str)
"""One relation between markets: a neg-risk group or an entry of the constraints file."""
PlanId = NewType("PlanId", str)
OrderId = NewType("OrderId", str)

_ID_LENGTH = 32
_CONDITION_LENGTH = len("0x") + 64
_SHORT_CONDITION_LENGTH = len("0x") + 62


def condition_key(text: str) -> str:
    """Bring the spellings of one condition id together: lower case, 31 bytes padded to 32."""
    lowered = text.lower()
    is_short = lowered.startswith("0x") and len(lowered) == _SHORT_CONDITION_LENGTH
    return lowered.ljust(_CONDITION_LENGTH, "0") if is_short else lowered


def derive_id(prefix: str, *parts: str) -> str:
    """Derive an id from content, so that a replay and a retry agree on it.

    Shape: prefix, a dash and 32 hex digits of SHA-256 over the parts, each length-prefixed.
    """
    digest = sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return f"{prefix}-{digest.hexdigest()[:_ID_LENGTH]}"
