"""The edge bridge: every step exact, nothing measured is nothing said."""

import pytest
from msgspec.structs import replace
from polyarb.domain.messages import JournalMessage, Tier
from polyarb.domain.order import SetStatus
from polyarb.reports.bridge import Bridge, BridgeStage, bridge_breaks
from polyarb.reports.daily import build_daily
from polyarb.reports.records import ChainCheck
from tests.plan_lives import DAY_NS, NOON_NS, SECOND_NS, binary, binary_merged, broken, held, missed
from tests.report_journals import at, quoted, records, reverted, run, tried

DAY = "2026-06-07"


def bridge(*inside: JournalMessage, day: str = DAY, seconds: int = 600) -> Bridge:
    report = build_daily(
        records(run(*inside, seconds=seconds)), day, chain=ChainCheck(is_verified=True)
    )
    assert report is not None
    assert report.breaks == ()
    return report.bridge


def amounts(found: Bridge) -> dict[BridgeStage, int | None]:
    return {step.stage: step.amount for step in found.steps}


def test_a_set_is_followed_from_its_quote_to_its_money() -> None:
    tiers = [tried("b", tier, 250_000 - 50_000 * rank) for rank, tier in enumerate(Tier)]
    found = bridge(*quoted(binary_merged("b", at(20)).messages), *tiers)
    assert amounts(found) == {
        BridgeStage.QUOTED: 256_050 + 10_000 + 2 * 5_000,
        BridgeStage.AFTER_FEES: 256_050 + 10_000,
        BridgeStage.PROMISED: 256_050,
        BridgeStage.T0: 250_000,
        BridgeStage.T1: 200_000,
        BridgeStage.T2: 150_000,
        BridgeStage.T3: 100_000,
        BridgeStage.MATCHED: 266_050,
        BridgeStage.CONFIRMED: 266_050,
        BridgeStage.SETTLED: 256_050,
    }
    assert (found.plans, found.unfinished, found.earlier) == (1, 0, 0)
    assert found.step(BridgeStage.T2).change == -50_000


def test_what_nobody_measured_is_none_and_never_zero() -> None:
    found = bridge(*binary_merged("b", at(20)).messages)
    for stage in (BridgeStage.QUOTED, BridgeStage.AFTER_FEES, *list(BridgeStage)[3:7]):
        assert (found.step(stage).amount, found.step(stage).plans) == (None, 0)
    matched = found.step(BridgeStage.MATCHED)
    assert matched.change == 266_050 - 256_050
    assert amounts(bridge())[BridgeStage.SETTLED] is None


def test_a_missed_set_is_a_known_nothing() -> None:
    found = bridge(*missed("m", at(20)).messages)
    assert found.step(BridgeStage.MATCHED).amount == 0
    assert found.step(BridgeStage.SETTLED).amount == 0
    assert found.step(BridgeStage.MATCHED).change == -256_050


def test_what_falls_out_of_a_step_is_told_as_dropped_and_joined() -> None:
    found = bridge(
        *quoted(binary_merged("b", at(20)).messages),
        *missed("m", at(60)).messages,
        tried("m", Tier.T2, 70_000),
    )
    promised, late = found.step(BridgeStage.PROMISED), found.step(BridgeStage.T2)
    assert (promised.plans, promised.joined, promised.change) == (2, 256_050, -10_000)
    assert (late.plans, late.dropped, late.change) == (1, 256_050, 70_000 - 256_050)
    matched = found.step(BridgeStage.MATCHED)
    assert (matched.joined, matched.change) == (266_050, -70_000)


def test_a_revert_shows_between_matched_and_confirmed() -> None:
    found = bridge(*reverted("r", at(20)).messages)
    # Two legs matched to a whole set; of the reverted one neither cost nor gain is left.
    assert found.step(BridgeStage.MATCHED).amount == 266_050
    assert found.step(BridgeStage.CONFIRMED).amount == -15_750
    assert found.step(BridgeStage.SETTLED).amount == -15_750 - 200_000


def test_an_open_plan_is_unfinished_and_not_settled() -> None:
    found = bridge(*held("h", at(20)).messages)
    assert found.step(BridgeStage.SETTLED).amount is None
    assert found.unfinished == -30_000


def test_a_match_that_waits_for_its_confirmation_is_not_confirmed() -> None:
    life = binary("b", at(20)).begun().matched(0, 10_000_000, 4_500_000)
    found = bridge(*life.messages)
    assert found.step(BridgeStage.MATCHED).plans == 1
    assert found.step(BridgeStage.CONFIRMED).amount is None


def test_what_a_plan_of_the_day_before_settles_is_told_apart() -> None:
    life = held("h", NOON_NS + DAY_NS // 2 - 8 * SECOND_NS)
    settled = life.settled(SetStatus.SETTLED, 5_000_000).messages
    found = bridge(*settled, day="2026-06-08", seconds=43_200 + 600)
    assert (found.plans, found.step(BridgeStage.SETTLED).amount) == (0, None)
    assert found.earlier == 5_000_000 - 4_750_000 - 30_000 + found_before(settled)


def found_before(messages: list[JournalMessage]) -> int:
    """What of the fees was already settled on the day before."""
    before = bridge(*messages, seconds=43_200 + 600)
    return -before.unfinished


@pytest.mark.parametrize("field", ["amount", "change", "dropped", "joined"])
def test_a_step_that_does_not_add_up_is_told(field: str) -> None:
    found = bridge(*quoted(broken("c", at(20)).messages))
    assert list(bridge_breaks(found)) == []
    steps = tuple(
        replace(step, **{field: (getattr(step, field) or 0) + 1})
        if step.stage is BridgeStage.MATCHED
        else step
        for step in found.steps
    )
    assert any("bridge at matched" in text for text in bridge_breaks(replace(found, steps=steps)))
