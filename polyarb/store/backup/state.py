"""What a journal means, as one digest: the same records make the same state. No I/O.

It covers the ledger whole, balances, plans with their sets, PnL, what did not fit, and how many
messages of each kind there were; equal digests mean equal books.
"""

from collections import Counter
from hashlib import sha256

import msgspec

from polyarb.domain.messages import JournalMessage
from polyarb.ledger.balances import AccountBalance, trial_balance
from polyarb.ledger.fold import Ledger
from polyarb.ledger.plans import PlanAccount
from polyarb.ledger.pnl import PnlColumns, PnlKey
from polyarb.ledger.transactions import Anomaly
from polyarb.store.backup.manifest import StatePart


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the digest covers, in an order that does not depend on how it was folded."""

    run: int
    transactions: int
    balances: tuple[AccountBalance, ...]
    plans: tuple[PlanAccount, ...]
    pnl: tuple[tuple[PnlKey, PnlColumns], ...]
    anomalies: tuple[Anomaly, ...]
    messages: tuple[tuple[str, int], ...]


class StateFold:
    """Folds a journal's messages, first to last."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._messages: Counter[str] = Counter()

    def apply(self, message: JournalMessage) -> None:
        """Fold one message in."""
        self._ledger.apply(message)
        self._messages[type(message).__name__] += 1

    def state(self, sequence: int) -> StatePart:
        """Say what was folded, up to the record of that number."""
        ledger = self._ledger
        state = _State(
            run=ledger.run,
            transactions=ledger.transactions,
            balances=trial_balance(ledger.balances),
            plans=tuple(ledger.plans[key] for key in sorted(ledger.plans)),
            pnl=tuple(sorted(ledger.pnl.items(), key=lambda pair: pair[0])),
            anomalies=tuple(ledger.anomalies),
            messages=tuple(sorted(self._messages.items())),
        )
        content = msgspec.json.encode(state, order="deterministic")
        return StatePart(
            sequence=sequence,
            digest=sha256(content).hexdigest(),
            plans=len(ledger.plans),
            transactions=ledger.transactions,
        )
