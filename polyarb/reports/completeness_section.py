"""Data completeness as a section: runs, holes, silences and lost books."""

from collections.abc import Mapping

from polyarb.domain.ids import ConditionId
from polyarb.reports.completeness import BookLoss, Completeness
from polyarb.reports.document import Section, Table
from polyarb.reports.runs import Run
from polyarb.reports.wording import (
    NOT_MEASURED,
    count,
    duration,
    file_names,
    listing,
    moment,
    percent,
    short,
)

BOOKS_SHOWN = 10
SILENCES_SHOWN = 10

Titles = Mapping[ConditionId, str]


def completeness_section(found: Completeness, window_ns: int, titles: Titles) -> Section:
    """Tell what is covered and what is missing; it comes first in every report."""
    verified = "verified" if found.is_chain_verified else "not checked"
    lines = [
        f"{count(found.records)} records, {found.sequence_first} to {found.sequence_last}; "
        f"hash chain {verified}; {len(found.holes) or 'no'} holes",
        f"{duration(found.covered_ns)} covered, {percent(found.covered_ns, window_ns)} of the time",
        *_feed_lines(found),
        *_silence_lines(found),
        *([f"torn tail: {found.torn}"] if found.torn else []),
    ]
    holes = Table(
        title="Holes",
        headings=("kind", "what is missing"),
        rows=tuple((hole.kind, hole.text) for hole in found.holes),
        empty="no holes",
    )
    tables = (
        *((holes,) if found.holes else ()),
        _run_table(found.runs),
        _book_table(found, titles),
    )
    return Section(
        title="Data completeness",
        lines=tuple(lines),
        tables=tables,
        is_alarm=not found.is_whole,
    )


def _feed_lines(found: Completeness) -> tuple[str, ...]:
    feed = found.feed
    if feed is None:
        return (f"feed: {NOT_MEASURED}",)
    return (
        f"feed: {count(feed.frames)} frames, {count(feed.messages)} messages "
        f"({listing(feed.by_type)})",
        f"feed: unusable {listing(feed.rejected)}; unknown tokens {count(feed.unknown_tokens)}; "
        f"odd and yet used {listing(feed.noted)}",
        f"markets {count(feed.markets)}, tokens {count(feed.tokens)}",
    )


def _silence_lines(found: Completeness) -> tuple[str, ...]:
    more = len(found.silences) - SILENCES_SHOWN
    return (
        *(
            f"silent from {moment(silence.start_ns)} for "
            f"{duration(silence.end_ns - silence.start_ns)}"
            for silence in found.silences[:SILENCES_SHOWN]
        ),
        *([f"and {count(more)} more silences"] if more > 0 else []),
    )


def _run_table(runs: tuple[Run, ...]) -> Table:
    return Table(
        title="Runs",
        headings=("no.", "run", "from", "time", "end", "records", "feed", "counted"),
        rows=tuple(
            (
                str(run.ordinal),
                run.run_id,
                moment(run.started_ns),
                duration(run.ended_ns - run.started_ns),
                f"{run.end} {run.stop_reason}".strip(),
                count(run.records),
                file_names(run.feed),
                "yes" if run.is_counted else f"no; run {run.superseded_by} is",
            )
            for run in runs
        ),
        numbers=frozenset({0, 3, 5}),
    )


def _book_table(found: Completeness, titles: Titles) -> Table:
    shown = found.books[:BOOKS_SHOWN]
    rest = f", {len(shown)} worst of {len(found.books)}" if len(found.books) > len(shown) else ""

    def row(book: BookLoss) -> tuple[str, ...]:
        return (
            titles.get(book.condition_id) or short(book.condition_id),
            duration(book.lost_ns),
            percent(book.lost_ns, found.covered_ns),
            count(book.invalidations),
            listing(book.by_fault),
        )

    return Table(
        title=f"Book time lost{rest}",
        headings=("market", "lost", "of time covered", "times", "faults"),
        rows=tuple(row(book) for book in shown),
        numbers=frozenset({1, 2, 3}),
        empty="no book was invalid",
    )
