"""A signer stays below its buckets: requests are spaced, then only cancels go, then nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.venue.polymarket.trading.budget import (
    STANDARD,
    Bucket,
    Go,
    NoRoom,
    Stage,
    TokenBudget,
)

S = 1_000_000_000
MS = 1_000_000


def drained(bucket: Bucket, percent: int) -> TokenBudget:
    """Return a budget of which so much is used, as the venue says."""
    budget = TokenBudget(0)
    left = STANDARD[bucket].burst * (100 - percent) // 100
    budget.heard(bucket, 200, {"Poly-RateLimit-Remaining": str(left)}, 0)
    return budget


def test_the_stages_begin_where_they_are_said_to() -> None:
    for percent, stage in (
        (0, Stage.FREE),
        (50, Stage.NORMAL),
        (70, Stage.SLOW),
        (90, Stage.CANCELS_ONLY),
        (95, Stage.STOP),
        (100, Stage.STOP),
    ):
        assert drained(Bucket.ORDERS, percent).stage(Bucket.ORDERS, 0) is stage


def test_orders_are_spaced_at_the_rate_and_then_at_half_of_it() -> None:
    normal = drained(Bucket.ORDERS, 50)
    assert [normal.ask(Bucket.ORDERS, 1, 0) for _ in range(3)] == [Go(0), Go(25 * MS), Go(50 * MS)]
    slow = drained(Bucket.ORDERS, 70)
    assert [slow.ask(Bucket.ORDERS, 1, 0) for _ in range(3)] == [Go(0), Go(50 * MS), Go(100 * MS)]
    free = TokenBudget(0)
    assert [free.ask(Bucket.ORDERS, 1, 0) for _ in range(3)] == [Go()] * 3


def test_at_ninety_percent_no_order_goes_and_cancels_do() -> None:
    full = drained(Bucket.ORDERS, 90)
    assert isinstance(full.ask(Bucket.ORDERS, 1, 0), NoRoom)
    assert full.ask(Bucket.CANCELS, 1, 0) == Go()
    assert isinstance(drained(Bucket.CANCELS, 90).ask(Bucket.CANCELS, 1, 0), Go)
    assert isinstance(drained(Bucket.CANCELS, 95).ask(Bucket.CANCELS, 1, 0), NoRoom)


def test_a_batch_counts_before_it_goes() -> None:
    budget = drained(Bucket.ORDERS, 70)
    assert isinstance(budget.ask(Bucket.ORDERS, 15, 0), NoRoom)
    assert isinstance(budget.ask(Bucket.ORDERS, 10, 0), Go)


def test_room_comes_back_when_it_was_said_to() -> None:
    budget = drained(Bucket.ORDERS, 100)
    refused = budget.ask(Bucket.ORDERS, 1, 0)
    assert isinstance(refused, NoRoom)
    assert isinstance(budget.ask(Bucket.ORDERS, 1, refused.retry_ns), Go)


def test_the_venues_word_lowers_and_never_raises() -> None:
    budget = drained(Bucket.ORDERS, 70)
    for text in ("60", "nonsense", "", "-1", "9" * 30):
        budget.heard(Bucket.ORDERS, 200, {"Poly-RateLimit-Remaining": text}, 0)
        assert budget.stage(Bucket.ORDERS, 0) is Stage.SLOW


def test_a_refusal_pauses_as_long_as_the_venue_asks() -> None:
    budget = TokenBudget(0)
    budget.heard(Bucket.ORDERS, 429, {"Retry-After": "3"}, 0)
    assert budget.ask(Bucket.ORDERS, 1, 2 * S) == NoRoom(
        "orders: a pause that the venue asked for", S
    )
    assert budget.ask(Bucket.ORDERS, 1, 3 * S) == Go()
    budget.heard(Bucket.CANCELS, 429, {}, 3 * S)
    assert isinstance(budget.ask(Bucket.CANCELS, 1, 3 * S + 999 * MS), NoRoom)
    assert budget.ask(Bucket.CANCELS, 1, 4 * S) == Go()


def test_a_sweep_that_cost_more_is_paid_afterwards() -> None:
    budget = TokenBudget(0)
    budget.spent(Bucket.CANCELS, 200, 0)
    assert isinstance(budget.ask(Bucket.CANCELS, 1, S), NoRoom)
    assert budget.ask(Bucket.CANCELS, 1, 3 * S) == Go()


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(Bucket)), st.integers(1, 15), st.integers(0, 300)),
        max_size=200,
    )
)
def test_what_goes_never_exceeds_burst_and_rate(asked: list[tuple[Bucket, int, int]]) -> None:
    budget, now_ns = TokenBudget(0), 0
    taken = dict.fromkeys(Bucket, 0)
    for bucket, cost, wait_ms in asked:
        now_ns += wait_ms * MS
        if isinstance(budget.ask(bucket, cost, now_ns), Go):
            taken[bucket] += cost
        rate = STANDARD[bucket]
        assert taken[bucket] * S <= rate.burst * S + rate.per_second * now_ns
