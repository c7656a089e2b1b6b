"""Where a drill takes place: a temporary workspace with the operator's configuration.

Nothing of the operator's own workspace is written to; processes that a drill starts end with it.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from polyarb.domain.limits import Profile
from polyarb.store.status import Status, read_status
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates

POLL_S = 0.02
_ENDING_S = 10.0


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill saw. Shape: findings are sentences, the first one that went wrong last."""

    passed: bool
    findings: tuple[str, ...]


class UnprovenError(AssertionError):
    """The reaction was not seen; the text says what was expected and found."""


@dataclass(frozen=True, slots=True)
class DrillRoom:
    """What a drill works with.

    own is the operator's workspace, to read only; workspace is the temporary one; profile is that
    of the phase that is drilled; note keeps a finding; deadline is monotonic.
    """

    own: Workspace
    workspace: Workspace
    profile: Profile
    deadline_s: float
    note: Callable[[str], None]

    def remaining_s(self) -> float:
        """Return how much time is left. Errors: UnprovenError when there is none."""
        left = self.deadline_s - time.monotonic()
        if left <= 0:
            raise UnprovenError("the drill took longer than it may")
        return left

    def wait_until(self, is_so: Callable[[], bool], expected: str) -> float:
        """Wait until something is so and return the seconds. Errors: UnprovenError."""
        began = time.monotonic()
        while not is_so():
            if time.monotonic() > self.deadline_s:
                raise UnprovenError(f"expected {expected} within the deadline, found it not so")
            time.sleep(POLL_S)
        return time.monotonic() - began

    def status(self, process: "subprocess.Popen[str] | None" = None) -> Status | None:
        """Read what the drilled process last said of itself, None if it was another one."""
        found = read_status(self.workspace.status_file, self.workspace.lock_file).status
        is_other = found is not None and process is not None and found.pid != process.pid
        return None if is_other else found


def check(is_so: bool, expected: str, found: object) -> None:
    """Go on only if something is so. Errors: UnprovenError."""
    if not is_so:
        raise UnprovenError(f"expected {expected}, found {found}")


@contextmanager
def drill_workspace(own: Workspace, folder: Path) -> Iterator[Workspace]:
    """Make a workspace with the operator's config/ in a folder that is removed afterwards."""
    root = folder / "workspace"
    create_workspace(root, shipped_templates())
    shutil.copytree(own.root / "config", root / "config", dirs_exist_ok=True)
    place = open_workspace(root)
    # People are not told of what is only a drill, and their addresses stay where they are.
    place.alert_channels_file.unlink(missing_ok=True)
    yield place


@contextmanager
def launched(room: DrillRoom, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the app on the room's workspace as a process of its own, ended when we are done."""
    command = [sys.executable, "-m", "polyarb", *words, "--workspace", str(room.workspace.root)]
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                command,
                cwd=room.workspace.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(end, process)
        yield process


def end(process: "subprocess.Popen[str]") -> None:
    """End a process of ours, kindly first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.communicate(timeout=_ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def run_to_end(room: DrillRoom, *words: str) -> None:
    """Run the app to its end and expect exit code 0. Errors: UnprovenError."""
    with launched(room, *words) as process:
        try:
            _, told = process.communicate(timeout=room.remaining_s())
        except subprocess.TimeoutExpired:
            raise UnprovenError(f"expected `polyarb {words[0]}` to end, found it running") from None
        check(process.returncode == 0, f"`polyarb {words[0]}` to end well", told.strip()[-500:])
