"""Backups as they are listed: their manifests and what was recorded of them, and no more.

A trader asks for it each minute, so nothing is loaded here that only makes or restores backups.
"""

from pathlib import Path

import msgspec

from polyarb.host.clock import SystemClock
from polyarb.store.backup.manifest import Finding
from polyarb.store.backup.places import list_names, read_manifest, time_of
from polyarb.store.backup.register import Word, backup_records, last_words
from polyarb.store.workspace import Workspace


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One backup as `list` tells it.

    Shape: fault says why its manifest cannot be trusted, or is empty. Units: unix nanoseconds,
    bytes; verified_ns is 0 where it was never found whole.
    """

    name: str
    path: str
    created_ns: int
    age_ns: int
    size: int
    records: int
    is_verified: bool
    verified_ns: int
    with_tapes: bool
    fault: str = ""


def list_backups(place: Workspace) -> tuple[Listed, ...]:
    """List the backups of a workspace, oldest first, without reading their files through."""
    words, now_ns = words_of(place), SystemClock().now_ns()
    return tuple(
        _listed(place.backups_dir / name, words.get(name, Word()), now_ns)
        for name in list_names(place.backups_dir)
    )


def newest_verified(place: Workspace) -> Listed | None:
    """Return the newest backup that was found whole when last looked at, if there is one."""
    verified = [one for one in list_backups(place) if one.is_verified]
    return verified[-1] if verified else None


def words_of(place: Workspace) -> dict[str, Word]:
    """Return by name what was recorded of the backups of a workspace."""
    return last_words(backup_records(place).stream())


def _listed(directory: Path, word: Word, now_ns: int) -> Listed:
    found = read_manifest(directory)
    if isinstance(found, Finding):
        created_ns = time_of(directory.name) or 0
        return Listed(
            name=directory.name,
            path=str(directory),
            created_ns=created_ns,
            age_ns=now_ns - created_ns,
            size=0,
            records=0,
            is_verified=False,
            verified_ns=0,
            with_tapes=False,
            fault=found.text,
        )
    is_verified = word.is_verified(found.seal)
    return Listed(
        name=found.name,
        path=str(directory),
        created_ns=found.created_ns,
        age_ns=now_ns - found.created_ns,
        size=found.size,
        records=found.journal.head.sequence,
        is_verified=is_verified,
        verified_ns=word.verified_ns if is_verified else 0,
        with_tapes=any(tape.is_included for tape in found.tapes),
    )
