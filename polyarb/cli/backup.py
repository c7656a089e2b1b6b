"""`polyarb backup`: make, list, verify, restore, prune and drill backups of a workspace."""

from pathlib import Path
from typing import Annotated

import typer

from polyarb.cli.documents import print_table
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.domain.errors import UsageError
from polyarb.reports.document import Table
from polyarb.reports.wording import duration, moment, some
from polyarb.store.backup.expiry import Pruning
from polyarb.store.backup.manifest import FindingKind
from polyarb.store.backup.places import list_names
from polyarb.store.backup.restoring import Restoration, missing_tapes
from polyarb.store.backup.verifying import Verification
from polyarb.store.workspace import Workspace
from polyarb.wiring.backups import backups
from polyarb.wiring.backups.backups import Created, Pruned, RestoreDrill
from polyarb.wiring.backups.listing import Listed, list_backups

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def root() -> None:
    """Make, verify and restore backups of a workspace."""


@app.command()
def create(
    with_tapes: Annotated[
        bool, typer.Option("--with-tapes", help="Copy recorded tapes too; else only their hashes.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a backup beside whatever runs; secrets are never in it."""
    place = open_from(workspace)
    backups.step_back()
    created = backups.create(place, with_tapes=with_tapes)
    tell_notices(created)
    if as_json:
        print_json(created)
    else:
        print_text(creation_text(place, created))


@app.command("list")
def list_(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List backups, oldest first: age, size, how far, and whether they were found whole."""
    listed = list_backups(open_from(workspace))
    if as_json:
        print_json(listed)
    else:
        print_table(listed_table(listed))


@app.command()
def verify(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One backup; a path with a slash needs no workspace."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Verify every backup.")] = False,
    latest: Annotated[
        bool, typer.Option("--latest", help="Verify the newest one; the default.")
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Read backups through and replay them; exit 1 where one is damaged, 5 where there is none."""
    if (name is not None) + every + latest > 1:
        raise UsageError("expected one of NAME, --all and --latest, found several")
    backups.step_back()
    found = verified(name, is_every=every, workspace=workspace)
    if as_json:
        print_json(found)
    else:
        print_text("\n".join(map(verification_text, found)) or "there is no backup")
    raise typer.Exit(exit_of(found))


@app.command()
def restore(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A backup; a path with a slash needs no workspace."),
    ],
    into: Annotated[Path, typer.Option(metavar="DIR", help="Where; empty or not there yet.")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Restore a sound backup into an empty directory, which begins halted; exit 3 over anything."""
    place = None if is_path(name) else open_from(workspace)
    restored = backups.restore(place, name, into)
    tell_missing_tapes(restored)
    if as_json:
        print_json(restored)
    else:
        print_text(restoration_text(restored))


@app.command()
def prune(
    confirmed: Annotated[
        bool, typer.Option("--yes", help="Remove them; without it they are only named.")
    ] = False,
    expect: Annotated[
        int | None,
        typer.Option(min=0, help="How many will go; confirms that more than half go at once."),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Keep 7 days, then 24 hours, 7 days, 5 weeks and 12 months; exit 3 if the clock seems off."""
    done = backups.prune(open_from(workspace), is_confirmed=confirmed, expected=expect)
    if as_json:
        print_json(done)
    else:
        print_text(pruned_text(done))


@app.command()
def drill(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Restore the newest backup aside and prove that it would start; record it as evidence."""
    from polyarb.wiring.backups.evidence import drill_and_record

    backups.step_back()
    done = drill_and_record(open_from(workspace))
    if as_json:
        print_json(done)
    else:
        print_text("\n".join(drill_lines(done)))
    raise typer.Exit(ExitCode.DONE if done.is_passed else ExitCode.NO)


def is_path(name: str) -> bool:
    """Tell whether a backup is named by where it lies."""
    return "/" in name


def verified(
    name: str | None, *, is_every: bool, workspace: Path | None
) -> tuple[Verification, ...]:
    """Verify what is asked for; without backups nothing."""
    if name is not None and is_path(name):
        return (backups.verify_at(Path(name)),)
    place = open_from(workspace)
    names = list_names(place.backups_dir)
    chosen = [name] if name is not None else names if is_every else names[-1:]
    return tuple(backups.verify(place, chosen))


def exit_of(found: tuple[Verification, ...]) -> ExitCode:
    """Say whether everything is whole; nothing to look at is no evidence."""
    if not found:
        return ExitCode.INSUFFICIENT
    return ExitCode.DONE if all(one.is_sound for one in found) else ExitCode.NO


def tell_notices(created: Created) -> None:
    """Say what was cleaned up, and what is not in the backup although one may expect it."""
    for name in created.swept:
        notice(f"polyarb: removed {name}, which an interrupted call left behind")
    database = created.manifest.database
    if database.left_out:
        notice(f"polyarb: the database is left out: {database.left_out}")


def creation_text(place: Workspace, created: Created) -> str:
    """Say what a backup holds."""
    manifest = created.manifest
    tapes = [tape for tape in manifest.tapes if not tape.is_included]
    lines = [
        f"{place.shown(Path(created.path))}: {some(len(manifest.files), 'file')}, "
        f"{size_text(manifest.size)}, journal up to record {manifest.journal.head.sequence}",
        f"  state {manifest.state.digest}",
    ]
    if tapes:
        size = size_text(sum(tape.size for tape in tapes))
        lines.append(f"  {some(len(tapes), 'tape file')} ({size}) named, not copied: --with-tapes")
    return "\n".join(lines)


def listed_table(listed: tuple[Listed, ...]) -> Table:
    """Tabulate backups."""
    return Table(
        headings=("backup", "made", "age", "size", "record", "verified"),
        rows=tuple(
            (
                one.name,
                moment(one.created_ns),
                duration(max(0, one.age_ns)),
                size_text(one.size),
                f"{one.records:,}",
                one.fault or (moment(one.verified_ns) if one.is_verified else "no"),
            )
            for one in listed
        ),
        numbers=frozenset({3, 4}),
        empty="there is no backup",
    )


def verification_text(found: Verification) -> str:
    """Say what verifying a backup found."""
    manifest = found.manifest
    if found.is_sound and manifest is not None:
        return (
            f"{found.name}: whole; {some(len(manifest.files), 'file')}, journal up to record "
            f"{manifest.journal.head.sequence}, state {manifest.state.digest} again"
        )
    lines = [f"  {finding.text}" for finding in found.findings]
    is_newer = any(finding.kind is FindingKind.NEWER for finding in found.findings)
    verdict = "NEWER than this version can read" if is_newer else "DAMAGED"
    return "\n".join([f"{found.name}: {verdict}", *lines])


def tell_missing_tapes(restored: Restoration) -> None:
    """Say which tapes are not there, and what cannot be done without them."""
    for recording in missing_tapes(restored.tapes_left_out):
        notice(
            f"polyarb: {recording} is not in the backup; runs that were recorded there cannot be "
            "run again until it lies where it lay"
        )
    for tape in restored.tapes_absent:
        notice(
            f"polyarb: a run names the tape {tape}, which is not there; `polyarb replay verify` "
            "cannot compare that run until it is"
        )


def restoration_text(restored: Restoration) -> str:
    """Say what was restored and what comes next."""
    how = "built anew" if restored.is_database_rebuilt else "restored"
    return "\n".join(
        (
            f"{restored.workspace}: {some(restored.files, 'file')} of backup {restored.name}, "
            f"journal up to record {restored.head.sequence}",
            f"  state {restored.state.digest}, as when it was backed up",
            f"  database {how}, {some(restored.applied, 'record')} applied",
            "  halted: reconcile, then `polyarb resume`; secrets were not in it: put .env back",
        )
    )


def pruned_text(done: Pruned) -> str:
    """Say which backups stay for what, and which go or went."""
    verb = "removed" if done.removed or not done.pruning.expired else "would remove"
    lines = [f"keep {one.name}: {', '.join(one.reasons)}" for one in done.pruning.kept]
    lines += [f"{verb} {name}" for name in done.pruning.expired]
    return "\n".join([*lines, _summary(done.pruning, verb)])


def _summary(pruning: Pruning, verb: str) -> str:
    hint = "; `--yes` does it" if verb != "removed" else ""
    return f"{some(len(pruning.kept), 'backup')} kept, {len(pruning.expired)} {verb}{hint}"


def drill_lines(done: RestoreDrill) -> tuple[str, ...]:
    """Say how a drill went, step by step."""
    verdict = "PASSED" if done.is_passed else "FAILED"
    ready = f", ready after {duration(done.rto_ns)}" if done.is_passed else ""
    return (
        f"restore drill of {done.backup}: {verdict}{ready}",
        *(
            f"  {'ok  ' if step.is_passed else 'FAIL'} {step.name}: {step.found} "
            f"({duration(step.took_ns)})"
            for step in done.steps
        ),
    )


def size_text(size: int) -> str:
    """Write bytes in MB with one place, small ones in bytes."""
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"
