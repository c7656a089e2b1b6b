"""What `polyarb doctor` finds in the workspace: rights, configuration, journal, lock, halt."""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from polyarb.config import (
    load_effective,
    load_profile,
    load_relations,
    load_settings,
    load_venue,
    profile_names,
)
from polyarb.config.environment import dotenv_values
from polyarb.domain.errors import PolyarbError, RefusedError
from polyarb.domain.limits import Profile
from polyarb.domain.venue import Universe, VenueSettings
from polyarb.host.checkup import Finding, fail, ok, skipped, warn
from polyarb.host.machine import (
    check_descriptors,
    check_disk,
    check_interpreter,
    check_sqlite,
)
from polyarb.store.control import read_halt
from polyarb.store.locks import find_holder
from polyarb.store.reading import read_anchor
from polyarb.store.workspace import Workspace
from polyarb.wiring.doctor.checks import CheckName
from polyarb.wiring.doctor.records import (
    check_alerts,
    check_audit,
    check_backup,
    check_drills,
    check_lease,
    check_log,
    check_wallet,
    check_watch,
)
from polyarb.wiring.doctor.units import check_units

REQUEST_SOCKETS = 32
"""What the pool of connections for requests may hold open."""
_TOKENS_PER_MARKET = 2

LocalCheck = Callable[[], Finding]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the checks of a workspace look at; profile is None where it does not load.

    Shape: units is the folder of a supervisor's units. Units: now in unix nanoseconds.
    """

    place: Workspace
    settings: VenueSettings
    profile: Profile | None
    units: Path
    now_ns: int


def local_checks(around: Surroundings) -> dict[CheckName, LocalCheck]:
    """List the checks that need no network."""
    place, profile, now_ns = around.place, around.profile, around.now_ns
    phase = profile.phase if profile else None
    sockets = sockets_needed(around.settings, profile.universe if profile else Universe())
    return {
        CheckName.INTERPRETER: check_interpreter,
        CheckName.SQLITE: partial(check_sqlite, place.database_file),
        CheckName.FILES: partial(check_descriptors, sockets),
        CheckName.DISK: partial(check_disk, place.data_dir, time.monotonic_ns),
        CheckName.PERMISSIONS: partial(check_permissions, place),
        CheckName.CONFIG: partial(check_config, place),
        CheckName.ALERTS: partial(check_alerts, place, phase),
        CheckName.WALLET: partial(check_wallet, place, phase),
        CheckName.JOURNAL: partial(check_journal, place),
        CheckName.AUDIT: partial(check_audit, place),
        CheckName.LEASE: partial(check_lease, place, now_ns),
        CheckName.LOCK: partial(check_lock, place),
        CheckName.HALT: partial(check_halt, place),
        CheckName.BACKUP: partial(check_backup, place),
        CheckName.DRILLS: partial(check_drills, place, phase, now_ns),
        CheckName.LOG: partial(check_log, place),
        CheckName.WATCH: partial(check_watch, place, now_ns),
        CheckName.UNITS: partial(check_units, place, around.units),
    }


def guarded(check: LocalCheck) -> Finding:
    """Run a check; a fault of the system or of a file is what it found."""
    try:
        return check()
    except (PolyarbError, OSError) as fault:
        return fail(str(fault))


def sockets_needed(settings: VenueSettings, universe: Universe) -> int:
    """Count the sockets of a run."""
    tokens = universe.markets_max * _TOKENS_PER_MARKET
    streams = -(-tokens // settings.assets_per_socket_max) * settings.stream_copies
    return streams + REQUEST_SOCKETS


def check_permissions(place: Workspace) -> Finding:
    """Look whether we may write where we must and whether others may read what they must not."""
    folders = (place.data_dir, place.root / "reports", place.backups_dir)
    closed = [
        f"{folder.name}/" for folder in folders if not os.access(folder, os.W_OK | os.X_OK)
    ] + [f"{folder.name}/" for folder in folders if folder.exists() and not folder.is_dir()]
    if closed:
        return fail(f"cannot write in {', '.join(dict.fromkeys(closed))}")
    if not place.env_file.exists():
        return ok("every folder can be written; there is no .env")
    mode = stat.S_IMODE(place.env_file.stat().st_mode)
    try:
        dotenv_values(place)
    except RefusedError as fault:
        return fail(str(fault))
    except PolyarbError:
        pass  # What is wrong inside it is told by the check of the configuration.
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warn(f"others may read .env: its mode is {mode:03o}")
    return ok("every folder can be written; .env is ours alone")


def check_config(place: Workspace) -> Finding:
    """Load everything that an operator may have written."""
    try:
        dotenv_values(place)
    except RefusedError:
        return skipped("not read while .env is refused")
    names = profile_names(place)
    load_settings(place)
    load_venue(place)
    for name in names:
        load_effective(place, name)
    relations = load_relations(place)
    return ok(f"{len(names)} profiles and {len(relations)} relations load", profiles=len(names))


def check_journal(place: Workspace) -> Finding:
    """Read the last record."""
    anchor = read_anchor(place.journal_file, place.journal_dir)
    if not anchor.sequence and place.journal_file.exists() and place.journal_file.stat().st_size:
        size = place.journal_file.stat().st_size
        return warn(f"it holds {size} bytes and no whole record", size_bytes=size)
    if not anchor.sequence:
        return ok("no run has written yet", records=0)
    return ok(f"the chain ends with record {anchor.sequence}", records=anchor.sequence)


def check_lock(place: Workspace) -> Finding:
    """Look who holds the workspace."""
    holder = find_holder(place.lock_file)
    return ok("nobody holds the workspace" if holder is None else f"process {holder} runs in it")


def check_halt(place: Workspace) -> Finding:
    """Look whether trading is halted."""
    halted = read_halt(place.halt_file)
    if halted is None:
        return ok("no halt is latched")
    return warn(f"halted by {halted.actor}: {halted.reason}")


def profile_in_use(place: Workspace) -> Profile | None:
    """Load the profile that the workspace chose; None where that cannot be."""
    try:
        return load_profile(place)
    except PolyarbError:
        return None
