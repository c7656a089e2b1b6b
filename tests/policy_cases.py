"""Policies, charges and clocks for tests of what a key may sign."""

import msgspec
from polyarb.domain.errors import StoreError
from polyarb.domain.ids import TokenId
from polyarb.domain.market import MarketVersion
from polyarb.domain.order import TimeInForce
from polyarb.domain.plan import Side
from polyarb.venue.polymarket.signing.budget import Budget, Charge
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID, CONTRACTS
from polyarb.venue.polymarket.signing.digests import BINARY
from polyarb.venue.polymarket.signing.guarded import GuardedSigner
from polyarb.venue.polymarket.signing.order import SignatureType
from polyarb.venue.polymarket.signing.policy import AllowedToken, SignatureKind, SigningPolicy
from polyarb.venue.polymarket.signing.port import OrderToSign

from tests.signing_cases import ALICE, CLASSIC_TOKEN, V2_TOKEN, order_of, parties

NOW_MS = 1_795_262_409_386
NOW_NS = NOW_MS * 1_000_000
USD = 1_000_000
NEG_RISK_TOKEN = TokenId(str(int(CLASSIC_TOKEN) + 1))
UNKNOWN_TOKEN = TokenId(str(int(CLASSIC_TOKEN) + 2))


def allowed(version: MarketVersion | None, *, is_neg_risk: bool = False) -> AllowedToken:
    return AllowedToken(
        version=version, is_neg_risk=is_neg_risk, price_min=400_000, price_max=600_000
    )


TOKENS = {
    CLASSIC_TOKEN: allowed(MarketVersion.V1),
    NEG_RISK_TOKEN: allowed(MarketVersion.V1, is_neg_risk=True),
    V2_TOKEN: allowed(MarketVersion.V2),
    UNKNOWN_TOKEN: allowed(None),
}


def policy_for(
    kind: SignatureType = SignatureType.EOA, *, day_max: int = 100 * USD
) -> SigningPolicy:
    """Return a policy of Alice for one of her wallets."""
    return SigningPolicy(
        kinds=frozenset(SignatureKind),
        chain_id=CHAIN_ID,
        exchanges=frozenset(
            {CONTRACTS.exchange, CONTRACTS.neg_risk_exchange, CONTRACTS.exchange_v3}
        ),
        account=ALICE.address,
        maker=parties(kind, ALICE.address)[0],
        signature_type=kind,
        tokens=TOKENS,
        order_notional_max=10 * USD,
        day_notional_max=day_max,
        times_in_force=frozenset({TimeInForce.FOK, TimeInForce.FAK, TimeInForce.GTD}),
        rest_s_max=900,
    )


def to_sign(kind: SignatureType = SignatureType.EOA, **changes: object) -> OrderToSign:
    """Return Alice's order of 5 USD for 10 shares at 0.5, with other fields if they are named."""
    return OrderToSign(
        order=msgspec.structs.replace(order_of(kind), **changes),
        chain_id=CHAIN_ID,
        exchange=BINARY.exchange,
        time_in_force=TimeInForce.FAK,
    )


class SetClock:
    """A clock that shows what it is set to."""

    def __init__(self, now_ns: int = NOW_NS) -> None:
        self.ns = now_ns

    def now_ns(self) -> int:
        return self.ns

    def monotonic_ns(self) -> int:
        return self.ns


class Book:
    """Charges in memory; a full one takes no more."""

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self.appends = 0
        self.is_full = False

    def append(self, *records: Charge) -> None:
        if self.is_full:
            raise StoreError("cannot write charges: no space left")
        self.appends += 1
        self.charges += records

    def read(self) -> list[Charge]:
        return list(self.charges)


def charged(book: Book, side: Side = Side.BUY) -> int:
    """Return what was charged to a side in all."""
    return sum(one.notional for one in book.charges if one.side is side)


def guard(
    policy: SigningPolicy | None = None,
    *,
    book: Book | None = None,
    clock: SetClock | None = None,
    tranche: int = 20 * USD,
) -> GuardedSigner:
    """Put Alice's key behind a policy."""
    policy = policy_for() if policy is None else policy
    budget = Budget(book or Book(), day_max=policy.day_notional_max, tranche=tranche)
    return GuardedSigner(ALICE, policy, budget, clock or SetClock())
