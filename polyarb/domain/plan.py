"""The sizing problem and its answer: the nouns of `polyarb plan` and of the engine's plans."""

from enum import StrEnum

import msgspec

from polyarb.domain.fees import FeeSchedule
from polyarb.domain.units import MICRO

Level = tuple[int, int]
"""Price in micros, size in micro-shares."""


class Family(StrEnum):
    """Kinds of arbitrage, in the order in which every table lists them."""

    BINARY = "binary"
    NEGRISK_YES = "negrisk_yes"
    NEGRISK_NO = "negrisk_no"
    NEGRISK_SPLIT = "negrisk_split"
    IMPLICATION = "implication"
    LADDER = "ladder"


class SizeReason(StrEnum):
    """Why a plan has its quantity; the first that applies, in this order.

    UNDECIDED is polyarb's own: a ladder with minima whose exact answer would take too long.
    """

    CROSSED_BOOK = "CROSSED_BOOK"
    NON_EXHAUSTIVE = "NON_EXHAUSTIVE"
    INCOMPLETE = "INCOMPLETE"
    NO_EDGE = "NO_EDGE"
    INFEASIBLE = "INFEASIBLE"
    NO_GAIN = "NO_GAIN"
    BELOW_GAS = "BELOW_GAS"
    UNDECIDED = "UNDECIDED"
    CAPITAL_BINDING = "CAPITAL_BINDING"
    MIN_SIZE_BINDING = "MIN_SIZE_BINDING"
    OK = "OK"


class Outcome(StrEnum):
    """The two claims on one market."""

    YES = "YES"
    NO = "NO"


class Side(StrEnum):
    """Direction of an order, as the venue spells it."""

    BUY = "BUY"
    SELL = "SELL"


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome of a problem with the book of its YES token.

    Shape: asks and bids best first, one level a price, sizes above zero.
    """

    fee: FeeSchedule
    asks: tuple[Level, ...] = ()
    bids: tuple[Level, ...] = ()
    name: str = ""


class Constraints(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan must keep.

    Units: micro-shares (lot, size_min) and micros of a USD; capital None is no limit.
    """

    lot: int = MICRO // 100
    size_min: int = 0
    notional_min: int = 0
    capital: int | None = None
    gas: int = 0


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One possible arbitrage at one instant."""

    id: str
    family: Family
    legs: tuple[Leg, ...]
    constraints: Constraints = Constraints()
    exhaustive: bool = False


class PlannedOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order of a plan: the leg's YES or NO token, the worst price touched and the size.

    Units: price_limit in micros of the token that is traded (a NO: 1 - bid), shares in
    micro-shares, notional (without fee) and fee in attos of a USD.
    """

    leg: int
    outcome: Outcome
    side: Side
    price_limit: int
    shares: int
    notional: int
    fee: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a problem; a quantity of zero is no trade.

    Shape: states is empty, but for a plan over several relations: there it lists which legs may
    resolve YES together, the payoff is the least of these states and a set is 1 USD of it.
    Units: quantity in micro-sets; profit, capital (most needed before anything comes back) and
    payoff (the guaranteed one) in attos of a USD. Profit = payoff - capital - gas.
    """

    problem_id: str
    family: Family
    reason: SizeReason
    quantity: int = 0
    profit: int = 0
    capital: int = 0
    payoff: int = 0
    orders: tuple[PlannedOrder, ...] = ()
    states: tuple[tuple[bool, ...], ...] = ()

    @property
    def is_trade(self) -> bool:
        """Tell whether there is anything to do."""
        return self.quantity > 0

    @property
    def edge_bps(self) -> int:
        """Compute the profit per capital in basis points, rounded down; 0 without capital."""
        return self.profit * 10_000 // self.capital if self.capital else 0


class CostStep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one more set costs and pays while the quantity lies between two ends of levels.

    Units: start and end in micro-sets, end None is endless; cost and payoff in picos a set.
    """

    start: int
    end: int | None
    cost: int
    payoff: int


class Bond(StrEnum):
    """How the outcomes of several legs depend on each other."""

    NESTED = "nested"
    """Widest first: each leg implies the one before."""
    EXCLUSIVE = "exclusive"
    """At most one leg resolves YES."""
    EXHAUSTIVE = "exhaustive"
    """At least one leg resolves YES."""
    PARTITION = "partition"
    """Exactly one leg resolves YES."""


class JointRelation(msgspec.Struct, frozen=True, kw_only=True):
    """One bond between legs of a joint problem, which it names by position."""

    bond: Bond
    legs: tuple[int, ...]


class JointProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Several relations that share legs, to be sized as one."""

    id: str
    legs: tuple[Leg, ...]
    relations: tuple[JointRelation, ...]
    constraints: Constraints = Constraints()


class JointReason(StrEnum):
    """Why a joint plan is what it is; the first that applies, in this order."""

    CROSSED_BOOK = "CROSSED_BOOK"
    TOO_MANY_STATES = "TOO_MANY_STATES"
    CONTRADICTION = "CONTRADICTION"
    NO_GAIN = "NO_GAIN"
    BELOW_GAS = "BELOW_GAS"
    OK = "OK"


class JointPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Orders over several relations and what they pay in every state the relations allow.

    Units: attos of a USD. Profit = payoff - capital - gas, where payoff is the least of payoffs.
    """

    problem_id: str
    reason: JointReason
    profit: int = 0
    capital: int = 0
    payoff: int = 0
    orders: tuple[PlannedOrder, ...] = ()
    states: tuple[tuple[bool, ...], ...] = ()
    payoffs: tuple[int, ...] = ()
