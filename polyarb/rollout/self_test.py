"""The gate's own test: made-up results whose outcome is known, through the rule that decides."""

from collections.abc import Iterator

import msgspec

from polyarb.domain.limits import Phase
from polyarb.rollout.checks import CHECKS, CheckId, CheckResult, Priority, Status
from polyarb.rollout.verdict import EXIT_CODES, P1_UNMET_MAX, Requirement, judge

Results = tuple[CheckResult, ...]

YES, NO, UNKNOWN = 0, 1, 5


class SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """How many made-up contexts were judged, and each that came out wrong."""

    cases: int
    wrong: tuple[str, ...]


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    phase: Phase
    results: Results
    required: tuple[Status, ...]
    code: int


def self_test() -> SelfTest:
    """Judge every made-up context and compare exit codes with what is known of it."""
    cases = list(_cases())
    wrong = []
    for case in cases:
        required = [_required(status) for status in case.required]
        found = EXIT_CODES[judge(case.phase, case.results, required).outcome]
        if found != case.code:
            wrong.append(f"{case.phase}, {case.name}: expected {case.code}, found {found}")
    return SelfTest(cases=len(cases), wrong=tuple(wrong))


def _cases() -> Iterator[_Case]:
    for phase in Phase:
        yield from _one_changed(phase)
        yield from _several_changed(phase)


def _one_changed(phase: Phase) -> Iterator[_Case]:
    """Change one check, or one piece of required evidence, of a context in which all is well."""
    well = _all_well()
    yield _case("all well", phase, well, YES)
    for spec in CHECKS:
        is_critical = spec.priority is Priority.P0
        for status in (Status.FAIL, Status.ERROR, Status.INSUFFICIENT):
            unmet = UNKNOWN if status is Status.INSUFFICIENT else NO
            name = f"{spec.check_id} {status}"
            changed = _with(well, {spec.check_id: status})
            yield _case(name, phase, changed, unmet if is_critical else YES)
    for status, code in ((Status.FAIL, NO), (Status.ERROR, NO), (Status.INSUFFICIENT, UNKNOWN)):
        yield _case(f"a drill {status}", phase, well, code, (Status.PASS, status))


def _several_changed(phase: Phase) -> Iterator[_Case]:
    well = _all_well()
    advised = [spec.check_id for spec in CHECKS if spec.priority is Priority.P1]
    most, more = advised[:P1_UNMET_MAX], advised[: P1_UNMET_MAX + 1]
    failed = dict.fromkeys(more, Status.FAIL)
    yield _case("two P1 fail", phase, _with(well, dict.fromkeys(most, Status.FAIL)), YES)
    yield _case("three P1 fail", phase, _with(well, failed), NO)
    missing = {**failed, more[-1]: Status.INSUFFICIENT}
    yield _case("two P1 fail and one is missing", phase, _with(well, missing), UNKNOWN)
    worst = {CheckId.Y4: Status.FAIL, CheckId.Y6: Status.INSUFFICIENT}
    yield _case("P0 failed and evidence missing", phase, _with(well, worst), NO)
    nothing = dict.fromkeys((spec.check_id for spec in CHECKS), Status.INSUFFICIENT)
    yield _case("nothing is known", phase, _with(well, nothing), UNKNOWN)
    yield _case("no check was made", phase, (), NO)
    moot = dict.fromkeys((CheckId.S1, CheckId.S2), Status.NOT_APPLICABLE)
    code = YES if phase is Phase.SHADOW else NO
    yield _case("no wallet was looked at", phase, _with(well, moot), code)


def _case(
    name: str, phase: Phase, results: Results, code: int, required: tuple[Status, ...] = ()
) -> _Case:
    return _Case(name=name, phase=phase, results=results, required=required, code=code)


def _required(status: Status) -> Requirement:
    return Requirement(name="drill", status=status, evidence="made up", remedy="")


def _all_well() -> Results:
    return tuple(_result(spec.check_id, Status.PASS) for spec in CHECKS)


def _with(results: Results, changed: dict[CheckId, Status]) -> Results:
    return tuple(_result(one.check_id, changed.get(one.check_id, one.status)) for one in results)


def _result(check_id: CheckId, status: Status) -> CheckResult:
    return CheckResult(check_id=check_id, status=status, evidence=(), remedy="", took_ms=0)
