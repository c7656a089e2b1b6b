"""Evidence that gates read: outcomes of drills and attestations of people, appended durably."""

from polyarb.domain.drills import DrillOutcome
from polyarb.store.filesystem import REAL, FileSystem
from polyarb.store.lines import LineFile
from polyarb.store.workspace import Workspace


def drill_outcomes(place: Workspace, files: FileSystem = REAL) -> LineFile[DrillOutcome]:
    """Return the record of a workspace's drills, oldest first: data/audit/drills.jsonl."""
    return LineFile(place.audit_dir / "drills.jsonl", DrillOutcome, files)
