"""Heartbeats: an owner that began to send them and falls silent loses its open orders."""

from collections.abc import Callable
from functools import partial

import msgspec

from polyarb.venue.sandbox.exchange.identities import derived_uuid
from polyarb.venue.sandbox.exchange.timers import Timers
from polyarb.venue.sandbox.terms.orders import Heartbeat, RefusalReason, Refused
from polyarb.venue.sandbox.terms.settings import ExchangeSettings

_MS = 1_000_000


class _Pulse(msgspec.Struct, eq=False):
    """An owner that sends heartbeats. Units: deadline_ns is when its silence is too long."""

    expected_id: str
    deadline_ns: int


class Heartbeats:
    """Who sends heartbeats, and what each must send next.

    The first accepted one (an empty id) arms it; silence beyond the limit is found by the next
    sweep, which disarms the owner and calls `silenced`.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        timers: Timers,
        *,
        opened_ns: int,
        silenced: Callable[[str], None],
    ) -> None:
        self._timers = timers
        self._opened_ns = opened_ns
        self._silenced = silenced
        self._silence_ns = settings.heartbeat_ms * _MS
        self._sweep_ns = settings.heartbeat_sweep_ms * _MS
        self._pulses: dict[str, _Pulse] = {}
        self._count = 0

    def beat(self, owner: str, heartbeat_id: str, now_ns: int) -> Heartbeat | Refused:
        """Take a heartbeat, or refuse it with the id that was expected."""
        pulse = self._pulses.get(owner)
        expected = pulse.expected_id if pulse else ""
        if heartbeat_id != expected:
            return Refused(reason=RefusalReason.INVALID_HEARTBEAT, message=expected)
        self._count += 1
        next_id = derived_uuid("heartbeat", owner, self._opened_ns, self._count)
        deadline_ns = now_ns + self._silence_ns
        if pulse:
            pulse.expected_id, pulse.deadline_ns = next_id, deadline_ns
        else:
            self._pulses[owner] = _Pulse(next_id, deadline_ns)
            self._watch(owner, deadline_ns)
        return Heartbeat(heartbeat_id=next_id)

    def _watch(self, owner: str, deadline_ns: int) -> None:
        sweeps = -(-(deadline_ns - self._opened_ns) // self._sweep_ns)
        due_ns = self._opened_ns + sweeps * self._sweep_ns
        self._timers.set(due_ns, partial(self._sweep, owner, due_ns))

    def _sweep(self, owner: str, due_ns: int) -> None:
        pulse = self._pulses[owner]
        if pulse.deadline_ns > due_ns:
            self._watch(owner, pulse.deadline_ns)
            return
        del self._pulses[owner]
        self._silenced(owner)
