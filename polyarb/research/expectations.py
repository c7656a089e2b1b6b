"""Whether what a run journaled is what a scenario expects: words of a line against messages."""

from collections.abc import Callable, Iterable

from polyarb.domain.messages import (
    BookInvalidated,
    BookRestored,
    CancelAll,
    CensusCounted,
    JournalMessage,
    OpportunityFound,
    OpportunityLost,
    PlaceOrders,
    PlanDenied,
    PlanSized,
    RaiseAlert,
    RecoverSet,
    RedeemSet,
    RequestSnapshot,
    SetChanged,
    SetSettled,
    TierMeasured,
    TradingStateChanged,
)
from polyarb.domain.units import format_attos, format_micros
from polyarb.research.scenario import Expectation, Scenario

Words = tuple[str, ...]


def unmet(scenario: Scenario, messages: Iterable[JournalMessage]) -> list[str]:
    """List what a run owes a scenario: one line for each expectation that did not come true."""
    told = [(message, words) for message in messages for words in describe(message)]
    faults: list[str] = []
    at = 0
    for expectation in scenario.expectations:
        if expectation.is_never:
            faults += _never(expectation, told)
            continue
        met = _first(expectation, told, at)
        if met is None:
            faults.append(f"line {expectation.line}: not met: {' '.join(expectation.words)}")
        else:
            at = met + 1
    return faults


def _first(
    expectation: Expectation, told: list[tuple[JournalMessage, Words]], at: int
) -> int | None:
    for index in range(at, len(told)):
        message, words = told[index]
        if message.receive_time_ns >= expectation.before_ns:
            return None
        if message.receive_time_ns >= expectation.after_ns and _fits(expectation.words, words):
            return index
    return None


def _never(expectation: Expectation, told: list[tuple[JournalMessage, Words]]) -> list[str]:
    text = " ".join(expectation.words)
    return [
        f"line {expectation.line}: must never be: {text}; found {' '.join(words)}"
        for _message, words in told
        if _fits(expectation.words, words)
    ]


def _fits(expected: Words, found: Words) -> bool:
    """Tell whether the expected words begin the found ones; `*` stands for any word."""
    if len(expected) > len(found):
        return False
    return all(one in ("*", other) for one, other in zip(expected, found, strict=False))


def describe(message: JournalMessage) -> list[Words]:
    """Say a message in the words of a scenario; most kinds say one line, some none."""
    speak = _SPEAKERS.get(type(message))
    return speak(message) if speak is not None else []


def _place(message: PlaceOrders) -> list[Words]:
    return [
        (
            "place",
            order.condition_id,
            order.outcome,
            order.side,
            format_micros(order.price_limit),
            "x",
            format_micros(order.shares),
        )
        for order in message.orders
    ]


def _plan(message: PlanSized) -> list[Words]:
    plan = message.plan
    quantity, profit = format_micros(plan.quantity), format_attos(plan.profit)
    return [("plan", plan.family, quantity, "profit", profit, plan.reason)]


def _tier(message: TierMeasured) -> list[Words]:
    return [("tier", message.tier, format_micros(message.quantity), format_micros(message.profit))]


def _census(message: CensusCounted) -> list[Words]:
    return [
        *(("raw", family, str(count)) for family, count in message.raw_hits.items()),
        *(("rejected", reason, str(count)) for reason, count in message.rejected.items()),
        *(("tradable", family, str(count)) for family, count in message.tradable.items()),
    ]


def _lost(message: OpportunityLost) -> list[Words]:
    seconds = format_micros(message.duration_ns // 1_000)
    return [("lost", message.family, seconds, "censored" if message.is_censored else "ended")]


_SPEAKERS: dict[type, Callable[..., list[Words]]] = {
    PlaceOrders: _place,
    PlanSized: _plan,
    TierMeasured: _tier,
    CensusCounted: _census,
    OpportunityLost: _lost,
    OpportunityFound: lambda m: [("found", m.family, m.relation_id)],
    PlanDenied: lambda m: [("deny", m.reason, m.stage, m.family)],
    BookInvalidated: lambda m: [("invalid", m.condition_id, m.fault)],
    BookRestored: lambda m: [("restored", m.condition_id)],
    RequestSnapshot: lambda m: [("snapshot", m.condition_id)],
    SetChanged: lambda m: [("set", m.family, m.current)],
    RecoverSet: lambda m: [("recover", m.left.family, m.left.status)],
    RedeemSet: lambda m: [("redeem", m.family, format_micros(m.quantity))],
    SetSettled: lambda m: [
        ("settled", m.status, format_micros(m.proceeds), "gas", format_micros(m.gas))
    ],
    TradingStateChanged: lambda m: [("state", m.current)],
    CancelAll: lambda _: [("cancel", "all")],
    RaiseAlert: lambda m: [("alert", m.severity)],
}
