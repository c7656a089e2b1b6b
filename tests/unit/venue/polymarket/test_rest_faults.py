"""Every fault of a host, over real sockets: what it is called, how often it is asked, how long."""

import asyncio
import gc
import gzip
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from polyarb.domain.errors import VenueError
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.rest import answers as rest_answers
from polyarb.venue.polymarket.rest import caller
from polyarb.venue.polymarket.rest.caller import ATTEMPTS_MAX, Connections
from polyarb.venue.polymarket.rest.client import PublicClient
from polyarb.venue.polymarket.rest.faults import (
    RETRY_AFTER_MS_MAX,
    ErrorBody,
    RestError,
    RestFaultKind,
    error_body,
    fault_of,
    fault_of_status,
    printable,
)
from rest_cases import ScriptedTransport, in_turn, local_client, version, virtual_client
from tests.rest_server import RETRIED, Fault, Reply, RestServer, Truth
from tests.virtual_time import run_virtually

SLOW = frozenset({Fault.SLOW, Fault.TRICKLE})
SLOW_MS = 150
ODD = '{"error":7,"code":[],"retry_after_seconds":"1"}'
ASKED_ONCE = [fault for fault in Fault if fault not in RETRIED]
KINDS = {
    Fault.SERVER_ERROR: (RestFaultKind.STATUS, "500: internal error"),
    Fault.GATEWAY: (RestFaultKind.STATUS, "502: 502 Bad gateway;"),
    Fault.UNAVAILABLE: (RestFaultKind.STATUS, "503: upstream connect error"),
    Fault.POST_ONLY: (RestFaultKind.STATUS, "503: post-only mode"),
    Fault.CANCEL_ONLY: (RestFaultKind.STATUS, "503: the exchange is in cancel-only mode"),
    Fault.DISABLED: (RestFaultKind.STATUS, "503: trading is disabled"),
    Fault.RESTARTING: (RestFaultKind.STATUS, "425: service not ready"),
    Fault.THROTTLED: (RestFaultKind.RATE_LIMITED, "429: rate limit exceeded; ask less often"),
    Fault.FORBIDDEN: (RestFaultKind.FORBIDDEN, "403: Trading restricted in your region"),
    Fault.MISSING: (RestFaultKind.NOT_FOUND, "404: market not found"),
    Fault.MOVED: (RestFaultKind.STATUS, "found: 302; check the address"),
    Fault.HTML: (RestFaultKind.WRONG_BODY, "in: 502 Bad gateway; check"),
    Fault.CUT_JSON: (RestFaultKind.WRONG_BODY, "truncated"),
    Fault.WRONG_TYPES: (RestFaultKind.WRONG_BODY, "expected a version from GET"),
    Fault.EMPTY: (RestFaultKind.WRONG_BODY, "truncated"),
    Fault.TORN: (RestFaultKind.TORN, "without sending complete message body"),
    Fault.TORN_HEAD: (RestFaultKind.TORN, "disconnected"),
    Fault.TOO_LONG: (RestFaultKind.WRONG_BODY, "truncated"),
    Fault.TORN_GZIP: (RestFaultKind.WRONG_BODY, "expected a whole answer in gzip"),
    Fault.NO_GZIP: (RestFaultKind.WRONG_BODY, "incorrect header check"),
    Fault.UNKNOWN_ENCODING: (RestFaultKind.WRONG_BODY, "found: encoding 'br'"),
    Fault.OVERSIZED: (RestFaultKind.OVERSIZED, "expected at most 32 MiB"),
    Fault.BOMB: (RestFaultKind.OVERSIZED, "expected at most 32 MiB"),
    Fault.TRICKLE: (RestFaultKind.TIMEOUT, "in time; check the network"),
    Fault.SLOW: (RestFaultKind.TIMEOUT, "in time; check the network"),
    Fault.RESET: (RestFaultKind.NETWORK, "Connection reset by peer"),
    Fault.HANG_UP: (RestFaultKind.TORN, "Server disconnected"),
    Fault.NO_HTTP: (RestFaultKind.TORN, "illegal status line"),
    Fault.ENDLESS: (RestFaultKind.OVERSIZED, "expected at most 1 MiB"),
}


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds between attempts."""
    monkeypatch.setattr(caller, "FIRST_WAIT_MS", 1)
    monkeypatch.setattr(caller, "MOST_WAIT_MS", 1)
    monkeypatch.setattr(caller, "PAUSE_MS", 1)


def test_every_fault_of_the_local_server_is_expected_here() -> None:
    assert set(KINDS) == set(Fault)


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("fault", Fault)
def test_a_fault_that_lasts_is_named_and_ends_after_its_attempts(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, text = KINDS[fault]
    if fault is Fault.ENDLESS:
        monkeypatch.setattr(rest_answers, "BODY_BYTES_MAX", 2**20)

    async def main() -> None:
        request_ms = SLOW_MS if fault in SLOW else 3_000
        async with RestServer() as server, local_client(server, request_ms=request_ms) as client:
            server.faults.extend([fault] * 20)
            with pytest.raises(VenueError) as caught:
                await client.version()
            assert isinstance(caught.value, RestError)
            assert caught.value.kind is kind
            assert text in str(caught.value)
            assert str(caught.value).isprintable()
            is_retried = fault in RETRIED and fault is not Fault.ENDLESS
            attempts = ATTEMPTS_MAX if is_retried else 1
            state = client.state
            assert (state.requests, state.failures) == (1, 1)
            assert (state.attempts, state.retries) == (attempts, attempts - 1)
            if fault not in SLOW:
                assert len(server.asked) == attempts

    asyncio.run(main())


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("fault", sorted(RETRIED - {Fault.ENDLESS}, key=lambda each: each.name))
def test_a_fault_that_passes_is_not_seen_by_who_asked(fault: Fault) -> None:
    async def main() -> None:
        request_ms = SLOW_MS if fault in SLOW else 3_000
        async with RestServer() as server, local_client(server, request_ms=request_ms) as client:
            server.faults.extend([fault, fault])
            assert await client.version() == 2
            assert not server.faults
            assert client.state.retries >= 2
            assert client.state.failures == 0

    asyncio.run(main())


@pytest.mark.parametrize("fault", ASKED_ONCE)
def test_after_a_broken_answer_the_next_request_is_good(fault: Fault) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.faults_of["/version"] = deque([fault])
            with pytest.raises(RestError):
                await client.version()
            assert await client.version() == 2
            assert await client.time_ms() == 1_795_262_409_000

    asyncio.run(main())


@pytest.mark.usefixtures("_quick")
def test_a_half_open_connection_ends_with_its_deadline() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server, request_ms=SLOW_MS) as client:
            server.half_open_next = 2
            assert await client.version() == 2
            assert server.opened >= 3

    asyncio.run(main())


@pytest.mark.usefixtures("_quick")
def test_a_host_that_runs_no_server_is_refused() -> None:
    async def main() -> None:
        async with RestServer() as server:
            await server.deafen()
            async with local_client(server) as client:
                with pytest.raises(RestError, match="any firewall") as caught:
                    await client.version()
                assert caught.value.kind is RestFaultKind.REFUSED
                assert client.state.attempts == ATTEMPTS_MAX

    asyncio.run(main())


@pytest.mark.usefixtures("_quick")
def test_the_whole_ends_with_the_total_deadline_however_many_attempts_are_left() -> None:
    async def main() -> None:
        async with (
            RestServer() as server,
            local_client(server, request_ms=60_000, total_ms=30) as client,
        ):
            server.faults.extend([Fault.SLOW] * 9)
            async with asyncio.timeout(20):
                with pytest.raises(RestError, match="in time"):
                    await client.version()
            assert client.state.attempts == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ftp://venue.example", RestFaultKind.ADDRESS),
        ("venue", RestFaultKind.ADDRESS),
        ("http://[::", RestFaultKind.ADDRESS),
        ("http://127.0.0.1:99999", RestFaultKind.ADDRESS),
        ("http://", RestFaultKind.ADDRESS),
    ],
)
def test_an_address_that_is_none_is_told_at_once(address: str, kind: RestFaultKind) -> None:
    async def main() -> None:
        settings = VenueSettings(hosts=VenueHosts(clob=address, gamma="", geoblock=""))
        async with PublicClient(settings, SystemClock(), Random(1)) as client:
            with pytest.raises(RestError, match=r"correct the address in venue\.hosts") as caught:
                await client.version()
            assert caught.value.kind is kind
            assert client.state.attempts == 1

    asyncio.run(main())


def unresolved(*_: Any, **__: Any) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_name_that_does_not_resolve_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", unresolved)

    async def main() -> None:
        settings = VenueSettings(hosts=VenueHosts(clob="http://clob.invalid"), connect_ms_max=300)
        async with PublicClient(settings, SystemClock(), Random(1)) as client:
            with pytest.raises(RestError, match="Name or service not known") as caught:
                await client.version()
            assert caught.value.kind is RestFaultKind.DNS
            assert "this machine's DNS" in str(caught.value)

    asyncio.run(main())


def served(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused_and_not_asked_again(
    certificate: Path,
) -> None:
    async def main() -> None:
        async with RestServer(tls=served(certificate)) as server, local_client(server) as client:
            with pytest.raises(RestError, match="self-signed certificate") as caught:
                await client.version()
            assert caught.value.kind is RestFaultKind.TLS
            assert "this machine's clock, its certificates" in str(caught.value)
            assert not server.asked
            assert client.state.attempts == 1

    asyncio.run(main())


def test_a_certificate_that_is_known_is_taken(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))

    async def main() -> None:
        async with RestServer(tls=served(certificate)) as server, local_client(server) as client:
            assert await client.version() == 2

    asyncio.run(main())


@pytest.mark.usefixtures("_quick")
def test_a_host_that_speaks_no_tls_is_a_tls_failure() -> None:
    async def main() -> None:
        async with RestServer() as server:
            server.faults.extend([Fault.NO_HTTP] * 9)
            listener = await asyncio.start_server(
                lambda _, writer: (writer.write(b"HTTP/1.1 400 X\r\n\r\n"), writer.close()),  # type: ignore[func-returns-value]
                "127.0.0.1",
                0,
            )
            port = listener.sockets[0].getsockname()[1]
            hosts = VenueHosts(clob=f"https://127.0.0.1:{port}")
            settings = VenueSettings(hosts=hosts, request_ms_max=3_000, connect_ms_max=6_000)
            async with PublicClient(settings, SystemClock(), Random(1)) as client:
                with pytest.raises(RestError) as caught:
                    await client.version()
                assert caught.value.kind is RestFaultKind.TLS
                assert client.state.attempts == ATTEMPTS_MAX
            listener.close()
            await listener.wait_closed()

    asyncio.run(main())


def test_connections_are_replaced_before_the_venue_ends_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caller, "RECYCLE_AFTER", 3)

    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            for _ in range(10):
                await client.version()
            assert [asked.connection for asked in server.asked] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
            await asyncio.sleep(0.01)
            assert len(server.connections) == 1, "what was replaced is closed"

    asyncio.run(main())


def test_a_connection_in_use_is_closed_only_after_its_answer() -> None:
    class Client:
        def __init__(self) -> None:
            self.is_closed = False
            made.append(self)

        async def aclose(self) -> None:
            self.is_closed = True

    made: list[Client] = []

    async def main() -> None:
        connections = Connections(Client, recycle_after=1)  # type: ignore[arg-type]
        async with connections.client():
            async with connections.client():
                assert [each.is_closed for each in made] == [False, False]
            assert not made[0].is_closed
        assert [each.is_closed for each in made] == [True, False]
        await connections.close()
        assert all(each.is_closed for each in made)

    asyncio.run(main())


def test_a_cancelled_request_leaves_nothing_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "RECYCLE_AFTER", 1)

    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.faults.append(Fault.SLOW)
            waiting = asyncio.create_task(client.version())
            while not server.asked:
                await asyncio.sleep(0.001)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await client.version() == 2
            assert [asked.connection for asked in server.asked] == [1, 2]

    asyncio.run(main())


def test_who_gives_up_at_any_moment_leaves_no_connection_open() -> None:
    """An open one would warn when it is collected, which fails the test."""

    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            for tenths_of_ms in range(2, 60):
                with suppress(TimeoutError):
                    async with asyncio.timeout(tenths_of_ms / 10_000):
                        await client.version()
            assert await client.version() == 2

    asyncio.run(main())
    gc.collect()


def test_cookies_of_the_venue_are_not_kept() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            cookie = (("Set-Cookie", "a=b; Path=/"),)
            server.routes["/version"] = lambda _: Reply(body=b'{"version":2}', headers=cookie)
            await client.version()
            await client.version()
            assert "cookie" not in server.asked[1].headers

    asyncio.run(main())


def test_a_body_of_many_books_is_read_whole() -> None:
    tokens = {str(number) for number in range(3_000)}

    async def main() -> None:
        async with (
            RestServer(Truth(tokens=tokens)) as server,
            local_client(server, request_ms=20_000, total_ms=60_000) as client,
        ):
            assert len(await client.books(sorted(tokens))) == 3_000

    asyncio.run(main())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"error":"no","code":"x","retry_after_seconds":79}', ErrorBody("no", "x", 79)),
        (b'{"error":7,"code":[],"retry_after_seconds":"1"}', ErrorBody(ODD)),
        (b'{"message":"no"}', ErrorBody('{"message":"no"}')),
        (b"service not ready", ErrorBody("service not ready")),
        (b"<p>no &lt;<script>alert(1)</script> way<!-- never -->", ErrorBody("no &lt; way")),
        (b"\xff\x00\x1b[31m", ErrorBody("\ufffd [31m")),
        (b"", ErrorBody()),
        (b"null", ErrorBody("null")),
        (b"[" * 5_000, ErrorBody("[" * 200)),
    ],
)  # fmt: skip
def test_the_body_of_an_error_is_read_whatever_it_is(content: bytes, expected: ErrorBody) -> None:
    assert error_body(content) == expected


class OneChunk(httpx.AsyncByteStream):
    """A body that comes in one piece."""

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._chunk


def test_a_bomb_is_never_unpacked_beyond_the_limit() -> None:
    async def main() -> None:
        told = {"Content-Encoding": "gzip"}
        body = OneChunk(gzip.compress(bytes(10**6)))
        response = httpx.Response(200, headers=told, stream=body)
        sizes = []
        with pytest.raises(RestError) as caught:
            async for piece in rest_answers._unpacked(response, "GET x", 1_000):
                sizes.append(len(piece))
        assert caught.value.kind is RestFaultKind.OVERSIZED
        assert sizes == [1_001]

    asyncio.run(main())


@pytest.mark.parametrize("length", [10, 10_000_000])
def test_a_long_or_torn_body_of_an_error_still_tells_its_status(length: int) -> None:
    """The length says more than comes, so that what comes is torn unless enough was read."""

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            head = b"HTTP/1.1 404 X\r\nContent-Length: %d\r\n\r\n" % (length + 1)
            writer.write(head + b"x" * length)
            writer.close()

        listener = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        settings = VenueSettings(hosts=VenueHosts(clob=f"http://127.0.0.1:{port}"))
        async with PublicClient(settings, SystemClock(), Random(1)) as client:
            with pytest.raises(RestError, match="404: xxxxxxxxxx") as caught:
                await client.version()
            assert caught.value.kind is RestFaultKind.NOT_FOUND
            assert len(str(caught.value)) < 500
        listener.close()
        await listener.wait_closed()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("size < 5 and > 3", "size < 5 and > 3"),
        ("a\n\t b", "a b"),
        ("<style>x{}</style>a<br/>b", "a b"),
        ("<script>never ended", ""),
        ("<div unended", ""),
        ("x" * 1_000, "x" * 200),
        ("\u202eabc\u200b", "abc"),
    ],
)
def test_texts_of_the_venue_are_short_plain_and_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def headers(**pairs: str) -> httpx.Headers:
    return httpx.Headers([(name.replace("_", "-"), pairs[name]) for name in pairs], "latin-1")


@pytest.mark.parametrize(
    ("told", "body", "wait_ms"),
    [
        (headers(Retry_After="3"), b"", 3_000),
        (headers(Retry_After="0"), b"", 0),
        (headers(), b"", 0),
        (headers(Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), b"", 0),
        (headers(Retry_After="-3"), b"", 0),
        (headers(Retry_After="²"), b"", 0),
        (headers(Retry_After="9" * 99), b"", 0),
        (headers(Retry_After="9" * 9), b"", RETRY_AFTER_MS_MAX),
        (headers(), b'{"retry_after_seconds":1.5}', 1_500),
        (headers(), b'{"retry_after_seconds":-1}', 0),
        (headers(), b'{"retry_after_seconds":1e300}', 0),
        (headers(Retry_After="1"), b'{"retry_after_seconds":2}', 2_000),
        (headers(Poly_RateLimit_Reset="1007"), b"", 7_000),
        (headers(Poly_RateLimit_Reset="900"), b"", 0),
        (headers(Poly_RateLimit_Reset="soon"), b"", 0),
        (headers(Poly_RateLimit_Reset="1007", Retry_After="2"), b"", 2_000),
    ],
)
def test_how_long_the_venue_asks_to_wait(told: httpx.Headers, body: bytes, wait_ms: int) -> None:
    now_ns = 1_000 * 10**9
    fault = fault_of_status(429, body, asked="GET x", headers=told, now_ns=now_ns)
    assert fault.retry_after_ms == wait_ms


@pytest.mark.parametrize("status", [301, 400, 401, 405, 418, 451, 600])
def test_other_answers_are_faults_that_are_not_retried(status: int) -> None:
    async def main() -> None:
        transport = in_turn(httpx.Response(status), version())
        async with virtual_client(transport) as client:
            with pytest.raises(RestError, match=f"found: {status}") as caught:
                await client.version()
            assert not caught.value.retryable
            assert len(transport.sent) == 1

    run_virtually(main)


def grouped() -> Exception:
    return ExceptionGroup("several", [OSError(), ConnectionRefusedError(111, "refused")])


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: httpx.ConnectTimeout(""), RestFaultKind.TIMEOUT),
        (lambda: httpx.PoolTimeout(""), RestFaultKind.TIMEOUT),
        (TimeoutError, RestFaultKind.TIMEOUT),
        (grouped, RestFaultKind.REFUSED),
        (lambda: httpx.ReadError(""), RestFaultKind.NETWORK),
        (lambda: httpx.ProxyError("no"), RestFaultKind.NETWORK),
        (lambda: httpx.LocalProtocolError("no"), RestFaultKind.TORN),
        (lambda: OSError(101, "Network is unreachable"), RestFaultKind.NETWORK),
        (lambda: UnicodeError("label too long"), RestFaultKind.ADDRESS),
    ],
)
def test_what_a_request_raises_has_a_kind_and_words(
    make: Callable[[], Exception], kind: RestFaultKind
) -> None:
    fault = fault_of(make(), "GET x")
    assert fault.kind is kind
    assert "found: ;" not in str(fault)


def test_a_chain_of_causes_in_a_ring_ends() -> None:
    one, other = OSError("one"), OSError("other")
    one.__cause__, other.__cause__ = other, one
    assert fault_of(one, "GET x").kind is RestFaultKind.NETWORK


def test_a_fault_of_the_program_is_not_taken_for_one_of_the_venue() -> None:
    async def main() -> None:
        async def script(_: httpx.Request) -> httpx.Response:
            raise ZeroDivisionError

        async with virtual_client(ScriptedTransport(script)) as client:
            with pytest.raises(ExceptionGroup) as caught:
                await client.version()
            assert [type(each) for each in caught.value.exceptions] == [ZeroDivisionError]

    run_virtually(main)
