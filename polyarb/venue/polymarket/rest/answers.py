"""Takes the body of an answer while it comes: unpacked, and never more than a limit of it."""

import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import httpx

from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind, fault_of_body

BODY_BYTES_MAX = 32 * 1024 * 1024
ERROR_BYTES_MAX = 64 * 1024
ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
ACCEPTED = "gzip"
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


async def read_body(response: httpx.Response, asked: str) -> bytes:
    """Return the whole body. Errors: RestError if it is too large, or is not what it says."""
    declared = response.headers.get("Content-Length", "")
    if declared.isascii() and declared.isdecimal() and _is_too_large(declared):
        raise _oversized(asked)
    body = bytearray()
    async with aclosing(_unpacked(response, asked, BODY_BYTES_MAX)) as chunks:
        async for chunk in chunks:
            if len(body) + len(chunk) > BODY_BYTES_MAX:
                raise _oversized(asked)
            body += chunk
    return bytes(body)


async def read_beginning(response: httpx.Response, asked: str) -> bytes:
    """Return what the body begins with, enough for a message to a person; torn or not."""
    body = bytearray()
    with suppress(RestError, httpx.HTTPError):
        async with aclosing(_unpacked(response, asked, ERROR_BYTES_MAX)) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) >= ERROR_BYTES_MAX:
                    break
    return bytes(body[:ERROR_BYTES_MAX])


async def _unpacked(response: httpx.Response, asked: str, most: int) -> AsyncGenerator[bytes, None]:
    """Yield the body in pieces; one piece is at most one byte longer than `most`."""
    if response.is_stream_consumed:
        # A transport in memory has read and unpacked it already.
        yield response.content
        return
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise fault_of_body(asked, "an answer in gzip or unpacked", f"encoding {encoding!r}")
    if encoding in ("", "identity"):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    is_empty = True
    async for chunk in response.aiter_raw():
        is_empty = False
        try:
            yield unpacker.decompress(chunk, most + 1)
        except zlib.error as error:
            raise fault_of_body(asked, f"an answer in {encoding}", str(error)) from error
        if unpacker.unconsumed_tail:
            raise _oversized(asked)
    if not unpacker.eof and not is_empty:
        raise fault_of_body(asked, f"a whole answer in {encoding}", "one that is cut off")


def _is_too_large(declared: str) -> bool:
    return len(declared) > 12 or int(declared) > BODY_BYTES_MAX


def _oversized(asked: str) -> RestError:
    most = BODY_BYTES_MAX // (1024 * 1024)
    return RestError(
        f"expected at most {most} MiB from {asked}, found: more; check the address in venue.hosts",
        RestFaultKind.OVERSIZED,
    )
