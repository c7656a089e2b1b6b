"""The go/no-go record: what was found, what it is bound to, who signed, and whether it holds."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from polyarb.domain.limits import Phase
from polyarb.rollout.checks import CheckResult
from polyarb.rollout.signing import Operator, Signature, foreign_signer, is_signature_of, signers
from polyarb.rollout.verdict import Judgement, Outcome, Requirement, judge

VERSION = 1
VALID_NS = 24 * 3_600 * 10**9
SIGNERS_MIN: dict[Phase, int] = {
    Phase.SHADOW: 0,
    Phase.MICRO_LIVE: 2,
    Phase.CONSTRAINED: 2,
    Phase.SCALED: 2,
}
"""How many people must sign. Source: docs/adr/0010-signatures-of-go-records.md."""
_PURPOSE = b"polyarb go-no-go record\n"


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What a record is of; it holds for nothing else.

    Shape: venue names its hosts, workspace is its folder; digests are SHA-256 in hex.
    """

    phase: Phase
    venue: str
    workspace: str
    code_digest: str
    config_digest: str


class GoNoGoRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement of one phase.

    Shape: journal_sequence and journal_hash are the journal's last record at that moment;
    results_digest is over checks and requirements. Units: unix nanoseconds.
    """

    version: int = VERSION
    binding: Binding
    outcome: Outcome
    obstacles: tuple[str, ...]
    checks: tuple[CheckResult, ...]
    requirements: tuple[Requirement, ...]
    results_digest: str
    journal_sequence: int
    journal_hash: str
    created_ns: int
    expires_ns: int
    signatures: tuple[Signature, ...] = ()


class JournalPlace(msgspec.Struct, frozen=True, kw_only=True):
    """The journal's last record when the checks were made."""

    sequence: int
    hash: str


def make_record(
    binding: Binding,
    checks: Sequence[CheckResult],
    requirements: Sequence[Requirement],
    journal: JournalPlace,
    now_ns: int,
) -> GoNoGoRecord:
    """Judge results and bind the judgement to what they were of; nobody has signed it yet."""
    judged = judge(binding.phase, checks, requirements)
    return GoNoGoRecord(
        binding=binding,
        outcome=judged.outcome,
        obstacles=judged.obstacles,
        checks=tuple(checks),
        requirements=tuple(requirements),
        results_digest=results_digest(checks, requirements),
        journal_sequence=journal.sequence,
        journal_hash=journal.hash,
        created_ns=now_ns,
        expires_ns=now_ns + VALID_NS,
    )


def results_digest(checks: Sequence[CheckResult], requirements: Sequence[Requirement]) -> str:
    """Hash what was found."""
    found = msgspec.json.encode([tuple(checks), tuple(requirements)], order="deterministic")
    return sha256(found).hexdigest()


def signed_content(record: GoNoGoRecord) -> bytes:
    """Return the bytes that people sign: everything but the signatures."""
    unsigned = msgspec.structs.replace(record, signatures=())
    return _PURPOSE + msgspec.json.encode(unsigned, order="deterministic")


def signers_missing(record: GoNoGoRecord) -> int:
    """Count the people who still must sign."""
    return max(0, SIGNERS_MIN[record.binding.phase] - signers(record.signatures))


def invalidity(
    record: GoNoGoRecord, wanted: Binding, operators: Sequence[Operator], now_ns: int
) -> str:
    """Say why a record does not open a phase now; empty when it does."""
    return unfitness(record, wanted, operators, now_ns) or _unsigned(record)


def unfitness(
    record: GoNoGoRecord, wanted: Binding, operators: Sequence[Operator], now_ns: int
) -> str:
    """Say why a record cannot open a phase whoever else signs it; empty when it can."""
    return (
        _tampered(record, operators)
        or _of_something_else(record.binding, wanted)
        or _out_of_time(record, now_ns)
        or _not_go(record)
    )


def _tampered(record: GoNoGoRecord, operators: Sequence[Operator]) -> str:
    if record.version != VERSION:
        return f"it is of version {record.version}, expected {VERSION}"
    if record.results_digest != results_digest(record.checks, record.requirements):
        return "its results were changed: their digest differs"
    judged = judge(record.binding.phase, record.checks, record.requirements)
    if judged != Judgement(outcome=record.outcome, obstacles=record.obstacles):
        return f"its outcome was changed: its results give {judged.outcome}"
    if record.expires_ns - record.created_ns != VALID_NS:
        return "its expiry was changed: a record holds for 24 hours"
    content = signed_content(record)
    forged = [one.name for one in record.signatures if not is_signature_of(content, one)]
    if forged:
        return f"the signature of {forged[0]} is not of this content"
    stranger = foreign_signer(record.signatures, operators)
    return f"the key of {stranger} is not listed in config/operators.yaml" if stranger else ""


def _of_something_else(found: Binding, wanted: Binding) -> str:
    names = {
        "phase": "phase",
        "venue": "venue",
        "workspace": "workspace",
        "code_digest": "code",
        "config_digest": "configuration",
    }
    for field, name in names.items():
        of, needed = getattr(found, field), getattr(wanted, field)
        if of != needed:
            return f"it is of another {name}: expected {needed[:64]}, found {of[:64]}"
    return ""


def _out_of_time(record: GoNoGoRecord, now_ns: int) -> str:
    if now_ns < record.created_ns:
        return "it was made in the future: check the clock"
    if now_ns >= record.expires_ns:
        return "it has expired: a record holds for 24 hours"
    signed = [one.signed_ns for one in record.signatures]
    if any(not record.created_ns <= moment <= now_ns for moment in signed):
        return "a signature is older than the record or lies in the future"
    return ""


def _not_go(record: GoNoGoRecord) -> str:
    if record.outcome.is_go:
        return ""
    return f"it says {record.outcome}: {'; '.join(record.obstacles[:3])}"


def _unsigned(record: GoNoGoRecord) -> str:
    if not signers_missing(record):
        return ""
    needed = SIGNERS_MIN[record.binding.phase]
    return f"{needed} people must sign it, {signers(record.signatures)} did"
