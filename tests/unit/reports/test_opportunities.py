"""The census by family: counts, episodes, and the ends that nobody saw."""

from polyarb.domain.plan import Family
from polyarb.reports.opportunities import EPISODES_SHOWN, FamilyCensus, OpportunityFold
from tests.plan_lives import SECOND_NS
from tests.report_journals import CENT_PICOS, at, counted, found, lost


def family(fold: OpportunityFold, wanted: Family = Family.NEGRISK_NO) -> FamilyCensus:
    return next(one for one in fold.census().families if one.family is wanted)


def test_nothing_seen_lists_every_family_without_a_sample() -> None:
    census = OpportunityFold().census()
    assert [one.family for one in census.families] == list(Family)
    empty = census.families[0]
    assert (empty.raw_hits, empty.episodes, empty.net_positive) == (0, 0, 0)
    assert (empty.duration_ns_median, empty.gross.median, empty.net.highest) == (None, None, None)
    assert (empty.quantity_median, empty.profit_max, census.best) == (None, None, ())


def test_counters_add_up_over_time() -> None:
    fold = OpportunityFold()
    fold.apply(counted(60, raw_hits={"negrisk_no": 3}, rejected={"STALE": 2}, tradable={}))
    fold.apply(counted(120, raw_hits={"negrisk_no": 1}, tradable={"negrisk_no": 1}))
    fold.apply(counted(180, settled=1, rejected={"STALE": 1}, quality={"CROSSED_BOOK": 4}))
    census = fold.census()
    assert (census.settled, census.rejected) == (1_001, {"STALE": 3})
    assert census.quality == {"CROSSED_BOOK": 4}
    assert (family(fold).raw_hits, family(fold).tradable) == (4, 1)


def test_episodes_tell_their_lives_edges_and_fate() -> None:
    fold = OpportunityFold()
    fold.apply(found("a", 0))
    fold.apply(lost("a", 10, lived=10, gross=3, net=1, quantity=50, profit=7, is_planned=True))
    fold.apply(lost("b", 40, lived=20, gross=2, net=-1))
    fold.apply(lost("c", 90, lived=30, gross=1, net=-2, is_censored=True, reason=""))
    told = family(fold)
    assert (told.episodes, told.censored, told.net_positive, told.planned) == (3, 1, 1, 1)
    assert told.duration_ns_median == 20 * SECOND_NS
    assert told.duration_ns_p90 is None
    assert (told.gross.median, told.gross.highest) == (2 * CENT_PICOS, 3 * CENT_PICOS)
    assert (told.net.median, told.net.highest) == (-CENT_PICOS, CENT_PICOS)
    assert (told.quantity_median, told.profit_total, told.profit_max) == (
        50_000_000,
        7_000_000,
        7_000_000,
    )
    assert told.lost_by_reason == {"AFTER_FEES": 2}
    assert family(fold, Family.LADDER).episodes == 0
    assert (fold.census().episodes, fold.census().net_positive) == (3, 1)


def test_an_episode_whose_end_was_never_told_is_censored_once() -> None:
    fold = OpportunityFold()
    fold.apply(found("a", 5))
    fold.end_run(at(65))
    fold.end_run(at(99))
    told = family(fold)
    assert (told.episodes, told.censored) == (1, 1)
    assert fold.census().best[0].duration_ns == 60 * SECOND_NS


def test_the_best_episodes_come_first_and_only_so_many() -> None:
    fold = OpportunityFold()
    for number in range(EPISODES_SHOWN + 5):
        fold.apply(lost(str(number), 100 + number, net=number - 50))
    best = fold.census().best
    assert len(best) == EPISODES_SHOWN
    assert best[0].edge_net_max == (EPISODES_SHOWN + 4 - 50) * CENT_PICOS
    assert [one.edge_net_max for one in best] == sorted(
        (one.edge_net_max for one in best), reverse=True
    )
