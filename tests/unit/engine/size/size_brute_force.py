"""The plan format by enumeration: every quantity and every choice, in fractions.

Written from the plan format alone; it shares nothing with the package. A problem is the JSON
object of the format, an answer is (quantity, profit, reason). For small problems only.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

Found = tuple[Fraction, Fraction]
"""Profit before gas and quantity of a plan."""
Book = list[tuple[Fraction, Fraction]]


def answer(problem: dict[str, Any]) -> tuple[Fraction, Fraction, str]:
    """Answer a problem."""
    early = early_reason(problem)
    if early:
        return Fraction(0), Fraction(0), early
    limits = limits_of(problem)
    found = best(problem, limits)
    if found is None:
        return Fraction(0), Fraction(0), "INFEASIBLE"
    gained, quantity = found
    if gained <= 0:
        return Fraction(0), Fraction(0), "NO_GAIN"
    if gained <= limits["gas"]:
        return Fraction(0), Fraction(0), "BELOW_GAS"
    return quantity, gained - limits["gas"], binding(problem, limits, gained)


def binding(problem: dict[str, Any], limits: dict[str, Any], gained: Fraction) -> str:
    rich = best(problem, limits | {"capital": None})
    if rich and rich[0] > gained:
        return "CAPITAL_BINDING"
    free = best(problem, limits | {"min_size": Fraction(0), "min_notional": Fraction(0)})
    return "MIN_SIZE_BINDING" if free and free[0] > gained else "OK"


def limits_of(problem: dict[str, Any]) -> dict[str, Any]:
    given = problem.get("constraints", {})
    limits: dict[str, Any] = {
        name: Fraction(given.get(name, default))
        for name, default in (("lot", "0.01"), ("min_size", 0), ("min_notional", 0), ("gas", 0))
    }
    capital = given.get("capital")
    return limits | {"capital": None if capital is None else Fraction(capital)}


def book(leg: dict[str, Any], side: str) -> Book:
    """Every level as it is given; the best price first."""
    levels = [(Fraction(p), Fraction(s)) for p, s in leg.get(side, []) if Fraction(s)]
    return sorted(levels, reverse=side == "bids")


def fee(leg: dict[str, Any], price: Fraction) -> Fraction:
    return Fraction(leg["fee_rate"]) * price * (1 - price)


def order(leg: dict[str, Any], kind: str, shares: Fraction) -> tuple[Fraction, Fraction] | None:
    """Walk a book: (cash out with fees, notional); None beyond depth. Selling has cash out < 0."""
    cash = notional = Fraction(0)
    left = shares
    for price, size in book(leg, "asks" if kind == "buy" else "bids"):
        amount = min(left, size)
        traded = 1 - price if kind == "buy_no" else price
        sign = -1 if kind == "sell" else 1
        cash += amount * (sign * traded + fee(leg, price))
        notional += amount * traded
        left -= amount
    return None if left else (cash, notional)


def depth(leg: dict[str, Any], side: str) -> Fraction:
    return sum((size for _, size in book(leg, side)), Fraction(0))


def early_reason(problem: dict[str, Any]) -> str | None:
    family, legs = problem["family"], problem["legs"]
    asks, bids = [book(leg, "asks") for leg in legs], [book(leg, "bids") for leg in legs]
    if any(a and b and b[0][0] >= a[0][0] for a, b in zip(asks, bids, strict=True)):
        return "CROSSED_BOOK"
    if family == "negrisk_yes" and not problem.get("exhaustive", False):
        return "NON_EXHAUSTIVE"
    needed = {"binary": asks, "negrisk_yes": asks, "implication": [asks[0], bids[1]]}
    if any(not side for side in needed.get(family, [])):
        return "INCOMPLETE"
    ask = [a[0][0] + fee(leg, a[0][0]) if a else None for a, leg in zip(asks, legs, strict=True)]
    bid = [b[0][0] - fee(leg, b[0][0]) if b else None for b, leg in zip(bids, legs, strict=True)]
    if family in ("binary", "negrisk_yes"):
        none = sum(ask) >= 1  # type: ignore[arg-type]
    elif family in ("negrisk_no", "negrisk_split"):
        none = sum(price or 0 for price in bid) <= 1
    elif family == "implication":
        none = ask[0] >= bid[1]  # type: ignore[operator]
    else:
        pairs = [(i, j) for i in range(len(legs)) for j in range(i, len(legs))]
        none = not any(
            ask[i] is not None and bid[j] is not None and bid[j] > ask[i]  # type: ignore[operator]
            for i, j in pairs
        )
    return "NO_EDGE" if none else None


def best(problem: dict[str, Any], limits: dict[str, Any]) -> Found | None:
    """Take the highest profit before gas, then the smallest quantity."""
    found: Found | None = None
    for gained, quantity, capital in plans(problem, limits):
        if limits["capital"] is not None and capital > limits["capital"]:
            continue
        if found is None or (gained, -quantity) > (found[0], -found[1]):
            found = gained, quantity
    return found


Plans = Iterator[tuple[Fraction, Fraction, Fraction]]


def plans(problem: dict[str, Any], limits: dict[str, Any]) -> Plans:
    """Every plan above 0 that keeps lot, depth and minima: profit before gas, quantity, capital."""
    family = problem["family"]
    if family == "ladder":
        return ladder_plans(problem, limits)
    if family.startswith("negrisk_") and family != "negrisk_yes":
        return converted_plans(problem, limits)
    return set_plans(problem, limits)


def quantities(limits: dict[str, Any], most: Fraction) -> Iterator[Fraction]:
    for count in range(1, int(most / limits["lot"]) + 1):
        yield count * limits["lot"]


def is_legal(shares: Fraction, notional: Fraction, limits: dict[str, Any]) -> bool:
    return shares >= limits["min_size"] and notional >= limits["min_notional"]


def set_plans(problem: dict[str, Any], limits: dict[str, Any]) -> Plans:
    kinds = ["buy"] * len(problem["legs"])
    if problem["family"] == "implication":
        kinds[1] = "buy_no"
    legs = list(zip(problem["legs"], kinds, strict=True))
    most = min(depth(leg, "asks" if kind == "buy" else "bids") for leg, kind in legs)
    for q in quantities(limits, most):
        orders = [order(leg, kind, q) for leg, kind in legs]
        if all(done is not None and is_legal(q, done[1], limits) for done in orders):
            cost = sum((done[0] for done in orders if done), Fraction(0))
            yield q - cost, q, cost


def converted_plans(problem: dict[str, Any], limits: dict[str, Any]) -> Plans:
    kind = "buy_no" if problem["family"] == "negrisk_no" else "sell"
    deepest = max(depth(leg, "bids") for leg in problem["legs"])
    for q in quantities(limits, deepest):
        shares = cash = Fraction(0)
        placed = False
        for leg in problem["legs"]:
            whole = depth(leg, "bids") // limits["lot"] * limits["lot"]
            x = min(q, whole)
            done = order(leg, kind, x)
            assert done is not None
            if x and is_legal(x, done[1], limits):
                shares += x
                cash += done[0]
                placed = True
        if placed and kind == "buy_no":
            yield shares - q - cash, q, cash
        elif placed:
            yield -cash - q, q, q


def legal_orders(leg: dict[str, Any], kind: str, limits: dict[str, Any]) -> list[Fraction | None]:
    """Cash out of an order by its number of lots; None where it is not legal."""
    side = "asks" if kind == "buy" else "bids"
    costs: list[Fraction | None] = [Fraction(0)]
    for x in quantities(limits, depth(leg, side)):
        done = order(leg, kind, x)
        assert done is not None
        costs.append(done[0] if is_legal(x, done[1], limits) else None)
    return costs


def ladder_plans(problem: dict[str, Any], limits: dict[str, Any]) -> Plans:
    """The cheapest way to every number of pairs, by all choices of every leg."""
    states: dict[tuple[int, int], Fraction] = {(0, 0): Fraction(0)}
    for leg in problem["legs"]:
        buys = legal_orders(leg, "buy", limits)
        sells = legal_orders(leg, "buy_no", limits)
        reached: dict[tuple[int, int], Fraction] = {}
        for (open_lots, pairs), cost in states.items():
            for y, paid in enumerate(buys):
                for z, got in enumerate(sells[: open_lots + y + 1]):
                    if paid is None or got is None:
                        continue
                    state, total = (open_lots + y - z, pairs + z), cost + paid + got
                    if state not in reached or total < reached[state]:
                        reached[state] = total
        states = reached
    for (open_lots, pairs), cost in states.items():
        if pairs and not open_lots:
            yield pairs * limits["lot"] - cost, pairs * limits["lot"], cost
