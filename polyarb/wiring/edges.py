"""What a run stands on: its instruments, where its frames come from, what stands around it."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import msgspec

from polyarb.config import load_clock, load_recording, load_relations
from polyarb.domain.errors import UsageError
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue
from polyarb.domain.venue import TAPE
from polyarb.engine.size import load_solver
from polyarb.host.clock import SystemClock
from polyarb.ports import Feed, Gateway, Inbox, Journal
from polyarb.runner import Runner
from polyarb.store.background import BackgroundTape
from polyarb.store.recording import TapeWriter
from polyarb.store.workspace import Workspace
from polyarb.wiring.live import LiveHealth, LiveVenue
from polyarb.wiring.markets import MarketOrigin, current_catalogue, next_catalogue
from polyarb.wiring.recordings import recording_directory
from polyarb.wiring.retaining import HourlyRetention
from polyarb.wiring.snapshots import SnapshotGateway
from polyarb.wiring.tape_first import TapeFirstJournal
from polyarb.wiring.tapes import catalogue_of, check_tapes, open_feed
from polyarb.wiring.timekeeping import ClockInbox


class Edge(Protocol):
    """One choice of where market data comes from."""

    @property
    def venue(self) -> str:
        """The name of the venue whose market data it is."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """The instruments of the run."""
        ...

    @property
    def tapes(self) -> tuple[Path, ...]:
        """Where a replay finds the frames that the engine saw."""
        ...

    @property
    def feed(self) -> Feed:
        """The market data."""
        ...

    def around_journal(self, journal: Journal) -> Journal:
        """Put around a journal what this choice needs there."""
        ...

    def around_gateway(self, gateway: Gateway) -> Gateway:
        """Put around a gateway what this choice needs there."""
        ...

    def around_inbox(self, inbox: Inbox) -> Inbox:
        """Put around an inbox what this choice needs there."""
        ...

    def attend(self, runner: Runner) -> None:
        """Let the feed hear of the runner: when to stop, whom to poll."""
        ...

    def torn(self) -> list[str]:
        """Say which recorded frames could not be read to the end."""
        ...

    def health(self) -> LiveHealth | None:
        """Tell how live sources do; None for recorded data."""
        ...


class TapeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Which recorded frames are played. Units: speed in times real time, None is as it goes."""

    tapes: tuple[Path, ...]
    sidecars: tuple[Path, ...] = ()
    speed: float | None = None


class TapeEdge:
    """Recorded frames, at any speed."""

    venue = TAPE

    def __init__(self, workspace: Workspace, options: TapeOptions) -> None:
        self.tapes = check_tapes(options.tapes)
        self.catalogue = catalogue_of(self.tapes, options.sidecars, load_relations(workspace))
        self._clock = SystemClock()
        self._poll: Callable[[], bool] = lambda: True
        self.feed, self._reading = open_feed(
            self.tapes, self.catalogue, speed=options.speed, pause=self._pause
        )

    def around_journal(self, journal: Journal) -> Journal:
        """Return the journal as it is: the frames are recorded already."""
        return journal

    def around_gateway(self, gateway: Gateway) -> Gateway:
        """Return the gateway as it is: a tape can tell nothing anew."""
        return gateway

    def around_inbox(self, inbox: Inbox) -> Inbox:
        """Return the inbox as it is: what was recorded was received by another clock."""
        return inbox

    def attend(self, runner: Runner) -> None:
        """Poll the runner while a paced tape waits."""
        self._poll = runner.poll

    def torn(self) -> list[str]:
        """Say which tapes ended torn."""
        return [f"{end.path}: {end.reason}" for end in self._reading.ends if end.status != "ok"]

    def health(self) -> None:
        """Tell that there is no live source."""

    def _pause(self, seconds: float) -> None:
        self._clock.sleep(seconds)
        if not self._poll():
            self.feed.stop()


class VenueEdge:
    """A venue's public hosts, recorded as they are listened to."""

    def __init__(
        self,
        workspace: Workspace,
        profile: Profile,
        run_id: str,
        stack: ExitStack,
        tell: Callable[[str], None],
        *,
        venue: str,
        origin: MarketOrigin,
    ) -> None:
        """Open the sources; they close with the stack.

        Errors: UsageError where the universe selects nothing; VenueError where the instruments
        cannot be read; StoreError where nothing can be recorded.
        """
        load_solver()
        self.venue = venue
        settings, timing = origin.settings, load_clock(workspace)
        clock = SystemClock()
        self.catalogue = current_catalogue(workspace, profile, clock.now_ns(), tell, origin)
        if not self.catalogue.markets:
            raise UsageError(
                f"universe of profile {profile.name}: expected a market to watch, found none that"
                " it selects; `polyarb markets list --reason` tells why"
            )
        directory = recording_directory(workspace, run_id)
        directory.mkdir(parents=True)
        self.tapes = (directory,)
        self._retention = HourlyRetention(workspace, load_recording(workspace), directory, tell)
        self._tape = BackgroundTape(TapeWriter(directory))
        stack.callback(self._tape.close)
        self._venue = stack.enter_context(
            LiveVenue(
                settings,
                self.catalogue,
                self._tape,
                clock,
                clock_settings=timing,
                select=lambda: next_catalogue(workspace, profile, tell, origin),
                tell=tell,
            )
        )
        self.feed = self._venue.feed

    def around_journal(self, journal: Journal) -> Journal:
        """Let no record be written before the frames that it rests on."""
        return TapeFirstJournal(journal, self._tape)

    def around_gateway(self, gateway: Gateway) -> Gateway:
        """Pass requests for snapshots on to the sources."""
        return SnapshotGateway(gateway, self._venue.refresh)

    def around_inbox(self, inbox: Inbox) -> Inbox:
        """Let the run hear what its clock is worth, too."""
        return ClockInbox(inbox, self._venue.timekeeper)

    def attend(self, runner: Runner) -> None:
        """End the feed with the run, even before its first frame; time frames from receipt on.

        Recordings are kept within their limits meanwhile.
        """
        runner.is_live = True
        self._venue.in_use = lambda: {
            condition_id
            for flight in runner.engine.state.sets.values()
            for condition_id in flight.condition_ids
        }
        runner.observers.append(self._retention.observe)
        self.feed.is_wanted = lambda: not runner.progress.stop_reason

    def torn(self) -> list[str]:
        """Say nothing: what is being recorded is whole."""
        return []

    def health(self) -> LiveHealth:
        """Tell how the sources do."""
        return self._venue.health()
