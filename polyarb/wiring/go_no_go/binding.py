"""What a go/no-go record is bound to, and which records of a phase there are; quick to load."""

from pathlib import Path

import msgspec

from polyarb.config import config_digest, load_phase_profile, load_relations, load_venue
from polyarb.domain.limits import Phase
from polyarb.domain.venue import POLYMARKET, SANDBOX, VenueSettings
from polyarb.host.digest import code_digest, value_digest
from polyarb.rollout.record import Binding, GoNoGoRecord
from polyarb.store.go_no_go import record_files
from polyarb.store.workspace import Workspace
from polyarb.wiring.recovery.holding import bound_venue, refuse_other_venue


def binding_of(place: Workspace, phase: Phase, venue: str | None = None) -> Binding:
    """Say what a record of a phase must be bound to, at this moment.

    Without a venue it is the workspace's own: where its evidence was gathered, else where it would
    be. Errors: UsageError and RefusedError of the configuration, and of one that names another
    venue than the workspace is bound to; BrokenJournalError where that cannot be told.
    """
    profile = load_phase_profile(place, phase).profile
    return Binding(
        phase=phase,
        venue=evidence_venue(place) if venue is None else venue,
        workspace=str(place.root),
        code_digest=code_digest(),
        config_digest=config_digest(profile, load_relations(place)),
    )


def evidence_venue(place: Workspace) -> str:
    """Name the venue that what is recorded here shows something of. Errors: of binding_of."""
    if bound_venue(place) == SANDBOX:
        return SANDBOX
    venue = venue_name(load_venue(place))
    refuse_other_venue(place, venue)
    return venue


def venue_name(settings: VenueSettings) -> str:
    """Name a venue by its hosts: the real one by its name, any other by where it is."""
    hosts = settings.hosts
    if hosts == VenueSettings().hosts:
        return POLYMARKET
    return f"{hosts.clob} ({value_digest(hosts)[:16]})"


def read_record(path: Path) -> GoNoGoRecord | None:
    """Read a go/no-go record; None for what is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=GoNoGoRecord)
    except (OSError, msgspec.DecodeError):
        return None


def phase_records(place: Workspace, phase: Phase) -> list[tuple[Path, GoNoGoRecord | None]]:
    """List the records of a phase, newest first; None is what cannot be read, the newest of all."""
    found = [(path, read_record(path)) for path in record_files(place.go_no_go_dir)]
    own = [(path, one) for path, one in found if one is None or one.binding.phase is phase]
    return sorted(own, key=_place_of, reverse=True)


def _place_of(found: tuple[Path, GoNoGoRecord | None]) -> tuple[bool, int]:
    record = found[1]
    return record is None, record.created_ns if record is not None else 0
