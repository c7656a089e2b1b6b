"""Isolation by many faults, and the way back."""

from polyarb.venue.polymarket.arbitration.scoring import Fault, Judging, Score

S = 10**9
JUDGING = Judging(faults_max=3, probation_ms=10_000, probation_ms_max=40_000)


def score() -> Score:
    return Score("one", JUDGING, is_last_resort=False)


def isolated(it: Score, now_ns: int) -> None:
    while not it.fault(Fault.LOST, now_ns):
        pass


def probation_s(it: Score, now_ns: int) -> int:
    for second in range(1, 100):
        it.latest_ns = now_ns + second * S
        it.pass_time(now_ns + second * S)
        if not it.isolated:
            return second
    raise AssertionError("never")


def test_faults_isolate_when_they_are_many_and_not_before() -> None:
    it = score()
    assert [it.fault(Fault.LOST, S) for _ in range(4)] == [False, False, True, False]
    assert it.isolated == Fault.LOST
    assert it.counts == {Fault.LOST: 4}


def test_faults_beside_very_many_messages_do_not_isolate() -> None:
    it = score()
    it.messages = 100_000
    assert not any(it.fault(Fault.LATE, S) for _ in range(100))


def test_old_faults_fade() -> None:
    it = score()
    it.pass_time(S)
    it.fault(Fault.LOST, S)
    it.fault(Fault.LOST, S)
    it.pass_time(200 * S)
    assert not it.fault(Fault.LOST, 200 * S)


def test_probation_ends_only_for_a_source_that_tells_and_is_longer_each_time() -> None:
    it = score()
    now_ns = S
    lengths = []
    for _ in range(4):
        isolated(it, now_ns)
        lengths.append(probation_s(it, now_ns))
        now_ns += 100 * S
    assert lengths == [10, 20, 40, 40]
    isolated(it, now_ns)
    it.latest_ns = now_ns
    it.pass_time(now_ns + 1_000 * S)
    assert it.isolated


def test_probation_is_short_again_after_a_long_good_time() -> None:
    it = score()
    isolated(it, S)
    assert probation_s(it, S) == 10
    isolated(it, 1_000 * S)
    assert probation_s(it, 1_000 * S) == 10


def test_a_fault_during_probation_begins_it_anew() -> None:
    it = score()
    isolated(it, S)
    it.fault(Fault.LOST, 6 * S)
    assert probation_s(it, 6 * S) == 10


def test_a_slow_source_stays_where_no_other_is_faster() -> None:
    it = score()
    it.latency_ms = 6_000
    assert not it.pass_time(S, has_faster=False)
    assert not it.isolated and it.is_slow
    assert it.pass_time(2 * S, has_faster=True)


def test_a_slow_source_is_isolated_until_it_is_fast() -> None:
    it = score()
    it.latency_ms = 6_000
    assert it.pass_time(S)
    assert it.isolated == Fault.SLOW
    it.latest_ns = 90 * S
    assert not it.pass_time(90 * S)
    assert it.isolated
    it.latency_ms = 20
    assert probation_s(it, 90 * S) == 10


def test_sources_rank_by_resort_then_faults_and_latency() -> None:
    good, slow, bad = score(), score(), score()
    slow.latency_ms = 1_500
    bad.fault(Fault.LOST, S)
    bad.fault(Fault.LOST, S)
    last = Score("poll", JUDGING, is_last_resort=True)
    assert good.rank() < slow.rank()
    assert good.rank() < bad.rank()
    assert max(slow.rank(), bad.rank()) < last.rank()
