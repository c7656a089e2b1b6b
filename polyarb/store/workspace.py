"""A workspace: the directory with an operator's configuration and records, and how one is made.

Every path that an operator may rely on is named here and nowhere else.
"""

import os
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from polyarb.domain.errors import StoreError, UsageError

_PARTIAL = ".partial"
_ENV_EXAMPLE = "env.example"
_TEMPLATE_DIRS = ("config", "data/samples")
_EMPTY_DIRS = ("config/profiles/custom", "data", "reports/daily", "reports/go_no_go", "backups")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of a workspace; none of them needs to exist but config/."""

    root: Path

    @property
    def config_file(self) -> Path:
        """The workspace's own settings."""
        return self.root / "config" / "config.yaml"

    @property
    def profiles_dir(self) -> Path:
        """The shipped profiles, one file each."""
        return self.root / "config" / "profiles"

    @property
    def custom_profiles_dir(self) -> Path:
        """The operator's own profiles, addressed as custom/NAME."""
        return self.profiles_dir / "custom"

    @property
    def scenarios_dir(self) -> Path:
        """Return the folder of the sandbox's scenarios."""
        return self.config_file.parent / "scenarios"

    @property
    def constraints_file(self) -> Path:
        """Relations between markets that no venue tells."""
        return self.root / "config" / "constraints.yaml"

    @property
    def alerts_file(self) -> Path:
        """The alert rules."""
        return self.root / "config" / "alerts.production.yaml"

    @property
    def alert_channels_file(self) -> Path:
        """How alerts reach people."""
        return self.root / "config" / "alert_channels.yaml"

    @property
    def env_file(self) -> Path:
        """Overrides and secrets of this machine; mode 600."""
        return self.root / ".env"

    @property
    def data_dir(self) -> Path:
        """Everything that runs write."""
        return self.root / "data"

    @property
    def samples_dir(self) -> Path:
        """The shipped tapes."""
        return self.data_dir / "samples"

    @property
    def journal_file(self) -> Path:
        """The current segment of the journal."""
        return self.data_dir / "events.jsonl"

    @property
    def journal_dir(self) -> Path:
        """Older segments of the journal."""
        return self.data_dir / "journal"

    @property
    def tape_dir(self) -> Path:
        """Recorded frames."""
        return self.data_dir / "tape"

    @property
    def instruments_dir(self) -> Path:
        """The versions of the instrument master."""
        return self.data_dir / "instruments"

    @property
    def database_file(self) -> Path:
        """Projections of the journal; can be dropped and rebuilt."""
        return self.data_dir / "polyarb.db"

    @property
    def log_file(self) -> Path:
        """What the processes say about themselves."""
        return self.data_dir / "polyarb-x.log"

    @property
    def alerts_dir(self) -> Path:
        """The alert log and the active alerts."""
        return self.data_dir / "alerts"

    @property
    def watch_alerts_dir(self) -> Path:
        """The same of `polyarb watch`, which tells of the trader."""
        return self.alerts_dir / "watch"

    @property
    def watch_file(self) -> Path:
        """When `polyarb watch` last looked, in unix nanoseconds."""
        return self.data_dir / "watch"

    @property
    def audit_dir(self) -> Path:
        """Who changed what."""
        return self.data_dir / "audit"

    @property
    def control_dir(self) -> Path:
        """Orders of an operator to a running process."""
        return self.data_dir / "control"

    @property
    def halt_file(self) -> Path:
        """The halt latch: while it exists nothing trades."""
        return self.control_dir / "halt.json"

    @property
    def inbox_dir(self) -> Path:
        """Control messages that wait for the running process."""
        return self.control_dir / "inbox"

    @property
    def status_file(self) -> Path:
        """What the running process last said of itself."""
        return self.data_dir / "status.json"

    @property
    def verified_segments_file(self) -> Path:
        """Which finished segments of the journal were verified, with their hashes."""
        return self.data_dir / "verified_segments.json"

    @property
    def session_file(self) -> Path:
        """What the journal comes to for the next start, as of a minute ago; never the truth."""
        return self.data_dir / "session.json"

    @property
    def sandbox_file(self) -> Path:
        """Where the running sandbox is reached; its accounts' keys guard play money."""
        return self.data_dir / "sandbox.json"

    @property
    def sandbox_instruments_dir(self) -> Path:
        """The versions of the sandbox's instrument master, apart from the venue's."""
        return self.data_dir / "sandbox" / "instruments"

    @property
    def keys_dir(self) -> Path:
        """Private keys, of people and of the wallet; mode 700, in no backup."""
        return self.data_dir / "keys"

    @property
    def keystore_file(self) -> Path:
        """The wallet's key, sealed with a passphrase; mode 600."""
        return self.keys_dir / "wallet.json"

    @property
    def charges_file(self) -> Path:
        """What the wallet's key may have signed, charged before it did."""
        return self.audit_dir / "charges.jsonl"

    @property
    def signer_lock_file(self) -> Path:
        """Held by the one process that may sign orders."""
        return self.data_dir / "signer.lock"

    @property
    def lock_file(self) -> Path:
        """Held by the one process that may trade."""
        return self.data_dir / "lock"

    @property
    def lease_file(self) -> Path:
        """Who may write since when; its epoch only grows."""
        return self.data_dir / "lease.json"

    @property
    def daily_reports_dir(self) -> Path:
        """One report a UTC day."""
        return self.root / "reports" / "daily"

    @property
    def performance_reports_dir(self) -> Path:
        """Performance over ranges of UTC days."""
        return self.root / "reports" / "performance"

    @property
    def compliance_reports_dir(self) -> Path:
        """Compliance over ranges of UTC days."""
        return self.root / "reports" / "compliance"

    @property
    def go_no_go_dir(self) -> Path:
        """Signed go/no-go records."""
        return self.root / "reports" / "go_no_go"

    @property
    def backups_dir(self) -> Path:
        """One directory a backup."""
        return self.root / "backups"

    def shown(self, path: Path) -> str:
        """Name a path for a person: relative to the current directory if it lies below it."""
        absolute = path.resolve()
        here = Path.cwd()
        return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


@dataclass(frozen=True, slots=True)
class InitOutcome:
    """What `init` did; shape: paths relative to the workspace, with forward slashes."""

    workspace: str
    written: tuple[str, ...]
    kept: tuple[str, ...]


def open_workspace(root: Path) -> Workspace:
    """Open an existing workspace.

    Errors: UsageError when the directory is none.
    """
    workspace = Workspace(root.resolve())
    if not workspace.config_file.is_file() or not workspace.profiles_dir.is_dir():
        raise UsageError(
            f"{root}: expected a workspace (a directory with config/config.yaml and"
            f" config/profiles), found {'none' if root.is_dir() else 'no such directory'};"
            " run `polyarb init` or name one with --workspace"
        )
    return workspace


def shipped_templates() -> Traversable:
    """Find the shipped config/ and data/samples/: in the wheel, or in the source checkout."""
    package = files("polyarb")
    installed = package / "templates"
    if installed.is_dir():
        return installed
    checkout = Path(str(package)).parent
    if (checkout / "config" / "config.yaml").is_file():
        return checkout
    raise StoreError(
        "expected the shipped templates beside the package, found none; install polyarb again"
    )


def create_workspace(root: Path, templates: Traversable) -> InitOutcome:
    """Write every template file that is not there yet; nothing is ever overwritten.

    A file appears whole or not at all, so that an interrupted call can simply be repeated.
    Errors: UsageError when root is a file, StoreError when it cannot be written.
    """
    written: list[str] = []
    kept: list[str] = []
    for source, name in sorted(_shipped_files(templates), key=lambda pair: pair[1]):
        target = root / name
        if os.path.lexists(target):
            kept.append(name)
            continue
        _write_whole(target, source.read_bytes())
        written.append(name)
    for name in _EMPTY_DIRS:
        _make_dir(root / name)
    return InitOutcome(str(root.resolve()), tuple(written), tuple(kept))


def _shipped_files(templates: Traversable) -> list[tuple[Traversable, str]]:
    found = []
    for directory in _TEMPLATE_DIRS:
        for source, name in _files_below(templates.joinpath(*directory.split("/")), directory):
            is_example = name == f"config/{_ENV_EXAMPLE}"
            found.append((source, f".{_ENV_EXAMPLE}" if is_example else name))
    return found


def _files_below(directory: Traversable, prefix: str) -> list[tuple[Traversable, str]]:
    found = []
    for entry in directory.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            found.extend(_files_below(entry, name))
        elif not entry.name.endswith(_PARTIAL):
            found.append((entry, name))
    return found


def _make_dir(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as fault:
        raise UsageError(f"{path}: expected a directory, found a file; choose another") from fault
    except OSError as fault:
        raise StoreError(f"{path}: cannot be created: {fault.strerror}") from fault


def _write_whole(target: Path, content: bytes) -> None:
    """Write a file beside its place and move it there."""
    _make_dir(target.parent)
    partial = target.with_name(f".{target.name}{_PARTIAL}")
    try:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except OSError as fault:
        raise StoreError(f"{target}: cannot be written: {fault.strerror}") from fault
