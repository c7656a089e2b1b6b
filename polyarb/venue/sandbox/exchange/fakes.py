"""Accounts that somebody sets by hand, for tests of what the exchange makes of them."""

from polyarb.domain.ids import TokenId
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.exchange.spenders import SPENDERS

MAX_ALLOWANCE = 2**256 - 1


class FakeFunds:
    """Implements the port Funds; an account that was never set holds nothing and allows all."""

    def __init__(self) -> None:
        self.pusd: dict[Address, int] = {}
        self.tokens: dict[tuple[Address, TokenId], int] = {}
        self.allowances: dict[Address, dict[Address, int]] = {}
        self.approvals: dict[Address, dict[Address, bool]] = {}

    def collateral(self, owner: Address) -> int:
        """Return how much pUSD an account holds."""
        return self.pusd.get(owner, 0)

    def shares(self, owner: Address, token_id: TokenId) -> int:
        """Return how many shares of a token an account holds."""
        return self.tokens.get((owner, token_id), 0)

    def collateral_allowances(self, owner: Address) -> dict[Address, int]:
        """Return what was set, or that every spender may take everything."""
        return self.allowances.get(owner, dict.fromkeys(SPENDERS, MAX_ALLOWANCE))

    def share_approvals(self, owner: Address) -> dict[Address, bool]:
        """Return what was set, or that every operator is approved."""
        return self.approvals.get(owner, dict.fromkeys(SPENDERS, True))
