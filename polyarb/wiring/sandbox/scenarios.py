"""Which scenarios the sandbox can play, and where their files are."""

from pathlib import Path

from polyarb.config.scenarios import ScenarioSummary, list_scenarios
from polyarb.store.workspace import Workspace, shipped_templates


def scenarios_of(workspace: Workspace | None) -> tuple[ScenarioSummary, ...]:
    """Tell of every scenario that can be played by its name."""
    return list_scenarios(scenario_home(workspace))


def scenario_home(workspace: Workspace | None) -> Workspace:
    """Return where scenarios are looked for: a workspace that has some, else what is shipped."""
    if workspace is not None and workspace.scenarios_dir.is_dir():
        return workspace
    return Workspace(Path(str(shipped_templates())))
