"""A played sandbox as a tape: the census reads it, and what it finds is what was calibrated."""

from pathlib import Path
from statistics import median

import msgspec
import pytest
from flow_cases import GROUP, HOUR_NS, PLAIN, SEED, START_NS, founded, scenario, shipped
from polyarb.domain.messages import BookReplaced, LevelChanged, LevelsChanged, TradePrinted
from polyarb.domain.plan import Family
from polyarb.reports.census import Census
from polyarb.reports.opportunities import EpisodeSeen
from polyarb.store.tape import read_tape
from polyarb.store.tape_writing import write_lines
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.sandbox.flow.founding import Founded
from polyarb.venue.sandbox.flow.scenario import EventKind
from polyarb.venue.sandbox.flow.taping import Scribe, sidecar_of, tape_blocks
from polyarb.wiring.reports.reporting import run_census
from polyarb.wiring.tapes import catalogue_of

Ladder = dict[tuple[bool, int], int]


def taped(sandbox: Founded, folder: Path, hours: float) -> Path:
    """Play a sandbox into a tape with its sidecar beside it."""
    tape = folder / "tape_day.jsonl.gz"
    write_lines(tape, tape_blocks(sandbox, until_ns=START_NS + round(hours * HOUR_NS)))
    sidecar = sidecar_of(sandbox.world.exchange, START_NS)
    (folder / "events_day.json").write_bytes(sidecar)
    return tape


def census_of(name: str, root: Path, folder: Path, hours: float, seed: int = SEED) -> Census:
    tape = taped(founded(shipped(name), seed), folder, hours)
    return run_census(Workspace(root), [tape], [])


def group_share(census: Census, name: str) -> float:
    """Return which share of the time of all groups a gross window was open."""
    groups = sum(event.kind is EventKind.NEG_RISK for event in shipped(name).events)
    open_ns = sum(episode.duration_ns for episode in census.episodes)
    return open_ns / (census.covered_ns * groups)


def seconds(episodes: list[EpisodeSeen]) -> float:
    return median(episode.duration_ns for episode in episodes) / 1e9


def test_the_lines_of_a_tape_tell_the_books_that_stood(tmp_path: Path) -> None:
    sandbox = founded(scenario(PLAIN, GROUP))
    tape = taped(sandbox, tmp_path, 0.5)
    catalogue = catalogue_of([tape], [], {})
    assert set(catalogue.markets) == {m.condition_id for m in sandbox.listing.markets}
    (group,) = catalogue.groups.values()
    assert group.condition_ids == sandbox.listing.events[1].condition_ids and not group.incomplete
    translator = Translator(catalogue)
    books: dict[str, Ladder] = {}
    prints = 0
    for frame in translator.frames(read_tape(tape)):
        for event in frame.events:
            match event:
                case BookReplaced():
                    ladder = {(True, price): size for price, size in event.bids}
                    ladder |= {(False, price): size for price, size in event.asks}
                    books[event.condition_id] = ladder
                case LevelChanged():
                    books[event.condition_id][event.is_bid, event.price] = event.size
                    told = {
                        place: size for place, size in books[event.condition_id].items() if size
                    }
                    assert max((p for b, p in told if b), default=0) == event.best_bid
                    books[event.condition_id] = told
                case LevelsChanged():
                    ladder = books[event.condition_id]
                    for is_bid, price, size in event.changes:
                        ladder[is_bid, price] = size
                    books[event.condition_id] = {p: size for p, size in ladder.items() if size}
                    assert max(p for b, p in books[event.condition_id] if b) == event.best_bid
                case TradePrinted():
                    prints += 1
                case _:
                    pytest.fail(f"a tape of a quiet half hour tells {event}")
    assert prints > 10
    assert not translator.statistics.rejected and not translator.statistics.unknown_tokens
    for market in sandbox.listing.markets:
        levels = sandbox.world.exchange.book(market.yes)
        assert levels is not None
        stood = {(True, price): size for price, size in levels.bids}
        assert books[market.condition_id] == stood | {
            (False, price): size for price, size in levels.asks
        }


def test_a_change_of_tick_is_told_of_both_tokens() -> None:
    sandbox = founded(scenario(PLAIN))
    scribe = Scribe(sandbox.world.exchange)
    sandbox.world.exchange.change_tick(sandbox.listing.markets[0].condition_id, 1_000)
    scribe.listen(sandbox.world.drain())
    lines = [msgspec.json.decode(line) for line in scribe.take()]
    ticks = [line["msg"] for line in lines if line["msg"]["event_type"] == "tick_size_change"]
    market = sandbox.listing.markets[0]
    assert {tick["asset_id"] for tick in ticks} == {market.yes, market.no}
    assert {tick["new_tick_size"] for tick in ticks} == {"0.001"}
    assert [line["seq"] for line in lines] == list(range(len(lines))) and not scribe.take()


def test_the_census_finds_nothing_in_the_quiet_scenario(root: Path, tmp_path: Path) -> None:
    census = census_of("quiet", root, tmp_path, 0.5)
    assert census.settled and not census.episodes and not any(census.tradable.values())


def test_the_demonstration_shows_what_no_real_day_does(root: Path, tmp_path: Path) -> None:
    census = census_of("rich", root, tmp_path, 2)
    episodes = [episode for episode in census.episodes if episode.edge_net_max > 0]
    assert len(episodes) > 10 and census.planned
    assert seconds(episodes) > 5
    assert group_share(census, "rich") > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_windows_of_an_ordinary_day_are_rare_short_and_mostly_eaten_by_fees(
    root: Path, tmp_path: Path, seed: int
) -> None:
    census = census_of("default", root, tmp_path, 24, seed)
    survivors = [episode for episode in census.episodes if episode.edge_net_max > 0]
    assert 10 <= len(census.episodes) <= 120
    assert 0.0003 <= group_share(census, "default") <= 0.03
    assert 1.5 <= seconds(list(census.episodes)) <= 30
    assert len(survivors) <= 0.35 * len(census.episodes)
    assert sum(episode.duration_ns for episode in survivors) < 0.001 * census.covered_ns
    assert not any(episode.family is Family.BINARY for episode in census.episodes)


@pytest.mark.slow
def test_days_for_rehearsals_have_few_windows_and_some_that_can_be_earned(
    root: Path, tmp_path: Path
) -> None:
    census = census_of("sparse", root, tmp_path, 7 * 24)
    assert 3 <= len(census.episodes) <= 70
    assert group_share(census, "sparse") <= 0.005
    assert seconds(list(census.episodes)) <= 30
    assert any(episode.profit_max > 0 for episode in census.episodes)
