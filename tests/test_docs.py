"""The documents say what the code does: nothing undocumented, nothing documented that is not."""

import re
import tomllib
from enum import StrEnum
from pathlib import Path

import pytest
from polyarb.domain.book import BookFault
from polyarb.domain.market import Untradable
from polyarb.domain.plan import JointReason, SizeReason
from polyarb.domain.reasons import Denial, Guard
from polyarb.domain.selection import Unselected
from polyarb.research.scenario import DECLARATIONS, EVENTS
from polyarb.rollout.checklist import checklist_reference
from polyarb.rollout.checks import CheckId
from polyarb.rollout.drills import DrillName
from polyarb.venue.polymarket.channel.numerals import Rejection
from polyarb.venue.polymarket.signing.port import SigningRefusal
from polyarb.venue.shadow.matching import KillReason
from scripts import generate_docs

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REASONS: tuple[type[StrEnum], ...] = (
    Guard,
    Untradable,
    Unselected,
    SizeReason,
    JointReason,
    Denial,
    BookFault,
    KillReason,
    Rejection,
    SigningRefusal,
)
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|(?:src|href)=\"([^\"]+)\"")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Split the rows of every table of a text into cells; `\\|` is no border."""
    lines = (line for line in text.splitlines() if line.startswith("|") and line[1] != "-")
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines
    ]


def table(text: str, heading: str) -> list[list[str]]:
    """Return the rows below the one whose first cell is a heading."""
    begin = text.index(f"| {heading} |")
    return rows(text[begin:].partition("\n\n")[0])[1:]


def sections(text: str) -> dict[str, str]:
    """Split a text by its headings of the second level."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def test_every_command_is_documented_as_the_app_has_it() -> None:
    expected = generate_docs.command_reference()
    assert read("docs/CLI.md") == expected, "run python scripts/generate_docs.py"


@pytest.mark.parametrize("columns", ["20", "300"])
def test_the_command_reference_does_not_depend_on_the_terminal(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERMINAL_WIDTH", columns)
    assert generate_docs.command_reference() == read("docs/CLI.md")


def test_the_state_machines_are_drawn_as_the_tables_have_them() -> None:
    text = read("docs/ARCHITECTURE.md")
    assert "HALTED      -> RECONCILING" in text
    assert text == generate_docs.with_states(text), "run python scripts/generate_docs.py"


def test_a_document_that_lost_its_markers_is_not_written() -> None:
    with pytest.raises(AssertionError, match="lost its markers"):
        generate_docs.with_states("no markers here")


def test_the_reasons_are_those_of_the_code_in_its_order() -> None:
    found = sections(read("docs/REASONS.md"))
    documented = {
        name: [row[0].strip("`") for row in table(text, "reason")] for name, text in found.items()
    }
    assert documented == {reason.__name__: [str(one) for one in reason] for reason in REASONS}


def test_every_reason_is_told_in_one_sentence() -> None:
    for name, text in sections(read("docs/REASONS.md")).items():
        for reason, sentence in table(text, "reason"):
            assert re.fullmatch(r"[A-Z][^.]+\.", sentence), (name, reason, sentence)


def test_every_alert_rule_and_metric_is_documented_as_it_is() -> None:
    assert read("docs/ALERTS.md") == generate_docs.alert_reference()
    assert read("docs/METRICS.md") == generate_docs.metrics_reference()


def test_every_check_drill_and_attestation_is_documented_as_it_is() -> None:
    text = read("docs/GO_NO_GO_CHECKLIST.md")
    assert text == checklist_reference(), "run python scripts/generate_docs.py"
    rows_of_checks = table(text, "check")
    assert [row[0] for row in rows_of_checks] == list(CheckId)
    assert all(cell for row in rows_of_checks for cell in row)
    assert [row[0].strip("`") for row in table(text, "drill")] == list(DrillName)


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    targets = [one or other for one, other in _LINK.findall(text)]
    relative = [target for target in targets if not re.match(r"[a-z]+:|#", target)]
    missing = [
        target for target in relative if not (path.parent / target.partition("#")[0]).exists()
    ]
    assert not missing


def test_every_file_that_the_architecture_names_exists() -> None:
    missing = []
    for cells in rows(read("docs/ARCHITECTURE.md")):
        room = "".join(_CODE.findall(cells[0])[:1])
        for name in _CODE.findall(" ".join(cells)):
            if "/" not in name and not name.endswith((".py", ".txt", ".md")):
                continue
            within = [ROOT / "polyarb" / each for each in ("", room, "venue/sandbox/server")]
            places = (ROOT, *within)
            if not any((place / name).exists() for place in places):
                missing.append(name)
    assert not missing


def test_every_room_stands_in_the_architecture() -> None:
    package = ROOT / "polyarb"
    rooms = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    rooms |= {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    assert {row[0].strip("`") for row in table(read("docs/ARCHITECTURE.md"), "room")} == rooms


def canonical(requirement: str) -> str:
    """Name what a requirement is of, as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


def test_every_dependency_is_explained_and_every_explained_one_is_a_dependency() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    table_rows = table(read("docs/DEPENDENCIES.md"), "package")
    explained = {canonical(name) for row in table_rows for name in row[0].split(", ")}
    assert explained == {canonical(text) for text in project["dependencies"]}
    assert all(row[1] for row in table_rows)


def test_every_tool_of_development_is_explained_and_every_explained_one_is_used() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    _, _, rest = read("docs/DEPENDENCIES.md").partition("Development: ")
    listed = re.sub(r"\([^)]*\)", "", rest.partition("\n\n")[0]).partition(". ")[0]
    explained = {canonical(name.strip(" .\n")) for name in listed.split(",")}
    used = {canonical(text) for text in project["optional-dependencies"]["dev"]}
    assert explained == used - {canonical(project["name"])}, (
        "an extra of its own is explained below"
    )


def scenario_lines() -> list[tuple[str, ...]]:
    """List the lines of every scenario as words, without what is a comment."""
    paths = sorted((ROOT / "tests/scenarios").glob("*.txt"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    lines = (line.partition("#")[0].replace(",", " ").split() for line in text.splitlines())
    return [tuple(words) for words in lines if words]


def spans(heading: str) -> dict[str, set[str]]:
    """Map the first word of every span in the first column of a table to all its words."""
    found: dict[str, set[str]] = {}
    for cells in table(read("docs/SCENARIOS.md"), heading):
        for span in _CODE.findall(cells[0]):
            words = re.findall(r"[A-Za-z]+", span)
            found.setdefault(words[0], set()).update(words)
    return found


def test_every_declaration_and_event_of_a_scenario_is_explained() -> None:
    assert set(spans("declaration")) == set(DECLARATIONS)
    assert set(spans("event")) == set(EVENTS)


def test_every_expectation_that_scenarios_use_is_explained() -> None:
    used = {words[1] for words in scenario_lines() if words[0] in ("expect", "never")}
    assert len(used) > 5
    assert not used - set(spans("`expect` or `never`"))


@pytest.mark.parametrize("event", ["book", "level"])
def test_every_word_that_scenarios_use_in_market_data_is_explained(event: str) -> None:
    lines = [words[3:] for words in scenario_lines() if words[1:2] == (event,)]
    used = {word for words in lines for word in words if word.isalpha() and word.islower()}
    assert "x" in used
    assert not used - spans("event")[event]


def test_every_option_that_scenarios_use_for_a_market_is_explained() -> None:
    lines = [words[2:] for words in scenario_lines() if words[0] == "market"]
    used = {key for words in lines for key in words[::2]}
    assert "fee" in used
    assert not used - spans("declaration")["market"]


def test_the_changelog_tells_of_what_is_here() -> None:
    assert re.search(r"^## \[?(Unreleased|0\.1\.0)\]?", read("CHANGELOG.md"), re.MULTILINE)
