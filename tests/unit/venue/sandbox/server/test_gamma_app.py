"""Gamma on the wire: what is listed, as the venue describes it and as our own reader takes it."""

import json
from collections.abc import AsyncIterator

import pytest
from polyarb.domain.instruments import Instruments
from polyarb.domain.market import MarketVersion
from polyarb.venue.polymarket.instruments.sync import Reading, read_instruments
from polyarb.venue.sandbox.wire.gamma import market_number, tag_of
from tests.face_cases import Faces, run

MICRO = 1_000_000


class Hosts:
    """The public hosts of a sandbox in process, as our own reader of instruments asks them."""

    def __init__(self, faces: Faces, limit: int) -> None:
        self.faces = faces
        self.limit = limit

    async def events(self, *, closed: bool = False) -> AsyncIterator[bytes]:
        """Yield the pages of the event list to its end."""
        cursor: dict[str, str] = {}
        while True:
            query = {"closed": str(closed).lower(), "limit": str(self.limit), **cursor}
            content = await self._get("gamma", "/events/keyset", query)
            yield content
            found = json.loads(content)
            if "next_cursor" not in found:
                return
            cursor = {"after_cursor": found["next_cursor"]}

    async def clob_market(self, condition_id: str) -> bytes:
        """Return the market info of one market."""
        answer = await self.faces.client.get(f"/clob-markets/{condition_id}")
        return answer.content

    async def _get(self, service: str, path: str, query: dict[str, str]) -> bytes:
        import httpx

        transport = httpx.ASGITransport(self.faces.apps[service])
        async with httpx.AsyncClient(transport=transport, base_url="http://gamma") as one:
            answer = await one.get(path, params=query)
        assert answer.status_code == 200
        return answer.content


def instruments(faces: Faces, limit: int = 2) -> Instruments:
    reading = Reading(
        read_time_ms=1,
        answer_ms_max=10_000,
        choose=lambda found: list(found.instruments),
        tell=lambda _: None,
    )
    return run(read_instruments(Hosts(faces, limit), reading))


def test_our_own_reader_builds_a_tradable_catalogue_that_both_sources_confirm() -> None:
    faces = Faces()
    found = instruments(faces)
    assert found.refused == ()
    assert set(found.instruments) == {market.condition_id for market in faces.markets}
    for market in faces.markets:
        instrument = found.instruments[market.condition_id]
        assert instrument.is_confirmed and instrument.doubts == ()
        read = instrument.market
        assert (read.yes, read.no, read.outcomes) == (market.yes, market.no, market.outcomes)
        assert (read.tick, read.size_min, read.hold_ms) == (
            market.tick,
            market.size_min,
            market.hold_ms,
        )
        assert read.fee is not None and read.fee.rate == market.fee.rate
        assert read.version is MarketVersion.V1
        assert read.is_accepting_orders and not read.is_closed
        assert read.group_id == market.group_id


def test_a_neg_risk_group_is_certified_complete_in_the_order_of_its_questions() -> None:
    faces = Faces()
    (group,) = instruments(faces).groups.values()
    ada, ben = faces.market("ada"), faces.market("ben")
    assert group.group_id == ada.group_id
    assert group.condition_ids == (ada.condition_id, ben.condition_id)
    assert group.incomplete == ""
    assert group.convert_fee_bips == 0


def test_a_group_with_a_closed_outcome_is_no_longer_complete() -> None:
    faces = Faces()
    faces.world.exchange.close(faces.market("ben").condition_id)
    (group,) = instruments(faces).groups.values()
    assert group.incomplete


def test_a_market_says_what_the_venue_says_of_one() -> None:
    faces = Faces()
    rain = faces.market("rain")
    body = faces.read("gamma", f"/markets/{market_number(rain.condition_id)}")
    assert isinstance(body, dict)
    assert body["conditionId"] == rain.condition_id
    assert json.loads(body["clobTokenIds"]) == [rain.yes, rain.no]
    assert json.loads(body["outcomes"]) == ["Yes", "No"]
    assert json.loads(body["outcomePrices"]) == ["0.5", "0.5"]
    assert body["positionIds"] is None and body["version"] == "v1"
    assert (body["bestBid"], body["bestAsk"], body["spread"]) == (0.48, 0.52, 0.04)
    assert (body["orderPriceMinTickSize"], body["orderMinSize"]) == (0.01, 5)
    assert body["feesEnabled"] is True and body["feeType"] == "weather_fees"
    assert body["feeSchedule"] == {
        "exponent": 1,
        "rate": 0.05,
        "takerOnly": True,
        "rebateRate": 0.25,
    }
    assert body["negRisk"] is False and body["negRiskMarketID"] == ""
    assert body["questionID"] == rain.question_id
    assert body["endDate"].endswith("Z") and body["closedTime"] is None
    assert body["events"] == [
        {"id": rain.event_id, "slug": "rain", "title": "rain", "ticker": "rain"}
    ]


def test_a_market_without_fees_says_so_and_one_with_a_hold_tells_its_seconds() -> None:
    faces = Faces()
    treaty = faces.read("gamma", "/markets/slug/treaty")
    derby = faces.read("gamma", "/markets/slug/derby")
    assert isinstance(treaty, dict) and isinstance(derby, dict)
    assert (treaty["feesEnabled"], treaty["feeSchedule"], treaty["feeType"]) == (False, None, None)
    assert derby["secondsDelay"] == 1
    assert derby["feeSchedule"]["rebateRate"] == 0.15


def test_an_empty_book_has_the_widest_prices_and_no_liquidity() -> None:
    body = Faces().read("gamma", "/markets/slug/empty")
    assert isinstance(body, dict)
    assert (body["bestBid"], body["bestAsk"]) == (0, 1)
    assert (body["liquidityNum"], body["liquidity"]) == (0, "0")
    assert json.loads(body["outcomePrices"]) == ["0.5", "0.5"]


def test_liquidity_is_what_the_resting_orders_hold_back() -> None:
    faces = Faces()
    rain = faces.market("rain")
    book = faces.world.exchange.book(rain.yes)
    assert book is not None
    worth = sum(price * size for price, size in book.bids)
    worth += sum((MICRO - price) * size for price, size in book.asks)
    body = faces.read("gamma", "/markets/slug/rain")
    assert isinstance(body, dict)
    assert body["liquidityNum"] == worth // MICRO / MICRO
    assert float(body["liquidity"]) == body["liquidityNum"]


def test_turnover_is_what_was_traded_and_a_day_later_only_the_total_is_left() -> None:
    faces = Faces()
    rain = faces.market("rain")
    assert faces.buy(faces.trader(), rain, 520_000, 10)["status"] == "matched"
    body = faces.read("gamma", "/markets/slug/rain")
    assert isinstance(body, dict)
    assert (body["volumeNum"], body["volume24hr"], body["volume"]) == (5.2, 5.2, "5.2")
    assert body["lastTradePrice"] == 0.52
    event = faces.read("gamma", "/events/slug/rain")
    assert isinstance(event, dict)
    assert (event["volume"], event["volume24hr"]) == (5.2, 5.2)
    whole = faces.read("data", "/v2/oi", condition_id=rain.condition_id)
    assert isinstance(whole, dict)
    assert event["openInterest"] == whole["data"][0]["value"] > 0
    faces.clock.pass_ms(25 * 3_600_000)
    body = faces.read("gamma", "/markets/slug/rain")
    assert isinstance(body, dict)
    assert (body["volumeNum"], body["volume24hr"]) == (5.2, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("order", ["", "volume24hr", "liquidity", "endDate,volume"])
def test_pages_by_cursor_show_every_market_once_and_end_without_a_cursor(
    limit: int, order: str
) -> None:
    faces = Faces()
    faces.buy(faces.trader(), faces.market("rain"), 520_000, 10)
    seen: list[str] = []
    pages = 0
    query: dict[str, object] = {"limit": limit, **({"order": order} if order else {})}
    for _ in range(20):
        page = faces.read("gamma", "/markets/keyset", **query)
        assert isinstance(page, dict)
        seen += [market["conditionId"] for market in page["markets"]]
        pages += 1
        if "next_cursor" not in page:
            break
        query["after_cursor"] = page["next_cursor"]
    assert sorted(seen) == sorted(market.condition_id for market in faces.markets)
    assert pages == -(-len(seen) // limit)


def test_an_order_is_falling_unless_told_otherwise() -> None:
    faces = Faces()
    faces.buy(faces.trader(), faces.market("ada"), 620_000, 10)
    falling = faces.read("gamma", "/markets", order="volumeNum", limit=1)
    rising = faces.read("gamma", "/markets", order="volumeNum", ascending="true")
    assert isinstance(falling, list) and isinstance(rising, list)
    assert falling[0]["slug"] == rising[-1]["slug"] == "ada"


def test_closed_markets_are_only_shown_to_whoever_asks_for_them() -> None:
    faces = Faces()
    rain = faces.market("rain")
    faces.world.resolve(rain.condition_id, (MICRO, 0))
    open_ones = faces.read("gamma", "/markets/keyset", condition_ids=rain.condition_id)
    closed = faces.read("gamma", "/markets/keyset", condition_ids=rain.condition_id, closed="true")
    assert isinstance(open_ones, dict) and isinstance(closed, dict)
    assert open_ones["markets"] == []
    (body,) = closed["markets"]
    assert body["closed"] is True and body["acceptingOrders"] is False
    assert body["umaResolutionStatus"] == "resolved" and body["closedTime"]
    assert json.loads(body["outcomePrices"]) == ["1", "0"]
    events = faces.read("gamma", "/events/keyset", closed="true")
    assert isinstance(events, dict)
    assert [event["slug"] for event in events["events"]] == ["rain"]


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ({"slug": "ada"}, {"ada"}),
        ({"slug": ["ada", "rain"]}, {"ada", "rain"}),
        ({"version": "v2"}, set()),
        ({"version": ["v1", "v2"]}, {"rain", "derby", "treaty", "ada", "ben", "empty"}),
        ({"active": "false"}, set()),
        ({"tag_id": tag_of("Sports").id}, {"derby"}),
        ({"position_ids": "1"}, set()),
        ({"liquidity_num_min": "0.01"}, {"rain", "derby", "treaty", "ada", "ben"}),
        ({"liquidity_num_max": "0"}, {"empty"}),
        ({"volume_num_min": "1"}, set()),
        ({"end_date_max": "2000-01-01"}, set()),
        ({"start_date_min": "2000-01-01T00:00:00Z", "slug": "ben"}, {"ben"}),
        ({"uma_resolution_status": "resolved"}, set()),
        ({"nothing_of_this_name": "x", "slug": "ben"}, {"ben"}),
    ],
)
def test_a_filter_holds_what_does_not_pass(query: dict[str, object], slugs: set[str]) -> None:
    found = Faces().read("gamma", "/markets", **query)
    assert isinstance(found, list)
    assert {market["slug"] for market in found} == slugs


@pytest.mark.parametrize("key", ["condition_ids", "clob_token_ids", "question_ids", "id"])
def test_a_market_is_found_by_each_of_its_names(key: str) -> None:
    faces = Faces()
    ben = faces.market("ben")
    name = {
        "condition_ids": ben.condition_id.upper().replace("0X", "0x"),
        "clob_token_ids": ben.no,
        "question_ids": ben.question_id,
        "id": market_number(ben.condition_id),
    }[key]
    found = faces.read("gamma", "/markets", **{key: name})
    assert isinstance(found, list)
    assert [market["slug"] for market in found] == ["ben"]


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ({"title_search": "MAY"}, {"mayor"}),
        ({"tag_slug": "geopolitics"}, {"treaty"}),
        ({"tag_id": tag_of("Sports").id}, {"derby"}),
        ({"exclude_tag_id": tag_of("Weather").id}, {"derby", "treaty"}),
        ({"series_id": "1"}, set()),
        ({"live": "true"}, set()),
        ({"slug": "empty"}, {"empty"}),
        ({"liquidity_max": "0"}, {"empty"}),
        ({"version": "v2"}, set()),
        ({"volume_min": "1"}, set()),
        ({"start_date_max": "2000-01-01"}, set()),
        ({"end_date_max": "2000-01-01"}, set()),
    ],
    ids=str,
)
def test_events_are_filtered_as_well(query: dict[str, object], slugs: set[str]) -> None:
    found = Faces().read("gamma", "/events", **query)
    assert isinstance(found, list)
    assert {event["slug"] for event in found} == slugs


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "ten"},
        {"limit": "1" * 50},
        {"closed": "maybe"},
        {"order": "beauty"},
        {"after_cursor": "!!"},
        {"after_cursor": "W10="},
        {"after_cursor": "x" * 1_000},
        {"liquidity_num_min": "NaN"},
        {"liquidity_num_min": "1e400"},
        {"volume_num_max": "much"},
        {"end_date_min": "tomorrow"},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_read_is_refused(query: dict[str, str]) -> None:
    answer = Faces().ask("gamma", "GET", "/markets/keyset", params=query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/markets/1",
        "/markets/slug/none",
        "/events/1",
        "/events/slug/none",
        "/tags/0",
        "/tags/slug/none",
        "/series/1",
        "/public-profile?address=0x0",
        "/nothing",
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    answer = Faces().ask("gamma", "GET", path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    "path", ["/sports", "/series", "/teams", "/comments", "/tags/5/related-tags"]
)
def test_what_the_sandbox_has_none_of_is_an_empty_list(path: str) -> None:
    assert Faces().read("gamma", path) == []


def test_tags_are_the_categories() -> None:
    faces = Faces()
    found = faces.read("gamma", "/tags")
    assert isinstance(found, list)
    assert [tag["label"] for tag in found] == ["Weather", "Sports", "Geopolitics"]
    assert faces.read("gamma", f"/tags/{found[1]['id']}") == found[1]
    assert faces.read("gamma", "/tags/slug/sports") == found[1]
    derby = faces.market("derby")
    assert faces.read("gamma", f"/events/{derby.event_id}/tags") == [found[1]]
    assert faces.read("gamma", f"/markets/{market_number(derby.condition_id)}/tags") == [found[1]]
    tagged = faces.read("gamma", "/markets", slug="derby", include_tag="true")
    assert isinstance(tagged, list)
    assert tagged[0]["tags"] == [found[1]]


def test_a_search_finds_events_by_title_and_question() -> None:
    faces = Faces()
    by_question = faces.read("gamma", "/public-search", q="ADA?", search_tags="true")
    assert isinstance(by_question, dict)
    assert [event["slug"] for event in by_question["events"]] == ["mayor"]
    assert by_question["pagination"] == {"hasMore": False, "totalResults": 1}
    paged = faces.read("gamma", "/public-search", q="a", limit_per_type=2)
    assert isinstance(paged, dict)
    assert len(paged["events"]) == 2 and paged["pagination"]["hasMore"] is True
    assert faces.ask("gamma", "GET", "/public-search").status_code == 422


def test_an_event_carries_what_makes_its_group() -> None:
    faces = Faces()
    body = faces.read("gamma", "/events/slug/mayor")
    assert isinstance(body, dict)
    assert body["negRisk"] is True and body["negRiskMarketID"] == faces.market("ada").group_id
    assert body["negRiskAugmented"] is False and body["cumulativeMarkets"] is False
    assert [market["questionID"][-2:] for market in body["markets"]] == ["00", "01"]
    assert faces.read("gamma", f"/events/{body['id']}") == body


def test_nobody_is_blocked_by_the_region() -> None:
    assert Faces().read("gamma", "/api/geoblock") == {
        "blocked": False,
        "ip": "127.0.0.1",
        "country": "IE",
        "region": "",
    }


def test_only_reading_is_possible() -> None:
    faces = Faces()
    before = faces.image()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert faces.ask("gamma", method, "/markets").status_code == 405
    assert faces.image() == before
