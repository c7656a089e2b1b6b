"""Reading the whole master: page by page, then the second source, and never without an end."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

import pytest
from polyarb.domain.errors import VenueError
from polyarb.domain.ids import ConditionId
from polyarb.domain.instruments import Instruments
from polyarb.venue.polymarket.instruments import sync
from polyarb.venue.polymarket.instruments.sync import Reading, read_instruments
from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind
from tests.gamma_pages import FakeSource, condition, event, group, infos, market, page

TELLS: list[str] = []


def everything(listed: Instruments) -> Collection[ConditionId]:
    return listed.instruments


READING = Reading(read_time_ms=5, answer_ms_max=5_000, choose=everything, tell=TELLS.append)


def read(source: sync.PublicSource, reading: Reading = READING) -> Instruments:
    TELLS.clear()
    return asyncio.run(read_instruments(source, reading))


def test_every_page_is_read_and_every_chosen_market_is_asked_for() -> None:
    one, two = group("g"), event("e", market("a"), market("b"))
    source = FakeSource([page(one, cursor="x"), page(two)], infos(one, two))
    found = read(source)
    assert len(found.instruments) == 5 and found.read_time_ms == 5
    assert all(each.is_confirmed for each in found.instruments.values())
    assert source.asked == sorted(found.instruments)
    assert TELLS == ["page 1: 1 events, 3 markets", "page 2: 2 events, 5 markets"]


def test_only_chosen_markets_that_are_listed_are_asked_for() -> None:
    one = event("e", market("a"), market("b"))
    source = FakeSource([page(one)], infos(one))
    chosen = [ConditionId(condition("b")), ConditionId("0xunknown")]
    found = read(source, replace(READING, choose=lambda _: chosen))
    assert source.asked == [condition("b")]
    assert [each.is_confirmed for each in found.instruments.values()] == [False, True]


def test_a_fault_of_a_page_ends_the_reading() -> None:
    source = FakeSource([page(event("e", market("a"))), VenueError("no more")], {})
    with pytest.raises(VenueError, match="no more"):
        read(source)


def test_a_torn_page_ends_the_reading_with_its_number() -> None:
    source = FakeSource([page(event("e", market("a"))), b'{"events": [{'], {})
    with pytest.raises(VenueError, match="page 2 of the event list: expected a page of Gamma"):
        read(source)


def test_a_venue_that_lists_nothing_is_a_fault() -> None:
    with pytest.raises(VenueError, match="expected open markets, found none"):
        read(FakeSource([page()], {}))


def test_a_venue_whose_whole_list_cannot_be_read_is_a_fault_that_says_why() -> None:
    torn = event("e", market("a", conditionId=5), market("b", orderMinSize="many"))
    with pytest.raises(VenueError, match=r"none that can be read, of 2; the first is .*Expected"):
        read(FakeSource([page(torn)], {}))


def test_a_list_without_an_end_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "PAGES_MAX", 3)
    with pytest.raises(VenueError, match="expected its end within 3 pages"):
        read(FakeSource([page(event("e", market("a")))] * 4, {}))


def test_a_market_without_an_answer_is_listed_with_the_reason() -> None:
    one = event("e", market("a"), market("b"))
    missing = RestError("there is none", RestFaultKind.NOT_FOUND)
    source = FakeSource([page(one)], infos(one) | {condition("a"): missing})  # type: ignore[dict-item]
    found = read(source)
    assert found.instruments[ConditionId(condition("a"))].doubts == ("there is none",)
    assert found.instruments[ConditionId(condition("b"))].is_confirmed


def many(fault: Exception, count: int) -> FakeSource:
    body = event("e", *(market(f"m{number}") for number in range(count + 1)))
    names = list(infos(body))
    answers = infos(body) | dict.fromkeys(names[:count], fault)  # type: ignore[arg-type]
    return FakeSource([page(body)], answers)


def test_a_second_source_that_is_not_reached_ends_the_reading_soon() -> None:
    source = many(VenueError("refused"), 200)
    with pytest.raises(VenueError, match=r"^10 markets without market info: refused"):
        read(source)
    assert len(source.asked) < 30


def test_a_few_faults_and_many_unknown_markets_do_not() -> None:
    assert len(read(many(VenueError("refused"), 9)).instruments) == 10
    missing = RestError("there is none", RestFaultKind.NOT_FOUND)
    assert len(read(many(missing, 150)).instruments) == 151
    assert TELLS[-1] == "market info: 100 of 151"


class SilentSource(FakeSource):
    """Answers the list up to a page, then nothing; and no market info at all."""

    async def events(self, *, closed: bool = False) -> AsyncIterator[bytes]:
        for each in self.pages:
            if isinstance(each, Exception):
                await asyncio.Event().wait()
            else:
                yield each

    async def clob_market(self, condition_id: str) -> bytes:
        await asyncio.Event().wait()
        return b""


def test_a_venue_that_falls_silent_is_a_fault_within_the_deadline() -> None:
    brief = replace(READING, answer_ms_max=5)
    one = page(event("e", market("a")))
    with pytest.raises(VenueError, match="page 2 of the event list: expected an answer within 5"):
        read(SilentSource([one, VenueError()], {}), brief)
    found = read(SilentSource([one], {}), brief)
    (instrument,) = found.instruments.values()
    assert instrument.doubts[0].startswith("market info of 0x")
