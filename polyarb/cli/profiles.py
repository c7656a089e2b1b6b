"""`polyarb profiles`: what the profiles say, where values come from, what they may place."""

from typing import Annotated

import msgspec
import typer

from polyarb.cli import profile_changes
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.config import (
    Effective,
    config_digest,
    load_effective,
    load_relations,
    load_settings,
    load_written,
    profile_names,
)
from polyarb.domain.errors import UsageError
from polyarb.domain.limits import Profile
from polyarb.domain.units import format_micros
from polyarb.rollout.feasibility import Feasibility, LegalSet, cents_up, prove
from polyarb.store.workspace import Workspace

app = typer.Typer(
    help="Profiles: the figures of every phase.", no_args_is_help=True, rich_markup_mode=None
)

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Tighten a figure, e.g. envelope.venues_max=1"),
]


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A profile of the workspace as its files have it; fault is empty when they are right."""

    name: str
    profile: Profile | None = None
    feasibility: Feasibility | None = None
    fault: str = ""

    @property
    def verdict(self) -> str:
        """Say legal, illegal or invalid."""
        if self.feasibility is None:
            return "invalid"
        return "legal" if self.feasibility.is_legal else "illegal"


@app.command("list")
def list_profiles(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the profiles as their files have them."""
    place = open_from(workspace)
    found = [_examine(place, name) for name in profile_names(place)]
    if json:
        print_json([_entry(examined) for examined in found])
    else:
        print_text(_columns([_HEADINGS, *(_row(examined) for examined in found)]))
    _tell_faults(found)


@app.command("show")
def show(
    name: Annotated[
        str | None, typer.Argument(help="A profile; else the one that config.yaml names.")
    ] = None,
    flags: SetOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show every value as a run would use it, and where it comes from."""
    place = open_from(workspace)
    effective = load_effective(place, name, _parse_flags(flags or []))
    digest = config_digest(effective.profile, load_relations(place))
    if json:
        print_json({"name": effective.profile.name, "digest": digest, "values": effective.values})
    else:
        print_text(_values(effective, digest))
    for value in effective.overrides:
        notice(f"{value.key} is {value.value} instead of {value.replaces}: {value.source}")


@app.command("check")
def check(
    name: Annotated[str | None, typer.Argument(help="A profile; else all of them.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Check the files and prove that each profile can place a legal set at all.

    The venue takes no order below 5 shares and no marketable one below 1 USD. Exit 2 for a file
    with faults, 1 for a profile that can place nothing.
    """
    place = open_from(workspace)
    found = [_examine(place, each) for each in ([name] if name else profile_names(place))]
    if json:
        print_json([_verdict_entry(examined) for examined in found])
    else:
        print_text("\n\n".join(_proof(examined) for examined in found))
    _tell_faults(found)
    load_settings(place)
    load_relations(place)
    if any(examined.verdict == "illegal" for examined in found):
        raise typer.Exit(ExitCode.NO)


app.command("diff")(profile_changes.diff)
app.command("apply")(profile_changes.apply)
app.command("rollback")(profile_changes.rollback)
app.command("history")(profile_changes.list_changes)


def _examine(workspace: Workspace, name: str) -> Examined:
    try:
        profile = load_written(workspace, name).profile
    except UsageError as fault:
        return Examined(name=name, fault=str(fault))
    return Examined(name=name, profile=profile, feasibility=prove(profile))


def _tell_faults(found: list[Examined]) -> None:
    faults = dict.fromkeys(line for each in found for line in each.fault.splitlines())
    if faults:
        raise UsageError("\n".join(faults))


def _parse_flags(texts: list[str]) -> dict[str, str]:
    flags: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or key in flags:
            raise UsageError(f"--set {text}: expected KEY=VALUE, each key once")
        flags[key] = value
    return flags


def _entry(examined: Examined) -> dict[str, object]:
    is_custom = examined.name.startswith("custom/")
    return {
        "name": examined.name,
        "is_custom": is_custom,
        "profile": examined.profile,
        "fault": examined.fault,
    }


def _verdict_entry(examined: Examined) -> dict[str, object]:
    return {
        "name": examined.name,
        "verdict": examined.verdict,
        "fault": examined.fault,
        "feasibility": examined.feasibility,
    }


_HEADINGS = ("profile", "run", "phase", "trade $", "ceiling $", "edge", "position $", "day loss $")


def _row(examined: Examined) -> tuple[str, ...]:
    profile = examined.profile
    if profile is None:
        return (examined.name, "invalid", *[""] * (len(_HEADINGS) - 2))
    sizing, envelope = profile.sizing, profile.envelope
    figures = (
        sizing.trade_size,
        sizing.trade_size_ceiling,
        sizing.edge_fraction_min,
        envelope.position_notional_max,
        envelope.daily_loss_max,
    )
    phase = str(profile.phase) if profile.phase else "-"
    return (examined.name, str(profile.run), phase, *(format_micros(each) for each in figures))


def _values(effective: Effective, digest: str) -> str:
    rows: list[tuple[str, ...]] = [("key", "value", "source")]
    rows += [(value.key, value.value, value.source) for value in effective.values]
    return f"{_columns(rows)}\n\nprofile {effective.profile.name}\ndigest  {digest}"


def _proof(examined: Examined) -> str:
    """Write the verdict on a profile with the arithmetic of its smallest legal sets."""
    head = f"{examined.name}: {examined.verdict}"
    profile, feasibility = examined.profile, examined.feasibility
    if profile is None or feasibility is None:
        return head
    sizing = profile.sizing
    limits = (
        f"  trade {format_micros(sizing.trade_size)} USD,"
        f" ceiling {format_micros(sizing.trade_size_ceiling)} USD,"
        f" edge {format_micros(sizing.edge_fraction_min)};"
        f" an order needs 5 shares and {format_micros(sizing.notional_min)} USD:"
        f" max(5, {format_micros(sizing.notional_min)} / cheapest leg) shares"
    )
    rows: list[tuple[str, ...]] = [
        ("  family", "shape", "shares", "capital $", "largest order $", "fits")
    ]
    rows += [_set_row(legal) for legal in feasibility.sets]
    widest = ", ".join(
        f"{family} {count or 'none'}" for family, count in feasibility.even_legs_max.items()
    )
    return "\n".join((head, limits, _columns(rows), f"  even legs at most: {widest or 'none'}"))


def _set_row(legal: LegalSet) -> tuple[str, ...]:
    figures = (legal.shares, cents_up(legal.capital), cents_up(legal.order_max))
    fits = f"{legal.fit}: {legal.obstacle}" if legal.obstacle else str(legal.fit)
    return (f"  {legal.family}", str(legal.shape), *(format_micros(each) for each in figures), fits)


def _columns(rows: list[tuple[str, ...]]) -> str:
    """Align rows of cells; the last column is left as it is."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)
