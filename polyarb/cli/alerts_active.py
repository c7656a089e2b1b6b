"""`polyarb alerts list|ack|silence|silences|unsilence`: what stands, and a person's word on it."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from polyarb.alerts.routing import Silence
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_lines, print_text
from polyarb.config.alerts import load_alerts
from polyarb.domain.errors import UsageError
from polyarb.host.login import login_name
from polyarb.store.alerts import AlertRecord
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts import orders as alert_orders
from polyarb.wiring.alerts.orders import AlertsReading, Asked

_SPAN = re.compile(r"(\d+)(s|m|h|d)")
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_NS_PER_S = 1_000_000_000
_ID_DIGITS = 12

ByOption = Annotated[
    str | None, typer.Option("--by", help="Your name, for the record; else the login.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


def list_active(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the alerts that stand, and how much still has to be told."""
    reading = alert_orders.read_alerts(open_from(workspace), time.time_ns())
    if json:
        print_json(reading)
    else:
        print_lines(tell(reading))
    for damage in reading.damage:
        notice(f"polyarb: {damage}; shown from the alert log")


def ack(
    alert_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, or how they begin.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every alert that stands.")] = False,
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Take alerts on: they stand until they are over, and are not repeated any more."""
    names = alert_ids or []
    if every == bool(names):
        raise UsageError("expected ids or --all, found both or neither; see `polyarb alerts list`")
    asked = alert_orders.acknowledge(
        open_from(workspace), names, by=_person(by), now_ns=time.time_ns()
    )
    _tell_asked(asked, "every alert" if every else ", ".join(asked.alert_ids), as_json=json)


def silence(
    matchers: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="rule, severity or a label.")
    ],
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d.")],
    reason: ReasonOption,
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Keep alerts from being told for a while; they are recorded and act all the same."""
    place, matcher = open_from(workspace), read_matcher(matchers)
    _refuse_strange(place, matcher)
    asked = alert_orders.silence(
        place,
        matcher,
        for_ns=read_span_ns(span),
        by=_person(by),
        reason=reason,
        now_ns=time.time_ns(),
    )
    _tell_asked(asked, f"silence {asked.request_id}", as_json=json)


def silences(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the silences that hold."""
    found = alert_orders.read_alerts(open_from(workspace), time.time_ns()).silences
    if json:
        print_json(found)
    else:
        print_lines("\n".join(map(_silence_line, found)) or "no silence holds")


def unsilence(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="As `alerts silences` lists it.")],
    by: ByOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Lift a silence."""
    asked = alert_orders.unsilence(
        open_from(workspace), silence_id, by=_person(by), now_ns=time.time_ns()
    )
    _tell_asked(asked, f"silence {silence_id}", as_json=json)


def register(app: typer.Typer) -> None:
    """Add these commands to the group of alerts."""
    app.command("list")(list_active)
    for command in (ack, silence, silences, unsilence):
        app.command(command.__name__)(command)


def tell(reading: AlertsReading) -> str:
    """Say what stands, for a person."""
    updated = reading.last_updated[:19].replace("T", " ")
    head = f"{reading.total_active} active" + (f" as of {updated} UTC" if updated else "")
    notes = [
        f"{reading.undelivered} still to be told" if reading.undelivered else "",
        f"{len(reading.silences)} silences hold" if reading.silences else "",
        f"{reading.requests} requests wait" if reading.requests else "",
    ]
    first = "; ".join([head, *filter(None, notes)])
    return "\n".join([first, *map(_alert_line, reading.active_alerts)])


def read_matcher(texts: list[str]) -> dict[str, str]:
    """Read NAME=VALUE pairs. Errors: UsageError for anything else, or a name twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip() or not value.strip() or name.strip() in found:
            raise UsageError(f"expected NAME=VALUE such as rule=RPC_UNHEALTHY once, found {text!r}")
        found[name.strip()] = value.strip()
    return found


def read_span_ns(text: str) -> int:
    """Read how long a silence holds. Errors: UsageError."""
    match = _SPAN.fullmatch(text)
    if match is None or not int(match[1]):
        raise UsageError(f"--for: expected such as 30m, 2h or 1d, found {text!r}")
    return int(match[1]) * _UNITS_S[match[2]] * _NS_PER_S


def _refuse_strange(place: Workspace, matcher: dict[str, str]) -> None:
    """Refuse a rule that there is none of: its silence would keep nothing silent."""
    rules = [rule.rule_id for rule in load_alerts(place).rules]
    if matcher.get("rule", rules[0]) not in rules:
        raise UsageError(
            f"rule={matcher['rule']}: expected a rule that `polyarb alerts rules` lists, found none"
        )


def _person(by: str | None) -> str:
    return login_name() if by is None else by


def _alert_line(record: AlertRecord) -> str:
    since = (record.fired_at or record.pending_at)[:19].replace("T", " ")
    short = record.alert_id.removeprefix("alert-")[:_ID_DIGITS]
    labels = ", ".join(f"{name}={record.labels[name]}" for name in sorted(record.labels))
    about = f" ({labels})" if labels else ""
    taken = f", taken by {record.acked_by}" if record.acked_by else ""
    return (
        f"{short}  {record.severity:<8}  {record.status:<10}  {record.name}{about}:"
        f" {record.summary} (since {since} UTC{taken})"
    )


def _silence_line(one: Silence) -> str:
    matcher = " ".join(f"{name}={value}" for name, value in sorted(one.matcher.items()))
    until = datetime.fromtimestamp(one.until_ns // _NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{one.silence_id}  {matcher}  until {until} UTC, by {one.author}: {one.reason}"


def _tell_asked(asked: Asked, about: str, *, as_json: bool) -> None:
    if as_json:
        print_json(asked)
        return
    pids = ", ".join(map(str, asked.processes))
    told = f"process {pids} follows within a second" if pids else "done"
    print_text(f"{asked.kind} by {asked.by}: {about}; {told}")
