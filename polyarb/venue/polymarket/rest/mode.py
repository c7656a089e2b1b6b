"""What the venue accepts at the moment, derived from its public answers. No clock, no I/O.

A public read succeeds while orders are refused, so that a success ends a restriction only after
the time that it lasts. Source: polymarket.md 3.4, 7.3.
"""

from collections.abc import Callable

import msgspec

from polyarb.domain.venue import VenueMode
from polyarb.venue.polymarket.rest.faults import RestError

RESTRICTED_MS = 120_000
"""How long the venue is post-only after a restart; stands for restrictions that tell no length."""
_NS_PER_MS = 1_000_000


class ModeReading(msgspec.Struct, frozen=True, kw_only=True):
    """A mode, when it was observed (unix ns; 0 = nothing was yet) and by what."""

    mode: VenueMode
    observed_ns: int = 0
    reason: str = "no answer yet"


class ModeWatch:
    """Follows the mode from answer to answer; tells who listens of every change."""

    def __init__(self, listener: Callable[[ModeReading], None] | None = None) -> None:
        self._listener = listener
        self._holds_until_ns = 0
        self._is_restarting = False
        self.reading = ModeReading(mode=VenueMode.DOWN)

    def answered(self, now_ns: int) -> None:
        """Take note of a good answer."""
        if self._is_restarting:
            self._is_restarting = False
            self._hold(now_ns, RESTRICTED_MS)
            self._tell(VenueMode.POST_ONLY, now_ns, "answers again after a restart")
        elif now_ns >= self._holds_until_ns:
            self._tell(VenueMode.OK, now_ns, "answers")

    def traded(self, now_ns: int) -> None:
        """Take note that an order that might have taken was accepted: nothing is restricted."""
        self._is_restarting = False
        self._holds_until_ns = now_ns
        self._tell(VenueMode.OK, now_ns, "takes orders")

    def failed(self, fault: RestError, now_ns: int) -> None:
        """Take note of what an answer says about the mode, if it says anything."""
        text = fault.body.error.lower()
        wait_ms = fault.retry_after_ms or RESTRICTED_MS
        if fault.status == 425:
            self._is_restarting = True
            self._tell(VenueMode.DOWN, now_ns, "restarting")
        elif fault.status != 503:
            return
        elif fault.body.code == "post_only_mode" or "post-only mode" in text:
            self._restrict(VenueMode.POST_ONLY, now_ns, wait_ms)
        elif "cancel-only" in text or fault.body.code == "cancel_only_mode":
            self._restrict(VenueMode.CANCEL_ONLY, now_ns, wait_ms)
        elif "trading is disabled" in text:
            self._restrict(VenueMode.DOWN, now_ns, wait_ms, "trading is disabled")

    def unreachable(self, reason: str, now_ns: int) -> None:
        """Take note that the venue does not answer at all."""
        self._tell(VenueMode.DOWN, now_ns, reason)

    def _restrict(self, mode: VenueMode, now_ns: int, wait_ms: int, reason: str = "") -> None:
        self._is_restarting = False
        self._hold(now_ns, wait_ms)
        self._tell(mode, now_ns, reason or f"the venue says {mode}")

    def _hold(self, now_ns: int, wait_ms: int) -> None:
        self._holds_until_ns = now_ns + wait_ms * _NS_PER_MS

    def _tell(self, mode: VenueMode, now_ns: int, reason: str) -> None:
        has_changed = mode is not self.reading.mode or not self.reading.observed_ns
        self.reading = ModeReading(mode=mode, observed_ns=now_ns, reason=reason)
        if has_changed and self._listener is not None:
            self._listener(self.reading)
