"""Stage 4: what may be sent. Every check is a function with a reason; only Approved may go on."""

from polyarb.engine.risk.checks import RISK_CHECKS, Situation, approve
from polyarb.engine.risk.exposure import (
    breaker_reason,
    record_orders,
    record_outcome,
    release,
    reserve,
    reset_breaker,
    roll_day,
)

__all__ = [
    "RISK_CHECKS",
    "Situation",
    "approve",
    "breaker_reason",
    "record_orders",
    "record_outcome",
    "release",
    "reserve",
    "reset_breaker",
    "roll_day",
]
