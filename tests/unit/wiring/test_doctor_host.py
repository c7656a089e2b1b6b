"""The machine's baseline as one report: all of it, bounded, with the clock's offset and drift."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from polyarb.cli.doctor import conclusion, exit_code, lines, table
from polyarb.cli.exit_codes import ExitCode
from polyarb.domain.order import TradingState
from polyarb.domain.surroundings import ClockStanding, ClockVerdict
from polyarb.domain.venue import VenueSettings
from polyarb.host.baseline import BASELINE, BaselineName
from polyarb.host.baseline_looks import LOOKS, Machine
from polyarb.host.checkup import Check, Finding, Result, fail, ok, skipped, warn
from polyarb.host.system_files import SystemFiles
from polyarb.host.threads import run_abandoning
from polyarb.store.locks import acquire
from polyarb.store.status import Status, write_status
from polyarb.store.workspace import Workspace, create_workspace, shipped_templates
from polyarb.wiring.doctor import host as doctor_host
from polyarb.wiring.doctor.checkup import DoctorReport, instruments_for
from polyarb.wiring.doctor.host import drift_seen, examine_host, look_at_host, with_drift_seen
from rich.console import Console
from tests.time_server import TimeServer

MINUTE_NS = 60 * 10**9


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "workspace", shipped_templates())
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace every look by one that is well, but for those that a test names."""

    def replace(**others: Callable[[Machine], Finding]) -> None:
        for name in LOOKS:
            look = others.get(name.replace("-", "_"), lambda _machine: ok("well"))
            monkeypatch.setitem(LOOKS, name, look)

    return replace


def examine(place: Workspace, *servers: str, is_offline: bool = False) -> DoctorReport:
    machine = Machine(
        files=SystemFiles(place.root / "system"),
        folder=place.data_dir,
        sockets=5,
        monotonic_ns=time.monotonic_ns,
        sleep=lambda _seconds: None,
    )
    instruments = instruments_for(place, servers)
    return run_abandoning(
        look_at_host(place, machine, VenueSettings(), instruments, is_offline=is_offline)
    )


def named(report: DoctorReport, name: BaselineName) -> Check:
    return next(check for check in report.checks if check.name == name)


def test_every_check_is_told_in_order_with_why_it_matters(place: Workspace) -> None:
    report = examine_host(place, is_offline=True)
    assert [check.name for check in report.checks] == list(BaselineName)
    assert [check.why for check in report.checks] == [kind.why for kind in BASELINE]
    told_well = (Result.OK, Result.SKIPPED)
    assert all(bool(check.remedy) is (check.result not in told_well) for check in report.checks)
    assert named(report, BaselineName.TIME_SERVERS).found == "left out: offline"
    assert report.clock is None
    assert msgspec.json.decode(msgspec.json.encode(report), type=DoctorReport) == report


def test_nothing_is_left_behind(place: Workspace) -> None:
    before = sorted(place.root.rglob("*"))
    examine_host(place, is_offline=True)
    assert sorted(place.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("offset_ns", "result", "code"),
    [
        (0, Result.OK, ExitCode.DONE),
        (MINUTE_NS, Result.FAIL, ExitCode.FAULT),
    ],
)
def test_the_offset_is_asked_of_time_servers(
    place: Workspace,
    looks: Callable[..., None],
    offset_ns: int,
    result: Result,
    code: ExitCode,
) -> None:
    looks()
    with ExitStack() as stack:
        servers = [stack.enter_context(TimeServer(offset_ns=offset_ns)) for _ in range(2)]
        report = examine(place, *(server.address for server in servers))
    found = named(report, BaselineName.TIME_SERVERS)
    assert (found.result, report.result, exit_code(report)) == (result, result, code)
    assert report.clock is not None
    assert report.clock.ntp_offset_ns is not None
    assert abs(report.clock.ntp_offset_ns - offset_ns) < 10**9


def test_a_disk_that_hangs_holds_up_only_its_own_check(
    place: Workspace, looks: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hang(_machine: Machine) -> Finding:
        release.wait()
        return ok("too late")

    looks(sync_latency=hang)
    monkeypatch.setattr(doctor_host, "CHECK_MS_MAX", 300)
    report = examine(place, is_offline=True)
    release.set()
    found = named(report, BaselineName.LATENCY)
    assert (found.result, found.found) == (Result.FAIL, "nothing within 300 ms")
    assert found.remedy
    assert named(report, BaselineName.FILE_SYSTEM).result is Result.OK


def test_warnings_leave_the_exit_code_and_are_told_with_reason_and_advice(
    place: Workspace, looks: Callable[..., None]
) -> None:
    looks(swap=lambda _machine: warn("eager"), memory=lambda _machine: skipped("not told"))
    report = examine(place, is_offline=True)
    assert exit_code(report) is ExitCode.DONE
    told = lines(report)
    at = next(index for index, line in enumerate(told) if line.split()[:2] == ["warn", "swap"])
    assert told[at + 1].strip().startswith("because a page that comes back")
    assert told[at + 2].strip() == "-> sudo sysctl vm.swappiness=1, or: sudo swapoff -a"
    assert sum(" because " in line for line in told) == 1
    assert "1 warn" in conclusion(report)
    console = Console(width=200, force_terminal=True, file=StringIO(), record=True)
    console.print(table(report))
    drawn = console.export_text()
    assert "because a page that comes back" in drawn
    assert "sudo sysctl vm.swappiness=1" in drawn


def test_a_failure_gives_exit_code_4(place: Workspace, looks: Callable[..., None]) -> None:
    looks(memory=lambda _machine: fail("none"))
    assert exit_code(examine(place, is_offline=True)) is ExitCode.FAULT


def test_without_a_configuration_the_machine_is_still_looked_at(place: Workspace) -> None:
    place.config_file.write_text("venue: 5\n")
    report = examine_host(place, is_offline=True)
    assert named(report, BaselineName.PROCESSORS).result is not Result.SKIPPED


# The drift that a running trader sees


@pytest.mark.parametrize(
    ("found", "drift_ppm", "result"),
    [
        (skipped("not known"), None, Result.SKIPPED),
        (skipped("not known"), 100.0, Result.OK),
        (skipped("not known"), -100.1, Result.WARN),
        (ok("steered", steered_ppb=1), 7.25, Result.OK),
        (warn("steered"), 7.25, Result.WARN),
    ],
)
def test_the_worse_of_kernel_and_trader_counts(
    found: Finding, drift_ppm: float | None, result: Result
) -> None:
    joined = with_drift_seen(found, drift_ppm)
    assert joined.result is result
    if drift_ppm is not None:
        assert f"{drift_ppm:+.1f} millionths against the venue" in joined.found
        assert joined.measured == {**found.measured, "drift_ppb": round(drift_ppm * 1_000)}


def standing(drift_ppm: float | None) -> ClockStanding:
    return ClockStanding(verdict=ClockVerdict.GOOD, reason="", drift_ppm=drift_ppm)


@pytest.mark.parametrize(
    ("clock", "is_running", "drift_ppm"),
    [
        (standing(-3.5), True, -3.5),
        (standing(None), True, None),
        (None, True, None),
        (standing(-3.5), False, None),
    ],
)
def test_only_a_trader_that_runs_tells_the_drift(
    place: Workspace, clock: ClockStanding | None, is_running: bool, drift_ppm: float | None
) -> None:
    assert drift_seen(place) is None
    status = Status(
        pid=os.getpid(),
        run_id="r",
        phase="shadow",
        state=TradingState.ACTIVE,
        started_ns=1,
        updated_ns=1,
        clock=clock,
    )
    write_status(place.status_file, status)
    lock = acquire(place.lock_file, "the workspace")
    if not is_running:
        lock.release()
    assert drift_seen(place) == drift_ppm
    lock.release()


def test_the_drift_that_a_trader_sees_is_told_with_that_of_the_kernel(
    place: Workspace, looks: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks()
    monkeypatch.setattr(doctor_host, "drift_seen", lambda _place: -250.0)
    found = named(examine(place, is_offline=True), BaselineName.DRIFT)
    assert found.result is Result.WARN
    assert found.found == "well; a trader sees -250.0 millionths against the venue"


def test_a_status_that_cannot_be_read_tells_no_drift(place: Workspace) -> None:
    place.status_file.mkdir()
    assert drift_seen(place) is None
