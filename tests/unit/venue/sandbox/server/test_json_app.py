"""How the services read bodies: bounded in length and in time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.server.json_app import read_body
from starlette.requests import Request

Receive = Callable[[], Awaitable[dict[str, object]]]
SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


def sending(chunks: Iterable[bytes], *, is_ended: bool = True) -> Receive:
    """Send chunks, and then nothing more, whether or not the body is at its end."""
    left = list(chunks)

    async def receive() -> dict[str, object]:
        if left:
            chunk = left.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(left) or not is_ended}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def test_a_body_is_put_together_from_its_chunks() -> None:
    request = Request(SCOPE, sending([b"ab", b"", b"c"]))
    assert asyncio.run(read_body(request)) == b"abc"


def test_a_body_that_is_too_long_is_refused_before_its_end() -> None:
    request = Request(SCOPE, sending([b"abc", b"d"], is_ended=False))
    with pytest.raises(RejectedError) as refused:
        asyncio.run(read_body(request, bytes_max=3))
    assert refused.value.status == 413


def test_a_body_that_does_not_end_is_refused_in_the_end() -> None:
    request = Request(SCOPE, sending([b"abc"], is_ended=False))
    with pytest.raises(RejectedError) as refused:
        asyncio.run(read_body(request, seconds_max=0.01))
    assert refused.value.status == 408
