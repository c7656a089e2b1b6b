"""The doctor: every check can fail and then says what is to be done; time is bounded."""

import asyncio
import os
import re
import selectors
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import pytest
from polyarb.cli.doctor import conclusion, exit_code, lines, table
from polyarb.cli.exit_codes import ExitCode
from polyarb.domain.errors import VenueError
from polyarb.domain.venue import Universe, VenueHosts, VenueSettings
from polyarb.host.checkup import Check, Result
from polyarb.host.reach import Reach, ReachStage
from polyarb.host.threads import run_abandoning
from polyarb.store.control import Halt, halt
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace, create_workspace, shipped_templates
from polyarb.wiring.doctor import checkup as doctor
from polyarb.wiring.doctor import venue as doctor_venue
from polyarb.wiring.doctor.checks import (
    CHECKS,
    CONFIGURATION,
    NETWORK,
    STAGE_REMEDIES,
    CheckName,
    doctor_reference,
)
from polyarb.wiring.doctor.checkup import DoctorReport, look_at
from polyarb.wiring.doctor.venue import Instruments, PublicVenue
from polyarb.wiring.doctor.workspace import sockets_needed
from rich.console import Console
from tests.time_server import Lie, TimeServer
from tests.unit.host.fixed_clock import FixedClock
from tests.wire_server import Answer, Opening, Venue, WireServer

MINUTE_NS = 60_000_000_000
T = TypeVar("T")
Prepare = Callable[[WireServer], None]


class Place:
    """Where the venue believes us to be."""

    def __init__(self, *, blocked: bool = False, country: str = "IE") -> None:
        self.blocked = blocked
        self.country = country


class WellVenue:
    """A venue that answers as it should; a test replaces single answers."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.offset_ns = 0
        self.told_version = 2
        self.place = Place()
        self.says_ok = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    async def is_ok(self) -> bool:
        return self.says_ok

    async def time_ms(self) -> int:
        return (self.clock.now_ns() + self.offset_ns) // 1_000_000_000 * 1_000

    async def version(self) -> int:
        return self.told_version

    async def geoblock(self) -> Place:
        return self.place


class Bench:
    """A workspace, a local venue and local time servers, all well until a test breaks one."""

    def __init__(self, place: Workspace) -> None:
        self.place = place
        self.clock = FixedClock()
        self.venue = WellVenue(self.clock)
        self.prepare: Prepare = lambda _server: None
        self.hosts: Callable[[VenueHosts], VenueHosts] = lambda hosts: hosts
        self.request_ms_max = 5_000
        self.lies = [Lie.NONE, Lie.NONE]
        self.offset_ns = 0

    def examine(self, *, is_offline: bool = False) -> DoctorReport:
        with ExitStack() as stack:
            servers = [
                stack.enter_context(
                    TimeServer(lie, offset_ns=self.offset_ns, now_ns=self.clock.now_ns)
                )
                for lie in self.lies
            ]
            addresses = tuple(server.address for server in servers)
            return run_abandoning(self._examine(addresses, is_offline))

    async def _examine(self, addresses: tuple[str, ...], is_offline: bool) -> DoctorReport:
        async with WireServer(Venue(1, seed=1)) as server:
            server.routes["/markets/keyset"] = lambda *_: Answer(body=b'{"markets":[]}')
            self.prepare(server)
            settings = VenueSettings(
                hosts=self.hosts(server.hosts), request_ms_max=self.request_ms_max
            )
            return await look_at(
                self.place,
                settings,
                self.instruments(addresses),
                is_offline=is_offline,
                units=self.place.root / "units",
            )

    def instruments(self, addresses: tuple[str, ...]) -> Instruments:
        return Instruments(
            clock=self.clock,
            sleep=self.sleep,
            draw=lambda: 5,
            open_venue=lambda _settings: self.venue,
            tls_of_requests=ssl.create_default_context(),
            tls_of_streams=ssl.create_default_context(),
            time_servers=addresses,
        )

    async def sleep(self, seconds: float) -> None:
        """Let time pass, but never while a time server is on its way to answer."""
        tasks = asyncio.all_tasks()
        asked = [one for one in tasks if one.get_coro().__qualname__ == "Remote.time_servers"]
        if asked:
            await asyncio.wait(asked)
        self.clock.move(round(seconds * 1e9))
        await asyncio.sleep(0)

    def check(self, name: CheckName) -> Check:
        return named(self.examine(), name)


def named(report: DoctorReport, name: CheckName) -> Check:
    return next(check for check in report.checks if check.name == name)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path, shipped_templates())
    return Workspace(tmp_path)


@pytest.fixture
def bench(place: Workspace) -> Bench:
    return Bench(place)


def expect_failure(check: Check, told: str) -> None:
    assert check.result is Result.FAIL
    assert told in check.found
    assert check.remedy


def test_where_all_is_well_only_the_machine_may_be_worth_a_look(bench: Bench) -> None:
    report = bench.examine()
    assert [check.name for check in report.checks] == list(CheckName)
    of_the_machine = (CheckName.SQLITE, CheckName.DISK, CheckName.FILES)
    rest = [check for check in report.checks if check.name not in of_the_machine]
    assert {check.name: check.result for check in rest if check.result is not Result.OK} == {
        CheckName.DRILLS: Result.WARN,
        CheckName.WATCH: Result.SKIPPED,
        CheckName.UNITS: Result.SKIPPED,
    }
    assert [check.name for check in rest if check.remedy] == [CheckName.DRILLS]
    assert report.clock is not None
    assert report.clock.ntp_offset_ns == 0
    assert report.clock.venue_offset_ns is not None
    assert exit_code(report) is ExitCode.DONE


def test_every_host_is_measured_stage_by_stage(bench: Bench) -> None:
    report = bench.examine()
    for name in (CheckName.GAMMA, CheckName.CLOB, CheckName.STREAM, CheckName.GEOBLOCK):
        assert set(named(report, name).measured) == {"dns_ns", "tcp_ns", "answer_ns"}


def test_offline_nothing_of_the_network_is_looked_at_and_that_is_said(bench: Bench) -> None:
    bench.prepare = lambda server: server.openings.append(Opening.FORBIDDEN)
    report = bench.examine(is_offline=True)
    found = {check.name for check in report.checks if check.result is Result.SKIPPED}
    assert found == {*NETWORK, CheckName.WATCH, CheckName.UNITS}
    assert report.is_offline
    assert report.clock is None
    assert exit_code(report) is ExitCode.DONE
    assert "left out: offline" in "\n".join(lines(report))


# The workspace


def test_a_profile_that_does_not_load_fails_as_configuration(bench: Bench) -> None:
    profile = bench.place.profiles_dir / "live_safe_atomic_v1.yaml"
    profile.write_text(profile.read_text() + "\nfrobnicate: 1\n")
    report = bench.examine(is_offline=True)
    expect_failure(named(report, CheckName.CONFIG), "frobnicate")
    assert exit_code(report) is ExitCode.USAGE


def test_wrong_constraints_fail_as_configuration(bench: Bench) -> None:
    bench.place.constraints_file.write_text("relations: 5\n")
    report = bench.examine(is_offline=True)
    expect_failure(named(report, CheckName.CONFIG), "relations")


def test_a_wrong_venue_section_fails_and_the_rest_is_still_looked_at(bench: Bench) -> None:
    text = bench.place.config_file.read_text()
    bench.place.config_file.write_text(text.replace("request_ms_max: 5000", "request_ms_max: x"))
    report = doctor.examine(bench.place, is_offline=True)
    expect_failure(named(report, CheckName.CONFIG), "request_ms_max")
    assert named(report, CheckName.JOURNAL).result is Result.OK


@pytest.mark.parametrize(
    ("text", "mode", "result"),
    [
        ("POLYARB_PRIVATE_KEY=0x1\n", 0o644, Result.FAIL),
        ("POLYARB_PRIVATE_KEY=0x1\n", 0o600, Result.OK),
        ("POLYARB_SIZING__TRADE_SIZE_USD=1\n", 0o644, Result.WARN),
        ("POLYARB_SIZING__TRADE_SIZE_USD=1\n", 0o600, Result.OK),
    ],
)
def test_an_env_file_that_others_may_read_is_told(
    bench: Bench, text: str, mode: int, result: Result
) -> None:
    bench.place.env_file.write_text(text)
    bench.place.env_file.chmod(mode)
    report = bench.examine(is_offline=True)
    found = named(report, CheckName.PERMISSIONS)
    assert found.result is result
    assert bool(found.remedy) is (result is not Result.OK)
    if result is Result.FAIL:
        assert named(report, CheckName.CONFIG).result is Result.SKIPPED
        assert exit_code(report) is ExitCode.USAGE


def test_an_override_that_loosens_a_limit_fails_with_what_was_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYARB_BREAKER__CONSECUTIVE_FAILURES_MAX", "99")
    found = named(bench.examine(is_offline=True), CheckName.CONFIG)
    expect_failure(found, "POLYARB_BREAKER__CONSECUTIVE_FAILURES_MAX")


@pytest.mark.parametrize("folder", ["reports", "backups"])
def test_a_folder_that_is_none_cannot_be_written(bench: Bench, folder: str) -> None:
    target = bench.place.root / folder
    target.rename(bench.place.root / "elsewhere")
    target.write_text("")
    target.chmod(0o755)
    report = bench.examine(is_offline=True)
    expect_failure(named(report, CheckName.PERMISSIONS), f"cannot write in {folder}/")


def test_a_data_folder_that_is_gone_fails_wherever_it_is_needed(bench: Bench) -> None:
    bench.place.data_dir.rename(bench.place.root / "elsewhere")
    report = bench.examine(is_offline=True)
    expect_failure(named(report, CheckName.PERMISSIONS), "cannot write in data/")
    expect_failure(named(report, CheckName.DISK), "nothing can be written in data/")


def test_a_journal_whose_end_cannot_be_read_fails(bench: Bench) -> None:
    bench.place.journal_file.mkdir()
    report = bench.examine(is_offline=True)
    expect_failure(named(report, CheckName.JOURNAL), "events.jsonl")
    assert exit_code(report) is ExitCode.FAULT


def test_a_journal_that_holds_something_but_no_record_is_worth_a_look(bench: Bench) -> None:
    bench.place.journal_file.write_text('{"no":"record"}\n')
    found = named(bench.examine(is_offline=True), CheckName.JOURNAL)
    assert (found.result, found.found) == (Result.WARN, "it holds 16 bytes and no whole record")


def test_a_lock_that_cannot_be_read_fails(bench: Bench) -> None:
    bench.place.lock_file.symlink_to(bench.place.lock_file)
    expect_failure(named(bench.examine(is_offline=True), CheckName.LOCK), "symbolic links")


def test_the_process_that_holds_the_workspace_is_named(bench: Bench) -> None:
    lock = acquire(bench.place.lock_file, "the workspace")
    found = named(bench.examine(is_offline=True), CheckName.LOCK)
    lock.release()
    assert (found.result, found.found) == (Result.OK, f"process {os.getpid()} runs in it")


def test_a_halt_is_told_with_its_reason(bench: Bench) -> None:
    order = Halt(actor="ann", reason="looks odd", time_ns=1)
    halt(bench.place.halt_file, bench.place.inbox_dir, order)
    found = named(bench.examine(is_offline=True), CheckName.HALT)
    assert (found.result, found.found) == (Result.WARN, "halted by ann: looks odd")
    assert "resume" in found.remedy


def test_a_latch_that_cannot_be_read_fails(bench: Bench) -> None:
    bench.place.halt_file.mkdir(parents=True)
    expect_failure(named(bench.examine(is_offline=True), CheckName.HALT), "halt.json")


def test_sockets_are_counted_for_every_copy_of_the_stream() -> None:
    settings = VenueSettings(assets_per_socket_max=100, stream_copies=2)
    assert sockets_needed(settings, Universe(markets_max=151)) == 2 * 4 + 32


# The clock


@pytest.mark.parametrize("offset_ns", [MINUTE_NS, -MINUTE_NS])
def test_a_clock_off_by_a_minute_fails_against_time_servers_and_venue(
    bench: Bench, offset_ns: int
) -> None:
    bench.offset_ns = bench.venue.offset_ns = offset_ns
    report = bench.examine()
    for name in (CheckName.TIME_SERVERS, CheckName.VENUE_CLOCK):
        expect_failure(named(report, name), "give or take")
        measured = named(report, name).measured
        assert abs(measured["offset_ns"] - offset_ns) <= measured["uncertainty_ns"]
    assert exit_code(report) is ExitCode.FAULT


def test_a_clock_off_by_200_ms_is_worth_a_look(bench: Bench) -> None:
    bench.offset_ns = 200_000_000
    found = bench.check(CheckName.TIME_SERVERS)
    assert found.result is Result.WARN
    assert found.measured == {"offset_ns": 200_000_000, "uncertainty_ns": 0}


def test_time_servers_of_no_use_are_named_with_the_reason(bench: Bench) -> None:
    bench.lies = [Lie.KISS_OF_DEATH, Lie.UNSYNCHRONISED]
    found = bench.check(CheckName.TIME_SERVERS)
    assert found.result is Result.WARN
    assert "it asks to be left alone" in found.found
    assert "its own clock is not synchronised" in found.found


def test_time_servers_that_contradict_each_other_are_worth_a_look(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_venue, "agreed_offset", lambda _answers: None)
    found = bench.check(CheckName.TIME_SERVERS)
    assert (found.result, found.found) == (
        Result.WARN,
        "the time servers contradict each other",
    )


def test_the_venues_clock_is_told_within_50_ms_though_it_tells_whole_seconds(bench: Bench) -> None:
    bench.venue.offset_ns = 300_000_000
    found = bench.check(CheckName.VENUE_CLOCK)
    assert abs(found.measured["offset_ns"] - 300_000_000) <= found.measured["uncertainty_ns"]
    assert found.measured["uncertainty_ns"] <= 50_000_000


def test_answers_of_a_venue_that_contradict_each_other_are_worth_a_look(bench: Bench) -> None:
    told = iter(range(10))

    async def leaping() -> int:
        return next(told) * 3_600_000

    bench.venue.time_ms = leaping  # type: ignore[method-assign]
    found = bench.check(CheckName.VENUE_CLOCK)
    assert (found.result, found.found) == (
        Result.WARN,
        "the venue's answers contradict each other",
    )


# The venue


def failing(told: str) -> Callable[[], Awaitable[Any]]:
    async def fail() -> object:
        raise VenueError(told)

    return fail


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("is_ok", CheckName.CLOB),
        ("version", CheckName.VERSION),
        ("time_ms", CheckName.VENUE_CLOCK),
        ("geoblock", CheckName.GEOBLOCK),
    ],
)
def test_a_question_that_is_not_answered_fails_its_check(
    bench: Bench, question: str, name: CheckName
) -> None:
    setattr(bench.venue, question, failing("found status 503"))
    report = bench.examine()
    expect_failure(named(report, name), "found status 503")
    assert exit_code(report) is ExitCode.FAULT


def test_a_venue_that_says_it_is_not_well_fails(bench: Bench) -> None:
    bench.venue.says_ok = False
    expect_failure(bench.check(CheckName.CLOB), "says that it is not ok")


def test_another_protocol_fails(bench: Bench) -> None:
    bench.venue.told_version = 3
    expect_failure(bench.check(CheckName.VERSION), "speaks version 3, expected 2")


@pytest.mark.parametrize(
    ("profile", "result"),
    [("live_shadow_atomic_v1", Result.WARN), ("live_safe_atomic_v1", Result.FAIL)],
)
def test_a_country_that_is_blocked_fails_where_the_profile_trades(
    bench: Bench, profile: str, result: Result
) -> None:
    text = bench.place.config_file.read_text()
    bench.place.config_file.write_text(
        text.replace("\nprofile: live_shadow_atomic_v1", f"\nprofile: {profile}")
    )
    bench.venue.place = Place(blocked=True, country="US")
    found = bench.check(CheckName.GEOBLOCK)
    assert found.result is result
    assert "trading is closed to US" in found.found
    assert found.remedy


def test_a_catalogue_that_answers_wrongly_fails(bench: Bench) -> None:
    bench.prepare = lambda server: server.answers.update({"/markets/keyset": Answer(status=502)})
    found = bench.check(CheckName.GAMMA)
    expect_failure(found, "found 502")
    assert found.remedy == STAGE_REMEDIES[ReachStage.ANSWER]


def test_a_stream_that_refuses_the_handshake_fails(bench: Bench) -> None:
    bench.prepare = lambda server: server.openings.append(Opening.FORBIDDEN)
    expect_failure(bench.check(CheckName.STREAM), "found 403")


@pytest.mark.parametrize("stage", [ReachStage.DNS, ReachStage.TCP, ReachStage.TLS])
def test_a_host_that_is_not_reached_fails_with_the_remedy_of_the_stage(
    bench: Bench, stage: ReachStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(_url: str, **_: object) -> Reach:
        return Reach(host="clob.example", took_ns={}, failed_at=stage, reason="planted")

    monkeypatch.setattr(doctor_venue, "reach", stuck)
    report = bench.examine()
    for name in (CheckName.GAMMA, CheckName.CLOB, CheckName.STREAM, CheckName.GEOBLOCK):
        found = named(report, name)
        expect_failure(found, f"clob.example is not reached: {stage}: planted")
        assert found.remedy == STAGE_REMEDIES[stage]
    for name in (CheckName.VERSION, CheckName.VENUE_CLOCK):
        assert named(report, name).result is Result.SKIPPED


# Time


class VirtualSelector(selectors.SelectSelector):
    """Skips every wait and remembers how long it would have been."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time only passes where everything waits."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.now_s


async def never(*_: object, **__: object) -> Any:
    await asyncio.Event().wait()


@pytest.fixture
def hanging(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Make everything remote hang once it is reached, after all the time that reaching may take."""

    async def slowly(url: str, *, deadline_ms: int, **_: object) -> Reach:
        await asyncio.sleep(deadline_ms / 1000)
        return Reach(host=url, took_ns={})

    monkeypatch.setattr(doctor_venue, "reach", slowly)
    monkeypatch.setattr(doctor_venue, "request_once", never)
    monkeypatch.setattr(doctor_venue, "greet", never)
    for question in ("is_ok", "version", "time_ms", "geoblock"):
        setattr(bench.venue, question, never)
    yield bench


def test_whatever_hangs_the_whole_takes_two_deadlines_at_most(hanging: Bench) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        settings = VenueSettings(request_ms_max=5_000)
        remote = doctor_venue.Remote(settings, hanging.instruments(()), None)
        found = runner.run(remote.look())
        assert loop.time() == pytest.approx(10.0, abs=0.01)
    assert set(found) == set(NETWORK)
    hung = {name for name, finding in found.items() if finding.result is Result.FAIL}
    assert hung == set(NETWORK) - {CheckName.TIME_SERVERS}
    assert all("nothing within 5000 ms" in found[name].found for name in hung)


def test_a_disk_that_hangs_holds_up_only_its_own_check(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = doctor.guarded

    def guarded(check: Callable[[], Any]) -> Any:
        if "check_journal" in repr(check):
            return never_returns()
        return original(check)

    monkeypatch.setattr(doctor, "guarded", guarded)
    bench.request_ms_max = 1_000
    release = threading.Event()
    never_returns = release.wait
    report = bench.examine(is_offline=True)
    release.set()
    expect_failure(named(report, CheckName.JOURNAL), "nothing within 1000 ms")
    assert named(report, CheckName.LOCK).result is Result.OK


# Telling


def test_the_json_is_the_value_and_says_all_of_it(bench: Bench) -> None:
    bench.lies = [Lie.KISS_OF_DEATH]
    report = bench.examine()
    told = msgspec.json.decode(msgspec.json.encode(report))
    assert set(told) == {"workspace", "is_offline", "result", "took_ns", "clock", "checks"}
    for check in told["checks"]:
        assert set(check) == {"name", "result", "found", "remedy", "measured", "why"}
        assert check["result"] in ("ok", "warn", "fail", "skipped")
        assert all(isinstance(figure, int) for figure in check["measured"].values())
    assert msgspec.json.decode(msgspec.json.encode(report), type=DoctorReport) == report


def test_a_wrong_configuration_decides_the_exit_code_before_any_other_fault(bench: Bench) -> None:
    bench.place.constraints_file.write_text("relations: 5\n")
    bench.venue.told_version = 3
    assert exit_code(bench.examine()) is ExitCode.USAGE


def test_every_line_that_is_not_well_is_followed_by_its_remedy(bench: Bench) -> None:
    bench.venue.told_version = 3
    report = bench.examine()
    told = lines(report)
    at = next(index for index, line in enumerate(told) if "venue-version" in line)
    assert told[at].startswith("fail")
    assert told[at + 1].strip().startswith("-> do not trade")
    assert "1 fail" in conclusion(report)


def test_a_terminal_gets_a_table_with_every_check_and_remedy(bench: Bench) -> None:
    bench.venue.told_version = 3
    report = bench.examine()
    console = Console(width=200, force_terminal=True, file=StringIO(), record=True)
    console.print(table(report))
    told = console.export_text()
    for check in report.checks:
        assert re.search(rf"^\s*{check.result} +{check.name} ", told, re.MULTILINE), told
        assert check.remedy[:40] in told
    assert "do not trade" in told


@pytest.mark.parametrize("name", ["A", "POLYARB_PROFILE"])
def test_an_env_file_that_is_wrong_inside_is_told_by_the_configuration(
    bench: Bench, name: str
) -> None:
    bench.place.env_file.write_text(f"{name}=1\n{name}=2\n")
    bench.place.env_file.chmod(0o600)
    report = bench.examine(is_offline=True)
    assert named(report, CheckName.PERMISSIONS).result is Result.OK
    is_ours = name.startswith("POLYARB")
    assert (named(report, CheckName.CONFIG).result is Result.FAIL) is is_ours


def test_every_check_stands_in_the_table_once_in_the_order_it_is_told() -> None:
    assert [kind.name for kind in CHECKS] == list(CheckName)
    assert set(STAGE_REMEDIES) == set(ReachStage)
    assert CONFIGURATION.isdisjoint(NETWORK)
    assert all(kind.asks.endswith("?") and kind.fails for kind in CHECKS if kind.name != "halt")


def test_the_document_says_what_the_table_says(root: Path) -> None:
    told = (root / "docs" / "DOCTOR.md").read_text(encoding="utf-8")
    assert told == doctor_reference(), "run python scripts/generate_docs.py"
    for kind in CHECKS:
        assert f"| `{kind.name}` |" in told
        assert kind.remedy in told


def test_the_real_client_answers_what_a_checkup_asks() -> None:
    settings = VenueSettings()
    venue: PublicVenue = doctor._open_venue(settings)
    assert {"is_ok", "time_ms", "version", "geoblock"} <= set(dir(venue))
