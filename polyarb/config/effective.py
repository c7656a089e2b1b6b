"""Lay the layers over each other and tell where every value comes from.

Outside the profile a figure may only be tightened: a left-over override can make a run more
careful, never less, and it is always told.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec

from polyarb.config.faults import Fault, nearest, refuse
from polyarb.config.figures import Tighter
from polyarb.config.nodes import Layer, Node, Origin, Section, find, merge
from polyarb.config.rules import clashes
from polyarb.config.schema import ProfileKeys, UniverseKeys
from polyarb.config.validate import fields_of, figure_of, list_of, tighter_of, validate, value_at
from polyarb.domain.errors import RefusedError
from polyarb.domain.limits import Breaker, Envelope, Guards, Profile, ShadowModel, Sizing
from polyarb.domain.venue import Universe

FIELDS = dict(fields_of(ProfileKeys))
"""Every key of a profile by its dotted name."""
OVERRIDABLE = {name: tighter for name, field in FIELDS.items() if (tighter := tighter_of(field))}
"""Keys that .env, the environment and flags may set, with the direction that is allowed."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One value as a file spells it and its source; replaces is empty unless overridden."""

    key: str
    value: str
    source: str
    replaces: str = ""


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """A profile as a run would use it, and the source of every value."""

    profile: Profile
    values: tuple[Value, ...]

    @property
    def overrides(self) -> tuple[Value, ...]:
        """List the values that something outside the profile changed."""
        return tuple(value for value in self.values if value.replaces)


def lay(name: str, files: Section, overrides: Sequence[Mapping[str, Node]]) -> Effective:
    """Make a profile of its files' values and the overrides, lowest layer first.

    Errors: UsageError with every fault; RefusedError for an override that loosens a figure.
    """
    settled, faults = _settle(files)
    faults += [fault for layer in overrides for fault in _unknown(layer)]
    if settled is None or faults:
        refuse(faults)
    root = files
    for layer in overrides:
        root = merge(root, _nested(layer))
    final, faults = _settle(root)
    if final is None or faults:
        refuse(faults)
    _refuse_loosening(settled, final, root)
    values = tuple(_value(key, settled, final, root) for key in FIELDS)
    return Effective(profile=to_profile(name, final), values=values)


def to_profile(name: str, keys: ProfileKeys) -> Profile:
    """Turn validated keys into the domain's profile; a field is its key without `_usd`."""
    return Profile(
        name=name,
        run=keys.run,
        phase=keys.phase,
        families=keys.families,
        envelope=Envelope(**_fields(keys.envelope.model_dump())),
        sizing=Sizing(**_fields(keys.sizing.model_dump())),
        guards=Guards(**_fields(keys.guards.model_dump())),
        breaker=Breaker(**_fields(keys.breaker.model_dump())),
        shadow=ShadowModel(**_fields(keys.shadow.model_dump())),
        universe=_universe(keys.universe),
        description=keys.description,
        version=keys.version,
        tags=keys.tags,
        risk_warnings=keys.risk_warnings,
    )


def spelled(profile: Profile) -> dict[str, str]:
    """Write every value of a profile under its dotted key, as a file spells it."""
    values = {}
    for key in FIELDS:
        value: object = profile
        for step in key.split("."):
            value = getattr(value, step.replace("_usd", ""))
        values[key] = _written(key, value)
    return values


def _universe(keys: UniverseKeys) -> Universe:
    return Universe(
        markets_max=keys.markets_max,
        volume_24h_min=keys.volume_24h_usd_min,
        liquidity_min=keys.liquidity_usd_min,
        expiry_blackout_min=keys.expiry_blackout_min,
        fee_rates=keys.fee_rates,
        groups_only=keys.groups_only,
        allow=keys.allow,
        deny=keys.deny,
    )


def _fields(section: dict[str, int]) -> dict[str, int]:
    return {key.replace("_usd", ""): value for key, value in section.items()}


def _settle(root: Section) -> tuple[ProfileKeys | None, list[Fault]]:
    keys, faults = validate(ProfileKeys, root)
    if keys is not None:
        for clash in clashes(keys):
            origin = find(root, tuple(clash.key.split("."))).origin
            key = origin.spelling or clash.key
            faults.append(Fault(origin.place, key, clash.expected, clash.found))
    return keys, faults


def _unknown(layer: Mapping[str, Node]) -> list[Fault]:
    return [
        Fault(node.origin.place, node.origin.spelling, nearest(key, OVERRIDABLE), "an unknown key")
        for key, node in layer.items()
        if key not in OVERRIDABLE
    ]


def _nested(layer: Mapping[str, Node]) -> Section:
    root = Section({}, Origin(Layer.FLAG, ""))
    for key, node in layer.items():
        section, _, name = key.rpartition(".")
        entries = Section({name: node}, node.origin)
        root = merge(root, Section({section: entries}, node.origin) if section else entries)
    return root


def _refuse_loosening(settled: ProfileKeys, final: ProfileKeys, root: Section) -> None:
    told = []
    for key, tighter in OVERRIDABLE.items():
        before, after = value_at(settled, key), value_at(final, key)
        if _is_looser(tighter, before, after):
            origin = find(root, tuple(key.split("."))).origin
            told.append(
                f"{origin.place}: {origin.spelling}: expected {_bound(tighter, key, before)},"
                f" found {_written(key, after)}; a looser figure belongs into a profile"
            )
    if told:
        raise RefusedError("\n".join(told))


def _is_looser(tighter: Tighter, before: object, after: object) -> bool:
    if isinstance(before, tuple) and isinstance(after, tuple):
        return not set(after) <= set(before)
    assert isinstance(before, int) and isinstance(after, int)
    match tighter:
        case Tighter.LOWER:
            return after > before
        case Tighter.HIGHER:
            return after < before
        case Tighter.ANY:
            return False
        case _:
            assert_never(tighter)


def _bound(tighter: Tighter, key: str, before: object) -> str:
    if isinstance(before, tuple):
        return f"some of {_written(key, before)}"
    edge = "at most" if tighter is Tighter.LOWER else "at least"
    return f"{edge} {_written(key, before)}"


def _value(key: str, settled: ProfileKeys, final: ProfileKeys, root: Section) -> Value:
    before, after = value_at(settled, key), value_at(final, key)
    return Value(
        key=key,
        value=_written(key, after),
        source=_source(key, root),
        replaces="" if before == after else _written(key, before),
    )


def _source(key: str, root: Section) -> str:
    node: Node | None = root
    for step in key.split("."):
        node = node.entries.get(step) if isinstance(node, Section) else None
    if node is None:
        return str(Layer.DEFAULT)
    origin = node.origin
    return f"{origin.place} ({origin.spelling})" if origin.spelling else origin.place


def _written(key: str, value: object) -> str:
    """Write a value as a file spells it."""
    figure, figures = figure_of(FIELDS[key]), list_of(FIELDS[key])
    if figure is not None and isinstance(value, int):
        return figure.write(value)
    if isinstance(value, bool):
        return str(value).lower()
    if figures is not None and isinstance(value, tuple):
        return figures.write(value)
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return "null" if value is None else str(value)
