"""Scenario files of the sandbox: read strictly, every fault told with file, line and key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.config.document import parse_document
from polyarb.config.nodes import Layer, Origin
from polyarb.config.scenario_keys import CrowdKeys, MakerKeys, NewsKeys, ScenarioKeys, TakerKeys
from polyarb.config.scenario_reference import SCENARIO_SECTIONS, scenario_reference
from polyarb.config.scenario_rules import SCENARIO_RULES
from polyarb.config.scenarios import (
    list_scenarios,
    load_scenario,
    read_scenario,
    scenario_names,
)
from polyarb.config.schema import Keys
from polyarb.domain.errors import StoreError, UsageError
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.units import MICRO, ONE, format_micros
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.flow.scenario import (
    ArmedFault,
    EventKind,
    MakerTerms,
    NewsTerms,
    Resolution,
    TakerTerms,
)
from polyarb.venue.sandbox.terms.faults import FaultKind

Write = Callable[[str], Workspace]

WHOLE = """\
title: Whole
description: Every key once.
categories:
  Sports: {fee_rate: 0.05, hold_ms: 1000}
  Free: {fee_rate: 0}
crowds:
  few:
    makers: {count: 2, levels: 4, half_spread: 0.02, step: 0.005, size: 60, stray: 0.001,
             review_s: 60, refill_ms: 100, reaction_ms: 200, inventory_max: 700, fade: 0.03}
    takers: {per_hour: 1.5, size: 30}
    news: {per_day: 0.5, jump: 0.05, walk: 0.002, informed: 2, informed_ms: 300, informed_size: 40}
rivals:
- {name: fast, latency_ms: 50, edge_min: 0.004, shares_max: 25, pause_ms: 9}
events:
- slug: cup
  title: Who wins the cup?
  kind: neg-risk
  category: Sports
  crowd: few
  convert_fee_bips: 20
  ends_days: 5
  markets:
  - {slug: cup-a, question: 'A?', price: 0.6, tick: 0.001, size_min: 10}
  - {slug: cup-b, question: 'B?', price: 0.4}
- slug: rain
  title: Rain?
  category: Free
  markets:
  - {slug: rain, question: 'Rain?', price: 0.3}
faults:
- {kind: ghost-fill, at_s: 60, market: cup-a, share: 0.5, skip: 2, times: 3, amount: 1}
resolutions:
- {market: rain, at_s: 100, pays: 0.5}
- {market: cup-a, at_s: 100, pays: 1}
accounts: {count: 4, pusd: 250}
exchange: {batch_orders_max: 10, restart_ms: 5000}
chain: {block_ms: 1000, confirmations: 3}
settlement: {submit_ms: 1, retry_ms: 2, tries_max: 4}
"""


@pytest.fixture
def write(workspace: Workspace) -> Write:
    def put(text: str) -> Workspace:
        (workspace.scenarios_dir / "own.yaml").write_text(text, encoding="utf-8")
        return workspace

    return put


def refused(workspace: Workspace) -> str:
    with pytest.raises(UsageError) as caught:
        load_scenario("own", workspace)
    return str(caught.value)


def test_the_shipped_scenarios_load_and_are_listed(workspace: Workspace) -> None:
    assert scenario_names(workspace) == ("default", "quiet", "rich", "sparse")
    told = {one.name: one for one in list_scenarios(workspace)}
    assert 20 <= told["default"].markets <= 30 and told["default"].groups in (3, 4)
    assert told["quiet"].takers_per_hour == told["quiet"].jumps_per_day == told["quiet"].rivals == 0
    assert "not like the real venue" in told["rich"].title
    assert all(one.title and one.description for one in told.values())
    assert told["default"].takers_per_hour > told["sparse"].takers_per_hour > 0


def test_the_quiet_scenario_has_what_conformance_needs(workspace: Workspace) -> None:
    quiet = load_scenario("quiet", workspace)
    assert quiet.accounts.count >= 3 and quiet.accounts.pusd >= 100 * MICRO
    kinds = {event.kind for event in quiet.events}
    assert EventKind.NEG_RISK in kinds
    assert any(
        event.kind is EventKind.PLAIN and event.markets[0].tick == 10_000 for event in quiet.events
    )
    assert not quiet.rivals and not quiet.faults and not quiet.resolutions


def test_every_key_is_read(write: Write) -> None:
    scenario = load_scenario("own", write(WHOLE))
    assert scenario.name == "own" and scenario.title == "Whole"
    sports = scenario.category("Sports")
    assert sports.fee == FeeSchedule(rate=500) and sports.hold_ms == 1_000
    crowd = scenario.crowd("few")
    assert crowd is not None and scenario.crowd("") is None
    assert crowd.makers == MakerTerms(
        count=2,
        levels=4,
        half_spread=20_000,
        step=5_000,
        size=60 * MICRO,
        stray=1_000,
        review_s=60,
        refill_ms=100,
        reaction_ms=200,
        inventory_max=700 * MICRO,
        fade=30_000,
    )
    assert crowd.takers == TakerTerms(per_hour=1_500_000, size=30 * MICRO)
    assert crowd.news == NewsTerms(
        per_day=500_000,
        jump=50_000,
        walk=2_000,
        informed=2,
        informed_ms=300,
        informed_size=40 * MICRO,
    )
    cup, rain = scenario.events
    assert (cup.kind, cup.convert_fee_bips, cup.ends_days) == (EventKind.NEG_RISK, 20, 5)
    assert [market.price for market in cup.markets] == [600_000, 400_000]
    assert (cup.markets[0].tick, cup.markets[0].size_min) == (1_000, 10 * MICRO)
    assert rain.crowd == "" and rain.kind is EventKind.PLAIN
    assert [market.slug for market in scenario.markets] == ["cup-a", "cup-b", "rain"]
    (rival,) = scenario.rivals
    assert (rival.latency_ms, rival.edge_min, rival.pause_ms) == (50, 4_000, 9)
    assert scenario.faults == (
        ArmedFault(
            kind=FaultKind.GHOST_FILL,
            at_s=60,
            market="cup-a",
            share=0.5,
            skip=2,
            times=3,
            amount=1,
        ),
    )
    assert scenario.resolutions[0] == Resolution(market="rain", at_s=100, pays=500_000)
    assert (scenario.accounts.count, scenario.accounts.pusd) == (4, 250 * MICRO)
    assert (scenario.exchange.batch_orders_max, scenario.exchange.restart_ms) == (10, 5_000)
    assert (scenario.chain.block_ms, scenario.settlement.tries_max) == (1_000, 4)


def test_a_file_anywhere_is_loaded_by_its_path(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    assert load_scenario(str(path), workspace).name == "elsewhere"
    with pytest.raises(StoreError, match=r"absent\.yaml"):
        load_scenario(str(tmp_path / "absent.yaml"), workspace)


def test_an_unknown_name_is_told_with_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match=r"config/scenarios: scenario: expected default \(the n"):
        load_scenario("defualt", workspace)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title: Whole", "titel: Whole", "own.yaml:1: titel: expected title (the nearest)"),
        ("title: Whole\n", "", "title: expected this key, found nothing"),
        ("fee_rate: 0.05", "fee: 0.05", "own.yaml:4: categories.Sports.fee: expected fee_rate"),
        ("fee_rate: 0.05", "fee_rate: 0.9", "categories.Sports.fee_rate: expected a plain decimal"),
        ("count: 2", "count: two", "crowds.few.makers.count: expected a whole number from 1 to 20"),
        ("levels: 4", "level: 4", "crowds.few.makers.level: expected levels (the nearest)"),
        ("per_hour: 1.5", "per_hour: -1", "crowds.few.takers.per_hour: expected a plain decimal"),
        ("  few:\n", "  few: 3\n  other:\n", "crowds.few: expected a section, found the number 3"),
        ("kind: neg-risk", "kind: negrisk", "events[0].kind: expected neg-risk (the nearest)"),
        ("slug: cup-b", "slog: cup-b", "own.yaml:24: events[0].markets[1].slog: expected slug"),
        ("price: 0.3}", "price: 0}", "events[1].markets[0].price: expected a plain decimal"),
        ("latency_ms: 50", "latency: 50", "rivals[0].latency: expected latency_ms"),
        ("kind: ghost-fill", "kind: ghost", "faults[0].kind: expected ghost-fill (the nearest)"),
        ("pays: 0.5", "pays: 2", "resolutions[0].pays: expected a plain decimal from 0 to 1"),
        ("accounts: {count: 4", "accounts: {count: 2", "accounts.count: expected a whole number"),
        ("pusd: 250", "pusd: 99", "accounts.pusd: expected a plain decimal from 100 to"),
        ("chain: {", "chains: {", "chains: expected chain (the nearest), found an unknown key"),
        ("rivals:\n- {name: fast", "rivals:\n  {name: fast", "rivals: expected a list of sections"),
        ("- {market: rain, at_s: 100, pays: 0.5}", "- rain", "resolutions[0]: expected a section"),
        ("  Free: {fee_rate: 0}", "  Free: {fee_rate: 0.00001}", "categories.Free.fee_rate:"),
    ],
)
def test_a_fault_is_told_with_its_key(write: Write, old: str, new: str, told: str) -> None:
    assert WHOLE.count(old) == 1
    assert told in refused(write(WHOLE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("slug: rain\n  title", "slug: cup\n  title", "events[1].slug: expected a slug of its own"),
        ("slug: cup-b", "slug: cup-a", "events[0].markets[1].slug: expected a slug of its own"),
        ("category: Free", "category: Fre", "events[1].category: expected Free (the nearest)"),
        ("crowd: few", "crowd: fewer", "events[0].crowd: expected few (the nearest)"),
        ("rivals:\n", "rivals:\n- {name: fast}\n", "rivals[1].name: expected a name of its own"),
        ("price: 0.4}", "price: 0.39}", "events[0].markets: expected prices that sum to 1, found"),
        ("tick: 0.001", "tick: 0.002", "events[0].markets[0].tick: expected one of 0.1, 0.01"),
        ("price: 0.3}", "price: 0.005}", "events[1].markets[0].price: expected at least a tick"),
        ("kind: neg-risk\n", "kind: plain\n", "events[0].convert_fee_bips: expected 0 outside"),
        ("market: cup-a, share", "market: cup-x, share", "faults[0].market: expected cup-"),
        ("at_s: 60,", "at_s: 60, scope: x,", "faults[0].scope: expected a scope or a market"),
        ("skip: 2, times: 3, amount: 1", "amount: 9999", "faults[0].amount: expected 0 to 1000"),
        ("- {market: rain,", "- {market: rian,", "resolutions[0].market: expected rain"),
        (
            "market: cup-a, at_s: 100",
            "market: rain, at_s: 9",
            "expected one resolution of a market",
        ),
        ("pays: 1}", "pays: 0.5}", "resolutions[1].pays: expected 0 or 1 in a neg-risk group"),
        ("pays: 0.5}", "pays: 0.4}", "resolutions[0].pays: expected 0, 0.5 or 1"),
        (
            "- {market: cup-a, at_s: 100, pays: 1}",
            "- {market: cup-a, at_s: 100, pays: 1}\n- {market: cup-b, at_s: 100, pays: 1}",
            "resolutions[2].pays: expected one winner in cup, found 2",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(write: Write, old: str, new: str, told: str) -> None:
    assert WHOLE.count(old) == 1
    assert told in refused(write(WHOLE.replace(old, new)))


def test_a_nested_event_lists_its_markets_widest_first(write: Write) -> None:
    nested = WHOLE.replace("kind: neg-risk", "kind: nested").replace("  convert_fee_bips: 20\n", "")
    load_scenario("own", write(nested))
    told = refused(write(nested.replace("price: 0.4}", "price: 0.7}")))
    assert "own.yaml:23: events[0].markets[1].price: expected at most that of the market" in told


def test_an_event_that_depends_needs_two_markets(write: Write) -> None:
    alone = WHOLE.replace("  - {slug: cup-b, question: 'B?', price: 0.4}\n", "")
    assert "expected 2 to 256 markets in a neg-risk event, found 1" in refused(write(alone))
    empty = "title: None\ncategories: {}\nevents: []\n"
    assert "events: expected at least one event, found none" in refused(write(empty))


def test_all_faults_of_a_file_are_told_at_once(write: Write) -> None:
    broken = WHOLE.replace("count: 2", "count: 0").replace("pusd: 250", "pusd: x")
    told = refused(write(broken)).splitlines()
    assert len(told) == 2


def test_every_rule_between_figures_is_planted_against() -> None:
    assert len(SCENARIO_RULES) == 8


def test_the_document_tells_every_key_as_the_code_has_it(root: Path) -> None:
    text = (root / "docs" / "SCENARIOS.md").read_text(encoding="utf-8")
    assert scenario_reference().rstrip("\n") in text


def test_the_reference_has_every_section() -> None:
    models = {model for _, model in SCENARIO_SECTIONS}
    named = {ScenarioKeys, MakerKeys, TakerKeys, NewsKeys}
    assert named <= models and CrowdKeys not in models
    assert all(issubclass(model, Keys) and model.__doc__ for model in models)


@given(
    parts=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    count=st.integers(1, 20),
    size=st.integers(MICRO, 1_000_000 * MICRO),
)
def test_what_is_written_is_what_is_read(parts: list[int], count: int, size: int) -> None:
    step = ONE // (sum(parts) * 100) * 100
    prices = [part * step for part in parts]
    prices[0] += ONE - sum(prices)
    lines = [
        "title: Written",
        "categories: {A: {fee_rate: 0.04}}",
        f"crowds: {{c: {{makers: {{count: {count}, size: {format_micros(size)}}}}}}}",
        "events:",
        "- {slug: e, title: E, kind: neg-risk, category: A, crowd: c, markets: [",
        ", ".join(
            f"{{slug: m{at}, question: q, price: {format_micros(price)}, tick: 0.0001}}"
            for at, price in enumerate(prices)
        )
        + "]}",
    ]
    root = parse_document("\n".join(lines), Origin(Layer.CONFIG, "written.yaml"))
    scenario = read_scenario(root, "written")
    assert [market.price for market in scenario.markets] == prices
    crowd = scenario.crowd("c")
    assert crowd is not None and (crowd.makers.count, crowd.makers.size) == (count, size)
