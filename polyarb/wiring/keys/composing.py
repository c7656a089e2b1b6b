"""Key, policy and budget are put together into the port through which everything is signed."""

from contextlib import ExitStack
from pathlib import Path

from polyarb.config.wallet import load_wallet
from polyarb.domain.errors import RefusedError
from polyarb.domain.ids import TokenId
from polyarb.domain.limits import Profile, RunKind
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.order import TimeInForce
from polyarb.domain.units import MICRO
from polyarb.domain.wallet import WalletSettings
from polyarb.ports import Clock
from polyarb.store.lines import LineFile
from polyarb.store.locks import acquire
from polyarb.store.workspace import Workspace
from polyarb.venue.polymarket.signing.budget import Budget, Charge
from polyarb.venue.polymarket.signing.contracts import CHAIN_ID, CONTRACTS
from polyarb.venue.polymarket.signing.guarded import GuardedSigner
from polyarb.venue.polymarket.signing.policy import AllowedToken, SignatureKind, SigningPolicy
from polyarb.wiring.keys.opening import OpenKey, OwnWallet, wallet_of

EXCHANGES = frozenset({CONTRACTS.exchange, CONTRACTS.neg_risk_exchange, CONTRACTS.exchange_v3})
"""Where orders may be meant for; the legacy ones are dead."""
TIMES_IN_FORCE = frozenset({TimeInForce.FOK, TimeInForce.FAK, TimeInForce.GTD})
"""No order rests for ever: the process that would call it back may be gone. A leg of an exact
size is a marketable GTD."""
REST_S_MAX = 900
"""The venue wants 180 s at least, and cancels a minute early. Source: polymarket.md 5.3, GTD."""
TRANCHE_ORDERS = 4
"""How many of the largest orders are charged ahead, so that a set waits for no disk."""
_CENT = 10_000


def policy_of(
    profile: Profile, catalogue: Catalogue, wallet: OwnWallet, settings: WalletSettings
) -> SigningPolicy:
    """Say what a key may sign in a phase: the tokens of its markets, within its envelope."""
    envelope = profile.envelope
    tokens = (_allowed(market) for market in catalogue.markets.values())
    return SigningPolicy(
        kinds=frozenset(SignatureKind),
        chain_id=CHAIN_ID,
        exchanges=EXCHANGES,
        account=wallet.account,
        maker=wallet.maker,
        signature_type=wallet.signature_type,
        tokens={token_id: token for pair in tokens for token_id, token in pair.items()},
        order_notional_max=envelope.order_notional_max,
        day_notional_max=envelope.open_notional_max * settings.day_turnovers_max,
        times_in_force=TIMES_IN_FORCE,
        rest_s_max=REST_S_MAX,
    )


def login_policy(account: OwnWallet) -> SigningPolicy:
    """Let a key log in and nothing else, as is enough to call orders back."""
    return SigningPolicy(
        kinds=frozenset({SignatureKind.LOGIN}),
        chain_id=CHAIN_ID,
        exchanges=frozenset(),
        account=account.account,
        maker=account.maker,
        signature_type=account.signature_type,
    )


def open_order_signer(
    place: Workspace,
    key: OpenKey,
    profile: Profile,
    catalogue: Catalogue,
    *,
    clock: Clock,
    stack: ExitStack,
) -> GuardedSigner:
    """Put a key behind the policy of a phase; one process a workspace may do so at a time.

    Errors: RefusedError for a phase that only simulates, for another wallet's key, and where
    another process signs; UsageError where no wallet is configured; StoreError.
    """
    if profile.run is not RunKind.LIVE:
        raise RefusedError(
            f"expected a profile that trades, found {profile.name}, which only simulates: it has"
            " nothing to sign; start the phase of a live profile"
        )
    settings = load_wallet(place)
    wallet = wallet_of(key.signer.address, settings)
    lock = acquire(place.signer_lock_file, "the wallet's key")
    stack.callback(lock.release)
    policy = policy_of(profile, catalogue, wallet, settings)
    return GuardedSigner(key.signer, policy, _budget(place.charges_file, policy), clock)


def open_login_signer(place: Workspace, key: OpenKey, *, clock: Clock) -> GuardedSigner:
    """Put a key behind a policy that lets it log in and nothing else; it needs no lock.

    Errors: as of `wallet_of`.
    """
    wallet = wallet_of(key.signer.address, load_wallet(place))
    policy = login_policy(wallet)
    return GuardedSigner(key.signer, policy, _budget(place.charges_file, policy), clock)


def _budget(path: Path, policy: SigningPolicy) -> Budget:
    return Budget(
        LineFile(path, Charge),
        day_max=policy.day_notional_max,
        tranche=min(policy.day_notional_max, TRANCHE_ORDERS * policy.order_notional_max),
    )


def _allowed(market: Market) -> dict[TokenId, AllowedToken]:
    """Allow both tokens of a market, at any price that its tick leaves room for on both sides."""
    tick = market.tick or _CENT
    token = AllowedToken(
        version=market.version,
        is_neg_risk=market.group_id is not None,
        price_min=tick,
        price_max=MICRO - tick,
    )
    return {market.yes: token, market.no: token}
