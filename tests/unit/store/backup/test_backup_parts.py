import pytest
from polyarb.store.backup.parts import PARTS, belongs, is_allowed, is_journal, is_tape

IN = (
    "config/config.yaml",
    "config/profiles/custom/mine.yml",
    ".env.example",
    "data/alerts/alerts.jsonl",
    "data/audit/config_changes.jsonl",
    "data/control/halt.json",
    "data/runs/run-1.json",
    "data/lease.json",
    "data/instruments/v1.json",
    "data/samples/tape.jsonl.gz",
    "reports/go_no_go/20260607/record.json",
)
OUT = (
    ".env",
    "config/.env",
    "config/keystore.json",
    "config/profiles/custom/README.md",
    "data/control/inbox/1-a.json",
    "data/status.json",
    "data/lock",
    "data/polyarb-x.log",
    "data/alerts/.alerts_state.json.1.new",
    "data/alerts/alerts.jsonl.lock",
    "reports/daily/20260607.md",
    "backups/20260607_1200/manifest.json",
)
OF_THEIR_OWN = (
    "data/events.jsonl",
    "data/journal/000000000001.jsonl",
    "data/journal/torn-3.bin",
    "data/polyarb.db",
    "data/tape/run-1/20260607/12-0000.jsonl.gz",
    "metadata.json",
)


@pytest.mark.parametrize("path", IN)
def test_what_belongs_into_a_backup_is_of_one_part(path: str) -> None:
    assert sum(belongs(path, part) for part in PARTS) == 1
    assert is_allowed(path)


@pytest.mark.parametrize("path", OUT)
def test_what_does_not_belong_is_of_no_part_and_not_allowed(path: str) -> None:
    assert not any(belongs(path, part) for part in PARTS)
    assert not is_allowed(path)


@pytest.mark.parametrize("path", OF_THEIR_OWN)
def test_journal_database_and_tapes_are_allowed_beside_the_parts(path: str) -> None:
    assert not any(belongs(path, part) for part in PARTS)
    assert is_allowed(path)
    assert is_journal(path) == path.startswith(("data/events", "data/journal"))
    assert is_tape(path) == path.startswith("data/tape")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../config/config.yaml",
        "config/../../config/a.yaml",
        "config/./a.yaml",
        "config//a.yaml",
        "config/a\\b.yaml",
        "config/a\0.yaml",
        "config",
        "",
        ".",
        "data/journal/1.jsonl",
        "data/journal/x/000000000001.jsonl",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_not_allowed(path: str) -> None:
    assert not is_allowed(path)
