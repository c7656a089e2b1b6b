"""Hold a section against its schema and tell every fault with its place."""

from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from polyarb.config.faults import Fault, nearest
from polyarb.config.figures import Choice, Figure, FigureList, Tighter
from polyarb.config.nodes import Node, Section, describe, find, plain
from polyarb.config.schema import Keys

K = TypeVar("K", bound=Keys)
Path = tuple[str | int, ...]


def validate(model: type[K], root: Section) -> tuple[K | None, list[Fault]]:
    """Read a section as a model, or tell all that is wrong."""
    try:
        return model.model_validate(plain(root)), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, [_fault(item, model, root) for item in details]


def figure_of(field: FieldInfo) -> Figure | None:
    """Return the unit and bounds of a key, None for a word or text."""
    return next((item for item in field.metadata if isinstance(item, Figure)), None)


def list_of(field: FieldInfo) -> FigureList | None:
    """Return what a key lists, None when it is no list of figures."""
    return next((item for item in field.metadata if isinstance(item, FigureList)), None)


def tighter_of(field: FieldInfo) -> Tighter | None:
    """Return the direction in which a key may be overridden, None for never."""
    return next((item for item in field.metadata if isinstance(item, Tighter)), None)


def choice_of(field: FieldInfo) -> Choice | None:
    """Return the words of a key, None for a number or text."""
    return next((item for item in field.metadata if isinstance(item, Choice)), None)


def section_of(field: FieldInfo) -> type[Keys] | None:
    """Return the model of a key that is a section."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Keys):
            return kind
    return None


def fields_of(model: type[Keys]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield every key below a model that is no section, with its dotted name."""
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            yield name, field
        else:
            yield from ((f"{name}.{below}", found) for below, found in fields_of(section))


def value_at(keys: Keys, dotted: str) -> object:
    """Follow a dotted name into a validated model."""
    found: Any = keys
    for step in dotted.split("."):
        found = getattr(found, step)
    return found


def _fault(item: ErrorDetails, model: type[Keys], root: Section) -> Fault:
    path = item["loc"]
    node = find(root, path)
    key = ".".join(str(step) for step in path)
    match item["type"]:
        case "missing":
            node = find(root, path[:-1])
            return Fault(node.origin.place, key, _expected(model, path), "nothing", is_missing=True)
        case "extra_forbidden":
            known = sorted(_model_at(model, path[:-1]).model_fields)
            return Fault(
                node.origin.place,
                _spelled(node, key),
                nearest(str(path[-1]), known),
                "an unknown key",
            )
        case "mistaken":
            told = item["ctx"]
            return Fault(
                told["place"] or node.origin.place,
                _spelled(node, key),
                told["expected"],
                told["found"],
            )
        case _:
            return Fault(node.origin.place, _spelled(node, key), "a section", describe(node))


def _spelled(node: Node, key: str) -> str:
    return node.origin.spelling or key


def _model_at(model: type[Keys], path: Path) -> type[Keys]:
    for step in path:
        found = section_of(model.model_fields[str(step)])
        assert found is not None
        model = found
    return model


def _expected(model: type[Keys], path: Path) -> str:
    field = _model_at(model, path[:-1]).model_fields[str(path[-1])]
    figure = figure_of(field)
    if figure is not None:
        return figure.expected
    section = section_of(field)
    return f"the section with {', '.join(section.model_fields)}" if section else "this key"
