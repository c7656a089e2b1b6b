"""A websocket that hands messages on in the moment in which they were read, without a queue.

Nothing waits, so that nothing can pile up. A plain text frame, which nearly all are, is cut out of
the bytes here; the library gets every other frame whole, and all of the handshake. Little is read
at once, so that of many connections none waits long for another, and what is not read yet waits in
the kernel (benchmarks/bench_stream.py, bench_live.py).
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.frames import OP_BINARY, OP_CONT, OP_TEXT, Frame
from websockets.protocol import CLOSING, OPEN, Event

Taker = Callable[[list[bytes]], None]

READ_BYTES = 8 << 10
"""What is read of one connection before the next one has its turn."""
_WHOLE_TEXT = 0x81
"""The first byte of a text frame that is a message by itself, without any extension."""
_MASKED = 0x80
_HEAD_END = b"\r\n\r\n"
_HEAD_BYTES_MAX = 1 << 16


class DirectConnection(ClientConnection, asyncio.BufferedProtocol):
    """Calls `take` with the messages of each read, text or binary, put together if in pieces.

    asyncio reads into the buffer that is given here; one that it makes itself for every read has
    the size of the most it could hold, and costs more than all the rest of a read.
    """

    def __init__(self, protocol: ClientProtocol, *, take: Taker, **options: Any) -> None:
        super().__init__(protocol, **options)
        self._take = take
        self._pieces: bytearray | None = None
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._rest = bytearray()
        self._rest_needs = 0
        self._has_head = False
        self._size_max = sys.maxsize if protocol.max_size is None else protocol.max_size

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where the next read goes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Read what came; a connection that is being closed is not waited for."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._rest_needs:
                return
            data = bytes(self._rest)
            self._rest.clear()
        self._rest_needs = 0
        if not self._has_head:
            data = self._take_head(data)
        if self.protocol.state is OPEN:
            data = self._take_frames(data)
        if self.protocol.state is OPEN:
            self._rest += data
        elif data:
            super().data_received(data)
        if self.protocol.state is CLOSING:
            self.transport.close()

    def _take_head(self, data: bytes) -> bytes:
        """Give the library the head of its answer when it is complete; return what follows."""
        end = data.find(_HEAD_END)
        if end < 0 and len(data) <= _HEAD_BYTES_MAX:
            self._rest += data
            return b""
        self._has_head = True
        cut = end + len(_HEAD_END) if end >= 0 else len(data)
        super().data_received(data[:cut])
        return data[cut:]

    def _take_frames(self, data: bytes) -> bytes:
        """Take every complete frame; return the beginning of the next one.

        What the library refuses (masked, too large) is given to it as soon as it shows.
        Source: RFC 6455 5.2.
        """
        at, end = 0, len(data)
        messages: list[bytes] = []
        is_refused = False
        while end - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                start = at + 4
                length = int.from_bytes(data[at + 2 : start])
            elif length == 127:
                start = at + 10
                length = int.from_bytes(data[at + 2 : start])
            is_refused = data[at + 1] >= _MASKED or (start <= end and length > self._size_max)
            stop = start + length
            if is_refused or start > end:
                break
            if stop > end:
                self._rest_needs = stop - at
                break
            if data[at] == _WHOLE_TEXT and self._pieces is None:
                messages.append(data[start:stop])
            else:
                messages = self._hand_on(messages)
                super().data_received(data[at:stop])
                if self.protocol.state is not OPEN:
                    return data[stop:]
            at = stop
        self._hand_on(messages)
        if not is_refused:
            return data[at:]
        super().data_received(data[at:])
        return b""

    def _hand_on(self, messages: list[bytes]) -> list[bytes]:
        """Hand on what was read so far; return where to put what follows."""
        if messages:
            self._take(messages)
        return []

    def process_event(self, event: Event) -> None:
        """Hand a message on; all else is the library's."""
        if not isinstance(event, Frame) or event.opcode not in (OP_TEXT, OP_BINARY, OP_CONT):
            super().process_event(event)
        elif event.fin and self._pieces is None:
            self._take([bytes(event.data)])
        else:
            self._add(event)

    def _add(self, piece: Frame) -> None:
        """Take a piece of a message; the library bounds the length of all of them together."""
        self._pieces = bytearray() if self._pieces is None else self._pieces
        self._pieces += piece.data
        if piece.fin:
            message = bytes(self._pieces)
            self._pieces = None
            self._take([message])
