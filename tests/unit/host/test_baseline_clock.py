"""The clock: its source, who keeps it, how it is steered."""

from pathlib import Path

import pytest
from polyarb.host import baseline_clock
from polyarb.host.baseline_clock import (
    judge_drift,
    judge_source,
    judge_sync,
    look_at_drift,
    look_at_source,
    look_at_sync,
    running_daemons,
)
from polyarb.host.checkup import Result
from polyarb.host.kernel_clock import KernelClock
from tests.unit.host.system_tree import SystemTree

SOURCE = "/sys/devices/system/clocksource/clocksource0"


def clock(
    *, is_synchronised: bool = True, error_ns_max: int = 1_000_000, steered_ppb: int = -12_300
) -> KernelClock:
    return KernelClock(
        is_synchronised=is_synchronised,
        offset_ns=-250_000,
        error_ns_max=error_ns_max,
        steered_ppb=steered_ppb,
    )


@pytest.mark.parametrize(
    ("current", "available", "result", "advice"),
    [
        ("tsc", ("tsc", "hpet"), Result.OK, ""),
        ("kvm-clock", (), Result.OK, ""),
        ("hpet", ("tsc", "hpet"), Result.WARN, f"echo tsc | sudo tee {SOURCE}/current_clocksource"),
        ("acpi_pm", ("hpet", "acpi_pm"), Result.WARN, ""),
        (None, (), Result.SKIPPED, ""),
        ("", (), Result.SKIPPED, ""),
    ],
)
def test_a_slow_source_of_time_warns_and_a_quicker_one_is_named(
    current: str | None, available: tuple[str, ...], result: Result, advice: str
) -> None:
    found = judge_source(current, available)
    assert (found.result, found.remedy) == (result, advice)


def test_the_source_is_read(tmp_path: Path) -> None:
    tree = SystemTree(tmp_path)
    assert look_at_source(tree.files).result is Result.SKIPPED
    tree.tell(f"{SOURCE}/current_clocksource", "tsc")
    tree.tell(f"{SOURCE}/available_clocksource", "tsc kvm-clock")
    assert look_at_source(tree.files).found == "tsc of tsc, kvm-clock"


@pytest.mark.parametrize(
    ("found_clock", "daemons", "result", "told"),
    [
        (clock(), ("chrony",), Result.OK, "synchronised (chrony), still to be corrected -0.250 ms"),
        (clock(), (), Result.OK, "no daemon is seen here"),
        (clock(error_ns_max=100_000_000), ("chrony",), Result.OK, "100.0 ms at most"),
        (clock(error_ns_max=100_000_001), ("chrony",), Result.WARN, "at most"),
        (clock(is_synchronised=False), ("chrony",), Result.WARN, "not synchronised (chrony)"),
        (clock(), ("chrony", "ntpd"), Result.WARN, "2 time daemons run: chrony and ntpd"),
        (None, ("chrony",), Result.SKIPPED, "does not tell"),
    ],
)
def test_exactly_one_daemon_must_keep_the_clock(
    found_clock: KernelClock | None, daemons: tuple[str, ...], result: Result, told: str
) -> None:
    found = judge_sync(found_clock, daemons)
    assert found.result is result
    assert told in found.found


def test_daemons_are_known_by_the_names_that_the_kernel_gives_them(tmp_path: Path) -> None:
    tree = SystemTree(tmp_path).tell("/proc/1/comm", "systemd").tell("/proc/7/comm", "chronyd")
    tree.tell("/proc/9/comm", "systemd-timesyn").tell("/proc/self/comm", "ntpd")
    assert running_daemons(tree.files) == ("chrony", "systemd-timesyncd")


@pytest.mark.parametrize(
    ("found_clock", "result", "told"),
    [
        (clock(), Result.OK, "steered by -12.3 millionths, -1.06 s a day without"),
        (clock(steered_ppb=100_000), Result.OK, "+100.0"),
        (clock(steered_ppb=-100_001), Result.WARN, "-100.0"),
        (clock(steered_ppb=490_000), Result.WARN, "the end of what the kernel can steer"),
        (clock(is_synchronised=False), Result.SKIPPED, "not known"),
        (None, Result.SKIPPED, "does not tell"),
    ],
)
def test_a_clock_that_runs_away_fast_warns(
    found_clock: KernelClock | None, result: Result, told: str
) -> None:
    found = judge_drift(found_clock)
    assert found.result is result
    assert told in found.found
    assert ("the end" in found.found) is ("the end" in told)


def test_the_kernel_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline_clock, "read_kernel_clock", clock)
    assert look_at_sync(SystemTree(tmp_path).files).result is Result.OK
    assert look_at_drift().measured == {"steered_ppb": -12_300}
