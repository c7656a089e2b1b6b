"""Evidence of drills: bound to code and configuration, recent, and never good by absence."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import Status
from polyarb.rollout.drills import (
    DRILL_SPECS,
    DRILLS,
    DrillName,
    drill_requirement,
    required_drills,
)
from tests.go_no_go_cases import DAY_NS, DIGESTS, NOW_NS, outcome

BREAKER = DRILL_SPECS[DrillName.BREAKER]


def test_every_drill_has_its_entry() -> None:
    assert [spec.name for spec in DRILLS] == list(DrillName)


def test_a_live_phase_needs_every_drill_and_shadow_those_of_itself() -> None:
    live = [one.name for one in required_drills(Phase.MICRO_LIVE, [], DIGESTS, NOW_NS)]
    assert live == [f"drill {name}" for name in DrillName]
    shadow = [one.name for one in required_drills(Phase.SHADOW, [], DIGESTS, NOW_NS)]
    assert shadow == [f"drill {name}" for name in list(DrillName)[:5]]


def test_a_recent_pass_counts() -> None:
    found = drill_requirement(BREAKER, [outcome("breaker")], DIGESTS, NOW_NS)
    assert (found.status, found.evidence, found.remedy) == (
        Status.PASS,
        "passed 60 minutes ago",
        "",
    )


def test_a_drill_that_never_ran_is_missing() -> None:
    found = drill_requirement(BREAKER, [outcome("kill")], DIGESTS, NOW_NS)
    assert (found.status, found.evidence) == (Status.INSUFFICIENT, "it has never run")
    assert found.remedy == "run `polyarb drill breaker`"


@pytest.mark.parametrize(
    ("field", "told"),
    [("code_digest", "other code"), ("config_digest", "another configuration")],
)
def test_evidence_dies_with_code_and_configuration(field: str, told: str) -> None:
    other = msgspec.structs.replace(outcome("breaker"), **{field: "e" * 64})
    found = drill_requirement(BREAKER, [other], DIGESTS, NOW_NS)
    assert (found.status, found.evidence) == (Status.INSUFFICIENT, f"it last ran for {told}")


def test_a_failure_counts_until_something_newer_is_there() -> None:
    told = [outcome("breaker", age_ns=2), outcome("breaker", passed=False, age_ns=1)]
    found = drill_requirement(BREAKER, told, DIGESTS, NOW_NS)
    assert (found.status, found.evidence) == (Status.FAIL, "expected a halt, found none")
    mended = [*told, outcome("breaker", age_ns=0)]
    assert drill_requirement(BREAKER, mended, DIGESTS, NOW_NS).status is Status.PASS


def test_an_old_failure_is_still_one() -> None:
    told = [outcome("breaker", passed=False, age_ns=400 * DAY_NS)]
    assert drill_requirement(BREAKER, told, DIGESTS, NOW_NS).status is Status.FAIL


@pytest.mark.parametrize("spec", DRILLS, ids=lambda spec: spec.name)
def test_a_pass_grows_old(spec: object) -> None:
    assert isinstance(spec, type(BREAKER))
    limit = spec.age_days_max * DAY_NS
    young, old = outcome(spec.name, age_ns=limit), outcome(spec.name, age_ns=limit + DAY_NS)
    assert drill_requirement(spec, [young], DIGESTS, NOW_NS).status is Status.PASS
    found = drill_requirement(spec, [old], DIGESTS, NOW_NS)
    assert found.status is Status.INSUFFICIENT
    assert f"at most {spec.age_days_max} count" in found.evidence


def test_a_pass_of_the_future_does_not_count() -> None:
    found = drill_requirement(BREAKER, [outcome("breaker", age_ns=-1)], DIGESTS, NOW_NS)
    assert found.status is Status.INSUFFICIENT


@given(
    st.lists(
        st.builds(
            lambda passed, age: outcome("breaker", passed=passed, age_ns=age),
            st.booleans(),
            st.integers(-DAY_NS, 60 * DAY_NS),
        ),
        max_size=6,
    )
)
def test_only_a_pass_that_is_the_last_word_passes(told: list[object]) -> None:
    found = drill_requirement(BREAKER, told, DIGESTS, NOW_NS)  # type: ignore[arg-type]
    if found.status is Status.PASS:
        last = max(told, key=lambda one: one.began_ns)  # type: ignore[attr-defined]
        assert last.passed  # type: ignore[attr-defined]
        assert 0 <= NOW_NS - last.began_ns <= 30 * DAY_NS  # type: ignore[attr-defined]
