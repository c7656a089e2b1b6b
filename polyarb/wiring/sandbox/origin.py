"""The sandbox as a run's venue: where it is, whether it answers, what it lists."""

from pathlib import Path

import httpx
import msgspec

from polyarb.config import load_venue
from polyarb.domain.errors import VenueError
from polyarb.store.instruments import InstrumentStore
from polyarb.store.workspace import Workspace
from polyarb.wiring.markets import MarketOrigin
from polyarb.wiring.sandbox.whereabouts import SERVE, find_sandbox

_SECONDS_MAX = 5.0


def sandbox_origin(workspace: Workspace, info: Path | None) -> MarketOrigin:
    """Find the running sandbox, make sure that it answers, and return it as a venue.

    Its instruments are kept apart from the venue's own.
    Errors: VenueError where none is running, with what to do.
    """
    found = find_sandbox(workspace, info)
    try:
        answer = httpx.get(f"{found.clob}/ok", timeout=_SECONDS_MAX)
        is_well = answer.status_code == httpx.codes.OK
    except httpx.HTTPError:
        is_well = False
    if not is_well:
        raise VenueError(
            f"{found.clob}: expected the sandbox (scenario {found.scenario}), found nobody who"
            f" answers; {SERVE}"
        )
    return MarketOrigin(
        settings=msgspec.structs.replace(load_venue(workspace), hosts=found.hosts),
        store=InstrumentStore(workspace.sandbox_instruments_dir),
        is_lasting=False,
    )
