"""What a new run must know: open sets and the day's results, the same wherever one went on from."""

from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.domain.messages import JournalMessage, RunStarted
from polyarb.domain.order import DayResult, SetStatus
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO
from polyarb.domain.venue import POLYMARKET, SANDBOX, TAPE
from polyarb.ledger.fold import fold
from polyarb.ledger.past import Past, PastState
from polyarb.ledger.plans import held_set
from polyarb.ledger.pnl import total
from polyarb.ledger.runs import superseded
from tests.plan_lives import (
    DAY_NS,
    NOON_NS,
    Life,
    binary,
    binary_merged,
    broken,
    held,
    missed,
    redeemed,
    run_started,
    run_stopped,
)

LIVES: tuple[Callable[[str, int], Life], ...] = (binary_merged, held, broken, missed)


def past_of(messages: Sequence[JournalMessage], past: Past | None = None) -> Past:
    past = Past() if past is None else past
    for message in messages:
        past.apply(message)
    return past


def written_down(past: Past) -> PastState:
    return msgspec.json.decode(msgspec.json.encode(past.state()), type=PastState)


@st.composite
def journals(draw: st.DrawFn) -> list[JournalMessage]:
    """Runs of a few feeds, each with lives of plans told one between the other, often cut off."""
    messages: list[JournalMessage] = []
    start_ns = NOON_NS
    for number in range(draw(st.integers(1, 4))):
        feed = draw(st.sampled_from(["tape", f"live-{number}"]))
        if feed == "tape":
            start_ns = NOON_NS
        messages.append(run_started(f"run-{number}", start_ns, feed))
        rests = [
            list(draw(st.sampled_from(LIVES))(f"plan-{place}", start_ns + place).messages)
            for place in range(draw(st.integers(0, 3)))
        ]
        while any(rests):
            rest = draw(st.sampled_from([rest for rest in rests if rest]))
            messages += rest[: (taken := draw(st.integers(1, len(rest))))]
            del rest[:taken]
        if draw(st.booleans()):
            messages.append(run_stopped(start_ns + 3_600 * 10**9))
        else:
            del messages[len(messages) - draw(st.integers(0, 5)) :]
        start_ns += draw(st.sampled_from([3_600 * 10**9, DAY_NS]))
    return messages


@given(journals(), st.data())
def test_going_on_from_what_was_written_down_is_folding_from_the_beginning(
    messages: list[JournalMessage], data: st.DataObject
) -> None:
    whole = past_of(messages)
    cut = data.draw(st.integers(0, len(messages)))
    went_on = past_of(messages[cut:], Past.of(written_down(past_of(messages[:cut]))))
    assert went_on.state() == whole.state()
    assert went_on.left(TAPE) == whole.left(TAPE)
    assert went_on.day_results(TAPE) == whole.day_results(TAPE)
    assert went_on.run == whole.run == sum(isinstance(m, RunStarted) for m in messages)


def test_a_life_that_is_over_keeps_its_last_words_from_an_older_one_of_its_name() -> None:
    older = [run_started("first", NOON_NS - 1, "a"), *held("again").messages]
    later = [run_started("second", NOON_NS + DAY_NS, "b"), *binary_merged("again").messages]
    whole = past_of([*older, *later])
    went_on = past_of(later[-1:], Past.of(written_down(past_of([*older, *later[:-1]]))))
    assert went_on.state() == whole.state()
    (left,) = went_on.left(TAPE)
    assert left.status is SetStatus.HELD


@given(journals())
def test_open_sets_are_those_of_the_ledger(messages: list[JournalMessage]) -> None:
    past, ledger = past_of(messages), fold(messages)
    open_plans = {key: plan for key, plan in ledger.plans.items() if plan.is_open}
    assert {key: plan for key, plan in past.plans.items() if plan.is_open} == open_plans
    assert set(past.left(TAPE)) <= set(map(held_set, open_plans.values()))


def test_a_day_has_what_its_settled_sets_earned_and_nothing_of_the_open_ones() -> None:
    lives = [binary_merged().messages, broken().messages, held().messages]
    messages = [run_started("run", NOON_NS - 1), *(one for life in lives for one in life)]
    closed = fold([messages[0], *lives[0], *lives[1]])
    (result,) = past_of(messages).day_results(TAPE)
    assert result == DayResult(
        run=1, day=NOON_NS // DAY_NS, pnl=total(closed.pnl).settled or 0, began_ns=NOON_NS - 1
    )
    assert result.pnl == (10 * MICRO - 9_733_950 - 10_000) + (3_700_000 - 4_120_000)


def test_every_day_has_its_own_result_in_the_run_that_settled_it() -> None:
    evening = NOON_NS + DAY_NS // 2 - 5 * 10**9
    life = binary_merged(start_ns=evening)
    messages = [run_started("first", evening - 1, "a"), *life.messages[:-2]]
    messages += [run_started("second", evening + 9 * 10**9, "b"), *life.messages[-2:]]
    (result,) = past_of(messages).day_results(TAPE)
    assert (result.run, result.day) == (2, NOON_NS // DAY_NS + 1)


def test_a_run_that_was_superseded_leaves_no_result_and_no_set() -> None:
    once = [run_started("first", NOON_NS - 1), *binary_merged().messages, *held().messages]
    twice = [*once, run_started("again", NOON_NS - 1), *binary_merged().messages[:5]]
    assert [result.run for result in past_of(twice).day_results(TAPE)] == [1]
    twice += [*binary_merged().messages[5:], *held().messages, run_stopped(NOON_NS + DAY_NS)]
    past = past_of(twice)
    assert [result.run for result in past.day_results(TAPE)] == [2]
    assert [plan.key.run for plan in past.open_plans(TAPE)] == [2]


def test_a_set_that_was_cut_off_tells_what_is_known_of_its_orders() -> None:
    life = binary().begun().matched(0, 4 * MICRO, 1_800_000, 6_300)
    (left,) = past_of([run_started("run", NOON_NS - 1), *life.messages]).left(TAPE)
    assert (left.status, left.held_ns) == (SetStatus.LEGGING, life.messages[2].receive_time_ns)
    first, second = left.orders
    assert (first.shares, first.notional, first.fee) == (4 * MICRO, 1_800_000, 6_300)
    assert not (first.is_final or first.is_confirmed or second.is_final or second.shares)
    life.killed(0).failed(0).matched(1, 10 * MICRO, 5_200_000).confirmed(1)
    (left,) = past_of([run_started("run", NOON_NS - 1), *life.messages]).left(TAPE)
    first, second = left.orders
    assert (first.shares, first.notional) == (0, 0)
    assert first.is_final and first.is_failed and not first.is_confirmed
    assert second.is_final and second.is_confirmed and not second.is_failed


def test_what_was_sized_and_never_placed_is_forgotten_with_its_run() -> None:
    sized = binary("never").sized()
    past = past_of([run_started("run", NOON_NS - 1), *sized.messages])
    assert len(past.plans) == 1 and not past.left(TAPE)
    past.apply(run_started("next", NOON_NS + DAY_NS, "other"))
    assert not past.plans and not past.latest


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_nothing_remains_of_a_set_that_is_over(life: Callable[[str, int], Life]) -> None:
    past = past_of([run_started("run", NOON_NS - 1), *life("plan", NOON_NS).messages])
    assert len(past.plans) == len(past.latest) == (life is held)


def test_messages_of_nothing_known_change_nothing() -> None:
    life = binary().begun()
    past = past_of([run_started("run", NOON_NS - 1), *life.messages])
    before = past.state()
    stray = binary("stray").begun().matched(0, MICRO, 450_000).messages[-1]
    foreign = msgspec.structs.replace(
        binary().begun().matched(0, MICRO, 450_000).messages[-1], order_id="none"
    )
    repeated = life.messages[0]
    for message in (stray, foreign, repeated):
        past.apply(msgspec.structs.replace(message, receive_time_ns=NOON_NS))
    assert past.state() == before
    assert Family.BINARY in {plan.family for plan in past.open_plans(TAPE)}


def test_records_before_any_run_leave_nothing() -> None:
    past = past_of([*held().messages, *binary_merged().messages])
    assert (past.run, past.left(TAPE), past.day_results(TAPE)) == (0, (), ())


def on(venue: str, run_id: str, time_ns: int, feed: str = "feed") -> RunStarted:
    return msgspec.structs.replace(run_started(run_id, time_ns, feed), venue=venue)


def lost_day(venue: str, number: int) -> list[JournalMessage]:
    """One run that leaves a set and one that settles, under the same names on every venue."""
    start_ns = NOON_NS + number * 3_600 * 10**9
    settled = redeemed(held("over", start_ns), 5 * MICRO).messages
    return [
        on(venue, f"run-{number}", start_ns - 1, f"feed-{number}"),
        *held("open", start_ns).messages,
        *settled,
    ]


@pytest.mark.parametrize("venue", [POLYMARKET, SANDBOX, TAPE])
def test_what_was_left_on_one_venue_is_told_to_no_run_on_another(venue: str) -> None:
    others = [one for one in (POLYMARKET, SANDBOX, TAPE) if one != venue]
    past = past_of(lost_day(venue, 0))
    assert len(past.left(venue)) == len(past.day_results(venue)) == 1
    assert [(past.left(other), past.day_results(other)) for other in others] == [((), ())] * 2


def test_a_plan_of_the_same_name_on_a_tape_does_not_stand_for_the_one_on_the_venue() -> None:
    """The recording of a run is played, then the next run settles what the first one held."""
    whole = redeemed(held("plan", NOON_NS), 5 * MICRO).messages
    begun = held("plan", NOON_NS).messages
    messages = [
        on(POLYMARKET, "first", NOON_NS - 1, "recording"),
        *begun,
        on(TAPE, "replay", NOON_NS - 1, "recording"),
        *begun,
        on(POLYMARKET, "second", NOON_NS + DAY_NS, "another"),
        *whole[len(begun) :],
    ]
    for cut in range(len(messages) + 1):
        went_on = past_of(messages[cut:], Past.of(written_down(past_of(messages[:cut]))))
        assert went_on.left(POLYMARKET) == ()
        assert [plan.key.run for plan in went_on.plans.values()] == [2]
    ledger = fold(messages)
    assert not ledger.anomalies
    assert [key.run for key, plan in ledger.plans.items() if plan.is_settled] == [1]


def test_a_tape_never_counts_instead_of_the_run_that_recorded_it() -> None:
    left = held("plan", NOON_NS).messages
    longer = on(TAPE, "replay", NOON_NS - 1, "recording")
    messages = [
        on(POLYMARKET, "first", NOON_NS - 1, "recording"),
        *left,
        longer,
        *left,
        run_stopped(NOON_NS + DAY_NS),
    ]
    past = past_of(messages)
    assert len(past.left(POLYMARKET)) == 1
    assert superseded(past.state().runs) == {2: 1}


def test_the_first_run_on_a_venue_binds_and_a_tape_does_not() -> None:
    assert Past().venue == ""
    tape = on(TAPE, "a", NOON_NS)
    assert past_of([tape]).venue == ""
    assert past_of([tape, on(SANDBOX, "b", NOON_NS), on(POLYMARKET, "c", NOON_NS)]).venue == SANDBOX


def test_an_older_record_is_of_the_venue_if_the_run_recorded_its_own_frames() -> None:
    assert past_of([run_started("run-1", NOON_NS, "data/tape/run-1")]).venue == POLYMARKET
    assert past_of([run_started("run-2", NOON_NS, "data/tape/run-1")]).venue == ""
