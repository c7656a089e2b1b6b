"""Looks at everything a run depends on, all at once and each within a deadline."""

import asyncio
import secrets
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from polyarb.config import load_clock, load_venue
from polyarb.domain.errors import PolyarbError
from polyarb.domain.venue import VenueSettings
from polyarb.host.answers import tls_of_requests, tls_of_streams
from polyarb.host.checkup import Check, Finding, Result, fail, skipped, worst
from polyarb.host.clock import SystemClock
from polyarb.host.clock_health import ClockHealth
from polyarb.host.threads import run_abandoning
from polyarb.host.time_servers import TIME_SERVERS
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.rest.client import PublicClient
from polyarb.wiring.doctor.checks import CONFIGURATION, NETWORK, CheckName, as_check
from polyarb.wiring.doctor.units import UNITS_DIR
from polyarb.wiring.doctor.venue import Findings, Instruments, Remote
from polyarb.wiring.doctor.workspace import (
    LocalCheck,
    Surroundings,
    guarded,
    local_checks,
    profile_in_use,
)


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkup found; clock is None where the network was left out."""

    workspace: str
    is_offline: bool
    result: Result
    took_ns: int
    clock: ClockHealth | None
    checks: tuple[Check, ...]

    def has_failed(self, *, configuration: bool) -> bool:
        """Tell whether a check of the configuration has failed, or one of anything else."""
        return any(
            check.result is Result.FAIL and (check.name in CONFIGURATION) is configuration
            for check in self.checks
        )


def examine(
    place: Workspace,
    *,
    is_offline: bool,
    time_servers: tuple[str, ...] = (),
    units: Path = UNITS_DIR,
) -> DoctorReport:
    """Examine a workspace, its machine and, unless offline, the venue.

    Shape: units is the folder in which a supervisor looks for its units.
    """
    settings = venue_settings(place)
    instruments = instruments_for(place, time_servers)
    return run_abandoning(look_at(place, settings, instruments, is_offline=is_offline, units=units))


def instruments_for(place: Workspace, time_servers: tuple[str, ...] = ()) -> Instruments:
    """Take the real instruments; without time servers those of the workspace are asked."""
    return Instruments(
        clock=SystemClock(),
        sleep=asyncio.sleep,
        draw=lambda: secrets.randbits(64),
        open_venue=_open_venue,
        tls_of_requests=tls_of_requests(),
        tls_of_streams=tls_of_streams(),
        time_servers=time_servers or _time_servers(place),
    )


def venue_settings(place: Workspace) -> VenueSettings:
    """Load how the venue is reached; the check of the configuration tells what is wrong there."""
    try:
        return load_venue(place)
    except PolyarbError:
        return VenueSettings()


def _open_venue(settings: VenueSettings) -> PublicClient:
    return PublicClient(settings, SystemClock(), Random(secrets.randbits(64)))


def _time_servers(place: Workspace) -> tuple[str, ...]:
    """Load which servers are asked for the time; none configured is no reason not to look."""
    try:
        return load_clock(place).servers or TIME_SERVERS
    except PolyarbError:
        return TIME_SERVERS


async def look_at(
    place: Workspace,
    settings: VenueSettings,
    instruments: Instruments,
    *,
    is_offline: bool,
    units: Path = UNITS_DIR,
) -> DoctorReport:
    """Run every check at once and put the findings in order."""
    began_ns = instruments.clock.monotonic_ns()
    profile = profile_in_use(place)
    remote = Remote(settings, instruments, profile.phase if profile else None)
    local = local_checks(
        Surroundings(
            place=place,
            settings=settings,
            profile=profile,
            units=units,
            now_ns=instruments.clock.now_ns(),
        )
    )
    parts: list[Coroutine[Any, Any, Findings]] = [_locally(local, settings.request_ms_max)]
    parts.append(_nothing() if is_offline else remote.look())
    findings: Findings = {}
    for part in await asyncio.gather(*parts):
        findings |= part
    checks = tuple(as_check(name, findings[name]) for name in CheckName)
    return DoctorReport(
        workspace=str(place.root),
        is_offline=is_offline,
        result=worst([check.result for check in checks]),
        took_ns=instruments.clock.monotonic_ns() - began_ns,
        clock=None if is_offline else remote.clock_health(),
        checks=checks,
    )


async def _locally(checks: dict[CheckName, LocalCheck], deadline_ms: int) -> Findings:
    """Run checks in threads of their own: a dead disk holds up only those that touch it."""
    found = await asyncio.gather(
        *(in_thread(partial(guarded, check), deadline_ms) for check in checks.values())
    )
    return dict(zip(checks, found, strict=True))


async def in_thread(check: LocalCheck, deadline_ms: int) -> Finding:
    """Run a check in a thread of its own, within a deadline."""
    try:
        async with asyncio.timeout(deadline_ms / 1000):
            return await asyncio.get_running_loop().run_in_executor(None, check)
    except TimeoutError:
        return fail(f"nothing within {deadline_ms} ms")


async def _nothing() -> Findings:
    return {name: skipped("left out: offline") for name in NETWORK}
