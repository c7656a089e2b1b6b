"""Blocking calls are abandoned: neither the loop nor the process waits for them."""

import asyncio
import threading

import pytest
from polyarb.host.threads import AbandoningExecutor, run_abandoning


def test_a_call_that_never_returns_does_not_hold_up_the_end() -> None:
    never, ended = threading.Event(), threading.Event()

    async def wait() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.to_thread(never.wait)
        except TimeoutError:
            return "gave up"
        return "waited"

    assert run_abandoning(wait()) == "gave up"
    ended.set()
    blocked = [one for one in threading.enumerate() if one.name == "abandonable"]
    assert all(one.daemon for one in blocked)
    never.set()
    for one in blocked:
        one.join()


def test_what_a_call_returns_or_raises_comes_back() -> None:
    async def call() -> tuple[int, str]:
        value = await asyncio.to_thread(int, "7")
        with pytest.raises(ValueError, match="invalid literal") as fault:
            await asyncio.to_thread(int, "x")
        return value, str(fault.value)

    assert run_abandoning(call())[0] == 7


def test_a_call_that_was_cancelled_before_it_began_is_not_made() -> None:
    executor, calls = AbandoningExecutor(), []
    future = executor.submit(calls.append, 1)
    future.result(5)
    executor.shutdown()
    assert calls == [1]
