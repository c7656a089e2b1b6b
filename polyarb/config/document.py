"""YAML read as text with places, so that no figure passes through a float.

What a file may not do is refused here, all of it together: duplicate keys, keys that are no
text, aliases, tags, several documents, deep nesting.
"""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import yaml

from polyarb.config.faults import Fault, refuse
from polyarb.config.nodes import Items, Kind, Node, Origin, Scalar, Section
from polyarb.domain.errors import StoreError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML has it, as its wheels do: ten times as fast."""
DEPTH_MAX = 8
BYTES_MAX = 1_000_000

_KINDS = {
    "tag:yaml.org,2002:int": Kind.NUMBER,
    "tag:yaml.org,2002:float": Kind.NUMBER,
    "tag:yaml.org,2002:str": Kind.TEXT,
    "tag:yaml.org,2002:bool": Kind.TRUTH,
    "tag:yaml.org,2002:null": Kind.NULL,
}


class _Mark(Protocol):
    """A place in a YAML text; both of PyYAML's kinds have it."""

    line: int


def read_text(path: Path, file: str) -> str:
    """Read a configuration file; file is its name in messages.

    Errors: StoreError when it cannot be read, UsageError when it is no text of a sane length.
    """
    try:
        raw = path.read_bytes()
    except OSError as fault:
        found = fault.strerror or "an unreadable file"
        raise StoreError(f"{file}: expected a readable file, found: {found}") from fault
    if len(raw) > BYTES_MAX:
        refuse([Fault(file, "", f"at most {BYTES_MAX} bytes", f"{len(raw)}")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        refuse([Fault(f"{file}:{line}", "", "UTF-8", f"the byte {raw[fault.start]:#04x}")])


def refuse_absent(path: Path) -> None:
    """Refuse a file that somebody named and that is not there; one of our own is a fault instead.

    Errors: UsageError.
    """
    if not path.exists():
        refuse([Fault(str(path), "", "a file", "none of this name")])


def read_document(path: Path, origin: Origin) -> Section:
    """Read a file whose root is a section; an empty file is an empty section."""
    return parse_document(read_text(path, origin.file), origin)


def parse_document(text: str, origin: Origin) -> Section:
    """Parse a text whose root is a section.

    Errors: UsageError with every fault of structure and its line.
    """
    node = parse_node(text, origin)
    if node is None or (isinstance(node, Scalar) and node.kind is Kind.NULL):
        return Section({}, origin)
    if not isinstance(node, Section):
        refuse([Fault(origin.place, "", "keys with values", "something else")])
    return replace(node, origin=origin)


def parse_node(text: str, origin: Origin) -> Node | None:
    """Parse a text into text with places; None when there is nothing in it."""
    try:
        _refuse_structure(text, origin)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as fault:
        place = _at(origin, fault.problem_mark).place
        refuse([Fault(place, "", "well-formed YAML", f"{fault.problem or 'a fault'}")])
    except yaml.reader.ReaderError as fault:
        line = text.count("\n", 0, fault.position) + 1
        refuse([Fault(f"{origin.file}:{line}", "", "printable text", f"{fault.reason}")])
    if root is None:
        return None
    faults: list[Fault] = []
    node = _convert(root, origin, "", faults)
    if faults:
        refuse(faults)
    return node


def _at(origin: Origin, mark: _Mark | None) -> Origin:
    """Place a mark in its file; the value of an override stands where its name does."""
    if origin.spelling or mark is None:
        return origin
    return Origin(origin.layer, origin.file, mark.line + 1)


def _refuse_structure(text: str, origin: Origin) -> None:
    """Refuse what would make the recursive reading costly or its meaning unclear."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        place = _at(origin, event.start_mark).place
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refuse([Fault(place, "", "every value written out", "an anchor or alias")])
        if getattr(event, "tag", None):
            refuse([Fault(place, "", "values without tags", "a tag")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if depth > DEPTH_MAX:
            refuse([Fault(place, "", f"at most {DEPTH_MAX} nested levels", "more")])
        if documents > 1:
            refuse([Fault(place, "", "one document", "a second one")])


def _convert(node: yaml.Node, origin: Origin, key: str, faults: list[Fault]) -> Node:
    here = _at(origin, node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        kind = _KINDS.get(node.tag, Kind.OTHER)
        return Scalar(node.value, kind, here, is_quoted=node.style in {"'", '"'})
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_convert(item, origin, key, faults) for item in node.value), here)
    entries: dict[str, Node] = {}
    lines: dict[str, str] = {}
    for key_node, value_node in node.value:
        place = _at(origin, key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode) or _KINDS.get(key_node.tag) is not Kind.TEXT:
            faults.append(Fault(place.place, key, "keys that are text", "another kind of key"))
            continue
        name = key_node.value
        path = f"{key}.{name}" if key else name
        if name in entries:
            faults.append(Fault(place.place, path, "each key once", f"it at {lines[name]} too"))
        lines[name] = place.place
        entries[name] = replace(_convert(value_node, origin, path, faults), origin=place)
    return Section(entries, here)
