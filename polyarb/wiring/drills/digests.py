"""What evidence of drills is bound to: the running code and the whole configuration."""

from polyarb.config import load_phase_profile, load_relations, load_settings, load_venue
from polyarb.host.digest import code_digest, value_digest
from polyarb.rollout.drills import Digests
from polyarb.store.workspace import Workspace


def evidence_digests(place: Workspace) -> Digests:
    """Hash the running code and all of a workspace's configuration, as drills are bound to them.

    Shape: the profiles of all four phases, the relations and how the venue is reached, in effect.
    """
    phases = load_settings(place).phases
    profiles = [load_phase_profile(place, phase).profile for phase in phases]
    config = value_digest([profiles, load_relations(place), load_venue(place)])
    return Digests(code=code_digest(), config=config)
