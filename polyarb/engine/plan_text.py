"""The text of the plan format: JSON values just as they were written, and the complaint.

Numbers stay text, so that none is too long and none is rounded; a key that was given twice is
remembered. No I/O.
"""

import json
from typing import NamedTuple, NoReturn, cast

from polyarb.domain.errors import UsageError

FOUND_LENGTH_MAX = 60
_BLANK = " \t\r\n"


class PlanFormatError(UsageError):
    """A problem that is not in the plan format."""


class Bare(NamedTuple):
    """A JSON number, for which the format has no place."""

    text: str


class JsonObject(dict[str, object]):
    """A JSON object that remembers a key it was given twice."""

    repeated: str | None = None


class Spot(NamedTuple):
    """Where in the input something stands, for the complaint."""

    problem: str
    field: str = ""

    def at(self, field: str) -> "Spot":
        """Step into a field."""
        return Spot(self.problem, f"{self.field}.{field}" if self.field else field)

    def item(self, index: int) -> "Spot":
        """Step into an element of a list."""
        return Spot(self.problem, f"{self.field}[{index}]")

    def refuse(self, expected: str, found: object) -> NoReturn:
        """Complain of a value."""
        self.complain(expected, show(found))

    def complain(self, expected: str, found: str) -> NoReturn:
        """Complain."""
        field = f"{self.field}: " if self.field else ""
        raise PlanFormatError(f"{self.problem}: {field}expected {expected}, found {found}")


MISSING = object()


def show(found: object) -> str:
    """Write something that was found, shortened and safe to print."""
    if found is MISSING:
        return "nothing"
    if isinstance(found, Bare):
        return f"the number {shorten(found.text)}"
    if isinstance(found, str):
        return shorten(json.dumps(found, ensure_ascii=False))
    if isinstance(found, list):
        return f"a list of {len(found)}"
    if isinstance(found, dict):
        return "an object"
    return {True: "true", False: "false", None: "null"}[cast("bool | None", found)]


def shorten(text: str) -> str:
    """Keep a text from filling the terminal or steering it."""
    if len(text) > FOUND_LENGTH_MAX:
        text = f"{text[:FOUND_LENGTH_MAX]}... ({len(text):,} characters)"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def decode(content: bytes) -> list[object]:
    """Decode the input, one object or an array or JSON Lines, to one value a problem.

    Errors: PlanFormatError.
    """
    try:
        text = content.decode("utf-8-sig").strip(_BLANK)
    except UnicodeDecodeError as fault:
        raise PlanFormatError(
            f"input: expected UTF-8, found byte {fault.start} outside it"
        ) from None
    if not text:
        Spot("input").refuse("at least one problem", MISSING)
    lines = [line for line in enumerate(text.split("\n"), 1) if line[1].strip(_BLANK)]
    try:
        found = _load(text)
    except json.JSONDecodeError as fault:
        if len(lines) == 1 or not _is_json(lines[0][1]):
            _refuse_syntax(f"input: line {fault.lineno}", fault)
        return [_load_line(number, line) for number, line in lines]
    return found if isinstance(found, list) else [found]


def _load(text: str) -> object:
    """Decode one JSON value; numbers stay text, so none is too long and none is rounded."""
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=Bare,
            parse_int=Bare,
            parse_constant=Bare,
        )
    except RecursionError:
        raise PlanFormatError("input: expected a problem, found brackets nested too deep") from None


def _object(pairs: list[tuple[str, object]]) -> JsonObject:
    made = JsonObject(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        made.repeated = next(key for key in keys if keys.count(key) > 1)
    return made


def _is_json(line: str) -> bool:
    try:
        _load(line)
    except json.JSONDecodeError:
        return False
    return True


def _load_line(number: int, line: str) -> object:
    try:
        return _load(line)
    except json.JSONDecodeError as fault:
        _refuse_syntax(f"input: line {number}", fault)


def _refuse_syntax(place: str, fault: json.JSONDecodeError) -> NoReturn:
    raise PlanFormatError(
        f"{place}: expected JSON, found an error at column {fault.colno}: {fault.msg}"
    ) from None
