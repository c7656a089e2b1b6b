"""Configuration values before they mean anything: text with kind and place, lists, sections."""

from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """Where a value may come from, lowest first."""

    DEFAULT = "default"
    CONFIG = "config"
    PROFILE = "profile"
    DOTENV = ".env"
    ENVIRONMENT = "environment"
    FLAG = "flag"


class Kind(StrEnum):
    """What YAML takes a scalar for."""

    NUMBER = "the number"
    TEXT = "the text"
    TRUTH = "the truth value"
    NULL = "nothing"
    OTHER = "the date"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value stands; line 0 is no line, spelling is how an overriding layer has the key."""

    layer: Layer
    file: str
    line: int = 0
    spelling: str = ""

    @property
    def place(self) -> str:
        """Name the file and the line."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as it is spelled."""

    text: str
    kind: Kind
    origin: Origin
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list of values."""

    nodes: tuple["Node", ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Section:
    """Keys with their values, in the order of the file; origin is the line of its own key."""

    entries: dict[str, "Node"]
    origin: Origin


Node = Scalar | Items | Section


def describe(node: object) -> str:
    """Say what was found, for a message."""
    match node:
        case Scalar(kind=Kind.NULL):
            return "nothing"
        case Scalar(is_quoted=True):
            return f'the quoted text "{node.text}"'
        case Scalar():
            return f"{node.kind} {node.text}"
        case Items():
            return "a list"
        case _:
            return "a section"


def plain(node: Node) -> object:
    """Turn sections into dicts, all the way down; scalars and lists keep their places."""
    if isinstance(node, Section):
        return {key: plain(entry) for key, entry in node.entries.items()}
    return node


def merge(below: Section, above: Section) -> Section:
    """Lay one section over another, key by key; lists and scalars are replaced whole."""
    entries = dict(below.entries)
    for key, node in above.entries.items():
        previous = entries.get(key)
        if isinstance(previous, Section) and isinstance(node, Section):
            entries[key] = merge(previous, node)
        else:
            entries[key] = node
    return Section(entries, above.origin)


def find(root: Node, path: tuple[str | int, ...]) -> Node:
    """Follow a path as far as it leads."""
    node = root
    for step in path:
        if isinstance(node, Section) and step in node.entries:
            node = node.entries[str(step)]
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.nodes):
            node = node.nodes[step]
        else:
            break
    return node
