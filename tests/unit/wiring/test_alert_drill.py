"""Rules are drilled through the real alerting; what does not act or is not told is found out."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from polyarb.alerts.alert import Action, Alert
from polyarb.domain.errors import DeliveryError, UsageError
from polyarb.ports import Notice
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.alerts import drill as alert_drill
from polyarb.wiring.alerts.alerting import Alerting
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.drill import RuleDrill, drill_rules
from polyarb.wiring.alerts.receiver import LoopbackReceiver


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    create_workspace(tmp_path / "own", shipped_templates())
    return open_workspace(tmp_path / "own")


def drilled(place: Workspace, *rules: str) -> list[RuleDrill]:
    return list(drill_rules(place, rules))


def test_a_rule_is_drilled_in_each_phase_in_which_it_acts_differently(place: Workspace) -> None:
    in_shadow, in_live = drilled(place, "WS_DISCONNECTED")
    assert (in_shadow.fault, in_live.fault) == ("", "")
    assert (in_shadow.phase, in_live.phase) == ("shadow", "micro-live")
    assert (in_shadow.actions[-1], in_live.actions[-1]) == ("reduce", "halt")
    for row in (in_shadow, in_live):
        assert row.case == "the stream is lost for ten seconds and comes back"
        assert row.acted_ms is not None
        assert row.attempted_ms is not None
        assert row.delivered_ms is not None
        assert row.acted_ms < row.attempted_ms <= row.delivered_ms


@pytest.mark.parametrize(
    "rule",
    ["TRADER_HUNG", "ALERTS_UNDELIVERED", "LATENCY_P95_HIGH", "DEAD_MAN", "DRY_RUN_NO_FILLS"],
)
def test_what_kills_demotes_waits_pings_or_only_records_is_drilled_too(
    place: Workspace, rule: str
) -> None:
    (row,) = drilled(place, rule)
    assert row.fault == ""
    assert (row.delivered_ms is None) is (rule == "DRY_RUN_NO_FILLS")
    assert (row.acted_ms is None) is (rule not in ("TRADER_HUNG", "ALERTS_UNDELIVERED"))


def test_a_rule_that_is_not_there_is_refused(place: Workspace) -> None:
    with pytest.raises(UsageError, match=r"expected WS_DISCONNECTED \(the nearest\)"):
        drilled(place, "WS_DISCONECTED")


def test_a_rule_without_a_case_is_not_proven(place: Workspace) -> None:
    rules = place.alerts_file
    rules.write_text(
        rules.read_text() + "\n  LONELY:\n    severity: WARNING\n    summary: Lonely\n"
        "    expr: feed_rejected > 5\n    actions: [log, notify]\n"
    )
    (row,) = drilled(place, "LONELY")
    assert row.fault == "no case under config/alert_cases/ makes its condition hold"


def test_a_rule_that_no_longer_fires_in_its_case_is_not_proven(place: Workspace) -> None:
    rules = place.alerts_file
    rules.write_text(rules.read_text().replace("ws_connected == false", "ws_drops > 99"))
    assert {row.fault for row in drilled(place, "WS_DISCONNECTED")} == {
        "no case under config/alert_cases/ makes its condition hold"
    }


Plant = Callable[[pytest.MonkeyPatch], None]


def does_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Alerting, "_act", lambda _self, _alert, _actions: None)


def only_latches(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Alerting, "_order", lambda _self, _make: None)


def only_orders(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("polyarb.wiring.alerts.alerting.write_halt", lambda _latch, _halt: None)


def never_stops(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alert_drill.StandIn, "stop", lambda _self, _reason: None)


def acts_late(patch: pytest.MonkeyPatch) -> None:
    real, waiting = Alerting._act, []

    def act(self: Alerting, alert: Alert, actions: Iterable[Action]) -> None:
        waiting.append((self, alert, actions))

    def take(self: AlertDesk, transitions: object) -> None:
        _take(self, transitions)  # type: ignore[arg-type]
        while waiting:
            receiver_heard()
            real(*waiting.pop())

    patch.setattr(Alerting, "_act", act)
    patch.setattr(AlertDesk, "take", take)


_take = AlertDesk.take
_receivers: list[LoopbackReceiver] = []


def receiver_heard() -> None:
    assert _receivers[-1].wait_for(lambda _one: True, 20)


@pytest.fixture(autouse=True)
def receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    def entered(self: LoopbackReceiver) -> LoopbackReceiver:
        _receivers.append(self)
        return _enter(self)

    monkeypatch.setattr(LoopbackReceiver, "__enter__", entered)


_enter = LoopbackReceiver.__enter__


def other_key(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("polyarb.wiring.alerts.receiver.sign", lambda _key, _time, _body: "sha256=0")


def tells_nobody(patch: pytest.MonkeyPatch) -> None:
    def send(_self: object, _notice: Notice) -> None:
        raise DeliveryError("webhook: nobody")

    patch.setattr("polyarb.alerts.notifiers.WebhookNotifier.send", send)
    patch.setattr(alert_drill, "TOLD_MS_MAX", 50)


def slow(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alert_drill, "ATTEMPT_MS_MAX", -1)


def slow_delivery(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alert_drill._Scene, "_wait_for_delivered", lambda _self, _channel: None)
    patch.setattr(alert_drill, "_MS", 1)


def beats_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AlertDesk, "_is_turning", lambda _self, _now_ns: True)


@pytest.mark.parametrize(
    ("rule", "plant", "told"),
    [
        ("RISK_BREACH", does_nothing, "expected a latched halt, found None"),
        ("RISK_BREACH", only_latches, "expected OperatorHalted, found no order"),
        ("RISK_BREACH", only_orders, "expected a latched halt, found None"),
        ("TRADER_HUNG", never_stops, "expected the end that a kill is, found []"),
        ("DATA_DELAY_HIGH", does_nothing, "expected OperatorReduced, found no order"),
        ("RISK_BREACH", acts_late, "expected the action before any telling"),
        ("RISK_BREACH", other_key, "expected a signature that is right, found another"),
        ("RISK_BREACH", tells_nobody, "expected a webhook within 50 ms, found none"),
        ("RISK_BREACH", slow, "expected the first attempt within -1 ms"),
        ("DATA_DELAY_HIGH", slow_delivery, "expected the delivery within 5000 ms"),
        ("DEAD_MAN", beats_for_ever, "expected no ping of a loop that stands still, found one"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_an_alert_that_does_not_act_or_is_not_told_is_found_out(
    place: Workspace, rule: str, plant: Plant, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    (row,) = drilled(place, rule)
    assert row.fault.startswith(told), row.fault
    assert not row.is_passed
