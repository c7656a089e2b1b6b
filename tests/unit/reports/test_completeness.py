"""What a day covers and what is missing from it."""

from polyarb.domain.book import BookFault
from polyarb.domain.messages import JournalMessage
from polyarb.reports.completeness import (
    BookLoss,
    CompletenessFold,
    HoleKind,
    covered_ns,
    find_holes,
)
from polyarb.reports.records import ChainCheck
from polyarb.reports.runs import list_runs, with_run
from polyarb.reports.survey import survey_records
from polyarb.reports.window import day_window
from tests.plan_lives import DAY_NS, NOON_NS, SECOND_NS
from tests.report_journals import (
    at,
    counted,
    invalidated,
    measured,
    records,
    restored,
    run,
)

DAY = day_window("2026-06-07")
NEXT_DAY = day_window("2026-06-08")
HALF_DAY = 43_200


def fold(messages: list[JournalMessage], window=DAY) -> CompletenessFold:  # type: ignore[no-untyped-def]
    journal = records(messages)
    folded = CompletenessFold(window)
    for one, record in with_run(journal, list_runs(journal)):
        assert one is not None
        folded.apply(one, record)
    return folded


def holes(messages: list[JournalMessage], chain: ChainCheck | None = None) -> list[HoleKind]:
    journal = records(messages)
    found = find_holes(survey_records(journal), DAY, chain or ChainCheck())
    return [hole.kind for hole in found]


def test_a_feed_that_nobody_measured_is_none() -> None:
    assert fold(run(counted(60))).feed() is None


def test_the_last_measurement_of_each_run_counts_and_runs_add_up() -> None:
    second = run(measured(1_300, 70), run_id="b", start_ns=at(1_200))
    folded = fold([*run(measured(60, 500), measured(120, 900, rejected={"torn": 2})), *second])
    feed = folded.feed()
    assert feed is not None
    assert (feed.frames, feed.messages, feed.rejected) == (970, 970, {"torn": 2})
    assert feed.by_type == {"book": 20, "price_change": 950}
    assert (feed.markets, feed.tokens) == (None, None)
    assert len(folded.measured()) == 2


def test_a_run_over_midnight_counts_on_each_day_what_came_on_it() -> None:
    messages = run(
        measured(60, 500, rejected={"torn": 1}),
        measured(HALF_DAY + 60, 800, rejected={"torn": 4, "late": 1}),
        seconds=HALF_DAY + 120,
    )
    today, tomorrow = fold(messages).feed(), fold(messages, NEXT_DAY).feed()
    assert today is not None
    assert tomorrow is not None
    assert (today.messages, today.rejected) == (500, {"torn": 1})
    assert (tomorrow.messages, tomorrow.rejected) == (300, {"late": 1, "torn": 3})


def test_lost_book_time_is_measured_market_by_market_worst_first() -> None:
    folded = fold(
        run(
            invalidated(10, "A"),
            restored(20, "A"),
            invalidated(30, "B", BookFault.FEED_LOST),
            invalidated(35, "B"),
            restored(90, "B"),
            restored(95, "NEVER LOST"),
            invalidated(100, "A", BookFault.TOP_MISMATCH),
        )
    )
    assert folded.books() == (
        BookLoss(
            condition_id="A",
            invalidations=2,
            lost_ns=510 * SECOND_NS,
            by_fault={"CROSSED_BOOK": 1, "TOP_MISMATCH": 1},
        ),
        BookLoss(
            condition_id="B",
            invalidations=2,
            lost_ns=60 * SECOND_NS,
            by_fault={"CROSSED_BOOK": 1, "FEED_LOST": 1},
        ),
    )


def test_a_book_that_stays_lost_over_midnight_is_lost_on_both_days() -> None:
    messages = run(invalidated(HALF_DAY - 30), restored(HALF_DAY + 50), seconds=HALF_DAY + 120)
    (today,), (tomorrow,) = fold(messages).books(), fold(messages, NEXT_DAY).books()
    assert (today.lost_ns, today.invalidations) == (30 * SECOND_NS, 1)
    assert (tomorrow.lost_ns, tomorrow.invalidations) == (50 * SECOND_NS, 0)


def test_a_crash_ends_what_is_lost_and_a_new_run_begins_clean() -> None:
    crashed = run(invalidated(10), counted(60), is_stopped=False)
    folded = fold([*crashed, *run(run_id="b", start_ns=at(3_600))])
    assert [(book.lost_ns, book.condition_id) for book in folded.books()] == [(50 * SECOND_NS, "A")]


def test_long_stretches_without_a_record_are_silences() -> None:
    assert fold(run(counted(60), counted(120), seconds=180)).silences() == ()
    (silence,) = fold(run(counted(60), counted(400), seconds=450)).silences()
    assert (silence.start_ns, silence.end_ns) == (at(60), at(400))


def test_a_whole_journal_has_no_hole() -> None:
    assert holes(run(counted(60))) == []
    assert holes([]) == []


def test_every_kind_of_hole_is_found() -> None:
    assert holes(run(is_stopped=False)) == [HoleKind.CRASHED_RUN]
    chain = ChainCheck(is_verified=True, breaks=("line 4", "line 9"))
    assert holes(run(), chain) == [HoleKind.BROKEN_CHAIN] * 2
    journal = records(run())
    gap = find_holes(survey_records([*journal[:2], *journal[4:]]), DAY, ChainCheck())
    assert [(hole.kind, hole.text) for hole in gap] == [
        (HoleKind.SEQUENCE_GAP, "records 3 to 4 are missing")
    ]
    late = find_holes(survey_records(journal[3:]), DAY, ChainCheck())
    assert [hole.text for hole in late] == ["records 1 to 3 are missing"]
    doubled = find_holes(survey_records([*journal[:3], *journal[2:]]), DAY, ChainCheck())
    assert [hole.text for hole in doubled] == ["record 3 stands where 4 should"]


def test_a_crash_of_another_day_or_of_a_run_played_again_is_no_hole() -> None:
    other_day = run(start_ns=NOON_NS - DAY_NS, is_stopped=False)
    assert holes([*other_day, *run(run_id="b")]) == []
    assert holes([*run(counted(60), is_stopped=False), *run(run_id="b")]) == []


def test_covered_time_counts_overlaps_once_and_only_inside_the_day() -> None:
    messages = [
        *run(run_id="a"),
        *run(run_id="b", feed="other", start_ns=at(300)),
        *run(run_id="c", start_ns=at(HALF_DAY - 100)),
    ]
    runs = list_runs(records(messages))
    assert covered_ns(runs, DAY) == (900 + 100) * SECOND_NS
    assert covered_ns(runs, NEXT_DAY) == 500 * SECOND_NS
