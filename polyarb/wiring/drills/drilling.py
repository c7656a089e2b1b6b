"""Runs drills one after the other in temporary workspaces and records each outcome."""

import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from polyarb.config import load_phase_profile
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.errors import PolyarbError
from polyarb.domain.limits import Phase, Profile
from polyarb.host.threads import run_abandoning
from polyarb.rollout.drills import DRILL_SPECS, DRILLS, Digests, DrillName, DrillSpec
from polyarb.store.evidence import drill_outcomes
from polyarb.store.workspace import Workspace
from polyarb.wiring.drills.digests import evidence_digests
from polyarb.wiring.drills.registry import RUNNERS, UNAVAILABLE, Drill
from polyarb.wiring.drills.room import DrillRoom, UnprovenError, drill_workspace

__all__ = ["DrillReport", "DrillStanding", "evidence_digests", "list_drills", "run_drills"]

_NS_PER_MS = 1_000_000


class DrillReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one drill; outcome is None where it cannot be run, for the reason told."""

    name: DrillName
    outcome: DrillOutcome | None
    reason: str = ""


class DrillStanding(msgspec.Struct, frozen=True, kw_only=True):
    """One drill of the list: what it is, whether it can be run, its last outcome."""

    name: DrillName
    fault: str
    proves: str
    required_in: tuple[Phase, ...]
    unavailable: str
    last: DrillOutcome | None


def list_drills(place: Workspace) -> tuple[DrillStanding, ...]:
    """List every drill with its last outcome."""
    last = {outcome.name: outcome for outcome in drill_outcomes(place).read()}
    return tuple(
        DrillStanding(
            name=spec.name,
            fault=spec.fault,
            proves=spec.proves,
            required_in=spec.required_in,
            unavailable=UNAVAILABLE.get(spec.name, ""),
            last=last.get(spec.name),
        )
        for spec in DRILLS
    )


def run_drills(place: Workspace, names: Iterable[DrillName]) -> Iterator[DrillReport]:
    """Run drills in order; every outcome is recorded before the next one begins.

    Errors: the faults of the configuration, and StoreError when an outcome cannot be recorded.
    """
    digests = evidence_digests(place)
    profile = load_phase_profile(place, Phase.SHADOW).profile
    for name in names:
        runner = RUNNERS.get(name)
        if runner is None:
            yield DrillReport(name=name, outcome=None, reason=UNAVAILABLE[name])
            continue
        outcome = _run(place, DRILL_SPECS[name], runner, profile, digests)
        drill_outcomes(place).append(outcome)
        yield DrillReport(name=name, outcome=outcome)


def _run(
    place: Workspace, spec: DrillSpec, runner: Drill, profile: Profile, digests: Digests
) -> DrillOutcome:
    """Run one drill within its deadline; a fault of any kind is a failed drill."""
    findings: list[str] = []
    began_ns, began = time.time_ns(), time.monotonic_ns()
    passed = False
    try:
        with (
            tempfile.TemporaryDirectory(
                prefix=f"polyarb-drill-{spec.name}-", ignore_cleanup_errors=True
            ) as folder,
            drill_workspace(place, Path(folder)) as temporary,
        ):
            room = DrillRoom(
                own=place,
                workspace=temporary,
                profile=profile,
                deadline_s=time.monotonic() + spec.deadline_s,
                note=findings.append,
            )
            run_abandoning(_within_deadline(runner, room, spec.deadline_s))
        passed = True
    except TimeoutError:
        findings.append(f"nothing within {spec.deadline_s} s")
    except (UnprovenError, PolyarbError, OSError, ValueError) as fault:
        findings.append(f"{fault}")
    return DrillOutcome(
        name=spec.name,
        passed=passed,
        began_ns=began_ns,
        took_ms=(time.monotonic_ns() - began) // _NS_PER_MS,
        code_digest=digests.code,
        config_digest=digests.config,
        findings=tuple(findings),
    )


async def _within_deadline(runner: Drill, room: DrillRoom, deadline_s: float) -> None:
    """Wait for a drill no longer than it may take; a thread that hangs is left to itself."""
    async with asyncio.timeout(deadline_s):
        await asyncio.get_running_loop().run_in_executor(None, runner, room)
