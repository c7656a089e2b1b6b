"""Made-up results, records and people for tests of the go/no-go gate."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import CHECKS, CheckId, CheckResult, Status
from polyarb.rollout.drills import Digests
from polyarb.rollout.record import (
    Binding,
    GoNoGoRecord,
    JournalPlace,
    make_record,
    signed_content,
)
from polyarb.rollout.signing import Operator, public_key_of, sign
from polyarb.rollout.verdict import Requirement

NOW_NS = 1_800_000_000 * 10**9
HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
DIGESTS = Digests(code="c" * 64, config="d" * 64)
JOURNAL = JournalPlace(sequence=7, hash="a" * 64)


def ask_for_time(workspace: Path, server: str) -> None:
    """Let a workspace that points at a local venue ask a local server for the time."""
    settings = workspace / "config" / "config.yaml"
    text = settings.read_text()
    assert "  servers: []\n" in text
    settings.write_text(text.replace("  servers: []\n", f'  servers: ["{server}"]\n'))


def result(check_id: CheckId, status: Status = Status.PASS) -> CheckResult:
    return CheckResult(check_id=check_id, status=status, evidence=("seen",), remedy="", took_ms=1)


def results(changed: Mapping[CheckId, Status] | None = None) -> list[CheckResult]:
    """Return one result a check, all passed but those that are changed."""
    changes = changed or {}
    return [result(spec.check_id, changes.get(spec.check_id, Status.PASS)) for spec in CHECKS]


def required(*statuses: Status) -> list[Requirement]:
    return [
        Requirement(name=f"drill {number}", status=status, evidence="seen", remedy="")
        for number, status in enumerate(statuses)
    ]


def binding(phase: Phase = Phase.MICRO_LIVE) -> Binding:
    return Binding(
        phase=phase,
        venue="polymarket",
        workspace="/srv/polyarb",
        code_digest=DIGESTS.code,
        config_digest=DIGESTS.config,
    )


def person(name: str, seed: int, role: str = "trader") -> tuple[Operator, Ed25519PrivateKey]:
    """Make a person whose key follows from a seed."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Operator(name=name, role=role, public_key=public_key_of(key)), key


ALICE, ALICE_KEY = person("alice", 1)
BOB, BOB_KEY = person("bob", 2, "risk")
OPERATORS = (ALICE, BOB)
KEYS = {"alice": ALICE_KEY, "bob": BOB_KEY}


def record(
    phase: Phase = Phase.MICRO_LIVE, changed: Mapping[CheckId, Status] | None = None
) -> GoNoGoRecord:
    """Make a record that nobody has signed."""
    return make_record(binding(phase), results(changed), required(Status.PASS), JOURNAL, NOW_NS)


def signed(unsigned: GoNoGoRecord, *people: Operator, at_ns: int = NOW_NS) -> GoNoGoRecord:
    """Have people sign a record."""
    content = signed_content(unsigned)
    made = tuple(sign(content, one, KEYS[one.name], at_ns) for one in people)
    return msgspec.structs.replace(unsigned, signatures=(*unsigned.signatures, *made))


def outcome(name: str, *, passed: bool = True, age_ns: int = HOUR_NS) -> DrillOutcome:
    return DrillOutcome(
        name=name,
        passed=passed,
        began_ns=NOW_NS - age_ns,
        took_ms=5,
        code_digest=DIGESTS.code,
        config_digest=DIGESTS.config,
        findings=("seen",) if passed else ("expected a halt, found none",),
    )
