"""What no program can see: people attest it with name and time, signed, and it expires. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from polyarb.domain.limits import Phase
from polyarb.rollout.checks import Member, Priority, Status
from polyarb.rollout.signing import Operator, Signature, foreign_signer, is_signature_of

DAY_NS = 86_400 * 10**9
_PURPOSE = b"polyarb attestation\n"


class MemberSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One part: what is attested, how much it weighs, for how many days it holds."""

    member: Member
    priority: Priority
    statement: str
    days: int


MEMBERS: tuple[MemberSpec, ...] = (
    MemberSpec(
        member=Member.O4,
        priority=Priority.P1,
        statement="I have read the production plan of this phase and agree with its limits.",
        days=30,
    ),
    MemberSpec(
        member=Member.O5,
        priority=Priority.P2,
        statement="I have read the runbook and can do what it says without help.",
        days=30,
    ),
    MemberSpec(
        member=Member.O6,
        priority=Priority.P1,
        statement="The team knows of this run; its owner is on call and can be reached.",
        days=7,
    ),
    MemberSpec(
        member=Member.O7,
        priority=Priority.P2,
        statement="Contacts, the way back and the withdrawal of funds are written down and tried.",
        days=30,
    ),
)
MEMBER_SPECS: dict[Member, MemberSpec] = {spec.member: spec for spec in MEMBERS}


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of one person for one phase. Units: unix nanoseconds."""

    member: Member
    phase: Phase
    statement: str
    expires_ns: int
    signature: Signature | None = None


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """Whether people are ready: A1's status, and a line a member."""

    status: Status
    lines: tuple[str, ...]


def attestation(member: Member, phase: Phase, now_ns: int) -> Attestation:
    """Write the statement that a person is about to sign."""
    spec = MEMBER_SPECS[member]
    return Attestation(
        member=member,
        phase=phase,
        statement=spec.statement,
        expires_ns=now_ns + spec.days * DAY_NS,
    )


def attested_content(one: Attestation) -> bytes:
    """Return the bytes that a person signs."""
    unsigned = msgspec.structs.replace(one, signature=None)
    return _PURPOSE + msgspec.json.encode(unsigned, order="deterministic")


def read_attestations(
    told: Iterable[Attestation], operators: Sequence[Operator], phase: Phase, now_ns: int
) -> Attested:
    """Judge what was attested for a phase: O4 and O6 must hold, O5 and O7 are told."""
    newest: dict[Member, Attestation] = {}
    for one in told:
        if one.phase is phase:
            newest[one.member] = one
    lines = []
    status = Status.PASS
    for spec in MEMBERS:
        line, holds = _line(spec, newest.get(spec.member), operators, now_ns)
        lines.append(line)
        if not holds and spec.priority is Priority.P1:
            status = Status.INSUFFICIENT
    return Attested(status=status, lines=tuple(lines))


def _line(
    spec: MemberSpec, one: Attestation | None, operators: Sequence[Operator], now_ns: int
) -> tuple[str, bool]:
    if one is None or one.signature is None:
        return f"{spec.member} is not attested: {spec.statement}", False
    fault = _fault(spec, one, one.signature, operators, now_ns)
    if fault:
        return f"{spec.member} does not hold: {fault}", False
    left = (one.expires_ns - now_ns) // DAY_NS
    name, role = one.signature.name, one.signature.role
    return f"{spec.member} attested by {name} ({role}), {left} days left", True


def _fault(
    spec: MemberSpec,
    one: Attestation,
    signature: Signature,
    operators: Sequence[Operator],
    now_ns: int,
) -> str:
    if not is_signature_of(attested_content(one), signature):
        return f"the signature of {signature.name} is not of this statement"
    if foreign_signer([signature], operators):
        return f"the key of {signature.name} is not listed in config/operators.yaml"
    if one.statement != spec.statement:
        return "it attests another statement"
    if signature.signed_ns > now_ns:
        return "it was signed in the future"
    if now_ns >= one.expires_ns or one.expires_ns - signature.signed_ns > spec.days * DAY_NS:
        return f"it is older than {spec.days} days"
    return ""
