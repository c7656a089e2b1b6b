"""What a channel still has to be told: bounded, the urgent first, tried until taken or given up.

Pure: time comes in, the next moment goes out; the shell sends. What waits for one group goes out
together, so that a storm of alerts is a few notices.
"""

from enum import StrEnum
from hashlib import sha256

import msgspec

from polyarb.alerts.alert import Alert, Severity

ITEMS_MAX = 20
"""Alerts that one notice names; the rest of it is counted, and listed in the alert log."""
PARCELS_MAX = 128
"""Notices that wait for one channel; what is beyond is counted in the last of its kind."""
FAR_FUTURE_NS = 2**63 - 1
_SEVERITIES = tuple(Severity)
_SHARES = 1 << 16


class Note(StrEnum):
    """Why an alert is told: something happened, or it still stands and nobody has taken it."""

    NEW = "new"
    REPEAT = "repeat"
    ESCALATION = "escalation"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One alert to be told of. Shape: key is its id and status, with the turn of a repeat.

    Units: since_ns is when it happened, queued_ns when it was to be told.
    """

    key: str
    group: str
    alert: Alert
    note: Note = Note.NEW
    is_urgent: bool
    since_ns: int
    queued_ns: int


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel is tried. Units: nanoseconds.

    Shape: a round of attempts, retry apart; then rounds of one, ever longer apart up to the most.
    gap is kept between any two sends, again between two for one group.
    """

    attempts_max: int = 3
    retry_ns: int = 5_000_000_000
    most_ns: int = 300_000_000_000
    give_up_ns: int = 86_400_000_000_000
    gap_ns: int = 0
    again_ns: int = 5_000_000_000


class Parcel(msgspec.Struct, kw_only=True):
    """Alerts of one group that are told together; closed once an attempt was made.

    Shape: omitted is how many more there are than items; since_ns of the oldest of them; queued_ns
    of the first that came; due_ns from when it may be sent; worst is the place of its severity;
    is_again: its group was told just before.
    """

    group: str
    is_urgent: bool
    since_ns: int
    queued_ns: int
    due_ns: int
    worst: int
    is_again: bool = False
    items: list[Item] = []
    omitted: int = 0
    attempts: int = 0
    is_given: bool = False

    @property
    def count(self) -> int:
        """Return how many alerts it tells of."""
        return len(self.items) + self.omitted

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        """Return its place: the urgent first, then groups not told yet, the severe, the older."""
        return not self.is_urgent, self.is_again, self.worst, self.since_ns


class Failure(StrEnum):
    """What an attempt that failed comes to."""

    RETRIED = "retried"
    FAILED = "failed"
    GAVE_UP = "gave_up"


class LaneState(msgspec.Struct, frozen=True, kw_only=True):
    """What a restart must know of a lane."""

    channel: str
    parcels: tuple[Parcel, ...]
    failing_since_ns: int = 0


class Lane:
    """The queue of one channel; the only mutable thing of this room besides the engine."""

    def __init__(self, channel: str, patience: Patience) -> None:
        self.channel = channel
        self.patience = patience
        self.failing_since_ns = 0
        self.delivered = 0
        self.failures = 0
        """Notices that a whole round of attempts did not bring through, or that were given up."""
        self.failed_attempts = 0
        self._parcels: list[Parcel] = []
        self._failed_in_a_row = 0
        self._rest_until_ns = 0
        self._wait_until_ns = 0
        self._again_ns: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """Return how many alerts still have to be told."""
        return sum(parcel.count for parcel in self._parcels)

    @property
    def oldest_ns(self) -> int:
        """Return when the oldest of them happened; FAR_FUTURE_NS when none waits."""
        return min((parcel.since_ns for parcel in self._parcels), default=FAR_FUTURE_NS)

    @property
    def notices(self) -> int:
        """Return how many notices they make up."""
        return len(self._parcels)

    def add(self, item: Item) -> None:
        """Take an alert; it joins what already waits for its group."""
        worst = _SEVERITIES.index(item.alert.severity)
        parcel = self._open_parcel(item)
        if parcel is None:
            again_ns = self._again_ns.get(item.group, 0)
            self._parcels.append(
                Parcel(
                    group=item.group,
                    is_urgent=item.is_urgent,
                    since_ns=item.since_ns,
                    queued_ns=item.queued_ns,
                    due_ns=max(item.queued_ns, again_ns),
                    is_again=again_ns > item.queued_ns,
                    worst=worst,
                    items=[item],
                )
            )
            return
        parcel.worst = min(parcel.worst, worst)
        parcel.since_ns = min(parcel.since_ns, item.since_ns)
        if len(parcel.items) < ITEMS_MAX:
            parcel.items.append(item)
        else:
            parcel.omitted += 1

    def give(self, now_ns: int) -> Parcel | None:
        """Hand out what is to be sent now, or None; its outcome must be told before the next."""
        ready = [parcel for parcel in self._parcels if self._due_ns(parcel) <= now_ns]
        if not ready:
            return None
        chosen = min(ready, key=lambda parcel: parcel.rank)
        chosen.is_given = True
        return chosen

    @property
    def deadline_ns(self) -> int:
        """Return when the next parcel may be sent; FAR_FUTURE_NS when none waits."""
        return min((self._due_ns(parcel) for parcel in self._parcels), default=FAR_FUTURE_NS)

    def took(self, parcel: Parcel, now_ns: int) -> None:
        """The channel took a parcel."""
        self._parcels.remove(parcel)
        self.delivered += 1
        self.failing_since_ns = self._failed_in_a_row = 0
        self._rest_until_ns = now_ns + self.patience.gap_ns
        self._wait_until_ns = 0
        self._again_ns = {
            group: until_ns for group, until_ns in self._again_ns.items() if until_ns > now_ns
        }
        self._again_ns[parcel.group] = now_ns + self.patience.again_ns

    def failed(
        self, parcel: Parcel, now_ns: int, *, is_final: bool = False, wait_ns: int = 0
    ) -> Failure:
        """The channel did not take a parcel; is_final: it never will. wait_ns: as it asked."""
        patience = self.patience
        self.failed_attempts += 1
        parcel.attempts += 1
        parcel.is_given = False
        if is_final or now_ns - parcel.queued_ns >= patience.give_up_ns:
            self._parcels.remove(parcel)
            self.failures += parcel.attempts < patience.attempts_max
            if not is_final:
                self._fall_back(parcel, now_ns, wait_ns)
            return Failure.GAVE_UP
        self._fall_back(parcel, now_ns, wait_ns)
        if parcel.attempts == patience.attempts_max:
            self.failures += 1
            return Failure.FAILED
        return Failure.RETRIED

    def snapshot(self) -> LaneState:
        """Return what a restart must know."""
        parcels = tuple(
            msgspec.structs.replace(parcel, items=list(parcel.items)) for parcel in self._parcels
        )
        return LaneState(
            channel=self.channel, parcels=parcels, failing_since_ns=self.failing_since_ns
        )

    def restore(self, state: LaneState, now_ns: int) -> None:
        """Go on after a restart: everything that waited is tried at once, with all its time."""
        self.failing_since_ns = state.failing_since_ns
        self._parcels = [
            msgspec.structs.replace(
                parcel,
                items=list(parcel.items),
                is_given=False,
                attempts=min(parcel.attempts, 1),
                queued_ns=now_ns,
                due_ns=now_ns,
            )
            for parcel in state.parcels
        ]

    def _fall_back(self, parcel: Parcel, now_ns: int, wait_ns: int) -> None:
        self.failing_since_ns = self.failing_since_ns or now_ns
        self._failed_in_a_row += 1
        doublings = max(0, self._failed_in_a_row - self.patience.attempts_max + 1)
        longest_ns = min(self.patience.retry_ns << min(doublings, 16), self.patience.most_ns)
        seed = f"{self.channel} {parcel.items[0].key} {self._failed_in_a_row}"
        pause_ns = longest_ns + _jitter(seed, longest_ns // 10)
        self._wait_until_ns = now_ns + max(pause_ns, wait_ns)
        self._rest_until_ns = now_ns + max(self.patience.gap_ns, wait_ns)

    def _due_ns(self, parcel: Parcel) -> int:
        """Something urgent and new is tried even where others just failed; else that is waited."""
        is_fresh = parcel.is_urgent and not parcel.attempts
        pause_ns = self._rest_until_ns if is_fresh else self._wait_until_ns
        return max(parcel.due_ns, pause_ns, self._rest_until_ns)

    def _open_parcel(self, item: Item) -> Parcel | None:
        """Find where an alert belongs: its group's open parcel, or any when there are too many.

        What was tried may have arrived and stays as it was, unless there is no room left.
        """
        alike = [
            parcel
            for parcel in self._parcels
            if parcel.is_urgent == item.is_urgent and not parcel.is_given
        ]
        of_group = (parcel for parcel in alike if parcel.group == item.group)
        own = next((parcel for parcel in of_group if not parcel.attempts), None)
        is_full = len(self._parcels) >= PARCELS_MAX and len(alike) > 1
        return alike[-1] if own is None and is_full else own


def _jitter(seed: str, most: int) -> int:
    """Draw from -most to most, the same for the same seed."""
    share = int.from_bytes(sha256(seed.encode()).digest()[:2], "big")
    return (2 * share - _SHARES) * most // _SHARES
