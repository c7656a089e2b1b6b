"""The GO rule: its boundaries, and the laws that hold for whatever checks say."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.limits import Phase
from polyarb.rollout import self_test as gate_test
from polyarb.rollout.checks import CHECKS, SPECS, CheckId, CheckResult, Priority, Status
from polyarb.rollout.self_test import self_test
from polyarb.rollout.verdict import EXIT_CODES, Judgement, Outcome, Requirement, judge
from tests.go_no_go_cases import required, result, results

P0 = [spec.check_id for spec in CHECKS if spec.priority is Priority.P0]
P1 = [spec.check_id for spec in CHECKS if spec.priority is Priority.P1]
UNMET = [Status.FAIL, Status.ERROR, Status.INSUFFICIENT]
RANK = list(Outcome)

statuses = st.dictionaries(st.sampled_from(list(CheckId)), st.sampled_from(list(Status)))
evidence = st.lists(st.sampled_from([Status.PASS, *UNMET]), max_size=4)
phases = st.sampled_from(list(Phase))


def outcome_of(
    phase: Phase, found: Sequence[CheckResult], needed: Sequence[Requirement] = ()
) -> Outcome:
    return judge(phase, found, needed).outcome


def test_there_are_22_checks_of_the_products_priorities() -> None:
    assert [spec.check_id for spec in CHECKS] == list(CheckId)
    assert len(P0) == 14 and len(P1) == 8


def test_only_money_and_chain_may_be_moot_and_in_shadow_only() -> None:
    moot = [spec.check_id for spec in CHECKS if spec.may_be_moot(Phase.SHADOW)]
    assert moot == [CheckId.S1, CheckId.S2, CheckId.S4]
    live = [phase for phase in Phase if phase is not Phase.SHADOW]
    assert not [spec for spec in CHECKS for phase in live if spec.may_be_moot(phase)]


def test_a_phase_is_told_what_is_inspected_in_it() -> None:
    key = SPECS[CheckId.Y4]
    assert "no signer" in key.looks_at(Phase.SHADOW)
    assert "signs a probe" in key.looks_at(Phase.SCALED)
    gate = SPECS[CheckId.Y7]
    assert gate.looks_at(Phase.SHADOW) == gate.looks_at(Phase.SCALED)


@pytest.mark.parametrize("phase", Phase)
def test_all_well_is_go(phase: Phase) -> None:
    assert judge(phase, results(), required(Status.PASS)) == Judgement(
        outcome=Outcome.GO, obstacles=()
    )


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("check_id", P0)
@pytest.mark.parametrize("status", UNMET)
def test_a_critical_check_that_does_not_pass_is_never_go(
    phase: Phase, check_id: CheckId, status: Status
) -> None:
    found = outcome_of(phase, results({check_id: status}))
    assert found is (Outcome.INSUFFICIENT if status is Status.INSUFFICIENT else Outcome.NO_GO)


@pytest.mark.parametrize("failed", range(len(P1) + 1))
def test_two_advised_checks_may_fail_and_a_third_may_not(failed: int) -> None:
    found = outcome_of(Phase.SHADOW, results(dict.fromkeys(P1[:failed], Status.FAIL)))
    expected = {0: Outcome.GO, 1: Outcome.GO_WITH_WARNINGS, 2: Outcome.GO_WITH_WARNINGS}
    assert found is expected.get(failed, Outcome.NO_GO)


def test_a_third_advised_check_that_is_missing_decides_nothing_yet() -> None:
    changed = {P1[0]: Status.FAIL, P1[1]: Status.ERROR, P1[2]: Status.INSUFFICIENT}
    assert outcome_of(Phase.SHADOW, results(changed)) is Outcome.INSUFFICIENT


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.FAIL, Outcome.NO_GO),
        (Status.ERROR, Outcome.NO_GO),
        (Status.NOT_APPLICABLE, Outcome.NO_GO),
        (Status.INSUFFICIENT, Outcome.INSUFFICIENT),
    ],
)
def test_required_evidence_must_pass(status: Status, expected: Outcome) -> None:
    needed = required(Status.PASS, status)
    assert outcome_of(Phase.SHADOW, results(), needed) is expected


@pytest.mark.parametrize("check_id", CheckId)
def test_not_applicable_counts_only_where_the_check_is_moot(check_id: CheckId) -> None:
    changed = results({check_id: Status.NOT_APPLICABLE})
    is_moot = SPECS[check_id].may_be_moot(Phase.SHADOW)
    assert (outcome_of(Phase.SHADOW, changed) is Outcome.GO) is is_moot
    assert outcome_of(Phase.MICRO_LIVE, changed) is not Outcome.GO


def test_a_check_that_is_absent_or_told_twice_is_no_pass() -> None:
    whole = results()
    assert outcome_of(Phase.SHADOW, whole[1:]) is Outcome.NO_GO
    assert outcome_of(Phase.SHADOW, [*whole, result(CheckId.S3)]) is Outcome.NO_GO
    assert outcome_of(Phase.SHADOW, []) is Outcome.NO_GO


def test_obstacles_are_told_worst_first() -> None:
    changed = {CheckId.O1: Status.FAIL, CheckId.Y6: Status.INSUFFICIENT, CheckId.S3: Status.FAIL}
    told = judge(Phase.SHADOW, results(changed), required(Status.FAIL)).obstacles
    assert [text.split(":")[0] for text in told] == [
        "P0 S3 FAIL",
        "P0 Y6 INSUFFICIENT",
        "drill 0 FAIL",
        "P1 O1 FAIL",
    ]


@given(phases, statuses, evidence)
def test_go_needs_every_critical_check_and_all_evidence(
    phase: Phase, changed: dict[CheckId, Status], needed: list[Status]
) -> None:
    found = outcome_of(phase, results(changed), required(*needed))
    if found.is_go:
        moot = [spec.check_id for spec in CHECKS if spec.may_be_moot(phase)]
        met = {Status.PASS}
        for check_id in P0:
            status = changed.get(check_id, Status.PASS)
            assert status in met or (status is Status.NOT_APPLICABLE and check_id in moot)
        assert set(needed) <= met


@given(phases, statuses, evidence)
def test_insufficient_means_that_evidence_alone_could_still_make_it_go(
    phase: Phase, changed: dict[CheckId, Status], needed: list[Status]
) -> None:
    found = outcome_of(phase, results(changed), required(*needed))
    filled = {
        key: Status.PASS if status is Status.INSUFFICIENT else status
        for key, status in changed.items()
    }
    brought = [Status.PASS if one is Status.INSUFFICIENT else one for one in needed]
    best = outcome_of(phase, results(filled), required(*brought))
    assert best.is_go if found is Outcome.INSUFFICIENT else best.is_go == found.is_go


@given(phases, statuses, evidence, st.sampled_from(list(CheckId)), st.sampled_from(UNMET))
def test_more_evidence_of_failure_never_raises_the_outcome(
    phase: Phase,
    changed: dict[CheckId, Status],
    needed: list[Status],
    check_id: CheckId,
    status: Status,
) -> None:
    before = outcome_of(phase, results(changed), required(*needed))
    already = changed.get(check_id, Status.PASS)
    if already is Status.INSUFFICIENT or already is Status.PASS:
        after = outcome_of(phase, results({**changed, check_id: status}), required(*needed))
        assert RANK.index(after) <= RANK.index(before)
    more = outcome_of(phase, results(changed), required(*needed, status))
    assert RANK.index(more) <= RANK.index(before)


@given(phases, statuses, evidence, st.randoms(use_true_random=False))
def test_the_order_in_which_results_come_changes_nothing(
    phase: Phase, changed: dict[CheckId, Status], needed: list[Status], random: object
) -> None:
    found = results(changed)
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge(phase, shuffled, required(*needed)) == judge(phase, found, required(*needed))


def test_the_exit_codes_are_those_of_the_product() -> None:
    assert {str(one): code for one, code in EXIT_CODES.items()} == {
        "GO": 0,
        "GO_WITH_WARNINGS": 0,
        "NO_GO": 1,
        "INSUFFICIENT": 5,
    }


def test_the_gate_passes_its_own_test() -> None:
    tested = self_test()
    assert tested.cases > 250
    assert not tested.wrong


@pytest.mark.parametrize("always", Outcome)
def test_a_gate_that_always_says_the_same_fails_its_own_test(
    always: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Judgement(outcome=always, obstacles=())
    monkeypatch.setattr(gate_test, "judge", lambda *_: said)
    assert self_test().wrong


def test_a_gate_that_forgives_a_third_failure_fails_its_own_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("polyarb.rollout.verdict.P1_UNMET_MAX", 3)
    assert any("three P1 fail" in text for text in self_test().wrong)
