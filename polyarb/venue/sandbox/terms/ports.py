"""What the parts of the sandbox need of each other, as Protocols."""

from typing import Protocol

from polyarb.domain.ids import TokenId
from polyarb.domain.order import TradeStatus
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.terms.faults import Fault, FaultKind
from polyarb.venue.sandbox.terms.trades import Match


class Funds(Protocol):
    """What the exchange reads of the chain. Units: micros."""

    def collateral(self, owner: Address) -> int:
        """Return how much pUSD an account holds."""
        ...

    def shares(self, owner: Address, token_id: TokenId) -> int:
        """Return how many shares of a token an account holds."""
        ...

    def collateral_allowances(self, owner: Address) -> dict[Address, int]:
        """Return what each spender that the venue checks may take of an account's pUSD."""
        ...

    def share_approvals(self, owner: Address) -> dict[Address, bool]:
        """Tell for each operator that the venue checks whether it may move an account's shares."""
        ...


class Settled(Protocol):
    """Whom the settlement tells what became of a trade."""

    def settle(self, trade_id: str, status: TradeStatus, transaction_hash: str) -> None:
        """Take the chain's word on a trade."""
        ...


class Settler(Protocol):
    """The chain, as far as the settlement uses it."""

    @property
    def next_due_ns(self) -> int:
        """Return when the next block is made."""
        ...

    def submit_match(self, match: Match, *, is_ghost: bool) -> str:
        """Queue the operator's `matchOrders` call for the next block and return its hash.

        A ghost reverts, as if a maker's balance or allowance had gone in the meantime.
        """
        ...

    def is_mined(self, transaction_hash: str) -> bool | None:
        """Tell how a transaction ended: True, False for a revert, None while it waits."""
        ...

    def is_confirmed(self, transaction_hash: str) -> bool:
        """Tell whether enough blocks stand on a mined transaction."""
        ...


class Faults(Protocol):
    """Who decides whether something goes wrong this time."""

    def strike(self, kind: FaultKind, scope: str) -> Fault | None:
        """Return the armed fault of this kind that hits this scope now, or None."""
        ...


class Timed(Protocol):
    """A part of the world with a clock of its own that only ever is moved from outside."""

    @property
    def next_due_ns(self) -> int:
        """Return when something happens by itself next; FAR_FUTURE_NS when nothing does."""
        ...

    def advance(self, now_ns: int) -> None:
        """Let everything happen that is due by now, in order of its time."""
        ...
