"""What the Data API knows of one sandbox: the chain, the settled trades, who holds what."""

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.sandbox.server.data_api.activity import ChainActivity
from polyarb.venue.sandbox.server.data_api.ledger import TradeLedger
from polyarb.venue.sandbox.server.data_api.portfolio import Outcome, outcomes_of
from polyarb.venue.sandbox.server.data_api.queries import Inquiry
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.server.state import SandboxState


class Index:
    """What the Data API knows of one sandbox."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.exchange = state.world.exchange
        self.chain = state.world.chain
        self.ledger = TradeLedger()
        self.activity = ChainActivity(state.world.chain)
        state.listen(self.ledger.listen)

    def outcomes(self) -> dict[TokenId, Outcome]:
        """Return every token with what it belongs to."""
        return {outcome.token_id: outcome for outcome in outcomes_of(self.exchange)}

    def conditions(self, inquiry: Inquiry) -> frozenset[ConditionId] | None:
        """Return the markets that are asked for by condition or event; None for all of them."""
        conditions, events = inquiry.condition_ids(), inquiry.event_ids()
        if conditions and events:
            raise RejectedError(400, "condition_id and event_id exclude each other")
        if conditions:
            return frozenset(conditions)
        if not events:
            return None
        listed = (event for event in self.exchange.events() if event.event_id in events)
        return frozenset(each for event in listed for each in event.condition_ids)
