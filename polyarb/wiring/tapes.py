"""Tapes and what they are of: paths to lines, sidecars to a catalogue."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from polyarb.domain.errors import UsageError
from polyarb.domain.ids import RelationId
from polyarb.domain.market import Catalogue, Relation
from polyarb.store.tape import TapeReading, read_tape
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.instruments.catalogue import infer_catalogue, load_catalogue
from polyarb.venue.tape import TapeFeed

_SIDECARS = ("markets{}.json", "event{}.json", "events{}.json")
_SHARED_SIDECARS = ("markets.json", "token_pairs.json")


def check_tapes(tapes: Sequence[Path]) -> tuple[Path, ...]:
    """Refuse a tape that is not there. Errors: UsageError naming it."""
    for tape in tapes:
        if not tape.exists():
            raise UsageError(f"--tape: expected a recorded tape, found nothing at {tape}")
    return tuple(tapes)


def sidecars_of(tape: Path) -> tuple[Path, ...]:
    """Find what describes a tape's tokens: files of its own name first, then its folder's."""
    stem = tape.name.removesuffix(".gz").removesuffix(".jsonl").removeprefix("tape")
    own = [tape.with_name(name.format(stem)) for name in _SIDECARS]
    shared = [tape.with_name(name) for name in _SHARED_SIDECARS]
    found = [path for path in own if path.is_file()] or [path for path in shared if path.is_file()]
    return tuple(found)


def catalogue_of(
    tapes: Sequence[Path], sidecars: Sequence[Path], relations: dict[RelationId, Relation]
) -> Catalogue:
    """Build the catalogue of some tapes, from sidecars if there are any, else from the tapes.

    A tape without a sidecar tells only which tokens are each other's mirror; every other fact of
    its markets is unknown, so that nothing of it can be traded.
    """
    found = [*sidecars] or [path for tape in tapes for path in sidecars_of(tape)]
    catalogue = load_catalogue(tuple(dict.fromkeys(found)))
    if not catalogue.markets:
        catalogue = infer_catalogue(read_tape(*tapes))
    known = {
        relation_id: relation
        for relation_id, relation in relations.items()
        if all(condition_id in catalogue.markets for condition_id in relation.condition_ids)
    }
    return msgspec.structs.replace(catalogue, relations=known)


def open_feed(
    tapes: Sequence[Path],
    catalogue: Catalogue,
    *,
    speed: float | None,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[TapeFeed, TapeReading]:
    """Open tapes as one feed. Units: speed in times real time, None as fast as possible."""
    reading = read_tape(*tapes)
    return TapeFeed(reading, Translator(catalogue), speed, pause), reading
