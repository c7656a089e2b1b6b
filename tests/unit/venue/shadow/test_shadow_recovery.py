"""What the shadow answers for a set whose own shadow went with its process."""

from msgspec.structs import replace
from polyarb.domain.ids import ConditionId
from polyarb.domain.messages import (
    OrderKilled,
    RecoverSet,
    SetSettled,
    SettleSet,
    TradeConfirmed,
    TradeFailed,
)
from polyarb.domain.order import HeldOrder, HeldSet, SetStatus
from polyarb.domain.plan import Family
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.shadow import ShadowGateway
from polyarb.venue.shadow.fakes import FakeBooks
from polyarb.venue.shadow.gateway import BLOCK_NS, SETTLEMENT_NS
from polyarb.venue.shadow.sets import RECOVERY_LOOKS, UNWIND_LOOKS
from shadow_cases import (
    BUY,
    NEVER_NS,
    NO,
    START_NS,
    STEADY,
    Row,
    gateway,
    levels,
    market,
    of_type,
    place,
    unwind,
)

PAIR: list[Row] = [("A", BUY, NO, "0.40", "50"), ("B", BUY, NO, "0.55", "50")]
PLACED = place(Family.NEGRISK_NO, "50", PAIR)
FIRST, SECOND = PLACED.orders


def left_in(status: SetStatus, first: HeldOrder, second: HeldOrder) -> RecoverSet:
    left = HeldSet(
        plan_id=PLACED.plan_id,
        family=PLACED.family,
        relation_ids=(),
        quantity=PLACED.quantity,
        reserved=0,
        held_ns=0,
        orders=(first, second),
        status=status,
    )
    return RecoverSet(receive_time_ns=START_NS, plan_id=PLACED.plan_id, left=left)


def fate(
    place: int, shares: int, *, final: bool = True, confirmed: bool = False, failed: bool = False
) -> HeldOrder:
    return HeldOrder(
        intent=PLACED.orders[place],
        shares=shares,
        notional=shares // 2,
        fee=0,
        is_final=final,
        is_confirmed=confirmed,
        is_failed=failed,
    )


def recovered(command: RecoverSet, books: FakeBooks | None = None, **model: int) -> ShadowGateway:
    shadow = gateway(books or FakeBooks(), market("A"), market("B"), model=replace(STEADY, **model))
    shadow.dispatch(command)
    return shadow


def test_what_was_unmatched_is_void_at_once_and_what_was_matched_settles_as_ever() -> None:
    shadow = recovered(left_in(SetStatus.LEGGING, fate(0, FIRST.shares), fate(1, 0, final=False)))
    (void,) = shadow.due(START_NS)
    assert isinstance(void, OrderKilled)
    assert (void.order_id, void.reason) == (SECOND.order_id, "VOID_AFTER_CRASH")
    (word,) = shadow.due(START_NS + SETTLEMENT_NS)
    assert isinstance(word, TradeConfirmed) and word.order_id == FIRST.order_id
    assert shadow.deadline_ns == FAR_FUTURE_NS


def test_a_match_that_would_not_have_settled_does_not() -> None:
    command = left_in(SetStatus.COMPLETE, fate(0, FIRST.shares), fate(1, SECOND.shares))
    words = recovered(command, revert_fraction=1_000_000).due(NEVER_NS)
    assert [type(word) for word in words] == [TradeFailed, TradeFailed]


def test_what_had_its_final_word_has_no_other() -> None:
    command = left_in(
        SetStatus.CONVERTED,
        fate(0, FIRST.shares, confirmed=True),
        fate(1, SECOND.shares, confirmed=True),
    )
    shadow = recovered(command, revert_fraction=1_000_000)
    assert shadow.due(NEVER_NS - 1) == []
    shadow.dispatch(
        SettleSet(
            receive_time_ns=START_NS,
            plan_id=PLACED.plan_id,
            family=PLACED.family,
            status=SetStatus.CONVERTED,
            quantity=PLACED.quantity,
        )
    )
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert settled.proceeds == PLACED.quantity


def test_a_broken_one_is_sold_at_the_live_book_once_it_has_come() -> None:
    books = FakeBooks()
    shadow = recovered(
        left_in(SetStatus.BROKEN, fate(0, FIRST.shares, confirmed=True), fate(1, 0)), books
    )
    shadow.dispatch(unwind(PLACED, START_NS))
    assert shadow.due(START_NS + 2 * UNWIND_LOOKS * BLOCK_NS) == []
    books.replace(ConditionId("A"), bids=levels("0.38x100"), asks=levels("0.70x100"))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert (settled.status, settled.unsold) == (SetStatus.UNWOUND, 0)
    assert settled.proceeds == 15_000_000


def test_one_whose_book_never_comes_is_worth_nothing() -> None:
    shadow = recovered(
        left_in(SetStatus.BROKEN, fate(0, FIRST.shares, confirmed=True), fate(1, 0, failed=True))
    )
    shadow.dispatch(unwind(PLACED, START_NS))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert (settled.proceeds, settled.unsold) == (0, FIRST.shares)
    assert settled.receive_time_ns >= START_NS + (RECOVERY_LOOKS - 1) * BLOCK_NS


def test_a_market_that_left_the_catalogue_is_waited_for_too() -> None:
    gone = replace(FIRST, condition_id=ConditionId("GONE"))
    held = replace(fate(0, FIRST.shares, confirmed=True), intent=gone)
    shadow = recovered(left_in(SetStatus.BROKEN, held, fate(1, 0)))
    shadow.dispatch(unwind(PLACED, START_NS))
    (settled,) = of_type(shadow.due(NEVER_NS), SetSettled)
    assert settled.unsold == FIRST.shares


def test_nothing_remains_of_one_of_which_nothing_was_matched() -> None:
    shadow = recovered(left_in(SetStatus.LEGGING, fate(0, 0, final=False), fate(1, 0)))
    assert [type(one) for one in shadow.due(NEVER_NS)] == [OrderKilled]
    assert not shadow.watched
