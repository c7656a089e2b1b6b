"""Stage 6: only confirmed trades are money; turn them into it, or unwind what broke."""

from polyarb.domain.messages import (
    Output,
    SetSettled,
    SettleSet,
    TradeConfirmed,
    TradeFailed,
    UnwindSet,
)
from polyarb.domain.order import SetStatus
from polyarb.domain.plan import Family, Side
from polyarb.engine import taken
from polyarb.engine.state import OrderProgress, SetInFlight

ENDINGS: dict[Family, SetStatus] = {
    Family.BINARY: SetStatus.MERGED,
    Family.NEGRISK_YES: SetStatus.HELD,
    Family.NEGRISK_NO: SetStatus.CONVERTED,
    Family.NEGRISK_SPLIT: SetStatus.CONVERTED,
    Family.IMPLICATION: SetStatus.HELD,
    Family.LADDER: SetStatus.HELD,
}
"""What becomes of a complete set of one relation whose every trade is confirmed."""


def on_trade(flight: SetInFlight, event: TradeConfirmed | TradeFailed) -> None:
    """Take the final word on one order's match; a failed one never happened."""
    progress = flight.orders[event.order_id]
    if isinstance(event, TradeConfirmed):
        progress.is_confirmed = True
        return
    progress.is_failed = True
    progress.shares = progress.notional = progress.fee = 0


def is_final(progress: OrderProgress) -> bool:
    """Tell whether nothing about an order can change any more."""
    return progress.is_final and (
        progress.is_confirmed or progress.is_failed or not progress.shares
    )


def next_status(flight: SetInFlight) -> SetStatus | None:
    """Name the step that the final words allow, or None while some are missing."""
    progresses = flight.orders.values()
    if flight.status is SetStatus.COMPLETE:
        if any(progress.is_failed for progress in progresses):
            return SetStatus.BROKEN
        if all(progress.is_confirmed for progress in progresses):
            return SetStatus.HELD if flight.states else ENDINGS[flight.family]
    return None


def command(flight: SetInFlight, now_ns: int) -> Output | None:
    """Command the set operation of a finished set, or, once, the unwind of a broken one."""
    if flight.status is SetStatus.BROKEN:
        if flight.is_unwinding or not all(map(is_final, flight.orders.values())):
            return None
        flight.is_unwinding = True
        _sell_off(flight)
        return UnwindSet(receive_time_ns=now_ns, plan_id=flight.plan_id)
    if flight.status in ENDINGS.values():
        return SettleSet(
            receive_time_ns=now_ns,
            plan_id=flight.plan_id,
            family=flight.family,
            status=flight.status,
            quantity=flight.quantity,
        )
    return None


def _sell_off(flight: SetInFlight) -> None:
    """Count what an unwind will sell as taken from now on; a split leaves what was not sold."""
    progresses = flight.orders.values()
    most = max(progress.shares for progress in progresses)
    for progress in progresses:
        spare = most - progress.shares if flight.is_split_first else progress.shares
        taken.sell_off(progress.ladder, progress.intent.outcome, spare)


def result(flight: SetInFlight, event: SetSettled) -> int:
    """Compute what a settled set earned, in micros of a USD, fees and gas included."""
    cash = sum(
        progress.notional - progress.fee
        if progress.intent.side is Side.SELL
        else -progress.notional - progress.fee
        for progress in flight.orders.values()
    )
    return cash + event.proceeds - event.gas
