"""What a process says about itself, in a file that is rotated by size and kept small.

A line that cannot be written is lost and counted: no log line may stop what it tells of. The
journal is another file and is never touched.
"""

import logging
import time
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from polyarb.domain.secret import Secret

BYTES_MAX = 5 << 20
FILES_KEPT = 5
_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s"
_NAME = "polyarb"


class ProcessLog:
    """The log of this process, and of the libraries it uses from WARNING on."""

    def __init__(self, path: Path, secrets: Sequence[Secret] = ()) -> None:
        self._handler = _RotatedFile(path, [secret.reveal() for secret in secrets if secret])
        self._logger = logging.getLogger(_NAME)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        self._logger.addHandler(self._handler)
        logging.getLogger().addHandler(self._handler)

    @property
    def lost(self) -> int:
        """Count the lines that could not be written."""
        return self._handler.lost

    def tell(self, text: str) -> None:
        """Write a line that is worth knowing."""
        self._logger.info(text)

    def warn(self, text: str) -> None:
        """Write a line that somebody should look at."""
        self._logger.warning(text)

    def close(self) -> None:
        """Let go of the file."""
        self._logger.removeHandler(self._handler)
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()


class _RotatedFile(RotatingFileHandler):
    def __init__(self, path: Path, hidden: Sequence[str]) -> None:
        super().__init__(
            path, maxBytes=BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8", delay=True
        )
        formatter = logging.Formatter(_FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self.lost = 0
        self._hidden = hidden

    def format(self, record: logging.LogRecord) -> str:
        """Write one line, whatever the text holds, without a secret."""
        text = super().format(record).replace("\n", "\\n").replace("\r", "\\r")
        for secret in self._hidden:
            text = text.replace(secret, "***")
        return text

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Count a line that could not be written."""
        self.lost += 1
