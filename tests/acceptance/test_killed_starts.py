"""Starts that are killed at any moment: the next one counts, and ends, what they left in flight."""

import json
from pathlib import Path
from random import Random

import pytest
from polyarb.domain.messages import BooksOpened, RecoverSet, SetSettled
from polyarb.domain.order import SetStatus
from polyarb.domain.venue import TAPE
from polyarb.store.reading import read_journal
from polyarb.store.workspace import Workspace
from polyarb.wiring.recovery.recovering import recover
from tests.acceptance.app import Polyarb
from tests.killed_starts import make_tape, start_and_kill

SPEED = 60


def kill_and_go_on(polyarb: Polyarb, workspace: Path, kills: int, seed: int) -> Workspace:
    """Kill so many starts, each on the tape that follows, then run a quiet one to its end."""
    chance = Random(seed)
    for number in range(kills):
        start_and_kill(workspace, make_tape(workspace, number), chance.randint(4, 90), SPEED)
    quiet = make_tape(workspace, kills, rounds=0)
    ended = polyarb("start", "--phase", "shadow", "--tape", str(quiet), "--speed", "max")
    assert ended.returncode == 0, ended.stderr
    place = Workspace(workspace)
    past = recover(place, pytest.fail).past
    assert {plan.status for plan in past.open_plans(TAPE)} <= {SetStatus.HELD}
    for check in ("ledger", "replay"):
        verified = polyarb(check, "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    settled = json.loads(polyarb("ledger", "pnl", "--json").stdout)
    assert settled
    return place


def test_what_killed_starts_left_in_flight_is_recovered(polyarb: Polyarb, workspace: Path) -> None:
    kill_and_go_on(polyarb, workspace, kills=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_many_killed_starts_lose_nothing(polyarb: Polyarb, workspace: Path, seed: int) -> None:
    place = kill_and_go_on(polyarb, workspace, kills=12, seed=seed)
    messages = [one.message for one in read_journal(place.journal_file, place.journal_dir)]
    assert any(isinstance(one, RecoverSet) for one in messages)
    assert any(isinstance(one, SetSettled) for one in messages)
    assert any(isinstance(one, BooksOpened) and one.day_pnl for one in messages)
