"""The tables of docs/SCENARIOS.md that tell every key of a scenario file, written from the code."""

from inspect import cleandoc

from polyarb.config.reference import key_table
from polyarb.config.scenario_keys import (
    AccountKeys,
    CategoryKeys,
    ChainKeys,
    EventKeys,
    ExchangeKeys,
    FaultKeys,
    MakerKeys,
    MarketKeys,
    NewsKeys,
    ResolutionKeys,
    RivalKeys,
    ScenarioKeys,
    SettlementKeys,
    TakerKeys,
)
from polyarb.config.schema import Keys

SCENARIO_SECTIONS: tuple[tuple[str, type[Keys]], ...] = (
    ("The file", ScenarioKeys),
    ("categories.NAME", CategoryKeys),
    ("events[]", EventKeys),
    ("events[].markets[]", MarketKeys),
    ("crowds.NAME.makers", MakerKeys),
    ("crowds.NAME.takers", TakerKeys),
    ("crowds.NAME.news", NewsKeys),
    ("rivals[]", RivalKeys),
    ("faults[]", FaultKeys),
    ("resolutions[]", ResolutionKeys),
    ("accounts", AccountKeys),
    ("exchange", ExchangeKeys),
    ("chain", ChainKeys),
    ("settlement", SettlementKeys),
)
_NESTED = {
    "categories": "sections by name",
    "crowds": "sections by name",
    "events": "list of sections",
    "markets": "list of sections",
    "rivals": "list of sections",
    "faults": "list of sections",
    "resolutions": "list of sections",
}
"""Keys that have a table of their own."""


def scenario_reference() -> str:
    """Write the tables of every section."""
    text = "\n".join(
        f"#### {name}\n\n{cleandoc(model.__doc__ or '')}\n\n{key_table(model)}"
        for name, model in SCENARIO_SECTIONS
    )
    for key, kind in _NESTED.items():
        text = text.replace(f"| `{key}` | text |", f"| `{key}` | {kind} |")
    return text
