"""Runs that are cut off and gone on with, for tests of what a crash leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue
from polyarb.domain.messages import Event, JournalMessage
from polyarb.domain.venue import POLYMARKET
from polyarb.engine.engine import Engine
from polyarb.ledger.past import Past
from polyarb.store.memory import MemoryRecord
from polyarb.wiring.folding import FoldingJournal
from polyarb.wiring.recovery.holding import carry_over

from tests.feeds import Drive
from tests.worlds import bid, book, started

AGAIN_MS = 100_000.0
"""When the run after a crash begins."""


@dataclass(frozen=True)
class World:
    """Instruments, a profile, and events that make something happen."""

    catalogue: Catalogue
    profile: Profile
    events: Sequence[Event]


def past_of(messages: Sequence[JournalMessage]) -> Past:
    """Fold what a journal left."""
    past = Past()
    for message in messages:
        past.apply(message)
    return past


def run_behind(
    world: World,
    before: Sequence[JournalMessage],
    run_id: str,
    events: Sequence[Event] | None = None,
    engine: type[Engine] = Engine,
) -> tuple[Drive, list[MemoryRecord]]:
    """Run behind a journal as `start` does; return the drive and what it wrote."""
    drive = Drive(
        world.catalogue, world.profile, world.events if events is None else events, engine=engine
    )
    folding = FoldingJournal(drive.journal)
    carry_over(past_of(before), POLYMARKET, drive.runner, folding)
    drive.runner.journal = folding
    begun = msgspec.structs.replace(started(run_id=run_id), feed=run_id)
    drive.runner.run(begun, is_halted=False)
    return drive, drive.journal.records


def quiet_again(world: World, since_ms: float = AGAIN_MS, *, seconds: int = 40) -> list[Event]:
    """Show every market again, with buyers at two cents and nothing to be earned."""
    names = sorted(world.catalogue.markets)
    events: list[Event] = [
        book(name, since_ms + place, bids=[(2, 10_000)], asks=[(98, 10_000)])
        for place, name in enumerate(names)
    ]
    events += [
        bid(names[0], since_ms + 1_000 * second, 1, 5 + second) for second in range(1, seconds)
    ]
    return events


def messages_of(records: Sequence[MemoryRecord]) -> list[JournalMessage]:
    """Leave the places out."""
    return [record.message for record in records]
