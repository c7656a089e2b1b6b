"""`polyarb go-no-go`: the 22 checks at once, each within a deadline, then the GO rule."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import SystemRandom

import msgspec

from polyarb.config import load_clock
from polyarb.domain.errors import PolyarbError, VenueError
from polyarb.domain.limits import Phase
from polyarb.domain.venue import VenueSettings
from polyarb.host.answers import tls_of_requests, tls_of_streams
from polyarb.host.clock import SystemClock
from polyarb.host.threads import run_abandoning
from polyarb.host.time_servers import TIME_SERVERS
from polyarb.rollout.checks import CHECKS, SPECS, CheckId, CheckResult, Status
from polyarb.rollout.drills import DRILLS, required_drills
from polyarb.rollout.record import Binding, GoNoGoRecord, JournalPlace, make_record
from polyarb.rollout.verdict import Requirement
from polyarb.store.reading import read_anchor
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.rest.client import PublicClient
from polyarb.wiring.doctor.venue import Findings, Instruments, Remote
from polyarb.wiring.go_no_go.alerts import check_delivery, check_rules
from polyarb.wiring.go_no_go.binding import binding_of
from polyarb.wiring.go_no_go.context import Seen, Sight, erred, gather
from polyarb.wiring.go_no_go.operation import check_machine, check_reach
from polyarb.wiring.go_no_go.records import (
    check_audit,
    check_backup,
    check_journal_chain,
    check_people,
    check_restore,
)
from polyarb.wiring.go_no_go.security import (
    check_allowance,
    check_endpoints,
    check_key,
    check_secrets,
    check_stream,
    check_wallet,
)
from polyarb.wiring.go_no_go.system import (
    check_configuration,
    check_files,
    check_gate,
    check_log,
    check_profiles,
    check_report,
    check_start,
)

CHECK_MS_MAX = 5_000
"""No check takes longer; one that would has not passed."""
_NS_PER_MS = 1_000_000
_PREDECESSOR = dict(zip(list(Phase)[1:], Phase, strict=False))

Check = Callable[[Sight], Seen]
RemoteCheck = Callable[[Sight, Findings], Seen]

LOCAL: dict[CheckId, Check] = {
    CheckId.S1: check_wallet,
    CheckId.S2: check_allowance,
    CheckId.S3: check_secrets,
    CheckId.S4: check_endpoints,
    CheckId.Y1: check_configuration,
    CheckId.Y2: check_profiles,
    CheckId.Y3: check_rules,
    CheckId.Y4: check_key,
    CheckId.Y5: check_start,
    CheckId.Y6: check_backup,
    CheckId.Y7: check_gate,
    CheckId.Y8: check_report,
    CheckId.Y9: check_files,
    CheckId.Y10: check_log,
    CheckId.D1: check_journal_chain,
    CheckId.D2: check_audit,
    CheckId.D3: check_restore,
    CheckId.O1: check_machine,
    CheckId.O3: check_delivery,
    CheckId.A1: check_people,
}
"""Checks that need no network; each runs in a thread of its own."""
REMOTE: dict[CheckId, RemoteCheck] = {CheckId.S5: check_stream, CheckId.O2: check_reach}
"""Checks of what one look at the venue found."""


class GoNoGo(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found, and how long it took."""

    record: GoNoGoRecord
    took_ms: int


def decide(place: Workspace, phase: Phase, passphrase_file: Path | None = None) -> GoNoGo:
    """Make every check of a phase and judge them; nothing is written.

    Errors: UsageError for config/operators.yaml.
    """
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    sight = replace(gather(place, phase, clock.now_ns()), passphrase_file=passphrase_file)
    checks = run_abandoning(_check_all(sight, _instruments(clock, _time_servers(place))))
    journal = _journal_place(place)
    record = make_record(_binding(sight), checks, requirements(sight), journal, clock.now_ns())
    return GoNoGo(record=record, took_ms=(clock.monotonic_ns() - began_ns) // _NS_PER_MS)


def requirements(sight: Sight) -> tuple[Requirement, ...]:
    """Judge the evidence that a phase requires beside its checks: drills, and the phase below."""
    if sight.digests is None or sight.drills_fault:
        drills = tuple(sight.drill(one.name) for one in DRILLS if sight.phase in one.required_in)
    else:
        drills = required_drills(sight.phase, sight.outcomes, sight.digests, sight.now_ns)
    below = _PREDECESSOR.get(sight.phase)
    if below is None:
        return drills
    gate = Requirement(
        name=f"gate {below}",
        status=Status.INSUFFICIENT,
        evidence=f"no gate has judged the phase {below}",
        remedy=f"run the phase {below} until its gates pass",
    )
    return (*drills, gate)


async def _check_all(sight: Sight, instruments: Instruments) -> tuple[CheckResult, ...]:
    looking = asyncio.create_task(_look(sight.settings, instruments, sight.phase))
    local = [_timed(name, _in_thread(partial(check, sight))) for name, check in LOCAL.items()]
    remote = [_timed(name, _after(looking, check, sight)) for name, check in REMOTE.items()]
    found = {result.check_id: result for result in await asyncio.gather(*local, *remote)}
    looking.cancel()
    return tuple(found[spec.check_id] for spec in CHECKS)


async def _timed(check_id: CheckId, seeing: "asyncio.Future[Seen]") -> CheckResult:
    """Wait for a check no longer than it may take."""
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    try:
        async with asyncio.timeout(CHECK_MS_MAX / 1000):
            seen = await seeing
    except TimeoutError:
        seen = erred(f"nothing within {CHECK_MS_MAX} ms")
    is_well = seen.status in (Status.PASS, Status.NOT_APPLICABLE)
    return CheckResult(
        check_id=check_id,
        status=seen.status,
        evidence=seen.evidence,
        remedy="" if is_well else seen.remedy or SPECS[check_id].remedy,
        took_ms=(clock.monotonic_ns() - began_ns) // _NS_PER_MS,
    )


def _in_thread(check: Callable[[], Seen]) -> "asyncio.Future[Seen]":
    return asyncio.get_running_loop().run_in_executor(None, guarded, check)


def guarded(check: Callable[[], Seen]) -> Seen:
    """Make a check; a fault of the system or of a file is no pass."""
    try:
        return check()
    except (PolyarbError, OSError, ValueError) as fault:
        return erred(str(fault) or type(fault).__name__)


def _after(
    looking: "asyncio.Task[Findings]", check: RemoteCheck, sight: Sight
) -> "asyncio.Future[Seen]":
    async def see() -> Seen:
        # One check that gives up must not end the look that the other one waits for, too.
        try:
            found = await asyncio.shield(looking)
        except (VenueError, OSError) as fault:
            return erred(str(fault))
        return guarded(lambda: check(sight, found))

    return asyncio.ensure_future(see())


async def _look(settings: VenueSettings, instruments: Instruments, phase: Phase) -> Findings:
    """Look at the venue with a deadline for each answer that leaves time for the next one."""
    bounded = min(settings.request_ms_max, CHECK_MS_MAX // 2 - 100)
    within = msgspec.structs.replace(settings, request_ms_max=bounded)
    return await Remote(within, instruments, phase).look()


def _instruments(clock: SystemClock, servers: tuple[str, ...]) -> Instruments:
    return Instruments(
        clock=clock,
        sleep=asyncio.sleep,
        draw=lambda: secrets.randbits(64),
        open_venue=lambda settings: PublicClient(settings, SystemClock(), SystemRandom()),
        tls_of_requests=tls_of_requests(),
        tls_of_streams=tls_of_streams(),
        time_servers=servers,
    )


def _time_servers(place: Workspace) -> tuple[str, ...]:
    """Choose whom to ask for the time: where nobody is configured, public servers all the same."""
    try:
        return load_clock(place).servers or TIME_SERVERS
    except PolyarbError:
        return TIME_SERVERS


def _binding(sight: Sight) -> Binding:
    """Bind to what is in effect; where the configuration does not load, to nothing that holds."""
    try:
        return binding_of(sight.place, sight.phase)
    except PolyarbError:
        return Binding(
            phase=sight.phase,
            venue="",
            workspace=str(sight.place.root),
            code_digest="",
            config_digest="",
        )


def _journal_place(place: Workspace) -> JournalPlace:
    """Tell the journal's last record; a broken chain is D1's to tell, and holds no place."""
    try:
        anchor = read_anchor(place.journal_file, place.journal_dir)
    except PolyarbError:
        return JournalPlace(sequence=0, hash="")
    return JournalPlace(sequence=anchor.sequence, hash=anchor.hash)
