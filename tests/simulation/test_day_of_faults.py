"""A day of faults in virtual time: no decision on a book that was not true, and yet decisions."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import msgspec
import pytest
from polyarb.domain.messages import (
    MarketEvent,
    OpportunityFound,
    Output,
    PlanSized,
    RequestSnapshot,
)
from polyarb.engine.engine import Engine
from polyarb.venue.polymarket.arbitration.scoring import Fault
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.sources import Line, Loss
from tests.arbiter_cases import MARKETS, Case
from tests.simulated_sources import MS, SECOND, tokens_of
from tests.unit.venue.polymarket.test_arbiter_property import FAULTS, do
from tests.worlds import ROOMY, feed, group_of, running, tick_until

HOUR_S = 3_600
EDGE_S = 4


GULLIBLE = msgspec.structs.replace(
    ROOMY,
    guards=msgspec.structs.replace(
        ROOMY.guards, skew_ms_max=86_400_000, content_age_ms_max=86_400_000, lag_ms_max=86_400_000
    ),
)
"""Nothing but the arbiter keeps it from books that are long out of date."""


class Trader:
    """The engine behind a translator; keeps when it found something."""

    def __init__(self) -> None:
        catalogue = group_of(*MARKETS)
        self.engine: Engine = running(catalogue, GULLIBLE)
        self.translator = Translator(catalogue)
        self.found_ns: list[int] = []
        self.ask: Callable[[str], None] = lambda name: None

    def take(self, item: Line | Loss) -> None:
        if isinstance(item, Loss):
            assets = ",".join(f'"{asset}"' for asset in sorted(item.assets))
            body = f'"lost":{{"reason":"loss","assets":[{assets}]}}'.encode()
        else:
            body = b'"msg":' + item.frame
        line = b'{"recv_ns":%d,"seq":0,%b}' % (item.receive_time_ns, body)
        events: list[MarketEvent] = list(self.translator.frame(line).events)
        self.note(feed(self.engine, *events))

    def wake(self, now_ns: int) -> None:
        self.note(tick_until(self.engine, now_ns))

    def note(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if isinstance(output, OpportunityFound | PlanSized):
                self.found_ns.append(output.receive_time_ns)
            elif isinstance(output, RequestSnapshot):
                self.ask(output.condition_id)


def plant_edge(it: Case) -> None:
    """Offer every outcome too cheaply, for a few seconds, in truth."""
    for name in MARKETS:
        price = max(it.truth.books[name][0]) + 1
        it.truth.set_level(name, False, price, 300)
        end = partial(it.truth.set_level, name, False, price, 0)
        it.clock.after(EDGE_S * SECOND, end)


def doubt(it: Case, name: str) -> None:
    """Tell the arbiter, a moment later, that the engine found a book not to fit."""
    act = partial(it.arbiter.doubt, tokens_of(name), Fault.DOUBTED)
    it.clock.after(MS, lambda: act(it.clock.now_ns))


def misbehave(it: Case) -> None:
    """Do one fault, of a stream or two; a freeze may last for minutes."""
    stream = it.random.choice(it.streams)
    if it.random.random() < 0.2:
        names = it.random.sample(MARKETS, it.random.randint(1, 3))
        stream.freeze(names, it.random.randint(10, 300) * SECOND)
    else:
        do(stream, it.random.choice(FAULTS), it.random)


def passed(seed: int, hours: float, *, is_arbitrated: bool) -> tuple[Case, Trader]:
    """Let so many hours pass, with a fault about every half minute."""
    it = Case(seed, has_poll=True, has_check=True, hear_claims=False)
    trader = Trader()
    if is_arbitrated:
        it.emitted = trader.take
        trader.ask = partial(doubt, it)
        it.arbiter.lose_all("begin", it.clock.now_ns)
    else:
        it.streams[0].sink = Naive(trader)
        it.streams[0].start()
        trader.ask = lambda name: it.clock.after(
            100 * MS, partial(it.streams[0].refresh, tokens_of(name))
        )
    end_ns = it.clock.now_ns + round(hours * HOUR_S) * SECOND
    next_fault_ns = it.clock.now_ns
    while it.clock.now_ns < end_ns:
        if it.clock.now_ns >= next_fault_ns:
            misbehave(it)
            next_fault_ns = it.clock.now_ns + it.random.randint(5, 60) * SECOND
        it.truth.move()
        it.truth.resize()
        it.clock.run_for(it.random.randint(500, 4_000) * MS)
        trader.wake(it.clock.now_ns)
    return it, trader


class Naive:
    """Passes a stream on as it is, as if nothing could go wrong."""

    def __init__(self, trader: Trader) -> None:
        self._trader = trader

    def frame(self, source: str, frame: bytes, receive_time_ns: int) -> None:
        self._trader.take(Line(receive_time_ns, frame))

    def lost(self, source: str, assets: object, reason: str, receive_time_ns: int) -> None:
        """Look the other way."""


def check(it: Case, trader: Trader) -> None:
    assert trader.found_ns == [], [
        (found_ns - it.clock.now_ns) / SECOND for found_ns in trader.found_ns[:5]
    ]
    assert it.folded.faults == []
    for stream in it.streams:
        stream.heal()
    it.live(70, moves_every_ms=1_000)
    it.arbiter.lose_all("one snapshot", it.clock.now_ns)
    it.live(60, moves_every_ms=1_000)
    it.clock.run_for(3 * SECOND)
    assert it.is_true(), it.arbiter.statistics


def test_half_an_hour_of_faults_leads_to_no_decision_on_a_book_that_was_not_true() -> None:
    it, trader = passed(1, 0.5, is_arbitrated=True)
    check(it, trader)
    assert it.arbiter.losses > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_day_of_faults_leads_to_no_decision_on_a_book_that_was_not_true(seed: int) -> None:
    it, trader = passed(seed, 24, is_arbitrated=True)
    check(it, trader)
    assert it.arbiter.losses > 500


def test_without_an_arbiter_the_same_faults_lead_to_phantom_opportunities() -> None:
    _, trader = passed(1, 0.5, is_arbitrated=False)
    assert trader.found_ns


def test_what_is_truly_on_offer_is_found_through_the_arbiter() -> None:
    it = Case(5, hear_claims=False)
    trader = Trader()
    it.emitted = trader.take
    it.arbiter.lose_all("begin", it.clock.now_ns)
    it.live(2)
    planted_ns = []
    for _ in range(5):
        plant_edge(it)
        planted_ns.append(it.clock.now_ns)
        for _ in range(8):
            it.clock.run_for(SECOND)
            trader.wake(it.clock.now_ns)
    assert trader.found_ns
    spans = [(at_ns, at_ns + EDGE_S * SECOND + 200 * MS) for at_ns in planted_ns]
    assert all(first[1] < second[0] for first, second in pairwise(spans))
    assert all(any(begin <= at <= end for begin, end in spans) for at in trader.found_ns)
