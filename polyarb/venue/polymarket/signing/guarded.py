"""A key behind its policy: the port `OrderSigner` within this process."""

from collections import Counter

import msgspec

from polyarb.domain.errors import RefusedError
from polyarb.domain.plan import Side
from polyarb.domain.units import format_micros
from polyarb.ports import Clock
from polyarb.venue.polymarket.signing.budget import Budget
from polyarb.venue.polymarket.signing.digests import order_digest
from polyarb.venue.polymarket.signing.order import Bytes32, SignedOrder
from polyarb.venue.polymarket.signing.policy import (
    SigningPolicy,
    domain_allowed,
    judge_login,
    judge_orders,
    notional_of,
)
from polyarb.venue.polymarket.signing.port import (
    LoginSigned,
    LoginToSign,
    OrdersSigned,
    OrdersToSign,
    OrderToSign,
    SignatureRefused,
    SigningRefusal,
)
from polyarb.venue.polymarket.signing.signatures import Signer


class GuardedSigner:
    """Signs what the policy allows and the budget bears; the time is its own, not the asker's.

    Errors: RefusedError where the policy is another account's.
    """

    __slots__ = ("_budget", "_clock", "_policy", "_signer")

    def __init__(self, signer: Signer, policy: SigningPolicy, budget: Budget, clock: Clock) -> None:
        self._signer = signer
        self._budget = budget
        self._clock = clock
        self._policy = _demand_own(signer, policy)

    def adopt(self, policy: SigningPolicy) -> None:
        """Take other lists and bounds from now on; the day stays as it is.

        Errors: RefusedError where the policy is another account's, or has another day.
        """
        if policy.day_notional_max != self._policy.day_notional_max:
            raise RefusedError(
                f"expected the same {format_micros(self._policy.day_notional_max)} USD a day, found"
                f" {format_micros(policy.day_notional_max)}; end this run and start again"
            )
        self._policy = _demand_own(self._signer, policy)

    def prepare(self) -> None:
        """Charge ahead while nothing waits, so that the next signature waits for no disk.

        Errors: PolyarbError where that cannot be made durable.
        """
        self._budget.prepare(self._clock.now_ns())

    def sign_orders(self, request: OrdersToSign) -> OrdersSigned | SignatureRefused:
        """Sign every order, or none; what they may cost is charged durably before."""
        now_ns = self._clock.now_ns()
        refused = judge_orders(self._policy, request, now_ns)
        if refused is not None:
            return refused
        needs: Counter[Side] = Counter()
        for one in request.orders:
            needs[one.order.side] += notional_of(one.order)
        side = self._budget.charge(needs, now_ns)
        if side is not None:
            return self._over(side, needs[side], now_ns)
        signed = [self._signed(one) for one in request.orders]
        return OrdersSigned(
            orders=tuple(order for order, _ in signed),
            order_ids=tuple(order_id for _, order_id in signed),
        )

    def sign_login(self, request: LoginToSign) -> LoginSigned | SignatureRefused:
        """Sign a login."""
        refused = judge_login(self._policy, request, self._clock.now_ns())
        if refused is not None:
            return refused
        signature = self._signer.sign_login(
            request.timestamp_s, request.nonce, chain_id=request.chain_id
        )
        return LoginSigned(
            account=self._signer.address,
            timestamp_s=request.timestamp_s,
            nonce=request.nonce,
            signature=signature,
        )

    def _signed(self, one: OrderToSign) -> tuple[SignedOrder, Bytes32]:
        domain = domain_allowed(self._policy, one.order.token_id)
        assert domain is not None
        return self._signer.sign_order(one.order, domain), order_digest(one.order, domain)

    def _over(self, side: Side, need: int, now_ns: int) -> SignatureRefused:
        room = format_micros(self._budget.room(side, now_ns))
        told = f"expected at most {room} USD more of {side} today, found {format_micros(need)}"
        return SignatureRefused(reason=SigningRefusal.DAY_NOTIONAL, told=told)

    def __repr__(self) -> str:
        return f"GuardedSigner({self._signer.address})"


def _demand_own(signer: Signer, policy: SigningPolicy) -> SigningPolicy:
    if signer.address != policy.account:
        raise RefusedError(
            f"expected the key of {policy.account}, found the key of {signer.address};"
            " import the right key, or mend wallet.address in config/config.yaml"
        )
    return msgspec.structs.replace(policy, tokens=dict(policy.tokens))
