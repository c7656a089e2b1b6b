"""What is wrong with a configuration: place, key, expected, found, and the nearest valid key."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from polyarb.domain.errors import UsageError

_CLOSE = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; place is a file and line, key is empty when the file is meant.

    is_missing: the key is not there, which a layer above may mend.
    """

    place: str
    key: str
    expected: str
    found: str
    is_missing: bool = False

    def __str__(self) -> str:
        subject = f"{self.place}: {self.key}: " if self.key else f"{self.place}: "
        return f"{subject}expected {self.expected}, found {self.found}"


def refuse(faults: Sequence[Fault]) -> NoReturn:
    """Raise one UsageError that tells every fault, one a line."""
    raise UsageError("\n".join(dict.fromkeys(str(fault) for fault in faults)))


def nearest(word: str, choices: Collection[str]) -> str:
    """Tell which of the choices was probably meant, or list them all."""
    close = get_close_matches(word, list(choices), 1, _CLOSE)
    return f"{close[0]} (the nearest)" if close else f"one of {', '.join(choices)}"
