"""Tell a supervisor that the process is ready, does well, or stops, in systemd's own protocol.

Nobody who listens is no fault, and neither is one who stopped listening: supervision never stops
what is supervised.
"""

import socket
from contextlib import suppress


class Supervisor:
    """Where a supervisor listens, and how often it wants to hear of progress.

    Units: watchdog_ns is the silence after which it ends the process, 0 for none.
    """

    def __init__(self, address: str, watchdog_ns: int = 0) -> None:
        self.watchdog_ns = watchdog_ns
        # A name in the abstract namespace is written with @ for its leading zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @property
    def is_listening(self) -> bool:
        """Tell whether somebody started this process to supervise it."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that the start is over."""
        self._tell("READY=1")

    def alive(self, text: str) -> None:
        """Say that there was progress, and what a person may read about it."""
        self._tell(f"WATCHDOG=1\nSTATUS={text}")

    def stopping(self, why: str) -> None:
        """Say that the process is about to end."""
        self._tell(f"STOPPING=1\nSTATUS={why}")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(), self._address)
