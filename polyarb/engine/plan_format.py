"""The plan format: JSON text to problems with exact complaints, plans to answer objects.

No I/O. Numbers are plain decimal strings; whatever is not expected is an error that names the
problem, the field, what was expected and what was found. Source: reference/plan-format.md.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.plan import Constraints, Family, Leg, Level, Plan, Problem
from polyarb.domain.units import MICRO, PICO, format_attos, format_micros
from polyarb.engine.plan_text import (
    MISSING,
    JsonObject,
    Spot,
    decode,
    shorten,
    show,
)

DIGITS_MAX = 1_000
"""Digits before the point; more is not a number that anything here is measured in."""
_PLAIN = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One order of an answer; every number is a decimal string.

    Shape: price_limit is the worst price touched, of the token that is traded.
    """

    leg: int
    name: str
    outcome: str
    side: str
    price_limit: str
    shares: str
    notional: str
    fee: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer object; every number is a decimal string and profit = payoff - capital - gas."""

    id: str
    quantity: str
    profit: str
    reason: str
    capital: str
    payoff: str
    fees: str
    gas: str
    orders: tuple[OrderAnswer, ...]


def parse_problems(content: bytes) -> list[Problem]:
    """Read one object, one array of objects or JSON Lines.

    An empty array holds no problem; an empty text is an error, because something that should
    have written a problem did not. Errors: PlanFormatError.
    """
    problems = []
    seen: dict[str, int] = {}
    for number, found in enumerate(decode(content), 1):
        problem = _problem(found, number)
        if problem.id in seen:
            Spot(f"problem {number}", "id").refuse(
                f"an id not yet used by problem {seen[problem.id]}", problem.id
            )
        seen[problem.id] = number
        problems.append(problem)
    return problems


def render_plan(plan: Plan, problem: Problem) -> Answer:
    """Write a plan as the answer object."""
    return Answer(
        id=plan.problem_id,
        quantity=format_micros(plan.quantity),
        profit=format_attos(plan.profit),
        reason=plan.reason,
        capital=format_attos(plan.capital),
        payoff=format_attos(plan.payoff),
        fees=format_attos(sum(order.fee for order in plan.orders)),
        gas=format_attos(problem.constraints.gas * PICO if plan.is_trade else 0),
        orders=tuple(
            OrderAnswer(
                leg=order.leg,
                name=problem.legs[order.leg].name,
                outcome=order.outcome,
                side=order.side,
                price_limit=format_micros(order.price_limit),
                shares=format_micros(order.shares),
                notional=format_attos(order.notional),
                fee=format_attos(order.fee),
            )
            for order in plan.orders
        ),
    )


def _problem(found: object, number: int) -> Problem:
    """Check one problem."""
    spot = Spot(_label(found, number))
    fields = _fields(found, spot, ("id", "family", "legs", "exhaustive", "constraints"))
    name = _text(fields.get("id", MISSING), spot.at("id"))
    family = _family(fields.get("family", MISSING), spot.at("family"))
    exhaustive = fields.get("exhaustive", False)
    if not isinstance(exhaustive, bool):
        spot.at("exhaustive").refuse("true or false", exhaustive)
    return Problem(
        id=name,
        family=family,
        legs=_legs(fields.get("legs", MISSING), family, spot.at("legs")),
        exhaustive=exhaustive,
        constraints=_constraints(fields.get("constraints", JsonObject()), spot.at("constraints")),
    )


def _label(found: object, number: int) -> str:
    """Name a problem by its id, or by its position where it has none."""
    name = found.get("id") if isinstance(found, JsonObject) else None
    return f"problem {show(name)}" if isinstance(name, str) and name else f"problem {number}"


def _fields(found: object, spot: Spot, known: tuple[str, ...]) -> JsonObject:
    """Check that something is an object with known fields, each once."""
    if not isinstance(found, JsonObject):
        spot.refuse("an object", found)
    if found.repeated is not None:
        spot.at(shorten(found.repeated)).complain("the field once", "it twice")
    unknown = next((key for key in found if key not in known), None)
    if unknown is not None:
        spot.at(shorten(unknown)).complain(f"only the fields {', '.join(known)}", "this one")
    return found


def _text(found: object, spot: Spot) -> str:
    """Check a text; half a surrogate pair is none, it could not be written again."""
    if not isinstance(found, str):
        spot.refuse("a text", found)
    if any("\ud800" <= letter <= "\udfff" for letter in found):
        spot.refuse("a text of whole characters", found)
    return found


def _family(found: object, spot: Spot) -> Family:
    if not isinstance(found, str) or found not in list(Family):
        spot.refuse(f"one of {', '.join(Family)}", found)
    return Family(found)


def _list(found: object, spot: Spot, expected: str) -> list[object]:
    if not isinstance(found, list):
        spot.refuse(expected, found)
    return found


def _legs(found: object, family: Family, spot: Spot) -> tuple[Leg, ...]:
    is_pair = family in (Family.BINARY, Family.IMPLICATION)
    expected = f"exactly 2 legs for {family}" if is_pair else f"at least 2 legs for {family}"
    legs = _list(found, spot, expected)
    if len(legs) < 2 or (is_pair and len(legs) > 2):
        spot.refuse(expected, legs)
    return tuple(_leg(leg, spot.item(index)) for index, leg in enumerate(legs))


def _leg(found: object, spot: Spot) -> Leg:
    fields = _fields(found, spot, ("name", "fee_rate", "asks", "bids"))
    rate = _RATE.read(fields.get("fee_rate", MISSING), spot.at("fee_rate"))
    return Leg(
        fee=FeeSchedule(rate=rate // 100),
        asks=_levels(fields.get("asks", []), spot.at("asks"), is_bid=False),
        bids=_levels(fields.get("bids", []), spot.at("bids"), is_bid=True),
        name=_text(fields.get("name", ""), spot.at("name")),
    )


def _levels(found: object, spot: Spot, *, is_bid: bool) -> tuple[Level, ...]:
    """Read one side of a book: equal prices add up, the best comes first, size 0 is no level."""
    sizes: dict[int, int] = {}
    for index, level in enumerate(_list(found, spot, "a list of [price, size]")):
        place = spot.item(index)
        pair = _list(level, place, "[price, size]")
        if len(pair) != 2:
            place.refuse("[price, size]", pair)
        price = _PRICE.read(pair[0], place.item(0))
        sizes[price] = sizes.get(price, 0) + _SIZE.read(pair[1], place.item(1))
    return tuple(sorted(((p, size) for p, size in sizes.items() if size), reverse=is_bid))


def _constraints(found: object, spot: Spot) -> Constraints:
    fields = _fields(found, spot, tuple(_CONSTRAINTS))
    given: dict[str, int] = {}
    for key, value in fields.items():
        name, number = _CONSTRAINTS[key]
        if not (value is None and key == "capital"):
            given[name] = number.read(value, spot.at(key))
    return msgspec.structs.replace(Constraints(), **given)


class _Number(NamedTuple):
    """A kind of decimal string: its decimals, what its micros must keep, and that in words."""

    decimals: int
    keeps: Callable[[int], bool]
    range: str

    def read(self, found: object, spot: Spot) -> int:
        """Read the micros of a number."""
        expected = f"a decimal string {self.range} with at most {self.decimals} decimals"
        match = _PLAIN.fullmatch(found) if isinstance(found, str) else None
        if match is None:
            spot.refuse(expected, found)
        whole, fraction = match[1], match[2] or ""
        if len(whole) > DIGITS_MAX:
            spot.refuse(f"at most {DIGITS_MAX:,} digits before the point", found)
        if len(fraction) > self.decimals:
            spot.refuse(expected, found)
        micros = int(whole) * MICRO + int(fraction.ljust(6, "0"))
        if not self.keeps(micros):
            spot.refuse(expected, found)
        return micros


_PRICE = _Number(4, lambda micros: 0 < micros < MICRO, "between 0 and 1")
_SIZE = _Number(2, lambda micros: micros >= 0, "of at least 0")
_LOT = _Number(2, lambda micros: micros > 0, "above 0")
_RATE = _Number(4, lambda micros: micros < MICRO, "from 0 to below 1")
_AMOUNT = _Number(6, lambda micros: micros >= 0, "of at least 0")
_CONSTRAINTS: dict[str, tuple[str, _Number]] = {
    "lot": ("lot", _LOT),
    "min_size": ("size_min", _SIZE),
    "min_notional": ("notional_min", _AMOUNT),
    "capital": ("capital", _AMOUNT),
    "gas": ("gas", _AMOUNT),
}
