"""Read the whole instrument master: every page of Gamma's open events, then the second source.

Every wait has an end: a venue that does not answer is a VenueError, never a hang.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from polyarb.domain.errors import VenueError
from polyarb.domain.ids import ConditionId
from polyarb.domain.instruments import Instruments, Refusal
from polyarb.venue.polymarket.instruments.confirmation import Answer, Unanswered, confirm
from polyarb.venue.polymarket.instruments.listing import Listing
from polyarb.venue.polymarket.rest.faults import RestError, RestFaultKind, printable

PAGES_MAX = 20_000
"""A list that has not ended by then is going round in circles."""
FAILURES_MAX = 10
"""So many markets without an answer are no fault of theirs: the host is not reached."""
_MS = 1e-3


class PublicSource(Protocol):
    """What is asked of the venue's public hosts; each answer is a body as received."""

    def events(self, *, closed: bool = False) -> AsyncIterator[bytes]:
        """Yield the pages of the event list to its end. Errors: VenueError."""
        ...

    async def clob_market(self, condition_id: str) -> bytes:
        """Return the market info of one market. Errors: VenueError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a reading goes. Units: answer_ms_max is how long one answer may take, retries included.

    choose names the markets that the second source is asked about; tell takes a line of progress.
    """

    read_time_ms: int
    answer_ms_max: int
    choose: Callable[[Instruments], Collection[ConditionId]]
    tell: Callable[[str], None]
    concurrency: int = 8


async def read_instruments(source: PublicSource, reading: Reading) -> Instruments:
    """Read the master.

    Errors: VenueError when a page is missing or torn, when nothing is listed at all, or when the
    second source is not reached.
    """
    listing = Listing(reading.read_time_ms)
    await _read_pages(source, reading, listing)
    listed = listing.instruments()
    if not listed.instruments:
        raise VenueError(
            f"the event list: expected open markets, found none{_left_out(listed.refused)}; check"
            " venue.hosts.gamma in config/config.yaml, then try again"
        )
    chosen = sorted(each for each in reading.choose(listed) if each in listed.instruments)
    answers = await _ask_all(source, reading, chosen)
    return confirm(listed, listing.numbered, answers)


async def _read_pages(source: PublicSource, reading: Reading, listing: Listing) -> None:
    pages = source.events(closed=False)
    number = events = 0
    while True:
        try:
            async with asyncio.timeout(reading.answer_ms_max * _MS):
                content = await anext(pages)
        except StopAsyncIteration:
            return
        except TimeoutError as fault:
            raise _late(f"page {number + 1} of the event list", reading) from fault
        number += 1
        if number > PAGES_MAX:
            raise VenueError(
                f"the event list: expected its end within {PAGES_MAX} pages, found none; the venue"
                " repeats itself, try again later"
            )
        events += listing.add_page(content, f"page {number} of the event list")
        reading.tell(f"page {number}: {events} events, {len(listing)} markets")


async def _ask_all(
    source: PublicSource, reading: Reading, condition_ids: list[ConditionId]
) -> dict[ConditionId, Answer]:
    """Ask the second source about each market, some at a time."""
    answers: dict[ConditionId, Answer] = {}
    waiting = iter(condition_ids)
    failures: list[str] = []

    async def work() -> None:
        for condition_id in waiting:
            answers[condition_id] = answer = await _ask(source, reading, condition_id)
            if isinstance(answer, Unanswered) and not answer.is_missing:
                failures.append(answer.reason)
                if len(failures) >= FAILURES_MAX:
                    raise VenueError(f"{len(failures)} markets without market info: {failures[-1]}")
            if len(answers) % 100 == 0:
                reading.tell(f"market info: {len(answers)} of {len(condition_ids)}")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(reading.concurrency, len(condition_ids))):
                group.create_task(work())
    except* VenueError as faults:
        first = faults.exceptions[0]
        raise VenueError(str(first)) from first
    return answers


async def _ask(source: PublicSource, reading: Reading, condition_id: ConditionId) -> Answer:
    try:
        async with asyncio.timeout(reading.answer_ms_max * _MS):
            return await source.clob_market(condition_id)
    except TimeoutError:
        return Unanswered(str(_late(f"market info of {condition_id}", reading)))
    except VenueError as fault:
        is_missing = isinstance(fault, RestError) and fault.kind is RestFaultKind.NOT_FOUND
        return Unanswered(str(fault), is_missing=is_missing)


def _left_out(refused: Sequence[Refusal]) -> str:
    """Say why nothing is left of what was listed."""
    if not refused:
        return ""
    first = refused[0]
    told = printable(f"{first.subject}: {first.reason}")
    return f" that can be read, of {len(refused)}; the first is {told}"


def _late(what: str, reading: Reading) -> VenueError:
    return VenueError(
        f"{what}: expected an answer within {reading.answer_ms_max} ms, found none; check the"
        " network and venue.hosts in config/config.yaml, then try again"
    )
