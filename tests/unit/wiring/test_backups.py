"""Backups of a workspace as the commands use them: names, records, locks, drills."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from polyarb.config.secrets import secret_values
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.host.clock import SystemClock
from polyarb.store.backup.expiry import Refusal
from polyarb.store.backup.places import list_names, lock_backups
from polyarb.store.backup.register import Deed, backup_records
from polyarb.store.evidence import drill_outcomes
from polyarb.store.filesystem import REAL
from polyarb.store.locks import acquire
from polyarb.store.projections import rebuild
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.backups import backups, listing
from polyarb.wiring.backups.evidence import drill_and_record
from polyarb.wiring.recipe import Recipe, save_recipe
from tests.backup_cases import append, flip_bit, halts, write
from tests.journal_cases import UNSYNCED

DAY_NS = 86_400 * 10**9
NOW_NS = 1_795_000_000 * 10**9


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    create_workspace(root, shipped_templates())
    found = open_workspace(root)
    append(found, halts(5))
    rebuild(found.database_file, found.journal_file, found.journal_dir)
    return found


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_to(now_ns: int) -> None:
        monkeypatch.setattr(SystemClock, "now_ns", lambda _self: now_ns)

    set_to(NOW_NS)
    return set_to


def deeds(place: Workspace) -> list[tuple[Deed, str]]:
    return [(one.deed, one.name) for one in backup_records(place).read()]


def test_what_is_done_with_a_backup_is_recorded_outside_of_it(place: Workspace) -> None:
    name = backups.create(place).manifest.name
    assert [found.is_sound for found in backups.verify(place, [name])] == [True]
    assert deeds(place) == [(Deed.CREATED, name), (Deed.VERIFIED, name)]
    flip_bit(place.backups_dir / name / "data/events.jsonl", 1)
    (found,) = backups.verify(place, [name])
    assert not found.is_sound
    assert deeds(place)[-1] == (Deed.DAMAGED, name)
    assert "data/events.jsonl" in backup_records(place).read()[-1].detail


def test_only_a_backup_that_was_found_whole_is_the_newest_verified(place: Workspace) -> None:
    assert listing.newest_verified(place) is None
    first, second = (backups.create(place).manifest.name for _ in range(2))
    assert listing.newest_verified(place) is None
    list(backups.verify(place, [first]))
    newest = listing.newest_verified(place)
    assert newest is not None
    assert (newest.name, newest.verified_ns > 0) == (first, True)
    flip_bit(place.backups_dir / first / "manifest.json", 1)
    assert listing.newest_verified(place) is None
    listed = {one.name: one for one in listing.list_backups(place)}
    assert "MANIFEST" in listed[first].fault or "NEWER" in listed[first].fault
    assert listed[second].fault == ""
    assert listed[second].records == 5


def test_a_name_that_is_none_is_a_usage_error_before_anything_is_read(place: Workspace) -> None:
    name = backups.create(place).manifest.name
    with pytest.raises(UsageError):
        list(backups.verify(place, [name, "20200101_0000"]))
    assert deeds(place) == [(Deed.CREATED, name)]


def test_two_backups_at_once_are_refused(place: Workspace) -> None:
    lock = lock_backups(place.backups_dir, REAL)
    with pytest.raises(RefusedError, match="the folder of backups is in use by process"):
        backups.create(place)
    lock.release()
    backups.create(place)
    lock = lock_backups(place.backups_dir, REAL)
    with pytest.raises(RefusedError, match="in use by process"):
        backups.prune(place, is_confirmed=True)
    lock.release()


def test_what_was_left_behind_is_removed_and_told(place: Workspace) -> None:
    write(place.backups_dir, ".20260607_1200.partial/data/events.jsonl", "half")
    assert backups.create(place).swept == (".20260607_1200.partial",)
    assert backups.create(place).swept == ()


def test_a_manifest_that_was_replaced_is_found_by_the_records(place: Workspace) -> None:
    first, second = (backups.create(place).manifest for _ in range(2))
    for manifest, seal in ((first, second.seal), (second, first.seal)):
        record = msgspec.structs.replace(
            backup_records(place).read()[0], name=manifest.name, seal=seal
        )
        backup_records(place).append(record)
    assert [one.is_sound for one in backups.verify(place, [first.name, second.name])] == [
        False,
        False,
    ]
    with pytest.raises(RefusedError, match="as kept elsewhere"):
        backups.restore(place, first.name, place.root.parent / "new")


# Pruning.


def aged(
    place: Workspace, set_clock: Callable[[int], None], ages_ns: list[int], *, verified: bool = True
) -> list[str]:
    """Make a backup of each age; the clock stands at the last."""
    names = []
    for age_ns in ages_ns:
        set_clock(NOW_NS - age_ns)
        names.append(backups.create(place, files=UNSYNCED).manifest.name)
        if verified:
            list(backups.verify(place, [names[-1]]))
    return names


def test_pruning_names_what_would_go_and_removes_it_only_when_told(
    place: Workspace, set_clock: Callable[[int], None]
) -> None:
    # Two of one hour long ago: only the newer one stands for it.
    names = aged(place, set_clock, [40 * DAY_NS, 40 * DAY_NS - 300 * 10**9, DAY_NS])
    set_clock(NOW_NS)
    seen = backups.prune(place, is_confirmed=False)
    assert seen.removed == ()
    assert seen.pruning.expired == (names[0],)
    assert list(list_names(place.backups_dir)) == names
    done = backups.prune(place, is_confirmed=True)
    assert done.removed == seen.pruning.expired
    assert set(list_names(place.backups_dir)) == set(names) - set(done.removed)
    assert deeds(place)[-len(done.removed) :] == [(Deed.PRUNED, name) for name in done.removed]
    assert names[-1] in list_names(place.backups_dir)


@pytest.mark.parametrize(("ahead_days", "refusal"), [(-30, Refusal.FUTURE), (300, Refusal.ALL_OLD)])
def test_a_clock_that_jumped_removes_nothing(
    place: Workspace, set_clock: Callable[[int], None], ahead_days: int, refusal: Refusal
) -> None:
    names = aged(place, set_clock, [40 * DAY_NS, 39 * DAY_NS, DAY_NS])
    set_clock(NOW_NS + ahead_days * DAY_NS)
    with pytest.raises(RefusedError, match=refusal):
        backups.prune(place, is_confirmed=True)
    assert list(list_names(place.backups_dir)) == names


def test_unverified_backups_are_never_pruned(
    place: Workspace, set_clock: Callable[[int], None]
) -> None:
    aged(place, set_clock, [40 * DAY_NS, DAY_NS], verified=False)
    with pytest.raises(RefusedError, match=Refusal.NONE_VERIFIED):
        backups.prune(place, is_confirmed=True)


def test_pruning_without_backups_does_nothing(place: Workspace) -> None:
    assert backups.prune(place, is_confirmed=True).removed == ()


# Restoring.


def test_a_restore_names_the_tapes_that_are_nowhere(place: Workspace, tmp_path: Path) -> None:
    recipe = _recipe(place, (str(tmp_path / "gone.jsonl.gz"), str(place.config_file)))
    save_recipe(place, recipe)
    write(place.root, "data/runs/old.json", "{}")
    name = backups.create(place).manifest.name
    restored = backups.restore(place, name, tmp_path / "new")
    assert restored.tapes_absent == (str(tmp_path / "gone.jsonl.gz"),)
    assert restored.workspace == str(tmp_path / "new")


def _recipe(place: Workspace, tapes: tuple[str, ...]) -> Recipe:
    from polyarb.config.loading import load_phase_profile
    from polyarb.domain.limits import Phase
    from polyarb.domain.market import Catalogue

    profile = load_phase_profile(place, Phase.SHADOW).profile
    return Recipe(
        run_id="run-1",
        code_digest="",
        profile=profile,
        catalogue=Catalogue(markets={}, groups={}, relations={}),
        tapes=tapes,
    )


def test_a_backup_can_be_restored_and_verified_where_no_workspace_is_left(
    place: Workspace, tmp_path: Path
) -> None:
    name = backups.create(place).manifest.name
    folder = place.backups_dir / name
    assert backups.verify_at(folder).is_sound
    assert backups.restore(None, str(folder), tmp_path / "new").name == name
    with pytest.raises(UsageError, match="expected the directory of a backup"):
        backups.verify_at(tmp_path / "nothing")
    with pytest.raises(UsageError, match="expected the directory of a backup"):
        backups.restore(None, str(tmp_path / "nothing"), tmp_path / "other")


def test_nothing_is_restored_among_the_backups(place: Workspace) -> None:
    name = backups.create(place).manifest.name
    with pytest.raises(UsageError, match="outside of backups/"):
        backups.restore(place, name, place.backups_dir / "new")


# Secrets.


def test_secrets_are_taken_from_env_and_environment_by_name_or_shape(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "0x" + "ab" * 32
    write(
        place.root,
        ".env",
        f"POLYARB_PROFILE=live_shadow_atomic_v1\nBOT_TOKEN=canary-1\nSIGNER={key}\nEMPTY_KEY\n",
    )
    monkeypatch.setenv("NODE_PASSWORD", "canary-2")
    monkeypatch.setenv("KEY_FILE", "/etc/keys/a")
    found = {(one.name, one.place): one.secret.reveal() for one in secret_values(place)}
    assert found[("BOT_TOKEN", ".env")] == "canary-1"
    assert found[("SIGNER", ".env")] == key
    assert found[("NODE_PASSWORD", "environment")] == "canary-2"
    names = {name for name, _ in found}
    assert not names & {"POLYARB_PROFILE", "KEY_FILE", "PATH"}


def test_a_value_of_the_environment_that_stands_in_a_file_stops_the_backup(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_PASSWORD", "canary-value-2")
    write(place.root, "data/instruments/v1.json", '["canary-value-2"]')
    with pytest.raises(RefusedError, match="NODE_PASSWORD"):
        backups.create(place)
    assert list_names(place.backups_dir) == ()


# Drills.


def test_a_drill_makes_a_backup_where_none_is_fresh_and_proves_it(
    place: Workspace, set_clock: Callable[[int], None]
) -> None:
    done = backups.drill(place)
    assert done.is_passed, done
    assert done.rto_ns > 0
    assert (done.sequence, done.state_digest) == (5, backups.create(place).manifest.state.digest)
    assert [step.name for step in done.steps] == [
        "restore",
        "database",
        "state",
        "journal takes records",
        "configuration",
        "boots halted",
    ]
    assert not (place.backups_dir / ".drill").exists()
    names = list_names(place.backups_dir)
    assert backups.drill(place).backup == names[-1]
    assert list_names(place.backups_dir) == names
    set_clock(NOW_NS + 3601 * 10**9)
    assert backups.drill(place).backup not in names


def test_a_drill_of_a_damaged_backup_fails_and_says_why(place: Workspace) -> None:
    name = backups.create(place).manifest.name
    flip_bit(place.backups_dir / name / "data/events.jsonl", 3)
    done = backups.drill(place)
    assert not done.is_passed
    assert (done.backup, done.rto_ns, done.state_digest) == (name, 0, "")
    assert "data/events.jsonl" in done.findings[0]


@pytest.mark.parametrize(
    ("step", "spoil"),
    [
        ("database", "_database_fault"),
        ("state", "_state_fault"),
        ("journal takes records", "_journal_fault"),
        ("configuration", "_configuration_fault"),
    ],
)
def test_each_step_of_a_drill_can_fail(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, step: str, spoil: str
) -> None:
    proof = getattr(backups, spoil)
    damage = {
        "database": lambda aside: flip_everything(aside.database_file),
        "state": lambda aside: aside.journal_file.write_bytes(b""),
        "journal takes records": lambda aside: append(aside, halts(1, 9)),
        "configuration": lambda aside: aside.config_file.write_text("wrong: [\n"),
    }[step]

    def damaged(aside: Workspace, *rest: object) -> str:
        damage(aside)
        return str(proof(aside, *rest))

    monkeypatch.setattr(backups, spoil, damaged)
    failed = {one.name for one in backups.drill(place).steps if not one.is_passed}
    assert step in failed


def flip_everything(path: Path) -> None:
    path.write_bytes(bytes(byte ^ 0xFF for byte in path.read_bytes()))


def test_a_database_that_lags_fails_the_drill(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = backups._database_fault

    def lagging(aside: Workspace, restored: backups.Restoration) -> str:
        append(aside, halts(2, 50))
        rebuild(aside.database_file, aside.journal_file, aside.journal_dir)
        return proof(aside, restored)

    monkeypatch.setattr(backups, "_database_fault", lagging)
    found = {one.name: one.found for one in backups.drill(place).steps}
    assert found["database"] == "its tables do not reach the journal's head"


def test_two_drills_at_once_are_refused(place: Workspace) -> None:
    backups.create(place)
    lock = acquire(place.backups_dir / ".drill.lock", "the restore drill")
    with pytest.raises(RefusedError, match="the restore drill is in use"):
        backups.drill(place)
    lock.release()
    write(place.backups_dir, ".drill/workspace/data/events.jsonl", "left by a killed drill")
    assert backups.drill(place).is_passed


def test_a_drill_is_recorded_as_evidence_for_code_and_configuration(place: Workspace) -> None:
    done = drill_and_record(place)
    (outcome,) = drill_outcomes(place).read()
    assert (outcome.name, outcome.passed) == ("restore", True)
    assert outcome.began_ns == done.began_ns
    assert len(outcome.code_digest) == len(outcome.config_digest) == 64
    assert outcome.findings == done.findings
    flip_bit(place.backups_dir / done.backup / "data/events.jsonl", 3)
    assert not drill_and_record(place).is_passed
    assert [one.passed for one in drill_outcomes(place).read()] == [True, False]


def test_an_unreadable_register_is_told(place: Workspace) -> None:
    backups.create(place)
    backup_records(place).path.write_text("rubbish\n")
    with pytest.raises(StoreError, match="expected a record"):
        listing.list_backups(place)


def test_the_metadata_name_this_machine_and_user(place: Workspace) -> None:
    created = backups.create(place)
    told = json.loads((Path(created.path) / "metadata.json").read_bytes())
    assert told["workspace"] == str(place.root)
    assert told["timestamp_utc"].endswith("+00:00")
    assert all(told[key] for key in ("hostname", "user", "version", "code_digest"))
