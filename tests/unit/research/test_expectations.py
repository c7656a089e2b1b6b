"""What a run journaled against what a text expects."""

import pytest
from polyarb.domain.book import BookFault
from polyarb.domain.ids import ConditionId, PlanId
from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
    CancelAll,
    CensusCounted,
    JournalMessage,
    OpportunityLost,
    PlanDenied,
    RaiseAlert,
    RequestSnapshot,
    RunStopped,
    SetSettled,
    Stage,
    TierMeasured,
)
from polyarb.domain.messages import Tier as FillTier
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.research.expectations import describe, unmet
from polyarb.research.scenario import START_NS, parse_scenario

SECOND_NS = 10**9


def alert(second: float, severity: str = "CRITICAL") -> RaiseAlert:
    return RaiseAlert(
        receive_time_ns=START_NS + int(second * SECOND_NS), severity=severity, text="x"
    )


def cancel(second: float) -> CancelAll:
    return CancelAll(receive_time_ns=START_NS + int(second * SECOND_NS), reason="x")


def owed(text: str, *messages: JournalMessage) -> list[str]:
    return unmet(parse_scenario(text), messages)


WINDOW = "1 lost a\nexpect alert CRITICAL\n2 lost b\n"


@pytest.mark.parametrize(
    ("second", "is_met"), [(0.5, False), (1, True), (1.999, True), (2, False), (3, False)]
)
def test_an_expectation_is_met_between_the_events_around_it(second: float, is_met: bool) -> None:
    assert (owed(WINDOW, alert(second)) == []) is is_met


def test_what_is_owed_is_told_with_its_line() -> None:
    assert owed(WINDOW) == ["line 2: not met: alert CRITICAL"]


def test_the_last_expectations_have_until_the_end() -> None:
    assert owed("1 lost a\nexpect alert CRITICAL\n", alert(9_999)) == []


def test_expectations_are_met_in_order_and_each_by_its_own_message() -> None:
    text = "1 lost a\nexpect alert CRITICAL\nexpect cancel all\nexpect alert CRITICAL\n"
    assert owed(text, alert(1), cancel(1), alert(1)) == []
    assert owed(text, cancel(1), alert(1), alert(1)) != []
    assert owed(text, alert(1), cancel(1)) == ["line 4: not met: alert CRITICAL"]


def test_one_that_is_not_met_does_not_hide_those_after_it() -> None:
    text = "1 lost a\nexpect alert CRITICAL\nexpect cancel all\n"
    assert owed(text, cancel(1)) == ["line 2: not met: alert CRITICAL"]


def test_what_must_never_be_is_looked_for_in_the_whole_run() -> None:
    text = "1 lost a\nexpect cancel all\n2 lost b\nnever alert WARNING\n"
    assert owed(text, cancel(1), alert(0.5)) == []
    (fault,) = owed(text, alert(0, "WARNING"), cancel(1))
    assert fault == "line 4: must never be: alert WARNING; found alert WARNING"


@pytest.mark.parametrize(
    ("words", "is_met"),
    [
        ("alert", True),
        ("alert *", True),
        ("* CRITICAL", True),
        ("alert CRITICAL x", False),
        ("alert crit", False),
    ],
)
def test_fewer_words_and_stars_say_less(words: str, is_met: bool) -> None:
    assert (owed(f"1 lost a\nexpect {words}\n", alert(1)) == []) is is_met


def test_messages_are_said_in_the_words_of_a_text() -> None:
    market = ConditionId("A")
    now = {"receive_time_ns": START_NS}
    said = [
        describe(message)
        for message in (
            BookInvalidated(
                **now, condition_id=market, fault=BookFault.CROSSED_BOOK, best_bid=1, best_ask=2
            ),
            BookRestored(**now, condition_id=market),
            RequestSnapshot(**now, condition_id=market),
            PlanDenied(
                **now,
                opportunity_id="o",
                family=Family.LADDER,
                stage=Stage.SIZE,
                reason="NO_EDGE",
            ),
            SetSettled(
                **now,
                plan_id=PlanId("p"),
                status=SetStatus.UNWOUND,
                proceeds=-MICRO // 2,
                gas=20_000,
            ),
            TierMeasured(
                **now,
                plan_id=PlanId("p"),
                family=Family.LADDER,
                tier=FillTier.T2,
                quantity=5 * MICRO,
                planned=6 * MICRO,
                profit=-1,
                latency_ns=0,
                is_complete=False,
            ),
            CensusCounted(
                **now,
                settled=9,
                raw_hits={"ladder": 3},
                rejected={"STALE": 2},
                tradable={"ladder": 1},
            ),
            OpportunityLost(
                **now,
                opportunity_id="o",
                family=Family.LADDER,
                relation_id="r",  # type: ignore[arg-type]
                opened_ns=0,
                duration_ns=1_500_000_000,
                edge_gross_max=0,
                edge_net_max=0,
                quantity_max=0,
                profit_max=0,
                reason="",
                is_planned=False,
                is_censored=True,
            ),
            RunStopped(**now, reason="end"),
        )
    ]
    assert [" ".join(words) for lines in said for words in lines] == [
        "invalid A CROSSED_BOOK",
        "restored A",
        "snapshot A",
        "deny NO_EDGE size ladder",
        "settled UNWOUND -0.5 gas 0.02",
        "tier T2 5 -0.000001",
        "raw ladder 3",
        "rejected STALE 2",
        "tradable ladder 1",
        "lost ladder 1.5 censored",
    ]
