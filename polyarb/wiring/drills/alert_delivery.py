"""The drill `alert-delivery`: a page in a running process acts, is recorded and reaches people.

The condition is made from outside: the sign of life of `polyarb watch` is that of a watch long
gone. People are a receiver on this machine; the operator's own channels get one test notice each.
"""

import json
import os
import time

import yaml

from polyarb.config.alert_channels import load_alert_channels
from polyarb.config.alerts import load_alerts
from polyarb.domain.messages import OperatorHalted, TradingStateChanged
from polyarb.domain.order import TradingState
from polyarb.host.clock import SystemClock
from polyarb.store.alert_log import time_ns_of
from polyarb.store.control import read_halt
from polyarb.store.filesystem import store_faults
from polyarb.store.reading import read_journal
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.channels import build_posts, probe
from polyarb.wiring.alerts.orders import read_alerts
from polyarb.wiring.alerts.receiver import LoopbackReceiver, Receipt
from polyarb.wiring.drills.processes import is_in_state, start_words
from polyarb.wiring.drills.room import DrillRoom, check, launched

PAGE = "DRILL_PAGE"
TOLD_S_MAX = 5.0
_GONE_S = 3_600
_RULE = {
    "severity": "CRITICAL",
    "summary": "A page of a drill",
    "expr": "watch_age_s > 10m",
    "nodata": "ok",
    "actions": ["log", "notify", "halt"],
}
_CHANNELS = """\
console: {enabled: false}
webhook: {enabled: true, url: "${DRILL_WEBHOOK_URL}", signing_key: "${DRILL_WEBHOOK_KEY}"}
"""
_NS_PER_MS = 1_000_000


def drill_alert_delivery(room: DrillRoom) -> None:
    """Let a page come true in a running process, then try the operator's own channels.

    Errors: UnprovenError where something is missing or late, naming a channel, never its secret.
    """
    with LoopbackReceiver() as receiver:
        _set_up(room.workspace, receiver)
        with launched(room, *start_words(room, speed="1")) as process:
            room.wait_until(
                lambda: is_in_state(room, process.pid, TradingState.ACTIVE), "an active process"
            )
            began_ns = _let_the_watch_be_gone(room.workspace)
            heard = receiver.wait_for(_is_page, TOLD_S_MAX)
            check(heard is not None, f"a webhook within {TOLD_S_MAX:g} s", "none")
            assert heard is not None
            check(heard.is_signed, "a signature that is right", "another")
            room.wait_until(lambda: _is_halted(room), "the halt in the journal")
            _prove(room, began_ns, heard, halted_ns=time.time_ns())
    _try_own_channels(room)


def _set_up(place: Workspace, receiver: LoopbackReceiver) -> None:
    """Add a rule to those of the operator, and make the receiver the only channel.

    Errors: UsageError for rules of the operator with faults.
    """
    load_alerts(place)
    with store_faults("write", place.alerts_file):
        rules = yaml.safe_load(place.alerts_file.read_text(encoding="utf-8"))
        rules["rules"][PAGE] = _RULE
        place.alerts_file.write_text(json.dumps(rules), encoding="utf-8")
        place.alert_channels_file.write_text(_CHANNELS, encoding="utf-8")
        secrets = f"DRILL_WEBHOOK_URL={receiver.url}\nDRILL_WEBHOOK_KEY={receiver.key}\n"
        place.env_file.touch(mode=0o600)
        place.env_file.write_text(secrets, encoding="utf-8")


def _let_the_watch_be_gone(place: Workspace) -> int:
    """Leave a sign of life of an hour ago; return when that was done."""
    draft = place.watch_file.with_suffix(".drill")
    gone_s = time.time() - _GONE_S
    with store_faults("write", place.watch_file):
        draft.write_text(str(int(gone_s * 1e9)), encoding="utf-8")
        os.utime(draft, (gone_s, gone_s))
        began_ns = time.time_ns()
        draft.replace(place.watch_file)
    return began_ns


def _is_page(receipt: Receipt) -> bool:
    return PAGE in receipt.rules


def _is_halted(room: DrillRoom) -> bool:
    """Tell whether the journal has the halt that the page ordered, and that it was followed."""
    ordered = False
    for record in read_journal(room.workspace.journal_file, room.workspace.journal_dir):
        message = record.message
        if isinstance(message, OperatorHalted) and message.reason.startswith(PAGE):
            ordered = True
        elif ordered and isinstance(message, TradingStateChanged):
            return message.current is TradingState.HALTED
    return False


def _prove(room: DrillRoom, began_ns: int, heard: Receipt, *, halted_ns: int) -> None:
    latch = read_halt(room.workspace.halt_file)
    check(latch is not None and latch.reason.startswith(PAGE), "a halt latched by the page", latch)
    assert latch is not None
    active = read_alerts(room.workspace, time.time_ns()).active_alerts
    page = next((one for one in active if one.name == PAGE), None)
    check(page is not None and bool(page.fired_at), "the alert on disk", "none")
    assert page is not None
    assert page.fired_at is not None
    times = {
        "fired": time_ns_of(page.fired_at),
        "latched": latch.time_ns,
        "recorded": time_ns_of(page.recorded_at),
        "delivered": heard.wall_ns,
        "seen halted in the journal": halted_ns,
    }
    took_ms = {name: (time_ns - began_ns) // _NS_PER_MS for name, time_ns in times.items()}
    room.note(", ".join(f"{name} after {took} ms" for name, took in took_ms.items()))
    latest_ms = max(took_ms.values())
    check(latest_ms <= TOLD_S_MAX * 1_000, f"all within {TOLD_S_MAX:g} s", f"{latest_ms} ms")
    check(latch.time_ns <= heard.wall_ns, "the halt before any telling", "the telling first")


def _try_own_channels(room: DrillRoom) -> None:
    """Send one test notice through every channel of the operator that leads outside."""
    clock = SystemClock()
    posts = build_posts(load_alert_channels(room.own), clock, lambda _line: None)
    outside = [post for post in posts if not post.is_local]
    tried = probe(outside, clock.now_ns())
    faults = [f"{one.channel}: {one.fault}" for one in tried if one.fault]
    check(not faults, "every channel to take a test notice", "; ".join(faults))
    names = ", ".join(one.channel for one in tried)
    room.note(f"a test notice was taken by {names}" if names else "no channel leads outside")
