"""What `polyarb doctor` finds beyond the machine: time servers and the venue's hosts.

Every host is first reached and then asked, each within one request's deadline, so that the whole
takes two at most; a host that is not reached is not asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Protocol, TypeVar

from polyarb.domain.errors import VenueError
from polyarb.domain.limits import Phase
from polyarb.domain.surroundings import ClockVerdict
from polyarb.domain.venue import VenueSettings
from polyarb.host.answers import greet, request_once
from polyarb.host.checkup import Finding, Result, fail, ok, skipped, warn
from polyarb.host.clock_health import ClockHealth, judge_offset
from polyarb.host.reach import Reach, ReachStage, fault_text, reach
from polyarb.host.sntp import Reading
from polyarb.host.time_servers import agreed_offset, ask_time_servers
from polyarb.host.venue_time import RoundTrip, VenueOffset, venue_offset
from polyarb.ports import Clock
from polyarb.wiring.doctor.checks import STAGE_REMEDIES, CheckName

VERSION = 2
TIME_QUESTIONS = 10
TIME_QUESTION_NS = 100_000_000
"""Ten questions over a second: the venue tells whole seconds, their change tells the rest."""
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_RESULTS = {
    ClockVerdict.GOOD: Result.OK,
    ClockVerdict.UNKNOWN: Result.WARN,
    ClockVerdict.ALARM: Result.WARN,
    ClockVerdict.REFUSED: Result.FAIL,
}

T = TypeVar("T")
Findings = dict[CheckName, Finding]


class Whereabouts(Protocol):
    """What the venue says of where we are."""

    @property
    def blocked(self) -> bool:
        """Whether it does not trade with us."""
        ...

    @property
    def country(self) -> str:
        """Where it thinks we are."""
        ...


class PublicVenue(Protocol):
    """The public questions that a checkup asks. Errors: VenueError for whatever is no answer."""

    async def is_ok(self) -> bool:
        """Ask whether all is well."""
        ...

    async def time_ms(self) -> int:
        """Ask for the time."""
        ...

    async def version(self) -> int:
        """Ask for the protocol's version."""
        ...

    async def geoblock(self) -> Whereabouts:
        """Ask whether we may trade from here."""
        ...


OpenVenue = Callable[[VenueSettings], AbstractAsyncContextManager[PublicVenue]]


@dataclass(frozen=True, slots=True)
class Instruments:
    """What a checkup looks with; draw gives 64 random bits, sleep takes seconds."""

    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    draw: Callable[[], int]
    open_venue: OpenVenue
    tls_of_requests: SSLContext
    tls_of_streams: SSLContext
    time_servers: tuple[str, ...]


class Remote:
    """One look at everything remote; clock is filled as its parts are measured."""

    def __init__(
        self, settings: VenueSettings, instruments: Instruments, phase: Phase | None
    ) -> None:
        self.offset: tuple[int, int] | None = None
        self.venue_offset: VenueOffset | None = None
        self._settings = settings
        self._with = instruments
        self._phase = phase
        self._deadline_ms = settings.request_ms_max

    async def look(self) -> Findings:
        """Look at everything at once."""
        async with self._with.open_venue(self._settings) as venue:
            found = await asyncio.gather(
                self.time_servers(), self._clob(venue), self._others(venue)
            )
        return {name: finding for part in found for name, finding in part.items()}

    def clock_health(self) -> ClockHealth:
        """Tell what was measured of our clock."""
        offset, venue = self.offset, self.venue_offset
        return ClockHealth(
            measured_ns=self._with.clock.now_ns(),
            ntp_offset_ns=offset[0] if offset else None,
            ntp_uncertainty_ns=offset[1] if offset else None,
            venue_offset_ns=venue.offset_ns if venue else None,
            venue_uncertainty_ns=venue.uncertainty_ns if venue else None,
        )

    async def time_servers(self) -> Findings:
        """Ask the time servers, and keep by how much we are off."""
        answers = await ask_time_servers(
            self._with.time_servers,
            deadline_ms=self._deadline_ms,
            clock=self._with.clock,
            draw=self._with.draw,
        )
        agreed = agreed_offset(answers)
        if agreed is not None:
            self.offset = (agreed.value, agreed.uncertainty)
            told = f"{len(agreed.agreeing)} of {len(answers)} time servers"
            finding = _judged(told, agreed.value, agreed.uncertainty)
        elif any(isinstance(one, Reading) for one in answers):
            finding = warn("the time servers contradict each other")
        else:
            silent = [
                f"{one.server}: {one.refusal}" for one in answers if not isinstance(one, Reading)
            ]
            finding = warn("no time server is of use: " + "; ".join(silent))
        return {CheckName.TIME_SERVERS: finding}

    async def _clob(self, venue: PublicVenue) -> Findings:
        """Reach the host of the books, then ask what only it can tell."""
        way = await self._reach(self._settings.hosts.clob)
        if way.failed_at is not None:
            unasked = skipped("not asked: the order book's host is not reached")
            return {
                CheckName.CLOB: _unreached(way),
                CheckName.VERSION: unasked,
                CheckName.VENUE_CLOCK: unasked,
            }
        answered, version, clock = await asyncio.gather(
            self._asked(venue.is_ok, _judge_ok, way),
            self._asked(venue.version, _judge_version),
            self._venue_clock(venue),
        )
        return {
            CheckName.CLOB: answered,
            CheckName.VERSION: version,
            CheckName.VENUE_CLOCK: clock,
        }

    async def _others(self, venue: PublicVenue) -> Findings:
        hosts, deadline_ms = self._settings.hosts, self._deadline_ms
        page = f"{hosts.gamma}/markets/keyset?limit=1"
        tls, stream_tls = self._with.tls_of_requests, self._with.tls_of_streams
        gamma, stream, geoblock = await asyncio.gather(
            self._host(
                hosts.gamma,
                lambda: request_once(page, deadline_ms=deadline_ms, context=tls),
                _judge_done,
            ),
            self._host(
                hosts.stream,
                lambda: greet(hosts.stream, deadline_ms=deadline_ms, context=stream_tls),
                _judge_done,
            ),
            self._host(hosts.geoblock, venue.geoblock, self._judge_place),
        )
        return {
            CheckName.GAMMA: gamma,
            CheckName.STREAM: stream,
            CheckName.GEOBLOCK: geoblock,
        }

    async def _host(
        self, url: str, ask: Callable[[], Awaitable[T]], judge: Callable[[T], Finding]
    ) -> Finding:
        """Reach a host, then ask it."""
        way = await self._reach(url)
        return _unreached(way) if way.failed_at else await self._asked(ask, judge, way)

    async def _reach(self, url: str) -> Reach:
        is_stream = url.startswith("ws")
        return await reach(
            url,
            deadline_ms=self._deadline_ms,
            context=self._with.tls_of_streams if is_stream else self._with.tls_of_requests,
            monotonic_ns=self._with.clock.monotonic_ns,
        )

    async def _asked(
        self,
        ask: Callable[[], Awaitable[T]],
        judge: Callable[[T], Finding],
        way: Reach | None = None,
    ) -> Finding:
        """Ask one thing within a request's deadline and judge the answer."""
        whose, took_ns = (f"{way.host} ", _figures(way)) if way else ("", {})
        clock = self._with.clock
        began_ns = clock.monotonic_ns()
        try:
            async with asyncio.timeout(self._deadline_ms / 1000):
                value = await ask()
        except (VenueError, OSError) as fault:
            told = fault_text(fault, self._deadline_ms)
            return fail(f"{whose}{told}", STAGE_REMEDIES[ReachStage.ANSWER], **took_ns)
        took_ns = {**took_ns, f"{ReachStage.ANSWER}_ns": clock.monotonic_ns() - began_ns}
        finding = judge(value)
        return Finding(
            result=finding.result,
            found=f"{whose}{finding.found} ({_stages(took_ns)})",
            remedy=finding.remedy,
            measured={**took_ns, **finding.measured},
        )

    async def _venue_clock(self, venue: PublicVenue) -> Finding:
        trips: list[RoundTrip] = []
        told = ""
        try:
            async with asyncio.timeout(self._deadline_ms / 1000):
                await self._ask_times(venue, trips)
        except (VenueError, OSError) as fault:
            told = fault_text(fault, self._deadline_ms)
        self.venue_offset = offset = venue_offset(trips)
        if offset is not None:
            return _judged("the venue", offset.offset_ns, offset.uncertainty_ns)
        if trips:
            return warn("the venue's answers contradict each other")
        return fail(f"the venue does not tell the time: {told}")

    async def _ask_times(self, venue: PublicVenue, trips: list[RoundTrip]) -> None:
        """Ask at even moments of one second; what is known stays when it is cut short."""
        clock = self._with.clock
        began_ns = clock.monotonic_ns()
        for index in range(TIME_QUESTIONS):
            wait_ns = began_ns + index * TIME_QUESTION_NS - clock.monotonic_ns()
            await self._with.sleep(max(wait_ns, 0) / _NS_PER_S)
            sent_ns, left_ns = clock.now_ns(), clock.monotonic_ns()
            told_ms = await venue.time_ms()
            elapsed_ns = clock.monotonic_ns() - left_ns
            trips.append(RoundTrip(sent_ns=sent_ns, elapsed_ns=elapsed_ns, told_ms=told_ms))

    def _judge_place(self, place: Whereabouts) -> Finding:
        told = f"trading is {'closed' if place.blocked else 'open'} to {place.country or 'us'}"
        if not place.blocked:
            return ok(told)
        trades = self._phase not in (None, Phase.SHADOW)
        return fail(told) if trades else warn(told)


def _judged(source: str, offset_ns: int, uncertainty_ns: int) -> Finding:
    judgement = judge_offset(source, offset_ns, uncertainty_ns)
    return Finding(
        result=_RESULTS[judgement.verdict],
        found=judgement.reason,
        measured={"offset_ns": offset_ns, "uncertainty_ns": uncertainty_ns},
    )


def _judge_ok(is_ok: bool) -> Finding:
    return ok("answers") if is_ok else fail("says that it is not ok")


def _judge_done(_done: None) -> Finding:
    return ok("answers")


def _judge_version(version: int) -> Finding:
    told = f"the venue speaks version {version}"
    return ok(told) if version == VERSION else fail(f"{told}, expected {VERSION}")


def _unreached(way: Reach) -> Finding:
    assert way.failed_at is not None
    told = f"{way.host} is not reached: {way.failed_at}: {way.reason}"
    return fail(told, STAGE_REMEDIES[way.failed_at], **_figures(way))


def _figures(way: Reach) -> dict[str, int]:
    return {f"{stage}_ns": took for stage, took in way.took_ns.items()}


def _stages(took_ns: dict[str, int]) -> str:
    told = (f"{name.removesuffix('_ns')} {took / _NS_PER_MS:.1f}" for name, took in took_ns.items())
    return ", ".join(told) + " ms"
