"""Hosts are reached stage by stage; the stage that fails is named, and nothing ever hangs."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from polyarb.domain.errors import VenueError
from polyarb.host.answers import greet, request_once, tls_of_requests, tls_of_streams
from polyarb.host.reach import Reach, ReachStage, fault_text, reach
from polyarb.host.threads import run_abandoning
from tests.unit.host.fixed_clock import FixedClock
from tests.wire_server import Answer, Opening, Venue, WireServer

LONG_MS = 3_600_000
SHORT_MS = 50
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate that nobody vouches for, of the name localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "both.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    places = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", *words.split(), *names, *places], check=True, capture_output=True)
    made.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return made


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def showing(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@asynccontextmanager
async def serving(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve every connection with a function; cut what is left at the end."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and say nothing."""


async def look(
    url: str, *, deadline_ms: int = LONG_MS, context: ssl.SSLContext | None = None
) -> Reach:
    return await reach(
        url,
        deadline_ms=deadline_ms,
        context=context or ssl.create_default_context(),
        monotonic_ns=FixedClock().monotonic_ns,
    )


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_plain_host_is_reached_by_name_and_connection() -> None:
    async def run() -> Reach:
        async with serving(silence) as port:
            return await look(f"http://127.0.0.1:{port}/path")

    found = asyncio.run(run())
    assert found.failed_at is None
    assert found.host == "127.0.0.1"
    assert list(found.took_ns) == [ReachStage.DNS, ReachStage.TCP]


def test_a_host_with_a_good_certificate_is_reached_through_every_stage(certificate: Path) -> None:
    async def run() -> Reach:
        async with serving(silence, showing(certificate)) as port:
            return await look(f"wss://localhost:{port}", context=trusting(certificate))

    found = asyncio.run(run())
    assert (found.failed_at, found.reason) == (None, "")
    assert list(found.took_ns) == [ReachStage.DNS, ReachStage.TCP, ReachStage.TLS]


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async def run() -> Reach:
        async with serving(silence, showing(certificate)) as port:
            return await look(f"https://localhost:{port}")

    found = asyncio.run(run())
    assert found.failed_at is ReachStage.TLS
    assert found.reason == "certificate refused: self-signed certificate"


def test_a_certificate_of_another_name_is_refused(certificate: Path) -> None:
    async def run() -> Reach:
        async with serving(silence, showing(certificate)) as port:
            return await look(f"https://127.0.0.1:{port}", context=trusting(certificate))

    found = asyncio.run(run())
    assert found.failed_at is ReachStage.TLS
    assert "IP address mismatch" in found.reason


def test_a_host_that_accepts_and_never_agrees_on_encryption_is_given_up() -> None:
    async def run() -> Reach:
        async with serving(silence) as port:
            return await look(f"https://127.0.0.1:{port}", deadline_ms=SHORT_MS)

    found = asyncio.run(run())
    assert (found.failed_at, found.reason) == (ReachStage.TLS, "nothing within 50 ms")


def test_a_host_that_hangs_up_on_encryption_is_told() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def run() -> Reach:
        async with serving(hang_up) as port:
            return await look(f"https://127.0.0.1:{port}")

    found = asyncio.run(run())
    assert found.failed_at is ReachStage.TLS
    assert found.reason


def test_a_port_where_nobody_listens_is_told() -> None:
    found = asyncio.run(look(f"https://127.0.0.1:{closed_port()}"))
    assert found.failed_at is ReachStage.TCP
    assert "Connect call failed" in found.reason or "refused" in found.reason


def test_the_second_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> Reach:
        async with serving(silence) as port:
            dead = ("127.0.0.1", closed_port())
            places = [dead, ("127.0.0.1", port)]
            monkeypatch.setattr(socket, "getaddrinfo", _two(places))
            return await look(f"http://two.example:{port}")

    assert asyncio.run(run()).failed_at is None


def _two(places: list[tuple[str, int]]) -> Callable[..., list[object]]:
    kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    return lambda *_, **__: [(*kind, place) for place in places]


def test_a_name_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = asyncio.run(look("https://clob.example"))
    assert (found.failed_at, found.reason) == (ReachStage.DNS, "Name or service not known")
    assert found.took_ns == {}


def test_a_name_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait())
    found = run_abandoning(look("https://clob.example", deadline_ms=SHORT_MS))
    release.set()
    assert (found.failed_at, found.reason) == (ReachStage.DNS, "nothing within 50 ms")


@pytest.mark.parametrize("url", ["https://a..b", "https://" + "a" * 64 + ".example"])
def test_an_address_that_cannot_be_a_name_is_told(url: str) -> None:
    found = asyncio.run(look(url))
    assert found.failed_at is ReachStage.DNS
    assert found.reason


def test_a_fault_is_never_told_as_nothing() -> None:
    assert fault_text(ConnectionResetError(), 5) == "ConnectionResetError"
    assert fault_text(OSError(5, "Input/output error"), 5) == "Input/output error"
    assert fault_text(TimeoutError(110, "Connection timed out"), 5) == "Connection timed out"


# What a reached host answers


def asking(ask: Callable[[WireServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with WireServer(Venue(1, seed=1)) as server:
            await ask(server)

    asyncio.run(run())


async def _request(server: WireServer, path: str, deadline_ms: int = LONG_MS) -> None:
    await request_once(
        f"{server.hosts.clob}{path}", deadline_ms=deadline_ms, context=tls_of_requests()
    )


async def _greet(server: WireServer, deadline_ms: int = LONG_MS) -> None:
    await greet(server.hosts.stream, deadline_ms=deadline_ms, context=tls_of_streams())


def test_an_answer_with_200_is_one() -> None:
    asking(lambda server: _request(server, "/ok"))
    with pytest.raises(VenueError, match="expected status 200, found 404"):
        asking(lambda server: _request(server, "/nowhere"))


def test_an_answer_that_does_not_come_is_told() -> None:
    async def ask(server: WireServer) -> None:
        server.answers["/ok"] = Answer(delay_ms=LONG_MS)
        await _request(server, "/ok", SHORT_MS)

    with pytest.raises(VenueError, match="nothing in time"):
        asking(ask)


def test_a_connection_that_is_cut_is_told() -> None:
    async def ask(server: WireServer) -> None:
        server.answers["/ok"] = Answer(drop=True)
        await _request(server, "/ok")

    with pytest.raises(VenueError, match=r"\w"):
        asking(ask)


def test_a_stream_that_opens_is_greeted_and_closed() -> None:
    async def ask(server: WireServer) -> None:
        await _greet(server)
        assert server.opened == 1

    asking(ask)


@pytest.mark.parametrize(
    ("opening", "told"),
    [
        (Opening.FORBIDDEN, "found 403"),
        (Opening.THROTTLED, "found 429"),
        (Opening.UNAVAILABLE, "found 503"),
        (Opening.REFUSED, "expected an upgrade"),
    ],
)
def test_a_stream_that_refuses_the_handshake_is_told(opening: Opening, told: str) -> None:
    async def ask(server: WireServer) -> None:
        server.openings.append(opening)
        await _greet(server)

    with pytest.raises(VenueError, match=told):
        asking(ask)


def test_a_stream_that_never_answers_the_handshake_is_given_up() -> None:
    async def ask(server: WireServer) -> None:
        server.openings.append(Opening.UNANSWERED)
        await _greet(server, SHORT_MS)

    with pytest.raises(VenueError, match=r"nothing within 50 ms|timed out"):
        asking(ask)


def test_a_stream_that_keeps_silent_after_the_handshake_does_not_hold_up_the_end() -> None:
    async def ask(server: WireServer) -> None:
        server.openings.append(Opening.HALF_OPEN)
        await _greet(server)
        assert server.opened == 1

    asking(ask)


def test_a_stream_whose_port_is_closed_is_told() -> None:
    async def ask() -> None:
        url = f"ws://127.0.0.1:{closed_port()}/ws"
        await greet(url, deadline_ms=LONG_MS, context=tls_of_streams())

    with pytest.raises(VenueError, match=r"\w"):
        asyncio.run(ask())
