"""The desk: takes what the alert engine concludes, keeps it, and sees that people hear of it.

The trader calls `take` and `tick`, which wait for the disk only; routing and sending have threads
of their own. Time runs steadily from the wall time of the start, so that a stepped clock neither
delays nor repeats anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Condition, Lock, Thread

import msgspec

from polyarb.alerts.alert import Action, Alert, Severity, Status
from polyarb.alerts.engine import Transition
from polyarb.alerts.routing import Notification, Reason, Sent, Silence, notify_now, silence_of
from polyarb.domain.errors import StoreError
from polyarb.ports import Clock
from polyarb.store.filesystem import REAL, FileSystem
from polyarb.wiring.alerts.book import AlertBook
from polyarb.wiring.alerts.outbox import NS_PER_MS, ChannelHealth, Outbox, Post

DOWN_NS_MAX = 300_000_000_000
"""How long every channel may fail before that counts as an alert by itself."""
GRACE_NS = 2_000_000_000
"""How long a close waits for what is being sent."""
LOOK_NS = 1_000_000_000
"""Pause between two looks for repeats and escalations."""
TURNING_NS = 10_000_000_000
"""A tick older than this is a loop that stands still: its heartbeat is told no more."""
_REST = 4
"""A look is followed by a pause of so many times what it took: alerts never eat the processor."""
_REST_NS_MIN = 2_000_000
_SLICE_S = 0.02


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How telling people goes; the trader demotes when it is down.

    Shape: is_routing unless the thread that decides who is told has ended; down_ms since when no
    channel to the outside works, 0 where one does or none is set up; owed are transitions that the
    disk has not taken, lost those that memory did not keep for it.
    """

    channels: tuple[ChannelHealth, ...]
    is_routing: bool
    down_ms: int
    is_down: bool
    owed: int
    lost: int
    fault: str
    findings: tuple[str, ...]


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """What a tick brought: the alerts that people acknowledged since the last, and the health."""

    acked: tuple[Alert, ...]
    health: Health


class SteadyClock:
    """Wall time of the start plus what has passed since; it never steps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = clock.now_ns() - clock.monotonic_ns()

    def now_ns(self) -> int:
        """Return unix nanoseconds as of the start, grown steadily."""
        return self._clock.monotonic_ns() + self._offset_ns


class AlertDesk:
    """One a workspace. `start` makes the threads; without it, `look` and `deliver` are called."""

    def __init__(
        self,
        directory: Path,
        posts: Sequence[Post],
        clock: Clock,
        *,
        down_ns_max: int = DOWN_NS_MAX,
        files: FileSystem = REAL,
    ) -> None:
        self.clock = SteadyClock(clock)
        self.book = AlertBook(directory, files=files)
        self.outbox = Outbox(directory, posts, files=files)
        self._down_ns_max = down_ns_max
        self._is_dirty = True
        self._is_news = self._is_closing = False
        self._save_ns = self._route_ns = self._look_ns = 0
        self._ticked_ns: int | None = None
        self._fresh: list[Alert] = []
        self.looking = Lock()
        """Held while it decides and saves; whoever makes time leap holds it meanwhile."""
        self._changed = Condition()
        self._threads: list[Thread] = []
        now_ns = self.clock.now_ns()
        self.outbox.restore(self.book.outbox, now_ns)
        self.book.prune(now_ns)

    @property
    def active(self) -> tuple[Alert, ...]:
        """Return the alerts that stand."""
        with self.book.lock:
            return tuple(self.book.active.values())

    @property
    def saved(self) -> tuple[Alert, ...]:
        """Return what the engine goes on with after a restart: active and lately resolved."""
        with self.book.lock:
            return (*self.book.lately.values(), *self.book.active.values())

    def take(self, transitions: Iterable[Transition]) -> None:
        """Take transitions: on return they survive a power cut, or are owed to a full disk."""
        alerts = [transition.alert for transition in transitions]
        if alerts:
            self.book.record(alerts, self.clock.now_ns())
            with self.book.lock:
                self._fresh += (each for each in alerts if each.severity is Severity.CRITICAL)
            self._wake()

    def tick(self) -> Tick:
        """Apply what people asked, once a second or so; return it with the health."""
        now_ns = self._ticked_ns = self.clock.now_ns()
        acked = self.book.take_requests(now_ns)
        if self.book.owed:
            self.book.settle()
        if self.book.has_done:
            self._wake()
        return Tick(acked=acked, health=self.health())

    def health(self) -> Health:
        """Tell how telling people goes."""
        channels = self.outbox.health(self.clock.now_ns())
        down_ms = _down_ms(channels)
        is_routing = not self._threads or self._threads[0].is_alive()
        return Health(
            channels=channels,
            down_ms=down_ms,
            is_routing=is_routing,
            is_down=not is_routing or 0 < self._down_ns_max <= down_ms * NS_PER_MS,
            owed=self.book.owed,
            lost=self.book.lost,
            fault=self.book.fault,
            findings=tuple(self.book.findings),
        )

    def look(self) -> None:
        """Decide who is to be told of what, queue it, and save where everything stands."""
        with self.looking:
            self._route(self.clock.now_ns())
            if self._is_dirty:
                self._save(self.clock.now_ns())

    def _page(self, now_ns: int) -> None:
        """Queue the pages that just came; nothing that stands beside them can hold them back."""
        book = self.book
        with book.lock:
            fresh = {one.alert_id for one in self._fresh}
            pages = [book.active[one] for one in fresh if one in book.active]
            sent = [book.sent[one] for one in fresh if one in book.sent]
            silences = tuple(book.silences.values())
            self._fresh.clear()
        self._post(notify_now(pages, silences, sent, now_ns), now_ns)

    def _post(self, notifications: Sequence[Notification], now_ns: int) -> None:
        if notifications:
            self.outbox.post(notifications, now_ns)
            self.book.note_sent(notifications, now_ns)
            self._is_dirty = True

    def _route(self, now_ns: int) -> None:
        """Look at everything that stands or is over; the cost of it grows with that."""
        book = self.book
        with book.lock:
            self._fresh.clear()
            is_turning = self._is_turning(now_ns)
            stands = (one for one in book.active.values() if is_turning or not one.is_heartbeat)
            alerts = (*stands, *book.ended.values())
            silences, ended = tuple(book.silences.values()), tuple(book.ended)
            sent = dict(book.sent)
        missed = [one for one in alerts if _is_missed(one, sent, silences, now_ns)]
        notifications = (
            *(_late(alert) for alert in missed),
            *notify_now(alerts, silences, sent.values(), now_ns),
        )
        self._post(notifications, now_ns)
        book.forget_ended(ended)
        self._is_dirty |= bool(ended)
        self.outbox.write_owed()

    def _is_turning(self, now_ns: int) -> bool:
        """Tell whether the trading loop gave a sign of itself; ours is a thread beside it."""
        return self._ticked_ns is not None and now_ns - self._ticked_ns <= TURNING_NS

    def deliver(self, channel: str) -> bool:
        """Make one attempt where one is due, as long as it takes; tell whether there was one."""
        parcel = self.outbox.give(channel, self.clock.now_ns())
        if parcel is None:
            return False
        fault = self.outbox.send(channel, parcel)
        self.outbox.settle(channel, parcel, fault, self.clock.now_ns())
        self._wake()
        return True

    def start(self) -> None:
        """Route and send in threads of their own."""
        self._threads.append(Thread(target=self._look_on, name="alert-desk", daemon=True))
        for channel in self.outbox.channels:
            self._threads.append(
                Thread(
                    target=self._deliver_on, args=(channel,), name=f"alert-{channel}", daemon=True
                )
            )
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Send what is due within a short grace, save, let go; the rest goes on at a restart."""
        self.look()
        self._wake()
        deadline_ns = self.clock.now_ns() + GRACE_NS if self._threads else 0
        with self._changed:
            while self.clock.now_ns() < deadline_ns and self._is_sending():
                self._changed.wait(_SLICE_S)
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(max(0, deadline_ns - self.clock.now_ns()) / 1e9)
        with self.looking:
            self._save(self.clock.now_ns())
        self.outbox.close()
        self.book.close()

    def _is_sending(self) -> bool:
        now_ns = self.clock.now_ns()
        return any(
            self.outbox.is_alive(each) and self.outbox.deadline_ns(each) <= now_ns
            for each in self.outbox.channels
        )

    def _wake(self) -> None:
        with self._changed:
            self._is_dirty = self._is_news = True
            self._changed.notify_all()

    def _save(self, now_ns: int) -> None:
        """Save, and leave the disk and the processor alone for a while after a long one."""
        self._is_dirty = False
        try:
            self.book.save(self.outbox.snapshot(), now_ns)
        except StoreError as fault:
            self.book.fault = str(fault)
            self._is_dirty = True
            self._save_ns = self.clock.now_ns() + LOOK_NS
        else:
            ended_ns = self.clock.now_ns()
            self._save_ns = ended_ns + _REST * (ended_ns - now_ns)

    def _look_on(self) -> None:
        while not self._is_closing:
            now_ns = self.clock.now_ns()
            with self.looking:
                if now_ns >= self._route_ns:
                    self._is_news = False
                    self._route(now_ns)
                    routed_ns = self.clock.now_ns()
                    rest_ns = max(_REST * (routed_ns - now_ns), _REST_NS_MIN)
                    self._route_ns, self._look_ns = routed_ns + rest_ns, routed_ns + LOOK_NS
                else:
                    self._page(now_ns)
                with self._changed:
                    self._changed.notify_all()
                if self._is_dirty and self._save_ns <= self.clock.now_ns():
                    self._save(self.clock.now_ns())
            self._rest()

    def _rest(self) -> None:
        """Wait until there is a page, or what else came may be looked at, or it is time anyway."""
        early_ns = self.clock.now_ns() + _REST_NS_MIN
        with self._changed:
            while not self._is_closing:
                until_ns = self._route_ns if self._is_news else self._look_ns
                if self._is_dirty:
                    until_ns = min(until_ns, self._save_ns)
                until_ns = early_ns if self._fresh else max(early_ns, until_ns)
                rest_ns = until_ns - self.clock.now_ns()
                if rest_ns <= 0:
                    return
                self._changed.wait(rest_ns / 1e9)

    def _deliver_on(self, channel: str) -> None:
        try:
            while not self._is_closing:
                if not self.deliver(channel):
                    self._wait_for(channel)
        finally:
            # Whatever ended this thread: a channel without a sender is seen as failing.
            if not self._is_closing:
                self.outbox.mark_dead(channel, self.clock.now_ns())

    def _wait_for(self, channel: str) -> None:
        with self._changed:
            pause_ns = self.outbox.deadline_ns(channel) - self.clock.now_ns()
            if pause_ns > 0 and not self._is_closing:
                self._changed.wait(min(pause_ns, LOOK_NS) / 1e9)


def _is_missed(
    alert: Alert, sent: Mapping[str, Sent], silences: Sequence[Silence], now_ns: int
) -> bool:
    """Tell whether a page was over before anybody could be told that it began."""
    is_over = alert.status is Status.RESOLVED and alert.severity is Severity.CRITICAL
    is_told = alert.alert_id in sent or Action.NOTIFY not in alert.actions
    return is_over and not is_told and silence_of(alert, silences, now_ns) is None


def _late(alert: Alert) -> Notification:
    return Notification(key=alert.rule, alerts=(alert,), reason=Reason.RESOLVED)


def _down_ms(channels: Sequence[ChannelHealth]) -> int:
    """Find since when no channel to the outside works; one that was never asked says nothing."""
    asked = [
        one.failing_ms
        for one in channels
        if not (one.is_local or one.is_reserve or one.is_pinger)
        and (one.delivered or one.failed_attempts or one.failing_ms)
    ]
    return min(asked, default=0)
