"""Latency by stage: the worst run of each percentile, and the bottleneck by name."""

from polyarb.host.latency import Stage
from polyarb.reports.latency import STAGES, WHOLE, read_latency
from tests.report_journals import measured, staged


def test_the_stages_are_those_that_a_runner_measures() -> None:
    assert tuple(Stage) == STAGES


def test_a_stage_without_a_sample_was_not_measured() -> None:
    found = read_latency([measured(60)])
    assert [one.stage for one in found.stages] == [*STAGES, WHOLE]
    assert {one.p99 for one in found.stages} == {None}
    assert found.bottleneck is None
    assert read_latency([]).runs == 0


def test_the_worst_run_counts_and_the_slowest_stage_is_named() -> None:
    found = read_latency([staged(60, 1), staged(120, 2, slow=3)])
    stages = {one.stage: one for one in found.stages}
    assert (stages["decision to journal"].p50, stages["decision to journal"].n) == (
        2_700_000,
        2_000,
    )
    assert found.bottleneck == "decision to journal"
    assert stages[WHOLE].p99 == 1_900_000
