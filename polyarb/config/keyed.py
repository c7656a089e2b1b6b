"""Files of lists and rules, read key by key; everything that is wrong is collected."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic_core import PydanticCustomError

from polyarb.alerts.syntax import ExpressionError, duration_ns
from polyarb.config.faults import Fault, nearest
from polyarb.config.figures import mistaken, read_text
from polyarb.config.nodes import Scalar, Section, describe

Value = TypeVar("Value")
NO_DURATIONS = frozenset({"0", "0s", "0m"})


@dataclass(frozen=True)
class Keyed:
    """A section that is read key by key; what is wrong is collected and read as the default."""

    section: Section
    path: str
    faults: list[Fault] = field(repr=False)

    def blame(self, key: str, expected: str, found: str) -> None:
        """Collect one fault of a key, at its place."""
        node = self.section.entries.get(key, self.section)
        self.faults.append(Fault(node.origin.place, self.named(key), expected, found))

    def named(self, key: str) -> str:
        """Return the dotted name of a key."""
        return f"{self.path}.{key}" if self.path else key

    def refuse_others(self, known: Collection[str]) -> None:
        """Collect every key that is not known."""
        for key in self.section.entries:
            if key not in known:
                self.blame(key, nearest(key, known), "an unknown key")

    def has(self, key: str) -> bool:
        """Tell whether a key is there."""
        return key in self.section.entries

    def read(self, key: str, reader: Callable[[object], Value], default: Value) -> Value:
        """Read what may be left out."""
        if key not in self.section.entries:
            return default
        node = self.section.entries[key]
        try:
            return reader(node)
        except PydanticCustomError as fault:
            told = fault.context or {}
            place = told.get("place") or node.origin.place
            self.faults.append(
                Fault(place, self.named(key), told.get("expected", ""), told.get("found", ""))
            )
            return default

    def need(self, key: str, reader: Callable[[object], Value], default: Value) -> Value:
        """Read what must be there."""
        if key not in self.section.entries:
            self.blame(key, "a value", "nothing")
        return self.read(key, reader, default)

    def below(self, key: str) -> "Keyed":
        """Go into a section that must be there."""
        node = self.section.entries.get(key)
        if node is None:
            self.blame(key, "a section", "nothing")
        elif not isinstance(node, Section):
            self.blame(key, "a section", describe(node))
        found = node if isinstance(node, Section) else Section({}, self.section.origin)
        return Keyed(found, self.named(key), self.faults)

    def sections(self) -> list[tuple[str, "Keyed"]]:
        """List the sections below, each with its key."""
        found = []
        for key, node in self.section.entries.items():
            if isinstance(node, Section):
                found.append((key, Keyed(node, self.named(key), self.faults)))
            else:
                self.blame(key, "a section", describe(node))
        return found


def read_line(node: object) -> str:
    """Read one line of text."""
    text = read_text(node)
    if not text.strip() or "\n" in text:
        mistaken("one line of text", node)
    return text


def read_duration(node: object) -> int:
    """Read a duration such as 30s, 5m or 1h30m in nanoseconds; 0s is none."""
    text = node.text if isinstance(node, Scalar) else ""
    if text in NO_DURATIONS:
        return 0
    try:
        return duration_ns(text)
    except ExpressionError:
        mistaken("a duration such as 0s, 30s, 5m or 1h", node)
