"""Whatever the sources do, the books that are passed on are those of one source, and then true."""

from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.venue.polymarket.arbitration.scoring import Judging
from polyarb.venue.polymarket.arbitration.state import Patience
from tests.arbiter_cases import MARKETS, Case
from tests.simulated_sources import MS, SECOND, SimulatedSource

CHECKED_EVERY = 13
"""Every so many of the books that are passed on are compared with all that was said."""
QUICK = Patience(judging=Judging(probation_ms=2_000, probation_ms_max=4_000))
FAULTS = (
    "drop", "freeze", "freeze one", "lose", "repeat", "delay", "hollow", "old", "lie", "nothing",
)  # fmt: skip
plans = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(FAULTS), st.integers(100, 3_000)), max_size=8
)


def do(stream: SimulatedSource, fault: str, random: Random) -> None:
    name = random.choice(MARKETS)
    match fault:
        case "drop":
            stream.drop(random.randint(50, 8_000) * MS)
        case "freeze":
            stream.freeze(MARKETS, random.randint(50, 8_000) * MS)
        case "freeze one":
            stream.freeze((name,), random.randint(50, 8_000) * MS)
        case "lose":
            stream.to_drop = random.randint(1, 3)
        case "repeat":
            stream.to_repeat = random.randint(1, 5)
        case "delay":
            stream.to_delay = random.randint(1, 5)
        case "hollow":
            stream.tell_hollow(name)
        case "old":
            stream.tell_old(name)
        case "lie":
            stream.lie(name)


def watch_claims(it: Case) -> list[str]:
    wrong: list[str] = []
    turns = count()

    def on_book(token: str, teller: str) -> None:
        if next(turns) % CHECKED_EVERY:
            return
        if not it.claims.has_claimed(teller, token, it.folded.books[token]):
            wrong.append(f"{token} of {teller}: {it.folded.books[token]}")

    it.folded.on_book = on_book
    return wrong


def suffer(it: Case, plan: list[tuple[int, str, int]]) -> None:
    for place, fault, wait_ms in plan:
        do(it.streams[place], fault, it.random)
        it.live(wait_ms / 1_000, moves_every_ms=100)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), plans, st.booleans())
def test_what_is_passed_on_was_said_by_one_source_and_is_true_after_the_faults(
    seed: int, plan: list[tuple[int, str, int]], has_poll: bool
) -> None:
    it = Case(seed, has_poll=has_poll, patience=QUICK)
    wrong = watch_claims(it)
    suffer(it, plan)
    for stream in it.streams:
        stream.heal()
    it.live(2)
    it.arbiter.lose_all("one snapshot", it.clock.now_ns)
    it.live(12, moves_every_ms=500)
    it.clock.run_for(3 * SECOND)
    assert it.folded.faults == []
    assert wrong == []
    assert it.is_true(), (plan, it.arbiter.statistics)


@pytest.mark.parametrize("seed", range(4))
def test_what_one_stream_misses_the_other_shows_without_any_snapshot(seed: int) -> None:
    it = Case(seed)
    for _ in range(6):
        it.streams[0].to_drop = it.random.randint(1, 2)
        it.live(3)
    it.clock.run_for(3 * SECOND)
    assert it.is_true()
    assert it.folded.faults == []
