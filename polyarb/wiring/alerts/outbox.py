"""The outbox: what each channel still has to be told, the sending, and a record of how it ended.

`send` blocks for as long as a channel takes; every channel has a thread of its own for it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock, RLock

import msgspec

from polyarb.alerts.alert import Alert, Severity, Status
from polyarb.alerts.notices import compose
from polyarb.alerts.outbox import (
    FAR_FUTURE_NS,
    Failure,
    Item,
    Lane,
    LaneState,
    Note,
    Parcel,
    Patience,
)
from polyarb.alerts.routing import Notification, Reason
from polyarb.domain.errors import DeliveryError, StoreError
from polyarb.ports import Notice, Notifier
from polyarb.store.alert_log import RecordLog, iso_of
from polyarb.store.alerts import DeliveryOutcome, DeliveryRecord
from polyarb.store.filesystem import REAL, FileSystem

DELIVERIES_FILE = "deliveries.jsonl"
OWED_MAX = 1_000
NS_PER_MS = 1_000_000
_SEVERITIES = tuple(Severity)
_NOTES = {Reason.REPEAT: Note.REPEAT, Reason.ESCALATED: Note.ESCALATION}


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A channel with its rules.

    Shape: is_reserve is told only of what nobody took; is_local reaches nobody who is away;
    is_pinger is told of the heartbeat alone, which no other channel is.
    """

    notifier: Notifier
    patience: Patience = Patience()
    severity_min: Severity = Severity.INFO
    is_reserve: bool = False
    is_local: bool = False
    is_pinger: bool = False


class ChannelHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel does. Units: ms.

    Shape: failed_attempts is the metric alert_delivery_failures of this channel; failures are
    notices that a round of attempts did not bring through; failing_ms since the first failure
    after the last success, 0 while it works.
    """

    channel: str
    is_local: bool
    is_reserve: bool
    is_pinger: bool
    is_alive: bool
    delivered: int
    failed_attempts: int
    failures: int
    waiting: int
    oldest_ms: int
    failing_ms: int
    last_fault: str


class _Route:
    """A channel with its queue."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.lane = Lane(post.notifier.name, post.patience)
        self.is_alive = True
        self.last_fault = ""


class Outbox:
    """The queues of all channels. Every method may be called from any thread."""

    def __init__(self, directory: Path, posts: Sequence[Post], *, files: FileSystem = REAL) -> None:
        self.lock = RLock()
        self._routes = {post.notifier.name: _Route(post) for post in posts}
        assert len(self._routes) == len(posts), "channels have different names"
        self._log = RecordLog(directory / DELIVERIES_FILE, DeliveryRecord, files=files)
        self._log_lock = Lock()
        self._owed: list[DeliveryRecord] = []

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the names of the channels."""
        return tuple(self._routes)

    @property
    def waiting(self) -> int:
        """Return how many notices wait, over all channels."""
        with self.lock:
            return sum(route.lane.notices for route in self._routes.values())

    def restore(self, states: Iterable[LaneState], now_ns: int) -> None:
        """Go on where a process before ended; what waited for a channel that is gone is told."""
        for state in states:
            route = self._routes.get(state.channel)
            if route is not None:
                with self.lock:
                    route.lane.restore(state, now_ns)
                continue
            for parcel in state.parcels:
                self._note(
                    state.channel,
                    parcel,
                    now_ns,
                    DeliveryOutcome.DROPPED,
                    reason="the channel is no longer configured",
                )

    def post(self, notifications: Iterable[Notification], now_ns: int) -> None:
        """Queue alerts for every channel that is to hear of them."""
        for notification in notifications:
            for alert in notification.alerts:
                item = _item(alert, notification, now_ns)
                with self.lock:  # for a moment only: a storm must not keep others waiting
                    for route in self._routes.values():
                        if _hears(route.post, item, notification.step):
                            route.lane.add(item)

    def deadline_ns(self, channel: str) -> int:
        """Return when a channel has something to send; FAR_FUTURE_NS when nothing waits."""
        with self.lock:
            return self._routes[channel].lane.deadline_ns

    def give(self, channel: str, now_ns: int) -> Parcel | None:
        """Hand out what a channel is to send now, or None; `settle` it before the next."""
        with self.lock:
            return self._routes[channel].lane.give(now_ns)

    def send(self, channel: str, parcel: Parcel) -> DeliveryError | None:
        """Make one attempt, as long as it takes; return why the channel did not take it."""
        with self.lock:
            notice = compose(parcel)
        return self._try(channel, notice)

    def settle(
        self, channel: str, parcel: Parcel, fault: DeliveryError | None, now_ns: int
    ) -> None:
        """Take the outcome of an attempt, and record it where it is one to remember."""
        route = self._routes[channel]
        with self.lock:
            attempts = parcel.attempts + 1
            if fault is None:
                route.lane.took(parcel, now_ns)
                outcome: DeliveryOutcome | None = DeliveryOutcome.DELIVERED
            else:
                route.last_fault = str(fault)
                failure = route.lane.failed(
                    parcel, now_ns, is_final=not fault.retryable, wait_ns=fault.wait_ns
                )
                outcome = _OUTCOMES[failure]
        if outcome is not None and not route.post.is_pinger:
            reason = "" if fault is None else str(fault)
            self._note(channel, parcel, now_ns, outcome, reason=reason, attempts=attempts)

    def is_alive(self, channel: str) -> bool:
        """Tell whether somebody sends for a channel."""
        return self._routes[channel].is_alive

    def mark_dead(self, channel: str, now_ns: int) -> None:
        """Take note that nobody sends for a channel any more: it counts as failing from now on."""
        with self.lock:
            route = self._routes[channel]
            route.is_alive = False
            route.lane.failing_since_ns = route.lane.failing_since_ns or now_ns

    def snapshot(self) -> tuple[LaneState, ...]:
        """Return what a restart must know; a ping of before would tell of a loop that is gone."""
        with self.lock:
            lasting = (route for route in self._routes.values() if not route.post.is_pinger)
            return tuple(route.lane.snapshot() for route in lasting)

    def health(self, now_ns: int) -> tuple[ChannelHealth, ...]:
        """Tell how every channel does."""
        with self.lock:
            return tuple(_health(route, now_ns) for route in self._routes.values())

    def close(self) -> None:
        """Let go of the file."""
        self._log.close()

    def _try(self, channel: str, notice: Notice) -> DeliveryError | None:
        try:
            self._routes[channel].post.notifier.send(notice)
        except DeliveryError as fault:
            return fault
        return None

    def _note(
        self,
        channel: str,
        parcel: Parcel,
        now_ns: int,
        outcome: DeliveryOutcome,
        *,
        reason: str,
        attempts: int = 0,
    ) -> None:
        record = DeliveryRecord(
            sequence=0,
            recorded_at=iso_of(now_ns),
            notice_id=compose(parcel).notice_id,
            channel=channel,
            outcome=outcome,
            attempts=attempts,
            waited_ms=max(0, now_ns - parcel.since_ns) // NS_PER_MS,
            alerts=parcel.count,
            keys=tuple(item.key for item in parcel.items),
            reason=reason,
        )
        with self._log_lock:
            self._owed.append(record)
        self.write_owed()

    def write_owed(self) -> None:
        """Write the records that the disk has not taken yet; the book tells of a full disk."""
        with self._log_lock:
            first = self._log.last_sequence + 1
            numbered = [
                msgspec.structs.replace(one, sequence=first + place)
                for place, one in enumerate(self._owed)
            ]
            try:
                self._log.append(numbered)
            except StoreError:
                del self._owed[: max(0, len(self._owed) - OWED_MAX)]
            else:
                self._owed.clear()


_OUTCOMES = {
    Failure.RETRIED: None,
    Failure.FAILED: DeliveryOutcome.FAILED,
    Failure.GAVE_UP: DeliveryOutcome.GAVE_UP,
}


def _hears(post: Post, item: Item, step: int) -> bool:
    """Tell whether a channel is told: a reserve only of what was escalated, and of its end."""
    if post.is_pinger or item.alert.is_heartbeat:
        return post.is_pinger and item.alert.is_heartbeat
    rank = _SEVERITIES.index(item.alert.severity)
    return rank <= _SEVERITIES.index(post.severity_min) and (step > 0 or not post.is_reserve)


def _item(alert: Alert, notification: Notification, now_ns: int) -> Item:
    note = _NOTES.get(notification.reason, Note.NEW)
    turn = "" if note is Note.NEW else f":{note}:{now_ns}"
    is_over = alert.status is Status.RESOLVED
    happened_ns = alert.resolved_ns if is_over else alert.fired_ns
    return Item(
        key=f"{alert.alert_id}:{alert.status}{turn}",
        group=notification.key,
        alert=alert,
        note=note,
        is_urgent=alert.severity is Severity.CRITICAL,
        since_ns=happened_ns if note is Note.NEW and happened_ns else now_ns,
        queued_ns=now_ns,
    )


def _health(route: _Route, now_ns: int) -> ChannelHealth:
    lane = route.lane
    oldest_ns, since_ns = lane.oldest_ns, lane.failing_since_ns
    return ChannelHealth(
        channel=lane.channel,
        is_local=route.post.is_local,
        is_reserve=route.post.is_reserve,
        is_pinger=route.post.is_pinger,
        is_alive=route.is_alive,
        delivered=lane.delivered,
        failed_attempts=lane.failed_attempts,
        failures=lane.failures,
        waiting=lane.waiting,
        oldest_ms=0 if oldest_ns == FAR_FUTURE_NS else max(0, now_ns - oldest_ns) // NS_PER_MS,
        failing_ms=(now_ns - since_ns) // NS_PER_MS if since_ns else 0,
        last_fault=route.last_fault,
    )
