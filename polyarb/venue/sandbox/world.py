"""PURE: the whole sandbox on one clock: exchange, settlement and chain. No clock, no I/O.

Time is moved from outside by `advance`; everything else happens at the time it was moved to. The
same world stands behind the servers and in virtual time, so the same requests give the same fills.
"""

from collections.abc import Callable, Sequence

from polyarb.domain.ids import ConditionId, TokenId
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.exchange.exchange import Exchange
from polyarb.venue.sandbox.settlement import Settlement
from polyarb.venue.sandbox.terms.announcements import Announcement
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.instruments import Listing
from polyarb.venue.sandbox.terms.orders import OrderRequest, Placement, Refused
from polyarb.venue.sandbox.terms.ports import Faults
from polyarb.venue.sandbox.terms.settings import (
    DEFAULT_EXCHANGE,
    DEFAULT_SETTLEMENT,
    ChainSettings,
    ExchangeSettings,
    SettlementSettings,
)

Watcher = Callable[[Sequence[Announcement]], None]


class World:
    """Exchange, settlement and chain, with the faults that hit them.

    Reads go to `exchange` and `chain` directly; what moves matches or money goes through here.
    """

    def __init__(
        self,
        listing: Listing,
        *,
        chain_settings: ChainSettings,
        faults: Faults,
        exchange_settings: ExchangeSettings = DEFAULT_EXCHANGE,
        settlement_settings: SettlementSettings = DEFAULT_SETTLEMENT,
    ) -> None:
        self.now_ns = chain_settings.genesis_ns
        self.faults = faults
        self.chain = Chain(chain_settings, listing)
        self.exchange = Exchange(
            exchange_settings, listing, funds=self.chain, opened_ns=chain_settings.genesis_ns
        )
        self.settlement = Settlement(settlement_settings, self.chain, self.exchange, faults)
        self._reorgs = 0
        self._told: list[Announcement] = []
        self._watchers: list[Watcher] = []

    @property
    def next_due_ns(self) -> int:
        """Return when something happens by itself next: at once after a reorg."""
        if self.chain.reorgs != self._reorgs:
            return self.now_ns
        return min(self.exchange.next_due_ns, self.settlement.next_due_ns, self.chain.next_due_ns)

    def advance(self, now_ns: int) -> None:
        """Let everything happen that is due by now, part by part in order of its time."""
        while (due_ns := self.next_due_ns) <= now_ns:
            self._move(max(due_ns, self.now_ns))
        self._move(max(now_ns, self.now_ns))

    def place(self, request: OrderRequest) -> Placement | Refused:
        """Place one order; what is due, and a change that was armed for this moment, come first."""
        if self.next_due_ns <= self.now_ns:
            self.advance(self.now_ns)
        self._surprise(request)
        answer = self.exchange.place(request)
        self._hand_over()
        return answer

    def refresh(self, owner: Address, token_id: TokenId | None) -> None:
        """Let the exchange read an account's balance and allowances from the chain again."""
        if not self.faults.strike(FaultKind.STALE_BALANCE, owner):
            self.exchange.refresh(owner, token_id)

    def resolve(self, condition_id: ConditionId, payouts: tuple[int, int]) -> None:
        """Resolve a market on the exchange and on chain. Units: micros of a USD a share.

        Errors: ValueError for a verdict that either does not take; then neither has it.
        """
        self.chain.check_verdict(condition_id, payouts)
        self.exchange.resolve(condition_id, payouts)
        self.chain.report_payouts(condition_id, payouts)

    def drain(self) -> Sequence[Announcement]:
        """Take what was announced since the last call, oldest first."""
        self.tell()
        told, self._told = self._told, []
        return told

    def watch(self, watcher: Watcher) -> None:
        """Tell a part of the world itself of everything announced, before it is drained."""
        self._watchers.append(watcher)

    def tell(self) -> None:
        """Tell the watchers what was announced since they were told last."""
        announced = self.exchange.drain()
        if announced:
            self._told.extend(announced)
            for watcher in self._watchers:
                watcher(announced)

    def _move(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.exchange.advance(now_ns)
        self._hand_over()
        if self.chain.reorgs != self._reorgs:
            self._reorgs = self.chain.reorgs
            self.settlement.look()
        # First the blocks up to now, so that what is sent now waits for the one after them.
        is_block_due = self.chain.next_due_ns <= now_ns
        self.chain.advance(now_ns)
        self.settlement.advance(now_ns)
        if is_block_due:
            self.settlement.look()

    def _hand_over(self) -> None:
        for match in self.exchange.take_matches():
            self.settlement.take(match)

    def _surprise(self, request: OrderRequest) -> None:
        condition_id = self.exchange.condition_of(request.order.token_id)
        if condition_id is None:
            return
        if fault := self.faults.strike(FaultKind.TICK_CHANGE, condition_id):
            self.exchange.change_tick(condition_id, fault.amount)
        if self.faults.strike(FaultKind.MARKET_CLOSED, condition_id):
            self.exchange.close(condition_id)
