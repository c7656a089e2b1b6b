"""Our clock while a run lasts: measured, watched, and not decided by while it is wrong."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from polyarb.domain.errors import VenueError
from polyarb.domain.messages import OperatorHalted, OperatorOrder
from polyarb.domain.surroundings import ClockSettings, ClockVerdict
from polyarb.host.agreement import Agreed
from polyarb.host.clock import SystemClock
from polyarb.host.clock_health import AGE_NS_MAX
from polyarb.host.steps import Instant
from polyarb.wiring.timekeeping import ClockInbox, Timekeeper
from tests.time_server import TimeServer

MS = 1_000_000
S = 1_000_000_000
NOW_NS = 1_795_000_000 * S


class HandClock:
    """Three clocks that only a test moves; asking for the time takes none."""

    def __init__(self) -> None:
        self.wall_ns = NOW_NS
        self.steady_ns = 0
        self.boot_ns = 0

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        return self.steady_ns

    def instant(self) -> Instant:
        return Instant(
            wall_ns=self.wall_ns, monotonic_ns=self.steady_ns, boot_ns=self.boot_ns, width_ns=0
        )

    def pass_time(self, seconds: float) -> None:
        elapsed_ns = int(seconds * S)
        self.wall_ns += elapsed_ns
        self.steady_ns += elapsed_ns
        self.boot_ns += elapsed_ns


class Servers:
    """Time servers that say what a test wants, or nothing."""

    def __init__(self, offset_ms: int | None = 0) -> None:
        self.offset_ms = offset_ms
        self.asked = 0

    def __call__(self) -> Agreed | None:
        self.asked += 1
        if self.offset_ms is None:
            return None
        value = self.offset_ms * MS
        span = 5 * MS
        return Agreed(
            value=value,
            uncertainty=span,
            low=value - span,
            high=value + span,
            agreeing=("a",),
            outvoted=(),
        )


class SilentVenue:
    """A venue that does not tell the time."""

    async def time_ms(self) -> int:
        raise VenueError("no answer")


class TellingVenue:
    """A venue whose clock is ahead of ours; each answer takes a hundredth of a second."""

    def __init__(self, clock: HandClock, ahead_ms: int) -> None:
        self.clock = clock
        self.ahead_ms = ahead_ms

    async def time_ms(self) -> int:
        self.clock.pass_time(0.117)
        told_ms = self.clock.wall_ns // MS + self.ahead_ms
        return told_ms - told_ms % 1_000


def keeper(
    clock: HandClock, servers: Servers, *, offset_ms_max: int = 100, retry_s: float = 0.0
) -> Timekeeper:
    settings = ClockSettings(servers=("x",), offset_ms_max=offset_ms_max)
    return Timekeeper(settings, clock, ask=servers, retry_s=retry_s)


def measured(made: Timekeeper, venue: SilentVenue | TellingVenue | None = None) -> Timekeeper:
    """Let it measure once."""
    asyncio.run(made.measure(venue or SilentVenue()))
    return made


def during(
    made: Timekeeper,
    while_running: Coroutine[Any, Any, None],
    venue: SilentVenue | TellingVenue | None = None,
) -> None:
    async def live() -> None:
        task = asyncio.create_task(made.run(venue or SilentVenue()))
        await while_running
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(live())


async def until(is_done: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if is_done():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("never came")


def test_before_anything_is_measured_nothing_is_known_and_nothing_is_stopped() -> None:
    made = keeper(HandClock(), Servers(None))
    made.tick({})
    standing = made.standing()
    assert standing.verdict is ClockVerdict.UNKNOWN
    assert (standing.offset_ms, standing.drift_ppm, standing.age_ms) == (None, None, None)
    assert made.take(NOW_NS) == ()


def test_what_time_servers_say_is_told_with_its_age() -> None:
    clock = HandClock()
    made = measured(keeper(clock, Servers(7)))
    clock.pass_time(3)
    standing = made.standing()
    assert standing.verdict is ClockVerdict.GOOD
    assert (standing.offset_ms, standing.uncertainty_ms) == (7.0, 5.0)
    assert standing.age_ms == 3_000 and not standing.is_stepped
    assert made.take(NOW_NS) == ()


@pytest.mark.parametrize(
    ("offset_ms", "limit_ms", "verdict"),
    [
        (105, 100, ClockVerdict.GOOD),
        (-106, 100, ClockVerdict.ALARM),
        (60_000, 100, ClockVerdict.REFUSED),
        (400, 500, ClockVerdict.GOOD),
        (900, 1_000, ClockVerdict.UNKNOWN),
        (1_200, 1_000, ClockVerdict.REFUSED),
    ],
)
def test_beyond_the_operators_limit_the_clock_is_not_trusted(
    offset_ms: int, limit_ms: int, verdict: ClockVerdict
) -> None:
    made = measured(keeper(HandClock(), Servers(offset_ms), offset_ms_max=limit_ms))
    assert made.standing().verdict is verdict
    told = made.take(NOW_NS + 1)
    assert [(one.is_trusted, one.receive_time_ns) for one in told] == (
        [(False, NOW_NS + 1)] if verdict.stops else []
    )
    assert made.take(NOW_NS + 2) == ()


def test_a_clock_that_is_put_right_is_trusted_again_by_the_next_measurement() -> None:
    servers = Servers(60_000)
    made = measured(keeper(HandClock(), servers))
    (wrong,) = made.take(NOW_NS)
    assert not wrong.is_trusted and "60000 ms" in wrong.reason
    servers.offset_ms = 2
    asked = servers.asked
    measured(made)
    (right,) = made.take(NOW_NS)
    assert right.is_trusted and servers.asked > asked


def test_a_clock_that_was_set_is_wrong_until_it_is_measured_and_that_is_at_once() -> None:
    clock, servers = HandClock(), Servers(0)
    made = keeper(clock, servers)

    async def story() -> None:
        await until(lambda: made.standing().verdict is ClockVerdict.GOOD)
        asked = servers.asked
        await asyncio.sleep(0.02)
        assert servers.asked == asked
        clock.wall_ns += 3 * S
        made.tick({})
        standing = made.standing()
        assert standing.verdict is ClockVerdict.ALARM and standing.is_stepped
        assert standing.offset_ms is None and "leapt by +3000 ms" in standing.reason
        await until(lambda: servers.asked > asked)
        await until(lambda: not made.standing().is_stepped)

    during(made, story())
    assert made.standing().verdict is ClockVerdict.GOOD
    assert [one.is_trusted for one in made.take(NOW_NS)] == [True]


def test_a_small_step_and_a_sleep_stop_nothing() -> None:
    clock = HandClock()
    made = measured(keeper(clock, Servers(0)))
    clock.wall_ns += 60 * MS
    made.tick({})
    assert made.standing().is_stepped and made.take(NOW_NS) == ()
    made = measured(keeper(clock, Servers(0)))
    clock.wall_ns += 3_600 * S
    clock.boot_ns += 3_600 * S
    made.tick({})
    assert not made.standing().is_stepped
    assert made.standing().verdict is ClockVerdict.GOOD


def test_a_step_that_nobody_can_measure_is_forgotten_with_time() -> None:
    clock = HandClock()
    made = keeper(clock, Servers(None))
    clock.wall_ns -= 2 * S
    made.tick({})
    assert made.standing().verdict is ClockVerdict.ALARM
    clock.pass_time(3 * 600 + 1)
    made.tick({})
    assert made.standing().verdict is ClockVerdict.UNKNOWN
    assert [one.is_trusted for one in made.take(NOW_NS)] == [True]


def test_what_was_measured_long_ago_says_nothing_of_now() -> None:
    clock = HandClock()
    made = measured(keeper(clock, Servers(0)))
    clock.pass_time(3 * AGE_NS_MAX / S)
    made.tick({})
    assert made.standing().verdict is ClockVerdict.GOOD
    clock.pass_time(1)
    made.tick({})
    assert made.standing().verdict is ClockVerdict.UNKNOWN


def drifted(made: Timekeeper, clock: HandClock, ms_a_second: float, *sources: str) -> None:
    for second in range(120):
        clock.pass_time(1)
        made.tick(dict.fromkeys(sources, 20 + round(second * ms_a_second)))


def test_a_drift_of_every_stream_is_told_in_ppm_and_stops_beyond_the_limit() -> None:
    clock = HandClock()
    made = measured(keeper(clock, Servers(None)))
    drifted(made, clock, 1.0, "stream-1", "stream-2")
    standing = made.standing()
    assert standing.drift_ppm == pytest.approx(1_000, rel=0.05)
    assert not standing.verdict.stops
    made = keeper(clock, Servers(None))
    drifted(made, clock, 5.0, "stream-1", "stream-2")
    assert made.standing().verdict is ClockVerdict.ALARM


def test_one_stream_whose_way_grows_longer_is_no_drift_of_the_clock() -> None:
    clock = HandClock()
    made = keeper(clock, Servers(None))
    for second in range(120):
        clock.pass_time(1)
        made.tick({"stream-1": 20, "stream-2": 20 + 5 * second})
    assert made.standing().drift_ppm == pytest.approx(0, abs=20)


def test_a_measurement_clears_the_clock_of_a_drift_of_the_way() -> None:
    clock = HandClock()
    made = keeper(clock, Servers(0))
    drifted(made, clock, 5.0, "stream-1")
    assert [one.is_trusted for one in made.take(NOW_NS)] == [False]
    measured(made)
    assert made.standing().drift_ppm is None
    assert [one.is_trusted for one in made.take(NOW_NS)] == [True]


@pytest.mark.parametrize(("ahead_ms", "stops"), [(0, False), (900, True), (-60_000, True)])
def test_the_venue_is_believed_where_no_time_server_answers(ahead_ms: int, stops: bool) -> None:
    clock = HandClock()
    made = keeper(clock, Servers(None))
    venue = TellingVenue(clock, ahead_ms)
    during(made, until(lambda: made.standing().offset_ms is not None), venue)
    standing = made.standing()
    assert standing.offset_ms is not None and standing.uncertainty_ms is not None
    assert abs(standing.offset_ms - ahead_ms) <= standing.uncertainty_ms
    assert standing.verdict.stops is stops


def test_what_was_asked_before_the_clock_was_set_is_void() -> None:
    clock = HandClock()

    def ask() -> Agreed | None:
        clock.wall_ns += 5 * S
        made.tick({})
        return Servers(0)()

    settings = ClockSettings(servers=("x",))
    made = Timekeeper(settings, clock, ask=ask, retry_s=30.0)
    measured(made)
    assert made.standing().offset_ms is None and made.standing().is_stepped


def test_the_servers_of_the_settings_are_asked_in_a_thread_of_their_own() -> None:
    with TimeServer(offset_ns=250 * MS) as server:
        settings = ClockSettings(servers=(server.address,))
        made = Timekeeper(settings, SystemClock())
        during(made, until(lambda: made.standing().offset_ms is not None))
    standing = made.standing()
    assert standing.offset_ms == pytest.approx(250, abs=60)
    assert standing.verdict is ClockVerdict.ALARM


def test_without_servers_and_venue_nothing_is_known() -> None:
    made = measured(Timekeeper(ClockSettings(servers=()), SystemClock()))
    assert made.standing().offset_ms is None


def test_the_inbox_tells_orders_first_and_then_of_the_clock() -> None:
    order = OperatorHalted(receive_time_ns=NOW_NS, actor="alice", reason="lunch")

    class Orders:
        def take(self, _now_ns: int) -> tuple[OperatorOrder, ...]:
            return (order,)

    made = measured(keeper(HandClock(), Servers(60_000)))
    inbox = ClockInbox(Orders(), made)
    first, judged = inbox.take(NOW_NS)
    assert first is order and judged.receive_time_ns == NOW_NS
    assert inbox.take(NOW_NS) == (order,)
