"""Planted bugs: each is put into a copy of the package, and the suites named for it must bite."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

ENGINE = "tests/unit/engine/test_engine.py"
EPISODES = "tests/unit/engine/test_episodes.py"
OFFERS = "tests/unit/engine/test_offers.py"
LAWS = "tests/simulation/test_engine_invariants.py"


class Bug(NamedTuple):
    """A change of the source that must not go unnoticed."""

    name: str
    file: str
    sound: str
    planted: str
    suite: str


BUGS = (
    Bug(
        "a locked book passes",
        "engine/books.py",
        "if ladder.best_bid >= ladder.best_ask:",
        "if ladder.best_bid > ladder.best_ask:",
        "tests/unit/engine/test_books.py",
    ),
    Bug(
        "a removed top is kept",
        "engine/books.py",
        "ladder.best_bid = max(ladder.bids, default=0)\n    elif",
        "pass\n    elif",
        "tests/unit/engine/test_books.py",
    ),
    Bug(
        "a sum loses an update",
        "engine/detect/sums.py",
        "watch.sum_bids += bid - old_bid",
        "watch.sum_bids += bid",
        "tests/unit/engine/test_detect.py",
    ),
    Bug(
        "a fee is income",
        "domain/fees.py",
        "return price * MICRO - fee_per_share(price, schedule)",
        "return price * MICRO + fee_per_share(price, schedule)",
        "tests/unit/domain/test_fees.py",
    ),
    Bug(
        "a guard is skipped",
        "engine/detect/guards.py",
        "    is_settled,\n    is_exhaustive,",
        "    is_exhaustive,",
        "tests/unit/engine/test_guards.py",
    ),
    Bug(
        "a book is not judged before its next timestamp",
        "engine/engine.py",
        "outputs = self._settle(ladder, event.receive_time_ns)",
        "pass",
        ENGINE,
    ),
    Bug(
        "an invalid book stays in the sums",
        "engine/faults.py",
        "    publish(ladder, 0, ONE)\n",
        "",
        ENGINE,
    ),
    Bug(
        "a resolved market comes back",
        "engine/engine.py",
        "if ladder is None or ladder.is_resolved:",
        "if ladder is None:",
        ENGINE,
    ),
    Bug(
        "what an unsettled leg hid is forgotten",
        "engine/pursuit.py",
        "        if reason is Guard.UNSETTLED:\n            _await(look)\n",
        "",
        ENGINE,
    ),
    Bug(
        "a plan is made again and again",
        "engine/pursuit.py",
        'episode.is_planned, episode.reason = True, ""',
        'episode.reason = ""',
        ENGINE,
    ),
    Bug(
        "a broken book leaves a certain end",
        "engine/faults.py",
        "is_censored=episode.is_doubted or not episode.false_since_ns",
        "is_censored=False",
        EPISODES,
    ),
    Bug(
        "a missed set is freed twice",
        "engine/flights.py",
        "        _forget(state, flight)\n        return more",
        "        _forget(state, flight)\n        _forget(state, flight)\n        return more",
        "tests/unit/engine/test_flights.py",
    ),
    Bug(
        "an unwound set keeps its reservation",
        "engine/flights.py",
        "if before in (SetStatus.MISSED, SetStatus.SETTLED):",
        "if before is SetStatus.MISSED:",
        "tests/unit/engine/test_flights.py",
    ),
    Bug(
        "a failed trade stays money",
        "engine/settle.py",
        "    progress.shares = progress.notional = progress.fee = 0\n",
        "",
        "tests/unit/engine/test_settle.py",
    ),
    Bug(
        "open notional may be one above its limit",
        "engine/risk/checks.py",
        "over = total > situation.profile.envelope.open_notional_max",
        "over = total > situation.profile.envelope.open_notional_max + 1",
        "tests/unit/engine/test_risk.py",
    ),
    Bug(
        "orders leave while trading is halted",
        "engine/risk/checks.py",
        "RISK_CHECKS: tuple[Callable[[Situation], Denial | None], ...] = (\n    is_active,",
        "RISK_CHECKS: tuple[Callable[[Situation], Denial | None], ...] = (",
        LAWS,
    ),
    Bug(
        "shares that ours took are sized again",
        "engine/offers.py",
        "        depth = taken.free(ladder, depth)\n",
        "        pass\n",
        OFFERS,
    ),
    Bug(
        "the shadow gives what it gave before",
        "engine/taken.py",
        "    _walk(ladder, (intent.side is Side.SELL) is is_yes, limit, shares)",
        "    _walk(ladder, (intent.side is Side.SELL) is is_yes, limit, shares // 2)",
        LAWS,
    ),
    Bug(
        "what left a level is still ours",
        "engine/taken.py",
        "        elif displayed < size:",
        "        elif displayed > size:",
        "tests/unit/engine/test_taken.py",
    ),
    Bug(
        "an unwind's sale is not remembered",
        "engine/settle.py",
        "        _sell_off(flight)\n",
        "",
        "tests/unit/engine/test_settle.py",
    ),
    Bug(
        "a joint plan that earns no more is taken",
        "engine/pursuit.py",
        "joint.plan.profit > sum(",
        "joint.plan.profit >= sum(",
        OFFERS,
    ),
    Bug(
        "a worse rival goes first",
        "engine/offers.py",
        "key=lambda one: -one.plan.profit",
        "key=lambda one: one.plan.profit",
        OFFERS,
    ),
    Bug(
        "what a joint plan took is told as planned before",
        "engine/pursuit.py",
        "            _mark_joined(offer.firings[1:], now_ns)\n",
        "",
        OFFERS,
    ),
    Bug(
        "an old book takes part in a joint plan",
        "engine/offers.py",
        "if any(ladder.receive_time_ns < oldest for ladder in look.legs()):",
        "if False:",
        OFFERS,
    ),
    Bug(
        "a group with a gap resolves to one of its markets",
        "engine/offers.py",
        "Bond.EXCLUSIVE if watch.gap else",
        "Bond.PARTITION if watch.gap else",
        OFFERS,
    ),
    Bug(
        "a joint plan is converted",
        "engine/settle.py",
        "SetStatus.HELD if flight.states else ENDINGS[flight.family]",
        "ENDINGS[flight.family]",
        "tests/unit/engine/test_settle.py",
    ),
    Bug(
        "a joint plan pays what its family pays",
        "venue/shadow/payoff.py",
        "    if placed.states:",
        "    if False:",
        "tests/unit/venue/shadow/test_shadow_payoff.py",
    ),
    Bug(
        "a joint plan counts against one relation",
        "engine/risk/checks.py",
        "for relation_id in request.relation_ids",
        "for relation_id in request.relation_ids[:1]",
        "tests/unit/engine/test_risk.py",
    ),
    Bug(
        "a joint plan is freed from one relation",
        "engine/risk/exposure.py",
        "*exposure.shared.pop(plan_id, ())",
        "*()",
        "tests/unit/engine/test_risk.py",
    ),
    Bug(
        "a leg without an order is a market with exposure",
        "engine/risk/checks.py",
        "set(situation.exposure.by_market) | set(situation.request.ordered)",
        "set(situation.exposure.by_market) | set(situation.request.condition_ids)",
        "tests/unit/engine/test_risk.py",
    ),
    Bug(
        "commands leave before they are durable",
        "runner.py",
        "            journal.make_durable()\n            durable_ns",
        "            durable_ns",
        "tests/unit/test_runner.py",
    ),
    Bug(
        "a replay takes an input by its time alone",
        "research/replay.py",
        "while self._inputs and self._inputs[0][0] <= position and",
        "while self._inputs and self._inputs[0][1].receive_time_ns <= now_ns and",
        "tests/unit/research/test_replay_differences.py",
    ),
)


@pytest.fixture(scope="module")
def copied(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("copied")
    skipped = shutil.ignore_patterns("__pycache__", "acceptance", "mutation")
    for name in ("polyarb", "tests"):
        shutil.copytree(root / name, place / name, ignore=skipped)
    shutil.copy(root / "pyproject.toml", place)
    return place


def bites(place: Path, suite: str) -> bool:
    """Tell whether a suite of the copy fails."""
    # pyproject.toml's pythonpath puts the copy before the package that is installed.
    words = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", suite]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(place)}
    found = subprocess.run(
        [sys.executable, *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert found.returncode in (0, 1), found.stdout + found.stderr
    return found.returncode == 1


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_noticed(bug: Bug, copied: Path) -> None:
    source = copied / "polyarb" / bug.file
    text = source.read_text()
    assert text.count(bug.sound) == 1, "the source has moved on; plant the bug anew"
    source.write_text(text.replace(bug.sound, bug.planted))
    try:
        assert bites(copied, bug.suite)
    finally:
        source.write_text(text)


def test_the_copy_without_a_bug_is_sound(copied: Path) -> None:
    assert not bites(copied, EPISODES)
