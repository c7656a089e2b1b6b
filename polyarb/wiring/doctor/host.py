"""The machine's baseline for `polyarb doctor --host`: all checks at once, each with a deadline."""

import asyncio
import time
from functools import partial

from polyarb.domain.errors import StoreError
from polyarb.domain.venue import Universe, VenueSettings
from polyarb.host.baseline import BaselineName, as_baseline_check
from polyarb.host.baseline_clock import STEERED_PPB_MAX
from polyarb.host.baseline_looks import LOOKS, Machine, looked
from polyarb.host.checkup import Finding, Result, skipped, worst
from polyarb.host.system_files import SystemFiles
from polyarb.host.threads import run_abandoning
from polyarb.store.status import Liveness, read_status
from polyarb.store.workspace import Workspace
from polyarb.wiring.doctor.checks import CheckName
from polyarb.wiring.doctor.checkup import DoctorReport, in_thread, instruments_for, venue_settings
from polyarb.wiring.doctor.venue import Instruments, Remote
from polyarb.wiring.doctor.workspace import profile_in_use, sockets_needed

CHECK_MS_MAX = 5_000
"""Measuring the disk takes two seconds and one write; a disk that takes longer hangs."""


def examine_host(
    place: Workspace, *, is_offline: bool, time_servers: tuple[str, ...] = ()
) -> DoctorReport:
    """Examine the machine that a workspace lies on and, unless offline, ask for the time."""
    settings = venue_settings(place)
    profile = profile_in_use(place)
    machine = Machine(
        files=SystemFiles(),
        folder=place.data_dir,
        sockets=sockets_needed(settings, profile.universe if profile else Universe()),
        monotonic_ns=time.monotonic_ns,
        sleep=time.sleep,
    )
    instruments = instruments_for(place, time_servers)
    return run_abandoning(
        look_at_host(place, machine, settings, instruments, is_offline=is_offline)
    )


async def look_at_host(
    place: Workspace,
    machine: Machine,
    settings: VenueSettings,
    instruments: Instruments,
    *,
    is_offline: bool,
) -> DoctorReport:
    """Make every check at once and put the findings in order."""
    began_ns = instruments.clock.monotonic_ns()
    remote = Remote(settings, instruments, None)
    looks = [in_thread(partial(looked, look, machine), CHECK_MS_MAX) for look in LOOKS.values()]
    *found, asked = await asyncio.gather(*looks, _ask(remote, is_offline=is_offline))
    findings = dict(zip(LOOKS, found, strict=True)) | {BaselineName.TIME_SERVERS: asked}
    drift = findings[BaselineName.DRIFT]
    findings[BaselineName.DRIFT] = with_drift_seen(drift, drift_seen(place))
    checks = tuple(as_baseline_check(name, findings[name]) for name in BaselineName)
    return DoctorReport(
        workspace=str(place.root),
        is_offline=is_offline,
        result=worst([check.result for check in checks]),
        took_ns=instruments.clock.monotonic_ns() - began_ns,
        clock=None if is_offline else remote.clock_health(),
        checks=checks,
    )


def drift_seen(place: Workspace) -> float | None:
    """Return the drift that a running trader measures, in millionths; None where none does."""
    try:
        reading = read_status(place.status_file, place.lock_file)
    except StoreError:
        return None
    if reading.status is None or reading.liveness is not Liveness.LIVE:
        return None
    return reading.status.clock.drift_ppm if reading.status.clock else None


def with_drift_seen(found: Finding, drift_ppm: float | None) -> Finding:
    """Add what a trader sees against the venue's clock; the worse of both counts."""
    if drift_ppm is None:
        return found
    drift_ppb = round(drift_ppm * 1_000)
    seen = Result.WARN if abs(drift_ppb) > STEERED_PPB_MAX else Result.OK
    return Finding(
        result=worst([found.result, seen]),
        found=f"{found.found}; a trader sees {drift_ppm:+.1f} millionths against the venue",
        measured={**found.measured, "drift_ppb": drift_ppb},
    )


async def _ask(remote: Remote, *, is_offline: bool) -> Finding:
    if is_offline:
        return skipped("left out: offline")
    return (await remote.time_servers())[CheckName.TIME_SERVERS]
