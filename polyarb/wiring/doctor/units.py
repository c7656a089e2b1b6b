"""What `polyarb doctor` finds of the installed units: are they what this version would write?"""

from pathlib import Path

from polyarb.host.checkup import Finding, ok, skipped, warn
from polyarb.store.workspace import Workspace
from polyarb.wiring.units import (
    UNITS_DIR,
    Difference,
    differences,
    installation_of,
    installed_units,
    missing_units,
    unit_texts,
)

__all__ = ["UNITS_DIR", "check_units"]

_LINES_TOLD = 4


def check_units(place: Workspace, folder: Path) -> Finding:
    """Compare the installed units with those of this version, for this installation."""
    installed = installed_units(folder)
    if not installed:
        return skipped(f"no unit of polyarb is in {folder}")
    expected = unit_texts(installation_of(place))
    changed = differences(installed, expected)
    missing = missing_units(installed)
    told = [_told(one) for one in changed]
    if missing:
        told.append(f"not there, but started by others: {', '.join(missing)}")
    counted = f"{len(installed) - len(changed)} of {len(installed)} units are as shipped"
    beside = _beside(folder, installed, expected)
    found = "; ".join([counted, *told, *beside])
    if told:
        advice = f"sudo polyarb units --into {folder} --replace; sudo systemctl daemon-reload"
        return warn(found, advice, changed=len(changed), missing=len(missing))
    return ok(found, changed=0, missing=0)


def _told(one: Difference) -> str:
    more = len(one.lines) - _LINES_TOLD
    lines = [*one.lines[:_LINES_TOLD], *([f"and {more} more lines"] if more > 0 else [])]
    return f"{one.name} differs: {' | '.join(lines)}"


def _beside(folder: Path, installed: dict[str, str], expected: dict[str, str]) -> list[str]:
    """Name what an operator added: settings beside a unit, and units of their own."""
    settings = sorted(str(path.relative_to(folder)) for path in folder.glob("polyarb-*.d/*.conf"))
    own = [name for name in installed if name not in expected]
    told = [f"settings beside them: {', '.join(settings)}"] if settings else []
    return [*told, *([f"not shipped: {', '.join(own)}"] if own else [])]
