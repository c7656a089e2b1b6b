"""Our clock while a run lasts: measured against time servers and the venue, watched in between.

What tells against it (a leap against monotonic time, a drift of the stream's shortest delays) is a
reason to measure anew at once; until a measurement finds it right, nothing is decided by it.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from polyarb.domain.errors import VenueError
from polyarb.domain.messages import OperatorOrder
from polyarb.domain.surroundings import ClockJudged, ClockSettings, ClockStanding, ClockVerdict
from polyarb.host.agreement import Agreed
from polyarb.host.clock_health import AGE_NS_MAX, ClockHealth, ClockJudgement, judge
from polyarb.host.drift import EnvelopeDrift
from polyarb.host.steps import Instant, Step, StepKind, StepWatch
from polyarb.host.threads import run_abandoning
from polyarb.host.time_servers import agreed_offset, ask_time_servers
from polyarb.host.venue_time import RoundTrip, VenueOffset, venue_offset
from polyarb.ports import Clock, Inbox

DEADLINE_MS = 3_000
"""How long time servers are waited for."""
RETRY_S = 30.0
"""Shortest pause between two measurements, however much tells against our clock."""
_VENUE_QUESTIONS = 10
_VENUE_PAUSE_S = 0.1
"""Ten questions over a second: the venue tells whole seconds, their change tells the rest."""
_NS_PER_MS = 1_000_000
_NS_PER_MINUTE = 60 * 10**9
_PPM_PER_NS_A_MINUTE = 1 / 60_000


class StepClock(Clock, Protocol):
    """A clock whose several times can be read together."""

    def instant(self) -> Instant:
        """Read wall, monotonic and boot time in one instant."""
        ...


class VenueTime(Protocol):
    """Whoever tells the venue's time."""

    async def time_ms(self) -> int:
        """Ask for the time. Errors: VenueError."""
        ...


class Timekeeper:
    """Knows what our clock is worth; `tick` once a second, `run` beside it in the same loop."""

    def __init__(
        self,
        settings: ClockSettings,
        clock: StepClock,
        *,
        ask: Callable[[], Agreed | None] | None = None,
        retry_s: float = RETRY_S,
    ) -> None:
        """Shape: ask blocks in a thread of its own; by default it asks the settings' servers."""
        self._settings = settings
        self._clock = clock
        self._ask = ask if ask is not None else self._ask_servers
        self._retry_s = retry_s
        self._alarm_ns = settings.offset_ms_max * _NS_PER_MS
        self._age_ns_max = max(AGE_NS_MAX, 3 * settings.check_minutes * _NS_PER_MINUTE)
        self._steps = StepWatch(clock.instant())
        self._drifts: dict[str, EnvelopeDrift] = {}
        self._servers: Agreed | None = None
        self._venue: VenueOffset | None = None
        self._measured_ns: int | None = None
        self._stepped_ns = self._stepped_at_ns = 0
        self._sets = 0
        self._doubted = asyncio.Event()
        self._judgement = ClockJudgement(verdict=ClockVerdict.UNKNOWN, reason="not measured yet")
        self._is_trusted = True
        self._untold: tuple[bool, str] | None = None

    def tick(self, delays_ms: Mapping[str, int]) -> None:
        """Look at the clock, with the shortest delays of each stream since the last look."""
        now = self._clock.instant()
        step = self._steps.look(now)
        if step is not None:
            self._take_step(step, now)
        for source, delay_ms in delays_ms.items():
            drift = self._drifts.setdefault(source, EnvelopeDrift())
            drift.observe(now.wall_ns - delay_ms * _NS_PER_MS, now.wall_ns)
        self._judge(now)

    async def run(self, venue: VenueTime) -> None:
        """Measure now, at every interval, and soon where something tells against our clock."""
        while True:
            await self.measure(venue)
            await asyncio.sleep(self._retry_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.check_minutes * 60 - self._retry_s):
                    await self._doubted.wait()
            self._doubted.clear()

    async def measure(self, venue: VenueTime) -> None:
        """Ask the time servers and the venue; what was asked before our clock was set is void."""
        sets, loop = self._sets, asyncio.get_running_loop()
        servers, told = await asyncio.gather(
            loop.run_in_executor(None, self._ask), self._ask_venue(venue)
        )
        if sets != self._sets or (servers is None and told is None):
            return
        self._servers, self._venue = servers, told
        self._measured_ns = self._clock.monotonic_ns()
        self._stepped_ns = 0
        drift_ns = self._drift_ns()
        if drift_ns is not None and abs(drift_ns) > self._alarm_ns:
            # The measurement decides from here on: the way to the venue may have grown longer.
            self._drifts.clear()
        self._judge(self._clock.instant())

    def standing(self) -> ClockStanding:
        """Tell what is known, as an alarm takes it."""
        offset = self._offset()
        drift_ns = self._drift_ns()
        now_ns, measured_ns = self._clock.monotonic_ns(), self._measured_ns
        return ClockStanding(
            verdict=self._judgement.verdict,
            reason=self._judgement.reason,
            offset_ms=None if offset is None else offset[0] / _NS_PER_MS,
            uncertainty_ms=None if offset is None else offset[1] / _NS_PER_MS,
            drift_ppm=None if drift_ns is None else drift_ns * _PPM_PER_NS_A_MINUTE,
            is_stepped=self._stepped_ns != 0,
            age_ms=None if measured_ns is None else (now_ns - measured_ns) // _NS_PER_MS,
        )

    def take(self, now_ns: int) -> tuple[ClockJudged, ...]:
        """Return, once, that our clock is no longer trusted, or is again."""
        if self._untold is None:
            return ()
        (is_trusted, reason), self._untold = self._untold, None
        return (ClockJudged(receive_time_ns=now_ns, is_trusted=is_trusted, reason=reason),)

    def _ask_servers(self) -> Agreed | None:
        if not self._settings.servers:
            return None
        answers = run_abandoning(
            ask_time_servers(
                self._settings.servers,
                deadline_ms=DEADLINE_MS,
                clock=self._clock,
                draw=lambda: secrets.randbits(64),
            )
        )
        return agreed_offset(answers)

    async def _ask_venue(self, venue: VenueTime) -> VenueOffset | None:
        trips: list[RoundTrip] = []
        with suppress(VenueError):
            for _ in range(_VENUE_QUESTIONS):
                sent_ns, left_ns = self._clock.now_ns(), self._clock.monotonic_ns()
                told_ms = await venue.time_ms()
                elapsed_ns = self._clock.monotonic_ns() - left_ns
                trips.append(RoundTrip(sent_ns=sent_ns, elapsed_ns=elapsed_ns, told_ms=told_ms))
                await asyncio.sleep(_VENUE_PAUSE_S)
        return venue_offset(trips)

    def _take_step(self, step: Step, now: Instant) -> None:
        """Forget what was measured before our clock was set; a sleep only ends the drift's line."""
        self._drifts.clear()
        self._doubted.set()
        if step.kind is StepKind.SET:
            self._sets += 1
            self._stepped_ns, self._stepped_at_ns = step.size_ns, now.monotonic_ns
            self._servers = self._venue = self._measured_ns = None

    def _judge(self, now: Instant) -> None:
        if self._stepped_ns and now.monotonic_ns - self._stepped_at_ns > self._age_ns_max:
            self._stepped_ns = 0
        measured_ns = self._measured_ns
        if measured_ns is not None and now.monotonic_ns - measured_ns > self._age_ns_max:
            self._servers = self._venue = None
        servers, venue = self._servers, self._venue
        health = ClockHealth(
            measured_ns=now.wall_ns,
            ntp_offset_ns=None if servers is None else servers.value,
            ntp_uncertainty_ns=None if servers is None else servers.uncertainty,
            venue_offset_ns=None if venue is None else venue.offset_ns,
            venue_uncertainty_ns=None if venue is None else venue.uncertainty_ns,
            drift_ns_per_minute=self._drift_ns(),
            stepped_ns=self._stepped_ns,
        )
        self._judgement = judge(health, now.wall_ns, alarm_ns=self._alarm_ns)
        is_trusted = not self._judgement.verdict.stops
        if not is_trusted:
            self._doubted.set()
        if is_trusted is not self._is_trusted:
            self._is_trusted = is_trusted
            self._untold = (is_trusted, self._judgement.reason)

    def _offset(self) -> tuple[int, int] | None:
        """Return the offset and its uncertainty, by the time servers if they told one."""
        if self._servers is not None:
            return self._servers.value, self._servers.uncertainty
        if self._venue is not None:
            return self._venue.offset_ns, self._venue.uncertainty_ns
        return None

    def _drift_ns(self) -> int | None:
        """Return the least drift of any stream: a clock that drifts does so against all."""
        found = [drift.ns_per_minute() for drift in self._drifts.values()]
        told = [drift_ns for drift_ns in found if drift_ns is not None]
        return min(told, key=abs) if told else None


class ClockInbox:
    """The port `Inbox` of an operator's orders and of what our clock is worth."""

    def __init__(self, inbox: Inbox, timekeeper: Timekeeper) -> None:
        self._inbox = inbox
        self._timekeeper = timekeeper

    def take(self, now_ns: int) -> Sequence[OperatorOrder | ClockJudged]:
        """Return what arrived since the last call, as events of this moment."""
        return (*self._inbox.take(now_ns), *self._timekeeper.take(now_ns))
