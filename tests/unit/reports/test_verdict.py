"""Yes, no, or not enough evidence; never yes or no of nothing."""

import pytest
from polyarb.domain.messages import JournalMessage, Tier
from polyarb.reports.execution import ExecutionFold
from polyarb.reports.opportunities import OpportunityFold
from polyarb.reports.verdict import EPISODES_MIN, EdgeVerdict, Finding, judge
from tests.report_journals import counted, lost, tried


def verdict(*messages: JournalMessage) -> EdgeVerdict:
    opportunities, execution = OpportunityFold(), ExecutionFold()
    for message in messages:
        opportunities.apply(message)
        execution.apply(message)
    return judge(opportunities.census(), execution.execution())


def episodes(number: int, net: int = -1) -> list[JournalMessage]:
    return [lost(str(n), 100 + n, net=net) for n in range(number)]


def late(number: int, profit: int, name: str = "p", quantity: int = 10) -> list[JournalMessage]:
    return [tried(f"{name}{n}", Tier.T2, profit, quantity=quantity) for n in range(number)]


def test_nothing_seen_is_insufficient_and_says_what_is_missing() -> None:
    told = verdict(counted(60, settled=1_158))
    assert told.finding is Finding.INSUFFICIENT
    assert told.missing == ("20 more episodes before fees",)
    assert told.reasons[0].startswith("1,158 evaluation points held no inequality")


@pytest.mark.parametrize(
    ("messages", "finding", "missing"),
    [
        (episodes(EPISODES_MIN - 1), Finding.INSUFFICIENT, ("1 more episode before fees",)),
        (episodes(EPISODES_MIN), Finding.NO_EDGE, ()),
        (
            [*episodes(EPISODES_MIN, 1), *late(5, 1_000)],
            Finding.INSUFFICIENT,
            ("15 more plans to fill wholly and earn at T2",),
        ),
        ([*episodes(EPISODES_MIN, 1), *late(EPISODES_MIN, 1_000)], Finding.EDGE_REACHABLE, ()),
        ([*episodes(EPISODES_MIN, 1), *late(EPISODES_MIN, 1_000, quantity=9)], Finding.NO_EDGE, ()),
        (
            [
                *episodes(EPISODES_MIN, 1),
                *late(EPISODES_MIN, 1_000),
                *late(1, -20_000, "loss", quantity=3),
            ],
            Finding.NO_EDGE,
            (),
        ),
        (
            [*episodes(3, 1), *late(EPISODES_MIN, 1_000), *late(1, -20_000, "loss")],
            Finding.INSUFFICIENT,
            ("a result at T2 that earns over all plans",),
        ),
    ],
)
def test_each_answer_needs_its_sample(
    messages: list[JournalMessage], finding: Finding, missing: tuple[str, ...]
) -> None:
    told = verdict(*messages)
    assert (told.finding, told.missing) == (finding, missing)


def test_the_verdict_shows_its_n_and_a_bound_where_nothing_was_reachable() -> None:
    told = verdict(*episodes(EPISODES_MIN, 1), *late(2, -500))
    assert (told.episodes, told.net_positive, told.measured, told.reachable) == (20, 20, 2, 0)
    assert told.profit == -1_000
    assert told.reasons == (
        "episodes that held before fees: 20, after fees: 20",
        "plans tried at T2: 2, filled wholly and earned: 0",
        "reachable: 0 of 20, so at 95 % confidence at most 15 % of such episodes are "
        "(rule of three)",
    )


def test_a_bound_is_never_above_everything() -> None:
    told = verdict(*episodes(1))
    assert "at most 100 %" in told.reasons[-1]
    assert told.reasons[1] == "no plan came as far as to be tried at T2"
