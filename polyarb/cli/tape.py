"""`polyarb tape`: list, verify, convert and prune recordings."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from polyarb.cli.documents import print_table
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.reports.document import Table
from polyarb.reports.wording import some
from polyarb.store.retention import Retention, parse_bytes
from polyarb.store.tape_scan import TapeVerification
from polyarb.wiring.recordings import (
    Recorded,
    export_columnar,
    import_parquet,
    list_recorded,
    prune_recorded,
    rebuild_indexes,
    verify_recorded,
)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
_BYTES_PER_MB = 1_000_000


@app.callback()
def root() -> None:
    """List, verify, convert and prune recordings."""


@app.command("list")
def list_(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List what is recorded below data/tape."""
    listed = list_recorded(open_from(workspace))
    if as_json:
        print_json(listed)
    else:
        print_table(recorded_table(listed))


@app.command()
def verify(
    path: Annotated[
        Path | None, typer.Argument(help="A tape, or a directory of them; default: data/tape.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Read tapes through: torn ends, holes, hashes; exit 1 where something is wrong."""
    found = verify_recorded(open_from(workspace), path)
    if as_json:
        print_json(found)
    else:
        print_text("\n".join(verification_lines(found)))
    if not found.files and not found.flaws:
        raise typer.Exit(ExitCode.INSUFFICIENT)
    raise typer.Exit(ExitCode.NO if found.flaws else ExitCode.DONE)


@app.command()
def index(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Write the indexes anew from the files.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show what the files hold as their indexes have it, or write the indexes anew."""
    place = open_from(workspace)
    if rebuild:
        entries = rebuild_indexes(place)
    else:
        entries = tuple(one.entry for one in list_recorded(place) if one.is_indexed)
    if as_json:
        print_json(entries)
    else:
        print_text(f"{some(len(entries), 'file')} {'indexed anew' if rebuild else 'indexed'}")


@app.command()
def export(
    tapes: Annotated[list[Path], typer.Argument(help="Tapes, or directories of them, in order.")],
    parquet: Annotated[Path, typer.Option(help="The columnar file to write.")],
    since: Annotated[
        datetime | None, typer.Option("--from", formats=_TIMES, help="Only from this UTC time on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=_TIMES, help="Only before this UTC time.")
    ] = None,
    without_hashes: Annotated[
        bool,
        typer.Option("--without-hashes", help="Leave the venue's book hashes out; much smaller."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write tapes as one columnar file; needs polyarb[columnar]."""
    done = export_columnar(
        tapes,
        parquet,
        since_ns=0 if since is None else _ns(since),
        until_ns=None if until is None else _ns(until),
        keep_hashes=not without_hashes,
    )
    if as_json:
        print_json(done)
    else:
        kept = f", {some(done.raw, 'line')} kept as text" if done.raw else ""
        print_text(f"{done.path}: {some(done.lines, 'line')}, {done.bytes:,} bytes{kept}")


@app.command("import")
def import_(
    sources: Annotated[
        list[Path], typer.Argument(help="Columnar tapes, or hourly archives of the venue.")
    ],
    out: Annotated[Path, typer.Option(help="The directory to write tapes to.")],
    as_json: JsonOption = False,
) -> None:
    """Write Parquet files as tapes; needs polyarb[columnar]."""
    done = import_parquet(sources, out)
    if as_json:
        print_json(done)
    else:
        print_text("\n".join(done.paths))
        notice(f"polyarb: {some(done.lines, 'line')} written")


@app.command()
def prune(
    budget: Annotated[str, typer.Option(help="What recordings may take, like 20GB.")],
    keep_days: Annotated[
        int, typer.Option(min=0, help="Keep what runs of the last so many days need.")
    ] = 7,
    force: Annotated[
        bool, typer.Option("--force", help="Remove also what those runs need to be run again.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Remove the oldest whole hours down to a budget; exit 1 where that is not enough."""
    done = prune_recorded(
        open_from(workspace),
        parse_bytes(budget),
        keep_days=keep_days,
        is_forced=force,
        now_ns=time.time_ns(),
    )
    if as_json:
        print_json(done)
    else:
        print_text("\n".join(retention_lines(done)))
    raise typer.Exit(ExitCode.DONE if done.is_within else ExitCode.NO)


def recorded_table(listed: tuple[Recorded, ...]) -> Table:
    """Tabulate recorded files."""
    return Table(
        headings=("file", "from (UTC)", "to (UTC)", "lines", "MB", "state", "needed by"),
        rows=tuple(
            (
                one.path,
                _time(one.entry.first_ns),
                _time(one.entry.last_ns),
                f"{one.entry.lines:,}",
                f"{one.entry.bytes / _BYTES_PER_MB:.1f}",
                _state(one),
                ", ".join(one.needed_by),
            )
            for one in listed
        ),
        numbers=frozenset({3, 4}),
        empty="nothing is recorded",
    )


def verification_lines(found: TapeVerification) -> tuple[str, ...]:
    """Say what was read and everything that is wrong with it."""
    lost = f", {some(found.losses, 'line')} of a lost feed" if found.losses else ""
    apart = f", {found.unindexed} not in an index" if found.unindexed else ""
    wrong = some(len(found.flaws), "flaw") if found.flaws else "no flaw"
    return (
        f"{some(found.files, 'file')}, {some(found.lines, 'line')}, {found.bytes:,} bytes"
        f"{lost}{apart}: {wrong}",
        *(
            f"  {flaw.file}{f' line {flaw.line}' if flaw.line else ''}: {flaw.kind}: {flaw.text}"
            for flaw in found.flaws
        ),
    )


def retention_lines(done: Retention) -> tuple[str, ...]:
    """Say what went, what stays, and why where that is too much."""
    lines = [f"removed {file.path}" for file in done.removed]
    lines.append(
        f"{some(len(done.removed), 'file')} removed, {done.removed_bytes:,} bytes; "
        f"{done.kept_bytes:,} of {done.budget:,} bytes stay"
    )
    if not done.is_within:
        reasons = ", ".join(done.kept_for) or "files that no run recorded"
        lines.append(f"above the budget, because of {reasons}")
    return tuple(lines)


def _state(one: Recorded) -> str:
    if one.is_being_written:
        return "being written"
    if one.entry.is_torn:
        return "torn"
    return "whole" if one.is_indexed else "whole, not in its index"


def _time(time_ns: int) -> str:
    if not time_ns:
        return "not told"
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}"


def _ns(time_: datetime) -> int:
    return int(time_.replace(tzinfo=UTC).timestamp()) * 10**9
