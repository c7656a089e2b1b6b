"""What changed since the day before: code, configuration, figures of the profile, markets."""

from collections.abc import Mapping, Sequence

import msgspec

from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import Envelope
from polyarb.domain.messages import Tier
from polyarb.ledger.pnl import PnlColumns
from polyarb.reports.execution import Execution
from polyarb.reports.latency import Latency
from polyarb.reports.opportunities import Opportunities
from polyarb.reports.runs import Run


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is written beside the journal of a run: its profile's figures and its markets.

    Shape: figures by dotted name, as text.
    """

    figures: Mapping[str, str]
    markets: frozenset[ConditionId]
    envelope: Envelope | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is another than before; an empty text is a thing that was not there."""

    what: str
    before: str
    after: str


class KeyFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of both days. Units: those of its unit; None is no sample."""

    name: str
    unit: str
    before: int | None
    after: int | None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The day held against an earlier one; previous_day None: there is none in the journal.

    is_compared False: what was configured is not known of one of the two, so that figures of the
    profile and markets are not compared.
    """

    previous_day: str | None
    is_yesterday: bool = False
    is_compared: bool = False
    digests: tuple[Change, ...] = ()
    figures: tuple[Change, ...] = ()
    markets_added: tuple[ConditionId, ...] = ()
    markets_removed: tuple[ConditionId, ...] = ()
    key_figures: tuple[KeyFigure, ...] = ()


class DayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What key figures are read from."""

    opportunities: Opportunities
    execution: Execution
    columns: PnlColumns
    latency: Latency


def compare_digests(before: Run, after: Run) -> tuple[Change, ...]:
    """List what the runs themselves say that they ran."""
    pairs = (
        ("phase", before.phase, after.phase),
        ("profile", before.profile, after.profile),
        ("code digest", before.code_digest, after.code_digest),
        ("configuration digest", before.config_digest, after.config_digest),
        ("catalogue digest", before.catalogue_digest, after.catalogue_digest),
    )
    return tuple(Change(what=what, before=old, after=new) for what, old, new in pairs if old != new)


def compare_figures(before: RunFacts, after: RunFacts) -> tuple[Change, ...]:
    """List the profile's figures that are others, by name."""
    names = sorted({*before.figures, *after.figures})
    return tuple(
        Change(what=name, before=before.figures.get(name, ""), after=after.figures.get(name, ""))
        for name in names
        if before.figures.get(name) != after.figures.get(name)
    )


def compare_markets(
    before: RunFacts, after: RunFacts
) -> tuple[tuple[ConditionId, ...], tuple[ConditionId, ...]]:
    """List the markets that came and those that went."""
    added, removed = after.markets - before.markets, before.markets - after.markets
    return tuple(sorted(added)), tuple(sorted(removed))


def key_figures(before: DayFigures, after: DayFigures) -> tuple[KeyFigure, ...]:
    """Hold the same figures of both days side by side."""
    old, new = _figures(before), _figures(after)
    return tuple(
        KeyFigure(name=name, unit=unit, before=old[name, unit], after=value)
        for (name, unit), value in new.items()
    )


def _figures(day: DayFigures) -> dict[tuple[str, str], int | None]:
    late, orders, sets = day.execution.tier(Tier.T2), day.execution.orders, day.execution.sets
    return {
        ("evaluation points", "count"): day.opportunities.settled,
        ("episodes", "count"): day.opportunities.episodes,
        ("episodes after fees", "count"): day.opportunities.net_positive,
        ("plans placed", "count"): day.execution.plans.placed,
        ("plans that earned at T2", "count"): late.reachable if late.measured else None,
        ("profit at T2", "usd"): late.profit if late.measured else None,
        ("orders filled wholly", "count"): orders.filled if orders.submitted else None,
        ("sets broken", "count"): sets.broken if sets.attempts else None,
        ("expected", "usd"): day.columns.expected,
        ("matched", "usd"): day.columns.matched,
        ("settled", "usd"): day.columns.settled,
        ("P95 latency", "ns"): day.latency.p95,
    }


def previous_run(runs: Sequence[Run], start_ns: int) -> Run | None:
    """Find the counted run that went on longest towards a moment before which it began."""
    earlier = [run for run in runs if run.is_counted and run.started_ns < start_ns]
    return max(
        earlier, key=lambda run: (min(run.ended_ns, start_ns - 1), run.ordinal), default=None
    )
