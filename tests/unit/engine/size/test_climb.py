"""The climb against the sweep: two ways to one quantity, of which one is written for speed."""

import json
from random import Random

import pytest
from msgspec.structs import replace
from polyarb.domain.plan import Family, Problem
from polyarb.domain.units import MICRO, PICO
from polyarb.engine.plan_format import parse_problems
from polyarb.engine.size.answer import BASE
from polyarb.engine.size.climb import climb
from polyarb.engine.size.columns import Columns, columns_from, columns_of, fill_columns
from polyarb.engine.size.orders import fill_basket
from polyarb.engine.size.sweep import NOWHERE, Cap, Sweep, Terms
from tests.unit.engine.size.size_cases import FAMILIES, problem

SETS = [Family(family) for family in FAMILIES if family != "ladder"]
TERMINAL = (Family.NEGRISK_NO, Family.NEGRISK_SPLIT)


def drawn_columns(family: Family, seeded: Random) -> tuple[Problem, Columns]:
    """Draw until every leg has depth and a set gains at best prices."""
    while True:
        (drawn,) = parse_problems(json.dumps(problem(seeded.choice, family)).encode())
        columns = columns_of(family, drawn.legs)
        if len(columns.levels) == len(drawn.legs) and BASE[family] + columns.edge > 0:
            return drawn, columns


def terms_of(family: Family, problem_drawn: Problem, start_lots: int) -> Terms:
    lot, capital = problem_drawn.constraints.lot, problem_drawn.constraints.capital
    return Terms(
        BASE[family],
        lot,
        start_lots * lot,
        None if capital is None else capital * PICO,
        is_split=family is Family.NEGRISK_SPLIT,
        is_terminal=family in TERMINAL,
    )


@pytest.mark.parametrize("family", SETS)
def test_the_climb_answers_what_the_sweep_finds_or_not_at_all(family: Family) -> None:
    seeded = Random(f"climb {family}")
    answered = capped = 0
    for _ in range(600):
        drawn, columns = drawn_columns(family, seeded)
        terms = terms_of(family, drawn, seeded.choice((1, 1, 1, 2, 5)))
        best = climb(columns, terms)
        if best is None:
            continue
        answered += 1
        swept = Sweep(columns.tracks(), terms, {}).best()
        assert (best.quantity, best.gained) == (swept.quantity, swept.gained)
        if best.cap is Cap.BINDING:
            capped += 1
            free = Sweep(columns.tracks(), replace(terms, capital=None), {}).best()
            assert free.gained > best.gained
    assert answered > 200
    assert capped > 5


@pytest.mark.parametrize("family", SETS)
def test_whole_lots_of_depth_are_always_answered_by_the_climb(family: Family) -> None:
    seeded = Random(f"aligned {family}")
    for _ in range(200):
        drawn, columns = drawn_columns(family, seeded)
        aligned = replace(drawn, constraints=replace(drawn.constraints, lot=MICRO // 100))
        assert climb(columns, terms_of(family, aligned, 1)) is not None


def test_a_least_quantity_that_capital_does_not_reach_is_nowhere() -> None:
    drawn, columns = drawn_columns(Family.NEGRISK_YES, Random("poor"))
    terms = replace(terms_of(Family.NEGRISK_YES, drawn, 1), capital=1)
    assert climb(columns, terms) == NOWHERE
    assert Sweep(columns.tracks(), terms, {}).best().quantity == 0


@pytest.mark.parametrize("family", SETS)
def test_columns_are_filled_as_their_sides_are_one_by_one(family: Family) -> None:
    seeded = Random(f"fill {family}")
    for _ in range(100):
        drawn, columns = drawn_columns(family, seeded)
        lot = drawn.constraints.lot
        quantity = seeded.randrange(1, 12) * lot
        wanted = [quantity] * len(columns.levels)
        one_by_one = fill_basket(columns.tracks(), wanted, lot)
        for filled in (columns, columns_from(columns.tracks())):
            basket = fill_columns(filled, quantity, lot)
            assert tuple(basket.orders) == one_by_one.orders
            assert (basket.shares, basket.gain) == (one_by_one.shares, one_by_one.gain)
