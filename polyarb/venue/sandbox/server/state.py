"""What every service of the sandbox shares: the world, the clock that moves it, and who listens.

The world only moves by `now` and `settle_down`; whoever changed it calls the latter, so that what
was announced reaches the channels in the order in which it happened.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from polyarb.domain.secret import Secret
from polyarb.ports import FAR_FUTURE_NS, Clock
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.server.keys import ApiKeys
from polyarb.venue.sandbox.terms.announcements import Announcement
from polyarb.venue.sandbox.terms.faults import FaultKind
from polyarb.venue.sandbox.terms.ports import Timed
from polyarb.venue.sandbox.world import World

Listener = Callable[[Sequence[Announcement]], None]
_NS_PER_MS = 1_000_000


class FundedAccount(Protocol):
    """A throw-away account that anybody may trade with. Units: pusd in micros."""

    @property
    def address(self) -> Address:
        """Return the account's address."""
        ...

    @property
    def private_key(self) -> Secret:
        """Return its key; it guards nothing but play money."""
        ...

    @property
    def pusd(self) -> int:
        """Return what it was founded with."""
        ...


class SandboxState:
    """One world behind all services, on one clock, in one loop.

    flow are the others who trade in it; without it nothing happens but what is asked for.
    """

    def __init__(
        self,
        world: World,
        clock: Clock,
        *,
        accounts: Sequence[FundedAccount] = (),
        keys: ApiKeys,
        announce: Listener | None = None,
        flow: Timed | None = None,
    ) -> None:
        self.world = world
        self.clock = clock
        self.accounts = tuple(accounts)
        self.keys = keys
        self.flow = flow
        self._listeners: list[Listener] = [announce] if announce else []

    @property
    def next_due_ns(self) -> int:
        """Return when something happens by itself next, in the world or by its flow."""
        flowing_ns = self.flow.next_due_ns if self.flow else FAR_FUTURE_NS
        return min(self.world.next_due_ns, flowing_ns)

    def listen(self, listener: Listener) -> None:
        """Tell somebody of everything that is announced from now on."""
        self._listeners.append(listener)

    def now(self) -> int:
        """Move the world to the clock and return its time in unix nanoseconds.

        It never steps back: where the clock does, it stands until the clock is past it again.
        """
        now_ns = self.clock.now_ns()
        while (due_ns := self.next_due_ns) <= now_ns:
            self._move(max(due_ns, self.world.now_ns))
        self._move(now_ns)
        return self.world.now_ns

    def told_ns(self) -> int:
        """Return the time that the venue tells and judges logins by. Units: unix nanoseconds."""
        return self.now() + self.skew_ns()

    def skew_ns(self) -> int:
        """Return how far the venue's clock is ahead of the world, which goes on regardless."""
        fault = self.world.faults.strike(FaultKind.CLOCK_SKEW, "")
        return fault.amount * _NS_PER_MS if fault else 0

    def settle_down(self) -> None:
        """Hand on what was announced since the last time; call it after every change."""
        announcements = self.world.drain()
        if announcements:
            for listener in self._listeners:
                listener(announcements)

    def _move(self, now_ns: int) -> None:
        self.world.advance(now_ns)
        if self.flow and self.flow.next_due_ns <= now_ns:
            self.flow.advance(now_ns)
        self.settle_down()
