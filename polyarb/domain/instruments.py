"""The instrument master: markets as the venue described them, and what changes from day to day.

What decisions depend on stands in Market and MarketGroup; turnover and dates stand beside them, so
that the digest of a run's catalogue does not change with the volume of the day.
"""

from collections.abc import Mapping

import msgspec

from polyarb.domain.ids import ConditionId, GroupId
from polyarb.domain.market import Catalogue, Market, MarketGroup
from polyarb.domain.surroundings import CatalogueChange


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One market with what only selection and reports look at; None is not known.

    Units: unix milliseconds; micros of a USD. fee_time_ms is when the fee was read; doubts say
    which facts were not taken and why; is_confirmed tells that two sources agree on the market.
    """

    market: Market
    end_time_ms: int | None = None
    volume_24h: int | None = None
    liquidity: int | None = None
    fee_time_ms: int | None = None
    is_confirmed: bool = False
    doubts: tuple[str, ...] = ()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a listing that was left out, and why."""

    subject: str
    reason: str


class Instruments(msgspec.Struct, frozen=True, kw_only=True):
    """One whole reading of the venue's instruments. Units: unix milliseconds."""

    read_time_ms: int = 0
    instruments: dict[ConditionId, Instrument] = {}
    groups: dict[GroupId, MarketGroup] = {}
    refused: tuple[Refusal, ...] = ()


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of a market or group that is told differently now."""

    field: str
    before: str
    after: str


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A market (condition id) or group (group id) of which facts changed."""

    subject: str
    fields: tuple[FieldChange, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is different between two readings, in the order of their ids."""

    added: tuple[ConditionId, ...] = ()
    removed: tuple[ConditionId, ...] = ()
    changed: tuple[Changed, ...] = ()
    groups_added: tuple[GroupId, ...] = ()
    groups_removed: tuple[GroupId, ...] = ()
    groups_changed: tuple[Changed, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is different."""
        return self == Difference()


class TickChange(msgspec.Struct, frozen=True, kw_only=True):
    """A tick of a watched market that is another one now. Units: micros; None is not known."""

    condition_id: ConditionId
    before: int | None
    after: int | None


class HotUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What a running process has to do to look at another catalogue.

    Shape: ticks begin a new tick epoch; changed holds every other fact that changed of a market
    that stays; a group that is in neither list stays as it is.
    """

    added: tuple[Market, ...] = ()
    removed: tuple[ConditionId, ...] = ()
    ticks: tuple[TickChange, ...] = ()
    changed: tuple[Changed, ...] = ()
    groups_set: tuple[MarketGroup, ...] = ()
    groups_removed: tuple[GroupId, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return self == HotUpdate()


def difference(old: Instruments, new: Instruments) -> Difference:
    """Tell what decisions could depend on and is different; turnover is not told."""
    return Difference(
        added=tuple(sorted(new.instruments.keys() - old.instruments.keys())),
        removed=tuple(sorted(old.instruments.keys() - new.instruments.keys())),
        changed=tuple(
            Changed(subject=condition_id, fields=fields)
            for condition_id in sorted(old.instruments.keys() & new.instruments.keys())
            if (
                fields := _instrument_changes(
                    old.instruments[condition_id], new.instruments[condition_id]
                )
            )
        ),
        groups_added=tuple(sorted(new.groups.keys() - old.groups.keys())),
        groups_removed=tuple(sorted(old.groups.keys() - new.groups.keys())),
        groups_changed=_changed_groups(old.groups, new.groups),
    )


def hot_update(running: Catalogue, wanted: Catalogue) -> HotUpdate:
    """Tell how the catalogue that a run holds becomes the one that is selected now."""
    staying = sorted(running.markets.keys() & wanted.markets.keys())
    told = {each: fact_changes(running.markets[each], wanted.markets[each]) for each in staying}
    return HotUpdate(
        added=tuple(
            wanted.markets[each] for each in sorted(wanted.markets.keys() - running.markets.keys())
        ),
        removed=tuple(sorted(running.markets.keys() - wanted.markets.keys())),
        ticks=tuple(
            TickChange(
                condition_id=each,
                before=running.markets[each].tick,
                after=wanted.markets[each].tick,
            )
            for each in staying
            if running.markets[each].tick != wanted.markets[each].tick
        ),
        changed=tuple(
            Changed(subject=each, fields=others)
            for each, fields in told.items()
            if (others := tuple(change for change in fields if change.field != "tick"))
        ),
        groups_set=tuple(
            group
            for group_id, group in sorted(wanted.groups.items())
            if running.groups.get(group_id) != group
        ),
        groups_removed=tuple(sorted(running.groups.keys() - wanted.groups.keys())),
    )


def change_of(running: Catalogue, wanted: Catalogue) -> CatalogueChange:
    """Tell a run how the catalogue that it watches becomes the one that is selected now."""
    update = hot_update(running, wanted)
    other = {one.condition_id for one in update.ticks}
    other |= {ConditionId(one.subject) for one in update.changed}
    return CatalogueChange(
        markets=(*update.added, *(wanted.markets[each] for each in sorted(other))),
        left=update.removed,
        groups=update.groups_set,
        groups_removed=update.groups_removed,
        relations=tuple(
            relation
            for relation_id, relation in sorted(wanted.relations.items())
            if running.relations.get(relation_id) != relation
        ),
    )


def changed_catalogue(catalogue: Catalogue, change: CatalogueChange) -> Catalogue:
    """Apply a change; a market that left stays known, for orders of ours may have met it."""
    removed = set(change.groups_removed)
    groups = {key: group for key, group in catalogue.groups.items() if key not in removed}
    return Catalogue(
        markets={**catalogue.markets, **{one.condition_id: one for one in change.markets}},
        groups={**groups, **{one.group_id: one for one in change.groups}},
        relations={**catalogue.relations, **{one.relation_id: one for one in change.relations}},
    )


def fact_changes(old: msgspec.Struct, new: msgspec.Struct) -> tuple[FieldChange, ...]:
    """Compare two structs of one kind field by field; values are written as JSON."""
    return tuple(
        FieldChange(field=name, before=_written(before), after=_written(after))
        for name in old.__struct_fields__
        if (before := getattr(old, name)) != (after := getattr(new, name))
    )


def _instrument_changes(old: Instrument, new: Instrument) -> tuple[FieldChange, ...]:
    if old.market == new.market and old.end_time_ms == new.end_time_ms:
        return ()
    ends = (
        FieldChange(
            field="end_time_ms", before=_written(old.end_time_ms), after=_written(new.end_time_ms)
        ),
    )
    changes = fact_changes(old.market, new.market)
    return changes if old.end_time_ms == new.end_time_ms else (*changes, *ends)


def _changed_groups(
    old: Mapping[GroupId, MarketGroup], new: Mapping[GroupId, MarketGroup]
) -> tuple[Changed, ...]:
    return tuple(
        Changed(subject=group_id, fields=fields)
        for group_id in sorted(old.keys() & new.keys())
        if (fields := fact_changes(old[group_id], new[group_id]))
    )


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()
