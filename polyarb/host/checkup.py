"""What a checkup finds: one finding a check, and the worst of them. Pure."""

from enum import StrEnum

import msgspec


class Result(StrEnum):
    """What one check says, the worst last."""

    SKIPPED = "skipped"
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. Shape: measured maps a name with its unit to a whole number; an empty
    remedy means the usual one of the check.
    """

    result: Result
    found: str
    remedy: str = ""
    measured: dict[str, int] = {}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check with its finding; remedy is empty where nothing is to be done.

    Shape: why says in one clause what hangs on it, where that does not go without saying.
    """

    name: str
    result: Result
    found: str
    remedy: str
    measured: dict[str, int]
    why: str = ""


def ok(found: str, **measured: int) -> Finding:
    """Say that all is well."""
    return Finding(result=Result.OK, found=found, measured=measured)


def warn(found: str, remedy: str = "", **measured: int) -> Finding:
    """Say what is worth a look and stops nothing."""
    return Finding(result=Result.WARN, found=found, remedy=remedy, measured=measured)


def fail(found: str, remedy: str = "", **measured: int) -> Finding:
    """Say what must be mended first."""
    return Finding(result=Result.FAIL, found=found, remedy=remedy, measured=measured)


def skipped(found: str) -> Finding:
    """Say why nothing was looked at."""
    return Finding(result=Result.SKIPPED, found=found)


def worst(results: list[Result]) -> Result:
    """Return the worst of some results."""
    return max(results, key=list(Result).index, default=Result.SKIPPED)
