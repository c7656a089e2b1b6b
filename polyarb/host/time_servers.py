"""Asks time servers over the network, all at once and each within a deadline."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from polyarb.host.agreement import Agreed, Span, agree
from polyarb.host.sntp import PORT, Exchange, Reading, Refusal, read_answer, request
from polyarb.ports import Clock

TIME_SERVERS = ("time.cloudflare.com", "time.apple.com", "time.nist.gov", "ptbtime1.ptb.de")
"""Four operators, none of which smears leap seconds over a day."""
_NOT_FOR_US = frozenset({Refusal.SHORT, Refusal.NOT_AN_ANSWER, Refusal.WRONG_ORIGIN})
"""Anybody can send such a packet; the true answer may still come."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A server that gave no reading."""

    server: str
    refusal: Refusal


async def ask_time_servers(
    servers: Sequence[str], *, deadline_ms: int, clock: Clock, draw: Callable[[], int]
) -> list[Reading | Refused]:
    """Ask every server once. Shape: servers are HOST or HOST:PORT; draw gives 64 random bits."""
    asked = [_ask(server, deadline_ms / 1000, clock, draw() | 1) for server in servers]
    return list(await asyncio.gather(*asked))


def agreed_offset(answers: Sequence[Reading | Refused]) -> Agreed | None:
    """Combine what servers said, in nanoseconds; None when no majority of them agrees."""
    readings = [answer for answer in answers if isinstance(answer, Reading)]
    return agree(
        [
            Span(one.server, one.offset_ns - one.uncertainty_ns, one.offset_ns + one.uncertainty_ns)
            for one in readings
        ]
    )


async def _ask(server: str, deadline_s: float, clock: Clock, nonce: int) -> Reading | Refused:
    question = _Question(server, nonce, clock)
    try:
        async with asyncio.timeout(deadline_s):
            place = urlsplit(f"//{server}")
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: question, remote_addr=(place.hostname or "", place.port or PORT)
            )
            try:
                transport.sendto(question.packet())
                found = await question.answer
            finally:
                transport.close()
    except TimeoutError:
        found = question.last_refusal
    except socket.gaierror:
        found = Refusal.NO_NAME
    except (OSError, ValueError):
        found = Refusal.UNREACHABLE
    return found if isinstance(found, Reading) else Refused(server=server, refusal=found)


class _Question(asyncio.DatagramProtocol):
    """One exchange over a connected socket: packets from other addresses do not come here."""

    def __init__(self, server: str, nonce: int, clock: Clock) -> None:
        self.answer: asyncio.Future[Reading | Refusal] = asyncio.get_running_loop().create_future()
        self.last_refusal = Refusal.SILENT
        self._server = server
        self._nonce = nonce
        self._clock = clock
        self._sent_ns = 0
        self._began_ns = 0

    def packet(self) -> bytes:
        """Write the question and take its time; to be sent at once."""
        packet = request(self._nonce)
        self._sent_ns, self._began_ns = self._clock.now_ns(), self._clock.monotonic_ns()
        return packet

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Read a packet; one that is not for us only counts if nothing better comes."""
        elapsed_ns = self._clock.monotonic_ns() - self._began_ns
        exchange = Exchange(
            server=self._server, nonce=self._nonce, sent_ns=self._sent_ns, elapsed_ns=elapsed_ns
        )
        found = read_answer(data, exchange)
        if isinstance(found, Refusal) and found in _NOT_FOR_US:
            self.last_refusal = found
        elif not self.answer.done():
            self.answer.set_result(found)

    def error_received(self, exc: Exception) -> None:
        """Give up when the system says that nobody is there."""
        if not self.answer.done():
            self.answer.set_result(Refusal.UNREACHABLE)
