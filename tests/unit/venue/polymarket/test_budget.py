"""The governor of rate limits: stages, windows, pauses and deadlines, in virtual time."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.venue.polymarket.rest.budget import (
    LIMITS,
    STAGES,
    WINDOW_NS,
    Governor,
    Priority,
    Scope,
    Stage,
)
from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind
from tests.virtual_time import LoopClock, run_virtually

S = 1_000_000_000
FAR_NS = 10**18
SMALL = {Scope.ALL: 1_000, Scope.BOOKS: 100}
ESSENTIAL, BACKGROUND = Priority.ESSENTIAL, Priority.BACKGROUND


def governor(limits: dict[Scope, int] | None = None) -> Governor:
    return Governor(LoopClock().monotonic_ns, asyncio.sleep, limits or SMALL)


async def admit(
    subject: Governor,
    count: int,
    priority: Priority = ESSENTIAL,
    *,
    scopes: tuple[Scope, ...] = (Scope.ALL, Scope.BOOKS),
) -> list[float]:
    """Ask so often, one after the other; return when each was let go, in seconds."""
    times = []
    for _ in range(count):
        await subject.admit(scopes, priority, FAR_NS)
        times.append(asyncio.get_running_loop().time())
    return times


def stage(subject: Governor, scope: Scope = Scope.BOOKS) -> Stage:
    return next(use.stage for use in subject.state().scopes if use.scope is scope)


def test_every_scope_has_its_documented_limit() -> None:
    assert set(LIMITS) == set(Scope)
    documented = {"all hosts": 15_000, "/ok": 100, "gamma": 4_000, "clob": 9_000, "/book": 1_500}
    documented |= {"/books": 500, "gamma /events": 500, "gamma /markets": 300}
    assert documented.items() <= {str(scope): limit for scope, limit in LIMITS.items()}.items()
    assert LIMITS[Scope.GAMMA_LISTS] == 900


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (0, Stage.FREE),
        (49, Stage.FREE),
        (50, Stage.NORMAL),
        (69, Stage.NORMAL),
        (70, Stage.SLOW),
        (89, Stage.SLOW),
        (90, Stage.ESSENTIAL_ONLY),
        (94, Stage.ESSENTIAL_ONLY),
        (95, Stage.STOP),
    ],
)
def test_the_stage_follows_the_used_share(used: int, expected: Stage) -> None:
    async def main() -> None:
        subject = Governor(lambda: 0, asyncio.sleep, {Scope.BOOKS: 100})
        window = subject._windows[Scope.BOOKS]
        for _ in range(used):
            window.count(0)
        assert stage(subject) is expected
        assert subject.state().tightest.percent == used

    run_virtually(main)


def test_half_of_a_limit_goes_at_once_for_everybody() -> None:
    async def main() -> None:
        for priority in Priority:
            subject = governor()
            began = asyncio.get_running_loop().time()
            assert set(await admit(subject, 50, priority)) == {began}
            assert subject.state().waits == 0

    run_virtually(main)


def test_what_is_essential_goes_at_once_up_to_seventy_percent_then_spaced() -> None:
    async def main() -> None:
        times = await admit(governor(), 80)
        assert times[:70] == [0.0] * 70
        gaps = [later - earlier for earlier, later in pairwise(times[69:])]
        assert gaps == pytest.approx([0.125] * 10)

    run_virtually(main)


def test_the_background_is_spaced_from_half_on_and_wider_from_seventy_percent() -> None:
    async def main() -> None:
        times = await admit(governor(), 80, BACKGROUND)
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert gaps[:49] == [0.0] * 49
        assert gaps[49:69] == pytest.approx([1 / 6] * 20)
        assert gaps[69:] == pytest.approx([0.25] * 10)

    run_virtually(main)


def test_from_ninety_percent_on_only_what_is_essential_goes() -> None:
    async def main() -> None:
        subject = Governor(LoopClock().monotonic_ns, asyncio.sleep, {Scope.BOOKS: 100})
        for _ in range(90):
            subject._windows[Scope.BOOKS].count(0)
        await asyncio.sleep(1)
        background = asyncio.create_task(admit(subject, 1, BACKGROUND, scopes=(Scope.BOOKS,)))
        (essential,) = await admit(subject, 1, scopes=(Scope.BOOKS,))
        assert essential == 1.0
        assert (await background)[0] >= 10.0

    run_virtually(main)


def test_from_ninety_five_percent_on_everybody_waits_until_the_window_frees() -> None:
    async def main() -> None:
        subject = Governor(LoopClock().monotonic_ns, asyncio.sleep, {Scope.BOOKS: 100})
        window = subject._windows[Scope.BOOKS]
        for number in range(95):
            window.count(number * S // 100)
        await asyncio.sleep(1)
        assert stage(subject) is Stage.STOP
        assert await admit(subject, 1, scopes=(Scope.BOOKS,)) == [10.0]

    run_virtually(main)


def test_a_window_slides() -> None:
    async def main() -> None:
        subject = governor()
        await admit(subject, 50)
        await asyncio.sleep(9.999)
        assert stage(subject) is Stage.NORMAL
        await asyncio.sleep(0.002)
        assert stage(subject) is Stage.FREE

    run_virtually(main)


def test_a_wait_beyond_the_deadline_is_refused_at_once_and_counted() -> None:
    async def main() -> None:
        subject = Governor(LoopClock().monotonic_ns, asyncio.sleep, {Scope.BOOKS: 100})
        for _ in range(95):
            subject._windows[Scope.BOOKS].count(0)
        await asyncio.sleep(1)
        with pytest.raises(RestError, match="95 of 100 requests in 10 s used") as caught:
            await subject.admit((Scope.BOOKS,), ESSENTIAL, 5 * S)
        assert caught.value.kind is RestFaultKind.RATE_LIMITED
        assert caught.value.retry_after_ms == 9_000
        assert asyncio.get_running_loop().time() == 1.0
        state = subject.state()
        assert (state.refusals, state.admitted, state.waits) == (1, 0, 0)
        assert state.tightest.used == 95, "what was refused does not count as sent"

    run_virtually(main)


def test_a_refusal_tells_when_enough_has_left_the_window() -> None:
    async def main() -> None:
        subject = Governor(LoopClock().monotonic_ns, asyncio.sleep, {Scope.BOOKS: 100})
        for number in range(97):
            subject._windows[Scope.BOOKS].count(number * S // 100)
        await asyncio.sleep(1)
        for priority, free_in_ms in ((ESSENTIAL, 9_020), (BACKGROUND, 9_070)):
            with pytest.raises(RestError) as caught:
                await subject.admit((Scope.BOOKS,), priority, 2 * S)
            assert caught.value.retry_after_ms == free_in_ms

    run_virtually(main)


def test_a_wait_that_ends_on_the_deadline_is_taken() -> None:
    async def main() -> None:
        subject = governor()
        subject.pause((Scope.BOOKS,), 2_000)
        await subject.admit((Scope.BOOKS,), ESSENTIAL, 2 * S)
        assert asyncio.get_running_loop().time() == pytest.approx(2.0)

    run_virtually(main)


def test_the_narrowest_of_several_scopes_decides() -> None:
    async def main() -> None:
        subject = governor({Scope.ALL: 10_000, Scope.BOOKS: 10, Scope.CLOB: 1_000})
        times = await admit(subject, 8, scopes=(Scope.ALL, Scope.BOOKS, Scope.CLOB))
        assert times[6] == 0.0
        assert times[7] > 0.0
        assert await admit(subject, 1, scopes=(Scope.ALL, Scope.CLOB)) == [times[7]]

    run_virtually(main)


def test_a_pause_that_the_venue_asked_for_holds_its_scopes_only() -> None:
    async def main() -> None:
        subject = governor()
        subject.pause((Scope.BOOKS,), 3_000)
        assert await admit(subject, 1, scopes=(Scope.ALL,)) == [0.0]
        use = subject.state().tightest
        assert (use.scope, use.paused_ms) == (Scope.BOOKS, 3_000)
        assert await admit(subject, 1, scopes=(Scope.BOOKS,)) == pytest.approx([3.0])
        state = subject.state()
        assert (state.pauses, state.waits, state.waited_ms) == (1, 1, 3_000)

    run_virtually(main)


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    async def main() -> None:
        subject = governor()
        subject.pause((Scope.BOOKS,), 3_000)
        subject.pause((Scope.BOOKS,), 1_000)
        assert await admit(subject, 1) == pytest.approx([3.0])

    run_virtually(main)


def test_a_refusal_in_a_pause_names_the_pause() -> None:
    async def main() -> None:
        subject = governor()
        subject.pause((Scope.BOOKS,), 3_000)
        with pytest.raises(RestError, match="a pause that the venue asked for, free again in 3"):
            await subject.admit((Scope.BOOKS,), ESSENTIAL, S)

    run_virtually(main)


@settings(max_examples=40)
@given(
    bursts=st.lists(
        st.tuples(st.integers(0, 3_000), st.integers(1, 12), st.sampled_from(Priority)),
        max_size=6,
    ),
    limit=st.integers(3, 30),
)
def test_no_window_ever_holds_more_than_its_stop_and_nobody_waits_for_ever(
    bursts: list[tuple[int, int, Priority]], limit: int
) -> None:
    async def main() -> None:
        subject = governor({Scope.ALL: 10_000, Scope.BOOKS: limit})
        let_go: list[tuple[float, Priority]] = []

        async def one(priority: Priority) -> None:
            await subject.admit((Scope.ALL, Scope.BOOKS), priority, FAR_NS)
            let_go.append((asyncio.get_running_loop().time(), priority))

        tasks = []
        for after_ms, count, priority in bursts:
            await asyncio.sleep(after_ms / 1_000)
            tasks += [asyncio.create_task(one(priority)) for _ in range(count)]
        async with asyncio.timeout(3_600):
            await asyncio.gather(*tasks)
        stop_at = -(-95 * limit // 100)
        calm_at = -(-90 * limit // 100)
        for place, (time, priority) in enumerate(let_go):
            # What went exactly a window ago has left it.
            held = [
                earlier for earlier, _ in let_go[:place] if earlier > time - WINDOW_NS / S + 1e-6
            ]
            assert len(held) < stop_at
            if priority is BACKGROUND:
                assert len(held) < calm_at

    run_virtually(main)


def test_stages_are_listed_from_the_strictest_and_end_with_nothing_used() -> None:
    starts = [pace.from_percent for pace in STAGES]
    assert starts == [95, 90, 70, 50, 0]
    for pace in STAGES:
        assert pace.background <= pace.essential
