"""Go/no-go checks of the system: configuration, profiles, rules, start, gate, report, files."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic_ns

import msgspec

from polyarb.config import load_effective, load_settings
from polyarb.domain.errors import PolyarbError
from polyarb.domain.limits import Phase, RunKind
from polyarb.host.disk import measure_disk
from polyarb.host.machine import FREE_BYTES_MIN
from polyarb.reports.daily import DailyReport
from polyarb.reports.daily_document import daily_document
from polyarb.reports.markdown import to_markdown
from polyarb.reports.page import to_html
from polyarb.rollout.checks import CheckId
from polyarb.rollout.figures import figure_faults
from polyarb.rollout.self_test import self_test
from polyarb.store.workspace import Workspace, shipped_templates
from polyarb.wiring.doctor.workspace import check_config
from polyarb.wiring.go_no_go.context import (
    Seen,
    Sight,
    erred,
    failed,
    missing,
    no_live_execution,
    passed,
    weigh,
)

CHAIN_ID = 137
REFUSED = 3
"""The exit code of a refused start."""
START_S_MAX = 4.5
JOURNAL_BYTES_MAX = 64 << 20
"""What a report is built of within the deadline of a check: about 170,000 records."""
REPORT_AGE_S_MAX = 26 * 3_600
SCRIPTS = ("start_shadow.sh", "start_live_safe.sh", "go_no_go_check.sh")
"""Shell commands that ship beside the package in a checkout."""
_MADE_UP = """\
market A
0.000  book A YES bid 0.60 x 50 ask 0.62 x 50
1.000  level A YES bid 0.60 x 0
"""


def check_configuration(sight: Sight) -> Seen:
    """Y1: the settings load and are of the phase."""
    if sight.profile is None:
        return failed(sight.fault)
    finding = check_config(sight.place)
    profile = sight.profile
    wanted = RunKind.SHADOW if sight.phase is Phase.SHADOW else RunKind.LIVE
    if profile.run is not wanted:
        return failed(
            f"{profile.name}: expected run {wanted} in {sight.phase}, found {profile.run}"
        )
    if sight.phase is not Phase.SHADOW:
        return no_live_execution(CheckId.Y1, f"no chain is configured, expected {CHAIN_ID}")
    return passed(finding.found, f"{profile.name} runs as {profile.run}: nothing is sent")


def check_profiles(sight: Sight) -> Seen:
    """Y2: the four phase profiles hold their figures and can place a legal set."""
    faults = []
    for phase, name in load_settings(sight.place).phases.items():
        try:
            profile = load_effective(sight.place, name).profile
        except PolyarbError as fault:
            faults.append(str(fault))
            continue
        faults += [f"{name}: {text}" for text in figure_faults(phase, profile)]
    return weigh(
        faults,
        "no figure of the four phases is looser than its phase allows",
        "each phase can place a legal set",
    )


def check_start(sight: Sight) -> Seen:
    """Y5: the start commands call the gate: without a record a live phase is refused."""
    shipped = start_scripts()
    loose = [
        f"scripts/{path.name} cannot be executed" for path in shipped if not _is_runnable(path)
    ]
    with tempfile.TemporaryDirectory(prefix="polyarb-gate-") as scratch:
        root = Path(scratch) / "workspace"
        shutil.copytree(sight.place.root / "config", root / "config")
        words = ["start", "--phase", Phase.MICRO_LIVE, "--workspace", str(root)]
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "polyarb", *words],
                cwd=root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=START_S_MAX,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return erred(f"`start` neither ran nor refused within {START_S_MAX:g} s")
    told = f"`start --phase {Phase.MICRO_LIVE}` without a record exits {ended.returncode}"
    if ended.returncode != REFUSED:
        return failed(f"{told}, expected {REFUSED}", *ended.stderr.strip().splitlines()[-3:])
    told_scripts = f"{len(shipped)} start scripts can be executed"
    none = "no start scripts are installed beside the package: the command itself is the start"
    return weigh(loose, told, told_scripts if shipped else none)


def start_scripts() -> list[Path]:
    """List the start scripts that ship with this installation."""
    folder = Path(str(shipped_templates())) / "scripts"
    return [folder / name for name in SCRIPTS if (folder / name).is_file()]


def check_gate(sight: Sight) -> Seen:
    """Y7: the rule that decides tells known-good from known-bad and from unknown."""
    tested = self_test()
    return weigh(tested.wrong, f"{tested.cases} made-up results were judged as they must be")


def check_report(sight: Sight) -> Seen:
    """Y8: the daily report is built and rendered; of a long journal, it was within a day."""
    from polyarb.wiring.reports.reporting import daily_report

    if _journal_bytes(sight.place) > JOURNAL_BYTES_MAX:
        return _check_written_report(sight)
    report = daily_report(sight.place, None)
    if report is not None:
        return passed(f"the report of {report.day} is built, {_rendered(report)} bytes in all")
    if sight.phase is not Phase.SHADOW:
        return missing("no run is recorded: there is nothing to report", remedy="run the shadow")
    if sight.profile is None:
        return failed(sight.fault)
    from polyarb.research.scenario import parse_scenario
    from polyarb.wiring.drills.scripted import play

    with tempfile.TemporaryDirectory(prefix="polyarb-report-") as scratch:
        made_up = Workspace(Path(scratch))
        play(parse_scenario(_MADE_UP), sight.profile, made_up)
        report = daily_report(made_up, None)
    if report is None:
        return failed("no report comes of a made-up run")
    return passed(f"no run is recorded yet; a made-up one is rendered in {_rendered(report)} bytes")


def check_files(sight: Sight) -> Seen:
    """Y9: every folder that runs write to takes a durable write."""
    place = sight.place
    folders = (
        place.data_dir,
        place.audit_dir,
        place.alerts_dir,
        place.control_dir,
        place.tape_dir,
        place.journal_dir,
        place.daily_reports_dir,
        place.go_no_go_dir,
        place.backups_dir,
    )
    faults, written = [], 0
    for folder in folders:
        try:
            _probe(_nearest(folder))
            written += 1
        except OSError as fault:
            faults.append(f"{place.shown(folder)}/: {fault.strerror}")
    try:
        _append_nothing(place.journal_file)
    except OSError as fault:
        faults.append(f"{place.shown(place.journal_file)}: {fault.strerror}")
    return weigh(faults, f"{written} folders took a block and made it durable")


def check_log(sight: Sight) -> Seen:
    """Y10: the log can be appended to, and there is room for it."""
    log = sight.place.log_file
    try:
        _append_nothing(log)
        disk = measure_disk(_nearest(log.parent), monotonic_ns)
    except OSError as fault:
        return failed(f"{sight.place.shown(log)}: {fault.strerror}")
    told = f"{disk.free_bytes / (1 << 30):.1f} GiB free"
    if disk.free_bytes <= FREE_BYTES_MIN:
        return failed(f"{told}, expected more than 1 GiB")
    return passed(f"{sight.place.shown(log)} can be appended to", told)


def _is_runnable(path: Path) -> bool:
    return os.access(path, os.X_OK)


def _journal_bytes(place: Workspace) -> int:
    files = [*place.journal_dir.glob("*.jsonl"), place.journal_file]
    return sum(path.stat().st_size for path in files if path.exists())


def _check_written_report(sight: Sight) -> Seen:
    """Look for the report that `report daily` wrote: this journal is too long to be read here."""
    told = f"the journal has more than the {JOURNAL_BYTES_MAX >> 20} MiB that are read here"
    remedy = "run `polyarb report daily`, as its timer does each day"
    written = sight.place.daily_reports_dir.glob("*.json")
    newest = max(written, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        return missing(f"{told}, and no daily report was written", remedy=remedy)
    age_s = sight.now_ns / 1e9 - newest.stat().st_mtime
    found = f"{told}; {sight.place.shown(newest)} was written {age_s / 3_600:.1f} hours ago"
    if not 0 <= age_s <= REPORT_AGE_S_MAX:
        return missing(f"{found}, expected at most 26", remedy=remedy)
    try:
        day = msgspec.json.decode(newest.read_bytes(), type=_ReportHead).day
    except msgspec.DecodeError as fault:
        return failed(f"{found}, and is none: {fault}", remedy=remedy)
    return passed(f"{found}, of {day}")


class _ReportHead(msgspec.Struct, frozen=True):
    day: str


def _rendered(report: DailyReport) -> int:
    """Render in every format and return how much that is."""
    document = daily_document(report)
    texts = (to_markdown(document), to_html(document), msgspec.json.encode(report).decode())
    return sum(map(len, texts))


def _nearest(folder: Path) -> Path:
    """Return a folder, or the nearest one above that is there: it is where it would be made."""
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _probe(folder: Path) -> None:
    """Write a block durably and leave nothing behind. Errors: OSError."""
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(b"\0" * 4_096)
        stream.flush()
        os.fsync(stream.fileno())


def _append_nothing(path: Path) -> None:
    """Open a file as its writer would, and sync it. Errors: OSError."""
    if not path.exists():
        _probe(_nearest(path.parent))
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
