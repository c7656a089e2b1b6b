"""Threads that nobody waits for: what blocks in the system, such as a name lookup, is abandoned."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Thread
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class AbandoningExecutor(ThreadPoolExecutor):
    """Runs every call in a daemon thread of its own; neither a loop nor the process waits for it.

    asyncio's own executor is waited for at the end: a name server that does not answer would hold
    the process up long after the deadline.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a call and return its future."""
        future: Future[T] = Future()

        def deliver(_kind: object, fault: BaseException | None, _trace: object) -> bool:
            """Hand whatever the call raises to who waits."""
            if fault is not None:
                future.set_exception(fault)
            return True

        def call() -> None:
            if future.set_running_or_notify_cancel():
                with ExitStack() as stack:
                    stack.push(deliver)
                    future.set_result(fn(*args, **kwargs))

        Thread(target=call, daemon=True, name="abandonable").start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the threads to themselves."""


def run_abandoning(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own whose blocking calls are abandoned at the end."""

    async def prepared() -> T:
        asyncio.get_running_loop().set_default_executor(AbandoningExecutor())
        return await main

    return asyncio.run(prepared())
