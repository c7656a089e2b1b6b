"""From words to a checked condition: every name is known, every unit fits, the whole is yes or no.

`not` is carried down to the comparisons, so that what is not known stays not known.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import assert_never

from polyarb.alerts.expression import (
    OPPOSITES,
    Absent,
    Age,
    Arithmetic,
    Both,
    Comparison,
    Condition,
    Constant,
    Either,
    Function,
    Literal,
    Numeric,
    Reading,
    Window,
    leaves,
    nodes,
)
from polyarb.alerts.metrics import METRICS, PHASE_NAMES, SECOND_NS, Kind, Metric, Unit
from polyarb.alerts.syntax import (
    COMPARISONS,
    TIME_UNITS,
    Binary,
    Call,
    ExpressionError,
    Name,
    Number,
    Syntax,
    Text,
    Unary,
    parse,
)

WINDOW_NS_MAX = 24 * 3_600 * SECOND_NS
FUNCTIONS = (*(str(function) for function in Function), "absent", "age")
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Measure:
    """What a number counts: exponents of its dimension, how many base units its unit is.

    Shape: is_bare is a number written without a unit: it counts, or it is a factor.
    """

    money: int = 0
    time: int = 0
    count: int = 0
    scale: Fraction = Fraction(1)
    is_bare: bool = False

    @property
    def dimension(self) -> tuple[int, int, int]:
        return self.money, self.time, self.count

    def fits(self, other: "_Measure") -> bool:
        """Tell whether both may be added or compared; a percentage is never a bare number."""
        if self.is_bare == other.is_bare:
            return self.dimension == other.dimension
        named = other if self.is_bare else self
        bare = self if self.is_bare else other
        return (named.money, named.time) == (bare.money, bare.time) and named.count > 0

    def __str__(self) -> str:
        for unit, measure in _UNITS.items():
            if measure.dimension == self.dimension and measure.scale == self.scale:
                return "a number without a unit" if self.is_bare else _NAMES[unit]
        names = {"USD": self.money, "time": self.time, "count": self.count}
        parts = [f"{name}^{power}" for name, power in names.items() if power]
        return " ".join(parts) or "a fraction"


_UNITS: dict[Unit, _Measure] = {
    Unit.MILLISECONDS: _Measure(time=1, scale=Fraction(1, 1_000)),
    Unit.SECONDS: _Measure(time=1),
    Unit.PERCENT: _Measure(scale=Fraction(1, 100)),
    Unit.FRACTION: _Measure(),
    Unit.USD: _Measure(money=1),
    Unit.COUNT: _Measure(count=1),
    Unit.FLAG: _Measure(),
}
_NAMES: dict[Unit, str] = {
    Unit.MILLISECONDS: "a time such as 500ms",
    Unit.SECONDS: "a time such as 10s",
    Unit.PERCENT: "a percentage such as 3%",
    Unit.FRACTION: "a percentage such as 3%",
    Unit.USD: "USD such as $5",
    Unit.COUNT: "a count such as 5",
    Unit.FLAG: "true or false",
}


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A number with its measure; constant is its exact value where nothing is measured."""

    node: Numeric
    measure: _Measure
    unit: str = ""
    constant: Fraction | None = None


@dataclass(frozen=True, slots=True)
class _Flag:
    """A metric that is yes or no."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class _State:
    """A metric that has states."""

    reading: Reading


_Typed = _Quantity | _Flag | _State | Condition


def compile_condition(text: str) -> Condition:
    """Check an expression against the catalogue.

    Errors: ExpressionError with the column of an unknown name, a unit that does not fit, anything
    that is not yes or no, or a condition that no measurement can change.
    """
    syntax = parse(text)
    condition = _condition(syntax, is_negated=False)
    labels = {leaf.metric.labels for leaf in leaves(condition) if leaf.metric.labels}
    if len(labels) > 1:
        raise ExpressionError(1, "metrics with the same labels", f"{sorted(labels)}")
    kinds = {leaf.metric.kind for leaf in leaves(condition)}
    if Kind.EVENT in kinds and len(leaves(condition)) > 1:
        raise ExpressionError(1, "an event alone", "more than one metric")
    return condition


def _condition(syntax: Syntax, *, is_negated: bool) -> Condition:
    """Check something that must be yes or no."""
    if isinstance(syntax, Unary) and syntax.operator == "not":
        return _condition(syntax.operand, is_negated=not is_negated)
    if isinstance(syntax, Binary) and syntax.operator in ("and", "or"):
        left = _condition(syntax.left, is_negated=is_negated)
        right = _condition(syntax.right, is_negated=is_negated)
        is_both = (syntax.operator == "and") is not is_negated
        return Both(left, right) if is_both else Either(left, right)
    typed = _typed(syntax)
    match typed:
        case _Flag(reading):
            return Comparison("==", reading, Literal(0.0 if is_negated else 1.0), Unit.FLAG)
        case Comparison():
            sign = OPPOSITES[typed.operator] if is_negated else typed.operator
            return replace(typed, operator=sign)
        case Absent():
            return replace(typed, is_negated=is_negated)
        case Constant(value):
            return Constant(value is not is_negated)
        case _:
            raise ExpressionError(syntax.column, "a condition (yes or no)", _described(typed))


def _described(typed: _Typed) -> str:
    match typed:
        case _Quantity(measure=measure):
            return str(measure)
        case _State(reading):
            return f"a state ({', '.join(reading.metric.states)})"
        case _:
            return "a condition"


def _typed(syntax: Syntax) -> _Typed:
    match syntax:
        case Number():
            return _literal(syntax)
        case Name():
            return _named(syntax)
        case Text():
            raise ExpressionError(syntax.column, "a state beside == or !=", f'"{syntax.text}"')
        case Call():
            return _called(syntax)
        case Unary(operator="-"):
            return _calculated(Binary("-", Number(Fraction(0), "", 0), syntax.operand, 0), syntax)
        case Binary() if syntax.operator in COMPARISONS:
            return _compared(syntax)
        case Binary() if syntax.operator in ("+", "-", "*", "/"):
            return _calculated(syntax, syntax)
        case Unary() | Binary():
            return _condition(syntax, is_negated=False)
        case _:
            assert_never(syntax)


def _literal(syntax: Number) -> _Quantity:
    if syntax.unit == "%":
        measure = _UNITS[Unit.PERCENT]
    elif syntax.unit == "$":
        measure = _UNITS[Unit.USD]
    elif syntax.unit:
        measure = _Measure(time=1, scale=Fraction(TIME_UNITS[syntax.unit], SECOND_NS))
    else:
        measure = _Measure(count=1, is_bare=True)
    return _Quantity(Literal(float(syntax.value)), measure, constant=syntax.value)


def _named(name: Name) -> _Typed:
    if name.text in _TRUTHS:
        return Constant(_TRUTHS[name.text])
    metric = _metric(name)
    reading = Reading(metric)
    if metric.unit is Unit.FLAG:
        return _Flag(reading)
    if metric.unit is Unit.STATE:
        return _State(reading)
    return _Quantity(reading, _UNITS[metric.unit], metric.unit)


def _metric(name: Name) -> Metric:
    text = PHASE_NAMES.get(name.text, name.text)
    if name.text.startswith("phase.") and name.text not in PHASE_NAMES:
        raise ExpressionError(name.column, "", name.text, PHASE_NAMES)
    if text not in METRICS:
        raise ExpressionError(name.column, "", name.text, (*METRICS, *PHASE_NAMES))
    return METRICS[text]


def _called(call: Call) -> _Typed:
    if call.function not in FUNCTIONS:
        raise ExpressionError(call.column, "", call.function, FUNCTIONS)
    metric = _metric(call.metric)
    if call.function == "age":
        if call.window_ns is not None:
            raise ExpressionError(call.column, "age(metric) without a window", "one")
        return _Quantity(Age(metric), _UNITS[Unit.SECONDS], Unit.SECONDS)
    if call.window_ns is None:
        raise ExpressionError(call.column, f"a window: {call.function}({metric.name}[5m])", "none")
    if call.window_ns > WINDOW_NS_MAX:
        raise ExpressionError(call.column, "a window of at most 24h", "a longer one")
    if call.function == "absent":
        return Absent(metric, call.window_ns)
    return _windowed(call, Function(call.function), metric, call.window_ns)


def _windowed(call: Call, function: Function, metric: Metric, window_ns: int) -> _Quantity:
    is_counter = metric.kind is Kind.COUNTER
    is_state = metric.unit is Unit.STATE or metric.kind is Kind.EVENT
    if is_state or (function is Function.RATE) is not is_counter:
        wanted = "a counter" if function is Function.RATE else "a gauge or a flag"
        found = f"the {'state' if metric.states else metric.kind} {metric.name}"
        raise ExpressionError(call.metric.column, f"{wanted} in {function}()", found)
    node = Window(function, metric, window_ns)
    if is_counter:
        return _Quantity(node, _Measure(count=1, time=-1), "per second")
    unit = Unit.FRACTION if metric.unit is Unit.FLAG else metric.unit
    return _Quantity(node, _UNITS[unit], unit)


def _quantity(syntax: Syntax) -> _Quantity:
    typed = _typed(syntax)
    if not isinstance(typed, _Quantity):
        raise ExpressionError(syntax.column, "a number", _described(typed))
    return typed


def _compared(syntax: Binary) -> Comparison | Constant:
    """Check a comparison; the right side is brought to the unit of what is measured."""
    if isinstance(syntax.left, Text):
        swapped = Binary(syntax.operator, syntax.right, syntax.left, syntax.column)
        return _compared_with_text(swapped, syntax.left)
    if isinstance(syntax.right, Text):
        return _compared_with_text(syntax, syntax.right)
    left = _typed(syntax.left)
    if isinstance(left, _Flag):
        return _compared_with_truth(syntax, left)
    if isinstance(left, _State):
        choices = ", ".join(f'"{state}"' for state in left.reading.metric.states)
        raise ExpressionError(syntax.column, f"one of {choices}", "something else")
    one, other = _quantity(syntax.left), _quantity(syntax.right)
    if one.constant is not None and other.constant is not None:
        raise ExpressionError(syntax.column, "something that is measured", "two numbers")
    if not one.measure.fits(other.measure):
        raise ExpressionError(syntax.column, str(one.measure), str(other.measure))
    if one.constant is not None:
        one = _in_unit_of(one, other.measure)
    else:
        other = _in_unit_of(other, one.measure)
    return Comparison(syntax.operator, one.node, other.node, one.unit or other.unit)


def _compared_with_truth(syntax: Binary, flag: _Flag) -> Comparison:
    if syntax.operator not in ("==", "!="):
        raise ExpressionError(syntax.column, "== or != beside a flag", f"`{syntax.operator}`")
    if not isinstance(syntax.right, Name) or syntax.right.text not in _TRUTHS:
        raise ExpressionError(syntax.right.column, "true or false", "something else")
    wanted = _TRUTHS[syntax.right.text] is (syntax.operator == "==")
    return Comparison("==", flag.reading, Literal(float(wanted)), Unit.FLAG)


def _compared_with_text(syntax: Binary, text: Text) -> Comparison:
    state = _typed(syntax.left)
    if not isinstance(state, _State):
        raise ExpressionError(text.column, _described(state), f'the state "{text.text}"')
    if syntax.operator not in ("==", "!="):
        raise ExpressionError(syntax.column, "== or != beside a state", f"`{syntax.operator}`")
    metric = state.reading.metric
    if text.text.upper() not in metric.states:
        raise ExpressionError(text.column, "", text.text, metric.states)
    number = Literal(metric.number(text.text))
    return Comparison(syntax.operator, state.reading, number, Unit.STATE)


def _calculated(syntax: Binary, whole: Syntax) -> _Quantity:
    one, other = _quantity(syntax.left), _quantity(syntax.right)
    if syntax.operator in ("*", "/"):
        return _multiplied(syntax.operator, one, other, whole)
    if isinstance(whole, Unary):
        one = replace(one, measure=other.measure)
    if not one.measure.fits(other.measure):
        raise ExpressionError(syntax.column, str(one.measure), str(other.measure))
    if one.constant is not None and other.constant is None:
        one = _in_unit_of(one, other.measure)
    else:
        other = _in_unit_of(other, one.measure)
    measure = other.measure if one.measure.is_bare else one.measure
    constant = None
    if one.constant is not None and other.constant is not None:
        signed = other.constant if syntax.operator == "+" else -other.constant
        constant = one.constant + signed
    return _made(syntax.operator, one, other, measure, constant)


def _multiplied(sign: str, one: _Quantity, other: _Quantity, whole: Syntax) -> _Quantity:
    one, other = _in_base_unit(one), _in_base_unit(other)
    if sign == "/" and other.constant == 0:
        raise ExpressionError(whole.column, "a divisor that is not zero", "0")
    power = 1 if sign == "*" else -1
    first, second = one.measure, other.measure
    scale = first.scale * second.scale**power
    is_bare = first.is_bare and (second.is_bare or second.dimension == (0, -power, 0))
    count = _count(first, second, power)
    measure = _Measure(
        money=first.money + power * second.money,
        time=first.time + power * second.time,
        count=count,
        scale=scale,
        is_bare=is_bare,
    )
    constant = None
    if one.constant is not None and other.constant is not None:
        factor = other.constant if sign == "*" else 1 / other.constant
        constant = one.constant * factor
    made = _made(sign, one, other, measure, constant)
    is_scaled = measure.dimension in (first.dimension, second.dimension)
    return made if is_scaled and not measure.is_bare else replace(made, unit="")


def _count(first: _Measure, second: _Measure, power: int) -> int:
    """Add the exponents of what is counted; beside a unit a bare number is a mere factor."""
    if first.is_bare and second.is_bare:
        return 1
    if first.is_bare:
        is_rate = second.dimension == (0, 1, 0) and power < 0
        return 1 if is_rate else power * second.count
    return first.count if second.is_bare else first.count + power * second.count


def _made(
    sign: str,
    one: _Quantity,
    other: _Quantity,
    measure: _Measure,
    constant: Fraction | None,
) -> _Quantity:
    if constant is not None:
        return _Quantity(Literal(float(constant)), measure, constant=constant)
    return _Quantity(Arithmetic(sign, one.node, other.node), measure, one.unit or other.unit)


def _in_base_unit(quantity: _Quantity) -> _Quantity:
    """Write a percentage as a fraction, a time in seconds, where it is multiplied."""
    if quantity.constant is None:
        return quantity
    return _in_unit_of(quantity, replace(quantity.measure, scale=Fraction(1)))


def _in_unit_of(quantity: _Quantity, measure: _Measure) -> _Quantity:
    """Bring a number to another unit of its dimension."""
    factor = quantity.measure.scale / measure.scale
    if factor == 1:
        return quantity
    changed = replace(quantity.measure, scale=measure.scale)
    if quantity.constant is not None:
        value = quantity.constant * factor
        return _Quantity(Literal(float(value)), changed, constant=value)
    node = Arithmetic("*", quantity.node, Literal(float(factor)))
    return replace(quantity, node=node, measure=changed)


def longest_windows(condition: Condition) -> dict[str, int]:
    """Map every metric that is looked back at to how far, in nanoseconds."""
    found: dict[str, int] = {}
    for node in nodes(condition):
        if isinstance(node, Window | Absent):
            name = node.metric.name
            found[name] = max(found.get(name, 0), node.window_ns)
    return found
