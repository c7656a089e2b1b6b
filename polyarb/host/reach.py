"""Whether a host can be reached, stage by stage, and how long each stage took."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

_SECURE = frozenset({"https", "wss"})
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class ReachStage(StrEnum):
    """A stage on the way to an answer."""

    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    ANSWER = "answer"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far one got. Shape: took_ns of every stage passed; failed_at None means all passed."""

    host: str
    took_ns: dict[ReachStage, int]
    failed_at: ReachStage | None = None
    reason: str = ""


class _Way:
    """The stages passed up to now and the one under way."""

    def __init__(self, host: str, monotonic_ns: Callable[[], int]) -> None:
        self.host = host
        self.took_ns: dict[ReachStage, int] = {}
        self.stage = ReachStage.DNS
        self._monotonic_ns = monotonic_ns
        self._began_ns = 0

    def begin(self, stage: ReachStage) -> None:
        self.stage = stage
        self._began_ns = self._monotonic_ns()

    def passed(self) -> None:
        self.took_ns[self.stage] = self._monotonic_ns() - self._began_ns

    def end(self, reason: str = "") -> Reach:
        failed_at = self.stage if reason else None
        return Reach(host=self.host, took_ns=self.took_ns, failed_at=failed_at, reason=reason)


async def reach(
    url: str, *, deadline_ms: int, context: ssl.SSLContext, monotonic_ns: Callable[[], int]
) -> Reach:
    """Look a host up, connect to it and, where its address says so, agree on encryption."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    way = _Way(host, monotonic_ns)
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(deadline_ms / 1000):
            way.begin(ReachStage.DNS)
            addresses = await _look_up(host, parts.port or _PORTS.get(parts.scheme, 443))
            way.passed()
            way.begin(ReachStage.TCP)
            writer = await _connect(addresses, deadline_ms / 1000)
            way.passed()
            if parts.scheme in _SECURE:
                way.begin(ReachStage.TLS)
                await writer.start_tls(context, server_hostname=host)
                way.passed()
    except (OSError, ValueError) as fault:
        return way.end(fault_text(fault, deadline_ms))
    finally:
        if writer is not None:
            writer.transport.abort()
    return way.end()


def fault_text(fault: BaseException, deadline_ms: int) -> str:
    """Say a network fault for a person, never empty."""
    if isinstance(fault, TimeoutError) and not fault.errno:
        return f"nothing within {deadline_ms} ms"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"certificate refused: {fault.verify_message}"
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    return str(fault) or type(fault).__name__


async def _look_up(host: str, port: int) -> list[tuple[str, int]]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(str(address[0]), int(address[1])) for *_, address in found]


async def _connect(addresses: list[tuple[str, int]], deadline_s: float) -> asyncio.StreamWriter:
    """Connect to the first address that answers; a dead one must not eat the others' time."""
    faults: list[OSError] = []
    for host, port in addresses:
        try:
            async with asyncio.timeout(deadline_s / len(addresses)):
                _, writer = await asyncio.open_connection(host, port)
        except OSError as fault:
            faults.append(fault)
        else:
            return writer
    raise faults[0]
