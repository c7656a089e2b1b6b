"""A gateway that asks the live feed for the snapshots that the engine wants."""

from collections.abc import Callable, Sequence, Set

from polyarb.domain.ids import ConditionId
from polyarb.domain.messages import Command, GatewayEvent, MarketEvent, RequestSnapshot
from polyarb.ports import Gateway


class SnapshotGateway:
    """The port `Gateway` that asks the feed for the snapshots the engine wants.

    Everything else is the business of the gateway behind it.
    """

    def __init__(self, gateway: Gateway, refresh: Callable[[ConditionId], None]) -> None:
        self._gateway = gateway
        self._refresh = refresh

    def dispatch(self, command: Command) -> None:
        """Pass a command on; a request for a snapshot goes to the feed, too."""
        if isinstance(command, RequestSnapshot):
            self._refresh(command.condition_id)
        self._gateway.dispatch(command)

    @property
    def deadline_ns(self) -> int:
        """When the next answer is due."""
        return self._gateway.deadline_ns

    def due(self, now_ns: int) -> Sequence[GatewayEvent]:
        """Return the answers that are due by now."""
        return self._gateway.due(now_ns)

    @property
    def watched(self) -> Set[ConditionId]:
        """The markets whose events the gateway wants to observe."""
        return self._gateway.watched

    def observe(self, event: MarketEvent) -> None:
        """Pass an event of a watched market on."""
        self._gateway.observe(event)
