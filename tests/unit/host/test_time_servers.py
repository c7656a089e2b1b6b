"""Time servers over loopback: several at once, liars among them, deadlines."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from random import Random

import pytest
from polyarb.host.sntp import Reading, Refusal
from polyarb.host.threads import run_abandoning
from polyarb.host.time_servers import Refused, agreed_offset, ask_time_servers
from tests.time_server import Lie, TimeServer
from tests.unit.host.fixed_clock import FixedClock

HOUR_NS = 3_600_000_000_000


def ask(servers: Sequence[str], *, deadline_ms: int = 5_000) -> list[Reading | Refused]:
    draw = Random(3).getrandbits
    return run_abandoning(
        ask_time_servers(
            servers, deadline_ms=deadline_ms, clock=FixedClock(), draw=lambda: draw(64)
        )
    )


def ask_liars(*lies: Lie, offset_ns: int = 0, deadline_ms: int = 5_000) -> list[Reading | Refused]:
    now_ns = FixedClock().now_ns
    with ExitStack() as stack:
        servers = [
            stack.enter_context(TimeServer(lie, offset_ns=offset_ns, now_ns=now_ns)) for lie in lies
        ]
        return ask([server.address for server in servers], deadline_ms=deadline_ms)


@pytest.mark.parametrize("offset_ns", [0, 7, -HOUR_NS, HOUR_NS])
def test_the_offset_of_a_true_server_is_read(offset_ns: int) -> None:
    (found,) = ask_liars(Lie.NONE, offset_ns=offset_ns)
    assert isinstance(found, Reading)
    assert (found.offset_ns, found.delay_ns) == (offset_ns, 0)


def test_the_answer_that_comes_after_a_forged_one_counts() -> None:
    (found,) = ask_liars(Lie.FORGED_FIRST)
    assert isinstance(found, Reading)
    assert found.offset_ns == 0


@pytest.mark.parametrize(
    ("lie", "refusal"),
    [
        (Lie.SILENT, Refusal.SILENT),
        (Lie.SHORT, Refusal.SHORT),
        (Lie.GARBAGE, Refusal.NOT_AN_ANSWER),
        (Lie.WRONG_ORIGIN, Refusal.WRONG_ORIGIN),
    ],
)
def test_what_anybody_may_send_only_counts_once_the_deadline_has_passed(
    lie: Lie, refusal: Refusal
) -> None:
    (found,) = ask_liars(lie, deadline_ms=300)
    assert isinstance(found, Refused)
    assert found.refusal is refusal


@pytest.mark.parametrize(
    ("lie", "refusal"),
    [
        (Lie.KISS_OF_DEATH, Refusal.KISS_OF_DEATH),
        (Lie.UNSYNCHRONISED, Refusal.UNSYNCHRONISED),
        (Lie.FAR, Refusal.TOO_FAR),
    ],
)
def test_a_server_that_says_it_is_of_no_use_is_believed_at_once(lie: Lie, refusal: Refusal) -> None:
    # Had it to be waited for, this would outlast the test run.
    (found,) = ask_liars(lie, deadline_ms=3_600_000)
    assert isinstance(found, Refused)
    assert found.refusal is refusal


def test_nobody_at_the_port_is_told_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (found,) = ask([address], deadline_ms=3_600_000)
    assert found == Refused(server=address, refusal=Refusal.UNREACHABLE)


def test_a_name_that_is_not_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (found,) = ask(["time.example"])
    assert found == Refused(server="time.example", refusal=Refusal.NO_NAME)


@pytest.mark.parametrize("server", ["a:b:c", "host:port", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_no_crash(server: str) -> None:
    (found,) = ask([server])
    assert found == Refused(server=server, refusal=Refusal.UNREACHABLE)


def test_every_question_carries_another_number() -> None:
    with TimeServer() as server:
        ask([server.address, server.address])
    numbers = {question[40:] for question in server.asked}
    assert len(numbers) == 2
    assert bytes(8) not in numbers


def test_the_majority_outvotes_a_liar_and_the_silent_have_no_vote() -> None:
    now_ns = FixedClock().now_ns
    with ExitStack() as stack:
        true = [stack.enter_context(TimeServer(now_ns=now_ns)) for _ in range(2)]
        liar = stack.enter_context(TimeServer(offset_ns=HOUR_NS, now_ns=now_ns))
        mute = stack.enter_context(TimeServer(Lie.SILENT))
        servers = [*true, liar, mute]
        answers = ask([server.address for server in servers], deadline_ms=300)
    found = agreed_offset(answers)
    assert found is not None
    assert found.value == 0
    assert found.outvoted == (liar.address,)


def test_no_reading_agrees_on_nothing() -> None:
    assert agreed_offset([Refused(server="a", refusal=Refusal.SILENT)]) is None


def test_a_late_answer_finds_nobody() -> None:
    """A packet after the deadline, or a second one, changes nothing and breaks nothing."""

    async def talk() -> list[Reading | Refused]:
        with TimeServer() as server:
            asked = ask_time_servers(
                [server.address], deadline_ms=5_000, clock=FixedClock(), draw=lambda: 5
            )
            found = await asked
            await asyncio.sleep(0)
            return found

    assert isinstance(asyncio.run(talk())[0], Reading)
