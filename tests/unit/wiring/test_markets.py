"""The instrument master of a workspace: synced from a source, chosen from by profiles."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from polyarb.config import load_effective
from polyarb.domain.errors import RefusedError, StoreError, UsageError, VenueError
from polyarb.domain.ids import ConditionId
from polyarb.domain.instruments import hot_update
from polyarb.domain.limits import Phase
from polyarb.domain.selection import Unselected
from polyarb.domain.venue import VenueSettings
from polyarb.store.workspace import Workspace
from polyarb.wiring.markets import (
    ListOptions,
    MarketsChanged,
    OpenSource,
    current_catalogue,
    instrument_store,
    list_markets,
    market_versions,
    next_catalogue,
    roll_back_markets,
    selected_catalogue,
    show_market,
    sync_markets,
)
from tests.gamma_pages import (
    Body,
    FakeSource,
    LocalVenue,
    condition,
    event,
    group,
    infos,
    market,
    page,
    serving,
)

NOW_MS = 1_795_000_000_000
HOUR_NS = 3_600 * 10**9
PROFILE = "live_shadow_atomic_v1"
CUP = group("cup")
RAIN = event("single", market("rain", volume24hr=9_000))
SNOW = event("thin", market("snow", volume24hr=1))


@pytest.fixture
def workspace(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Copy the shipped configuration."""
    shutil.copytree(root / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path.resolve())


def opening(source: FakeSource) -> OpenSource:
    @asynccontextmanager
    async def open_fake(_settings: VenueSettings) -> AsyncIterator[FakeSource]:
        yield source

    return open_fake


def source_of(events: Sequence[Body]) -> FakeSource:
    return FakeSource([page(*events)], infos(*events))


def sync(workspace: Workspace, *events: Body, accept_shrink: bool = False) -> MarketsChanged:
    source = source_of(events)
    return sync_markets(workspace, opening(source), lambda _: None, accept_shrink=accept_shrink)


def slugs(workspace: Workspace, options: ListOptions) -> list[str]:
    return [each.instrument.market.slug for each in list_markets(workspace, options).markets]


def test_the_second_source_is_asked_about_what_any_phase_watches(workspace: Workspace) -> None:
    path = workspace.profiles_dir / "live_scaled_atomic_v1.yaml"
    path.write_text(f"{path.read_text()}universe:\n  volume_24h_usd_min: 0\n  allow: [snow]\n")
    source = source_of([CUP, RAIN, SNOW, event("shut", market("hail", acceptingOrders=False))])
    sync_markets(workspace, opening(source), lambda _: None)
    asked = {condition(name) for name in ("cup-0", "cup-1", "cup-2", "rain", "snow")}
    assert set(source.asked) == asked and len(source.asked) == 5


def test_a_run_watches_the_selected_markets_of_the_current_version(workspace: Workspace) -> None:
    profile = load_effective(workspace, PROFILE).profile
    with pytest.raises(UsageError, match="expected an instrument master, found none"):
        selected_catalogue(workspace, profile, now_ms=NOW_MS)
    sync(workspace, CUP, RAIN, SNOW)
    version, before = selected_catalogue(workspace, profile, now_ms=NOW_MS)
    assert version.version == 1
    assert {each.slug for each in before.markets.values()} == {"cup-0", "cup-1", "cup-2", "rain"}
    assert [each.incomplete for each in before.groups.values()] == [""]
    sync(workspace, CUP, SNOW, event("late", market("wind", volume24hr=9_000)))
    _, after = selected_catalogue(workspace, profile, now_ms=NOW_MS)
    told = hot_update(before, after)
    assert [each.slug for each in told.added] == ["wind"]
    assert told.removed == (condition("rain"),)


def test_the_catalogue_of_a_run_does_not_change_with_the_volume_of_the_day(
    workspace: Workspace,
) -> None:
    profile = load_effective(workspace, PROFILE).profile
    sync(workspace, RAIN)
    _, before = selected_catalogue(workspace, profile, now_ms=NOW_MS)
    sync(workspace, event("single", market("rain", volume24hr=8_000, liquidityNum=900)))
    _, after = selected_catalogue(workspace, profile, now_ms=NOW_MS)
    assert before == after


def test_relations_pull_their_markets_in(workspace: Workspace) -> None:
    sync(workspace, RAIN, SNOW)
    assert slugs(workspace, ListOptions(only_selected=True)) == ["rain"]
    workspace.constraints_file.write_text(
        "relations:\n  - {id: wet, family: implication,"
        f' markets: ["{condition("rain")}", "{condition("snow")}"]}}\n'
    )
    assert sorted(slugs(workspace, ListOptions(only_selected=True))) == ["rain", "snow"]
    (shown,) = show_market(workspace, "snow", ListOptions())
    assert shown.relations == ("wet",) and shown.reason is None


def test_a_list_is_watched_first_then_by_turnover(workspace: Workspace) -> None:
    fog = event("fog", market("fog", volume24hr=2))
    sync(workspace, SNOW, fog, RAIN)
    assert slugs(workspace, ListOptions()) == ["rain", "fog", "snow"]
    assert slugs(workspace, ListOptions(reason=Unselected.VOLUME)) == ["fog", "snow"]
    assert slugs(workspace, ListOptions(markets_max=1)) == ["rain"]
    assert list_markets(workspace, ListOptions(markets_max=1)).left == {Unselected.VOLUME: 2}


@pytest.mark.parametrize(("kept", "is_refused"), [(2, False), (1, True)])
def test_a_list_with_less_than_half_is_refused(
    workspace: Workspace, kept: int, is_refused: bool
) -> None:
    names = [event(f"e{number}", market(f"m{number}")) for number in range(4)]
    sync(workspace, *names)
    if is_refused:
        with pytest.raises(RefusedError, match="at least half of the 4 markets of version 1"):
            sync(workspace, *names[:kept])
        assert sync(workspace, *names[:kept], accept_shrink=True).version.markets == kept
    else:
        assert sync(workspace, *names[:kept]).version.version == 2


def test_a_damaged_current_version_does_not_lift_the_rule(workspace: Workspace) -> None:
    names = [event(f"e{number}", market(f"m{number}")) for number in range(4)]
    sync(workspace, *names)
    instrument_store(workspace).content_file(1).write_bytes(b"")
    with pytest.raises(StoreError):
        list_markets(workspace, ListOptions())
    with pytest.raises(RefusedError):
        sync(workspace, *names[:1])
    sync(workspace, *names)
    assert len(slugs(workspace, ListOptions())) == 4


def test_a_fault_of_the_venue_keeps_the_version_before(workspace: Workspace) -> None:
    sync(workspace, RAIN)
    source = FakeSource([page(SNOW), VenueError("gone")], {})
    with pytest.raises(VenueError, match="gone"):
        sync_markets(workspace, opening(source), lambda _: None)
    assert slugs(workspace, ListOptions()) == ["rain"]


def test_a_rollback_brings_the_content_before_back(workspace: Workspace) -> None:
    sync(workspace, RAIN)
    sync(workspace, RAIN, SNOW)
    changed = roll_back_markets(workspace, None)
    assert changed.difference.removed == (ConditionId(condition("snow")),)
    assert slugs(workspace, ListOptions()) == ["rain"]
    assert [each.version for each in market_versions(workspace)] == [1, 2, 3]


def test_a_profile_is_named_by_its_name_or_its_phase(workspace: Workspace) -> None:
    sync(workspace, RAIN)
    by_phase = list_markets(workspace, ListOptions(phase=Phase.SCALED))
    assert by_phase.profile == "live_scaled_atomic_v1"
    assert list_markets(workspace, ListOptions(profile="sandbox")).profile == "sandbox"
    with pytest.raises(UsageError, match="expected one of them, found both"):
        list_markets(workspace, ListOptions(profile="sandbox", phase=Phase.SCALED))
    with pytest.raises(UsageError, match="sun: expected a condition id, slug"):
        show_market(workspace, "sun", ListOptions())


def test_a_run_reads_the_venue_only_when_there_is_no_version_of_today(
    workspace: Workspace,
) -> None:
    profile = load_effective(workspace, PROFILE).profile
    told: list[str] = []

    def watched(now_ns: int) -> set[str]:
        found = current_catalogue(workspace, profile, now_ns, told.append)
        return {each.slug for each in found.markets.values()}

    with serving(LocalVenue([RAIN])) as venue:
        text = workspace.config_file.read_text()
        hosts = f"venue:\n  hosts: {{gamma: '{venue.url}', clob: '{venue.url}'}}\n"
        workspace.config_file.write_text(text.replace("venue:\n", hosts))
        venue.status = 403
        with pytest.raises(VenueError):
            watched(NOW_MS * 10**6)
        venue.status = 200
        assert watched(NOW_MS * 10**6) == {"rain"}
        (first,) = market_versions(workspace)
        venue.status = 403
        told.clear()
        assert watched(first.written_ns + 10**9) == {"rain"} and told == []
        assert watched(first.written_ns + 25 * HOUR_NS) == {"rain"}
        assert told[-1].startswith("version 1 of the instruments is used: ")
        venue.status = 200
        assert watched(first.written_ns + 25 * HOUR_NS) == {"rain"}
        assert len(market_versions(workspace)) == 2


def test_a_run_follows_the_instruments_and_keeps_what_it_has_where_that_fails(
    workspace: Workspace,
) -> None:
    profile = load_effective(workspace, PROFILE).profile
    told: list[str] = []

    def slugs_now() -> set[str] | None:
        found = next_catalogue(workspace, profile, told.append)
        return None if found is None else {each.slug for each in found.markets.values()}

    with serving(LocalVenue([RAIN, CUP])) as venue:
        text = workspace.config_file.read_text()
        hosts = f"venue:\n  hosts: {{gamma: '{venue.url}', clob: '{venue.url}'}}\n"
        workspace.config_file.write_text(text.replace("venue:\n", hosts))
        assert slugs_now() == {"rain", "cup-0", "cup-1", "cup-2"} and told == []
        venue.status = 403
        assert slugs_now() is None
        assert told.pop().startswith("the instruments stay as they are: ")
        venue.status = 200
    with serving(LocalVenue([SNOW])) as venue:
        hosts = f"venue:\n  hosts: {{gamma: '{venue.url}', clob: '{venue.url}'}}\n"
        workspace.config_file.write_text(text.replace("venue:\n", hosts))
        assert slugs_now() is None
        assert "expected at least half of the 4 markets" in told.pop()
        sync(workspace, SNOW, accept_shrink=True)
        assert slugs_now() is None
        assert "nothing of version" in told.pop()
