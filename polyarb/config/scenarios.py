"""Scenarios of the sandbox from YAML: strictly read, every fault told with file, line and key."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from polyarb.config.document import read_document
from polyarb.config.faults import Fault, nearest, refuse
from polyarb.config.nodes import Items, Layer, Node, Origin, Section, describe
from polyarb.config.scenario_keys import (
    CategoryKeys,
    CrowdKeys,
    EventKeys,
    FaultKeys,
    MarketKeys,
    ResolutionKeys,
    RivalKeys,
    ScenarioKeys,
)
from polyarb.config.scenario_rules import clashes
from polyarb.config.schema import Keys
from polyarb.config.validate import validate
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.units import MICRO, format_micros
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.flow.scenario import (
    AccountTerms,
    ArmedFault,
    Category,
    ChainTerms,
    Crowd,
    EventKind,
    EventTerms,
    MakerTerms,
    MarketTerms,
    NewsTerms,
    Resolution,
    RivalTerms,
    Scenario,
    TakerTerms,
)
from polyarb.venue.sandbox.terms.settings import ExchangeSettings, SettlementSettings

SUFFIX = ".yaml"
_RATE_STEP = 100
K = TypeVar("K", bound=Keys)


class ScenarioSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What `sandbox scenarios` tells of one.

    Shape: groups are its neg-risk events; per hour are the expected takers' orders and, per day,
    the jumps of news, both of all markets together.
    """

    name: str
    title: str
    description: str
    markets: int
    groups: int
    takers_per_hour: float
    jumps_per_day: float
    rivals: int


def scenario_names(workspace: Workspace) -> tuple[str, ...]:
    """List the scenarios of a workspace by name."""
    return tuple(sorted(path.stem for path in workspace.scenarios_dir.glob(f"*{SUFFIX}")))


def list_scenarios(workspace: Workspace) -> tuple[ScenarioSummary, ...]:
    """Tell of every scenario of a workspace.

    Errors: UsageError with everything wrong in the first file that has a fault.
    """
    return tuple(summary_of(load_scenario(name, workspace)) for name in scenario_names(workspace))


def load_scenario(name_or_path: str, workspace: Workspace) -> Scenario:
    """Load a scenario by its name, or from a file anywhere (a name that ends in .yaml).

    Errors: UsageError with file, line and key of everything wrong, StoreError of an unreadable
    file.
    """
    path = _path(name_or_path, workspace)
    return read_scenario(
        read_document(path, Origin(Layer.CONFIG, workspace.shown(path))), path.stem
    )


def read_scenario(root: Section, name: str) -> Scenario:
    """Read a scenario from what its file says. Errors: UsageError with everything wrong."""
    faults: list[Fault] = []
    scenario = _scenario(root, name, faults)
    if scenario is None or faults:
        refuse(faults)
    return scenario


def summary_of(scenario: Scenario) -> ScenarioSummary:
    """Sum up what a scenario lists and how fast it goes."""
    crowds = {crowd.name: crowd for crowd in scenario.crowds}
    flowing = [event for event in scenario.events if event.crowd]
    takers = sum(len(each.markets) * crowds[each.crowd].takers.per_hour for each in flowing)
    jumps = sum(crowds[event.crowd].news.per_day for event in flowing)
    return ScenarioSummary(
        name=scenario.name,
        title=scenario.title,
        description=scenario.description,
        markets=len(scenario.markets),
        groups=sum(event.kind is EventKind.NEG_RISK for event in scenario.events),
        takers_per_hour=takers / MICRO,
        jumps_per_day=jumps / MICRO,
        rivals=len(scenario.rivals),
    )


def _path(name_or_path: str, workspace: Workspace) -> Path:
    if name_or_path.endswith(SUFFIX):
        return Path(name_or_path)
    names = scenario_names(workspace)
    if name_or_path not in names:
        folder = workspace.shown(workspace.scenarios_dir)
        refuse([Fault(folder, "scenario", nearest(name_or_path, names), name_or_path)])
    return workspace.scenarios_dir / f"{name_or_path}{SUFFIX}"


def _scenario(root: Section, name: str, faults: list[Fault]) -> Scenario | None:
    keys = _read(ScenarioKeys, root, "", faults)
    categories = tuple(_categories(root, faults))
    crowds = tuple(_crowds(root, faults))
    events = tuple(_events(root, faults))
    rivals = tuple(
        RivalTerms(**found.model_dump()) for found in _listed(RivalKeys, root, "rivals", faults)
    )
    armed = tuple(_armed(found) for found in _listed(FaultKeys, root, "faults", faults))
    endings = _listed(ResolutionKeys, root, "resolutions", faults)
    if keys is None or faults:
        return None
    scenario = Scenario(
        name=name,
        title=keys.title,
        description=keys.description,
        accounts=AccountTerms(**keys.accounts.model_dump()),
        categories=categories,
        events=events,
        crowds=crowds,
        rivals=rivals,
        faults=armed,
        resolutions=tuple(Resolution(**found.model_dump()) for found in endings),
        exchange=ExchangeSettings(**keys.exchange.model_dump()),
        chain=ChainTerms(**keys.chain.model_dump()),
        settlement=SettlementSettings(**keys.settlement.model_dump()),
    )
    faults += clashes(scenario, root)
    return scenario


def _read(model: type[K], node: Node, path: str, faults: list[Fault]) -> K | None:
    """Read one section; its faults bear the names of the keys from the root of the file."""
    if not isinstance(node, Section):
        faults.append(Fault(node.origin.place, path, "a section", describe(node)))
        return None
    keys, found = validate(model, node)
    before = f"{path}." if path else ""
    faults += [replace(fault, key=f"{before}{fault.key}") for fault in found]
    return keys


def _listed(
    model: type[K], section: Section, key: str, faults: list[Fault], *, path: str = ""
) -> list[K]:
    read = [_read(model, node, name, faults) for name, node in _entries(section, key, path)]
    return [keys for keys in read if keys is not None]


def _entries(section: Section, key: str, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield the entries of a list, each with its name from the root of the file."""
    node = section.entries.get(key)
    if isinstance(node, Items):
        for at, item in enumerate(node.nodes):
            yield f"{path}{key}[{at}]", item


def _named(section: Section, key: str) -> Iterator[tuple[str, Node]]:
    node = section.entries.get(key)
    if isinstance(node, Section):
        yield from node.entries.items()


def _categories(root: Section, faults: list[Fault]) -> Iterator[Category]:
    for name, node in _named(root, "categories"):
        path = f"categories.{name}"
        keys = _read(CategoryKeys, node, path, faults)
        if keys is not None and keys.fee_rate % _RATE_STEP:
            place, found = node.origin.place, format_micros(keys.fee_rate)
            faults.append(Fault(place, f"{path}.fee_rate", "at most four decimals", found))
        elif keys is not None:
            schedule = FeeSchedule(rate=keys.fee_rate // _RATE_STEP)
            yield Category(name=name, fee=schedule, hold_ms=keys.hold_ms)


def _crowds(root: Section, faults: list[Fault]) -> Iterator[Crowd]:
    for name, node in _named(root, "crowds"):
        keys = _read(CrowdKeys, node, f"crowds.{name}", faults)
        if keys is not None:
            yield Crowd(
                name=name,
                makers=MakerTerms(**keys.makers.model_dump()),
                takers=TakerTerms(**keys.takers.model_dump()),
                news=NewsTerms(**keys.news.model_dump()),
            )


def _events(root: Section, faults: list[Fault]) -> Iterator[EventTerms]:
    for path, node in _entries(root, "events"):
        keys = _read(EventKeys, node, path, faults)
        if not isinstance(node, Section):
            continue
        markets = _listed(MarketKeys, node, "markets", faults, path=f"{path}.")
        if keys is not None:
            fields = keys.model_dump(exclude={"markets"})
            terms = tuple(MarketTerms(**market.model_dump()) for market in markets)
            yield EventTerms(**{**fields, "markets": terms})


def _armed(keys: FaultKeys) -> ArmedFault:
    fields = keys.model_dump()
    fields["share"] = keys.share / MICRO
    fields["times"] = keys.times or None
    return ArmedFault(**fields)
