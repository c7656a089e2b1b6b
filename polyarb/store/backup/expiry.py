"""Which backups may go: everything of a week stays, then the newest of hours, days, weeks, months.

A pure function of names, times and what is verified; a clock that seems to have jumped deletes
nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

_DAY_NS = 86_400 * 10**9
KEEP_ALL_NS = 7 * _DAY_NS
"""Everything so young stays."""


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """A backup as retention sees it. Units: time_ns in unix nanoseconds."""

    name: str
    time_ns: int
    is_verified: bool


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """Of each of the last so many periods that have a backup, one stays."""

    name: str
    periods: int
    period_of: Callable[[datetime], tuple[int, ...]]


TIERS: tuple[Tier, ...] = (
    Tier(name="hourly", periods=24, period_of=lambda at: (at.year, at.month, at.day, at.hour)),
    Tier(name="daily", periods=7, period_of=lambda at: (at.year, at.month, at.day)),
    Tier(name="weekly", periods=5, period_of=lambda at: tuple(at.isocalendar()[:2])),
    Tier(name="monthly", periods=12, period_of=lambda at: (at.year, at.month)),
)


class Refusal(StrEnum):
    """Why nothing may go."""

    FUTURE = "FUTURE"
    ALL_OLD = "ALL_OLD"
    NONE_VERIFIED = "NONE_VERIFIED"
    MANY_AT_ONCE = "MANY_AT_ONCE"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that stays, and all that it stays for."""

    name: str
    reasons: tuple[str, ...]


class Pruning(msgspec.Struct, frozen=True, kw_only=True):
    """What stays and what may go, oldest first; with a refusal nothing may."""

    kept: tuple[Kept, ...]
    expired: tuple[str, ...]
    refusal: Refusal | None = None
    text: str = ""


def choose_expired(
    backups: Iterable[Dated], now_ns: int, *, expected: int | None = None
) -> Pruning:
    """Choose what may go.

    Shape: expected is how many an operator says will go; only then may more than half go at once.
    """
    ordered = sorted(backups, key=lambda one: (one.time_ns, one.name))
    reasons = _reasons(ordered, now_ns)
    kept = tuple(
        Kept(name=one.name, reasons=tuple(reasons[one.name]))
        for one in ordered
        if reasons[one.name]
    )
    expired = tuple(one.name for one in ordered if not reasons[one.name])
    refusal, text = _refusal(ordered, now_ns, len(expired), expected)
    return Pruning(kept=kept, expired=expired, refusal=refusal, text=text)


def _reasons(ordered: Sequence[Dated], now_ns: int) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {one.name: [] for one in ordered}
    for one in ordered:
        if now_ns - one.time_ns <= KEEP_ALL_NS:
            reasons[one.name].append("of the last 7 days")
    for tier in TIERS:
        for name in _of_tier(ordered, tier):
            reasons[name].append(tier.name)
    newest = max((at for at, one in enumerate(ordered) if one.is_verified), default=None)
    if newest is not None:
        reasons[ordered[newest].name].append("newest verified")
    for one in ordered[0 if newest is None else newest + 1 :]:
        reasons[one.name].append("no newer one is verified")
    return reasons


def _of_tier(ordered: Sequence[Dated], tier: Tier) -> list[str]:
    """Name the newest verified backup of each of a tier's periods, else the newest."""
    periods: dict[tuple[int, ...], Dated] = {}
    for one in ordered:
        period = tier.period_of(datetime.fromtimestamp(one.time_ns / 1e9, UTC))
        chosen = periods.get(period)
        if chosen is None or one.is_verified or not chosen.is_verified:
            periods[period] = one
    last = sorted(periods.values(), key=lambda one: one.time_ns)[-tier.periods :]
    return [one.name for one in last]


def _refusal(
    ordered: Sequence[Dated], now_ns: int, expired: int, expected: int | None
) -> tuple[Refusal | None, str]:
    """Find a reason to delete nothing; without backups there is none."""
    if not ordered:
        return None, ""
    newest = ordered[-1]
    if newest.time_ns > now_ns:
        return Refusal.FUTURE, (
            f"expected no backup from the future, found {newest.name}; "
            "set this machine's clock right, then try again"
        )
    if now_ns - newest.time_ns > KEEP_ALL_NS:
        return Refusal.ALL_OLD, (
            f"expected a backup of the last 7 days, found {newest.name} as the newest; either the "
            "clock jumped or backups have stopped: see to it, make one, then try again"
        )
    if not any(one.is_verified for one in ordered):
        return Refusal.NONE_VERIFIED, (
            "expected a verified backup, found none; run `polyarb backup verify`, then try again"
        )
    if expired * 2 > len(ordered) and expired != expected:
        return Refusal.MANY_AT_ONCE, (
            f"expected at most half of {len(ordered)} backups to go at once, found {expired}; if "
            f"this machine's clock is right, confirm with `--expect {expired}`"
        )
    return None, ""
