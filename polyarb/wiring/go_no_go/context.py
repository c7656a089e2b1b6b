"""What the go/no-go checks look at, gathered once, and how they say what they saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from polyarb.config import (
    load_phase_profile,
    load_venue,
)
from polyarb.config.operators import load_operators
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.errors import PolyarbError
from polyarb.domain.limits import Phase, Profile
from polyarb.domain.venue import SANDBOX, VenueSettings
from polyarb.rollout.attestations import Attestation
from polyarb.rollout.checks import CheckId, Status
from polyarb.rollout.drills import DRILL_SPECS, Digests, DrillName, drill_requirement
from polyarb.rollout.signing import Operator
from polyarb.rollout.verdict import Requirement
from polyarb.store.evidence import drill_outcomes
from polyarb.store.lines import LineFile
from polyarb.store.workspace import Workspace
from polyarb.wiring.drills.digests import evidence_digests
from polyarb.wiring.go_no_go.binding import evidence_venue

Record = TypeVar("Record", bound=msgspec.Struct)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a check saw. Shape: an empty remedy means the usual one of the check."""

    status: Status
    evidence: tuple[str, ...]
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What every check sees.

    Shape: profile None and digests None where the configuration does not load, fault says why;
    drills_fault and people_fault say why recorded evidence cannot be read; passphrase_file is
    where the passphrase of the wallet's key stands, if somebody named it.
    """

    place: Workspace
    phase: Phase
    now_ns: int
    settings: VenueSettings
    profile: Profile | None
    digests: Digests | None
    fault: str
    outcomes: tuple[DrillOutcome, ...]
    operators: tuple[Operator, ...]
    attestations: tuple[Attestation, ...]
    drills_fault: str = ""
    people_fault: str = ""
    passphrase_file: Path | None = None

    def drill(self, name: DrillName) -> Requirement:
        """Judge the evidence of one drill; what cannot be read or bound is no pass."""
        if self.drills_fault or self.digests is None:
            return Requirement(
                name=f"drill {name}",
                status=Status.ERROR if self.drills_fault else Status.INSUFFICIENT,
                evidence=self.drills_fault or self.fault,
                remedy="restore data/audit/ from a backup" if self.drills_fault else "",
            )
        return drill_requirement(DRILL_SPECS[name], self.outcomes, self.digests, self.now_ns)


def passed(*evidence: str) -> Seen:
    """Say that all is as it must be."""
    return Seen(status=Status.PASS, evidence=evidence)


def failed(*evidence: str, remedy: str = "") -> Seen:
    """Say what is wrong."""
    return Seen(status=Status.FAIL, evidence=evidence, remedy=remedy)


def missing(*evidence: str, remedy: str = "") -> Seen:
    """Say what nobody has shown yet."""
    return Seen(status=Status.INSUFFICIENT, evidence=evidence, remedy=remedy)


def erred(*evidence: str) -> Seen:
    """Say why the check could not be made."""
    return Seen(status=Status.ERROR, evidence=evidence)


def moot(reason: str) -> Seen:
    """Say why the check does not apply in this phase."""
    return Seen(status=Status.NOT_APPLICABLE, evidence=(reason,))


def weigh(faults: Sequence[str], *evidence: str, remedy: str = "") -> Seen:
    """Fail on any fault, else pass with the evidence."""
    return failed(*faults, remedy=remedy) if faults else passed(*evidence)


def gather(place: Workspace, phase: Phase, now_ns: int) -> Sight:
    """Load what the checks see; what does not load is their finding, not ours.

    Errors: UsageError for config/operators.yaml.
    """
    settings, profile, digests, fault = VenueSettings(), None, None, ""
    try:
        settings = _evidence_settings(place)
        profile = load_phase_profile(place, phase).profile
        digests = evidence_digests(place)
    except PolyarbError as found:
        fault = str(found)
    outcomes, drills_fault = _read(drill_outcomes(place))
    attested, people_fault = _read(attestations(place))
    return Sight(
        place=place,
        phase=phase,
        now_ns=now_ns,
        settings=settings,
        profile=profile,
        digests=digests,
        fault=fault,
        outcomes=outcomes,
        operators=load_operators(place),
        attestations=attested,
        drills_fault=drills_fault,
        people_fault=people_fault,
    )


def _evidence_settings(place: Workspace) -> VenueSettings:
    """Return how the venue is reached of which evidence was gathered here: that one is looked at.

    Errors: of the configuration; VenueError where it is a sandbox, and none is running.
    """
    if evidence_venue(place) != SANDBOX:
        return load_venue(place)
    from polyarb.wiring.sandbox.origin import sandbox_origin  # no other judgement needs it

    return sandbox_origin(place, None).settings


def _read(file: LineFile[Record]) -> tuple[tuple[Record, ...], str]:
    """Read recorded evidence, or say why it cannot be read."""
    try:
        return tuple(file.read()), ""
    except PolyarbError as fault:
        return (), str(fault)


def attestations(place: Workspace) -> LineFile[Attestation]:
    """Open what people attested, oldest first: data/audit/attestations.jsonl."""
    return LineFile(place.audit_dir / "attestations.jsonl", Attestation)


def no_live_execution(check_id: CheckId, what: str) -> Seen:
    """Fail a check of what only live execution has: it is never passed by default."""
    return failed(
        f"{what}; this version has no live execution, so {check_id} cannot pass in a live phase",
        remedy="stay in the shadow phase until a version with live execution is installed",
    )
