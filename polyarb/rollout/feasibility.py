"""Can a profile place a legal set at all? Venue minimums against its size, ceiling and caps.

The venue takes no resting order below 5 shares and no marketable one below 1 USD, so the smallest
legal set is max(5, 1 / cheapest leg) shares of every leg.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.limits import Phase, Profile, RunKind
from polyarb.domain.plan import Family
from polyarb.domain.units import MICRO, ceil_to, format_micros

SHARES_MIN = 5 * MICRO
"""Micro-shares of an order. Source: the venue's `min_order_size`, 5 in every market seen."""
LOT = MICRO // 100
"""Micro-shares: sizes have two decimals."""
LEGS_MAX = 100
"""Where the search for the widest legal set ends."""


class Fit(StrEnum):
    """How the smallest legal set of a shape fits a profile."""

    AT_SIZE = "at trade size"
    ROUNDED_UP = "rounded up"
    ILLEGAL = "illegal"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of set: how many legs, and the cheapest order's price when odds are not even.

    Units: cheapest in micros; 0 is even odds.
    """

    legs: int
    cheapest: int = 0

    def __str__(self) -> str:
        if not self.cheapest:
            return f"{self.legs} even legs"
        return f"{self.legs} legs, one at {format_micros(self.cheapest)}"


SHAPES = (
    Shape(legs=2),
    Shape(legs=3),
    Shape(legs=5),
    Shape(legs=10),
    Shape(legs=2, cheapest=50_000),
    Shape(legs=2, cheapest=10_000),
)
"""What is shown: even odds from 2 to 10 legs, a 5 cent leg, a 1 cent leg."""

PAIRS = frozenset({Family.BINARY, Family.IMPLICATION, Family.LADDER})
"""Families whose smallest set has two orders."""


class LegalSet(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest legal set of a family and shape under a profile.

    Units: shares in micro-shares of every leg; capital and order_max (the largest order's
    notional) in micros of a USD. obstacle says which figure forbids it.
    """

    family: Family
    shape: Shape
    shares: int
    capital: int
    order_max: int
    fit: Fit
    obstacle: str = ""


class Feasibility(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile can legally place.

    Shape: even_legs_max maps every family that trades to its widest legal set at even odds, 0 for
    none. A binary market alone has one book, so `binary` trades only with a second venue.
    """

    profile: str
    run: RunKind
    phase: Phase | None
    sets: tuple[LegalSet, ...]
    even_legs_max: dict[Family, int]

    @property
    def is_legal(self) -> bool:
        """Tell whether any set at all can be placed."""
        is_shown = any(legal.fit is not Fit.ILLEGAL for legal in self.sets)
        return is_shown or any(self.even_legs_max.values())


def prove(profile: Profile) -> Feasibility:
    """Compute the smallest legal sets of every family that the profile may trade."""
    families = [family for family in profile.families if _trades(profile, family)]
    return Feasibility(
        profile=profile.name,
        run=profile.run,
        phase=profile.phase,
        sets=tuple(
            smallest(profile, family, shape)
            for family in families
            for shape in SHAPES
            if shape.legs == 2 or family not in PAIRS
        ),
        even_legs_max={family: _even_legs_max(profile, family) for family in families},
    )


def smallest(profile: Profile, family: Family, shape: Shape) -> LegalSet:
    """Compute the smallest legal set of one shape that just reaches the profile's threshold."""
    prices, capital_per_set = set_prices(family, shape, profile.sizing.edge_fraction_min)
    shares = shares_min(min(prices), profile.sizing.notional_min)
    capital = -(-shares * capital_per_set // MICRO)
    order_max = -(-shares * max(prices) // MICRO)
    obstacle = _beyond_one(max(prices)) or _obstacle(profile, len(prices), capital, order_max)
    fit = Fit.AT_SIZE if capital <= profile.sizing.trade_size else Fit.ROUNDED_UP
    return LegalSet(
        family=family,
        shape=shape,
        shares=shares,
        capital=capital,
        order_max=order_max,
        fit=Fit.ILLEGAL if obstacle else fit,
        obstacle=obstacle,
    )


def shares_min(cheapest: int, notional_min: int) -> int:
    """Compute max(5, notional_min / cheapest) shares, up to a whole lot.

    Units: cheapest and notional_min in micros, the answer in micro-shares.
    """
    return max(SHARES_MIN, ceil_to(-(-notional_min * MICRO // cheapest), LOT))


def cents_up(amount: int) -> int:
    """Round micros of a USD up to whole cents, for people to read."""
    return ceil_to(amount, MICRO // 100)


def set_prices(family: Family, shape: Shape, edge: int) -> tuple[tuple[int, ...], int]:
    """Compute the prices of a set's orders and the capital of one set at an edge.

    Units: micros; edge is profit per capital in micros of one. Fees are part of the prices.

    A set of k orders pays V and earns edge x capital. Buying one of everything: V = 1 costs
    1 / (1 + edge). Buying every NO: V = k - 1. Splitting: 1 a set comes back as 1 + edge.
    """
    legs = shape.legs
    match family:
        case Family.NEGRISK_SPLIT:
            total, capital = MICRO + edge, MICRO
        case Family.NEGRISK_NO:
            total = (legs - 1) * MICRO * MICRO // (MICRO + edge)
            capital = total
        case _:
            total = MICRO * MICRO // (MICRO + edge)
            capital = total
    if not shape.cheapest:
        return (total // legs,) * legs, capital
    rest = (total - shape.cheapest) // (legs - 1)
    return (shape.cheapest, *((rest,) * (legs - 1))), capital


def _trades(profile: Profile, family: Family) -> bool:
    return family is not Family.BINARY or profile.envelope.venues_max > 1


def _beyond_one(dearest: int) -> str:
    if dearest < MICRO:
        return ""
    return f"the edge needs a leg at {format_micros(dearest)}, and no price reaches 1"


def _obstacle(profile: Profile, orders: int, capital: int, order_max: int) -> str:
    sizing, envelope = profile.sizing, profile.envelope
    limits = (
        ("capital", capital, "trade_size_ceiling_usd", sizing.trade_size_ceiling),
        ("capital", capital, "position_notional_usd_max", envelope.position_notional_max),
        ("capital", capital, "open_notional_usd_max", envelope.open_notional_max),
        ("one order", order_max, "order_notional_usd_max", envelope.order_notional_max),
    )
    for subject, value, key, limit in limits:
        if value > limit:
            return (
                f"{subject} {format_micros(cents_up(value))} is above {key} {format_micros(limit)}"
            )
    counts = (
        ("markets", "instruments_max", envelope.instruments_max),
        ("orders", "orders_per_minute_max", envelope.orders_per_minute_max),
    )
    for subject, key, most in counts:
        if orders > most:
            return f"{orders} {subject} are more than {key} {most}"
    return ""


def _even_legs_max(profile: Profile, family: Family) -> int:
    widest = 2 if family in PAIRS else LEGS_MAX
    legal = (
        legs
        for legs in range(widest, 1, -1)
        if smallest(profile, family, Shape(legs=legs)).fit is not Fit.ILLEGAL
    )
    return next(legal, 0)
