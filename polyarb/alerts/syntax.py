"""The grammar of rule expressions: text to a tree of words and numbers, each with its place.

or, and, not, one comparison, + -, * /, minus, then numbers with units, "states", names, calls.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

LENGTH_MAX = 1_000
DEPTH_MAX = 30
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
TIME_UNITS: dict[str, int] = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
"""Nanoseconds of the units that a duration may have."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\$?\d+(?:\.\d+)?(?P<suffix>%|[A-Za-z]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r'|"(?P<text>[^"]*)"'
    r"|(?P<sign>==|!=|<=|>=|[<>+\-*/()\[\]])"
    r"|(?P<end>$))"
)
_WORDS = frozenset({"and", "or", "not"})


class ExpressionError(ValueError):
    """An expression that means nothing: where, what was expected, what was found.

    Shape: column counts from 1; choices are the valid names where a name is wrong.
    """

    def __init__(
        self, column: int, expected: str, found: str, choices: Collection[str] = ()
    ) -> None:
        super().__init__(f"column {column}: expected {expected}, found {found}")
        self.column = column
        self.expected = expected
        self.found = found
        self.choices = tuple(choices)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is spelled; unit is "", "%", "$" or one of time."""

    value: Fraction
    unit: str
    column: int


@dataclass(frozen=True, slots=True)
class Name:
    """A metric, a figure of the phase, or a truth value."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Text:
    """A state, quoted."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a metric, over a window where it has one."""

    function: str
    metric: Name
    window_ns: int | None
    column: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` or a minus."""

    operator: str
    operand: "Syntax"
    column: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; column is that of the operator."""

    operator: str
    left: "Syntax"
    right: "Syntax"
    column: int


Syntax = Number | Name | Text | Call | Unary | Binary


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int
    suffix: str = ""

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else f"`{self.text}`"


def parse(text: str) -> Syntax:
    """Parse an expression.

    Errors: ExpressionError for what is not of the grammar.
    """
    if len(text) > LENGTH_MAX:
        raise ExpressionError(1, f"at most {LENGTH_MAX} characters", str(len(text)))
    return _Parser(list(_tokens(text))).whole()


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        found = _TOKEN.match(text, place)
        if found is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise ExpressionError(
                start + 1, "a number, a name, a state in quotes or an operator", f"`{text[start]}`"
            )
        kind = found.lastgroup or "end"
        kind = "number" if kind == "suffix" else kind
        token = found[kind]
        column = found.start(kind) + (kind != "text")
        if kind == "name" and token in _WORDS:
            kind = "sign"
        yield _Token(kind, token, column, found["suffix"] or "")
        if kind == "end":
            return
        place = found.end()


class _Parser:
    """Reads tokens from the left, one function a level of binding."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Syntax:
        found = self._either()
        if self._next.kind != "end":
            raise ExpressionError(self._next.column, "an operator", self._next.shown)
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _is_next(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _expect(self, sign: str) -> None:
        if not self._is_next(sign):
            raise ExpressionError(self._next.column, f"`{sign}`", self._next.shown)
        self._take()

    def _chain(self, inner: Callable[[], Syntax], *operators: str) -> Syntax:
        left = inner()
        while self._is_next(*operators):
            token = self._take()
            left = Binary(token.text, left, inner(), token.column)
        return left

    def _either(self) -> Syntax:
        return self._chain(self._both, "or")

    def _both(self) -> Syntax:
        return self._chain(self._negated, "and")

    def _negated(self) -> Syntax:
        if self._is_next("not"):
            return self._prefixed(self._negated)
        return self._comparison()

    def _comparison(self) -> Syntax:
        left = self._sum()
        if not self._is_next(*COMPARISONS):
            return left
        token = self._take()
        found = Binary(token.text, left, self._sum(), token.column)
        if self._is_next(*COMPARISONS):
            raise ExpressionError(self._next.column, "one comparison, then `and`", self._next.shown)
        return found

    def _sum(self) -> Syntax:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Syntax:
        return self._chain(self._signed, "*", "/")

    def _signed(self) -> Syntax:
        if self._is_next("-"):
            return self._prefixed(self._signed)
        return self._atom()

    def _prefixed(self, inner: Callable[[], Syntax]) -> Syntax:
        token = self._take()
        with_depth = self._deeper(token)
        found = Unary(token.text, inner(), token.column)
        self._depth = with_depth - 1
        return found

    def _deeper(self, token: _Token) -> int:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ExpressionError(token.column, f"at most {DEPTH_MAX} levels", "more")
        return self._depth

    def _atom(self) -> Syntax:
        token = self._take()
        if token.kind == "number":
            return _number(token)
        if token.kind == "text":
            return Text(token.text, token.column)
        if token.kind == "name":
            name = Name(token.text, token.column)
            return self._call(name) if self._is_next("(") else name
        if token.kind == "sign" and token.text == "(":
            depth = self._deeper(token)
            found = self._either()
            self._expect(")")
            self._depth = depth - 1
            return found
        raise ExpressionError(token.column, "a number, a metric or a call", token.shown)

    def _call(self, function: Name) -> Syntax:
        self._expect("(")
        token = self._take()
        if token.kind != "name":
            raise ExpressionError(token.column, "the name of a metric", token.shown)
        window_ns = None
        if self._is_next("["):
            self._take()
            window_ns = _duration(self._take())
            self._expect("]")
        self._expect(")")
        return Call(function.text, Name(token.text, token.column), window_ns, function.column)


def _number(token: _Token) -> Number:
    unit, digits = token.suffix, token.text.removesuffix(token.suffix)
    if digits.startswith("$"):
        if unit:
            raise ExpressionError(token.column, "USD such as $5", f"`{token.text}`")
        unit, digits = "$", digits[1:]
    if unit not in ("", "%", "$", *TIME_UNITS):
        raise ExpressionError(
            token.column, "a number such as 5, 3%, $5, 500ms, 10s or 5m", f"`{token.text}`"
        )
    return Number(Fraction(digits), unit, token.column)


def _duration(token: _Token) -> int:
    """Read the length of a window in nanoseconds."""
    if token.kind != "number" or token.suffix not in TIME_UNITS:
        raise ExpressionError(token.column, "a window such as 30s or 5m", token.shown)
    return duration_ns(token.text, token.column)


def duration_ns(text: str, column: int = 1) -> int:
    """Read a positive duration such as 30s, 5m or 1h30m.

    Errors: ExpressionError for any other text.
    """
    found = re.findall(r"(\d+)(ms|[smhd])", text)
    total = sum(int(count) * TIME_UNITS[unit] for count, unit in found)
    if "".join(count + unit for count, unit in found) != text or not total:
        raise ExpressionError(column, "a duration such as 30s, 5m or 1h", f"`{text}`")
    return total


def duration_text(duration: int) -> str:
    """Write a duration with the largest units that keep it whole, as Prometheus reads it."""
    parts = []
    for unit, size in reversed(TIME_UNITS.items()):
        count, duration = divmod(duration, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
