"""Attestations: signed by a listed person, for one phase, for a time."""

import msgspec
import pytest
from polyarb.domain.limits import Phase
from polyarb.rollout.attestations import (
    MEMBERS,
    Attestation,
    attestation,
    attested_content,
    read_attestations,
)
from polyarb.rollout.checks import Member, Status
from polyarb.rollout.signing import sign
from tests.go_no_go_cases import ALICE, ALICE_KEY, DAY_NS, NOW_NS, OPERATORS

replace = msgspec.structs.replace


def attested(member: Member, *, phase: Phase = Phase.SHADOW, at_ns: int = NOW_NS) -> Attestation:
    unsigned = attestation(member, phase, at_ns)
    made = sign(attested_content(unsigned), ALICE, ALICE_KEY, at_ns)
    return replace(unsigned, signature=made)


def read(*told: Attestation, now_ns: int = NOW_NS + 1) -> tuple[Status, tuple[str, ...]]:
    found = read_attestations(told, OPERATORS, Phase.SHADOW, now_ns)
    return found.status, found.lines


def test_every_member_has_its_entry() -> None:
    assert [spec.member for spec in MEMBERS] == list(Member)


def test_all_four_attested_pass_with_name_and_role() -> None:
    status, lines = read(*(attested(member) for member in Member))
    assert status is Status.PASS
    assert lines[0] == "O4 attested by alice (trader), 29 days left"


def test_nothing_attested_is_missing_evidence() -> None:
    status, lines = read()
    assert status is Status.INSUFFICIENT
    assert [line[:18] for line in lines] == [f"{member} is not attested" for member in Member]


@pytest.mark.parametrize("left_out", Member)
def test_plan_and_owner_must_be_attested_and_the_others_are_told(left_out: Member) -> None:
    status, lines = read(*(attested(member) for member in Member if member is not left_out))
    is_needed = left_out in (Member.O4, Member.O6)
    assert status is (Status.INSUFFICIENT if is_needed else Status.PASS)
    assert any(line.startswith(f"{left_out} is not attested") for line in lines)


def fault_of(told: Attestation, now_ns: int = NOW_NS + 1) -> str:
    status, lines = read(told, attested(Member.O6), now_ns=now_ns)
    assert status is Status.INSUFFICIENT
    return lines[0]


def test_an_attestation_of_another_phase_does_not_count() -> None:
    assert "is not attested" in fault_of(attested(Member.O4, phase=Phase.MICRO_LIVE))


def test_an_unsigned_statement_does_not_count() -> None:
    assert "is not attested" in fault_of(attestation(Member.O4, Phase.SHADOW, NOW_NS))


def test_a_changed_statement_breaks_its_signature() -> None:
    told = fault_of(replace(attested(Member.O4), statement="I agree with nothing."))
    assert "signature of alice is not of this statement" in told


def test_a_signed_other_statement_does_not_count() -> None:
    unsigned = replace(attestation(Member.O4, Phase.SHADOW, NOW_NS), statement="Whatever.")
    made = sign(attested_content(unsigned), ALICE, ALICE_KEY, NOW_NS)
    assert "another statement" in fault_of(replace(unsigned, signature=made))


def test_a_stranger_attests_nothing() -> None:
    found = read_attestations([attested(Member.O4)], (), Phase.SHADOW, NOW_NS + 1)
    assert "the key of alice is not listed" in found.lines[0]


def test_it_expires() -> None:
    assert "older than 30 days" in fault_of(attested(Member.O4), NOW_NS + 30 * DAY_NS)
    _, lines = read(attested(Member.O4), now_ns=NOW_NS + 30 * DAY_NS - 1)
    assert lines[0].startswith("O4 attested by alice")


def test_a_longer_life_that_somebody_signed_does_not_count() -> None:
    unsigned = replace(
        attestation(Member.O4, Phase.SHADOW, NOW_NS), expires_ns=NOW_NS + 31 * DAY_NS
    )
    made = sign(attested_content(unsigned), ALICE, ALICE_KEY, NOW_NS)
    assert "older than 30 days" in fault_of(replace(unsigned, signature=made))


def test_one_of_the_future_does_not_count() -> None:
    assert "in the future" in fault_of(attested(Member.O4), NOW_NS - 1)


def test_the_newest_counts() -> None:
    status, _ = read(
        attested(Member.O4, at_ns=NOW_NS - 40 * DAY_NS), attested(Member.O4), attested(Member.O6)
    )
    assert status is Status.PASS
