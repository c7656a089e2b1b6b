"""What the exchange believes accounts hold: a cache of the chain, and what orders commit of it.

A holding is one asset of one account. It is read from the chain at first sight and on request
only. `active` counts open orders, `matched` trades without a last word from the chain, `mined`
those of them that the chain has executed, `settled` those that were mined when it was last read:
their money is already gone from `balance`, so they must not be counted a second time.
"""

import msgspec

from polyarb.domain.ids import TokenId
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.terms.ports import Funds

UNLIMITED = 2**256 - 1
"""What an operator that may move all shares is allowed."""


class Holding(msgspec.Struct, kw_only=True, eq=False):
    """One asset of one account. Units: micros."""

    balance: int = 0
    active: int = 0
    matched: int = 0
    mined: int = 0
    settled: int = 0
    allowances: dict[Address, int] = {}

    @property
    def unsettled(self) -> int:
        """Return what trades in flight will still take of the balance."""
        return self.matched - self.settled

    @property
    def free(self) -> int:
        """Return what no order and no trade has a claim on; negative when the chain moved."""
        return self.balance - self.active - self.matched + self.settled


class Holdings:
    """Every holding that was ever looked at."""

    def __init__(self, funds: Funds) -> None:
        self._funds = funds
        self._accounts: dict[Address, dict[TokenId | None, Holding]] = {}

    def of(self, account: Address, token_id: TokenId | None) -> Holding:
        """Return a holding (None: pUSD), reading it from the chain at first sight."""
        assets = self._accounts.get(account)
        if assets is None:
            assets = self._accounts[account] = {}
        holding = assets.get(token_id)
        if holding is None:
            holding = assets[token_id] = self.read(account, token_id)
        return holding

    def read(self, account: Address, token_id: TokenId | None) -> Holding:
        """Read a holding from the chain without remembering it."""
        holding = Holding()
        self._read(holding, account, token_id)
        return holding

    def refresh(self, account: Address, token_id: TokenId | None) -> None:
        """Read a holding again if it was ever looked at."""
        holding = self._accounts.get(account, {}).get(token_id)
        if holding is not None:
            self._read(holding, account, token_id)

    def _read(self, holding: Holding, account: Address, token_id: TokenId | None) -> None:
        holding.settled = holding.mined
        if token_id is None:
            holding.balance = self._funds.collateral(account)
            holding.allowances = dict(self._funds.collateral_allowances(account))
            return
        holding.balance = self._funds.shares(account, token_id)
        holding.allowances = {
            operator: UNLIMITED if is_approved else 0
            for operator, is_approved in self._funds.share_approvals(account).items()
        }
