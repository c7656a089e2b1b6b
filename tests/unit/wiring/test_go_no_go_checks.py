"""Each check looks at the real thing: it passes on a well workspace and fails on a broken one."""

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from polyarb.domain.limits import Phase
from polyarb.domain.secret import Secret
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.host import machine
from polyarb.host.checkup import Finding, fail, ok, skipped, warn
from polyarb.host.load import MachineLoad
from polyarb.research.scenario import parse_scenario
from polyarb.rollout.checks import CheckId, Status
from polyarb.rollout.drills import DrillName
from polyarb.store.evidence import drill_outcomes
from polyarb.store.keys import write_private
from polyarb.store.keystore import seal, write_keystore
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.backups import backups
from polyarb.wiring.doctor.checks import NETWORK, CheckName
from polyarb.wiring.doctor.venue import Findings
from polyarb.wiring.drills.drilling import evidence_digests
from polyarb.wiring.drills.scripted import play
from polyarb.wiring.go_no_go import operation as go_no_go_operation
from polyarb.wiring.go_no_go import security as go_no_go_security
from polyarb.wiring.go_no_go import system as go_no_go_system
from polyarb.wiring.go_no_go.binding import venue_name
from polyarb.wiring.go_no_go.context import Seen, Sight, gather
from polyarb.wiring.go_no_go.decision import LOCAL, REMOTE, guarded
from polyarb.wiring.go_no_go.operation import check_reach
from polyarb.wiring.go_no_go.security import check_stream
from tests.go_no_go_cases import outcome
from tests.signing_cases import ALICE, BOB

Break = Callable[[Workspace], None]
LIVE = Phase.MICRO_LIVE


@pytest.fixture(autouse=True)
def one_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the code be the same throughout a test, whoever edits it meanwhile."""
    monkeypatch.setattr("polyarb.wiring.drills.digests.code_digest", lambda: "c" * 64)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "own", shipped_templates())
    return open_workspace(tmp_path / "own")


def sight(place: Workspace, phase: Phase = Phase.SHADOW) -> Sight:
    return gather(place, phase, time.time_ns())


def look(check_id: CheckId, place: Workspace, phase: Phase = Phase.SHADOW) -> Seen:
    seen = sight(place, phase)
    return guarded(lambda: LOCAL[check_id](seen))


def pass_drill(place: Workspace, name: DrillName, *, passed: bool = True) -> None:
    digests = evidence_digests(place)
    told = msgspec.structs.replace(
        outcome(name, passed=passed),
        began_ns=time.time_ns(),
        code_digest=digests.code,
        config_digest=digests.config,
    )
    drill_outcomes(place).append(told)


def rewrite(place: Workspace, name: str, old: str, new: str) -> None:
    path = place.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_check_has_one_way_to_look() -> None:
    assert {*LOCAL, *REMOTE} == set(CheckId)
    assert not set(LOCAL) & set(REMOTE)


@pytest.mark.parametrize(
    "check_id", [one for one in LOCAL if one not in (CheckId.O1, CheckId.Y5)], ids=str
)
def test_a_fresh_workspace_fails_no_check_of_shadow(
    place: Workspace, check_id: CheckId, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in go_no_go_security.SIGNER_MODULES:  # other tests sign in this process
        monkeypatch.delitem(go_no_go_security.sys.modules, name, raising=False)
    seen = look(check_id, place)
    expected = {
        CheckId.S1: Status.NOT_APPLICABLE,
        CheckId.S2: Status.NOT_APPLICABLE,
        CheckId.S4: Status.NOT_APPLICABLE,
        CheckId.Y6: Status.INSUFFICIENT,
        CheckId.D2: Status.INSUFFICIENT,
        CheckId.D3: Status.INSUFFICIENT,
        CheckId.O3: Status.INSUFFICIENT,
        CheckId.A1: Status.INSUFFICIENT,
    }
    assert seen.status is expected.get(check_id, Status.PASS), seen
    assert seen.evidence


@pytest.mark.parametrize("check_id", [CheckId.S1, CheckId.S2, CheckId.S4, CheckId.Y1])
def test_what_needs_live_execution_never_passes_by_default(
    place: Workspace, check_id: CheckId
) -> None:
    seen = look(check_id, place, LIVE)
    assert seen.status is Status.FAIL
    assert "this version has no live execution" in seen.evidence[0]


@pytest.mark.parametrize("check_id", [CheckId.Y8, CheckId.D1])
def test_a_live_phase_needs_a_history(place: Workspace, check_id: CheckId) -> None:
    assert look(check_id, place, LIVE).status is Status.INSUFFICIENT


def loose_env(place: Workspace) -> None:
    place.env_file.write_text("A=1\n")
    place.env_file.chmod(0o644)


def loose_key(place: Workspace) -> None:
    (place.data_dir / "keys").mkdir()
    (place.data_dir / "keys" / "alice.ed25519").write_text("x")
    (place.data_dir / "keys" / "alice.ed25519").chmod(0o640)


def secret_in_config(place: Workspace) -> None:
    (place.root / "config" / "notes.yaml").write_text(f"private_key: {'ab' * 32}\n")


def pem_in_log(place: Workspace) -> None:
    place.log_file.write_text("-----BEGIN PRIVATE KEY-----\n")


def env_value_in_journal(place: Workspace) -> None:
    place.env_file.write_text("TELEGRAM_TOKEN=a-token-that-nobody-knows\n")
    place.env_file.chmod(0o600)
    place.journal_file.write_text('{"text":"a-token-that-nobody-knows"}\n')


def key_in_journal(place: Workspace) -> None:
    place.journal_file.write_text(f'{{"Private_Key":"{"ab" * 32}"}}\n')


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (key_in_journal, "events.jsonl:1: expected no secret"),
        (loose_env, "others may read"),
        (loose_key, "its mode is 640"),
        (secret_in_config, "notes.yaml:1: expected no secret"),
        (pem_in_log, "a private key in PEM form"),
        (env_value_in_journal, "the value of TELEGRAM_TOKEN (.env)"),
    ],
)
def test_a_secret_that_others_can_find_fails(place: Workspace, damage: Break, told: str) -> None:
    damage(place)
    seen = look(CheckId.S3, place)
    assert seen.status is Status.FAIL
    assert any(told in line for line in seen.evidence)
    assert "a-token-that-nobody-knows" not in str(seen)


def test_recordings_of_the_venue_are_not_searched(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.tape_dir.mkdir()
    (place.tape_dir / "hour.parquet").write_bytes(b"x" * 4_096)
    monkeypatch.setattr(go_no_go_security, "SEARCHED", ("data",))
    assert look(CheckId.S3, place).evidence[1].startswith("0 files, 0 KiB")


def test_a_secret_where_it_belongs_passes(place: Workspace) -> None:
    place.env_file.write_text("TELEGRAM_TOKEN=a-token-that-nobody-knows\n")
    place.env_file.chmod(0o600)
    seen = look(CheckId.S3, place)
    assert seen.status is Status.PASS
    assert seen.evidence[0] == "1 private files are mode 600"


def test_what_is_too_much_to_search_is_not_taken_for_searched(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_no_go_security, "SEARCHED_BYTES_MAX", 0)
    seen = look(CheckId.S3, place)
    assert seen.status is Status.INSUFFICIENT
    assert "were not searched" in seen.evidence[-1]


def test_a_wallets_secret_fails_shadow(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_KEY", "ab" * 32)
    (place.data_dir / "UTC--2026-01-01--wallet").write_text("{}")
    monkeypatch.setitem(go_no_go_security.sys.modules, "eth_account", go_no_go_security.sys)
    seen = look(CheckId.Y4, place)
    assert seen.status is Status.FAIL
    assert "a wallet's secret is set: PRIVATE_KEY in environment" in seen.evidence
    assert any("a keystore lies in" in line for line in seen.evidence)
    assert "the signing library eth_account is loaded" in seen.evidence
    assert "abab" not in str(seen)


def test_a_sealed_key_fails_shadow_too(place: Workspace) -> None:
    keep_key(place)
    seen = look(CheckId.Y4, place)
    assert seen.status is Status.FAIL
    assert any("a keystore lies in" in line and "wallet.json" in line for line in seen.evidence)


def keep_key(place: Workspace) -> Path:
    """Seal a key and configure its account; return the file of the passphrase."""
    sealed = seal(Secret("01" * 32), Secret("correct horse battery"), cost=1 << 10)
    write_keystore(place.keystore_file, sealed)
    rewrite(place, "config/config.yaml", "address: null", f"address: {ALICE.address}")
    path = place.root.parent / "passphrase"
    write_private(path, b"correct horse battery\n")
    return path


def prove(place: Workspace, passphrase_file: Path | None = None) -> Seen:
    seen = dataclasses.replace(sight(place, LIVE), passphrase_file=passphrase_file)
    return guarded(lambda: LOCAL[CheckId.Y4](seen))


def test_a_live_phase_needs_a_key(place: Workspace) -> None:
    assert prove(place).status is Status.FAIL
    assert prove(place).evidence == ("no key lies in data/keys/ or .env",)


def test_a_key_that_signs_for_its_wallet_passes(place: Workspace) -> None:
    seen = prove(place, keep_key(place))
    assert seen.status is Status.PASS
    assert f"the key of {ALICE.address} signed a probe" in seen.evidence[0]


def test_a_key_that_nobody_opens_is_missing_evidence(place: Workspace) -> None:
    keep_key(place)
    seen = prove(place)
    assert seen.status is Status.INSUFFICIENT
    assert "--passphrase-file" in seen.remedy


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (lambda place: place.keystore_file.chmod(0o640), "found 640; run `chmod 600"),
        (lambda place: place.keys_dir.chmod(0o750), "found 750"),
        (
            lambda place: rewrite(place, "config/config.yaml", ALICE.address, BOB.address),
            f"expected a key of {BOB.address}",
        ),
        (
            lambda place: rewrite(place, "config/config.yaml", ALICE.address, "null"),
            "expected wallet.address",
        ),
        (lambda place: (place.root.parent / "passphrase").write_text("x" * 12), "passphrase"),
        (lambda place: (place.root.parent / "passphrase").chmod(0o644), "found 644"),
    ],
    ids=["file mode", "folder mode", "wrong key", "no wallet", "wrong passphrase", "open file"],
)
def test_a_key_that_is_not_safe_or_not_the_wallets_fails(
    place: Workspace, breaks: Break, told: str
) -> None:
    file = keep_key(place)
    breaks(place)
    seen = prove(place, file)
    assert seen.status is Status.FAIL
    assert told in seen.evidence[0]


def test_a_configuration_that_does_not_load_fails(place: Workspace) -> None:
    rewrite(place, "config/config.yaml", "profile: ", "profle: ")
    seen = sight(place)
    assert (seen.profile, seen.digests) == (None, None)
    assert look(CheckId.Y1, place).status is Status.FAIL
    assert "profle" in look(CheckId.Y1, place).evidence[0]
    assert look(CheckId.Y2, place).status is Status.ERROR
    assert look(CheckId.Y8, place).status is Status.FAIL
    assert seen.drill(DrillName.KILL).status is Status.INSUFFICIENT


def test_a_shadow_profile_that_trades_fails(place: Workspace) -> None:
    rewrite(place, "config/profiles/live_shadow_atomic_v1.yaml", "run: shadow", "run: live")
    seen = look(CheckId.Y1, place)
    assert seen.status is Status.FAIL
    assert "run: expected shadow (phase shadow), found live" in seen.evidence[0]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("daily_loss_usd_max: 3", "daily_loss_usd_max: 30", "daily_loss_usd_max: at most 3"),
        ("families: [", "familes: [", "familes"),
    ],
)
def test_a_profile_that_is_looser_or_broken_fails(
    place: Workspace, old: str, new: str, told: str
) -> None:
    rewrite(place, "config/profiles/live_safe_atomic_v1.yaml", old, new)
    seen = look(CheckId.Y2, place)
    assert seen.status is Status.FAIL
    assert any(told in line for line in seen.evidence)


def test_a_rule_that_was_taken_out_fails(place: Workspace) -> None:
    rewrite(place, "config/alerts.production.yaml", "  WS_DISCONNECTED:", "  WS_CONNECTED:")
    seen = look(CheckId.Y3, place)
    assert (seen.status, seen.evidence) == (Status.FAIL, ("WS_DISCONNECTED is absent",))


def test_rules_that_do_not_load_are_no_pass(place: Workspace) -> None:
    place.alerts_file.unlink()
    assert look(CheckId.Y3, place).status is Status.ERROR
    assert look(CheckId.O3, place).status is Status.ERROR


@pytest.mark.parametrize(
    ("passed", "expected"), [(True, Status.PASS), (False, Status.FAIL)], ids=["well", "broken"]
)
def test_delivery_is_as_its_drill(place: Workspace, passed: bool, expected: Status) -> None:
    pass_drill(place, DrillName.ALERT_DELIVERY, passed=passed)
    assert look(CheckId.O3, place).status is expected


def test_start_is_run_for_real_and_must_refuse(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_no_go_system, "START_S_MAX", 60)
    seen = look(CheckId.Y5, place)
    assert seen.status is Status.PASS, seen
    assert seen.evidence[0] == "`start --phase micro-live` without a record exits 3"
    monkeypatch.setattr(go_no_go_system, "REFUSED", 0)
    assert look(CheckId.Y5, place).status is Status.FAIL
    monkeypatch.setattr(go_no_go_system, "START_S_MAX", 0.001)
    assert look(CheckId.Y5, place).status is Status.ERROR


def test_a_start_script_that_cannot_be_executed_fails(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "start_shadow.sh"
    script.write_text("#!/bin/sh\n")
    monkeypatch.setattr(go_no_go_system, "START_S_MAX", 60)
    monkeypatch.setattr(go_no_go_system, "start_scripts", lambda: [script])
    seen = look(CheckId.Y5, place)
    assert (seen.status, seen.evidence) == (
        Status.FAIL,
        ("scripts/start_shadow.sh cannot be executed",),
    )
    monkeypatch.setattr(go_no_go_system, "start_scripts", list)
    assert look(CheckId.Y5, place).evidence[1].startswith("no start scripts are installed")


def test_a_gate_that_judges_wrongly_fails(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyarb.rollout.verdict.P1_UNMET_MAX", 3)
    assert look(CheckId.Y7, place).status is Status.FAIL


def test_a_folder_that_takes_no_write_fails(place: Workspace) -> None:
    place.audit_dir.write_text("a file")
    place.journal_file.mkdir()
    seen = look(CheckId.Y9, place)
    assert seen.status is Status.FAIL
    assert any(line.endswith("events.jsonl: Is a directory") for line in seen.evidence)


def test_a_log_that_cannot_be_written_fails(place: Workspace) -> None:
    place.log_file.mkdir()
    assert look(CheckId.Y10, place).status is Status.FAIL


def test_a_full_disk_fails(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go_no_go_system, "FREE_BYTES_MIN", 1 << 60)
    seen = look(CheckId.Y10, place)
    assert seen.status is Status.FAIL
    assert "expected more than 1 GiB" in seen.evidence[0]
    assert machine.FREE_BYTES_MIN == 1 << 30


def test_a_backup_is_read_through(place: Workspace) -> None:
    made = backups.create(place)
    assert look(CheckId.Y6, place).status is Status.PASS
    (config,) = Path(made.path).rglob("config.yaml")
    config.chmod(0o644)
    config.write_bytes(config.read_bytes()[:-1] + b"#")
    seen = look(CheckId.Y6, place)
    assert seen.status is Status.FAIL
    assert "config.yaml" in seen.evidence[0]


def test_a_fresh_backup_and_a_tried_restore_pass_together(place: Workspace) -> None:
    name = backups.create(place).manifest.name
    assert look(CheckId.D3, place).status is Status.INSUFFICIENT
    list(backups.verify(place, [name]))
    assert look(CheckId.D3, place).status is Status.INSUFFICIENT
    pass_drill(place, DrillName.RESTORE)
    assert look(CheckId.D3, place).status is Status.PASS
    late = dataclasses.replace(sight(place))
    assert LOCAL[CheckId.D3](late).status is Status.PASS
    pass_drill(place, DrillName.RESTORE, passed=False)
    assert look(CheckId.D3, place).status is Status.FAIL


def test_an_old_backup_is_not_fresh(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    name = backups.create(place).manifest.name
    list(backups.verify(place, [name]))
    pass_drill(place, DrillName.RESTORE)
    monkeypatch.setattr("polyarb.wiring.go_no_go.records.BACKUP_AGE_NS_MAX", 0)
    seen = look(CheckId.D3, place)
    assert (seen.status, seen.remedy) == (Status.INSUFFICIENT, "run `polyarb backup create`")


def test_a_broken_journal_fails(place: Workspace) -> None:
    scenario = parse_scenario("market A\n0.000 book A YES bid 0.60 x 50 ask 0.62 x 50\n")
    profile = sight(place).profile
    assert profile is not None
    play(scenario, profile, place)
    assert look(CheckId.D1, place, LIVE).status is Status.PASS
    content = bytearray(place.journal_file.read_bytes())
    content[20] ^= 1
    place.journal_file.write_bytes(content)
    seen = look(CheckId.D1, place)
    assert seen.status is Status.FAIL
    assert "events.jsonl line 1" in seen.evidence[0]


def test_a_journal_that_was_cut_fails_against_a_place_kept_elsewhere(place: Workspace) -> None:
    from polyarb.domain.order import TradingState
    from polyarb.store.records import Anchor
    from polyarb.store.status import Status as RunStatus
    from polyarb.store.status import write_status

    told = RunStatus(
        pid=1,
        run_id="run",
        phase="shadow",
        state=TradingState.ACTIVE,
        started_ns=1,
        updated_ns=1,
        journal=Anchor(sequence=9, hash="f" * 64),
    )
    write_status(place.status_file, told)
    seen = look(CheckId.D1, place)
    assert seen.status is Status.FAIL
    assert "record 9" in seen.evidence[0]


def test_an_audit_line_that_is_none_fails(place: Workspace) -> None:
    pass_drill(place, DrillName.KILL)
    assert look(CheckId.D2, place).status is Status.PASS
    path = place.audit_dir / "drills.jsonl"
    path.write_bytes(path.read_bytes() + b"{half")
    assert look(CheckId.D2, place).status is Status.PASS
    path.write_bytes(path.read_bytes() + b"\n{}\n")
    seen = look(CheckId.D2, place)
    assert seen.status is Status.FAIL
    assert "drills.jsonl:2: expected a record" in seen.evidence[0]


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (MachineLoad(load_percent=50, processors=2, free_memory_bytes=3 << 30), "load 50 %"),
        (MachineLoad(load_percent=49, processors=2, free_memory_bytes=2 << 30), "2.0 GiB"),
        (MachineLoad(load_percent=49, processors=2, free_memory_bytes=3 << 30), ""),
    ],
)
def test_a_machine_without_room_fails(
    place: Workspace, load: MachineLoad, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_no_go_operation, "measure_load", lambda: load)
    seen = look(CheckId.O1, place)
    assert seen.status is (Status.FAIL if told else Status.PASS)
    assert told in seen.evidence[0]


def well(**changed: Finding) -> Findings:
    """Findings of a look at a well venue, but for what is changed; TLS was agreed on."""
    found: Findings = {name: ok("answers", offset_ns=0, tls_ns=5) for name in NETWORK}
    return found | {CheckName[name]: finding for name, finding in changed.items()}


def test_a_venue_that_answers_passes(place: Workspace) -> None:
    assert check_reach(sight(place), well()).status is Status.PASS
    assert check_reach(sight(place), well(GEOBLOCK=warn("closed"))).status is Status.PASS


@pytest.mark.parametrize("name", ["GAMMA", "CLOB", "STREAM", "VERSION", "VENUE_CLOCK", "GEOBLOCK"])
def test_whatever_does_not_answer_fails(place: Workspace, name: str) -> None:
    seen = check_reach(sight(place), well(**{name: fail("is down", "mend it")}))
    assert (seen.status, seen.remedy) == (Status.FAIL, "mend it")
    skipping = check_reach(sight(place), well(**{name: skipped("not asked")}))
    assert skipping.status is Status.FAIL


@pytest.mark.parametrize("name", ["TIME_SERVERS", "VENUE_CLOCK"])
def test_a_clock_that_is_off_fails_and_an_unknown_one_is_missing(
    place: Workspace, name: str
) -> None:
    off = warn("150 ms off", offset_ns=-150_000_000)
    assert check_reach(sight(place), well(**{name: off})).status is Status.FAIL
    unknown = well(**{name: warn("no time server is of use")})
    assert check_reach(sight(place), unknown).status is Status.INSUFFICIENT


def test_a_live_phase_needs_endpoints_too(place: Workspace) -> None:
    assert check_reach(sight(place, LIVE), well()).status is Status.FAIL


def test_the_stream_is_the_venues_own_encrypted_and_reconnects(place: Workspace) -> None:
    assert check_stream(sight(place), well()).status is Status.INSUFFICIENT
    pass_drill(place, DrillName.FEED_LOSS)
    assert check_stream(sight(place), well()).status is Status.PASS
    plain = check_stream(sight(place), well(STREAM=ok("answers")))
    assert "is not encrypted" in plain.evidence[0]
    down = check_stream(sight(place), well(STREAM=fail("is down", "mend it")))
    assert (down.status, down.evidence[0], down.remedy) == (Status.FAIL, "is down", "mend it")
    pass_drill(place, DrillName.FEED_LOSS, passed=False)
    assert check_stream(sight(place), well()).status is Status.FAIL


def test_another_stream_is_not_the_venues_own(place: Workspace) -> None:
    pass_drill(place, DrillName.FEED_LOSS)
    hosts = VenueHosts(stream="wss://stream.example.org/ws")
    elsewhere = dataclasses.replace(sight(place), settings=VenueSettings(hosts=hosts))
    seen = check_stream(elsewhere, well())
    assert seen.status is Status.FAIL
    assert "not the venue's own" in seen.evidence[0]


def test_a_venue_is_named_by_its_hosts() -> None:
    assert venue_name(VenueSettings()) == "polymarket"
    one = VenueSettings(hosts=VenueHosts(clob="http://127.0.0.1:1"))
    other = VenueSettings(hosts=VenueHosts(clob="http://127.0.0.1:1", gamma="http://127.0.0.1:2"))
    assert venue_name(one).startswith("http://127.0.0.1:1 (")
    assert venue_name(one) != venue_name(other)


@pytest.mark.parametrize("fault", [OSError(5, "broken disk"), ValueError("no number")])
def test_a_fault_of_a_check_is_an_error_and_no_pass(fault: Exception) -> None:
    def broken() -> Seen:
        raise fault

    seen = guarded(broken)
    assert seen.status is Status.ERROR
    assert seen.evidence == (str(fault),)


def long_journal(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the journal be too long to be read; return where a daily report would lie."""
    monkeypatch.setattr(go_no_go_system, "JOURNAL_BYTES_MAX", 10)
    place.journal_file.parent.mkdir(exist_ok=True)
    place.journal_file.write_bytes(b"x" * 11)
    place.daily_reports_dir.mkdir(parents=True, exist_ok=True)
    return place.daily_reports_dir / "20260607.json"


def test_of_a_long_journal_a_report_must_have_been_written_and_that_is_said(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = long_journal(place, monkeypatch)
    seen = look(CheckId.Y8, place)
    assert seen.status is Status.INSUFFICIENT
    assert "no daily report was written" in seen.evidence[0]
    assert "polyarb report daily" in seen.remedy
    report.write_text('{"day": "2026-06-07"}')
    seen = look(CheckId.Y8, place)
    assert seen.status is Status.PASS
    assert "MiB that are read here" in seen.evidence[0]
    assert "20260607.json was written 0.0 hours ago, of 2026-06-07" in seen.evidence[0]


@pytest.mark.parametrize("hours", [27, -1])
def test_a_report_of_long_ago_or_of_the_future_is_none(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    report = long_journal(place, monkeypatch)
    report.write_text('{"day": "2026-06-07"}')
    then_s = time.time() - hours * 3_600
    os.utime(report, (then_s, then_s))
    assert look(CheckId.Y8, place).status is Status.INSUFFICIENT


def test_a_file_that_is_no_report_fails(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    report = long_journal(place, monkeypatch)
    report.write_text("{}")
    assert look(CheckId.Y8, place).status is Status.FAIL
