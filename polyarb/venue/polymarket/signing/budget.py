"""What may be signed in any 24 hours, charged durably before a signature leaves. No clock.

An amount is charged ahead for a while (a tranche), so that most signatures wait for no disk. A
restart counts the whole tranche as signed: the day is never under-counted. What a tranche did not
use is given back when the next one is charged.
"""

from collections import deque
from collections.abc import Mapping
from typing import Protocol

import msgspec

from polyarb.domain.plan import Side

DAY_NS = 24 * 3_600 * 10**9
TRANCHE_NS = 15 * 60 * 10**9
"""How long a tranche may be used; it counts for a day from its end."""


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that may be signed until a moment; below 0 it is what the one before kept.

    Units: micros of a USD, unix nanoseconds.
    """

    side: Side
    until_ns: int
    notional: int


class ChargeBook(Protocol):
    """Where charges are kept."""

    def append(self, *records: Charge) -> None:
        """Add charges, all durable when it returns. Errors: PolyarbError; none stands then."""
        ...

    def read(self) -> list[Charge]:
        """Return every charge, oldest first."""
        ...


class Budget:
    """The two rolling days of a key, one a side of the book.

    Units: micros of a USD that each side may sign in any 24 hours, and that are charged ahead.
    """

    def __init__(self, book: ChargeBook, *, day_max: int, tranche: int) -> None:
        self._book = book
        self._tranche = tranche
        self._purses = {side: _Purse(side, day_max) for side in Side}
        self._latest_ns = 0
        for charge in book.read():
            self._purses[charge.side].enter(charge)

    def charge(self, needs: Mapping[Side, int], now_ns: int) -> Side | None:
        """Charge what is about to be signed, durably; return a side that has no room for it.

        Units: micros of a USD; unix nanoseconds, which never step back here.
        Errors: those of the book; nothing is charged then.
        """
        now_ns = self._latest_ns = max(self._latest_ns, now_ns)
        drafts: list[Charge] = []
        for side, need in needs.items():
            purse = self._purses[side]
            if need <= purse.left(now_ns):
                continue
            draft = purse.draft(need, max(need, self._tranche), now_ns)
            if not draft:
                return side
            drafts += draft
        self._keep(drafts)
        for side, need in needs.items():
            self._purses[side].take(need)
        return None

    def prepare(self, now_ns: int) -> None:
        """Charge a tranche ahead for each side that has none, where there is room.

        Errors: those of the book; nothing is charged then.
        """
        now_ns = self._latest_ns = max(self._latest_ns, now_ns)
        drafts: list[Charge] = []
        for purse in self._purses.values():
            if not purse.left(now_ns):
                drafts += purse.draft(1, self._tranche, now_ns)
        self._keep(drafts)

    def room(self, side: Side, now_ns: int) -> int:
        """Return what a side may still sign. Units: micros of a USD."""
        return self._purses[side].room(max(self._latest_ns, now_ns))

    def _keep(self, drafts: list[Charge]) -> None:
        """Make charges durable, then count them."""
        if drafts:
            self._book.append(*drafts)
            for charge in drafts:
                self._purses[charge.side].enter(charge, is_open=True)


class _Purse:
    """One side's rolling day: what is charged in it, and what is left of the open tranche."""

    def __init__(self, side: Side, day_max: int) -> None:
        self._side = side
        self._day_max = day_max
        self._charged: deque[tuple[int, int]] = deque()
        self._total = 0
        self._until_ns = 0
        self._left = 0

    def enter(self, charge: Charge, *, is_open: bool = False) -> None:
        """Count a charge, or what is given back of the one before.

        A charge that was read from the book is counted whole: it may all have been signed.
        """
        if charge.notional < 0:
            self._give_back(charge)
            return
        self._charged.append((charge.until_ns, charge.notional))
        self._total += charge.notional
        if is_open:
            self._until_ns, self._left = charge.until_ns, charge.notional

    def _give_back(self, charge: Charge) -> None:
        until_ns, notional = self._charged[-1] if self._charged else (0, 0)
        if until_ns == charge.until_ns and -charge.notional <= notional:
            self._charged[-1] = (until_ns, notional + charge.notional)
            self._total += charge.notional
        self._left = 0

    def left(self, now_ns: int) -> int:
        """Return what the open tranche still allows."""
        return self._left if now_ns < self._until_ns else 0

    def room(self, now_ns: int) -> int:
        """Return what may be signed in all, the open tranche given back first."""
        while self._charged and self._charged[0][0] + DAY_NS <= now_ns:
            self._total -= self._charged.popleft()[1]
        # A tranche that fell out of the day has nothing that could be given back.
        return max(0, self._day_max - self._total + (self._left if self._charged else 0))

    def draft(self, need: int, wanted: int, now_ns: int) -> list[Charge]:
        """Draft a new tranche, with what the open one gives back; none where there is no room."""
        room = self.room(now_ns)
        if need > room:
            return []
        made = []
        if self._left and self._charged:
            made.append(Charge(side=self._side, until_ns=self._until_ns, notional=-self._left))
        until_ns = now_ns + TRANCHE_NS
        made.append(Charge(side=self._side, until_ns=until_ns, notional=min(room, wanted)))
        return made

    def take(self, need: int) -> None:
        """Use some of the open tranche."""
        assert need <= self._left
        self._left -= need
