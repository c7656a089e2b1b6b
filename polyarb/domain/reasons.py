"""Why something was turned down; sizing's own reasons are `SizeReason`."""

from enum import StrEnum


class Guard(StrEnum):
    """Why an inequality that seems to hold must not be traded."""

    UNSETTLED = "UNSETTLED"
    CROSSED_BOOK = "CROSSED_BOOK"
    GAPPED = "GAPPED"
    STALE = "STALE"
    SKEWED = "SKEWED"
    OFF_TICK = "OFF_TICK"
    INCOMPLETE = "INCOMPLETE"
    NON_EXHAUSTIVE = "NON_EXHAUSTIVE"
    CONVERT_FEE = "CONVERT_FEE"
    AFTER_FEES = "AFTER_FEES"
    ALREADY_PLANNED = "ALREADY_PLANNED"
    ALREADY_TAKEN = "ALREADY_TAKEN"


class Denial(StrEnum):
    """Why the risk stage refused a plan."""

    NOT_ACTIVE = "NOT_ACTIVE"
    FAMILY_DISABLED = "FAMILY_DISABLED"
    EDGE_TOO_SMALL = "EDGE_TOO_SMALL"
    SLIPPAGE = "SLIPPAGE"
    TRADE_SIZE = "TRADE_SIZE"
    ORDER_NOTIONAL = "ORDER_NOTIONAL"
    POSITION_NOTIONAL = "POSITION_NOTIONAL"
    OPEN_NOTIONAL = "OPEN_NOTIONAL"
    LEG_UNDER_WAY = "LEG_UNDER_WAY"
    INSTRUMENTS = "INSTRUMENTS"
    VENUES = "VENUES"
    ORDER_RATE = "ORDER_RATE"
    DAILY_LOSS = "DAILY_LOSS"
