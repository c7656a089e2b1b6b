"""The agents of a scenario in motion, on the server's clock or in virtual time."""

from collections.abc import Callable, Sequence
from typing import Protocol

from polyarb.venue.sandbox.flow.agenda import Agenda
from polyarb.venue.sandbox.flow.tops import Tops
from polyarb.venue.sandbox.terms.announcements import Announcement, OrderChanged
from polyarb.venue.sandbox.terms.orders import OrderRecord
from polyarb.venue.sandbox.terms.ports import Timed
from polyarb.venue.sandbox.world import World

Listener = Callable[[Sequence[Announcement]], None]


class Agent(Protocol):
    """Somebody whose own orders change while others act."""

    def take_note(self, order: OrderRecord) -> None:
        """See what became of an own order."""
        ...


class Flow:
    """All agents of a scenario; hears of everything the world announces, whoever caused it."""

    def __init__(self, world: World, agenda: Agenda, tops: Tops) -> None:
        self._world = world
        self._agenda = agenda
        self._tops = tops
        self._agents: dict[str, Agent] = {}
        world.watch(self._hear)

    def join(self, owner: str, agent: Agent) -> None:
        """Tell an agent of its own orders from now on."""
        self._agents[owner] = agent

    @property
    def next_due_ns(self) -> int:
        """Return when an agent acts next."""
        return self._agenda.next_due_ns

    def advance(self, now_ns: int) -> None:
        """Let every agent act that is due by now, each at its own time."""
        while (due_ns := self._agenda.next_due_ns) <= now_ns:
            self._world.advance(max(due_ns, self._world.now_ns))
            self._world.tell()
            self._agenda.take()()
            self._world.tell()
        self._agenda.now_ns = max(self._agenda.now_ns, now_ns)

    def _hear(self, announcements: Sequence[Announcement]) -> None:
        self._agenda.now_ns = max(self._agenda.now_ns, self._world.now_ns)
        self._tops.hear(announcements)
        for announcement in announcements:
            if isinstance(announcement, OrderChanged):
                agent = self._agents.get(announcement.order.owner)
                if agent is not None:
                    agent.take_note(announcement.order)


class Played(Protocol):
    """A world with those who trade in it."""

    @property
    def world(self) -> World:
        """Return the exchange, the settlement and the chain."""
        ...

    @property
    def flow(self) -> Timed:
        """Return those who trade."""
        ...


def play(played: Played, *, until_ns: int, listener: Listener | None = None) -> None:
    """Run a world and its agents in virtual time; the listener gets everything announced."""
    world, flow = played.world, played.flow
    while (due_ns := min(world.next_due_ns, flow.next_due_ns)) <= until_ns:
        now_ns = max(due_ns, world.now_ns)
        world.advance(now_ns)
        if flow.next_due_ns <= now_ns:
            flow.advance(now_ns)
        _hand_on(world, listener)
    world.advance(max(until_ns, world.now_ns))
    _hand_on(world, listener)


def _hand_on(world: World, listener: Listener | None) -> None:
    announcements = world.drain()
    if announcements and listener is not None:
        listener(announcements)
