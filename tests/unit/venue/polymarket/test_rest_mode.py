"""What the venue accepts, as its public answers tell it."""

import asyncio

import httpx
import pytest
from polyarb.domain.venue import VenueMode
from polyarb.venue.polymarket.rest.faults import RestError, fault_of_status
from polyarb.venue.polymarket.rest.mode import RESTRICTED_MS, ModeReading, ModeWatch
from polyarb.venue.polymarket.rest.retries import FAILURES_MAX
from rest_cases import in_turn, version, virtual_client
from tests.virtual_time import WALL_START_NS, run_virtually

MS = 1_000_000
POST_ONLY_BODY = (
    b'{"error":"post-only mode: only post-only orders and cancels are allowed",'
    b'"code":"post_only_mode","retry_after_seconds":79}'
)


def fault(status: int, body: bytes = b"") -> RestError:
    return fault_of_status(status, body, asked="GET x", headers=httpx.Headers(), now_ns=0)


def watch() -> tuple[ModeWatch, list[VenueMode]]:
    told: list[VenueMode] = []
    return ModeWatch(lambda reading: told.append(reading.mode)), told


def test_before_any_answer_nothing_is_believed() -> None:
    assert watch()[0].reading == ModeReading(
        mode=VenueMode.DOWN, observed_ns=0, reason="no answer yet"
    )


def test_an_answer_is_ok_and_is_told_once() -> None:
    subject, told = watch()
    subject.answered(5)
    subject.answered(6)
    assert subject.reading == ModeReading(mode=VenueMode.OK, observed_ns=6, reason="answers")
    assert told == [VenueMode.OK]


def test_down_is_told_even_as_the_first_thing() -> None:
    subject, told = watch()
    subject.unreachable("no route", 7)
    assert told == [VenueMode.DOWN]
    assert subject.reading.reason == "no route"


@pytest.mark.parametrize(
    ("status", "body", "mode"),
    [
        (503, POST_ONLY_BODY, VenueMode.POST_ONLY),
        (503, b'{"error":"Post-only mode"}', VenueMode.POST_ONLY),
        (503, b'{"error":"x","code":"post_only_mode"}', VenueMode.POST_ONLY),
        (503, b"the exchange is in CANCEL-ONLY mode", VenueMode.CANCEL_ONLY),
        (503, b'{"error":"x","code":"cancel_only_mode"}', VenueMode.CANCEL_ONLY),
        (503, b'{"error":"trading is disabled"}', VenueMode.DOWN),
        (425, b"service not ready", VenueMode.DOWN),
        (425, b"", VenueMode.DOWN),
    ],
)
def test_a_restriction_is_read_from_what_it_says(status: int, body: bytes, mode: VenueMode) -> None:
    subject, told = watch()
    subject.answered(1)
    subject.failed(fault(status, body), 2)
    assert (subject.reading.mode, subject.reading.observed_ns) == (mode, 2)
    assert told == [VenueMode.OK, mode]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b"upstream connect error"),
        (500, POST_ONLY_BODY),
        (429, POST_ONLY_BODY),
        (403, b""),
        (404, b""),
    ],
)
def test_other_faults_say_nothing_about_the_mode(status: int, body: bytes) -> None:
    subject, told = watch()
    subject.answered(1)
    subject.failed(fault(status, body), 2)
    assert (subject.reading.mode, subject.reading.observed_ns) == (VenueMode.OK, 1)
    assert told == [VenueMode.OK]


def test_a_restriction_outlasts_good_reads_for_as_long_as_the_venue_said() -> None:
    subject, _ = watch()
    subject.failed(fault(503, POST_ONLY_BODY), 0)
    subject.answered(79_000 * MS - 1)
    assert subject.reading.mode is VenueMode.POST_ONLY
    subject.answered(79_000 * MS)
    assert subject.reading.mode is VenueMode.OK


@pytest.mark.parametrize("body", [b"cancel-only", b"trading is disabled"])
def test_a_restriction_of_unknown_length_is_held_for_two_minutes(body: bytes) -> None:
    subject, _ = watch()
    subject.failed(fault(503, body), 0)
    subject.answered(RESTRICTED_MS * MS - 1)
    assert subject.reading.mode is not VenueMode.OK
    subject.answered(RESTRICTED_MS * MS)
    assert subject.reading.mode is VenueMode.OK


def test_after_a_restart_the_venue_is_post_only_for_two_minutes() -> None:
    subject, told = watch()
    subject.answered(0)
    subject.failed(fault(425), 1)
    subject.failed(fault(425), 2)
    subject.answered(10)
    assert subject.reading.mode is VenueMode.POST_ONLY
    subject.answered(9 + RESTRICTED_MS * MS)
    assert subject.reading.mode is VenueMode.POST_ONLY
    subject.answered(10 + RESTRICTED_MS * MS)
    assert told == [VenueMode.OK, VenueMode.DOWN, VenueMode.POST_ONLY, VenueMode.OK]


def test_the_restart_ends_where_the_venue_says_post_only_itself() -> None:
    subject, _ = watch()
    subject.failed(fault(425), 0)
    subject.failed(fault(503, POST_ONLY_BODY), 1)
    subject.answered(1 + 79_000 * MS)
    assert subject.reading.mode is VenueMode.OK


def test_after_an_outage_of_the_network_an_answer_is_ok_at_once() -> None:
    subject, _ = watch()
    subject.unreachable("no route", 0)
    subject.answered(1)
    assert subject.reading.mode is VenueMode.OK


def test_the_client_follows_the_mode_and_tells_it() -> None:
    told: list[ModeReading] = []

    async def main() -> None:
        post_only = httpx.Response(503, content=POST_ONLY_BODY)
        transport = in_turn(version(), post_only, version(), version())
        async with virtual_client(transport) as client:
            client._mode._listener = told.append
            await client.version()
            assert client.mode.mode is VenueMode.OK
            assert client.mode.observed_ns == WALL_START_NS
            with pytest.raises(RestError, match="post-only"):
                await client.version()
            assert client.mode.mode is VenueMode.POST_ONLY
            await client.version()
            assert client.mode.mode is VenueMode.POST_ONLY
            await asyncio.sleep(80)
            await client.version()
            assert [each.mode for each in told] == ["ok", "post-only", "ok"]

    run_virtually(main)


def test_gamma_says_nothing_about_the_mode_and_neither_does_a_page_of_a_proxy() -> None:
    async def main() -> None:
        transport = in_turn(
            httpx.Response(200, content=b'{"events":[]}'), httpx.Response(200, content=b"<p>hi")
        )
        async with virtual_client(transport) as client:
            assert [page async for page in client.events()]
            with pytest.raises(RestError):
                await client.version()
            assert client.mode.observed_ns == 0

    run_virtually(main)


def test_a_venue_that_cannot_be_reached_is_down_once_that_is_certain() -> None:
    async def main() -> None:
        transport = in_turn(version(), httpx.ConnectError("no route"))
        async with virtual_client(transport) as client:
            await client.version()
            while len(transport.sent) <= FAILURES_MAX:
                assert client.mode.mode is VenueMode.OK
                with pytest.raises(RestError):
                    await client.version()
            assert client.mode.mode is VenueMode.DOWN
            assert "no route" in client.mode.reason

    run_virtually(main)
