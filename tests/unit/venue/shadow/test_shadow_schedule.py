"""Steps run in the order of their times, whatever was planned or withdrawn in between."""

from hypothesis import given, settings
from hypothesis import strategies as st
from polyarb.domain.ids import OrderId, PlanId
from polyarb.domain.messages import OrderKilled
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.shadow.schedule import Kind, Schedule

KEYS = st.tuples(
    st.integers(0, 9), st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(Kind)
)


def add(schedule: Schedule, key: tuple[int, str, str, Kind]) -> None:
    time_ns, plan, order, kind = key
    event = OrderKilled(
        receive_time_ns=time_ns,
        plan_id=PlanId(plan),
        order_id=OrderId(order),
        reason=kind.name,
    )
    schedule.add(time_ns, (event.plan_id, event.order_id, kind), lambda now_ns: (event,))


@settings(derandomize=True, deadline=None)
@given(keys=st.lists(KEYS, max_size=40), after_ns=st.integers(0, 9), until_ns=st.integers(0, 9))
def test_steps_run_by_time_plan_order_and_kind(
    keys: list[tuple[int, str, str, Kind]], after_ns: int, until_ns: int
) -> None:
    schedule = Schedule()
    for key in keys:
        add(schedule, key)
    withdrawn = schedule.withdraw(Kind.MATCH, after_ns)
    gone = sorted(key for key in keys if key[3] is Kind.MATCH and key[0] > after_ns)
    assert withdrawn == [(plan, order) for _, plan, order, _ in gone]
    left = sorted(key for key in keys if not (key[3] is Kind.MATCH and key[0] > after_ns))
    early = schedule.run(until_ns)
    assert schedule.next_ns == min((k[0] for k in left if k[0] > until_ns), default=FAR_FUTURE_NS)
    events = [*early, *schedule.run(9)]
    assert [
        (event.receive_time_ns, event.plan_id, event.order_id, Kind[event.reason])
        for event in events
        if isinstance(event, OrderKilled)
    ] == left
