"""What a scenario says will happen at a moment of its own: faults are armed, markets resolved."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, runtime_checkable

from polyarb.domain.ids import ConditionId
from polyarb.domain.units import ONE
from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.news import News
from polyarb.venue.sandbox.flow.scenario import ArmedFault, Resolution, Scenario
from polyarb.venue.sandbox.terms.faults import Fault
from polyarb.venue.sandbox.world import World

_NS_PER_S = 1_000_000_000


@runtime_checkable
class Board(Protocol):
    """Where faults are armed."""

    def arm(self, fault: Fault) -> object:
        """Arm a fault."""
        ...


class Script:
    """The faults and resolutions of a scenario, put down for their times."""

    def __init__(
        self,
        scenario: Scenario,
        conditions: Mapping[str, ConditionId],
        world: World,
        news: Mapping[str, News],
    ) -> None:
        self._scenario = scenario
        self._conditions = conditions
        self._world = world
        self._news = news
        self._places = {
            market.slug: (event.slug, at)
            for event in scenario.events
            for at, market in enumerate(event.markets)
        }

    def begin(self, agenda: Agenda) -> None:
        """Arm what is armed from the start, and put down the rest.

        Errors: TypeError for a scenario with faults in a world without a board to arm them on.
        """
        for armed in self._scenario.faults:
            self._put_down(agenda, armed.at_s, partial(self._arm, self._board(), armed))
        for resolution in self._scenario.resolutions:
            self._put_down(agenda, resolution.at_s, partial(self._resolve, resolution))

    def _put_down(self, agenda: Agenda, at_s: int, action: Callable[[], None]) -> None:
        if at_s:
            agenda.after(at_s * _NS_PER_S, action)
        else:
            action()

    def _board(self) -> Board:
        if not isinstance(self._world.faults, Board):
            raise TypeError(
                f"scenario {self._scenario.name} arms faults: expected a board of faults"
            )
        return self._world.faults

    def _arm(self, board: Board, armed: ArmedFault) -> None:
        board.arm(
            Fault(
                kind=armed.kind,
                scope=self._conditions[armed.market] if armed.market else armed.scope,
                share=armed.share,
                skip=armed.skip,
                times=armed.times,
                amount=armed.amount,
            )
        )

    def _resolve(self, resolution: Resolution) -> None:
        """Resolve a market, unless somebody else did so before."""
        condition_id = self._conditions[resolution.market]
        standing = self._world.exchange.standing(condition_id)
        if standing is None or standing.payouts is not None:
            return
        self._world.resolve(condition_id, (resolution.pays, ONE - resolution.pays))
        event, at = self._places[resolution.market]
        self._news[event].resolve(at, resolution.pays)
