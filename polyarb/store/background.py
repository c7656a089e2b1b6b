"""A tape whose lines are compressed and synced in a thread of its own, beside the decisions.

Compressing and syncing take milliseconds and need nothing of the interpreter meanwhile.
"""

from collections.abc import Collection
from queue import Queue
from threading import Event, Thread

from polyarb.domain.errors import StoreError
from polyarb.store.recording import HOUR_NS, TapeWriter, loss_line, tape_line

BATCH_BYTES = 64 << 10
BATCH_NS = 250_000_000
"""A batch goes to the thread when it is so large, or spans so much receive time."""
BATCHES_MAX = 512
"""Batches that may wait for the disk; beyond it recording waits, too."""


class _Batch:
    """Lines of one hour that wait to be handed over."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.bytes = self.first_ns = self.last_ns = 0

    def takes(self, receive_time_ns: int) -> bool:
        """Tell whether one more line of that time still belongs here."""
        if not self.lines:
            return True
        is_small = self.bytes < BATCH_BYTES and receive_time_ns - self.first_ns < BATCH_NS
        return is_small and receive_time_ns // HOUR_NS == self.first_ns // HOUR_NS

    def take(self, line: bytes, receive_time_ns: int) -> None:
        """Take a line."""
        if not self.lines:
            self.first_ns = receive_time_ns
        self.lines.append(line)
        self.bytes += len(line)
        self.last_ns = receive_time_ns


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

    def record(self, frame: bytes, receive_time_ns: int) -> bytes:
        """Take one frame as received; return its line. Errors: StoreError of an earlier line."""
        return self._take(tape_line(frame, receive_time_ns, self._sequence), receive_time_ns)

    def record_loss(self, reason: str, assets: Collection[str], receive_time_ns: int) -> bytes:
        """Take a loss; return its line. Errors: StoreError of an earlier line."""
        line = loss_line(reason, assets, receive_time_ns, self._sequence)
        return self._take(line, receive_time_ns)

    def flush(self) -> None:
        """Return only when everything recorded is durable. Errors: StoreError where it is not."""
        if not self._is_durable:
            self._hand_over()
            done = Event()
            self._orders.put(done)
            done.wait()
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
        self._raise()
        if not self._batch.takes(receive_time_ns):
            self._hand_over()
        self._sequence += 1
        self._is_durable = False
        self._batch.take(line, receive_time_ns)
        return line

    def _hand_over(self) -> None:
        if self._batch.lines:
            self._orders.put(self._batch)
            self._batch = _Batch()

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
