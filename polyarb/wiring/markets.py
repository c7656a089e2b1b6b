"""`polyarb markets`: the instrument master read from the venue, kept in versions, chosen from."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from random import Random

import msgspec

from polyarb.config import load_effective, load_phase_profile, load_relations, load_settings
from polyarb.config.loading import load_venue
from polyarb.domain.errors import PolyarbError, RefusedError, UsageError, VenueError
from polyarb.domain.ids import ConditionId, RelationId, condition_key
from polyarb.domain.instruments import Difference, Instrument, Instruments, Refusal
from polyarb.domain.limits import Phase, Profile
from polyarb.domain.market import Catalogue, MarketGroup, Relation, Untradable
from polyarb.domain.selection import Selection, Unselected, select, watched_catalogue
from polyarb.domain.venue import Universe, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.host.login import login_name
from polyarb.store.instruments import InstrumentStore, Loaded, Provenance, Version
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.instruments.sync import PublicSource, Reading, read_instruments
from polyarb.venue.polymarket.rest.client import PublicClient

OpenSource = Callable[[VenueSettings], AbstractAsyncContextManager[PublicSource]]

_NS_PER_MS = 1_000_000
_AGE_NS_MAX = 86_400 * 10**9
"""From here on a run reads the instruments anew before it begins."""
_SHRINK_MAX = 2
"""A reading with less than one in so many of the markets before is taken for a torn one."""


class MarketsChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A new version, what is different in it, and what the reading left out."""

    version: Version
    difference: Difference
    refused: tuple[Refusal, ...]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A market of the current version; reason is None for one that is watched."""

    instrument: Instrument
    untradable: Untradable | None
    reason: Unselected | None


class MarketList(msgspec.Struct, frozen=True, kw_only=True):
    """Markets of a version as a profile chooses among them, watched ones first."""

    version: Version
    profile: str
    total: int
    selected: int
    left: dict[Unselected, int]
    markets: tuple[Listed, ...]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one market."""

    version: int
    profile: str
    instrument: Instrument
    untradable: Untradable | None
    reason: Unselected | None
    group: MarketGroup | None
    relations: tuple[RelationId, ...]


class ListOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which markets are listed, and by whose universe; phase and profile exclude each other."""

    profile: str | None = None
    phase: Phase | None = None
    only_selected: bool = False
    reason: Unselected | None = None
    markets_max: int | None = None


class MarketOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Where instruments are read and kept.

    is_lasting is False for a venue that begins anew whenever it is started: its instruments are
    read at every start, and what was traded there says nothing of a market.
    """

    settings: VenueSettings
    store: InstrumentStore
    is_lasting: bool = True

    def universe(self, wanted: Universe) -> Universe:
        """Return which markets a run looks at here, of those that its profile wants."""
        if self.is_lasting:
            return wanted
        return msgspec.structs.replace(wanted, volume_24h_min=0, liquidity_min=0)


def open_source(settings: VenueSettings) -> AbstractAsyncContextManager[PublicSource]:
    """Open the venue's public hosts."""
    return PublicClient(settings, SystemClock(), Random())


def instrument_store(workspace: Workspace) -> InstrumentStore:
    """Return the versions of a workspace's instrument master."""
    return InstrumentStore(workspace.instruments_dir)


def venue_origin(workspace: Workspace) -> MarketOrigin:
    """Return the venue that a workspace names in its settings. Errors: of `load_venue`."""
    return MarketOrigin(settings=load_venue(workspace), store=instrument_store(workspace))


def sync_markets(
    workspace: Workspace,
    open_source: OpenSource,
    tell: Callable[[str], None],
    *,
    accept_shrink: bool = False,
    origin: MarketOrigin | None = None,
) -> MarketsChanged:
    """Read the venue's instruments and make them the current version.

    Errors: VenueError when the venue cannot be read whole, RefusedError when more than half of
    the markets are gone; the current version then stays.
    """
    place = origin or venue_origin(workspace)
    store, settings = place.store, place.settings
    now_ns = SystemClock().now_ns()
    reading = Reading(
        read_time_ms=now_ns // _NS_PER_MS,
        answer_ms_max=max(settings.connect_ms_max, settings.request_ms_max),
        choose=_chooser(workspace, place, now_ns // _NS_PER_MS),
        tell=tell,
    )
    before = store.current()
    found = asyncio.run(_read(open_source, settings, reading))
    if place.is_lasting and not accept_shrink:
        _refuse_shrink(before, found)
    provenance = Provenance(actor=login_name(), source=settings.hosts.gamma, written_ns=now_ns)
    version, difference = store.add(found, provenance)
    return MarketsChanged(version=version, difference=difference, refused=found.refused)


def roll_back_markets(workspace: Workspace, number: int | None) -> MarketsChanged:
    """Make an older content current again, as a new version; None is the content before."""
    provenance = Provenance(
        actor=login_name(), source="rollback", written_ns=SystemClock().now_ns()
    )
    version, difference = instrument_store(workspace).roll_back(number, provenance)
    return MarketsChanged(version=version, difference=difference, refused=())


def market_versions(workspace: Workspace) -> list[Version]:
    """List every version, oldest first."""
    return instrument_store(workspace).history()


def list_markets(workspace: Workspace, options: ListOptions) -> MarketList:
    """List the markets of the current version. Errors: UsageError when there is none."""
    profile = _profile(workspace, options.profile, options.phase)
    loaded = _loaded(workspace)
    instruments = loaded.instruments.instruments
    selection = _select(loaded.instruments, profile, load_relations(workspace))
    rows = [
        Listed(
            instrument=instruments[each],
            untradable=instruments[each].market.untradable(),
            reason=selection.left.get(each),
        )
        for each in _order(instruments, selection)
    ]
    counts: dict[Unselected, int] = {}
    for reason in selection.left.values():
        counts[reason] = counts.get(reason, 0) + 1
    if options.only_selected:
        rows = [row for row in rows if row.reason is None]
    if options.reason is not None:
        rows = [row for row in rows if row.reason is options.reason]
    return MarketList(
        version=loaded.version,
        profile=profile.name,
        total=len(instruments),
        selected=len(selection.selected),
        left={reason: counts[reason] for reason in Unselected if reason in counts},
        markets=tuple(rows[: options.markets_max]),
    )


def show_market(workspace: Workspace, name: str, options: ListOptions) -> tuple[Shown, ...]:
    """Find markets by condition id, slug, token id or group id.

    Errors: UsageError when none has that name.
    """
    profile = _profile(workspace, options.profile, options.phase)
    loaded, relations = _loaded(workspace), load_relations(workspace)
    key = condition_key(name)
    found = [each for each in loaded.instruments.instruments.values() if key in _names(each)]
    if not found:
        raise UsageError(
            f"{name}: expected a condition id, slug, token id or group id of version"
            f" {loaded.version.version}, found none; `polyarb markets list` shows them"
        )
    selection = _select(loaded.instruments, profile, relations)
    return tuple(
        Shown(
            version=loaded.version.version,
            profile=profile.name,
            instrument=each,
            untradable=each.market.untradable(),
            reason=selection.left.get(each.market.condition_id),
            group=loaded.instruments.groups.get(each.market.group_id)
            if each.market.group_id
            else None,
            relations=tuple(
                relation_id
                for relation_id, relation in relations.items()
                if each.market.condition_id in relation.condition_ids
            ),
        )
        for each in found
    )


def selected_catalogue(
    workspace: Workspace, profile: Profile, *, now_ms: int, origin: MarketOrigin | None = None
) -> tuple[Version, Catalogue]:
    """Return what a run of a profile watches now, from the current version.

    Errors: UsageError when there is no version yet, StoreError when it cannot be read.
    """
    place = origin or venue_origin(workspace)
    loaded, relations = _loaded(workspace, place.store), load_relations(workspace)
    universe = place.universe(profile.universe)
    selection = select(loaded.instruments, universe, relations, now_ms=now_ms)
    catalogue = watched_catalogue(loaded.instruments, selection.selected, relations)
    return loaded.version, catalogue


def current_catalogue(
    workspace: Workspace,
    profile: Profile,
    now_ns: int,
    tell: Callable[[str], None],
    origin: MarketOrigin | None = None,
) -> Catalogue:
    """Return what a run of a profile watches, from a version that is not older than a day.

    Where the venue cannot be read, or has shrunk by half, the older version is used and told.
    Errors: VenueError when the venue cannot be read and there is no version at all.
    """
    place = origin or venue_origin(workspace)
    version = place.store.current() if place.is_lasting else None
    if version is None or now_ns - version.written_ns > _AGE_NS_MAX:
        tell("reading the venue's instruments")
        try:
            sync_markets(workspace, open_source, tell, origin=place)
        except (VenueError, RefusedError) as fault:
            if version is None:
                raise
            tell(f"version {version.version} of the instruments is used: {fault}")
    now_ms = now_ns // _NS_PER_MS
    return selected_catalogue(workspace, profile, now_ms=now_ms, origin=place)[1]


def next_catalogue(
    workspace: Workspace,
    profile: Profile,
    tell: Callable[[str], None],
    origin: MarketOrigin | None = None,
) -> Catalogue | None:
    """Read the instruments anew for a run and return what it watches now; None where it failed.

    What cannot be read, or has shrunk by half, is told, and the run goes on with what it has; as
    it does where nothing at all is selected.
    """
    try:
        sync_markets(workspace, open_source, lambda _text: None, origin=origin)
        now_ms = SystemClock().now_ns() // _NS_PER_MS
        version, catalogue = selected_catalogue(workspace, profile, now_ms=now_ms, origin=origin)
    except PolyarbError as fault:
        tell(f"the instruments stay as they are: {fault}")
        return None
    if not catalogue.markets:
        tell(f"the instruments stay as they are: nothing of version {version.version} is selected")
        return None
    return catalogue


async def _read(open_source: OpenSource, settings: VenueSettings, reading: Reading) -> Instruments:
    async with open_source(settings) as source:
        return await read_instruments(source, reading)


def _chooser(
    workspace: Workspace, origin: MarketOrigin, now_ms: int
) -> Callable[[Instruments], set[ConditionId]]:
    """Choose what the second source is asked about: whatever a phase of this workspace watches."""
    settings, relations = load_settings(workspace), load_relations(workspace)
    names = dict.fromkeys((settings.profile, *settings.phases.values()))
    wanted = (load_effective(workspace, name).profile.universe for name in names)
    universes = {origin.universe(universe) for universe in wanted}

    def choose(listed: Instruments) -> set[ConditionId]:
        return {
            condition_id
            for universe in universes
            for condition_id in select(listed, universe, relations, now_ms=now_ms).selected
        }

    return choose


def _refuse_shrink(before: Version | None, found: Instruments) -> None:
    if before is None or len(found.instruments) * _SHRINK_MAX >= before.markets:
        return
    raise RefusedError(
        f"the instrument master: expected at least half of the {before.markets} markets of version"
        f" {before.version}, found {len(found.instruments)}; version {before.version} stays. Look"
        " whether the venue is whole, then try again, or take it with --accept-shrink"
    )


def _loaded(workspace: Workspace, store: InstrumentStore | None = None) -> Loaded:
    loaded = (store or instrument_store(workspace)).load_current()
    if loaded is None:
        raise UsageError(
            f"{workspace.shown(workspace.instruments_dir)}: expected an instrument master, found"
            " none; run `polyarb markets sync`"
        )
    return loaded


def _profile(workspace: Workspace, name: str | None, phase: Phase | None) -> Profile:
    if name is not None and phase is not None:
        raise UsageError("--phase and --profile: expected one of them, found both")
    if phase is not None:
        return load_phase_profile(workspace, phase).profile
    return load_effective(workspace, name).profile


def _select(
    instruments: Instruments, profile: Profile, relations: Mapping[RelationId, Relation]
) -> Selection:
    now_ms = SystemClock().now_ns() // _NS_PER_MS
    return select(instruments, profile.universe, relations, now_ms=now_ms)


def _order(
    instruments: Mapping[ConditionId, Instrument], selection: Selection
) -> list[ConditionId]:
    """Order by what is looked for first: watched markets by rank, then the others by turnover."""
    others = sorted(selection.left, key=lambda each: (-(instruments[each].volume_24h or 0), each))
    return [*selection.selected, *others]


def _names(instrument: Instrument) -> tuple[str, ...]:
    market = instrument.market
    return (
        condition_key(market.condition_id),
        market.slug.lower(),
        market.yes,
        market.no,
        (market.group_id or "").lower(),
    )
