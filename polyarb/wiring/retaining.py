"""Recordings within the operator's limits while a run lasts: a look every hour, beside the run."""

import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from polyarb.domain.errors import PolyarbError
from polyarb.domain.surroundings import RecordingSettings, RecordingsRemoved
from polyarb.host.threads import AbandoningExecutor
from polyarb.runner import Runner
from polyarb.store.retention import Retention, recorded_files, retain
from polyarb.store.workspace import Workspace
from polyarb.wiring.recordings import needed_by_runs

HOUR_S = 3_600
_NS = 10**9
_DAY_S = 86_400
_GIB = 1 << 30
_END_SECONDS = 5.0
"""How long the end of a run waits for a removal; what is left goes the next time."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one look gave. Units: bytes; own is what this run has recorded, free is of the disk."""

    retention: Retention
    own_bytes: int
    free_bytes: int


class HourlyRetention:
    """An observer of a live run that removes the oldest hours when another hour has begun.

    The look has a thread of its own, so that neither decisions nor the tape wait for a directory.
    The run's own tape stays in any case, as does what `replay verify` needs of the last days.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: RecordingSettings,
        own: Path,
        tell: Callable[[str], None],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Shape: own is the directory that the run records in."""
        self._workspace = workspace
        self._settings = settings
        self._own = own
        self._tell = tell
        self._now_s = now_s
        self._hour = -1
        self._told_free = False
        self._looking: Future[Look] | None = None
        self._executor = AbandoningExecutor()

    def observe(self, runner: Runner) -> None:
        """Begin a look when an hour has begun; tell and journal what the last one removed."""
        is_over = bool(runner.progress.stop_reason)
        if self._looking is not None:
            if is_over:
                wait((self._looking,), timeout=_END_SECONDS)
            if self._looking.done():
                looked, self._looking = self._looking, None
                self._conclude(looked, runner, is_over=is_over)
        hour = int(self._now_s()) // HOUR_S
        if hour != self._hour and not is_over and self._is_limited():
            self._hour = hour
            self._looking = self._executor.submit(self._look)

    def _is_limited(self) -> bool:
        return bool(self._settings.bytes_max or self._settings.days_max)

    def _look(self) -> Look:
        settings, now_s = self._settings, int(self._now_s())
        directory = self._workspace.tape_dir
        since_s = now_s - settings.replay_days_min * _DAY_S
        expired = datetime.fromtimestamp(now_s - settings.days_max * _DAY_S, UTC)
        retention = retain(
            directory,
            settings.bytes_max or None,
            before_hour=f"{expired:%Y%m%d%H}" if settings.days_max else "",
            needed=[
                (self._own, "this run"),
                *needed_by_runs(self._workspace, since_s * _NS),
            ],
        )
        return Look(
            retention=retention,
            own_bytes=sum(file.bytes for file in recorded_files(self._own)),
            free_bytes=shutil.disk_usage(self._workspace.data_dir).free,
        )

    def _conclude(self, looked: Future[Look], runner: Runner, *, is_over: bool) -> None:
        try:
            look = looked.result()
        except (PolyarbError, OSError) as fault:
            self._tell(f"recordings could not be brought within their limits: {fault}")
            return
        done = look.retention
        if done.removed:
            self._tell(
                f"removed {len(done.removed)} of the oldest recorded files,"
                f" {_gib(done.removed_bytes)}; {_gib(done.kept_bytes)} stay"
            )
            if not is_over:
                self._journal(done, runner)
        if not done.is_within:
            self._tell(self._why_above(look))
        elif done.budget is not None and not self._told_free:
            self._told_free = True
            self._tell_short_disk(done.budget - done.kept_bytes, look.free_bytes)

    def _journal(self, done: Retention, runner: Runner) -> None:
        root = self._workspace.tape_dir
        runner.journal.append(
            RecordingsRemoved(
                receive_time_ns=runner.progress.now_ns,
                files=tuple(Path(file.path).relative_to(root).as_posix() for file in done.removed),
                removed_bytes=done.removed_bytes,
                kept_bytes=done.kept_bytes,
                bytes_max=done.budget or 0,
            ),
            runner.progress.position,
        )

    def _why_above(self, look: Look) -> str:
        """Say by how much too little is allowed, and what keeps the rest."""
        done = look.retention
        allowed = done.budget or 0
        return (
            f"recordings take {_gib(done.kept_bytes)}, {_gib(done.kept_bytes - allowed)} more than"
            f" the {_gib(allowed)} of recording.disk_gib_max: this run has {_gib(look.own_bytes)},"
            f" and {_gib(done.kept_bytes - look.own_bytes)} are kept for runs of the last"
            f" {self._settings.replay_days_min} days or were not recorded by a run; raise"
            " disk_gib_max, lower replay_days_min, or end the run"
        )

    def _tell_short_disk(self, budget_bytes: int, free_bytes: int) -> None:
        if budget_bytes > free_bytes:
            self._tell(
                f"recordings may grow by {_gib(budget_bytes)} (recording.disk_gib_max), but the"
                f" disk has {_gib(free_bytes)} free; a full disk ends the run: lower disk_gib_max"
            )


def _gib(size: int) -> str:
    return f"{size / _GIB:.3f} GiB"
