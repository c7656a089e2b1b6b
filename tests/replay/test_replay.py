"""Recorded runs, run again, make every decision again; a changed figure shows."""

from pathlib import Path

import msgspec
import pytest
from polyarb.domain.limits import Phase
from polyarb.domain.messages import CensusCounted, JournalMessage, OpportunityFound, PlaceOrders
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO, ONE
from polyarb.engine import detect
from polyarb.engine.engine import Engine
from polyarb.research.replay import Replay
from polyarb.research.scenario import parse_scenario, with_settings
from polyarb.store.memory import MemoryRecord
from polyarb.store.reading import read_journal
from polyarb.store.workspace import Workspace, create_workspace, shipped_templates
from polyarb.wiring.edges import TapeOptions
from polyarb.wiring.recipe import Recipe, load_recipe, recipe_file
from polyarb.wiring.replay import verify_runs
from polyarb.wiring.scenario import run_scenario
from polyarb.wiring.session import Session
from polyarb.wiring.start import StartOptions, Watcher, start
from polyarb.wiring.tapes import open_feed
from tests.feeds import ScriptedFeed
from tests.scenarios.test_scenarios import FOLDER
from tests.worlds import ROOMY


def fresh(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "workspace", shipped_templates())
    return Workspace(tmp_path / "workspace")


def shadow(workspace: Workspace, *tapes: Path, stop_after: int = 0) -> Session:
    """Run the shadow phase, to the end or until so many frames were played."""

    def watch(session: Session) -> None:
        if stop_after:
            session.runner.poll_every = stop_after
            session.runner.observers.append(
                lambda runner: runner.stop("enough") if runner.progress.frames else None
            )

    options = StartOptions(phase=Phase.SHADOW, tape=TapeOptions(tapes=tapes))
    session, _ = start(workspace, options, Watcher(watch=watch, tell=print))
    return session


def journaled(workspace: Workspace) -> list[JournalMessage]:
    return [r.message for r in read_journal(workspace.journal_file, workspace.journal_dir)]


@pytest.mark.parametrize("name", ["tape_hockey.jsonl.gz", "tape_fed_negrisk.jsonl.gz"])
def test_a_run_over_a_shipped_tape_is_made_again(name: str, samples: Path, tmp_path: Path) -> None:
    workspace = fresh(tmp_path)
    session = shadow(workspace, samples / name)
    (verification,) = verify_runs(workspace, session.recipe.run_id)
    comparison = verification.comparison
    assert comparison is not None and comparison.is_identical, comparison
    assert comparison.is_whole and verification.is_same_code
    assert comparison.events == session.runner.progress.position > 0
    assert comparison.compared == session.runner.progress.decisions


def test_a_run_that_was_stopped_amid_its_tape_is_made_again(samples: Path, tmp_path: Path) -> None:
    workspace = fresh(tmp_path)
    session = shadow(workspace, samples / "tape_hockey.jsonl.gz", stop_after=700)
    assert 0 < session.runner.progress.position < 5_000
    (verification,) = verify_runs(workspace, None)
    assert verification.comparison is not None
    assert verification.comparison.is_identical, verification.comparison
    assert verification.comparison.events == session.runner.progress.position


def test_another_settle_time_decides_otherwise(samples: Path, tmp_path: Path) -> None:
    workspace = fresh(tmp_path)
    session = shadow(workspace, samples / "tape_hockey.jsonl.gz", stop_after=20_000)
    recipe = load_recipe(workspace, session.recipe.run_id)
    guards = msgspec.structs.replace(
        recipe.profile.guards, settle_ms=recipe.profile.guards.settle_ms + 40
    )
    engine = Engine(
        recipe.catalogue,
        msgspec.structs.replace(recipe.profile, guards=guards),
        recipe.config_digest,
    )
    replay = Replay(engine, list(read_journal(workspace.journal_file, workspace.journal_dir)))
    feed, _ = open_feed([Path(tape) for tape in recipe.tapes], recipe.catalogue, speed=None)
    replay.run(feed.frames())
    assert replay.difference is not None


def replay_text(path: Path) -> tuple[list[MemoryRecord], Replay]:
    """Run a scenario text and replay what it journaled."""
    scenario = parse_scenario(path.read_text(), path.name)
    _, records = run_scenario(scenario, ROOMY)
    profile, catalogue = with_settings(ROOMY, scenario.settings), scenario.catalogue()
    recipe = Recipe(
        run_id="scenario", code_digest="", profile=profile, catalogue=catalogue, tapes=()
    )
    replay = Replay(Engine(catalogue, profile, recipe.config_digest), records)
    replay.run(ScriptedFeed(scenario.events).frames())
    return records, replay


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.txt")), ids=lambda path: path.stem)
def test_every_scenario_is_made_again(path: Path) -> None:
    _, replay = replay_text(path)
    assert replay.difference is None
    assert replay.is_whole


def test_a_planted_change_of_a_figure_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    path = FOLDER / "negrisk_no_planted.txt"
    scenario = parse_scenario(path.read_text(), path.name)
    _, records = run_scenario(scenario, ROOMY)
    assert any(isinstance(record.message, PlaceOrders) for record in records)
    profile, catalogue = with_settings(ROOMY, scenario.settings), scenario.catalogue()
    recipe = Recipe(
        run_id="scenario", code_digest="", profile=profile, catalogue=catalogue, tapes=()
    )
    monkeypatch.setitem(detect.DETECTORS, Family.NEGRISK_NO, lambda watch: watch.sum_bids - ONE + 1)
    replay = Replay(Engine(catalogue, profile, recipe.config_digest), records)
    replay.run(ScriptedFeed(scenario.events).frames())
    assert replay.difference is not None
    assert "OpportunityFound" in replay.difference.expected
    assert str(80_000 * MICRO) in replay.difference.expected


@pytest.mark.parametrize("day", ["2026-08-20", "2026-08-21"])
def test_a_recorded_neg_risk_day_shows_gross_edges_that_no_fee_leaves(
    day: str, recorded: Path, tmp_path: Path
) -> None:
    tape = recorded / "artbreguez-negrisk" / f"tape_negrisk_{day}.jsonl.gz"
    workspace = fresh(tmp_path)
    session = shadow(workspace, tape)
    messages = journaled(workspace)
    found = [message for message in messages if isinstance(message, OpportunityFound)]
    assert found
    assert not any(isinstance(message, PlaceOrders) for message in messages)
    tradable = [message.tradable for message in messages if isinstance(message, CensusCounted)]
    assert not any(tradable)
    (verification,) = verify_runs(workspace, session.recipe.run_id)
    assert verification.comparison is not None and verification.comparison.is_identical


def test_a_run_that_cannot_be_made_again_does_not_hide_the_others(
    samples: Path, tmp_path: Path
) -> None:
    workspace = fresh(tmp_path)
    tapes = [tmp_path / name for name in ("a.jsonl.gz", "b.jsonl.gz", "c.jsonl.gz", "d.jsonl.gz")]
    for tape in tapes:
        tape.write_bytes((samples / "tape_fed_negrisk.jsonl.gz").read_bytes())
    missing, unreadable, tapeless, whole = (shadow(workspace, tape).recipe.run_id for tape in tapes)
    recipe_file(workspace, missing).unlink()
    recipe_file(workspace, unreadable).write_bytes(b"{")
    tapes[2].unlink()
    verifications = list(verify_runs(workspace, None))
    assert [one.run_id for one in verifications] == [missing, unreadable, tapeless, whole]
    assert [one.comparison is None for one in verifications] == [True, True, True, False]
    assert "found no file" in verifications[0].reason
    assert "expected a recipe" in verifications[1].reason
    assert "c.jsonl.gz" in verifications[2].reason
    (alone,) = verify_runs(workspace, missing)
    assert alone.reason == verifications[0].reason
