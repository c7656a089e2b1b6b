"""The world on the clock: it only moves forward, others act at their time, and all is told once."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec import structs
from polyarb.domain.ids import TokenId
from polyarb.domain.plan import Side
from polyarb.ports import FAR_FUTURE_NS
from polyarb.venue.sandbox.server.keys import ApiKeys
from polyarb.venue.sandbox.server.state import SandboxState
from polyarb.venue.sandbox.server.telling import ToldExchange, telling
from polyarb.venue.sandbox.terms.announcements import Announcement, OrderChanged
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.orders import OrderRequest
from tests.clob_cases import START_NS, Desk, Trader, id_of

S = 1_000_000_000


class Visitors:
    """Others who do something at set times; they note when it was by the world's clock."""

    def __init__(self, desk: Desk, times_ns: list[int]) -> None:
        self.desk = desk
        self.times_ns = times_ns
        self.seen: list[int] = []

    @property
    def next_due_ns(self) -> int:
        """Return when the next one comes."""
        return self.times_ns[0] if self.times_ns else FAR_FUTURE_NS

    def advance(self, now_ns: int) -> None:
        """Let everybody come whose time it is."""
        while self.times_ns and self.times_ns[0] <= now_ns:
            self.times_ns.pop(0)
            self.seen.append(self.desk.world.now_ns)


def state_of(desk: Desk, flow: Visitors | None = None) -> tuple[SandboxState, list[Announcement]]:
    heard: list[Announcement] = []

    def hear(announcements: Sequence[Announcement]) -> None:
        heard.extend(announcements)

    state = SandboxState(desk.world, desk.clock, keys=ApiKeys(1), announce=hear, flow=flow)
    return state, heard


def request(trader: Trader) -> OrderRequest:
    order = trader.order(trader.desk.market("rain").yes, Side.BUY, 100_000, 10)
    return OrderRequest(order_id=id_of(order), order=order, owner=trader.owner)


def test_the_world_follows_the_clock_and_never_steps_back() -> None:
    desk = Desk()
    state, _ = state_of(desk)
    assert state.now() == START_NS
    desk.clock.pass_ms(1_500)
    assert state.now() == START_NS + 1_500_000_000
    desk.clock.pass_ms(-1_000)
    assert state.now() == START_NS + 1_500_000_000


@pytest.mark.parametrize("skew_ms", [5_000, -5_000])
def test_a_skewed_clock_changes_what_is_told_and_the_world_goes_on(skew_ms: int) -> None:
    desk = Desk()
    flow = Visitors(desk, [START_NS + 1 * S, START_NS + 4 * S])
    state, _ = state_of(desk, flow)
    desk.faults.arm(Fault(kind=FaultKind.CLOCK_SKEW, amount=skew_ms))
    assert (state.now(), flow.seen) == (START_NS, [])
    assert state.told_ns() == START_NS + skew_ms * 1_000_000
    desk.clock.pass_ms(1_000)
    assert (state.now(), flow.seen) == (START_NS + S, [START_NS + S])
    desk.faults.clear()
    assert state.told_ns() == START_NS + S


def test_channels_and_books_tell_the_time_of_the_skewed_clock_and_memory_the_true_one() -> None:
    desk = Desk()
    state, heard = state_of(desk)
    told: list[Announcement] = []
    state.listen(telling(told.extend, state.skew_ns))
    trader, token = desk.trader(), desk.market("rain").yes
    books = ToldExchange(desk.world.exchange, state.skew_ns)
    desk.world.place(request(trader))
    state.settle_down()
    assert told == heard != []
    true = desk.world.exchange.book(token)
    assert books.book(token) == true is not None
    desk.faults.arm(Fault(kind=FaultKind.CLOCK_SKEW, amount=-2_000))
    heard.clear()
    told.clear()
    desk.world.exchange.cancel_all(trader.owner)
    state.settle_down()
    assert [one.at_ns - 2 * S for one in heard] == [one.at_ns for one in told] != []
    seen, true = books.book(token), desk.world.exchange.book(token)
    assert seen is not None and true is not None
    assert seen == structs.replace(true, changed_ns=true.changed_ns - 2 * S)
    assert books.book(TokenId("7")) is None


def test_a_skewed_clock_tells_its_time_and_judges_signed_requests_by_it() -> None:
    desk = Desk()
    trader = desk.trader().login()

    async def main() -> None:
        for skew_s, status in ((0, 200), (29, 200), (-9, 200), (40, 401), (-20, 401)):
            desk.faults.clear()
            if skew_s:
                desk.faults.arm(Fault(kind=FaultKind.CLOCK_SKEW, amount=1_000 * skew_s))
            assert (await trader.ask("GET", "/time")).json() == START_NS // S + skew_s
            assert (await trader.ask("GET", "/data/orders")).status_code == status
        book = await trader.ask("GET", "/book", query={"token_id": desk.market("rain").yes})
        assert int(book.json()["timestamp"]) == START_NS // 1_000_000 - 20_000

    asyncio.run(main())
    assert desk.world.now_ns == START_NS


def test_others_act_when_their_time_has_come_even_if_nobody_looked() -> None:
    desk = Desk()
    times = [START_NS + 1 * S, START_NS + 1 * S, START_NS + 3 * S, START_NS + 9 * S]
    flow = Visitors(desk, list(times))
    state, _ = state_of(desk, flow)
    assert state.next_due_ns == times[0]
    desk.clock.pass_ms(5_000)
    state.now()
    assert flow.seen == times[:3]
    assert desk.world.now_ns == START_NS + 5 * S
    assert state.next_due_ns == times[3]


def test_what_was_announced_is_told_once_to_everybody_in_order() -> None:
    desk = Desk()
    state, heard = state_of(desk)
    late: list[Announcement] = []
    trader = desk.trader()
    first, second = request(trader), request(trader)
    desk.world.place(first)
    state.settle_down()
    state.listen(late.extend)
    desk.world.place(second)
    state.settle_down()
    state.settle_down()
    told = [one.order.order_id for one in heard if isinstance(one, OrderChanged)]
    assert told == [first.order_id, second.order_id]
    assert late == heard[len(heard) - len(late) :]
    assert [one.order.order_id for one in late if isinstance(one, OrderChanged)] == [
        second.order_id
    ]


def test_what_happens_by_itself_is_told_when_the_world_is_moved() -> None:
    desk = Desk()
    state, heard = state_of(desk)
    trader = desk.trader()
    desk.world.place(request(trader))
    desk.world.exchange.heartbeat(trader.owner, "")
    desk.clock.pass_ms(20_000)
    state.now()
    steps = [one.step.value for one in heard if isinstance(one, OrderChanged)]
    assert steps == ["PLACEMENT", "CANCELLATION"]
