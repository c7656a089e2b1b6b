"""What went wrong, in the order in which it was recorded."""

from collections import Counter
from enum import StrEnum

import msgspec

from polyarb.domain.messages import (
    BookInvalidated,
    BooksOpened,
    JournalMessage,
    OperatorHalted,
    OperatorResumed,
    RaiseAlert,
    RecoverSet,
    RunStarted,
    RunStopping,
    SetSettled,
    TradeFailed,
    TradingStateChanged,
)
from polyarb.domain.order import TradingState
from polyarb.domain.units import format_micros

BREAKER_PREFIX = "breaker:"
"""How the engine begins the reason of a halt that its breaker asked for."""
CRITICAL = "CRITICAL"


class IncidentKind(StrEnum):
    """What kind of thing went wrong."""

    CRASH = "crash"
    TORN_TAIL = "torn tail"
    HALT = "halt"
    BREAKER = "breaker"
    REDUCED = "reduced"
    RESUMED = "resumed"
    NOT_OPENED = "not opened"
    ALERT = "alert"
    TRADE_FAILED = "trade failed"
    UNSOLD = "unsold"
    CUT_OFF = "cut off"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went wrong. Units: unix nanoseconds."""

    time_ns: int
    kind: IncidentKind
    severity: str
    text: str


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that went wrong; invalidated books are counted by fault, not listed."""

    listed: tuple[Incident, ...]
    books_by_fault: dict[str, int]

    def count(self, *kinds: IncidentKind) -> int:
        """Count the incidents of some kinds."""
        return sum(incident.kind in kinds for incident in self.listed)

    @property
    def critical(self) -> int:
        """Count the critical ones, however their severity is spelled."""
        return sum(incident.severity.upper() == CRITICAL for incident in self.listed)


class IncidentFold:
    """Folds the messages of a stretch of time into its incidents."""

    def __init__(self) -> None:
        self._listed: list[Incident] = []
        self._faults: Counter[str] = Counter()
        self._is_stopping = False
        self._unopened: tuple[int, str] | None = None

    def follow(self, message: JournalMessage) -> None:
        """Follow what a run is about; called for every message, inside the stretch or not."""
        match message:
            case RunStarted():
                self._is_stopping = False
                self._unopened = (message.receive_time_ns, message.run_id)
            case RunStopping():
                self._is_stopping = True
            case BooksOpened():
                self._unopened = None
            case _:
                pass

    def apply(self, message: JournalMessage) -> None:
        """Take one message inside the stretch, after it was followed."""
        now_ns = message.receive_time_ns
        match message:
            case TradingStateChanged():
                self._change(message)
            case OperatorHalted():
                self.note(now_ns, IncidentKind.HALT, f"{message.actor}: {message.reason}")
            case OperatorResumed():
                self.note(now_ns, IncidentKind.RESUMED, f"{message.actor}: {message.reason}")
            case RaiseAlert():
                self.note(now_ns, IncidentKind.ALERT, message.text, severity=message.severity)
            case BookInvalidated():
                self._faults[message.fault] += 1
            case TradeFailed():
                text = f"order {message.order_id} of plan {message.plan_id} never settled"
                self.note(now_ns, IncidentKind.TRADE_FAILED, text)
            case RecoverSet():
                left = message.left
                text = f"plan {left.plan_id} was {left.status} when its run was cut off"
                self.note(now_ns, IncidentKind.CUT_OFF, text)
            case SetSettled() if message.unsold:
                shares = format_micros(message.unsold)
                text = f"plan {message.plan_id} could not sell {shares} shares; they count as lost"
                self.note(now_ns, IncidentKind.UNSOLD, text)
            case _:
                pass

    def end_run(self) -> None:
        """Tell of a run that never opened its books: a halt was latched, it only watched."""
        if self._unopened is not None:
            time_ns, run_id = self._unopened
            text = f"run {run_id} never opened its books: it watched and could not trade"
            self.note(time_ns, IncidentKind.NOT_OPENED, text)
        self._unopened = None

    def note(
        self, time_ns: int, kind: IncidentKind, text: str, *, severity: str = "WARNING"
    ) -> None:
        """Add an incident."""
        self._listed.append(Incident(time_ns=time_ns, kind=kind, severity=severity, text=text))

    def incidents(self) -> Incidents:
        """Conclude, oldest first."""
        return Incidents(
            listed=tuple(sorted(self._listed, key=lambda incident: incident.time_ns)),
            books_by_fault=dict(sorted(self._faults.items())),
        )

    def _change(self, message: TradingStateChanged) -> None:
        """A halt is an incident unless the run was about to end."""
        if message.current is TradingState.REDUCING:
            self.note(message.receive_time_ns, IncidentKind.REDUCED, message.reason)
        elif message.current is TradingState.HALTED and not self._is_stopping:
            is_breaker = message.reason.startswith(BREAKER_PREFIX)
            kind = IncidentKind.BREAKER if is_breaker else IncidentKind.HALT
            self.note(message.receive_time_ns, kind, message.reason, severity=CRITICAL)
