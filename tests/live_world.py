"""A local venue with listed instruments and a workspace that points at it."""

import json
from pathlib import Path

from tests import gamma_pages
from tests.wire_server import Answer, ThreadedWire, WireServer


def list_instruments(server: WireServer, markets: int | None = None) -> None:
    """Let the server's REST tell markets of its venue, all or the first ones, one event each."""
    events = []
    for number, market in enumerate(server.venue.markets[:markets]):
        body = gamma_pages.market(
            f"market-{number}",
            conditionId=market.condition_id,
            clobTokenIds=json.dumps(market.tokens),
        )
        event = gamma_pages.event(f"event-{number}", body)
        events.append(event)
        told = json.dumps(gamma_pages.info(body)).encode()
        path = f"/clob-markets/{market.condition_id}"
        server.routes[path] = lambda *_, told=told: Answer(body=told)
    page = gamma_pages.page(*events)
    server.routes["/events/keyset"] = lambda *_: Answer(body=page)


def point_at(workspace: Path, wire: ThreadedWire, **figures: int) -> None:
    """Write the venue section of a workspace's settings anew, and that no time server is asked."""
    hosts = wire.hosts
    lines = [
        "venue:",
        *(f"  {name}: {value}" for name, value in figures.items()),
        "  hosts:",
        f"    gamma: {hosts.gamma}",
        f"    clob: {hosts.clob}",
        f"    stream: {hosts.stream}",
        f"    geoblock: {hosts.geoblock}",
        "clock:",
        "  servers: []",
    ]
    settings = workspace / "config" / "config.yaml"
    shipped, _, _ = settings.read_text().partition("venue:\n")
    settings.write_text(shipped + "\n".join(lines) + "\n")
