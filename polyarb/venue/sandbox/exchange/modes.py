"""What the engine takes: everything, or a part of it after a restart or by decree."""

from collections.abc import Callable
from functools import partial

from polyarb.venue.sandbox.exchange import texts
from polyarb.venue.sandbox.exchange.timers import Timer, Timers
from polyarb.venue.sandbox.terms.orders import (
    ExchangeMode,
    OrderRequest,
    RefusalReason,
    Refused,
)
from polyarb.venue.sandbox.terms.settings import ExchangeSettings

_MS = 1_000_000
_REFUSALS = {
    ExchangeMode.RESTARTING: (RefusalReason.RESTARTING, texts.SERVICE_NOT_READY),
    ExchangeMode.POST_ONLY: (RefusalReason.POST_ONLY_MODE, texts.POST_ONLY_MODE),
    ExchangeMode.CANCEL_ONLY: (RefusalReason.CANCEL_ONLY_MODE, texts.CANCEL_ONLY_MODE),
    ExchangeMode.DISABLED: (RefusalReason.TRADING_DISABLED, texts.TRADING_DISABLED),
}
"""What a request that the mode does not take is told."""


class Modes:
    """The present mode, and the way back to normal after a restart."""

    def __init__(
        self, settings: ExchangeSettings, timers: Timers, changed: Callable[[ExchangeMode], None]
    ) -> None:
        self.mode = ExchangeMode.OPEN
        self._timers = timers
        self._changed = changed
        self._restart_ns = settings.restart_ms * _MS
        self._post_only_ns = settings.post_only_ms * _MS
        self._recovery: Timer | None = None

    def set(self, mode: ExchangeMode) -> None:
        """Take more or less from now on, until told otherwise; a restart is over with it."""
        if self._recovery is not None:
            self._timers.void(self._recovery)
            self._recovery = None
        if mode is not self.mode:
            self.mode = mode
            self._changed(mode)

    def restart(self, now_ns: int) -> None:
        """Take nothing for a while, then post-only orders, then everything."""
        self.set(ExchangeMode.RESTARTING)
        due_ns = now_ns + self._restart_ns
        self._recovery = self._timers.set(due_ns, partial(self._take_post_only, due_ns))

    def refuses_order(self, request: OrderRequest) -> Refused | None:
        """Refuse an order that the mode does not take."""
        mode = self.mode
        if mode is ExchangeMode.OPEN or (mode is ExchangeMode.POST_ONLY and request.is_post_only):
            return None
        reason, message = _REFUSALS[mode]
        return Refused(reason=reason, message=message, order_id=request.order_id)

    def refuses_cancels(self) -> Refused | None:
        """Refuse a cancel request while the engine is not there."""
        mode = self.mode
        if mode is ExchangeMode.RESTARTING or mode is ExchangeMode.DISABLED:
            reason, message = _REFUSALS[mode]
            return Refused(reason=reason, message=message)
        return None

    def _take_post_only(self, now_ns: int) -> None:
        self._recovery = None
        self.set(ExchangeMode.POST_ONLY)
        self._recovery = self._timers.set(now_ns + self._post_only_ns, self._take_everything)

    def _take_everything(self) -> None:
        self._recovery = None
        self.set(ExchangeMode.OPEN)
