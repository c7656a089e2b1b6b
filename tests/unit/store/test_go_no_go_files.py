"""Files of go/no-go records: named by minute and phase, whole, never overwritten by another."""

from pathlib import Path

from polyarb.domain.drills import DrillOutcome
from polyarb.store.evidence import drill_outcomes
from polyarb.store.go_no_go import new_record_file, record_files, write_record
from polyarb.store.workspace import Workspace
from tests.go_no_go_cases import NOW_NS, outcome


def test_a_record_is_named_by_its_minute_and_phase(tmp_path: Path) -> None:
    assert new_record_file(tmp_path, "micro-live", NOW_NS).name == "20270115_0800_micro-live.json"


def test_the_second_record_of_a_minute_has_a_name_of_its_own(tmp_path: Path) -> None:
    names = []
    for number in range(3):
        path = new_record_file(tmp_path / "made", "shadow", NOW_NS)
        write_record(path, b"%d" % number, f"page {number}")
        names.append(path.name)
    assert names == [f"20270115_0800_shadow{end}.json" for end in ("", "_2", "_3")]
    assert [path.read_bytes() for path in record_files(tmp_path / "made")] == [b"0", b"1", b"2"]
    assert (tmp_path / "made" / "20270115_0800_shadow_2.md").read_text() == "page 1"


def test_no_folder_is_no_record(tmp_path: Path) -> None:
    assert record_files(tmp_path / "nowhere") == []


def test_outcomes_of_drills_are_kept_in_order(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    told = [outcome("kill"), outcome("breaker", passed=False)]
    for one in told:
        drill_outcomes(place).append(one)
    read: list[DrillOutcome] = drill_outcomes(place).read()
    assert read == told
    assert (tmp_path / "data" / "audit" / "drills.jsonl").is_file()
