"""The board of armed faults."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from polyarb.venue.sandbox.faults import (
    ARMED_MAX,
    BLOCKS_MAX,
    ArmedFault,
    BadFault,
    FaultBoard,
    problem_of,
    read_fault,
)
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind

SLOW = Fault(kind=FaultKind.SLOW_RESPONSE, scope="clob POST /order", amount=250)
LOST = Fault(kind=FaultKind.LOST_FRAME, scope="market")


def board_with(*faults: Fault, seed: int = 1) -> FaultBoard:
    board = FaultBoard(seed)
    for fault in faults:
        assert isinstance(board.arm(fault), str)
    return board


def test_nothing_strikes_on_an_empty_board() -> None:
    board = FaultBoard(1)
    assert all(board.strike(kind, "clob POST /order") is None for kind in FaultKind)
    assert board.armed() == ()


def test_a_fault_strikes_its_own_kind_in_scopes_that_start_with_its_own() -> None:
    board = board_with(SLOW)
    assert board.strike(FaultKind.SLOW_RESPONSE, "clob POST /order") == SLOW
    assert board.strike(FaultKind.SLOW_RESPONSE, "clob POST /orders") == SLOW
    assert board.strike(FaultKind.SLOW_RESPONSE, "clob GET /order") is None
    assert board.strike(FaultKind.SLOW_RESPONSE, "gamma clob POST /order") is None
    assert board.strike(FaultKind.SERVER_ERROR, "clob POST /order") is None


def test_an_empty_scope_is_anywhere() -> None:
    board = board_with(replace(SLOW, scope=""))
    assert board.strike(FaultKind.SLOW_RESPONSE, "relayer GET /deployed")
    assert board.strike(FaultKind.SLOW_RESPONSE, "")


def test_skip_lets_occasions_in_its_scope_pass_first() -> None:
    board = board_with(replace(LOST, skip=2))
    assert board.strike(FaultKind.LOST_FRAME, "user") is None
    struck = [board.strike(FaultKind.LOST_FRAME, "market") is not None for _ in range(4)]
    assert struck == [False, False, True, True]


def test_times_takes_the_fault_off_the_board_after_its_last_strike() -> None:
    board = board_with(replace(LOST, times=2, skip=1))
    struck = [board.strike(FaultKind.LOST_FRAME, "market") is not None for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert board.armed() == ()


def test_of_two_faults_the_first_armed_strikes_and_the_next_takes_over_when_it_is_spent() -> None:
    first, second = replace(SLOW, times=1, amount=1), replace(SLOW, amount=2)
    board = board_with(first, second)
    assert board.strike(FaultKind.SLOW_RESPONSE, "clob POST /order") == first
    assert board.strike(FaultKind.SLOW_RESPONSE, "clob POST /order") == second


def test_share_strikes_about_that_often_and_is_the_same_with_the_same_seed() -> None:
    halved = replace(LOST, share=0.3)
    boards = [board_with(halved, seed=seed) for seed in (7, 7, 8)]
    struck = [
        [board.strike(FaultKind.LOST_FRAME, "market") is not None for _ in range(2_000)]
        for board in boards
    ]
    assert struck[0] == struck[1]
    assert struck[0] != struck[2]
    assert 500 < sum(struck[0]) < 700


def test_a_certain_fault_does_not_use_up_chance() -> None:
    rare = replace(LOST, share=0.5)
    alone, beside = board_with(rare), board_with(SLOW, rare)
    for _ in range(50):
        beside.strike(FaultKind.SLOW_RESPONSE, "clob POST /order")
    for _ in range(50):
        assert alone.strike(FaultKind.LOST_FRAME, "market") == beside.strike(
            FaultKind.LOST_FRAME, "market"
        )


def test_the_board_tells_what_is_armed_and_how_often_it_struck() -> None:
    board = board_with(replace(LOST, skip=1))
    for _ in range(3):
        board.strike(FaultKind.LOST_FRAME, "market")
    assert board.armed() == (
        ArmedFault(fault_id="fault-1", fault=replace(LOST, skip=1), occasions=3, strikes=2),
    )


def test_one_fault_or_all_of_them_are_cleared_and_ids_are_not_given_twice() -> None:
    board = board_with(SLOW, LOST, SLOW)
    assert board.clear("fault-1") == ("fault-1",)
    assert board.clear("fault-1") == ()
    assert board.strike(FaultKind.SLOW_RESPONSE, "clob POST /order") == SLOW
    assert sorted(board.clear()) == ["fault-2", "fault-3"]
    assert board.strike(FaultKind.LOST_FRAME, "market") is None
    assert board.arm(LOST) == "fault-4"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (replace(LOST, share=0.0), "share: expected more than 0"),
        (replace(LOST, share=1.01), "share: expected more than 0"),
        (replace(LOST, share=float("nan")), "share: expected more than 0"),
        (replace(LOST, skip=-1), "skip: expected 0 or more"),
        (replace(LOST, times=0), "times: expected 1 or more"),
        (replace(LOST, scope="x" * 201), "scope: expected at most"),
        (replace(LOST, scope="a\nb"), "scope: expected at most"),
        (replace(LOST, amount=-1), "amount: expected 0 to"),
        (replace(SLOW, amount=0), "amount: expected 1 to 3600000 ms, found 0"),
        (Fault(kind=FaultKind.FREEZE), "amount: expected 1 to"),
        (Fault(kind=FaultKind.SETTLEMENT_DELAY), "amount: expected 1 to"),
        (Fault(kind=FaultKind.CLOCK_SKEW), "amount: expected -86400000 to 86400000 and not 0 ms"),
        (Fault(kind=FaultKind.RPC_LAG), "amount: expected 1 to 64 blocks"),
        (Fault(kind=FaultKind.REORG, amount=BLOCKS_MAX + 1), "amount: expected 1 to 64 blocks"),
        (Fault(kind=FaultKind.TICK_CHANGE, amount=20_000), "amount: expected a tick in micros"),
        (Fault(kind=FaultKind.GHOST_FILL, amount=-1), "amount: expected 0 to"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind.value,
)
def test_a_fault_that_makes_no_sense_is_refused_with_its_reason(fault: Fault, reason: str) -> None:
    board = FaultBoard(1)
    answer = board.arm(fault)
    assert isinstance(answer, BadFault)
    assert answer.reason.startswith(reason)
    assert board.armed() == ()


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_can_be_armed_with_a_sensible_amount(kind: FaultKind) -> None:
    amount = 1_000 if kind is FaultKind.TICK_CHANGE else 1
    assert problem_of(Fault(kind=kind, amount=amount)) == ""


def test_a_clock_may_go_slow_as_well_as_fast() -> None:
    assert problem_of(Fault(kind=FaultKind.CLOCK_SKEW, amount=-5_000)) == ""
    assert problem_of(Fault(kind=FaultKind.GHOST_FILL, amount=0)) == ""


def test_the_board_is_bounded() -> None:
    board = board_with(*[LOST] * ARMED_MAX)
    assert isinstance(board.arm(LOST), BadFault)


def test_a_fault_is_read_from_json() -> None:
    assert read_fault(msgspec.json.encode(SLOW)) == SLOW
    assert read_fault(b'{"kind":"disconnect"}') == Fault(kind=FaultKind.DISCONNECT)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"[1]", "Expected `object`, got `array`"),
        (b'{"kind":"slow"}', "Invalid enum value 'slow' - at `$.kind`"),
        (b'{"kind":"freeze","amount":1.5}', "Expected `int`, got `float`"),
        (b'{"kind":"freeze","ms":5}', "unknown key 'ms'; expected kind, scope"),
        (b'{"kind":"freeze"}', "amount: expected 1 to"),
        (b'{"kind":"freeze","amount":1,"times":0}', "times: expected"),
        (b'{"scope":"\xff"}', "'utf-8' codec"),
        (b"[" * 100_000, "Expected `object`, got `array`"),
    ],
    ids=["empty", "list", "kind", "float", "key", "amount", "times", "bytes", "deep"],
)
def test_a_fault_that_cannot_be_read_is_refused_with_its_reason(
    content: bytes, reason: str
) -> None:
    fault = read_fault(content)
    assert isinstance(fault, BadFault)
    assert reason in fault.reason


@settings(derandomize=True, max_examples=200)
@given(
    skip=st.integers(0, 5),
    times=st.none() | st.integers(1, 5),
    occasions=st.integers(0, 20),
)
def test_a_certain_fault_strikes_exactly_after_skip_and_up_to_times(
    skip: int, times: int | None, occasions: int
) -> None:
    board = board_with(replace(LOST, skip=skip, times=times))
    struck = sum(board.strike(FaultKind.LOST_FRAME, "market") is not None for _ in range(occasions))
    expected = max(0, occasions - skip)
    assert struck == (expected if times is None else min(expected, times))
