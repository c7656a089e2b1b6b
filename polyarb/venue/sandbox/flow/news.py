"""News of an event: its fair values jump, its makers hear of it, some takers hear first."""

from collections.abc import Sequence
from random import Random

from polyarb.domain.units import MICRO, ONE
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.chance import pause_ns
from polyarb.venue.sandbox.flow.makers import Maker
from polyarb.venue.sandbox.flow.scenario import EventKind, NewsTerms
from polyarb.venue.sandbox.flow.takers import InformedTaker
from polyarb.venue.sandbox.flow.values import Values, moved, without
from polyarb.venue.sandbox.terms.instruments import ListedMarket

_DAY_MS = 86_400_000
_WALK_MS = 600_000
_PULL = 1.5
"""How much less likely a move away is than one back, a USD away from the opening value."""
_WALK_SHARE = (_WALK_MS / 3_600_000) ** 0.5


class News:
    """What happens to the markets of one event."""

    def __init__(
        self,
        terms: NewsTerms,
        kind: EventKind,
        markets: Sequence[ListedMarket],
        random: Random,
        values: Values,
    ) -> None:
        self._terms = terms
        self._kind = kind
        self._conditions = [market.condition_id for market in markets]
        self._open = list(range(len(markets)))
        self._random = random
        self._values = values
        self._opening = self._prices()
        self._makers: list[Maker] = []
        self._informed: list[InformedTaker] = []

    def begin(
        self, agenda: Agenda, makers: Sequence[Maker], informed: Sequence[InformedTaker]
    ) -> None:
        """Tell these makers and takers of everything from now on."""
        self._agenda = agenda
        self._makers += makers
        self._informed += informed
        if self._terms.per_day:
            self._plan_jump()
        if self._terms.walk:
            agenda.after(pause_ns(self._random, _WALK_MS), self._walk)

    def resolve(self, at: int, pays: int) -> None:
        """Take a market out of the race; what it was worth goes to the rest of its group."""
        if at in self._open:
            self._open.remove(at)
        if self._kind is EventKind.NEG_RISK and pays == 0:
            self._set(without(self._prices(), at))
            self._tell()

    def _plan_jump(self) -> None:
        self._agenda.after(
            pause_ns(self._random, _DAY_MS * MICRO // self._terms.per_day), self._jump
        )

    def _jump(self) -> None:
        if not self._open:
            return
        self._move(round(self._random.expovariate(1) * self._terms.jump))
        self._tell()
        self._plan_jump()

    def _walk(self) -> None:
        """Move a little, without anybody being told: it is seen when quotes are looked at."""
        if not self._open:
            return
        self._move(round(abs(self._random.gauss(0, self._terms.walk)) * _WALK_SHARE))
        self._agenda.after(pause_ns(self._random, _WALK_MS), self._walk)

    def _move(self, amount: int) -> None:
        """Move one market up or down: rather down the further it is above where it began.

        So a market stays one that is worth trading, however many days are played.
        """
        at = self._random.choice(self._open)
        prices = self._prices()
        above = (prices[at] - self._opening[at]) / ONE
        is_up = self._random.random() < 0.5 - _PULL * above
        self._set(moved(self._kind, prices, at, amount if is_up else -amount))

    def _prices(self) -> list[int]:
        return [self._values.fair(condition_id) for condition_id in self._conditions]

    def _set(self, prices: Sequence[int]) -> None:
        self._values.set(self._conditions, prices)

    def _tell(self) -> None:
        for taker in self._informed:
            taker.hear()
        for maker in self._makers:
            maker.hear()
