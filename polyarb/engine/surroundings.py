"""What the venue accepts and what our clock is worth: less of either calls back what is open.

Whether something new may be opened is the risk stage's to say.
"""

from polyarb.domain.messages import Output, RaiseAlert
from polyarb.domain.surroundings import ClockJudged, VenueModeChanged
from polyarb.domain.venue import VenueMode
from polyarb.engine import flights
from polyarb.engine.state import EngineState


def change_mode(state: EngineState, event: VenueModeChanged) -> list[Output]:
    """Follow the venue's mode; an unmatched order would meet an unknown book once it is over."""
    previous, state.venue_mode = state.venue_mode, event.mode
    if event.mode is previous:
        return []
    now_ns, is_ok = event.receive_time_ns, event.mode is VenueMode.OK
    text = f"the venue is {event.mode}: {event.reason}"
    outputs = [] if is_ok else flights.recall(state, tuple(state.ladders), text, now_ns)
    return [*outputs, _alert("INFO" if is_ok else "WARNING", text, now_ns)]


def judge_clock(state: EngineState, event: ClockJudged) -> list[Output]:
    """Follow whether our clock is trusted. By a wrong one every book may be stale: no trade."""
    previous = state.clock_fault
    state.clock_fault = "" if event.is_trusted else event.reason or "the reason was not told"
    if bool(previous) is bool(state.clock_fault):
        return []
    now_ns = event.receive_time_ns
    if event.is_trusted:
        return [_alert("INFO", f"our clock is right again: {event.reason}", now_ns)]
    text = f"our clock is wrong: {event.reason}"
    recalled = flights.recall(state, tuple(state.ladders), text, now_ns)
    return [*recalled, _alert("CRITICAL", text, now_ns)]


def _alert(severity: str, text: str, now_ns: int) -> Output:
    return RaiseAlert(receive_time_ns=now_ns, severity=severity, text=text)
