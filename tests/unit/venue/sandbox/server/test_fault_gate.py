"""Faults on the way to a service and back: what was done, what is answered, and to whom."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from polyarb.domain.plan import Side
from polyarb.venue.sandbox.server.fault_gate import FaultGate, LostError
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from starlette.types import Message, Receive, Scope, Send
from tests.clob_cases import Desk, id_of

ORDER = "clob POST /order "


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


BEFORE: dict[FaultKind, tuple[int, str, str]] = {
    FaultKind.GEOBLOCKED: (403, "Trading restricted in your region", "application/json"),
    FaultKind.RATE_LIMITED: (429, "Too Many Requests", "application/json"),
    FaultKind.HTML_ERROR: (502, "<center>cloudflare</center>", "text/html"),
    FaultKind.SERVER_ERROR: (500, "could not insert order", "application/json"),
}


@pytest.mark.parametrize("kind", sorted(BEFORE))
def test_a_fault_before_the_work_leaves_nothing_behind(kind: FaultKind) -> None:
    status, text, media = BEFORE[kind]

    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        before = desk.books()
        desk.faults.arm(Fault(kind=kind, scope=ORDER, times=1))
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        answer = await trader.place(order)
        assert (answer.status_code, answer.headers["content-type"]) == (status, media)
        assert text in answer.text
        assert desk.books() == before
        assert (await trader.place(order)).json()["status"] == "live"

    run(main)


def test_an_error_after_acceptance_hides_an_order_that_stands() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        desk.faults.arm(Fault(kind=FaultKind.ERROR_AFTER_ACCEPT, scope=ORDER, times=1))
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        answer = await trader.place(order)
        assert (answer.status_code, answer.json()) == (500, {"error": "order timed out"})
        found = await trader.ask("GET", f"/data/order/{id_of(order)}")
        assert found.json()["status"] == "LIVE"
        assert "Duplicated." in (await trader.place(order)).text

    run(main)


def test_a_lost_answer_is_no_answer_and_the_order_stands() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        desk.faults.arm(Fault(kind=FaultKind.LOST_RESPONSE, scope=ORDER, times=1))
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        with pytest.raises(LostError):
            await trader.place(order)
        found = await trader.ask("GET", f"/data/order/{id_of(order)}")
        assert found.json()["status"] == "LIVE"

    run(main)


def test_a_slow_answer_comes_after_the_work_was_done() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        desk.faults.arm(Fault(kind=FaultKind.SLOW_RESPONSE, scope=ORDER, times=1, amount=2_500))
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        answer = await trader.place(order)
        assert answer.json()["status"] == "live"
        assert desk.slept == [2.5]

    run(main)


def test_a_fault_strikes_in_its_scope_only() -> None:
    async def main() -> None:
        desk = Desk()
        trader = desk.trader()
        desk.faults.arm(Fault(kind=FaultKind.SERVER_ERROR, scope=ORDER))
        order = trader.order(desk.market("rain").yes, Side.BUY, 100_000, 10)
        assert (await trader.place(order)).status_code == 500
        batch = await trader.ask("POST", "/orders", [trader.payload(order)])
        assert batch.status_code == 200
        assert (await trader.ask("DELETE", "/order", {"orderID": "0x"})).status_code == 200

    run(main)


@pytest.mark.parametrize(("amount", "wait"), [(0, "1"), (1, "1"), (2_001, "3")])
def test_a_limit_tells_how_long_to_wait(amount: int, wait: str) -> None:
    async def main() -> None:
        desk = Desk()
        desk.faults.arm(Fault(kind=FaultKind.RATE_LIMITED, scope="clob ", amount=amount))
        answer = await desk.client.get("/ok")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, wait)

    run(main)


class Line:
    """A connection as a server holds it: cut once, and then gone."""

    def __init__(self) -> None:
        self.is_cut = False
        self.sent: list[Message] = []

    @property
    def transport(self) -> "Line":
        """Return what can be cut."""
        return self

    def abort(self) -> None:
        """Cut it."""
        self.is_cut = True

    async def receive(self) -> Message:
        """Return the body's end first, and that the line is gone once it is cut."""
        return {"type": "http.disconnect" if self.is_cut else "http.request"}

    async def send(self, message: Message) -> None:
        """Take what is answered."""
        self.sent.append(message)


def test_a_lost_answer_cuts_the_connection_below() -> None:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def main() -> None:
        desk, line = Desk(), Line()
        desk.faults.arm(Fault(kind=FaultKind.LOST_RESPONSE))
        scope = {"type": "http", "method": "GET", "path": "/"}
        await FaultGate(app, desk.faults, "clob")(scope, line.receive, line.send)
        assert (line.is_cut, line.sent) == (True, [])

    run(main)


def test_what_is_no_request_passes() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["type"])

    async def main() -> None:
        desk, line = Desk(), Line()
        desk.faults.arm(Fault(kind=FaultKind.SERVER_ERROR))
        await FaultGate(app, desk.faults, "clob")({"type": "lifespan"}, line.receive, line.send)
        assert seen == ["lifespan"]

    run(main)
