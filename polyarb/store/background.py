"""A tape whose lines are compressed and synced in a thread of its own, beside the decisions.

Compressing and syncing take milliseconds and need nothing of the interpreter meanwhile.
"""

from collections.abc import Collection
from queue import Full, Queue
from threading import Event, Thread

from polyarb.domain.errors import StoreError
from polyarb.domain.surroundings import CatalogueChange
from polyarb.store.recording import (
    HOUR_NS,
    TapeWriter,
    instruments_line,
    loss_line,
    mode_line,
    tape_line,
)

BATCH_BYTES = 512 << 10
BATCH_NS = 250_000_000
"""A batch goes to the thread when it is so large, or spans so much receive time.

Few large ones, because the thread takes the interpreter from the decisions for a moment each time.
"""
BATCHES_MAX = 64
"""Batches that may wait for the disk; beyond it recording waits, too."""
LOOK_SECONDS = 1.0
"""Who waits for the thread looks so often whether it still lives."""


class _Batch:
    """Lines of one hour that wait to be handed over. Shape: it takes times from first to end."""

    __slots__ = ("begin_ns", "bytes", "end_ns", "first_ns", "last_ns", "lines")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.bytes = self.first_ns = self.last_ns = self.begin_ns = self.end_ns = 0

    def begin(self, receive_time_ns: int) -> None:
        """Begin with a line of this time."""
        self.first_ns = receive_time_ns
        self.begin_ns = receive_time_ns - receive_time_ns % HOUR_NS
        self.end_ns = min(self.begin_ns + HOUR_NS, receive_time_ns + BATCH_NS)


class BackgroundTape:
    """Records as a TapeWriter does; what the disk refuses is raised by the next call."""

    def __init__(self, writer: TapeWriter) -> None:
        self._writer = writer
        self._sequence = writer.frames
        self._batch = _Batch()
        self._is_durable = True
        self._fault: StoreError | None = None
        self._orders: Queue[_Batch | Event | None] = Queue(BATCHES_MAX)
        self._thread = Thread(target=self._write, name="tape", daemon=True)
        self._thread.start()

    def record(self, frame: bytes, receive_time_ns: int, *, is_plain: bool = False) -> bytes:
        """Take one frame as received; return its line. Errors: StoreError of an earlier line.

        is_plain: it is known to be JSON in ASCII without a line break.
        """
        line = tape_line(frame, receive_time_ns, self._sequence, is_plain=is_plain)
        return self._take(line, receive_time_ns)

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        """Take a loss; return its line. Errors: StoreError of an earlier line."""
        line = loss_line(reason, assets, receive_time_ns, self._sequence)
        return self._take(line, receive_time_ns)

    def record_mode(self, mode: str, reason: str, receive_time_ns: int) -> bytes:
        """Take a mode of the venue; return its line. Errors: StoreError of an earlier line."""
        line = mode_line(mode, reason, receive_time_ns, self._sequence)
        return self._take(line, receive_time_ns)

    def record_instruments(self, change: CatalogueChange, receive_time_ns: int) -> bytes:
        """Take other instruments; return their line. Errors: StoreError of an earlier line."""
        line = instruments_line(change, receive_time_ns, self._sequence)
        return self._take(line, receive_time_ns)

    def flush(self) -> None:
        """Return only when everything recorded is durable. Errors: StoreError where it is not."""
        if not self._is_durable:
            self._hand_over()
            done = Event()
            self._order(done)
            while not done.wait(LOOK_SECONDS):
                self._require_thread()
            self._is_durable = True
        self._raise()

    def close(self) -> None:
        """Make everything durable and let go of the file; a second close does nothing."""
        try:
            self.flush()
        finally:
            if self._thread.is_alive():
                self._orders.put(None)
                self._thread.join()
            self._writer.close()

    def _take(self, line: bytes, receive_time_ns: int) -> bytes:
        if self._fault is not None:
            self._raise()
        batch = self._batch
        if batch.bytes >= BATCH_BYTES or not batch.begin_ns <= receive_time_ns < batch.end_ns:
            self._hand_over()
            batch = self._batch
            batch.begin(receive_time_ns)
        self._sequence += 1
        self._is_durable = False
        batch.lines.append(line)
        batch.bytes += len(line)
        batch.last_ns = receive_time_ns
        return line

    def _hand_over(self) -> None:
        if self._batch.lines:
            self._order(self._batch)
            self._batch = _Batch()

    def _order(self, order: _Batch | Event) -> None:
        """Give the thread something to do; wait while it has too much to do."""
        while True:
            try:
                self._orders.put(order, timeout=LOOK_SECONDS)
            except Full:
                self._require_thread()
            else:
                return

    def _require_thread(self) -> None:
        """Wait no longer for a thread that a defect ended. Errors: StoreError."""
        if not self._thread.is_alive():
            raise StoreError(
                "the tape's thread: expected it to write, found that it has ended; what it said is"
                " on the terminal, and `polyarb tape verify` tells what is recorded"
            )

    def _raise(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _write(self) -> None:
        """Write what is handed over until told to end; a fault is told, and writing goes on."""
        while (order := self._orders.get()) is not None:
            try:
                if isinstance(order, Event):
                    self._writer.flush()
                else:
                    self._writer.take_lines(order.lines, order.first_ns, order.last_ns)
            except StoreError as fault:
                self._fault = fault
            if isinstance(order, Event):
                order.set()
