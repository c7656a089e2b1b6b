"""The public REST endpoints against a local server: what is asked, and what is made of answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from polyarb import __version__
from polyarb.domain.venue import VenueHosts, VenueSettings
from polyarb.host.clock import SystemClock
from polyarb.venue.polymarket.rest import client as rest
from polyarb.venue.polymarket.rest.client import GeoblockAnswer, PublicClient, as_book_frame
from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind
from rest_cases import local_client
from tests.rest_server import Asked, Reply, RestServer, Truth, book_of, json_reply

TOKENS = [str(number) for number in range(450)]


async def collect(pages: AsyncIterator[bytes]) -> list[bytes]:
    return [page async for page in pages]


def ids(name: str, pages: list[bytes]) -> list[str]:
    return [each["id"] for page in pages for each in json.loads(page)[name]]


def lists(client: PublicClient) -> dict[str, AsyncIterator[bytes]]:
    return {"events": client.events(), "markets": client.markets()}


@pytest.mark.parametrize("name", ["events", "markets"])
def test_a_list_is_read_page_by_page_until_its_end(name: str) -> None:
    async def main() -> None:
        pages: list[list[object]] = [[{"id": str(number)}] for number in range(7)]
        async with RestServer(Truth(events=pages, markets=pages)) as server:
            async with local_client(server) as client:
                assert ids(name, await collect(lists(client)[name])) == list("0123456")
            cursors = [asked.query.get("after_cursor") for asked in server.asked]
            assert cursors == [None, "p1", "p2", "p3", "p4", "p5", "p6"]
            assert {asked.path for asked in server.asked} == {f"/{name}/keyset"}
            assert {asked.query["limit"] for asked in server.asked} == {"100"}
            assert {asked.query["closed"] for asked in server.asked} == {"false"}

    asyncio.run(main())


def test_closed_markets_and_events_are_asked_for_by_name() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            await collect(client.markets(closed=True))
            await collect(client.events(closed=True))
            assert {asked.query["closed"] for asked in server.asked} == {"true"}

    asyncio.run(main())


@pytest.mark.parametrize("end", [{}, {"next_cursor": None}])
@pytest.mark.parametrize("page", [[], [{"id": "1"}]])
def test_a_list_ends_where_the_cursor_is_absent_or_null(
    end: dict[str, None], page: list[object]
) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/events/keyset"] = lambda _: json_reply({"events": page, **end})
            assert len(await collect(client.events())) == 1

    asyncio.run(main())


def turning(page: object) -> Reply:
    return json_reply({"events": [{"id": "1"}], "next_cursor": page})


def p_after(asked: Asked) -> int:
    return int(asked.query.get("after_cursor", "0"))


@pytest.mark.parametrize(
    ("route", "found", "pages"),
    [
        (lambda _: turning(""), "an empty cursor", 0),
        (lambda _: turning("same"), "the cursor 'same' once more", 1),
        (lambda asked: turning(str((p_after(asked) + 1) % 3)), "the cursor '1' once more", 3),
        (lambda _: turning("x" * 5_000), "a cursor of 5000 characters", 0),
        (
            lambda _: json_reply({"events": [], "next_cursor": "more"}),
            "an empty page that is not the last",
            0,
        ),
        (lambda asked: turning(str(p_after(asked) + 1)), "more than 5 pages", 5),
    ],
)
def test_a_list_that_leads_nowhere_is_a_fault_and_never_a_loop(
    route: object, found: str, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PAGES_MAX", 5)

    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/events/keyset"] = route  # type: ignore[assignment]
            seen = []
            with pytest.raises(RestError, match=found) as caught:
                async for page in client.events():
                    seen.append(page)
            assert caught.value.kind is RestFaultKind.ENDLESS
            assert len(seen) == pages

    asyncio.run(main())


@pytest.mark.parametrize(
    "body",
    [
        b'{"markets":[]}',
        b'{"events":{}}',
        b'{"events":null}',
        b'{"events":[],"next_cursor":7}',
        b"[]",
        b'{"events":[{"id":1}',
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_page_that_is_none_is_a_fault_that_shows_how_it_begins(body: bytes) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/events/keyset"] = lambda _: Reply(body=body)
            with pytest.raises(RestError, match="expected a page of a list from GET") as caught:
                await collect(client.events())
            assert caught.value.kind is RestFaultKind.WRONG_BODY
            assert len(str(caught.value)) < 600
            assert str(caught.value).isprintable()
            assert len(server.asked) == 1, "asking again does not mend what is wrong"

    asyncio.run(main())


def test_requests_say_who_asks_accept_gzip_and_reuse_a_connection() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            await client.version()
            await client.books(["1"])
            for asked in server.asked:
                assert asked.headers["user-agent"] == f"polyarb/{__version__}"
                assert asked.headers["accept-encoding"] == "gzip"
            assert server.asked[1].headers["content-type"] == "application/json"
            assert server.opened == 1

    asyncio.run(main())


@pytest.mark.parametrize("gzip", [True, False])
def test_a_market_comes_as_it_was_told(gzip: bool) -> None:
    async def main() -> None:
        async with RestServer(gzip=gzip) as server, local_client(server) as client:
            body = await client.clob_market("0xab")
            assert json.loads(body)["t"][0] == {"t": "1", "o": "Yes"}
            assert server.asked[0].path == "/clob-markets/0xab"

    asyncio.run(main())


def test_an_unknown_market_is_told_apart_from_a_fault() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            with pytest.raises(RestError, match="404: market not found") as caught:
                await client.clob_market("0xac")
            assert caught.value.kind is RestFaultKind.NOT_FOUND
            assert not caught.value.retryable
            assert len(server.asked) == 1

    asyncio.run(main())


@pytest.mark.parametrize("condition_id", ["", "..", "a/b", "a?b", "a b", "ä", "0x\r\nX: y"])
def test_an_id_that_would_change_the_address_is_never_sent(condition_id: str) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            with pytest.raises(RestError, match="expected the id of a market"):
                await client.clob_market(condition_id)
            assert not server.asked

    asyncio.run(main())


def test_books_are_asked_for_in_lots_each_token_once() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            books = await client.books([*TOKENS, *TOKENS])
            assert [json.loads(book)["asset_id"] for book in books] == TOKENS
            sizes = [len(json.loads(asked.body)) for asked in server.asked]
            assert sorted(sizes) == [50, 200, 200]
            assert {asked.method for asked in server.asked} == {"POST"}

    asyncio.run(main())


def test_no_tokens_ask_for_nothing() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            assert await client.books([]) == []
            assert not server.asked

    asyncio.run(main())


def test_tokens_without_a_book_are_left_out() -> None:
    async def main() -> None:
        async with RestServer(Truth(tokens={"2"})) as server, local_client(server) as client:
            (book,) = await client.books(["1", "2", "3"])
            assert json.loads(book) == book_of("2")

    asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        [book_of("9")],
        [book_of("1"), book_of("1")],
        [{**book_of("1"), "event_type": "price_change"}],
        [{}],
        [["1"]],
        {"asset_id": "1"},
        None,
        [{**book_of("1"), "asset_id": 1}],
    ],
)
def test_books_that_were_not_asked_for_are_refused(answer: object) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/books"] = lambda _: json_reply(answer)
            with pytest.raises(RestError) as caught:
                await client.books(["1", "2"])
            assert caught.value.kind is RestFaultKind.WRONG_BODY

    asyncio.run(main())


def test_one_lot_that_fails_fails_the_whole_with_its_own_reason() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            route = server.routes["/books"]
            server.routes["/books"] = lambda asked: (
                route(asked) if b'"0"' in asked.body else Reply(403, b'{"error":"no"}')
            )
            with pytest.raises(RestError, match="403: no") as caught:
                await client.books(TOKENS)
            assert caught.value.kind is RestFaultKind.FORBIDDEN

    asyncio.run(main())


def test_books_become_frames_of_the_market_channel() -> None:
    one, other = (json.dumps(book_of(token)).encode() for token in ("1", "2"))
    assert json.loads(as_book_frame(one)) == {"event_type": "book", **book_of("1")}
    assert json.loads(as_book_frame(b" \n" + one)) == {"event_type": "book", **book_of("1")}
    assert json.loads(as_book_frame(one, other)) == [
        {"event_type": "book", **book_of("1")},
        {"event_type": "book", **book_of("2")},
    ]
    assert as_book_frame() == b"[]"


def test_the_documented_samples_are_read(recorded: Path) -> None:
    samples = json.loads((recorded / "vectors" / "wire_samples.json").read_bytes())
    book = samples["rest"]["book"]

    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/books"] = lambda _: json_reply([book])
            (read,) = await client.books([book["asset_id"]])
            assert json.loads(read) == book

    asyncio.run(main())


def test_time_version_health_and_geoblock_are_read() -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            assert await client.time_ms() == 1_795_262_409_000
            assert await client.version() == 2
            assert await client.is_ok()
            assert await client.geoblock() == GeoblockAnswer(True, "192.0.2.7", "US", "")
            paths = [asked.path for asked in server.asked]
            assert paths == ["/time", "/version", "/ok", "/api/geoblock"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "is_ok"),
    [(b'"OK"', True), (b"OK", True), (b' "OK"\n', True), (b'"NO"', False), (b"<h1>", False)],
)
def test_health_is_what_the_venue_says(body: bytes, is_ok: bool) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/ok"] = lambda _: Reply(body=body)
            assert await client.is_ok() is is_ok

    asyncio.run(main())


@pytest.mark.parametrize(
    "body", [b"0", b"-5", b"null", b"true", b'"5"', b"1e400", b"9" * 30, b"9" * 5_000, b"[5]"]
)
def test_a_time_that_is_none_is_refused(body: bytes) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/time"] = lambda _: Reply(body=body)
            with pytest.raises(RestError) as caught:
                await client.time_ms()
            assert caught.value.kind is RestFaultKind.WRONG_BODY
            assert len(str(caught.value)) < 600

    asyncio.run(main())


@pytest.mark.parametrize("body", [b'{"version":"2"}', b'{"version":true}', b"{}", b"2"])
def test_a_version_that_is_none_is_refused(body: bytes) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/version"] = lambda _: Reply(body=body)
            with pytest.raises(RestError, match="expected a version"):
                await client.version()

    asyncio.run(main())


@pytest.mark.parametrize("body", [b'{"blocked":"no"}', b'{"ip":"1"}', b'{"blocked":0}'])
def test_a_geoblock_answer_that_does_not_say_is_refused(body: bytes) -> None:
    async def main() -> None:
        async with RestServer() as server, local_client(server) as client:
            server.routes["/api/geoblock"] = lambda _: Reply(body=body)
            with pytest.raises(RestError, match="expected a geoblock answer"):
                await client.geoblock()

    asyncio.run(main())


def test_texts_of_a_geoblock_answer_are_made_printable() -> None:
    told = {"blocked": False, "ip": "\x1b[31m<b>1</b>" + "x" * 999, "country": "A\u202eB"}

    async def main() -> None:
        async with RestServer(Truth(geoblock=told)) as server, local_client(server) as client:
            answer = await client.geoblock()
            assert answer.ip.startswith("[31m 1 xxx")
            assert len(answer.ip) == 200
            assert answer.country == "A B"

    asyncio.run(main())


def test_a_host_with_a_path_or_a_slash_is_kept() -> None:
    async def main() -> None:
        async with RestServer() as server:
            for tail in ("/", "/venue", "/venue/"):
                server.routes["/venue/version"] = server.routes["/version"]
                hosts = VenueHosts(clob=server.address + tail)
                settings = VenueSettings(hosts=hosts, request_ms_max=2_000)
                async with PublicClient(settings, SystemClock(), Random(1)) as client:
                    assert await client.version() == 2
            assert [asked.path for asked in server.asked] == [
                "/version",
                "/venue/version",
                "/venue/version",
            ]

    asyncio.run(main())
