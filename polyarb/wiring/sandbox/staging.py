"""What a sandbox plays: a scenario of a workspace, or a recorded tape as the background."""

from functools import partial
from pathlib import Path
from typing import Protocol

from polyarb.config.scenarios import load_scenario
from polyarb.domain.errors import UsageError
from polyarb.store.tape import is_tape_file
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.flow.founding import Founded, found
from polyarb.venue.sandbox.flow.recorded import found_recorded
from polyarb.venue.sandbox.terms.ports import Faults
from polyarb.wiring.tapes import catalogue_of, check_tapes, open_feed


class Stage(Protocol):
    """A sandbox that is ready to be founded."""

    def __call__(self, *, seed: int, starts_ns: int, faults: Faults) -> Founded:
        """Found it."""
        ...


def stage_of(named: str, home: Workspace) -> Stage:
    """Read a scenario by its name or from a .yaml file, or open a tape by its path.

    Errors: UsageError of the scenario, of a tape that is not there or tells of no market; the
    faults of the tape and its sidecars.
    """
    if is_tape_file(Path(named)):
        return _recorded(Path(named))
    return partial(found, load_scenario(named, home))


def _recorded(tape: Path) -> Stage:
    tapes = check_tapes([tape])
    catalogue = catalogue_of(tapes, [], {})
    if not catalogue.markets:
        raise UsageError(f"{tape}: expected a tape that tells of markets, found none in it")
    feed, _ = open_feed(tapes, catalogue, speed=None)
    return partial(found_recorded, catalogue, feed.frames(), name=tape.name.partition(".")[0])
