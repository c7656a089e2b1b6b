"""`polyarb status`: what a running process does, or how the last one ended."""

import signal
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from polyarb.cli.alert_words import alert_lines
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import print_json, print_text
from polyarb.domain.order import TradingState
from polyarb.domain.surroundings import ClockStanding
from polyarb.domain.venue import VenueMode
from polyarb.store.control import Halt, read_halt
from polyarb.store.status import (
    LatencyFigures,
    Liveness,
    SourceFigures,
    Status,
    StatusReading,
    read_status,
)
from polyarb.wiring.alerts.standing import AlertStanding, read_standing

WATCH_S = 2.0
"""Pause between two looks of --watch, in seconds."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    halt: Halt | None
    reading: StatusReading
    alerts: AlertStanding


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds.")] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell what a running process does, or how it ended; exit 1 when none runs."""
    place = open_from(workspace)
    if watch:
        signal.signal(signal.SIGINT, lambda *_: sys.exit(ExitCode.DONE))
    while True:
        reading, halted = (
            read_status(place.status_file, place.lock_file),
            read_halt(place.halt_file),
        )
        standing = read_standing(place, time.time_ns())
        if as_json:
            print_json(Answer(halt=halted, reading=reading, alerts=standing))
        else:
            print_text("\n".join([tell(reading, halted), *alert_lines(standing)]))
        if not watch:
            break
        time.sleep(WATCH_S)
    raise typer.Exit(ExitCode.DONE if reading.liveness is Liveness.LIVE else ExitCode.NO)


def tell(reading: StatusReading, halted: Halt | None) -> str:
    """Say a status for a person."""
    latch = [] if halted is None else [f"halt latched by {halted.actor}: {halted.reason}"]
    if reading.status is None:
        ran = "no process has run in this workspace yet"
        busy = f"process {reading.holder} holds the workspace and has said nothing yet"
        return "\n".join([ran if reading.holder is None else busy, *latch])
    return "\n".join([*_lines(reading.liveness, reading.status), *latch])


def _lines(liveness: Liveness, status: Status) -> list[str]:
    seen = ", ".join(f"{family} {count}" for family, count in status.opportunities.items())
    pnl, latency = status.pnl, status.latency
    columns = (pnl.expected, pnl.matched, pnl.settled, pnl.chain)
    names = ("expected", "matched", "settled", "chain")
    money = ", ".join(
        f"{name} {value or 'no sample'}" for name, value in zip(names, columns, strict=True)
    )
    runs = "runs" if liveness is Liveness.LIVE else _ending(status)
    p99 = "not measured" if latency.p99_ns is None else f"{latency.p99_ns / 1000:.1f} µs"
    return [
        f"process {status.pid} {runs}: {_rung(status)}, {status.run_id}, {status.state}",
        f"  started {_utc(status.started_ns)}, last word {_utc(status.updated_ns)}",
        f"  {status.frames:,} frames, {status.messages:,} messages, frame to decision p99 {p99}",
        f"  episodes: {seen or 'none'}; sets in flight: {status.open_sets}",
        f"  PnL (USD): {money}",
        f"  journal: record {status.journal.sequence}",
        *_received(latency),
        *_surroundings(status),
        *map(_source, status.sources),
    ]


def _rung(status: Status) -> str:
    """Name the phase, and where it is; older processes did not tell that."""
    return f"{status.phase} on {status.venue}" if status.venue else status.phase


def _ending(status: Status) -> str:
    """Say how a process ended that is gone: one that ended in order said HALTED last."""
    return "has ended" if status.state is TradingState.HALTED else "is gone without a last word"


def _received(latency: LatencyFigures) -> list[str]:
    if latency.received_p99_ns is None:
        return []
    milliseconds = latency.received_p99_ns / 1e6
    return [f"  receipt to decision p99 {milliseconds:.2f} ms; slowest stage: {latency.bottleneck}"]


def _surroundings(status: Status) -> list[str]:
    """Say what keeps from deciding: the venue's mode where it is restricted, our clock."""
    mode, clock = status.venue_mode, status.clock
    told = [] if mode is VenueMode.OK else [f"  the venue is {mode}: nothing new is opened"]
    return told if clock is None else [*told, f"  our clock: {clock_line(clock)}"]


def clock_line(clock: ClockStanding) -> str:
    """Say what our clock is worth."""
    drift = "" if clock.drift_ppm is None else f"; drifts {clock.drift_ppm:+.0f} ppm"
    stepped = "; was set" if clock.is_stepped else ""
    return f"{clock.verdict}: {clock.reason}{drift}{stepped}"


def _source(one: SourceFigures) -> str:
    faults = ", ".join(f"{reason} {count}" for reason, count in one.faults.items())
    state = f"isolated: {one.isolated}" if one.isolated else f"tells {one.markets} markets"
    return (
        f"  {one.source}: {state}; {one.messages:,} messages, {one.latency_ms} ms behind the"
        f" venue; faults: {faults or 'none'}"
    )


def _utc(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
