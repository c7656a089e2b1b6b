"""Made-up pages of Gamma's event list and market infos, and a server that speaks for both hosts."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

Body = dict[str, object]
END = "2027-06-01T00:00:00Z"


def condition(name: str) -> str:
    return "0x" + sha256(name.encode()).hexdigest()


def tokens(name: str) -> tuple[str, str]:
    return tuple(
        str(int(sha256(f"{name}/{side}".encode()).hexdigest(), 16)) for side in ("yes", "no")
    )


def market(name: str, **changes: object) -> Body:
    """Return a tradable market of a name."""
    body: Body = {
        "id": name,
        "version": "v1",
        "slug": name,
        "question": f"Will {name}?",
        "conditionId": condition(name),
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": json.dumps(tokens(name)),
        "positionIds": None,
        "active": True,
        "closed": False,
        "archived": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "negRisk": False,
        "negRiskMarketID": "",
        "questionID": condition(f"{name}?"),
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "secondsDelay": 0,
        "feesEnabled": True,
        "feeType": "politics_fees",
        "feeSchedule": {"exponent": 1, "rate": 0.04, "takerOnly": True, "rebateRate": 0.25},
        "endDate": END,
        "volumeNum": 12345.678901,
        "liquidityNum": 2000.5,
        "liquidity": "2000.5",
        "volume24hr": 5000.123456789,
    }
    return body | changes


def event(name: str, *markets: Body, **changes: object) -> Body:
    return {
        "id": name,
        "title": name,
        "closed": False,
        "negRisk": False,
        "markets": list(markets),
    } | changes


def group(name: str, legs: int = 3, **changes: object) -> Body:
    """Return a neg-risk event that is whole, its question ids numbered."""
    group_id = condition(name)[:-2] + "00"
    markets = [
        market(
            f"{name}-{leg}",
            negRisk=True,
            negRiskMarketID=group_id,
            questionID=f"{group_id[:-2]}{leg:02x}",
        )
        for leg in range(legs)
    ]
    facts = {
        "negRisk": True,
        "negRiskAugmented": False,
        "negRiskMarketID": group_id,
        "negRiskFeeBips": 0,
    }
    return event(name, *markets, **facts, **changes)


def page(*events: Body, cursor: str | None = None) -> bytes:
    body: Body = {"events": list(events)}
    return json.dumps(body if cursor is None else body | {"next_cursor": cursor}).encode()


def info(body: Body, **changes: object) -> Body:
    """Return the market info that agrees with a market."""
    pair = json.loads(str(body["clobTokenIds"]))
    fee = body["feeSchedule"]
    assert isinstance(fee, dict)
    told: Body = {
        "t": [{"t": pair[0], "o": "Yes"}, {"t": pair[1], "o": "No"}],
        "c": body["conditionId"],
        "mos": body["orderMinSize"],
        "mts": body["orderPriceMinTickSize"],
        "ao": True,
        "fd": {"r": fee["rate"], "e": fee["exponent"], "to": True},
    }
    if body["negRisk"]:
        told["nr"] = True
    return told | changes


def infos(*events: Body) -> dict[str, Body]:
    """Return the market infos that agree with some events."""
    return {
        str(each["conditionId"]): info(each)
        for one in events
        for each in one["markets"]  # type: ignore[attr-defined]
    }


class FakeSource:
    """Answers as the venue's public hosts do, from memory; an answer may be an exception."""

    def __init__(
        self, pages: Sequence[bytes | Exception], answers: Mapping[str, Body | bytes | Exception]
    ) -> None:
        self.pages, self.answers = pages, answers
        self.asked: list[str] = []

    async def events(self, *, closed: bool = False) -> AsyncIterator[bytes]:
        assert not closed
        for each in self.pages:
            if isinstance(each, Exception):
                raise each
            yield each

    async def clob_market(self, condition_id: str) -> bytes:
        self.asked.append(condition_id)
        answer = self.answers[condition_id]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class LocalVenue:
    """What the local server tells; a test changes it between two calls."""

    def __init__(self, events: Sequence[Body], *, page_size: int = 100) -> None:
        self.events = list(events)
        self.infos = infos(*self.events)
        self.page_size = page_size
        self.status = 200
        self.url = ""

    def answer(self, target: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        if self.status != 200:
            return self.status, b'{"error":"not today"}'
        if parts.path == "/events/keyset":
            start = int(parse_qs(parts.query).get("after_cursor", ["0"])[0])
            end = start + self.page_size
            cursor = str(end) if end < len(self.events) else None
            return 200, page(*self.events[start:end], cursor=cursor)
        found = self.infos.get(parts.path.rpartition("/")[2])
        if found is None:
            return 404, b'{"error":"market not found"}'
        return 200, json.dumps(found).encode()


@contextmanager
def serving(venue: LocalVenue) -> Iterator[LocalVenue]:
    """Serve a venue on the loopback interface and tell its address."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = venue.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        venue.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield venue
        finally:
            server.shutdown()
            thread.join()
