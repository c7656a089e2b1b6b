"""Whatever went wrong is listed; an orderly end is not."""

from polyarb.domain.book import BookFault
from polyarb.domain.messages import (
    JournalMessage,
    OperatorHalted,
    OperatorResumed,
    RaiseAlert,
    RecoverSet,
)
from polyarb.domain.order import SetStatus, TradingState
from polyarb.ledger.past import Past
from polyarb.ledger.plans import held_set
from polyarb.reports.incidents import IncidentFold, IncidentKind, Incidents
from tests.plan_lives import binary
from tests.report_journals import at, changed, invalidated, run


def incidents(*messages: JournalMessage) -> Incidents:
    fold = IncidentFold()
    for message in messages:
        fold.follow(message)
        fold.apply(message)
    fold.end_run()
    return fold.incidents()


def kinds(*messages: JournalMessage) -> list[IncidentKind]:
    return [incident.kind for incident in incidents(*messages).listed]


def test_an_orderly_run_has_no_incident() -> None:
    assert kinds(*run()) == []


def test_halts_by_operator_and_breaker_are_told_apart() -> None:
    halt = OperatorHalted(receive_time_ns=at(10), actor="ann", reason="lunch")
    resume = OperatorResumed(receive_time_ns=at(20), actor="ann", reason="back")
    stop = changed(TradingState.ACTIVE, TradingState.HALTED, at(11), "ann: lunch")
    trip = changed(TradingState.ACTIVE, TradingState.HALTED, at(30), "breaker: 3 in a row")
    reduce = changed(TradingState.ACTIVE, TradingState.REDUCING, at(25), "limit")
    found = incidents(*run(halt, stop, resume, reduce, trip))
    assert [incident.kind for incident in found.listed] == [
        IncidentKind.HALT,
        IncidentKind.HALT,
        IncidentKind.RESUMED,
        IncidentKind.REDUCED,
        IncidentKind.BREAKER,
    ]
    assert found.critical == 2
    assert found.count(IncidentKind.HALT, IncidentKind.BREAKER) == 3


def test_alerts_keep_their_severity_however_it_is_spelled() -> None:
    alerts = [
        RaiseAlert(receive_time_ns=at(1), severity=severity, text="disk")
        for severity in ("critical", "CRITICAL", "WARNING")
    ]
    assert incidents(*alerts).critical == 2


def test_a_run_that_never_opened_its_books_is_told() -> None:
    assert kinds(*run(is_opened=False)) == [IncidentKind.NOT_OPENED]


def test_failed_trades_and_unsold_shares_are_told_in_order_of_time() -> None:
    life = binary().begun().matched(0, 1, 1).failed(0)
    life.settled(SetStatus.UNWOUND, 0, unsold=7_500_000)
    found = incidents(*life.messages)
    assert [incident.kind for incident in found.listed] == [
        IncidentKind.TRADE_FAILED,
        IncidentKind.UNSOLD,
    ]
    assert "could not sell 7.5 shares" in found.listed[1].text


def test_invalid_books_are_counted_by_fault_and_not_listed() -> None:
    found = incidents(invalidated(1), invalidated(2), invalidated(3, "B", BookFault.FEED_LOST))
    assert (found.listed, found.books_by_fault) == ((), {"CROSSED_BOOK": 2, "FEED_LOST": 1})


def test_a_set_whose_run_was_cut_off_is_told_with_how_far_it_was() -> None:
    past = Past()
    for message in binary("cut").begun().messages:
        past.apply(message)
    (plan,) = past.plans.values()
    recover = RecoverSet(receive_time_ns=at(3), plan_id=plan.key.plan_id, left=held_set(plan))
    (incident,) = incidents(recover).listed
    assert incident.kind is IncidentKind.CUT_OFF
    assert incident.text == "plan cut was LEGGING when its run was cut off"
