"""Every scenario text of this folder holds, through the real runner and the shadow gateway."""

from pathlib import Path

import pytest
from polyarb.research.scenario import parse_scenario
from polyarb.wiring.scenario import run_scenario
from tests.worlds import ROOMY

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.txt")), ids=lambda path: path.stem)
def test_a_scenario_holds(path: Path) -> None:
    scenario = parse_scenario(path.read_text(), path.name)
    owed, records = run_scenario(scenario, ROOMY)
    told = "\n".join(f"{record.time_ns} {record.message}" for record in records)
    assert not owed, "\n".join(owed) + "\n" + told
    assert scenario.expectations, path.name


def test_every_scenario_names_what_it_shows() -> None:
    for path in FOLDER.rglob("*.txt"):
        assert path.read_text().startswith("# "), path.name
