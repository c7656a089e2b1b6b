"""`alerts list|ack|silence|silences|unsilence`, with and without a desk at work."""

import json
from collections.abc import Callable, Iterator

import pytest
import typer
from polyarb.alerts.alert import Alert, Status
from polyarb.alerts.engine import Transition
from polyarb.cli import alerts_active
from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.output import exit_code_of
from polyarb.domain.errors import PolyarbError
from polyarb.host.clock import SystemClock
from polyarb.store.workspace import Workspace, create_workspace, open_workspace, shipped_templates
from polyarb.wiring.alerts.desk import AlertDesk
from polyarb.wiring.alerts.outbox import Post
from tests.alert_cases import RecordingNotifier, firing
from tests.journal_cases import UNSYNCED

Call = Callable[..., int]


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("place") / "workspace"
    create_workspace(root, shipped_templates())
    return open_workspace(root)


@pytest.fixture
def call(place: Workspace) -> Call:
    app = typer.Typer(rich_markup_mode=None)
    alerts_active.register(app)

    def run(*words: str) -> int:
        try:
            app([*words, "--workspace", str(place.root)], standalone_mode=False)
        except PolyarbError as fault:
            alerts_active.notice(str(fault))
            return exit_code_of(fault)
        return ExitCode.DONE

    return run


@pytest.fixture
def desk(place: Workspace) -> Iterator[AlertDesk]:
    one = open_desk(place)
    yield one
    one.book.close()


def open_desk(place: Workspace) -> AlertDesk:
    posts = [Post(notifier=RecordingNotifier())]
    return AlertDesk(place.alerts_dir, posts, SystemClock(), files=UNSYNCED)


def taken(desk: AlertDesk, *alerts: Alert) -> None:
    desk.take([Transition(alert=alert, previous=None, actions=()) for alert in alerts])
    desk.look()


def test_an_empty_workspace_has_no_alerts_and_is_not_changed(
    call: Call, place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("list") == ExitCode.DONE
    assert capsys.readouterr().out == "0 active\n"
    assert call("list", "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["active_alerts"] == []
    assert call("silences") == ExitCode.DONE
    assert capsys.readouterr().out == "no silence holds\n"
    assert not place.alerts_dir.exists()


def test_what_stands_is_listed_while_a_desk_is_at_work(
    call: Call, desk: AlertDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    alert = firing(number=7)
    taken(desk, alert)
    assert call("list") == ExitCode.DONE
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith("1 active as of ")
    assert "1 still to be told" in head
    assert line.startswith(alert.alert_id[6:18])
    assert "CRITICAL  FIRING      WS_DISCONNECTED (market=7): WS_DISCONNECTED holds" in line
    assert call("list", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["total_active"] == 1
    assert told["active_alerts"][0]["alert_id"] == alert.alert_id
    assert told["active_alerts"][0]["status"] == "FIRING"
    assert len(told["processes"]) == 1


def test_a_line_that_is_newer_than_the_state_counts(
    call: Call, desk: AlertDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    alert, other = firing("A"), firing("B")
    taken(desk, alert)
    desk.take([Transition(alert=other, previous=None, actions=())])
    assert call("list") == ExitCode.DONE
    assert capsys.readouterr().out.startswith("2 active")


def test_a_running_desk_follows_a_request_at_its_next_tick(
    call: Call, desk: AlertDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    alert = firing()
    taken(desk, alert)
    assert call("ack", alert.alert_id[:20], "--by", "ann") == ExitCode.DONE
    assert "follows within a second" in capsys.readouterr().out
    (acked,) = desk.tick().acked
    assert (acked.status, acked.acked_by) == (Status.ACKED, "ann")
    desk.look()
    assert call("list") == ExitCode.DONE
    assert "taken by ann" in capsys.readouterr().out


def test_without_a_desk_a_request_is_followed_at_once(
    call: Call, place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = open_desk(place)
    now_ns = SystemClock().now_ns()
    taken(desk, firing("A", time_ns=now_ns), firing("B", time_ns=now_ns))
    desk.close()
    assert call("ack", "--all", "--by", "ann") == ExitCode.DONE
    assert capsys.readouterr().out == "ack by ann: every alert; done\n"
    assert call("list", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert {one["status"] for one in told["active_alerts"]} == {"ACKED"}
    assert (told["requests"], told["processes"]) == (0, [])
    assert told["undelivered"] == 2
    assert call("silence", "rule=DISK_LOW", "--for", "30m", "--reason", "work", "--by", "bob") == 0
    assert call("silences") == ExitCode.DONE
    out = capsys.readouterr().out
    assert "rule=DISK_LOW  until " in out
    assert "by bob: work" in out
    again = open_desk(place)
    assert {one.status for one in again.active} == {Status.ACKED}
    assert len(again.book.silences) == 1
    again.book.close()


def test_the_alerts_of_the_watch_are_listed_taken_and_silenced_too(
    call: Call, place: Workspace, desk: AlertDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    alert, other = firing("TRADER"), firing("WATCH")
    taken(desk, alert)
    watch = AlertDesk(place.watch_alerts_dir, (), SystemClock(), files=UNSYNCED)
    taken(watch, other)
    assert call("list") == ExitCode.DONE
    assert {line.split()[3] for line in capsys.readouterr().out.splitlines()[1:]} == {
        "TRADER:",
        "WATCH:",
    }
    assert call("ack", other.alert_id) == ExitCode.DONE
    assert desk.tick().acked == ()
    assert [one.alert_id for one in watch.tick().acked] == [other.alert_id]
    assert call("silence", "rule=TRADER_HUNG", "--for", "1h", "--reason", "x") == ExitCode.DONE
    for each in (desk, watch):
        each.tick()
        each.look()
    capsys.readouterr()
    assert call("silences", "--json") == ExitCode.DONE
    (one,) = json.loads(capsys.readouterr().out)
    assert call("unsilence", one["silence_id"]) == ExitCode.DONE
    for each in (desk, watch):
        each.tick()
        assert each.book.silences == {}
    watch.book.close()


def test_a_silence_is_lifted_by_its_id(
    call: Call, place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("silence", "severity=WARNING", "--for", "1d", "--reason", "x", "--json") == 0
    asked = json.loads(capsys.readouterr().out)
    assert asked["silence"]["matcher"] == {"severity": "WARNING"}
    assert asked["by"]
    assert call("silences", "--json") == ExitCode.DONE
    (one,) = json.loads(capsys.readouterr().out)
    assert call("unsilence", one["silence_id"], "--by", "ann") == ExitCode.DONE
    assert call("unsilence", one["silence_id"], "--by", "ann") == ExitCode.USAGE
    assert "there is none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ack",), "expected ids or --all"),
        (("ack", "--all", "alert-1"), "expected ids or --all"),
        (("ack", "alert-123456"), "names none"),
        (("ack", "abc"), "names none"),
        (("ack", "--all", "--by", " "), "expected a name"),
        (("silence", "rule", "--for", "1m", "--reason", "x"), "NAME=VALUE"),
        (("silence", "rule=DISK_LOW", "rule=B", "--for", "1m", "--reason", "x"), "once"),
        (("silence", "rule=", "--for", "1m", "--reason", "x"), "NAME=VALUE"),
        (("silence", "rule=DISK_LOW", "--for", "soon", "--reason", "x"), "30m"),
        (("silence", "rule=DISK_LOW", "--for", "0m", "--reason", "x"), "30m"),
        (("silence", "rule=DISK_LOW", "--for", "8d", "--reason", "x"), "at most 168 hours"),
        (("silence", "severity=CRITICAL", "--for", "2h", "--reason", "x"), "at most 1 hours"),
        (("silence", "rule=DISK_LOW", "--for", "1m", "--reason", " "), "expected a reason"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_wrong_request_is_refused_and_leaves_nothing(
    call: Call,
    place: Workspace,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    expected: str,
) -> None:
    assert call(*words) == ExitCode.USAGE
    assert expected in capsys.readouterr().err
    assert not place.alerts_dir.exists()


def test_an_id_that_begins_several_is_refused(
    call: Call, desk: AlertDesk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyarb.wiring.alerts.orders._SHORT_ID_MIN", 0)
    taken(desk, firing("A"), firing("B"))
    assert call("ack", "alert-") == ExitCode.USAGE
    assert "names several" in capsys.readouterr().err


def test_a_damaged_state_is_told_and_the_log_is_shown(
    call: Call, place: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = open_desk(place)
    taken(desk, firing())
    desk.close()
    (place.alerts_dir / "alerts_state.json").write_bytes(b"{")
    assert call("list") == ExitCode.DONE
    out, err = capsys.readouterr()
    assert "shown from the alert log" in err
    assert "WS_DISCONNECTED" in out
