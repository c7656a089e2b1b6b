"""Workspaces with something of everything, and their backups, for tests of backups."""

import random
import stat
from collections.abc import Iterable
from pathlib import Path

from polyarb.domain.messages import CancelAll, JournalMessage
from polyarb.store.backup.copying import list_files
from polyarb.store.backup.creating import Metadata, Request, create_backup
from polyarb.store.backup.manifest import Manifest
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory
from polyarb.store.journal import open_journal
from polyarb.store.projections import catch_up
from polyarb.store.workspace import Workspace

from tests.journal_cases import UNSYNCED
from tests.plan_lives import NOON_NS, binary_merged

MINUTE_NS = 60 * 10**9
RECORDING = "data/tape/run-1"


def metadata() -> Metadata:
    return Metadata(
        timestamp_utc="2026-06-07T12:00:00+00:00",
        timestamp_local="2026-06-07T14:00:00+02:00",
        version="1",
        code_digest="code",
        hostname="host",
        user="ann",
        workspace="workspace",
    )


def write(root: Path, path: str, content: str | bytes) -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def append(
    place: Workspace,
    messages: Iterable[JournalMessage],
    *,
    rotate_bytes: int = 1 << 30,
    files: FileSystem = UNSYNCED,
) -> None:
    journal = open_journal(
        place.journal_file, place.journal_dir, rotate_bytes=rotate_bytes, files=files
    )
    for message in messages:
        journal.append(message, 0)
        journal.make_durable()
    journal.close()


def halts(count: int, first: int = 1) -> list[JournalMessage]:
    return [
        CancelAll(receive_time_ns=NOON_NS + number, reason="x" * (number % 40))
        for number in range(first, first + count)
    ]


def full_workspace(root: Path) -> Workspace:
    """Make a workspace with every kind of file, two journal segments and a database behind."""
    place = Workspace(root)
    write(root, "config/config.yaml", "profile: live_shadow_atomic_v1\nphases: {}\n")
    write(root, "config/constraints.yaml", "relations: []\n")
    write(root, "config/alerts.production.yaml", "rules: []\n")
    write(root, "config/profiles/custom/mine.yaml", "name: mine\n")
    write(root, "config/profiles/custom/README.md", "not a configuration\n")
    write(root, ".env.example", "# nothing\n")
    write(root, "data/alerts/alerts.jsonl", '{"alert":1}\n{"alert":2}\n{"alert":3 torn')
    write(root, "data/alerts/alerts_state.json", "{}")
    write(root, "data/alerts/.alerts_state.json.12.new", "a draft")
    write(root, "data/audit/config_changes.jsonl", '{"change":1}\n')
    write(root, "data/control/halt.json", '{"actor":"ann","reason":"lunch","time_ns":1}')
    write(root, "data/control/inbox/00000000000000000001-a.json", '{"kind":"resume"}')
    write(root, "data/runs/run-1.json", '{"not":"a recipe"}')
    write(root, "data/lease.json", '{"epoch":3,"host":"h","pid":1,"taken_ns":1}')
    write(root, "data/instruments/v1.json", "[]")
    write(root, "data/samples/tape.jsonl.gz", b"\x1f\x8b sample")
    write(root, "data/status.json", "{}")
    write(root, "data/polyarb-x.log", "words\n")
    write(root, f"{RECORDING}/20260607/12-0000.jsonl.gz", b"\x1f\x8b frames")
    write(root, "reports/go_no_go/20260607.json", '{"verdict":"GO"}')
    append(place, [*binary_merged().messages, *halts(6)], rotate_bytes=1500)
    catch_up(place.database_file, place.journal_file, place.journal_dir)
    write(root, "data/journal/torn-3.bin", b'{"event_ty')
    append(place, halts(3, 100))
    return place


def backup(
    place: Workspace, *, now_ns: int = NOON_NS, files: FileSystem = REAL, **options: object
) -> Manifest:
    """Make a backup as the wiring does."""
    ensure_directory(files, place.backups_dir)
    return create_backup(
        Request(place=place, metadata=metadata(), now_ns=now_ns, files=files, **options)  # type: ignore[arg-type]
    )


def flip_bit(path: Path, seed: int) -> None:
    """Change one bit of a file, read-only or not."""
    content = bytearray(path.read_bytes())
    place = random.Random(seed).randrange(len(content) * 8)
    content[place // 8] ^= 1 << place % 8
    overwrite(path, bytes(content))


def overwrite(path: Path, content: bytes) -> None:
    """Write to a file of a backup, as an attacker or a bad disk would."""
    make_writable(path.parent)
    path.chmod(0o600)
    path.write_bytes(content)


def make_writable(folder: Path) -> None:
    folder.chmod(folder.stat().st_mode | stat.S_IRWXU)


def paths_below(folder: Path) -> list[str]:
    return [path for path, _ in list_files(folder)]
