"""The gate as a whole: deadlines, what a phase requires, signing, and what a start asks."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from polyarb.config.operators import load_operators
from polyarb.domain.errors import RefusedError, StoreError, UsageError
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import CheckId, Member, Status
from polyarb.rollout.record import GoNoGoRecord, JournalPlace, make_record
from polyarb.rollout.verdict import Outcome
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.go_no_go import decision as gate
from polyarb.wiring.go_no_go import signing
from polyarb.wiring.go_no_go.binding import binding_of, phase_records
from polyarb.wiring.go_no_go.context import Seen, Sight, attestations, gather, passed
from polyarb.wiring.go_no_go.refusal import refusal, refuse_live
from polyarb.wiring.go_no_go.signing import Signer, add_operator, attest, save
from tests.go_no_go_cases import ask_for_time, required, results
from tests.live_world import point_at
from tests.time_server import TimeServer
from tests.wire_server import Answer, ThreadedWire, Venue, WireServer

LIVE = Phase.MICRO_LIVE
replace = msgspec.structs.replace


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "own", shipped_templates())
    return open_workspace(tmp_path / "own")


def answer_all(server: WireServer) -> None:
    place = b'{"blocked":false,"ip":"192.0.2.1","country":"IE","region":"L"}'
    server.routes["/markets/keyset"] = lambda *_: Answer(body=b'{"markets":[]}')
    server.routes["/api/geoblock"] = lambda *_: Answer(body=place)


@pytest.fixture
def venue(place: Workspace) -> Iterator[None]:
    """Serve a venue and the time, both of which the workspace points at."""
    with ExitStack() as stack:
        wire = stack.enter_context(ThreadedWire(Venue(1, seed=1)))
        wire.call(answer_all)
        point_at(place.root, wire)
        ask_for_time(place.root, stack.enter_context(TimeServer()).address)
        yield


def with_local(
    monkeypatch: pytest.MonkeyPatch, see: Callable[[Sight], Seen] | None = None
) -> dict[CheckId, Callable[[Sight], Seen]]:
    """Let every local check pass at once, so that only what a test changes is looked at."""
    checks = dict.fromkeys(gate.LOCAL, see or (lambda _: passed("made up")))
    monkeypatch.setattr(gate, "LOCAL", checks)
    return checks


def test_every_check_is_made_and_bound_to_what_it_was_of(
    place: Workspace, venue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_local(monkeypatch)
    found = gate.decide(place, Phase.SHADOW)
    record = found.record
    assert [check.check_id for check in record.checks] == list(CheckId)
    assert record.binding == binding_of(place, Phase.SHADOW)
    assert record.binding.venue.startswith("http://127.0.0.1:")
    statuses = {check.check_id: check.status for check in record.checks}
    assert statuses[CheckId.O2] is Status.PASS, record.checks
    assert statuses[CheckId.S5] is Status.FAIL
    assert record.outcome is Outcome.INSUFFICIENT
    assert [one.name for one in record.requirements][:2] == ["drill breaker", "drill feed-loss"]


def test_a_check_that_hangs_is_an_error_at_its_deadline(
    place: Workspace, venue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = with_local(monkeypatch)

    def hang(_sight: Sight) -> Seen:
        time.sleep(60)
        return passed("too late")

    checks[CheckId.Y8] = hang
    monkeypatch.setattr(gate, "CHECK_MS_MAX", 1_500)
    found = gate.decide(place, Phase.SHADOW)
    (late,) = [check for check in found.record.checks if check.check_id is CheckId.Y8]
    assert (late.status, late.evidence) == (Status.ERROR, ("nothing within 1500 ms",))
    assert late.remedy


def test_a_venue_that_is_down_fails_and_ends_in_time(
    place: Workspace, venue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_local(monkeypatch)
    settings = place.config_file
    text = "\n".join(
        "    clob: http://127.0.0.1:9" if line.strip().startswith("clob:") else line
        for line in settings.read_text().splitlines()
    )
    settings.write_text(text + "\n")
    found = gate.decide(place, Phase.SHADOW)
    (reach,) = [check for check in found.record.checks if check.check_id is CheckId.O2]
    assert reach.status is Status.FAIL
    assert any("127.0.0.1 is not reached: tcp" in line for line in reach.evidence)
    assert found.record.outcome is Outcome.NO_GO


def test_a_configuration_that_does_not_load_is_no_go_and_bound_to_nothing(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = with_local(monkeypatch)
    del checks[CheckId.Y1]
    monkeypatch.setattr(gate, "REMOTE", {})
    checks.update(dict.fromkeys((CheckId.S5, CheckId.O2), lambda _: passed("made up")))
    from polyarb.wiring.go_no_go.system import check_configuration

    checks[CheckId.Y1] = check_configuration
    place.config_file.write_text(place.config_file.read_text().replace("profile:", "profle:"))
    record = gate.decide(place, Phase.SHADOW).record
    assert record.outcome is Outcome.NO_GO
    assert (record.binding.venue, record.binding.config_digest) == ("", "")
    assert {one.status for one in record.requirements} == {Status.INSUFFICIENT}


def test_a_live_phase_requires_the_phase_below(place: Workspace) -> None:
    sight = gather(place, Phase.CONSTRAINED, time.time_ns())
    last = gate.requirements(sight)[-1]
    assert (last.name, last.status) == ("gate micro-live", Status.INSUFFICIENT)
    shadow = gate.requirements(gather(place, Phase.SHADOW, time.time_ns()))
    assert not [one for one in shadow if one.name.startswith("gate")]


def test_evidence_that_cannot_be_read_is_no_pass(place: Workspace) -> None:
    place.audit_dir.mkdir()
    (place.audit_dir / "drills.jsonl").write_text("{}\n")
    (place.audit_dir / "attestations.jsonl").write_text("{}\n")
    sight = gather(place, Phase.SHADOW, time.time_ns())
    assert {one.status for one in gate.requirements(sight)} == {Status.ERROR}
    assert gate.LOCAL[CheckId.A1](sight).status is Status.ERROR


# Signing


def people(place: Workspace) -> None:
    add_operator(place, "alice", "trader")
    add_operator(place, "bob", "risk")


def go_record(place: Workspace, phase: Phase = LIVE) -> GoNoGoRecord:
    """A record of a phase in which all is well, made now."""
    journal = JournalPlace(sequence=0, hash="")
    return make_record(
        binding_of(place, phase), results(), required(Status.PASS), journal, time.time_ns()
    )


def test_a_person_is_added_with_a_key_of_their_own(place: Workspace) -> None:
    operator = add_operator(place, "alice", "trader")
    assert load_operators(place) == (operator,)
    key = signing.key_file(place, "alice")
    assert key == place.data_dir / "keys" / "alice.ed25519"
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match=r"found alice in config/operators\.yaml"):
        add_operator(place, "alice", "risk")


def test_a_person_who_cannot_be_listed_leaves_no_key(place: Workspace) -> None:
    with pytest.raises(UsageError, match="expected a name"):
        add_operator(place, "Alice", "trader")
    assert not signing.key_file(place, "Alice").exists()


def test_two_people_sign_one_record_and_it_opens_the_phase(place: Workspace) -> None:
    people(place)
    assert refusal(place, LIVE, time.time_ns()) == "no go/no-go record of micro-live is there"
    first = save(place, go_record(place), Signer(name="alice"))
    assert (first.missing, first.was_signed_before) == (1, ())
    assert "2 people must sign it, 1 did" in refusal(place, LIVE, time.time_ns())
    second = save(place, go_record(place), Signer(name="bob"))
    assert (second.path, second.missing, second.was_signed_before) == (first.path, 0, ("alice",))
    assert refusal(place, LIVE, time.time_ns()) == ""
    page = next(place.go_no_go_dir.glob("*.md")).read_text()
    assert "- alice (trader)" in page and "- bob (risk)" in page


def test_one_person_cannot_sign_for_two(place: Workspace) -> None:
    people(place)
    save(place, go_record(place), Signer(name="alice"))
    with pytest.raises(RefusedError, match="alice has signed this record already"):
        save(place, go_record(place), Signer(name="alice"))


def test_another_persons_key_is_refused(place: Workspace) -> None:
    people(place)
    alices = signing.key_file(place, "alice")
    with pytest.raises(RefusedError, match="expected the key of bob, found another one"):
        save(place, go_record(place), Signer(name="bob", key_file=alices))


def test_a_stranger_and_a_broken_key_sign_nothing(place: Workspace, tmp_path: Path) -> None:
    people(place)
    with pytest.raises(UsageError, match=r"\(alice, bob\), found 'carol'"):
        save(place, go_record(place), Signer(name="carol"))
    broken = tmp_path / "broken"
    broken.write_text("no key")
    broken.chmod(0o600)
    with pytest.raises(StoreError, match="expected an Ed25519 key"):
        save(place, go_record(place), Signer(name="bob", key_file=broken))
    signing.key_file(place, "bob").chmod(0o644)
    with pytest.raises(RefusedError, match="mode 600"):
        save(place, go_record(place), Signer(name="bob"))
    assert phase_records(place, LIVE) == []


def test_a_second_person_does_not_sign_what_is_no_longer_so(place: Workspace) -> None:
    people(place)
    first = save(place, go_record(place), Signer(name="alice"))
    worse = make_record(
        binding_of(place, LIVE),
        results({CheckId.S3: Status.FAIL}),
        (),
        JournalPlace(sequence=0, hash=""),
        time.time_ns(),
    )
    second = save(place, worse, Signer(name="bob"))
    assert second.path != first.path
    assert [one.name for one in second.record.signatures] == ["bob"]
    assert "it says NO_GO" in refusal(place, LIVE, time.time_ns())


def test_a_newer_no_go_ends_an_older_go_and_an_unsigned_go_does_not(place: Workspace) -> None:
    people(place)
    save(place, go_record(place), Signer(name="alice"))
    save(place, go_record(place), Signer(name="bob"))
    save(place, go_record(place), None)
    assert refusal(place, LIVE, time.time_ns()) == ""
    worse = replace(go_record(place), outcome=Outcome.NO_GO)
    save(place, worse, None)
    assert refusal(place, LIVE, time.time_ns()) != ""


def test_after_a_no_go_two_people_begin_anew(place: Workspace) -> None:
    people(place)
    save(place, go_record(place), Signer(name="alice"))
    save(place, replace(go_record(place), outcome=Outcome.NO_GO), None)
    third = save(place, go_record(place), Signer(name="bob"))
    assert [one.name for one in third.record.signatures] == ["bob"]


def test_a_record_of_other_code_waits_for_nobody(place: Workspace) -> None:
    people(place)
    old = go_record(place)
    save(
        place,
        replace(old, binding=replace(old.binding, code_digest="0" * 64)),
        Signer(name="alice"),
    )
    second = save(place, go_record(place), Signer(name="bob"))
    assert [one.name for one in second.record.signatures] == ["bob"]


def test_a_record_that_cannot_be_read_refuses(place: Workspace) -> None:
    people(place)
    save(place, go_record(place), Signer(name="alice"))
    save(place, go_record(place), Signer(name="bob"))
    (place.go_no_go_dir / "20200101_0000_shadow.json").write_text("{")
    assert "is no go/no-go record" in refusal(place, LIVE, time.time_ns())


def test_even_a_good_record_starts_nothing_without_live_execution(place: Workspace) -> None:
    people(place)
    with pytest.raises(
        RefusedError, match=r"found none: no go/no-go record of micro-live is there"
    ):
        refuse_live(place, LIVE)
    save(place, go_record(place), Signer(name="alice"))
    save(place, go_record(place), Signer(name="bob"))
    with pytest.raises(RefusedError, match=r"found one that holds; .*no live execution"):
        refuse_live(place, LIVE)


def test_an_attestation_is_kept_signed(place: Workspace) -> None:
    people(place)
    for member in (Member.O4, Member.O6):
        attest(place, member, Phase.SHADOW, Signer(name="alice"))
    assert [one.member for one in attestations(place).read()] == [Member.O4, Member.O6]
    sight = gather(place, Phase.SHADOW, time.time_ns())
    assert gate.LOCAL[CheckId.A1](sight).status is Status.PASS
    live = gather(place, LIVE, time.time_ns())
    assert gate.LOCAL[CheckId.A1](live).status is Status.INSUFFICIENT
