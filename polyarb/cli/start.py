"""`polyarb start`: run a phase and show it."""

import os
import re
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.live import LiveBoard, plain_lines
from polyarb.cli.options import WorkspaceOption, open_from
from polyarb.cli.output import discard, err, notice, print_json, print_text
from polyarb.domain.errors import UsageError
from polyarb.domain.limits import Phase
from polyarb.domain.plan import Family
from polyarb.runner import Progress
from polyarb.store.workspace import Workspace
from polyarb.wiring.edges import TapeOptions
from polyarb.wiring.session import Session
from polyarb.wiring.start import SandboxOptions, StartOptions, Watcher
from polyarb.wiring.start import start as start_run

_DURATION = re.compile(r"(\d+)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended, as `--json` prints it.

    Shape: found and raw_hits by family; alerts by rule, events and the heartbeat aside.
    """

    run_id: str
    phase: str
    profile: str
    stop_reason: str
    frames: int
    messages: int
    unusable: dict[str, int]
    raw_hits: dict[str, int]
    rejected: dict[str, int]
    episodes: dict[str, int]
    sets: dict[str, int]
    alerts: dict[str, int]
    journal_sequence: int
    journal_hash: str
    tapes: list[str]
    tapes_torn: list[str]


class Source(StrEnum):
    """Where market data comes from."""

    POLYMARKET = "polymarket"
    SANDBOX = "sandbox"
    TAPE = "tape"


def start(
    phase: Annotated[Phase, typer.Option(help="Rung of the rollout to run.")],
    venue: Annotated[
        Source | None,
        typer.Option(
            help="Where market data comes from; default: a tape where --tape or --speed is given,"
            " a sandbox where --sandbox-info is, else polymarket, recorded as it comes. A workspace"
            " holds runs on one venue, and tapes."
        ),
    ] = None,
    tape: Annotated[
        list[Path] | None,
        typer.Option(help="Recorded tape to play (repeatable); default: the shipped hockey tape."),
    ] = None,
    sidecar: Annotated[
        list[Path] | None,
        typer.Option(help="What describes the tape's markets; default: the file beside it."),
    ] = None,
    sandbox_info: Annotated[
        Path | None,
        typer.Option(
            "--sandbox-info",
            help="Of a sandbox: the file that `sandbox serve --info` wrote; default: the one that"
            " serves this workspace.",
        ),
    ] = None,
    speed: Annotated[
        str | None, typer.Option(help="Of a tape: times real time, or max; default: 1.")
    ] = None,
    duration: Annotated[str, typer.Option(help="Stop after 30s, 10m, 2h, 7d of wall time.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Run a phase of the rollout, on a venue or on a tape; Ctrl-C stops cleanly."""
    place = open_from(workspace)
    of_tapes = {"--tape": tape, "--sidecar": sidecar, "--speed": speed}
    source = chosen_source(venue, of_tapes, sandbox_info)
    taped = TapeOptions(
        tapes=tuple(tape or [place.samples_dir / "tape_hockey.jsonl.gz"]),
        sidecars=tuple(sidecar or ()),
        speed=parse_speed(speed or "1"),
    )
    options = StartOptions(
        phase=phase,
        tape=taped if source is Source.TAPE else None,
        sandbox=SandboxOptions(info=sandbox_info) if source is Source.SANDBOX else None,
        duration_s=parse_duration(duration) if duration else None,
    )
    summary = run(place, options, as_json=as_json)
    raise typer.Exit(ExitCode.FAULT if summary.tapes_torn else ExitCode.DONE)


def chosen_source(
    venue: Source | None, of_tapes: Mapping[str, object], sandbox_info: Path | None
) -> Source:
    """Tell where market data comes from. Errors: UsageError for an option of another source."""
    given = {Source.TAPE: [name for name, value in of_tapes.items() if value is not None]}
    given[Source.SANDBOX] = [] if sandbox_info is None else ["--sandbox-info"]
    asked = (source for source, names in given.items() if names)
    chosen = venue or next(asked, Source.POLYMARKET)
    for source, names in given.items():
        if names and source is not chosen:
            raise UsageError(f"{names[0]}: expected it with --venue {source} only, found {chosen}")
    return chosen


def parse_speed(text: str) -> float | None:
    """Read times real time; max is None. Errors: UsageError."""
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UsageError(f"--speed: expected a number above 0 or max, found {text!r}")
    return speed


def parse_duration(text: str) -> float:
    """Read 30s, 10m, 2h or 7d as seconds. Errors: UsageError."""
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise UsageError(f"--duration: expected such as 30s, 10m, 2h or 7d, found {text!r}")
    return int(found[1]) * float(_SECONDS[found[2]])


def run(place: Workspace, options: StartOptions, *, as_json: bool) -> Summary:
    """Run, show, and tell how it ended."""
    with ExitStack() as stack:
        session, progress = start_run(
            place,
            options,
            Watcher(
                watch=lambda session: _watch(session, stack, is_quiet=as_json),
                tell=lambda text: notice(f"polyarb: {text}"),
            ),
        )
    summary = summarise(session, progress)
    if as_json:
        print_json(summary)
    else:
        print_text(story(place, summary))
    for torn in summary.tapes_torn:
        notice(f"polyarb: {torn}: the tape ends torn; every whole line before was played")
    return summary


def _watch(session: Session, stack: ExitStack, *, is_quiet: bool) -> None:
    """Show a session while it runs and stop it cleanly on a signal."""
    runner = session.runner
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def stop(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            discard(*terminals)
        runner.stop(f"signal {signal.Signals(number).name}")

    for number in _stopping_signals():
        stack.callback(signal.signal, number, signal.signal(number, stop))
    for value in session.overrides:
        notice(f"polyarb: {value.key} is {value.value} by {value.source}, not {value.replaces}")
    if session.is_halted:
        notice("polyarb: a halt is latched: watching only; `polyarb resume` allows trading again")
    if session.journal.repaired is not None:
        notice(f"polyarb: the journal's torn tail was cut off: {session.journal.repaired}")
    if is_quiet:
        return
    if err().is_terminal:
        runner.observers.append(stack.enter_context(LiveBoard(session, err())).show)
    else:
        runner.observers.append(plain_lines(session, notice))


def _stopping_signals() -> list[signal.Signals]:
    """List what stops a run cleanly; the end of a terminal does, unless it runs under nohup."""
    is_kept = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    always = [signal.SIGINT, signal.SIGTERM]
    return always if is_kept else [*always, signal.SIGHUP]


def summarise(session: Session, progress: Progress) -> Summary:
    """Collect what a finished run says of itself."""
    folding, statistics, head = (
        session.folding,
        session.runner.feed.statistics,
        session.journal.head,
    )
    return Summary(
        run_id=session.recipe.run_id,
        phase=session.recipe.profile.phase or "",
        profile=session.recipe.profile.name,
        stop_reason=progress.stop_reason,
        frames=progress.frames,
        messages=statistics.messages,
        unusable=dict(statistics.rejected),
        raw_hits={family: folding.raw_hits[family] for family in Family},
        rejected=dict(folding.rejected.most_common()),
        episodes={family: folding.found[family] for family in Family},
        sets={str(status): count for status, count in folding.sets.items()},
        alerts=dict(session.alerting.fired.most_common()),
        journal_sequence=head.sequence,
        journal_hash=head.hash,
        tapes=[str(tape) for tape in session.edge.tapes],
        tapes_torn=session.edge.torn(),
    )


def story(place: Workspace, summary: Summary) -> str:
    """Say a summary for a person."""
    seen = {family: count for family, count in summary.raw_hits.items() if count}
    lines = [
        f"{summary.phase} run {summary.run_id} ended: {summary.stop_reason}",
        f"  {summary.frames:,} frames, {summary.messages:,} messages, "
        f"{sum(summary.unusable.values()):,} unusable",
        f"  looked like arbitrage: {_counts(seen) or 'nothing'}",
        f"  refused: {_counts(summary.rejected) or 'nothing'}",
        f"  episodes: {sum(summary.episodes.values())}, sets: {_counts(summary.sets) or 'none'}",
        f"  alerts that fired: {_counts(summary.alerts) or 'none'}",
        f"  journal: {place.shown(place.journal_file)} up to record {summary.journal_sequence}",
        "  next: polyarb report daily",
    ]
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
