"""Scenarios for tests of the flow, small enough to be known by heart, and ways to play them."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from polyarb.config.scenarios import load_scenario
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.units import MICRO
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import Founded, found
from polyarb.venue.sandbox.flow.play import play
from polyarb.venue.sandbox.flow.scenario import (
    Category,
    Crowd,
    EventKind,
    EventTerms,
    MakerTerms,
    MarketTerms,
    NewsTerms,
    RivalTerms,
    Scenario,
    TakerTerms,
)
from polyarb.venue.sandbox.terms.announcements import Announcement

START_NS = 1_790_000_000 * 10**9
SECOND_NS = 10**9
HOUR_NS = 3_600 * SECOND_NS
SEED = 7
LADDER = MakerTerms(levels=2, half_spread=20_000, step=10_000, size=100 * MICRO)
WATCHFUL = msgspec.structs.replace(
    LADDER, review_s=60, refill_ms=2_000, reaction_ms=3_000, stray=2_000
)
BUSY = Crowd(
    name="crowd",
    makers=WATCHFUL,
    takers=TakerTerms(per_hour=60 * MICRO),
    news=NewsTerms(per_day=200 * MICRO, jump=40_000, walk=3_000, informed=1),
)


def shipped(name: str) -> Scenario:
    root = next(
        path
        for path in Path(__file__).resolve().parents
        if (path / "config" / "scenarios").is_dir()
    )
    return load_scenario(name, Workspace(root))


def event(
    slug: str, prices: Sequence[int], kind: EventKind = EventKind.PLAIN, crowd: str = "crowd"
) -> EventTerms:
    return EventTerms(
        slug=slug,
        title=slug.title(),
        kind=kind,
        category="Politics",
        crowd=crowd,
        markets=tuple(
            MarketTerms(slug=f"{slug}-{at}", question=f"{slug} {at}?", price=price)
            for at, price in enumerate(prices)
        ),
    )


PLAIN = event("plain", [500_000])
GROUP = event("group", [500_000, 300_000, 200_000], EventKind.NEG_RISK)
NESTED = event("nested", [600_000, 400_000], EventKind.NESTED)


def scenario(
    *events: EventTerms,
    crowd: Crowd = BUSY,
    rivals: Sequence[RivalTerms] = (),
    fee_rate: int = 400,
    hold_ms: int = 0,
) -> Scenario:
    return Scenario(
        name="own",
        title="Own",
        categories=(Category(name="Politics", fee=FeeSchedule(rate=fee_rate), hold_ms=hold_ms),),
        events=events,
        crowds=(crowd,),
        rivals=tuple(rivals),
    )


def founded(terms: Scenario, seed: int = SEED) -> Founded:
    return found(terms, seed=seed, starts_ns=START_NS, faults=FaultBoard(seed))


class Listener:
    """Keeps everything that was announced, and its digest."""

    def __init__(self) -> None:
        self.told: list[Announcement] = []
        self._digest = sha256()

    def __call__(self, announcements: Sequence[Announcement]) -> None:
        self.told += announcements
        for announcement in announcements:
            self._digest.update(type(announcement).__name__.encode())
            self._digest.update(msgspec.json.encode(announcement))

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def played(sandbox: Founded, seconds: float) -> Listener:
    """Play a sandbox for a while."""
    listener = Listener()
    play(
        sandbox,
        until_ns=sandbox.world.now_ns + round(seconds * SECOND_NS),
        listener=listener,
    )
    return listener
