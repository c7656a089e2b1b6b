"""The doctor on the records of the operation: each check can be well, warn and fail."""

import os
from pathlib import Path

import pytest
from polyarb.config.environment import PREFIX
from polyarb.domain.drills import DrillOutcome
from polyarb.domain.errors import PolyarbError, StoreError, UsageError
from polyarb.domain.limits import Phase
from polyarb.domain.secret import Secret
from polyarb.host.checkup import Finding, Result
from polyarb.rollout.drills import DRILLS, Digests
from polyarb.store.evidence import drill_outcomes
from polyarb.store.keystore import seal, write_keystore
from polyarb.store.lease import take_lease
from polyarb.store.locks import acquire
from polyarb.store.records import Anchor
from polyarb.store.workspace import Workspace, create_workspace, shipped_templates
from polyarb.wiring.backups.backups import create, verify
from polyarb.wiring.backups.listing import Listed, list_backups
from polyarb.wiring.doctor import records as doctor_records
from polyarb.wiring.doctor.records import (
    AUDIT_KINDS,
    check_alerts,
    check_audit,
    check_backup,
    check_drills,
    check_lease,
    check_log,
    check_wallet,
    check_watch,
)
from polyarb.wiring.doctor.workspace import guarded
from polyarb.wiring.drills.digests import evidence_digests

NOW_NS = 1_800_000_000 * 10**9
DAY_NS = 86_400 * 10**9
KEY = "f" * 20
LIVE = Phase.MICRO_LIVE


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in list(os.environ):
        if name.startswith(PREFIX) or "KEY" in name or "WEBHOOK" in name:
            monkeypatch.delenv(name)
    create_workspace(tmp_path, shipped_templates())
    place = Workspace(tmp_path)
    place.audit_dir.mkdir()
    return place


def told(found: Finding) -> tuple[Result, str]:
    return found.result, found.found


# Alerts


def replace(place: Workspace, old: str, new: str) -> None:
    text = place.alert_channels_file.read_text()
    assert old in text
    place.alert_channels_file.write_text(text.replace(old, new))


def use_webhook(place: Workspace, *secrets: str) -> None:
    file = place.alert_channels_file
    file.write_text(
        file.read_text().replace("webhook:\n  enabled: false", "webhook:\n  enabled: true")
    )
    place.env_file.write_text("\n".join(secrets))
    place.env_file.chmod(0o600)


def test_the_console_alone_is_enough_in_shadow_and_not_where_money_is_traded(
    place: Workspace,
) -> None:
    assert check_alerts(place, Phase.SHADOW).result is Result.OK
    assert check_alerts(place, None).result is Result.OK
    found = check_alerts(place, LIVE)
    assert found.result is Result.WARN
    assert "nobody is told who does not look" in found.found


def test_no_channel_at_all_warns_in_every_phase(place: Workspace) -> None:
    file = place.alert_channels_file
    file.write_text(
        file.read_text().replace("console:\n  enabled: true", "console:\n  enabled: false")
    )
    found = check_alerts(place, Phase.SHADOW)
    assert found.result is Result.WARN
    assert "channels: none" in found.found


def test_channels_and_secrets_are_named_and_no_secret_is_shown(place: Workspace) -> None:
    use_webhook(
        place,
        "ALERT_WEBHOOK_URL=https://hooks.example/T0PSECRET",
        f"ALERT_WEBHOOK_KEY={KEY}",
        "UNRELATED_TOKEN=abcdefgh",
    )
    found = check_alerts(place, LIVE)
    assert found.result is Result.OK
    assert "channels: console, webhook" in found.found
    assert "ALERT_WEBHOOK_KEY in .env, ALERT_WEBHOOK_URL in .env" in found.found
    assert found.measured["channels"] == 2
    for hidden in ("T0PSECRET", KEY, "UNRELATED"):
        assert hidden not in found.found


def test_a_channel_that_is_used_and_has_no_secret_fails(place: Workspace) -> None:
    use_webhook(place, f"ALERT_WEBHOOK_KEY={KEY}")
    with pytest.raises(UsageError, match="ALERT_WEBHOOK_URL"):
        check_alerts(place, LIVE)


def test_a_rule_with_a_fault_fails(place: Workspace) -> None:
    place.alerts_file.write_text("rules: 5\n")
    with pytest.raises(UsageError, match="rules"):
        check_alerts(place, Phase.SHADOW)


def test_without_the_file_of_channels_there_is_the_console(place: Workspace) -> None:
    place.alert_channels_file.unlink()
    assert "channels: console" in check_alerts(place, Phase.SHADOW).found


# The wallet


def test_no_wallet_is_right_in_shadow_and_told_where_it_trades(place: Workspace) -> None:
    assert check_wallet(place, Phase.SHADOW).result is Result.OK
    found = check_wallet(place, LIVE)
    assert found.result is Result.WARN
    assert "polyarb keys new" in found.remedy


def test_a_key_that_lies_where_it_belongs_is_well_where_it_trades(place: Workspace) -> None:
    place.env_file.write_text("POLYARB_PRIVATE_KEY=0x" + "01" * 32 + "\n")
    place.env_file.chmod(0o600)
    assert told(check_wallet(place, LIVE)) == (
        Result.OK,
        "a key stands in .env, which is ours alone",
    )
    assert check_wallet(place, Phase.SHADOW).result is Result.FAIL
    place.env_file.chmod(0o640)
    assert check_wallet(place, LIVE).result is Result.FAIL


def test_a_keystore_of_another_wallet_fails_where_it_trades(place: Workspace) -> None:
    sealed = seal(Secret("01" * 32), Secret("correct horse battery"), cost=1 << 10)
    write_keystore(place.keystore_file, sealed)
    assert check_wallet(place, LIVE).result is Result.OK
    text = place.config_file.read_text()
    other = "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"
    place.config_file.write_text(text.replace("address: null", f"address: {other}"))
    found = check_wallet(place, LIVE)
    assert found.result is Result.FAIL
    assert other in found.found


@pytest.mark.parametrize(
    ("phase", "result"), [(Phase.SHADOW, Result.FAIL), (None, Result.FAIL), (LIVE, Result.WARN)]
)
@pytest.mark.parametrize("name", ["POLYMARKET_PRIVATE_KEY", "ANY_SECRET"])
def test_a_wallets_secret_is_named_and_not_shown(
    place: Workspace,
    phase: Phase | None,
    result: Result,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, "0x" + "ab" * 32)
    found = check_wallet(place, phase)
    assert found.result is result
    assert f"{name} in environment" in found.found
    assert "abab" not in found.found


# The audit


def test_an_empty_audit_is_well(place: Workspace) -> None:
    assert told(check_audit(place)) == (Result.OK, "nothing was recorded yet")


def test_the_records_of_each_file_are_counted(place: Workspace) -> None:
    drill_outcomes(place).append(outcome(place, "kill"), outcome(place, "halt"))
    (place.audit_dir / "other.jsonl").write_text('{"a":1}\n')
    found = check_audit(place)
    assert told(found) == (Result.OK, "every line is a record: 2 in drills, 1 in other")
    assert found.measured == {"records": 3}


@pytest.mark.parametrize("name", [*AUDIT_KINDS, "other"])
@pytest.mark.parametrize("line", ["nonsense", "[]"])
def test_a_line_that_is_no_record_fails_with_its_place(
    place: Workspace, name: str, line: str
) -> None:
    (place.audit_dir / f"{name}.jsonl").write_text(f"{line}\n")
    with pytest.raises(StoreError, match=f"{name}.jsonl:1"):
        check_audit(place)


@pytest.mark.parametrize("name", list(AUDIT_KINDS))
def test_a_record_of_another_kind_fails(place: Workspace, name: str) -> None:
    (place.audit_dir / f"{name}.jsonl").write_text('{"a":1}\n')
    with pytest.raises(StoreError, match=name):
        check_audit(place)


def test_a_last_line_that_was_cut_off_was_never_acknowledged(place: Workspace) -> None:
    drill_outcomes(place).append(outcome(place, "kill"))
    with (place.audit_dir / "drills.jsonl").open("a") as file:
        file.write('{"name":"ha')
    assert check_audit(place).measured == {"records": 1}


# The lease


def test_before_the_first_run_there_is_no_lease(place: Workspace) -> None:
    assert check_lease(place, NOW_NS).result is Result.OK


def test_a_journal_without_a_lease_is_worth_a_look(place: Workspace) -> None:
    place.journal_file.write_text("")
    assert check_lease(place, NOW_NS).result is Result.WARN


def test_a_lease_that_was_released_is_well(place: Workspace) -> None:
    take_lease(place.lease_file, NOW_NS).release(NOW_NS + 1)
    found = check_lease(place, NOW_NS)
    assert (found.result, found.measured) == (Result.OK, {"epoch": 1, "crashes": 0})
    assert f"epoch 1 of process {os.getpid()} on " in found.found


def test_a_lease_that_is_held_is_no_crash(place: Workspace) -> None:
    take_lease(place.lease_file, NOW_NS)
    lock = acquire(place.lock_file, "the workspace")
    found = check_lease(place, NOW_NS)
    lock.release()
    assert found.result is Result.OK


def test_a_lease_that_nobody_holds_and_nobody_released_is_a_crash(place: Workspace) -> None:
    take_lease(place.lease_file, NOW_NS)
    found = check_lease(place, NOW_NS)
    assert (found.result, found.measured) == (Result.WARN, {"epoch": 1, "crashes": 1})
    assert "ended without releasing it; 1 crashes within 24 hours" in found.found


@pytest.mark.parametrize(
    ("age_ns", "result"), [(DAY_NS - 1, Result.WARN), (DAY_NS, Result.OK), (3 * DAY_NS, Result.OK)]
)
def test_a_crash_counts_for_a_day(place: Workspace, age_ns: int, result: Result) -> None:
    take_lease(place.lease_file, 1)
    take_lease(place.lease_file, NOW_NS - age_ns).release(NOW_NS)
    found = check_lease(place, NOW_NS)
    assert found.result is result
    assert found.measured["epoch"] == 2


@pytest.mark.parametrize("name", ["lease.json", "crashes.jsonl"])
def test_a_lease_or_crash_that_cannot_be_read_fails(place: Workspace, name: str) -> None:
    (place.data_dir / name).write_text("nonsense\n")
    with pytest.raises(StoreError, match=name):
        check_lease(place, NOW_NS)


# Backups


def aged(age_ns: int) -> Listed:
    return Listed(
        name="20270115_0000",
        path="",
        created_ns=1,
        age_ns=age_ns,
        size=1,
        records=1,
        is_verified=True,
        verified_ns=1,
        with_tapes=False,
    )


@pytest.mark.parametrize(
    ("age_ns", "result"),
    [(0, Result.OK), (DAY_NS, Result.OK), (DAY_NS + 1, Result.WARN), (-1, Result.WARN)],
)
def test_a_backup_is_judged_by_its_age(
    place: Workspace, age_ns: int, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_records, "newest_verified", lambda _place: aged(age_ns))
    found = check_backup(place)
    assert (found.result, found.measured) == (result, {"age_ns": age_ns})
    assert ("future" in found.found) is (age_ns < 0)


def test_without_a_backup_it_matters_whether_there_is_something_to_lose(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_backup(place).result is Result.OK
    anchor = Anchor(sequence=9, hash="")
    monkeypatch.setattr(doctor_records, "read_anchor", lambda *_: anchor)
    assert told(check_backup(place)) == (Result.WARN, "no backup was ever found whole")


def test_a_real_backup_counts_once_it_was_verified(place: Workspace) -> None:
    create(place)
    assert "no backup yet" in check_backup(place).found
    assert [one.is_sound for one in verify(place, [list_backups(place)[0].name])] == [True]
    found = check_backup(place)
    assert found.result is Result.OK
    assert "was found whole, 0 hours old" in found.found


def test_records_of_backups_that_cannot_be_read_fail(place: Workspace) -> None:
    (place.audit_dir / "backups.jsonl").write_text("nonsense\n")
    with pytest.raises(PolyarbError, match=r"backups\.jsonl"):
        check_backup(place)


# Drills


def outcome(
    place: Workspace,
    name: str,
    *,
    passed: bool = True,
    age_ns: int = 0,
    digests: Digests | None = None,
) -> DrillOutcome:
    digests = digests or evidence_digests(place)
    return DrillOutcome(
        name=name,
        passed=passed,
        began_ns=NOW_NS - age_ns,
        took_ms=1,
        code_digest=digests.code,
        config_digest=digests.config,
        findings=() if passed else ("expected a halt, found none",),
    )


def of_shadow(place: Workspace, *, age_ns: int = 0) -> list[DrillOutcome]:
    digests = evidence_digests(place)
    return [
        outcome(place, spec.name, age_ns=age_ns, digests=digests)
        for spec in DRILLS
        if Phase.SHADOW in spec.required_in
    ]


def test_drills_that_never_ran_are_worth_a_look(place: Workspace) -> None:
    found = check_drills(place, Phase.SHADOW, NOW_NS)
    assert (found.result, found.measured) == (Result.WARN, {"missing": 5, "failed": 0})
    assert "drill kill: it has never run" in found.found


def test_drills_that_passed_are_enough_for_the_phase_they_are_required_in(
    place: Workspace,
) -> None:
    drill_outcomes(place).append(*of_shadow(place))
    assert check_drills(place, Phase.SHADOW, NOW_NS).result is Result.OK
    assert check_drills(place, None, NOW_NS).result is Result.OK
    assert check_drills(place, LIVE, NOW_NS).measured == {"missing": 2, "failed": 0}


def test_evidence_grows_old(place: Workspace) -> None:
    drill_outcomes(place).append(*of_shadow(place, age_ns=8 * DAY_NS))
    found = check_drills(place, Phase.SHADOW, NOW_NS)
    assert (found.result, found.measured["missing"]) == (Result.WARN, 1)
    assert "restore: its last pass is 8 days old" in found.found


def test_a_drill_that_failed_fails_with_how_it_is_run_again(place: Workspace) -> None:
    drill_outcomes(place).append(*of_shadow(place), outcome(place, "halt", passed=False, age_ns=-1))
    found = check_drills(place, Phase.SHADOW, NOW_NS + 1)
    assert (found.result, found.remedy) == (Result.FAIL, "run `polyarb drill halt`")
    assert "expected a halt, found none" in found.found


# Log and watch


def test_a_log_that_is_not_there_yet_is_well(place: Workspace) -> None:
    assert check_log(place).result is Result.OK
    assert not place.log_file.exists()


def test_a_log_that_can_be_appended_to_keeps_what_it_says(place: Workspace) -> None:
    place.log_file.write_text("x" * 2_048)
    found = check_log(place)
    assert (found.result, found.measured) == (Result.OK, {"size_bytes": 2_048})
    assert place.log_file.read_text() == "x" * 2_048


def test_a_log_that_cannot_be_written_fails(place: Workspace) -> None:
    place.log_file.mkdir()
    found = guarded(lambda: check_log(place))
    assert found.result is Result.FAIL
    assert "polyarb-x.log" in found.found


@pytest.mark.parametrize(
    ("is_running", "age_s", "result"),
    [
        (False, None, Result.SKIPPED),
        (True, None, Result.WARN),
        (True, 0, Result.OK),
        (True, 10, Result.OK),
        (True, 11, Result.WARN),
        (False, 9_999, Result.OK),
        (True, -11, Result.WARN),
        (False, -11, Result.WARN),
    ],
)
def test_a_watch_must_look_where_something_runs(
    place: Workspace, is_running: bool, age_s: int | None, result: Result
) -> None:
    if age_s is not None:
        place.watch_file.write_text(str(NOW_NS - age_s * 10**9))
    lock = acquire(place.lock_file, "the workspace")
    if not is_running:
        lock.release()
    found = check_watch(place, NOW_NS)
    lock.release()
    assert found.result is result
    assert (f"process {os.getpid()} runs" in found.found) is (is_running and age_s != -11)


def test_a_sign_of_life_that_is_none_fails(place: Workspace) -> None:
    place.watch_file.write_text("soon")
    with pytest.raises(StoreError, match="found 'soon'"):
        check_watch(place, NOW_NS)
