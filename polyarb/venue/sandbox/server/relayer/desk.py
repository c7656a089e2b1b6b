"""The relayer: it sends what wallets' owners signed, one action of a wallet at a time.

The chain has the last word: a wallet's nonce is how many of its actions were mined and did not
revert, and where an action stands is read from its receipt. Source: polymarket-chain 4.
"""

from collections import defaultdict, deque
from enum import StrEnum
from uuid import UUID

import msgspec

from polyarb.venue.polymarket.signing.contracts import CONTRACTS
from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.polymarket.signing.wallets import wallets_of
from polyarb.venue.sandbox.chain.chain import Chain
from polyarb.venue.sandbox.server.errors import RejectedError
from polyarb.venue.sandbox.server.relayer.submissions import RELAY, Relayed

SUBMITS_PER_MINUTE = 25
"""Of one caller. Source: polymarket.md 3.5."""
ALLOWED_TARGETS = frozenset(
    {
        CONTRACTS.pusd,
        CONTRACTS.usdc_bridged,
        CONTRACTS.onramp,
        CONTRACTS.offramp,
        CONTRACTS.conditional_tokens,
        CONTRACTS.neg_risk_adapter,
        CONTRACTS.collateral_adapter,
        CONTRACTS.neg_risk_collateral_adapter,
        CONTRACTS.position_manager,
        CONTRACTS.router,
    }
)
"""Whom a relayed wallet may call, without POL; anything else is `call blocked`."""
_MINUTE_S = 60


class RelayState(StrEnum):
    """Where a relayed action stands."""

    NEW = "STATE_NEW"
    EXECUTED = "STATE_EXECUTED"
    MINED = "STATE_MINED"
    CONFIRMED = "STATE_CONFIRMED"
    FAILED = "STATE_FAILED"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One action that was taken for a wallet."""

    action_id: str
    relayed: Relayed
    transaction_hash: str


class RelayDesk:
    """What the relayer knows: whose wallets are deployed, and what it has sent."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._actions: dict[str, Action] = {}
        self._by_wallet: defaultdict[Address, list[Action]] = defaultdict(list)
        self._submits: defaultdict[str, deque[int]] = defaultdict(deque)

    def is_deployed(self, wallet: Address) -> bool:
        """Tell whether a deposit wallet was created and is mined."""
        return any(
            action.relayed.is_creation and self._chain.is_mined(action.transaction_hash)
            for action in self._by_wallet.get(wallet, ())
        )

    def nonce(self, wallet: Address) -> int:
        """Return the nonce that a wallet's next action must carry."""
        return sum(
            1
            for action in self._by_wallet.get(wallet, ())
            if not action.relayed.is_creation and self._chain.is_mined(action.transaction_hash)
        )

    def wallet_nonce(self, owner: Address) -> int:
        """Return the nonce of an owner's deposit wallet, of either kind."""
        return max(self.nonce(wallet) for wallet in wallets_of(owner).deposit)

    def admit(self, caller: str, now_s: int) -> None:
        """Count one submission of a caller. Errors: RejectedError 429."""
        recent = self._submits[caller]
        while recent and recent[0] <= now_s - _MINUTE_S:
            recent.popleft()
        if len(recent) >= SUBMITS_PER_MINUTE:
            wait_s = recent[0] + _MINUTE_S - now_s
            raise RejectedError(
                429, "Too Many Requests", headers={"Retry-After": str(max(wait_s, 1))}
            )
        recent.append(now_s)

    def submit(self, relayed: Relayed, now_s: int) -> Action:
        """Send a wallet's action to the chain. Errors: RejectedError 400; nothing was sent then."""
        self._check(relayed, now_s)
        transaction_hash = self._send(relayed)
        number = len(self._actions).to_bytes(8, "big")
        drawn = keccak256(number + relayed.wallet.encode() + transaction_hash.encode())
        action = Action(
            action_id=str(UUID(bytes=drawn[:16], version=4)),
            relayed=relayed,
            transaction_hash=transaction_hash,
        )
        self._actions[action.action_id] = action
        self._by_wallet[relayed.wallet].append(action)
        return action

    def find(self, action_id: str) -> Action | None:
        """Return an action by its id."""
        return self._actions.get(action_id)

    def state_of(self, action: Action) -> RelayState:
        """Tell where an action stands, by the word of the chain."""
        is_mined = self._chain.is_mined(action.transaction_hash)
        if is_mined is None:
            return RelayState.EXECUTED
        if not is_mined:
            return RelayState.FAILED
        is_confirmed = self._chain.is_confirmed(action.transaction_hash)
        return RelayState.CONFIRMED if is_confirmed else RelayState.MINED

    def reason_of(self, action: Action) -> str | None:
        """Tell why an action failed; None for one that did not."""
        receipt = self._chain.receipt(action.transaction_hash)
        if receipt is None or receipt.is_success:
            return None
        return f"execution reverted: {receipt.reason}"

    def _check(self, relayed: Relayed, now_s: int) -> None:
        wallet = relayed.wallet
        if relayed.is_creation:
            if self.is_deployed(wallet):
                raise RejectedError(400, "wallet already deployed")
        elif wallet in wallets_of(relayed.owner).deposit and not self.is_deployed(wallet):
            raise RejectedError(400, "wallet not deployed")
        if any(
            self._chain.is_mined(action.transaction_hash) is None
            for action in self._by_wallet.get(wallet, ())
        ):
            raise RejectedError(400, "wallet has in-flight action")
        if relayed.deadline_s is not None and relayed.deadline_s < now_s:
            raise RejectedError(400, "batch deadline has passed")
        expected = self.nonce(wallet)
        if relayed.nonce is not None and relayed.nonce != expected:
            raise RejectedError(
                400, f"batch nonce {relayed.nonce} does not match on-chain nonce {expected}"
            )
        for call in relayed.calls:
            if call.target not in ALLOWED_TARGETS or call.value:
                raise RejectedError(400, f"call blocked: {call.target}")

    def _send(self, relayed: Relayed) -> str:
        if relayed.is_creation:
            return self._chain.send(RELAY, relayed.wallet, b"")
        batch = [(call.target, call.data) for call in relayed.calls]
        return self._chain.send_batch(relayed.wallet, batch)
