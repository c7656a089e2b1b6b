"""The board of armed faults: who decides, with chance of its own, whether something goes wrong.

Nobody's clock and no I/O; the same seed and the same occasions give the same faults.
"""

from collections.abc import Callable
from itertools import count
from random import Random

import msgspec

from polyarb.venue.polymarket.instruments.gamma import TICKS
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind

SCOPE_LENGTH_MAX = 200
DELAY_MS_MAX = 3_600_000
SKEW_MS_MAX = 86_400_000
BLOCKS_MAX = 64
TRIES_MAX = 1_000
ARMED_MAX = 1_000
_FAULTS = msgspec.json.Decoder(Fault)


class BadFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that cannot be armed, and why."""

    reason: str


class ArmedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault on the board: how many occasions it saw and how often it struck."""

    fault_id: str
    fault: Fault
    occasions: int = 0
    strikes: int = 0


class _Entry(msgspec.Struct):
    """An armed fault while it counts."""

    fault_id: str
    fault: Fault
    occasions: int = 0
    strikes: int = 0


class FaultBoard:
    """The armed faults, by kind; of several that could strike, the one armed first does.

    Asked on every order and every frame: while nothing is armed it costs next to nothing.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._entries: dict[FaultKind, list[_Entry]] = {}
        self._numbers = count(1)

    def strike(self, kind: FaultKind, scope: str) -> Fault | None:
        """Return the armed fault of this kind that hits this scope now, or None."""
        if not self._entries:
            return None
        for entry in self._entries.get(kind, ()):
            if scope.startswith(entry.fault.scope) and self._hits(entry):
                if entry.strikes == entry.fault.times:
                    self._remove(entry)
                return entry.fault
        return None

    def arm(self, fault: Fault) -> str | BadFault:
        """Arm a fault and return its id on the board, or say why it cannot be armed."""
        if len(self.armed()) >= ARMED_MAX:
            return BadFault(reason=f"expected at most {ARMED_MAX} armed faults; clear some")
        if problem := problem_of(fault):
            return BadFault(reason=problem)
        entry = _Entry(fault_id=f"fault-{next(self._numbers)}", fault=fault)
        self._entries.setdefault(fault.kind, []).append(entry)
        return entry.fault_id

    def clear(self, fault_id: str | None = None) -> tuple[str, ...]:
        """Disarm one fault, or all of them, and return the ids of those that were armed."""
        cleared = [
            entry
            for entries in self._entries.values()
            for entry in entries
            if fault_id in (None, entry.fault_id)
        ]
        for entry in cleared:
            self._remove(entry)
        return tuple(entry.fault_id for entry in cleared)

    def armed(self) -> tuple[ArmedFault, ...]:
        """List what is armed; a fault that struck as often as it may is no longer there."""
        return tuple(
            ArmedFault(
                fault_id=entry.fault_id,
                fault=entry.fault,
                occasions=entry.occasions,
                strikes=entry.strikes,
            )
            for entries in self._entries.values()
            for entry in entries
        )

    def _hits(self, entry: _Entry) -> bool:
        """Count one occasion of a fault in whose scope it is, and tell whether it strikes."""
        entry.occasions += 1
        if entry.occasions <= entry.fault.skip:
            return False
        if entry.fault.share < 1 and self._random.random() >= entry.fault.share:
            return False
        entry.strikes += 1
        return True

    def _remove(self, entry: _Entry) -> None:
        """Take a fault off; a kind without any left is off the board, too."""
        kind = entry.fault.kind
        self._entries[kind] = [each for each in self._entries[kind] if each is not entry]
        if not self._entries[kind]:
            del self._entries[kind]


def read_fault(content: bytes) -> Fault | BadFault:
    """Read a fault from JSON, or say what is wrong with it; a key that is not known is wrong."""
    try:
        fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        unknown = sorted(set(fields) - set(Fault.__struct_fields__))
        if unknown:
            known = ", ".join(Fault.__struct_fields__)
            return BadFault(reason=f"unknown key {unknown[0]!r}; expected {known}")
        fault = _FAULTS.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        return BadFault(reason=str(problem))
    reason = problem_of(fault)
    return BadFault(reason=reason) if reason else fault


def problem_of(fault: Fault) -> str:
    """Say why a fault cannot be armed; empty when it can."""
    return next((reason for check in FAULT_CHECKS if (reason := check(fault))), "")


def _share_problem(fault: Fault) -> str:
    is_right = 0 < fault.share <= 1
    return "" if is_right else f"share: expected more than 0 and at most 1, found {fault.share}"


def _skip_problem(fault: Fault) -> str:
    return "" if fault.skip >= 0 else f"skip: expected 0 or more, found {fault.skip}"


def _times_problem(fault: Fault) -> str:
    is_right = fault.times is None or fault.times >= 1
    return "" if is_right else f"times: expected 1 or more, or none, found {fault.times}"


def _scope_problem(fault: Fault) -> str:
    length = len(fault.scope)
    is_right = length <= SCOPE_LENGTH_MAX and fault.scope.isprintable()
    return "" if is_right else f"scope: expected at most {SCOPE_LENGTH_MAX} printable characters"


def _amount_problem(fault: Fault) -> str:
    if fault.kind is FaultKind.TICK_CHANGE:
        ticks = ", ".join(str(tick) for tick in sorted(TICKS))
        is_tick = fault.amount in TICKS
        return "" if is_tick else f"amount: expected a tick in micros ({ticks})"
    least, most, unit = _AMOUNTS.get(fault.kind, (0, DELAY_MS_MAX, ""))
    if least <= fault.amount <= most and (fault.amount or fault.kind not in _AMOUNT_NEEDED):
        return ""
    whole = "" if least >= 0 else " and not 0"
    return f"amount: expected {least} to {most}{whole} {unit}".rstrip() + f", found {fault.amount}"


_AMOUNTS: dict[FaultKind, tuple[int, int, str]] = {
    FaultKind.SLOW_RESPONSE: (1, DELAY_MS_MAX, "ms"),
    FaultKind.FREEZE: (1, DELAY_MS_MAX, "ms"),
    FaultKind.SETTLEMENT_DELAY: (1, DELAY_MS_MAX, "ms"),
    FaultKind.CLOCK_SKEW: (-SKEW_MS_MAX, SKEW_MS_MAX, "ms"),
    FaultKind.RPC_LAG: (1, BLOCKS_MAX, "blocks"),
    FaultKind.REORG: (1, BLOCKS_MAX, "blocks"),
    FaultKind.GHOST_FILL: (0, TRIES_MAX, "tries"),
}
"""What an amount may be, where it means something; ticks are told by name."""
_AMOUNT_NEEDED = frozenset(_AMOUNTS) - {FaultKind.GHOST_FILL}
FAULT_CHECKS: tuple[Callable[[Fault], str], ...] = (
    _share_problem,
    _skip_problem,
    _times_problem,
    _scope_problem,
    _amount_problem,
)
"""What must hold of a fault before it is armed; each says what is wrong, or nothing."""
