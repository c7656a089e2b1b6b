"""The venue's mode as a whole, from all that observes it, and when it is known to restart.

After the venue was down every book is lost and taken anew. No clock, no I/O.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from polyarb.domain.venue import VenueMode

_NS = 10**9
POST_ONLY_AFTER_DOWN_NS = 120 * _NS
"""How long the venue is post-only after a restart. Source: polymarket.md 7.3."""
DROP_WINDOW_NS = 5 * _NS
DROP_PERCENT_MIN = 80
"""So many of the connections ended at once, of all sources, is no fault of a line."""
_RESTART_HOUR_ET = 7
_CAUTION_BEFORE = timedelta(minutes=5)
_CAUTION_AFTER = timedelta(minutes=10)
_GRAVITY = {
    VenueMode.OK: 0,
    VenueMode.POST_ONLY: 1,
    VenueMode.CANCEL_ONLY: 2,
    VenueMode.DOWN: 3,
}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue is believed to accept, why, since when and until when at least.

    Units: unix nanoseconds; trusted_from_ns is when it may be OK again, 0 when that is not known.
    """

    mode: VenueMode
    reason: str
    since_ns: int
    trusted_from_ns: int = 0


class VenueModes:
    """Follows the mode; a worse one counts at once, a better one only when it may be trusted."""

    def __init__(
        self,
        on_change: Callable[[Standing], None] | None = None,
        on_books_lost: Callable[[str, int], None] | None = None,
    ) -> None:
        """Shape: on_books_lost(reason, now_ns) is called when the venue is no longer down."""
        self.standing = Standing(mode=VenueMode.OK, reason="nothing observed", since_ns=0)
        self._on_change = on_change
        self._on_books_lost = on_books_lost
        self._drops: dict[str, tuple[int, int]] = {}

    def observe(self, mode: VenueMode, reason: str, now_ns: int, *, lasts_ns: int = 0) -> None:
        """Take an observation; lasts_ns is how long the venue said that it lasts, if it did."""
        standing = self.standing
        if _GRAVITY[mode] > _GRAVITY[standing.mode]:
            self._enter(mode, reason, now_ns, now_ns + lasts_ns if lasts_ns else 0)
        elif mode is standing.mode:
            until_ns = max(standing.trusted_from_ns, now_ns + lasts_ns if lasts_ns else 0)
            self.standing = msgspec.structs.replace(standing, trusted_from_ns=until_ns)
        elif standing.mode is VenueMode.DOWN:
            self._rise(mode, reason, now_ns, lasts_ns)
        elif now_ns >= standing.trusted_from_ns:
            self._enter(mode, reason, now_ns, now_ns + lasts_ns if lasts_ns else 0)

    def dropped(self, source: str, lost: int, of: int, now_ns: int) -> bool:
        """Take note that so many connections of a source ended at once; tell if that is enough.

        If it is so of all sources together it is a restart.
        """
        if of <= 0 or lost * 100 < of * DROP_PERCENT_MIN:
            return False
        self._drops[source] = (now_ns, of)
        self._drops = {
            name: drop for name, drop in self._drops.items() if now_ns - drop[0] <= DROP_WINDOW_NS
        }
        return True

    def is_mass_drop(self, sources: int, now_ns: int) -> bool:
        """Tell whether so many sources lost nearly everything within seconds."""
        recent = [at_ns for at_ns, _ in self._drops.values() if now_ns - at_ns <= DROP_WINDOW_NS]
        return sources > 0 and len(recent) >= sources

    def judge_drops(self, sources: int, now_ns: int) -> None:
        """Conclude from the losses of all streams that the venue probably restarts."""
        if self.is_mass_drop(sources, now_ns):
            self._drops.clear()
            self.observe(VenueMode.DOWN, "every connection dropped: probably a restart", now_ns)

    def caution(self, now_ns: int) -> str:
        """Say why not to begin anything now, or nothing: the weekly restart is near."""
        moment = datetime.fromtimestamp(now_ns // _NS, UTC)
        restart = restart_of(moment)
        if restart - _CAUTION_BEFORE <= moment <= restart + _CAUTION_AFTER:
            return f"the venue has restarted on Tuesdays at {restart:%H:%M} UTC"
        return ""

    def _rise(self, mode: VenueMode, reason: str, now_ns: int, lasts_ns: int) -> None:
        """Leave DOWN: every book is taken anew, and orders are refused for a while."""
        if mode is VenueMode.OK:
            mode, lasts_ns = VenueMode.POST_ONLY, POST_ONLY_AFTER_DOWN_NS
            reason = f"{reason}, after it was down: {self.standing.reason}"
        self._enter(mode, reason, now_ns, now_ns + (lasts_ns or POST_ONLY_AFTER_DOWN_NS))
        if self._on_books_lost is not None:
            self._on_books_lost("the venue was down", now_ns)

    def _enter(self, mode: VenueMode, reason: str, now_ns: int, trusted_from_ns: int) -> None:
        self.standing = Standing(
            mode=mode, reason=reason, since_ns=now_ns, trusted_from_ns=trusted_from_ns
        )
        if self._on_change is not None:
            self._on_change(self.standing)


def restart_of(moment: datetime) -> datetime:
    """Return the time of the weekly restart on the day of a moment, or of the next Tuesday.

    Source: polymarket.md 7.3 (Tuesday 7:00 in New York).
    """
    days = (1 - moment.weekday()) % 7
    day = (moment + timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    offset = 4 if _is_summer(day) else 5
    return day + timedelta(hours=_RESTART_HOUR_ET + offset)


def _is_summer(day: datetime) -> bool:
    """Tell whether New York has summer time at seven in the morning of a day."""
    begins = _sunday(day.year, month=3, nth=2)
    ends = _sunday(day.year, month=11, nth=1)
    return begins <= day < ends


def _sunday(year: int, *, month: int, nth: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))
