"""`polyarb watch`: look at the trader from a process of its own, and act where it cannot."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event
from typing import Annotated

import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_text
from polyarb.config.supervisor import find_supervisor
from polyarb.domain.limits import Phase
from polyarb.wiring.watching import START_MS, Look, look_at, open_watch
from polyarb.wiring.watching import watch as watch_on

_NS = 1_000_000_000
_SAID_EVERY_NS = 60 * _NS
SILENT_MS = 15_000
"""A longer silence is not well; as the shipped rule TRADER_HUNG has it."""


def watch(
    phase: Annotated[
        Phase, typer.Option(help="Phase whose figures the rules follow.")
    ] = Phase.SHADOW,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="Look once, touch nothing, and exit 1 if it crashed or gives no sign of life.",
        ),
    ] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Watch the trader: halt what crashes too often, end what hangs, tell people; Ctrl-C ends."""
    place = open_from(workspace)
    if once:
        found = look_at(place, time.time_ns())
        _show(found, as_json=as_json)
        raise typer.Exit(ExitCode.DONE if is_well(found) else ExitCode.NO)
    over = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with ExitStack() as stack:
        watching = open_watch(place, phase, lambda text: notice(f"polyarb: {text}"), stack)
        looks = watch_on(
            watching, find_supervisor(), is_wanted=lambda: not over.is_set(), sleep=over.wait
        )
        _follow(looks, as_json=as_json)


def _follow(looks: Iterator[Look], *, as_json: bool) -> None:
    """Show a look when it differs from the last one shown, and one a minute."""
    shown, due_ns = None, 0
    for found in looks:
        key = (found.process, found.crashed, found.crashes, found.is_halted, found.fault)
        now_ns = time.monotonic_ns()
        if key != shown or now_ns >= due_ns:
            shown, due_ns = key, now_ns + _SAID_EVERY_NS
            _show(found, as_json=as_json)


def is_well(found: Look) -> bool:
    """Tell whether a trader runs that gives signs of life, or none that should."""
    if found.process is None:
        return not found.crashed
    allowed_ms = START_MS if found.is_starting else SILENT_MS
    return found.silence_ms is not None and found.silence_ms <= allowed_ms


def _show(found: Look, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if found.process is not None and found.is_starting:
        state = f"process {found.process} starts since {found.silence_ms} ms"
    elif found.process is not None:
        state = f"process {found.process} runs {found.phase}, last sign {found.silence_ms} ms ago"
    elif found.crashed:
        state = "the last process ended without a word, and none runs"
    else:
        state = "no process runs"
    halted = "; a halt is latched" if found.is_halted else ""
    print_text(f"{state}; {found.crashes} crashes in 24 h{halted}")
    if found.fault:
        notice(f"polyarb: {found.fault}")
