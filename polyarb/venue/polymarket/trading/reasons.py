"""Why the venue refuses: its documented texts and statuses as reasons. Source: polymarket.md 3.4.

What is not documented is no refusal: the outcome is unknown then, which costs a read.
"""

from enum import StrEnum

import msgspec


class RejectReason(StrEnum):
    """Why nothing of a request was done; the first two were never sent."""

    NEVER_SENT = "NEVER_SENT"
    BUDGET = "BUDGET"
    VERSION_MISMATCH = "VERSION_MISMATCH"
    INVALID_PAYLOAD = "INVALID_PAYLOAD"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    WRONG_OWNER = "WRONG_OWNER"
    WRONG_SIGNER = "WRONG_SIGNER"
    MAKER_NOT_ALLOWED = "MAKER_NOT_ALLOWED"
    BANNED = "BANNED"
    CLOSED_ONLY = "CLOSED_ONLY"
    TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
    OFF_TICK = "OFF_TICK"
    TOO_SMALL = "TOO_SMALL"
    INVALID_EXPIRATION = "INVALID_EXPIRATION"
    INVALID_AMOUNTS = "INVALID_AMOUNTS"
    POST_ONLY_CROSSES = "POST_ONLY_CROSSES"
    NOT_ENOUGH_ALLOWANCE = "NOT_ENOUGH_ALLOWANCE"
    NOT_ENOUGH_BALANCE = "NOT_ENOUGH_BALANCE"
    FOK_NOT_FILLED = "FOK_NOT_FILLED"
    FAK_NOT_FILLED = "FAK_NOT_FILLED"
    UNMATCHED = "UNMATCHED"
    MARKET_NOT_READY = "MARKET_NOT_READY"
    UNKNOWN_TOKEN = "UNKNOWN_TOKEN"
    UNAUTHORIZED = "UNAUTHORIZED"
    GEOBLOCKED = "GEOBLOCKED"
    RATE_LIMITED = "RATE_LIMITED"
    POST_ONLY_MODE = "POST_ONLY_MODE"
    CANCEL_ONLY_MODE = "CANCEL_ONLY_MODE"
    TRADING_DISABLED = "TRADING_DISABLED"


class Text(msgspec.Struct, frozen=True):
    """A documented text, by a part of it; is_whole: it refuses a request with all its orders."""

    part: str
    reason: RejectReason
    is_whole: bool = False


TEXTS: tuple[Text, ...] = (
    Text("order_version_mismatch", RejectReason.VERSION_MISMATCH, True),
    Text("too many orders in payload", RejectReason.TOO_MANY_ORDERS, True),
    Text("invalid order payload", RejectReason.INVALID_PAYLOAD, True),
    Text("invalid request payload", RejectReason.INVALID_PAYLOAD, True),
    Text("invalid signature", RejectReason.INVALID_SIGNATURE),
    Text("the order owner has to be the owner of the api key", RejectReason.WRONG_OWNER, True),
    Text("the order signer address has to be the address", RejectReason.WRONG_SIGNER, True),
    Text("maker address not allowed", RejectReason.MAKER_NOT_ALLOWED, True),
    Text("address banned", RejectReason.BANNED, True),
    Text("closed only mode", RejectReason.CLOSED_ONLY, True),
    Text("breaks minimum tick size rule", RejectReason.OFF_TICK),
    Text("lower than the minimum", RejectReason.TOO_SMALL),
    Text("min size: $", RejectReason.TOO_SMALL),
    Text("invalid expiration", RejectReason.INVALID_EXPIRATION),
    Text("invalid amounts", RejectReason.INVALID_AMOUNTS),
    Text("crosses book", RejectReason.POST_ONLY_CROSSES),
    Text("allowance is not enough", RejectReason.NOT_ENOUGH_ALLOWANCE),
    Text("not enough balance", RejectReason.NOT_ENOUGH_BALANCE),
    Text("fok orders are fully filled or killed", RejectReason.FOK_NOT_FILLED),
    Text("no orders found to match with fak order", RejectReason.FAK_NOT_FILLED),
    Text("not yet ready to process new orders", RejectReason.MARKET_NOT_READY),
    Text("no orderbook exists", RejectReason.UNKNOWN_TOKEN),
    Text("market not found", RejectReason.UNKNOWN_TOKEN),
    Text("unauthorized/invalid api key", RejectReason.UNAUTHORIZED, True),
    Text("invalid l1 request headers", RejectReason.UNAUTHORIZED, True),
    Text("trading restricted in your region", RejectReason.GEOBLOCKED, True),
    Text("post-only mode", RejectReason.POST_ONLY_MODE, True),
    Text("cancel-only", RejectReason.CANCEL_ONLY_MODE, True),
    Text("trading is disabled", RejectReason.TRADING_DISABLED, True),
)
"""Looked at in this order: the more particular text of two that occur together comes first."""

STATUSES: dict[int, RejectReason] = {
    401: RejectReason.UNAUTHORIZED,
    403: RejectReason.GEOBLOCKED,
    429: RejectReason.RATE_LIMITED,
}
"""Statuses that refuse a request before anything of it is looked at, whatever their text."""

CODES: dict[str, RejectReason] = {
    "post_only_mode": RejectReason.POST_ONLY_MODE,
    "cancel_only_mode": RejectReason.CANCEL_ONLY_MODE,
}
MODE_REASONS = frozenset(
    {
        RejectReason.POST_ONLY_MODE,
        RejectReason.CANCEL_ONLY_MODE,
        RejectReason.TRADING_DISABLED,
    }
)
"""What a 503 may refuse with; any other 5xx leaves the outcome unknown."""

DUPLICATED = "duplicated"
MATCH_DELAYED = "order match delayed"


def text_of(told: str) -> Text | None:
    """Find the documented text that a venue's words contain."""
    lowered = told.lower()
    return next((text for text in TEXTS if text.part in lowered), None)


def reason_of(status: int, told: str, code: str, *, is_batch: bool) -> RejectReason | None:
    """Return why a request as a whole was refused; None where that is not certain.

    Shape: of a batch only what is never about a single order counts, as the others of it may
    have been taken.
    """
    if status in STATUSES:
        return STATUSES[status]
    found = text_of(told)
    reason = CODES.get(code) or (found.reason if found is not None else None)
    if status == 503:
        return reason if reason in MODE_REASONS else None
    if not 400 <= status < 500 or status == 425 or found is None:
        return None
    return found.reason if found.is_whole or not is_batch else None
