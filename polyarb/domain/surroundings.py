"""What a run stands in: the venue's mode, our clock, the disk; and what an operator allows of them.

The messages are tagged structs like those of `messages`, whose unions name them.
"""

from enum import StrEnum

import msgspec

from polyarb.domain.ids import ConditionId, GroupId
from polyarb.domain.market import Market, MarketGroup, Relation
from polyarb.domain.venue import VenueMode

_MICROS_PER_GIB = 1_000_000
_BYTES_PER_GIB = 1 << 30


class RecordingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long recordings stay; an operator may change it in config.yaml.

    Units: disk_gib_max in micros of a GiB, days; 0 is no limit of that kind. What runs of the last
    replay_days need to be run again stays whatever the limits say.
    """

    disk_gib_max: int = 0
    days_max: int = 0
    replay_days_min: int = 7

    @property
    def bytes_max(self) -> int:
        """Return the budget in bytes, 0 for none."""
        return self.disk_gib_max * _BYTES_PER_GIB // _MICROS_PER_GIB


class ClockSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How our clock is watched; an operator may change it in config.yaml.

    Shape: servers are HOST or HOST:PORT. Units: milliseconds that our clock may be off for certain,
    leap at once or drift in a minute; minutes between two measurements.
    """

    servers: tuple[str, ...]
    offset_ms_max: int = 100
    check_minutes: int = 10


class ClockVerdict(StrEnum):
    """What follows from a clock's health, the worst last."""

    GOOD = "good"
    UNKNOWN = "unknown"
    ALARM = "alarm"
    REFUSED = "refused"

    @property
    def stops(self) -> bool:
        """Tell whether nothing is decided by such a clock."""
        return self in (ClockVerdict.ALARM, ClockVerdict.REFUSED)


class ClockStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of our clock at a moment, as an alarm takes it.

    Units: offset_ms is what must be added to our clock, give or take uncertainty_ms; drift_ppm how
    much faster it runs than the venue's; age_ms since the offset was measured. None is not
    measured. is_stepped: it was set since.
    """

    verdict: ClockVerdict
    reason: str
    offset_ms: float | None = None
    uncertainty_ms: float | None = None
    drift_ppm: float | None = None
    is_stepped: bool = False
    age_ms: int | None = None


class CatalogueChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes different in the catalogue of a run; what is not named stays as it is.

    Shape: markets, groups and relations are new or have other facts now; left are markets that are
    no longer watched, which stay known.
    """

    markets: tuple[Market, ...] = ()
    left: tuple[ConditionId, ...] = ()
    groups: tuple[MarketGroup, ...] = ()
    groups_removed: tuple[GroupId, ...] = ()
    relations: tuple[Relation, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is different."""
        return self == CatalogueChange()


class InstrumentsChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Event, on the tape: other markets are watched, or facts of some are others, from now on."""

    change: CatalogueChange
    receive_time_ns: int


class VenueModeChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Event, on the tape: the venue accepts more, or less, from now on."""

    mode: VenueMode
    reason: str
    receive_time_ns: int


FeedChange = VenueModeChanged | InstrumentsChanged
"""What a feed tells of no market alone."""


class ClockJudged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Event, in the journal: our clock may be decided by from now on, or not."""

    is_trusted: bool
    reason: str
    receive_time_ns: int


class RecordingsRemoved(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Note: the oldest recorded hours were removed to keep within the operator's limits.

    Shape: files below the directory of recordings. Units: bytes as stored.
    """

    files: tuple[str, ...]
    removed_bytes: int
    kept_bytes: int
    bytes_max: int
    receive_time_ns: int
