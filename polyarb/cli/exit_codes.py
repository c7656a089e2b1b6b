"""The exit codes of every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit says; nothing else is ever returned."""

    DONE = 0
    NO = 1
    USAGE = 2
    REFUSED = 3
    FAULT = 4
    INSUFFICIENT = 5
