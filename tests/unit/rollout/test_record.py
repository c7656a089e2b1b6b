"""Records: what they are bound to, when they die, what tampering shows, and who must sign."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import CheckId, Status
from polyarb.rollout.record import (
    SIGNERS_MIN,
    VALID_NS,
    GoNoGoRecord,
    invalidity,
    results_digest,
    signed_content,
    signers_missing,
    unfitness,
)
from polyarb.rollout.record_page import record_page
from polyarb.rollout.signing import Operator, is_signature_of, sign, signers
from polyarb.rollout.verdict import Outcome
from tests.go_no_go_cases import (
    ALICE,
    ALICE_KEY,
    BOB,
    HOUR_NS,
    NOW_NS,
    OPERATORS,
    binding,
    person,
    record,
    required,
    results,
    signed,
)

replace = msgspec.structs.replace


def whole() -> GoNoGoRecord:
    """A record that opens micro-live."""
    return signed(record(), ALICE, BOB)


def why(found: GoNoGoRecord, *, now_ns: int = NOW_NS + HOUR_NS, phase: Phase | None = None) -> str:
    return invalidity(found, binding(phase or Phase.MICRO_LIVE), OPERATORS, now_ns)


def test_a_go_record_with_two_signatures_opens_its_phase() -> None:
    assert whole().outcome is Outcome.GO
    assert why(whole()) == ""


def test_two_people_sign_every_phase_with_money_and_nobody_must_sign_shadow() -> None:
    assert {phase: SIGNERS_MIN[phase] for phase in Phase} == {
        Phase.SHADOW: 0,
        Phase.MICRO_LIVE: 2,
        Phase.CONSTRAINED: 2,
        Phase.SCALED: 2,
    }
    assert why(record(Phase.SHADOW), phase=Phase.SHADOW) == ""


def test_one_signature_is_not_enough_where_two_are_needed() -> None:
    assert why(record()) == "2 people must sign it, 0 did"
    assert why(signed(record(), ALICE)) == "2 people must sign it, 1 did"
    assert signers_missing(signed(record(), ALICE)) == 1
    assert unfitness(signed(record(), ALICE), binding(), OPERATORS, NOW_NS) == ""


def test_a_person_who_signs_twice_is_one_person() -> None:
    twice = signed(signed(record(), ALICE), ALICE, at_ns=NOW_NS + 1)
    assert why(twice) == "2 people must sign it, 1 did"


def test_two_names_with_one_key_are_one_person() -> None:
    alias = Operator(name="mallory", role="risk", public_key=ALICE.public_key)
    content = record()
    made = sign(signed_content(content), alias, ALICE_KEY, NOW_NS)
    both = replace(signed(content, ALICE), signatures=(*signed(content, ALICE).signatures, made))
    assert signers(both.signatures) == 1
    told = invalidity(both, binding(), (*OPERATORS, alias), NOW_NS + 1)
    assert told == "2 people must sign it, 1 did"


def test_one_name_with_two_keys_is_one_person() -> None:
    second, key = person("ALICE", 9)
    content = record()
    made = sign(signed_content(content), second, key, NOW_NS)
    first = signed(content, ALICE)
    both = replace(first, signatures=(*first.signatures, made))
    assert signers(both.signatures) == 1


def test_a_key_that_is_not_listed_signs_nothing() -> None:
    told = invalidity(whole(), binding(), (ALICE,), NOW_NS + 1)
    assert told == "the key of bob is not listed in config/operators.yaml"
    stranger, _ = person("bob", 3)
    told = invalidity(whole(), binding(), (ALICE, stranger), NOW_NS + 1)
    assert "the key of bob is not listed" in told


def test_it_holds_for_24_hours_and_no_longer() -> None:
    assert VALID_NS == 24 * HOUR_NS
    assert why(whole(), now_ns=NOW_NS + VALID_NS - 1) == ""
    assert "expired" in why(whole(), now_ns=NOW_NS + VALID_NS)
    assert "in the future" in why(whole(), now_ns=NOW_NS - 1)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("phase", "phase"),
        ("venue", "venue"),
        ("workspace", "workspace"),
        ("code_digest", "code"),
        ("config_digest", "configuration"),
    ],
)
def test_it_opens_nothing_else(field: str, name: str) -> None:
    value = Phase.SCALED if field == "phase" else "other"
    wanted = replace(binding(), **{field: value})
    told = invalidity(whole(), wanted, OPERATORS, NOW_NS + 1)
    assert told.startswith(f"it is of another {name}: expected {value}, found ")


def test_a_record_that_says_no_opens_nothing_however_many_sign() -> None:
    refused = signed(record(changed={CheckId.S3: Status.FAIL}), ALICE, BOB)
    assert why(refused).startswith("it says NO_GO: P0 S3 FAIL")


def test_a_changed_outcome_is_seen_even_when_signed() -> None:
    forged = replace(record(changed={CheckId.S3: Status.FAIL}), outcome=Outcome.GO, obstacles=())
    assert why(signed(forged, ALICE, BOB)) == "its outcome was changed: its results give NO_GO"


def test_a_result_that_was_changed_is_seen() -> None:
    changed = tuple(results({CheckId.O1: Status.FAIL}))
    assert "results were changed" in why(replace(whole(), checks=changed))


def test_results_changed_together_with_their_digest_break_the_signatures() -> None:
    checks, needed = tuple(results()), tuple(required(Status.PASS, Status.PASS))
    forged = replace(whole(), requirements=needed, results_digest=results_digest(checks, needed))
    assert why(forged) == "the signature of alice is not of this content"


def test_a_longer_life_is_seen() -> None:
    assert "expiry was changed" in why(replace(whole(), expires_ns=NOW_NS + 2 * VALID_NS))


def test_a_record_moved_in_time_breaks_its_signatures() -> None:
    moved = replace(whole(), created_ns=NOW_NS + HOUR_NS, expires_ns=NOW_NS + HOUR_NS + VALID_NS)
    assert "signature of alice" in why(moved, now_ns=NOW_NS + 2 * HOUR_NS)


def test_a_record_of_another_version_is_not_read_as_this_one() -> None:
    assert why(replace(whole(), version=2)) == "it is of version 2, expected 1"


@pytest.mark.parametrize("at_ns", [NOW_NS - 1, NOW_NS + 2 * HOUR_NS])
def test_a_signature_lies_between_the_record_and_now(at_ns: int) -> None:
    told = why(signed(record(), ALICE, BOB, at_ns=at_ns))
    assert told == "a signature is older than the record or lies in the future"


def test_a_signature_does_not_move_to_another_record() -> None:
    taken = whole().signatures
    other = record(changed={CheckId.O1: Status.FAIL})
    assert "signature of alice" in why(replace(other, signatures=taken))


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_any_flipped_bit_of_a_signature_is_seen(at: int, bit: int) -> None:
    found = whole()
    raw = bytearray.fromhex(found.signatures[0].signature)
    raw[at % len(raw)] ^= 1 << bit
    changed = replace(found.signatures[0], signature=raw.hex())
    told = why(replace(found, signatures=(changed, found.signatures[1])))
    assert told == "the signature of alice is not of this content"


@pytest.mark.parametrize("text", ["", "zz", "00" * 63])
def test_what_is_no_signature_is_none(text: str) -> None:
    broken = replace(whole().signatures[0], signature=text)
    assert not is_signature_of(b"content", broken)
    assert not is_signature_of(b"content", replace(broken, public_key=text))


def test_a_record_survives_its_file() -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(whole()), type=GoNoGoRecord)
    assert decoded == whole()
    assert why(decoded) == ""


def test_the_page_tells_outcome_bounds_checks_and_who_signed() -> None:
    changed = {CheckId.O1: Status.FAIL}
    page = record_page(signed(record(changed=changed), ALICE, BOB))
    made = datetime.fromtimestamp(NOW_NS / 1e9, UTC)
    assert page.startswith("# GO WITH WARNINGS: micro-live on polymarket\n")
    assert f"Made {made:%Y-%m-%d %H:%M:%S} UTC" in page
    assert "- P1 O1 FAIL: the machine has room\n- to be mended by alice until " in page
    assert page.count("\n| ") == 22 + 1 + 2
    assert "Signatures needed: 2.\n\n- alice (trader), " in page


def test_the_page_of_a_no_go_says_what_stands_against_it() -> None:
    page = record_page(record(changed={CheckId.S3: Status.FAIL}))
    assert page.startswith("# NO-GO: micro-live on polymarket\n")
    assert "- P0 S3 FAIL: keys and secrets are ours alone\n\n" in page
    assert "to be mended" not in page


def test_the_page_of_an_unsigned_record_says_so() -> None:
    page = record_page(record(Phase.SHADOW, {CheckId.O1: Status.FAIL}))
    assert "to be mended by whoever starts the phase" in page
    assert page.endswith("Signatures needed: 0.\n")
    assert record_page(record(Phase.SHADOW)).startswith("# GO: shadow on polymarket\n")
