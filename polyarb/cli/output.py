"""The only place that prints: values as JSON or tables on stdout, notices on stderr."""

import os
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, NoReturn

import msgspec

from polyarb.cli.exit_codes import ExitCode
from polyarb.domain.errors import PolyarbError, RefusedError, UsageError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_WIDTH_MIN = 20


@cache
def out() -> "Console":
    """Return the console of stdout; rich is loaded only when something is printed with it."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            leave_unread()

    return Piped(highlight=False, soft_wrap=True)


@cache
def err() -> "Console":
    """Return the console of stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Write one value as a line of JSON on stdout, at once: somebody may follow it."""
    print_text(msgspec.json.encode(value).decode())


def print_text(text: str) -> None:
    """Write plain text on stdout, taken literally and at once."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        leave_unread()


def print_lines(text: str) -> None:
    """Write plain text; on a terminal a line that is too long goes on below, at a word."""
    if not out().is_terminal:
        print_text(text)
        return
    from textwrap import fill

    width = max(out().width, _WIDTH_MIN)
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        print_text(fill(line, width, subsequent_indent=indent, break_on_hyphens=False))


def print_rich(renderable: "RenderableType") -> None:
    """Write something that rich can draw on stdout."""
    out().print(renderable)


def notice(text: str) -> None:
    """Write one notice on stderr; what nobody can read any more stops nothing."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def leave_unread() -> NoReturn:
    """End a command whose answer nobody reads any more, such as before `head`."""
    discard(sys.stdout.fileno())
    raise SystemExit(ExitCode.FAULT)


def discard(*descriptors: int) -> None:
    """Let what is written to descriptors from now on go nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def exit_code_of(fault: PolyarbError) -> ExitCode:
    """Map a fault to the exit code that tells it."""
    if isinstance(fault, UsageError):
        return ExitCode.USAGE
    if isinstance(fault, RefusedError):
        return ExitCode.REFUSED
    return ExitCode.FAULT


def fail(fault: PolyarbError) -> NoReturn:
    """Report a fault on stderr and leave with its exit code."""
    notice(f"polyarb: {fault}")
    raise SystemExit(exit_code_of(fault))
