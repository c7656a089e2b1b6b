from collections.abc import Sequence

import msgspec
import pytest
from polyarb.domain.messages import (
    CancelAll,
    JournalMessage,
    OrderMatched,
    PlanApproved,
    PlanSized,
    TradeConfirmed,
)
from polyarb.store.backup.manifest import StatePart
from polyarb.store.backup.state import StateFold
from tests.journal_cases import some_messages
from tests.plan_lives import binary_merged

LIFE = binary_merged().messages


def folded(messages: Sequence[JournalMessage]) -> StatePart:
    fold = StateFold()
    for message in messages:
        fold.apply(message)
    return fold.state(len(messages))


def test_the_same_messages_make_the_same_state() -> None:
    messages = some_messages(300)
    assert folded(messages) == folded(some_messages(300))
    assert folded(messages).sequence == 300


def test_every_step_of_a_plan_makes_another_state() -> None:
    digests = [folded(LIFE[:number]).digest for number in range(len(LIFE) + 1)]
    assert len(set(digests)) == len(LIFE) + 1


def test_a_state_can_be_told_before_it_is_gone_on_from() -> None:
    fold = StateFold()
    for number, message in enumerate(LIFE):
        assert fold.state(number) == folded(LIFE[:number])
        fold.apply(message)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (PlanSized, {"opportunity_id": "another"}),
        (PlanSized, {"relation_id": "another"}),
        (PlanApproved, {"reserved": 1}),
        (OrderMatched, {"shares": 7}),
        (OrderMatched, {"notional": 7}),
        (OrderMatched, {"fee": 7}),
        (OrderMatched, {"order_id": "unknown"}),
        (TradeConfirmed, {"receive_time_ns": 86_400 * 10**9}),
    ],
    ids=lambda one: one.__name__ if isinstance(one, type) else "-".join(one),
)
def test_a_changed_fact_makes_another_state(
    kind: type[JournalMessage], changes: dict[str, object]
) -> None:
    place = max(number for number, one in enumerate(LIFE) if isinstance(one, kind))
    other = msgspec.structs.replace(LIFE[place], **changes)
    assert folded([*LIFE[:place], other]).digest != folded(LIFE[: place + 1]).digest


def test_messages_that_book_nothing_are_counted() -> None:
    more = CancelAll(receive_time_ns=1, reason="halted")
    assert folded([more]).digest != folded([]).digest
    assert folded([more, more]).digest != folded([more]).digest


def test_what_did_not_fit_is_part_of_the_state() -> None:
    stray = next(one for one in LIFE if isinstance(one, TradeConfirmed))
    others = [msgspec.structs.replace(stray, plan_id=plan_id) for plan_id in ("a", "b")]
    assert folded(others[:1]).digest != folded(others[1:]).digest


def test_balances_are_part_of_the_state() -> None:
    digests = set()
    for cash in (5, 6):
        fold = StateFold()
        fold._ledger.open_with(cash, 1)
        digests.add(fold.state(0).digest)
    assert len(digests) == 2
