"""A first look over the whole journal: its runs, its gaps, and how many records of which kind.

A report reads the journal twice: what counts can only be told once every run is known. The counts
are taken from the records' headings alone, so that the figures of the second reading can be held
against them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from polyarb.domain.messages import RunStarted, RunStopped
from polyarb.ledger.pnl import DAY_NS
from polyarb.reports.records import Record
from polyarb.reports.runs import Run, RunListing


class DayRecords(msgspec.Struct, kw_only=True):
    """How many records lie on one day, and their first and last sequence."""

    records: int = 0
    sequence_first: int = 0
    sequence_last: int = 0


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a first look found.

    Shape: days by the number of the UTC day since 1970; counts by (run's ordinal, day, name of
    the message). gaps tells every place where a sequence number is missing or out of place.
    """

    runs: tuple[Run, ...]
    gaps: tuple[str, ...]
    days: Mapping[int, DayRecords]
    counts: Mapping[tuple[int, int, str], int]
    last_ns: int | None

    def count(self, name: str, first_day: int, end_day: int) -> int:
        """Count the messages of a name in counted runs on days from the first to before the end."""
        counted = {run.ordinal for run in self.runs if run.is_counted}
        return sum(
            number
            for (ordinal, day, kind), number in self.counts.items()
            if kind == name and ordinal in counted and first_day <= day < end_day
        )


class SurveyFold:
    """Takes the headings of a journal's records, in order; written for speed."""

    def __init__(self) -> None:
        self._listing = RunListing()
        self._take = self._listing.take
        self._gaps: list[str] = []
        self._expected = 1
        self._days: dict[int, DayRecords] = {}
        self._counts: dict[tuple[int, int], dict[str, int]] = {}
        self._ordinal = -1
        self._begin_ns = self._end_ns = 0
        self._here: dict[str, int] = defaultdict(int)
        self._day = DayRecords()
        self._last_ns: int | None = None

    def take(
        self, sequence: int, time_ns: int, name: str, edge: RunStarted | RunStopped | None
    ) -> None:
        """Take one record; edge is its message if it begins or ends a run."""
        if sequence != self._expected:
            self._gaps.append(_gap_text(sequence, self._expected))
        self._expected = sequence + 1
        ordinal = self._take(sequence, time_ns, edge)
        if ordinal != self._ordinal or not self._begin_ns <= time_ns < self._end_ns:
            self._turn_to(ordinal, time_ns // DAY_NS, sequence)
        day = self._day
        day.records += 1
        if sequence > day.sequence_last:
            day.sequence_last = sequence
        self._here[name] += 1
        self._last_ns = time_ns

    def _turn_to(self, ordinal: int, day: int, sequence: int) -> None:
        """Begin, or go on with, the records of one run on one day."""
        self._ordinal = ordinal
        self._begin_ns, self._end_ns = day * DAY_NS, (day + 1) * DAY_NS
        self._here = self._counts.setdefault((ordinal, day), defaultdict(int))
        self._day = self._days.setdefault(day, DayRecords(sequence_first=sequence))
        self._day.sequence_first = min(self._day.sequence_first, sequence)

    def survey(self, *, is_running: bool = False) -> Survey:
        """Conclude; is_running tells that the last run has a live process."""
        return Survey(
            runs=self._listing.runs(is_running=is_running),
            gaps=tuple(self._gaps),
            days=self._days,
            counts={
                (ordinal, day, name): number
                for (ordinal, day), names in self._counts.items()
                for name, number in names.items()
            },
            last_ns=self._last_ns,
        )


def survey_records(records: Iterable[Record], *, is_running: bool = False) -> Survey:
    """Look over records that are already read."""
    fold = SurveyFold()
    for record in records:
        message = record.message
        edge = message if isinstance(message, RunStarted | RunStopped) else None
        fold.take(record.sequence, record.time_ns, type(message).__name__, edge)
    return fold.survey(is_running=is_running)


def _gap_text(sequence: int, expected: int) -> str:
    if sequence < expected:
        return f"record {sequence} stands where {expected} should"
    return f"records {expected} to {sequence - 1} are missing"
