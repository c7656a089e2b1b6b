"""A time server on a loopback port that lies, keeps silent or breaks off as a test asks it to.

    with TimeServer(offset_ns=250_000_000) as server:
        answers = asyncio.run(ask_time_servers([server.address], ...))

It answers in a thread of its own, so that a process of its own can ask it, too.
"""

import socket
import time
from collections.abc import Callable
from enum import Enum
from struct import pack, unpack_from
from threading import Thread
from typing import Self

from polyarb.host.sntp import PACKET_BYTES, ntp_stamp


class Lie(Enum):
    """How an answer is wrong."""

    NONE = "none"
    SILENT = "silent"
    SHORT = "short"
    GARBAGE = "garbage"
    OF_A_CLIENT = "of a client"
    WRONG_ORIGIN = "wrong origin"
    FORGED_FIRST = "forged first"
    """Somebody else's answer comes first, the true one after it."""
    KISS_OF_DEATH = "kiss of death"
    STRATUM_16 = "stratum 16"
    UNSYNCHRONISED = "unsynchronised"
    FAR = "far"
    NO_TIME = "no time"
    BACKWARDS = "backwards"


def packet(
    origin: int,
    *,
    received: int,
    sent: int,
    leap: int = 0,
    version: int = 4,
    mode: int = 4,
    stratum: int = 2,
    root_delay: int = 0,
    root_dispersion: int = 0,
) -> bytes:
    """Write an answer from its fields; stamps are 64-bit NTP times."""
    flags = leap << 6 | version << 3 | mode
    head = pack("!BBbbII4sQ", flags, stratum, 6, -20, root_delay, root_dispersion, b"TEST", 0)
    return head + pack("!QQQ", origin, received, sent)


class TimeServer:
    """Tells the time plus an offset until it is left."""

    def __init__(
        self,
        lie: Lie = Lie.NONE,
        *,
        offset_ns: int = 0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.lie = lie
        self.offset_ns = offset_ns
        self.asked: list[bytes] = []
        self._now_ns = now_ns
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(1024)
            if not question:
                return
            self.asked.append(question)
            for answer in self.answers(question):
                self._socket.sendto(answer, sender)

    def answers(self, question: bytes) -> list[bytes]:
        """Return what goes out in answer to a question."""
        origin = unpack_from("!Q", question, 40)[0]
        stamp = ntp_stamp(self._now_ns() + self.offset_ns)
        true = packet(origin, received=stamp, sent=stamp)
        match self.lie:
            case Lie.NONE:
                return [true]
            case Lie.SILENT:
                return []
            case Lie.SHORT:
                return [true[: PACKET_BYTES - 1]]
            case Lie.GARBAGE:
                return [b"\xff" * PACKET_BYTES]
            case Lie.OF_A_CLIENT:
                return [packet(origin, received=stamp, sent=stamp, mode=3)]
            case Lie.WRONG_ORIGIN:
                return [packet(origin ^ 1, received=stamp, sent=stamp)]
            case Lie.FORGED_FIRST:
                forged = ntp_stamp(self._now_ns() + 3_600_000_000_000)
                return [packet(origin ^ 1, received=forged, sent=forged), true]
            case Lie.KISS_OF_DEATH:
                return [packet(origin, received=stamp, sent=stamp, stratum=0)]
            case Lie.STRATUM_16:
                return [packet(origin, received=stamp, sent=stamp, stratum=16)]
            case Lie.UNSYNCHRONISED:
                return [packet(origin, received=stamp, sent=stamp, leap=3)]
            case Lie.FAR:
                return [packet(origin, received=stamp, sent=stamp, root_dispersion=2 << 16)]
            case Lie.NO_TIME:
                return [packet(origin, received=stamp, sent=0)]
            case Lie.BACKWARDS:
                return [packet(origin, received=stamp, sent=stamp - (1 << 32))]
