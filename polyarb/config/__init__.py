"""Settings: defaults < config.yaml < profile < .env < environment < flags.

The only reader of the environment, and the only place where pydantic lives; what leaves it is
structs of the domain.
"""

from polyarb.config.effective import Effective, Value
from polyarb.config.environment import locate_workspace
from polyarb.config.loading import (
    Settings,
    config_digest,
    load_clock,
    load_effective,
    load_phase_profile,
    load_profile,
    load_recording,
    load_relations,
    load_settings,
    load_venue,
    load_written,
    profile_names,
    profile_path,
)

__all__ = [
    "Effective",
    "Settings",
    "Value",
    "config_digest",
    "load_clock",
    "load_effective",
    "load_phase_profile",
    "load_profile",
    "load_recording",
    "load_relations",
    "load_settings",
    "load_venue",
    "load_written",
    "locate_workspace",
    "profile_names",
    "profile_path",
]
