"""Load what a workspace says: its settings, its profiles, its relations."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

from polyarb.config.document import read_document
from polyarb.config.effective import Effective, lay
from polyarb.config.environment import dotenv_values, environment_values, read_override
from polyarb.config.faults import Fault, nearest, refuse
from polyarb.config.nodes import Items, Layer, Node, Origin, Scalar, Section, describe, merge
from polyarb.config.schema import (
    BASE_SECTIONS,
    REQUIRED_IN_PROFILE,
    ClockKeys,
    ConfigKeys,
    Keys,
    ProfileKeys,
    RecordingKeys,
    RelationKeys,
    VenueKeys,
    WalletKeys,
)
from polyarb.config.validate import validate
from polyarb.domain.errors import UsageError
from polyarb.domain.ids import ConditionId, RelationId, condition_key
from polyarb.domain.limits import Phase, Profile
from polyarb.domain.market import Relation
from polyarb.domain.plan import Family
from polyarb.domain.surroundings import ClockSettings, RecordingSettings
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.domain.wallet import WalletSettings
from polyarb.store.workspace import Workspace

CUSTOM = "custom/"
PROFILE_KEY = "profile"
RELATIONS_KEY = "relations"
VENUE_KEY, RECORDING_KEY, CLOCK_KEY, WALLET_KEY = "venue", "recording", "clock", "wallet"
K = TypeVar("K", bound=Keys)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The workspace's own choices. Shape: phases maps every phase to the name of its profile."""

    profile: str
    phases: dict[Phase, str]


def load_settings(workspace: Workspace) -> Settings:
    """Load config/config.yaml, with the profile's name from .env or the environment if set."""
    root, faults = _read_config(workspace)
    choices = {key: node for key, node in root.entries.items() if key not in BASE_SECTIONS}
    for layer in (dotenv_values(workspace), environment_values()):
        if PROFILE_KEY in layer:
            choices[PROFILE_KEY] = layer[PROFILE_KEY]
    keys, found = validate(ConfigKeys, Section(choices, root.origin))
    if keys is None or faults:
        refuse([*faults, *found])
    _refuse_unknown_profiles(workspace, choices["phases"])
    phases = keys.phases
    return Settings(
        profile=keys.profile,
        phases={
            Phase.SHADOW: phases.shadow,
            Phase.MICRO_LIVE: phases.micro_live,
            Phase.CONSTRAINED: phases.constrained,
            Phase.SCALED: phases.scaled,
        },
    )


def load_venue(workspace: Workspace) -> VenueSettings:
    """Load how the venue is reached from config/config.yaml, defaults where it says nothing.

    Errors: UsageError with file, line and key of everything wrong.
    """
    figures = _read_section(workspace, VENUE_KEY, VenueKeys).model_dump()
    return VenueSettings(**{**figures, "hosts": VenueHosts(**figures["hosts"])})


def load_recording(workspace: Workspace) -> RecordingSettings:
    """Load how long recordings stay from config/config.yaml. Errors: as of `load_venue`."""
    return RecordingSettings(**_read_section(workspace, RECORDING_KEY, RecordingKeys).model_dump())


def load_clock(workspace: Workspace) -> ClockSettings:
    """Load how our clock is watched from config/config.yaml. Errors: as of `load_venue`."""
    return ClockSettings(**_read_section(workspace, CLOCK_KEY, ClockKeys).model_dump())


def load_wallet(workspace: Workspace) -> WalletSettings:
    """Load which wallet trades from config/config.yaml. Errors: as of `load_venue`."""
    return WalletSettings(**_read_section(workspace, WALLET_KEY, WalletKeys).model_dump())


def profile_names(workspace: Workspace) -> tuple[str, ...]:
    """List the profiles of a workspace: shipped ones by name, then custom ones."""
    shipped = sorted(path.stem for path in workspace.profiles_dir.glob("*.yaml"))
    custom = sorted(path.stem for path in workspace.custom_profiles_dir.glob("*.yaml"))
    return (*shipped, *(CUSTOM + name for name in custom))


def load_profile(workspace: Workspace, name: str | None = None) -> Profile:
    """Load a profile with every layer above it; without a name the workspace's own choice."""
    return load_effective(workspace, name).profile


def load_phase_profile(workspace: Workspace, phase: Phase) -> Effective:
    """Load the profile that serves a phase.

    Errors: UsageError when the profile that config.yaml names declares another phase.
    """
    effective = load_effective(workspace, load_settings(workspace).phases[phase])
    found = effective.profile.phase
    if found is not phase:
        name = effective.profile.name
        file = workspace.shown(profile_path(workspace, name))
        raise UsageError(
            f"{file}: phase: expected {phase} (config.yaml names it for that phase),"
            f" found {found or 'null'}"
        )
    return effective


def load_effective(
    workspace: Workspace, name: str | None = None, flags: Mapping[str, str] | None = None
) -> Effective:
    """Load a profile with the source of every value; flags map dotted keys to text.

    Errors: UsageError (exit 2) with file, line and key of everything wrong in the files;
    RefusedError (exit 3) for a loosening override or a readable .env with secrets.
    """
    chosen = name or load_settings(workspace).profile
    layers = [dotenv_values(workspace), environment_values(), _flag_values(flags or {})]
    for layer in layers[:2]:
        layer.pop(PROFILE_KEY, None)
    return lay(chosen, _read_files(workspace, chosen), layers)


def load_written(workspace: Workspace, name: str) -> Effective:
    """Load a profile as its files have it, without .env and environment."""
    return lay(name, _read_files(workspace, name), [])


def load_relations(workspace: Workspace) -> dict[RelationId, Relation]:
    """Load config/constraints.yaml; without the file there are none.

    Errors: UsageError with the line of everything wrong.
    """
    path = workspace.constraints_file
    if not path.exists():
        return {}
    root = read_document(path, Origin(Layer.CONFIG, workspace.shown(path)))
    faults = [
        Fault(node.origin.place, key, nearest(key, (RELATIONS_KEY,)), "an unknown key")
        for key, node in root.entries.items()
        if key != RELATIONS_KEY
    ]
    found: dict[RelationId, Relation] = {}
    for index, node in enumerate(_relation_nodes(root)):
        relation = _read_relation(f"{RELATIONS_KEY}[{index}]", node, faults)
        if relation is not None and relation.relation_id in found:
            told = f"{relation.relation_id} twice"
            faults.append(Fault(node.origin.place, f"{RELATIONS_KEY}[{index}].id", "new ids", told))
        elif relation is not None:
            found[relation.relation_id] = relation
    if faults:
        refuse(faults)
    return found


def config_digest(profile: Profile, relations: Mapping[RelationId, Relation]) -> str:
    """Compute the digest that evidence is bound to.

    Shape: SHA-256 in hex of the canonical JSON of the effective profile and the relations.
    """
    canonical = msgspec.json.encode([profile, dict(relations)], order="deterministic")
    return sha256(canonical).hexdigest()


def profile_path(workspace: Workspace, name: str) -> Path:
    """Find the file of a profile.

    Errors: UsageError with the nearest name when there is none.
    """
    names = profile_names(workspace)
    if name not in names:
        folder = workspace.shown(workspace.profiles_dir)
        refuse([Fault(folder, "profile", nearest(name, names), name)])
    return workspace.profiles_dir / f"{name}.yaml"


def _read_files(workspace: Workspace, name: str) -> Section:
    """Read config.yaml and a profile, each held against the schema, and lay them together."""
    config, faults = _read_config(workspace)
    path = profile_path(workspace, name)
    profile = read_document(path, Origin(Layer.PROFILE, workspace.shown(path)))
    _, found = validate(ProfileKeys, profile)
    faults += [
        fault
        for fault in found
        if not fault.is_missing or fault.key.split(".")[0] in REQUIRED_IN_PROFILE
    ]
    if faults:
        refuse(faults)
    entries = {key: node for key, node in config.entries.items() if key in BASE_SECTIONS}
    return merge(Section(entries, config.origin), profile)


def _read_config(workspace: Workspace) -> tuple[Section, list[Fault]]:
    path = workspace.config_file
    root = read_document(path, Origin(Layer.CONFIG, workspace.shown(path)))
    _, found = validate(ConfigKeys, root)
    # A section of config.yaml may be partial: what it leaves out is the profile's to say.
    return root, [
        fault
        for fault in found
        if not fault.is_missing or fault.key.split(".")[0] not in BASE_SECTIONS
    ]


def _read_section(workspace: Workspace, key: str, model: type[K]) -> K:
    """Read a section of config.yaml, defaults where it says nothing. Errors: UsageError."""
    root, faults = _read_config(workspace)
    node = root.entries.get(key, Section({}, root.origin))
    if faults or not isinstance(node, Section):
        refuse(faults)
    keys, _ = validate(model, node)
    assert keys is not None
    return keys


def _refuse_unknown_profiles(workspace: Workspace, phases: Node) -> None:
    names = profile_names(workspace)
    faults = [
        Fault(node.origin.place, f"phases.{key}", nearest(node.text, names), node.text)
        for key, node in (phases.entries.items() if isinstance(phases, Section) else ())
        if isinstance(node, Scalar) and node.text not in names
    ]
    if faults:
        refuse(faults)


def _flag_values(flags: Mapping[str, str]) -> dict[str, Node]:
    return {
        key: read_override(text, Origin(Layer.FLAG, "command line", 0, f"--set {key}"))
        for key, text in flags.items()
    }


def _relation_nodes(root: Section) -> tuple[Node, ...]:
    node = root.entries.get(RELATIONS_KEY)
    if isinstance(node, Items):
        return node.nodes
    if node is not None:
        refuse([Fault(node.origin.place, RELATIONS_KEY, "a list", describe(node))])
    return ()


def _read_relation(key: str, node: Node, faults: list[Fault]) -> Relation | None:
    if not isinstance(node, Section):
        faults.append(Fault(node.origin.place, key, "a section", describe(node)))
        return None
    keys, found = validate(RelationKeys, node)
    if keys is None:
        faults += [replace(fault, key=f"{key}.{fault.key}") for fault in found]
        return None
    faults += [replace(fault, key=f"{key}.{fault.key}") for fault in _miscounted(keys, node)]
    return Relation(
        relation_id=RelationId(keys.id),
        family=keys.family,
        condition_ids=tuple(ConditionId(market) for market in keys.markets),
        note=keys.note,
    )


def _miscounted(keys: RelationKeys, node: Section) -> list[Fault]:
    if len({condition_key(market) for market in keys.markets}) < len(keys.markets):
        place = node.entries["markets"].origin.place
        return [Fault(place, "markets", "different markets", "one market in two spellings")]
    count = len(keys.markets)
    is_pair = keys.family is Family.IMPLICATION
    if count == 2 or (count > 2 and not is_pair):
        return []
    needed = "two markets" if is_pair else "two or more markets"
    return [Fault(node.entries["markets"].origin.place, "markets", needed, str(count))]
