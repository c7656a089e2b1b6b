"""`polyarb markets`: the venue's instruments in versions, and which of them a run watches."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from polyarb.cli.documents import print_table
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.domain.fees import RATE_SCALE
from polyarb.domain.instruments import Instrument
from polyarb.domain.limits import Phase
from polyarb.domain.selection import Unselected
from polyarb.domain.units import format_micros, format_scaled
from polyarb.reports.document import Table
from polyarb.store.instruments import Version
from polyarb.wiring.markets import (
    Listed,
    ListOptions,
    MarketList,
    MarketsChanged,
    Shown,
    list_markets,
    market_versions,
    open_source,
    roll_back_markets,
    show_market,
    sync_markets,
)

app = typer.Typer(
    help="Markets: the instrument master.", no_args_is_help=True, rich_markup_mode=None
)

ROWS_MAX = 100
"""How many markets are listed for a person who does not say."""
PROGRESS_S = 1.0
"""Pause between two lines of progress."""
_SHOWN_REFUSALS = 10
_SHOWN_CHANGES = 10

ProfileOption = Annotated[
    str | None, typer.Option(help="Whose universe chooses; default: that of config.yaml.")
]
PhaseOption = Annotated[Phase | None, typer.Option(help="Choose by the profile of a phase.")]


@app.command("sync")
def sync(
    accept_shrink: Annotated[
        bool,
        typer.Option("--accept-shrink", help="Take a list with less than half of the markets."),
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Read all open markets from the venue's public hosts into a new version.

    Exit 4 when the venue cannot be read whole, 3 when more than half of the markets are gone; the
    current version then stays.
    """
    place = open_from(workspace)
    changed = sync_markets(place, open_source, _progress(), accept_shrink=accept_shrink)
    _tell_changed(changed, as_json=as_json)


@app.command("rollback")
def rollback(
    version: Annotated[
        int | None, typer.Argument(help="A version; else the content before the current one.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make an older version current again; that is a new version, too."""
    _tell_changed(roll_back_markets(open_from(workspace), version), as_json=as_json)


@app.command("list")
def list_command(
    selected: Annotated[bool, typer.Option("--selected", help="Only watched markets.")] = False,
    reason: Annotated[
        Unselected | None, typer.Option(help="Only markets that are not watched for it.")
    ] = None,
    profile: ProfileOption = None,
    phase: PhaseOption = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help=f"At most so many; default: {ROWS_MAX}, all with --json."),
    ] = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="List the versions instead of the markets.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List the markets of the current version and why each is watched or not."""
    place = open_from(workspace)
    if versions:
        _tell_versions(market_versions(place), as_json=as_json)
        return
    options = ListOptions(
        profile=profile,
        phase=phase,
        only_selected=selected,
        reason=reason,
        markets_max=limit if limit or as_json else ROWS_MAX,
    )
    _tell_list(list_markets(place, options), as_json=as_json)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A condition id, slug, token id or group id.")],
    profile: ProfileOption = None,
    phase: PhaseOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show all that is known of a market, or of every market of a group."""
    found = show_market(open_from(workspace), name, ListOptions(profile=profile, phase=phase))
    if as_json:
        print_json(found)
    else:
        print_text("\n\n".join(_sheet(each) for each in found))


def _progress() -> Callable[[str], None]:
    """Return a teller that says at most one line a second."""
    told_s = time.monotonic()

    def tell(text: str) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= PROGRESS_S:
            told_s = now_s
            notice(text)

    return tell


def _tell_changed(changed: MarketsChanged, *, as_json: bool) -> None:
    if as_json:
        print_json(changed)
        return
    version, told = changed.version, changed.difference
    lines = [
        f"version {version.version} ({version.kind}): {version.markets} markets,"
        f" {version.groups} groups ({version.groups_complete} proven complete)",
        f"  added {version.added}, removed {version.removed}, changed {version.changed}",
        f"  left out as wrong: {version.refused}",
    ]
    lines += [
        _plain(f"    {each.subject}: {each.reason}") for each in changed.refused[:_SHOWN_REFUSALS]
    ]
    for each in (*told.changed, *told.groups_changed)[:_SHOWN_CHANGES]:
        facts = ", ".join(f"{fact.field} {fact.before} -> {fact.after}" for fact in each.fields)
        lines.append(_plain(f"  {each.subject}: {facts}"))
    print_text("\n".join(lines))


def _tell_list(found: MarketList, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    headings = ("market", "watched", "fee", "tick", "volume 24h $", "liquidity $", "ends (UTC)")
    rows = tuple(_row(listed) for listed in found.markets)
    print_table(Table(headings=headings, rows=rows, numbers=frozenset({2, 3, 4, 5})))
    left = ", ".join(f"{reason} {count}" for reason, count in found.left.items())
    notice(
        f"version {found.version.version}, profile {found.profile}: {found.selected} of"
        f" {found.total} markets watched; left: {left or 'none'}; {len(rows)} shown"
    )


def _row(listed: Listed) -> tuple[str, ...]:
    instrument = listed.instrument
    market = instrument.market
    why = "yes" if listed.reason is None else str(listed.untradable or listed.reason)
    return (
        _plain(market.slug or market.condition_id),
        why,
        "" if market.fee is None else format_scaled(market.fee.rate, RATE_SCALE),
        "" if market.tick is None else format_micros(market.tick),
        _dollars(instrument.volume_24h),
        _dollars(instrument.liquidity),
        _utc(instrument.end_time_ms),
    )


def _sheet(shown: Shown) -> str:
    instrument, group = shown.instrument, shown.group
    market = instrument.market
    facts: list[tuple[str, str]] = [
        ("condition", market.condition_id),
        ("slug", market.slug),
        ("tokens", f"{market.outcomes[0]} {market.yes}, {market.outcomes[1]} {market.no}"),
        ("version", str(market.version or "unknown")),
        ("tick, smallest order", f"{_micros(market.tick)}, {_micros(market.size_min)} shares"),
        ("fee", _fee(instrument)),
        ("hold", f"{market.hold_ms} ms"),
        ("ends", _utc(instrument.end_time_ms) or "unknown"),
        (
            "volume 24h, liquidity",
            f"{_dollars(instrument.volume_24h)}, {_dollars(instrument.liquidity)} USD",
        ),
        ("second source", "agrees" if instrument.is_confirmed else "not asked, or see doubts"),
        ("tradable", str(shown.untradable or "yes")),
        (f"watched by {shown.profile}", str(shown.reason or "yes")),
    ]
    facts += [("doubt", doubt) for doubt in instrument.doubts]
    if group is not None:
        name = group.title or group.group_id
        certificate = group.incomplete or "complete"
        facts.append(
            (
                "group",
                f"{name}, {len(group.condition_ids)} markets: {certificate}",
            )
        )
    facts += [("relation", relation_id) for relation_id in shown.relations]
    width = max(len(name) for name, _ in facts)
    return "\n".join(
        [_plain(market.question or market.condition_id)]
        + [f"  {name.ljust(width)}  {_plain(text)}" for name, text in facts]
    )


def _tell_versions(versions: list[Version], *, as_json: bool) -> None:
    if as_json:
        print_json(versions)
        return
    headings = (
        "version",
        "kind",
        "content",
        "written (UTC)",
        "by",
        "from",
        "markets",
        "groups",
        "added",
        "removed",
        "changed",
    )
    rows = tuple(
        (
            str(each.version),
            str(each.kind),
            str(each.content),
            _utc(each.written_ns // 1_000_000),
            each.actor,
            each.source,
            str(each.markets),
            str(each.groups),
            str(each.added),
            str(each.removed),
            str(each.changed),
        )
        for each in versions
    )
    print_table(Table(headings=headings, rows=rows, numbers=frozenset({0, 2, 6, 7, 8, 9, 10})))


def _fee(instrument: Instrument) -> str:
    fee = instrument.market.fee
    if fee is None:
        return "unknown"
    read = _utc(instrument.fee_time_ms) or "unknown"
    return f"{format_scaled(fee.rate, RATE_SCALE)}, exponent {fee.exponent}, read {read}"


def _plain(text: str) -> str:
    """Take out of a text of the venue what would steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _micros(amount: int | None) -> str:
    return "unknown" if amount is None else format_micros(amount)


def _dollars(amount: int | None) -> str:
    return "unknown" if amount is None else f"{amount // 1_000_000:,}"


def _utc(time_ms: int | None) -> str:
    if time_ms is None:
        return ""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
