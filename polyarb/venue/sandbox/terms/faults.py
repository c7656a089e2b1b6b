"""What can go wrong, by name; armed by scenarios and through the admin port."""

from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """Kinds of faults. What each scope means is said beside it.

    HTTP faults have the scope `service METHOD path` (`clob POST /order`), channel faults
    `market` or `user`, settlement and market faults the condition id, chain faults `rpc`, balance
    faults the wallet's address.
    """

    SLOW_RESPONSE = "slow-response"
    LOST_RESPONSE = "lost-response"
    SERVER_ERROR = "server-error"
    ERROR_AFTER_ACCEPT = "error-after-accept"
    HTML_ERROR = "html-error"
    RATE_LIMITED = "rate-limited"
    GEOBLOCKED = "geoblocked"
    DISCONNECT = "disconnect"
    FREEZE = "freeze"
    LOST_FRAME = "lost-frame"
    DUPLICATE_FRAME = "duplicate-frame"
    REORDERED_FRAMES = "reordered-frames"
    TORN_FRAME = "torn-frame"
    STALE_BOOK = "stale-book"
    GHOST_FILL = "ghost-fill"
    SETTLEMENT_DELAY = "settlement-delay"
    STALE_BALANCE = "stale-balance"
    TICK_CHANGE = "tick-change"
    MARKET_CLOSED = "market-closed"
    CLOCK_SKEW = "clock-skew"
    RPC_LAG = "rpc-lag"
    REORG = "reorg"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One armed fault.

    Shape: it strikes in a scope that starts with `scope` (empty: anywhere), with the probability
    `share`, after `skip` occasions were let pass, at most `times` times (None: until cleared).
    Units: amount is milliseconds for delays, freezes and skew, blocks for lag and reorg, micros
    for a new tick, tries for a settlement that reverts and then succeeds (0: it never does).
    """

    kind: FaultKind
    scope: str = ""
    share: float = 1.0
    skip: int = 0
    times: int | None = None
    amount: int = 0
