"""What a channel is told: the product's fields for machines, few plain lines for people."""

import msgspec
from polyarb.alerts.alert import Alert, Severity
from polyarb.alerts.notices import LINES_MAX, compose
from polyarb.alerts.outbox import Item, Note, Parcel
from tests.alert_cases import START_NS, firing, resolved


def parcel(*alerts: Alert, omitted: int = 0, note: Note = Note.NEW) -> Parcel:
    items = [
        Item(
            key=f"{alert.alert_id}:{alert.status}",
            group="g",
            alert=alert,
            note=note,
            is_urgent=True,
            since_ns=START_NS,
            queued_ns=START_NS,
        )
        for alert in alerts
    ]
    return Parcel(
        group="g",
        is_urgent=True,
        since_ns=START_NS,
        queued_ns=START_NS,
        due_ns=START_NS,
        worst=0,
        items=items,
        omitted=omitted,
    )


def test_one_alert_has_the_products_fields_and_its_id_and_status_as_id() -> None:
    alert = firing()
    notice = compose(parcel(alert))
    body = msgspec.json.decode(notice.body)
    assert {
        "alert_id": alert.alert_id,
        "name": "WS_DISCONNECTED",
        "severity": "CRITICAL",
        "status": "FIRING",
        "fired_at": "2026-05-28T20:26:40.000Z",
        "context": {"current_value": 1.0, "threshold": 0.5, "unit": "count"},
    }.items() <= body.items()
    assert notice.notice_id == body["notice_id"] == f"{alert.alert_id}:FIRING"
    assert notice.title == "CRITICAL FIRING: WS_DISCONNECTED"
    assert f"id {alert.alert_id}" in notice.text
    assert "runbook: docs/PRODUCTION_RUNBOOK.md#ws_disconnected" in notice.text
    assert notice.is_urgent


def test_a_group_tells_its_worst_alert_first_and_what_is_over_last() -> None:
    over, low, high = resolved(firing("OVER")), firing("LOW", Severity.WARNING), firing("HIGH")
    notice = compose(parcel(over, low, high, omitted=97))
    body = msgspec.json.decode(notice.body)
    assert [one["name"] for one in body["alerts"]] == ["HIGH", "LOW", "OVER"]
    assert (body["name"], body["count"], body["omitted"]) == ("HIGH", 100, 97)
    assert body["alerts"][2]["resolved_at"] == "2026-05-28T20:26:41.000Z"
    assert notice.title == "CRITICAL FIRING: HIGH and 99 more"
    assert "and 97 more; see polyarb alerts list" in notice.text
    assert notice.notice_id == compose(parcel(over, low, high, omitted=97)).notice_id
    assert notice.notice_id != compose(parcel(over, low, high, omitted=98)).notice_id


def test_a_text_for_people_stays_short() -> None:
    long = msgspec.structs.replace(firing("LONG"), summary="x" * 10_000)
    notice = compose(parcel(long, *(firing(f"R{number}", number=number) for number in range(19))))
    lines = notice.text.splitlines()
    assert len(lines) == LINES_MAX + 1 + 3
    assert max(map(len, lines)) < 400
    assert "(market=1)" in notice.text


def test_a_repeat_and_an_escalation_say_that_they_are() -> None:
    assert compose(parcel(firing(), note=Note.REPEAT)).title.startswith("still CRITICAL")
    assert compose(parcel(firing(), note=Note.ESCALATION)).title.startswith("nobody took it: ")


def test_an_alert_without_a_value_or_a_time_says_none() -> None:
    alert = msgspec.structs.replace(firing(), value=None, fired_ns=0, runbook="")
    notice = compose(parcel(alert))
    assert msgspec.json.decode(notice.body)["fired_at"] is None
    assert "[" not in notice.text
    assert "runbook" not in notice.text
