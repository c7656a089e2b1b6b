"""Drills as they run: each passes on well code, fails on bad code, and leaves only its evidence."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import Status
from polyarb.rollout.drills import DRILL_SPECS, DRILLS, DrillName, drill_requirement
from polyarb.store.evidence import drill_outcomes
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.backups import backups, listing
from polyarb.wiring.drills import breaker, drilling, feed_loss, processes, registry
from polyarb.wiring.drills.drilling import DrillReport, evidence_digests, list_drills, run_drills
from polyarb.wiring.drills.room import DrillRoom, UnprovenError, check

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(autouse=True)
def one_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the code be the same throughout a test, whoever edits it meanwhile."""
    monkeypatch.setattr("polyarb.wiring.drills.digests.code_digest", lambda: "c" * 64)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "own", shipped_templates())
    return open_workspace(tmp_path / "own")


def run(place: Workspace, name: DrillName) -> DrillOutcome:
    (report,) = run_drills(place, [name])
    assert report.outcome is not None
    return report.outcome


def files_of(place: Workspace) -> dict[str, bytes]:
    return {
        str(path.relative_to(place.root)): path.read_bytes()
        for path in sorted(place.root.rglob("*"))
        if path.is_file()
    }


def test_every_drill_can_be_run_or_says_why_not() -> None:
    for spec in DRILLS:
        assert (spec.name in registry.RUNNERS) is not (spec.name in registry.UNAVAILABLE)


@pytest.mark.parametrize("name", [DrillName.BREAKER, DrillName.FEED_LOSS])
def test_a_drill_passes_and_leaves_its_evidence_alone(place: Workspace, name: DrillName) -> None:
    before = files_of(place)
    outcome = run(place, name)
    assert outcome.passed, outcome.findings
    assert len(outcome.findings) == 3
    after = files_of(place)
    assert set(after) - set(before) == {"data/audit/drills.jsonl"}
    assert before == {path: content for path, content in after.items() if path in before}
    assert drill_outcomes(place).read() == [outcome]


def test_the_restore_drill_makes_the_first_backup_and_verifies_it(place: Workspace) -> None:
    outcome = run(place, DrillName.RESTORE)
    assert outcome.passed, outcome.findings
    found = listing.newest_verified(place)
    assert found is not None
    assert outcome.findings[-1].startswith(f"{found.name} was restored up to record 0")


def test_a_restore_that_fails_a_step_fails_the_drill(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "read_halt", lambda _path: None)
    outcome = run(place, DrillName.RESTORE)
    assert not outcome.passed
    assert "boots halted: no latch is there" in outcome.findings


def test_its_evidence_counts_for_the_code_and_configuration_that_ran(place: Workspace) -> None:
    outcome = run(place, DrillName.BREAKER)
    spec = DRILL_SPECS[DrillName.BREAKER]
    now_ns, digests = time.time_ns(), evidence_digests(place)
    assert drill_requirement(spec, [outcome], digests, now_ns).status is Status.PASS
    profile = place.profiles_dir / "live_scaled_atomic_v1.yaml"
    profile.write_text(profile.read_text().replace("trade_size_usd: 10", "trade_size_usd: 9"))
    changed = evidence_digests(place)
    found = drill_requirement(spec, [outcome], changed, now_ns)
    assert (found.status, found.evidence) == (
        Status.INSUFFICIENT,
        "it last ran for another configuration",
    )


def deaf_breaker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(breaker, "breaking_sets", lambda count: _original_sets(count - 1))


_original_sets = breaker.breaking_sets


def no_latch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(breaker, "read_halt", lambda _path: None)


def trades_on(patch: pytest.MonkeyPatch) -> None:
    real = breaker.play

    def play(scenario: object, profile: object, place: Workspace) -> list[str]:
        place.halt_file.unlink(missing_ok=True)
        return real(scenario, profile, place)  # type: ignore[arg-type]

    patch.setattr(breaker, "play", play)


def cut_unheard(patch: pytest.MonkeyPatch) -> None:
    async def cut(deadline_s: float) -> list[str]:
        return ["frame"]

    patch.setattr(feed_loss, "_cut_a_connection", cut)


def feed_not_lost(patch: pytest.MonkeyPatch) -> None:
    cut = "0.040  lost the stream was cut\n"
    assert cut in feed_loss._LOSS
    patch.setattr(feed_loss, "_LOSS", feed_loss._LOSS.replace(cut, ""))


@pytest.mark.parametrize(
    ("name", "plant", "told"),
    [
        (DrillName.BREAKER, deaf_breaker, "expected 3 broken sets to halt trading"),
        (DrillName.BREAKER, no_latch, "expected the halt to be latched on disk"),
        (DrillName.BREAKER, trades_on, "expected a second run to stay halted"),
        (DrillName.FEED_LOSS, cut_unheard, "expected data, its loss, and data again, found frame"),
        (DrillName.FEED_LOSS, feed_not_lost, "expected every order called back"),
    ],
)
def test_a_reaction_that_is_missing_fails_the_drill(
    place: Workspace, name: DrillName, plant: Plant, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    outcome = run(place, name)
    assert not outcome.passed
    assert outcome.findings[-1].startswith(told)
    assert drill_outcomes(place).read() == [outcome]


def test_a_drill_that_cannot_be_run_is_no_outcome(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(drilling.RUNNERS, DrillName.KILL)
    monkeypatch.setitem(drilling.UNAVAILABLE, DrillName.KILL, "nobody dares")
    assert list(run_drills(place, [DrillName.KILL])) == [
        DrillReport(name=DrillName.KILL, outcome=None, reason="nobody dares")
    ]
    assert drill_outcomes(place).read() == []
    (listed,) = [one for one in list_drills(place) if one.name is DrillName.KILL]
    assert (listed.unavailable, listed.last) == ("nobody dares", None)


def test_a_drill_that_hangs_fails_at_its_deadline(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(drilling.RUNNERS, DrillName.HALT, lambda _room: time.sleep(30))
    short = {**DRILL_SPECS, DrillName.HALT: _with_deadline(0)}
    monkeypatch.setattr(drilling, "DRILL_SPECS", short)
    outcome = run(place, DrillName.HALT)
    assert not outcome.passed
    assert outcome.findings == ("nothing within 0 s",)


def _with_deadline(seconds: int) -> object:
    import msgspec

    return msgspec.structs.replace(DRILL_SPECS[DrillName.HALT], deadline_s=seconds)


@pytest.mark.parametrize("fault", [OSError("disk full"), ValueError("no number")])
def test_a_fault_of_the_system_is_a_failed_drill(
    place: Workspace, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_room: DrillRoom) -> None:
        raise fault

    monkeypatch.setitem(drilling.RUNNERS, DrillName.HALT, broken)
    outcome = run(place, DrillName.HALT)
    assert (outcome.passed, outcome.findings) == (False, (str(fault),))


def test_the_last_outcome_is_listed(place: Workspace) -> None:
    outcome = run(place, DrillName.BREAKER)
    listed = {one.name: one.last for one in list_drills(place)}
    assert listed[DrillName.BREAKER] == outcome
    assert listed[DrillName.KILL] is None


@pytest.fixture
def room(place: Workspace, tmp_path: Path) -> Iterator[DrillRoom]:
    from polyarb.config import load_phase_profile

    yield DrillRoom(
        own=place,
        workspace=place,
        profile=load_phase_profile(place, Phase.SHADOW).profile,
        deadline_s=time.monotonic() + 60,
        note=[].append,
    )


def test_a_room_waits_no_longer_than_it_may(room: DrillRoom) -> None:
    import dataclasses

    late = dataclasses.replace(room, deadline_s=time.monotonic() - 1)
    with pytest.raises(UnprovenError, match="expected the moon within the deadline"):
        late.wait_until(lambda: False, "the moon")
    with pytest.raises(UnprovenError, match="longer than it may"):
        late.remaining_s()
    assert room.wait_until(lambda: True, "the moon") >= 0
    assert room.remaining_s() > 0


def test_what_was_expected_and_found_is_said() -> None:
    with pytest.raises(UnprovenError, match=r"^expected a halt, found 3$"):
        check(False, "a halt", 3)


def test_a_process_that_ends_badly_fails_the_drill(room: DrillRoom) -> None:
    from polyarb.wiring.drills.room import run_to_end

    with pytest.raises(UnprovenError, match=r"`polyarb start` to end well, found .*--tape"):
        run_to_end(room, "start", "--phase", "shadow", "--tape", "nowhere")


def test_a_halt_that_comes_late_fails_the_drill(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "HALT_S_MAX", 0.0)
    outcome = run(place, DrillName.HALT)
    assert not outcome.passed
    assert outcome.findings[-1].startswith("expected the halt within 0 s, found ")


def test_a_run_that_is_not_made_again_fails_the_kill_drill(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from polyarb.wiring.replay import RunVerification

    def lost(_place: Workspace, _run: str | None) -> list[RunVerification]:
        one = RunVerification(run_id="run", sequence=1, is_same_code=True, reason="no recipe")
        return [one, one]

    monkeypatch.setattr(processes, "verify_runs", lost)
    outcome = run(place, DrillName.KILL)
    assert not outcome.passed
    assert outcome.findings[-1] == "expected a replay, found no recipe"
