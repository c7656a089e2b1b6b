"""Steps of wall time against monotonic time: the clock was set, or the machine slept."""

import pytest
from polyarb.host.clock import SystemClock
from polyarb.host.steps import STEP_NS_MIN, Instant, Step, StepKind, StepWatch

S = 1_000_000_000


def at(
    monotonic_ns: int, *, wall_ns: int | None = None, slept_ns: int = 0, width_ns: int = 0
) -> Instant:
    return Instant(
        wall_ns=monotonic_ns if wall_ns is None else wall_ns,
        monotonic_ns=monotonic_ns,
        boot_ns=monotonic_ns + slept_ns,
        width_ns=width_ns,
    )


def test_time_that_goes_on_evenly_is_no_step() -> None:
    watch = StepWatch(at(0))
    assert [watch.look(at(second * S)) for second in range(1, 5)] == [None] * 4


@pytest.mark.parametrize("leap_ns", [STEP_NS_MIN + 1, -STEP_NS_MIN - 1, 3_600 * S, -3_600 * S])
def test_a_clock_that_was_set_is_seen_once(leap_ns: int) -> None:
    watch = StepWatch(at(0))
    found = watch.look(at(S, wall_ns=S + leap_ns))
    assert found == Step(kind=StepKind.SET, size_ns=leap_ns, noticed_ns=S + leap_ns)
    assert watch.look(at(2 * S, wall_ns=2 * S + leap_ns)) is None


@pytest.mark.parametrize("leap_ns", [STEP_NS_MIN, -STEP_NS_MIN])
def test_less_than_the_least_step_is_none(leap_ns: int) -> None:
    assert StepWatch(at(0)).look(at(S, wall_ns=S + leap_ns)) is None


def test_a_machine_that_slept_is_told_from_a_clock_that_was_set() -> None:
    found = StepWatch(at(0)).look(at(S, wall_ns=61 * S, slept_ns=60 * S))
    assert found == Step(kind=StepKind.SLEPT, size_ns=60 * S, noticed_ns=61 * S)


def test_a_clock_that_was_set_while_the_machine_slept_is_seen() -> None:
    found = StepWatch(at(0)).look(at(S, wall_ns=71 * S, slept_ns=60 * S))
    assert found is not None
    assert (found.kind, found.size_ns) == (StepKind.SET, 10 * S)


def test_a_look_that_was_interrupted_is_trusted_less() -> None:
    leapt = STEP_NS_MIN + S // 2
    watch = StepWatch(at(0))
    assert watch.look(at(S, wall_ns=S + leapt, width_ns=S // 2)) is None


def test_the_real_clocks_do_not_step() -> None:
    clock = SystemClock()
    first, then = clock.instant(), clock.instant()
    assert first.monotonic_ns <= then.monotonic_ns
    assert first.boot_ns <= then.boot_ns
    # A look that took long says little: the limit grows with it.
    assert StepWatch(first, step_ns_min=S).look(then) is None
