"""The plan and the runbook say what the program has: its rules, its figures, its documents."""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from polyarb.alerts.alert import Action
from polyarb.alerts.rules import Rule
from polyarb.config import load_phase_profile
from polyarb.domain.limits import Phase, Profile
from polyarb.domain.units import MICRO, format_micros
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.alerting import STOPPING

from tests.alert_rules import shipped
from tests.conftest import ROOT
from tests.runbook_cases import PLAN, RUNBOOK, anchors, slug
from tests.test_docs import documents, rows, sections

ENTRY = re.compile(r"^#### ([A-Z0-9_]+)\n(.*?)(?=^#{2,4} |\Z)", re.MULTILINE | re.DOTALL)
LABELS = ("Means", "Done already", "Look", "Likely causes", "Remedy", "Resume")
PHASES = tuple(Phase)


# Alerts


def entries() -> dict[str, str]:
    return dict(ENTRY.findall(RUNBOOK.read_text(encoding="utf-8")))


def test_every_rule_has_an_entry_and_every_entry_a_rule() -> None:
    rules = shipped().rules
    assert list(entries()) == [rule.rule_id for rule in rules]


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.rule_id)
def test_the_link_of_a_rule_leads_to_its_entry(rule: Rule) -> None:
    path, _, anchor = rule.runbook.partition("#")
    assert ROOT / path == RUNBOOK
    assert anchor == slug(rule.rule_id)
    assert anchor in anchors(RUNBOOK.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.rule_id)
def test_an_entry_says_all_that_is_asked(rule: Rule) -> None:
    entry = entries()[rule.rule_id]
    places = [entry.find(f"* **{label}**") for label in LABELS]
    assert -1 not in places and places == sorted(places)
    assert "```sh\n" in entry


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.rule_id)
def test_an_entry_says_what_the_actions_of_its_rule_did(rule: Rule) -> None:
    (done,) = re.findall(
        r"\* \*\*Done already\*\*:(.*?)^\* \*\*Look", entries()[rule.rule_id], re.DOTALL | re.M
    )
    # Some rules do something else in some phases; the entry says both.
    actions = set(rule.actions).union(*rule.actions_in.values())
    # The breaker halts by itself, before its rule fires.
    latches = bool(actions & STOPPING) or rule.rule_id == "CIRCUIT_BREAKER_OPEN"
    assert ("latched" in done) == latches
    assert ("reduced" in done) == (Action.REDUCE in actions)
    assert ("ended the process" in done) == (Action.KILL in actions)
    if not latches and Action.REDUCE not in actions and rule.rule_id != "CLOCK_OFFSET":
        assert re.match(r"\s(told|recorded)", done)


def test_every_action_is_explained() -> None:
    told = sections(RUNBOOK.read_text(encoding="utf-8"))["3 Alerts"]
    table = told[told.index("| action |") :].partition("\n\n")[0]
    assert [row[0] for row in rows(table)[1:]] == list(Action)


# The plan


def plan_rows(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading of any level."""
    text = PLAN.read_text(encoding="utf-8")
    begin = re.search(rf"^#+ {re.escape(heading)}$", text, re.MULTILINE)
    assert begin is not None, heading
    table = text[begin.end() :]
    return rows(table[table.index("\n|") + 1 :].partition("\n\n")[0])


def profile_of(phase: Phase) -> Profile:
    return load_phase_profile(Workspace(ROOT), phase).profile


FIGURES: dict[str, Callable[[Profile], str]] = {
    "profile": lambda profile: f"`{profile.name}`",
    "run": lambda profile: profile.run,
    "trade size, USD": lambda profile: format_micros(profile.sizing.trade_size),
    "trade size at most (ceiling), USD": lambda profile: format_micros(
        profile.sizing.trade_size_ceiling
    ),
    "all positions, USD": lambda profile: format_micros(profile.envelope.open_notional_max),
    "daily stop, USD": lambda profile: format_micros(profile.envelope.daily_loss_max),
    "edge at least, fraction": lambda profile: format_micros(profile.sizing.edge_fraction_min),
    "slippage at most, fraction": lambda profile: format_micros(
        profile.sizing.slippage_fraction_max
    ),
    "broken sets in a row, breaker": lambda profile: str(profile.breaker.consecutive_failures_max),
    "broken share, breaker": lambda profile: format_micros(profile.breaker.failure_fraction_max),
}
AGREED = {
    "wallet, USD": ["-", "10–20", "50–100", "200–500"],
    "allowance, USD, never unlimited": ["-", "20", "50", "200"],
    "days": ["7–14", "14–21", "21–30", "open"],
}
"""What no profile holds. Source: production-kit.md, 1."""


def test_the_figures_of_the_phases_are_those_of_their_profiles() -> None:
    head, *table = plan_rows("The four phases")
    assert head[1:] == list(PHASES)
    found = {row[0]: row[1:] for row in table}
    profiles = [profile_of(phase) for phase in PHASES]
    expected = {name: [str(read(one)) for one in profiles] for name, read in FIGURES.items()}
    assert found == {**expected, **AGREED}


CRITERIA: dict[tuple[str, str], list[str]] = {
    ("Entry", "micro-live"): ["7"],
    ("Entry", "constrained"): ["5"],
    ("Entry", "scaled"): ["50"],
    ("Success", "shadow"): ["7", "95", "95", "500"],
    ("Success", "micro-live"): ["7", "3", "10", "50", "90", "2.5"],
    ("Success", "constrained"): ["14", "10", "1.0", "20", "60"],
    ("Success", "scaled"): ["30", "5", "1.5", "15", "70"],
    ("Kill", "shadow"): ["1", "80", "10"],
    ("Kill", "micro-live"): ["5", "2", "1", "20", "3", "3", "5"],
    ("Kill", "constrained"): ["10", "30", "30", "30", "5", "0.5"],
    ("Kill", "scaled"): ["20", "25", "15", "40", "7", "2"],
    ("Exit", "shadow"): ["7"],
    ("Exit", "micro-live"): ["14", "50", "0"],
    ("Exit", "constrained"): ["21", "200", "20"],
    ("Exit", "scaled"): ["5"],
}
"""The numbers of each phase's criteria in their order. Source: production-kit.md, 0 and 1."""


@pytest.mark.parametrize("key", CRITERIA, ids="-".join)
def test_the_criteria_have_the_agreed_figures(key: tuple[str, str]) -> None:
    heading, phase = key
    told = " ".join(row[1] for row in plan_rows(heading)[1:] if row[0] == phase)
    assert re.findall(r"\d+(?:\.\d+)?", told) == CRITERIA[key]


def test_every_rule_that_the_plan_names_is_shipped() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PLAN.read_text(encoding="utf-8")))
    assert named and named <= {rule.rule_id for rule in shipped().rules}


def test_the_least_time_adds_up() -> None:
    spans = [text.split("–") for text in AGREED["days"][:3]]
    least, most = (list(map(int, column)) for column in zip(*spans, strict=True))
    table = plan_rows("How long it takes at least")[1:]
    for count, row in enumerate(table[:3], start=1):
        assert int(row[1].split("= ")[-1]) == sum(least[:count])
        assert row[2] == f"{sum(least[:count])}–{sum(most[:count])}"
    judged = sum(least) + 30
    assert table[3][1:] == [f"{sum(least)} + 30 = {judged}", f"{judged}–{sum(most) + 30}"]


def test_the_trades_that_a_profit_takes_add_up() -> None:
    _, _, tail = PLAN.read_text(encoding="utf-8").partition("| to earn |")
    table = rows("| to earn |" + tail.partition("\n\n")[0])[1:]
    phases = (Phase.MICRO_LIVE, Phase.CONSTRAINED, Phase.CONSTRAINED)
    for (goal, earned, needed, at_ceiling, needed_there), phase in zip(table, phases, strict=True):
        sizing = profile_of(phase).sizing
        edge, usd = Fraction(sizing.edge_fraction_min, MICRO), int(goal.split()[0])
        sizes = (sizing.trade_size, sizing.trade_size_ceiling)
        each, most = (Fraction(size, MICRO) * edge for size in sizes)
        assert earned == (
            f"{format_micros(sizing.trade_size)} × {format_micros(sizing.edge_fraction_min)}"
            f" = {float(each):g} USD"
        )
        assert at_ceiling == f"{float(most):g} USD"
        assert (int(needed), int(needed_there)) == (math.ceil(usd / each), math.ceil(usd / most))


# Links


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_anchor_of_a_link_is_a_heading_there(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) or "#" not in target:
            continue
        name, _, anchor = target.partition("#")
        place = path.parent / name if name else path
        if place.suffix == ".md" and anchor not in anchors(place.read_text(encoding="utf-8")):
            missing.append(target)
    assert not missing


def test_every_document_is_listed() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[[^\]]+\]\(([A-Z_]+\.md)\) \|", text, re.MULTILINE)
    written = {path.name for path in (ROOT / "docs").glob("*.md")} - {"ARCHITECTURE.md"}
    assert sorted(listed) == sorted(written)
