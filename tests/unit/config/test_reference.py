"""The committed reference of the configuration is the one that the schema writes."""

from pathlib import Path

from polyarb.config.reference import configuration_reference
from polyarb.config.schema import ConfigKeys, ProfileKeys, RelationKeys
from polyarb.config.validate import fields_of


def test_the_committed_reference_is_up_to_date(root: Path) -> None:
    committed = (root / "docs" / "CONFIGURATION.md").read_text(encoding="utf-8")
    assert committed == configuration_reference(), "run python scripts/generate_docs.py"


def test_every_key_has_a_line_with_its_meaning() -> None:
    text = configuration_reference()
    for model in (ProfileKeys, RelationKeys):
        for key, field in fields_of(model):
            assert field.description
            assert f"| `{key.rpartition('.')[2]}` |" in text
    for key, _ in fields_of(ConfigKeys):
        if key.startswith(("profile", "phases", "venue")):
            assert f"| `{key}` |" in text


def test_the_reference_names_units_bounds_defaults_and_directions() -> None:
    text = configuration_reference()
    for row in (
        "| `edge_fraction_min` | fraction | 0 to 1 | required | higher |",
        "| `gas_per_plan_usd` | USD | 0 to 1000000 | 0.02 | higher |",
        "| `settle_ms` | ms | 0 to 86400000 | 10 | higher |",
        "| `run` | word | `shadow`, `live` | required | - |",
        "| `version` | text |  | 1.0.0 | - |",
        "| `tags` | text |  | empty | - |",
        "| `seed` | count | 0 to 4294967295 | 7 | any |",
        "| `fee_rates` | list of fractions | 0 to 1 | empty | - |",
        "| `groups_only` | word | `true`, `false` | false | - |",
        "| `expiry_blackout_min` | minutes | 0 to 525600 | 60 | higher |",
        "| `venue.hosts.stream` | address | `wss`, on this machine `ws`, too |",
        "required | fewer | kinds of arbitrage",
    ):
        assert row in text
