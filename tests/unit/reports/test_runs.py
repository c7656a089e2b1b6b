"""Which runs a journal holds, how they ended, and which of them count."""

from polyarb.reports.runs import RunEnd, list_runs, with_run
from tests.plan_lives import DAY_NS, NOON_NS
from tests.report_journals import counted, records, run


def test_an_empty_journal_has_no_run() -> None:
    assert list_runs([]) == ()


def test_a_run_with_its_last_record_stopped_and_says_why() -> None:
    (only,) = list_runs(records(run(counted(60))))
    assert (only.end, only.stop_reason, only.is_counted) == (RunEnd.STOPPED, "end of feed", True)
    assert (only.sequence_first, only.sequence_last, only.records) == (1, 7, 7)
    assert only.ended_ns - only.started_ns == 600 * 10**9


def test_records_behind_the_end_still_belong_to_the_run() -> None:
    (only,) = list_runs(records([*run(), counted(600)]))
    assert (only.end, only.records) == (RunEnd.STOPPED, 7)


def test_a_run_without_an_end_crashed_whether_or_not_another_follows() -> None:
    crashed = run(run_id="a", is_stopped=False)
    later = run(run_id="b", start_ns=NOON_NS + DAY_NS)
    assert [r.end for r in list_runs(records([*crashed, *later]))] == [
        RunEnd.CRASHED,
        RunEnd.STOPPED,
    ]
    assert [r.end for r in list_runs(records(crashed))] == [RunEnd.CRASHED]


def test_only_the_last_run_may_be_running() -> None:
    messages = [*run(run_id="a", is_stopped=False), *run(run_id="b", is_stopped=False)]
    ends = [r.end for r in list_runs(records(messages), is_running=True)]
    assert ends == [RunEnd.CRASHED, RunEnd.RUNNING]
    stopped = list_runs(records(run()), is_running=True)
    assert [r.end for r in stopped] == [RunEnd.STOPPED]


def test_of_runs_over_one_feed_and_time_the_longest_counts_and_of_equal_ones_the_last() -> None:
    messages = [
        *run(run_id="short", seconds=10),
        *run(run_id="long"),
        *run(run_id="again"),
        *run(run_id="cut", seconds=20),
    ]
    assert [(r.run_id, r.superseded_by) for r in list_runs(records(messages))] == [
        ("short", 3),
        ("long", 3),
        ("again", 0),
        ("cut", 3),
    ]


def test_other_feeds_and_other_times_do_not_supersede() -> None:
    messages = [
        *run(run_id="a"),
        *run(run_id="b", feed="other"),
        *run(run_id="c", start_ns=NOON_NS + 600 * 10**9),
    ]
    assert [r.superseded_by for r in list_runs(records(messages))] == [0, 0, 0]


def test_every_record_comes_with_its_run() -> None:
    journal = records([counted(0), *run(run_id="a"), *run(run_id="b")])
    runs = list_runs(journal)
    names = [r.run_id if r else None for r, _ in with_run(journal, runs)]
    assert names == [None, *["a"] * 6, *["b"] * 6]
