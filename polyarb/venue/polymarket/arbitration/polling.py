"""The last resort: books read by REST in rotation, delivered like those of a stream.

It tells states, not every change; a token that has no book any more, or whose answer failed, is
reported lost.
"""

from collections.abc import Callable, Collection, Iterable

import msgspec

from polyarb.domain.errors import VenueError
from polyarb.venue.polymarket.arbitration.hashes import FetchBooks, Sleep
from polyarb.venue.polymarket.arbitration.peeking import UNREADABLE, decode_rest_book
from polyarb.venue.polymarket.rest.client import as_book_frame
from polyarb.venue.polymarket.sources import FrameSink

SLICE_MAX = 200
NO_BOOK = "no book"
NO_ANSWER = "no answer"
_NS_PER_MS = 1_000_000


class PollStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a polling source did. Units: latency_ms of the last answer."""

    polls: int
    failures: int
    books: int
    omitted: int
    unreadable: int
    latency_ms: int


class PollingSource:
    """Polls one slice of the tokens every poll_ms; what is asked for anew comes first."""

    def __init__(
        self,
        name: str,
        sink: FrameSink,
        fetch_books: FetchBooks,
        *,
        now_ns: Callable[[], int],
        sleep: Sleep,
        poll_ms: int,
        slice_max: int = SLICE_MAX,
    ) -> None:
        """Shape: sleep takes seconds."""
        self.name = name
        self._sink = sink
        self._fetch_books = fetch_books
        self._now_ns = now_ns
        self._sleep = sleep
        self._poll_ms = poll_ms
        self._slice_max = slice_max
        self._groups: list[tuple[str, ...]] = []
        self._group_of: dict[str, tuple[str, ...]] = {}
        self._place = 0
        self._urgent: dict[tuple[str, ...], None] = {}
        self._told: set[str] = set()
        self._polls = self._failures = self._books = 0
        self._omitted = self._unreadable = self._latency_ms = 0
        self._is_stopped = False

    @property
    def statistics(self) -> PollStatistics:
        """Return the counts up to now."""
        return PollStatistics(
            polls=self._polls,
            failures=self._failures,
            books=self._books,
            omitted=self._omitted,
            unreadable=self._unreadable,
            latency_ms=self._latency_ms,
        )

    def set_assets(self, groups: Iterable[Collection[str]]) -> None:
        """Poll these groups of tokens and no others; a group is never torn apart."""
        self._groups = sorted(tuple(sorted(group)) for group in groups if group)
        self._group_of = {asset: group for group in self._groups for asset in group}
        self._urgent = {group: None for group in self._urgent if group in set(self._groups)}
        self._told &= self._group_of.keys()

    def refresh(self, assets: Collection[str]) -> None:
        """Ask for these first, at the next turn."""
        for asset in assets:
            if asset in self._group_of:
                self._urgent[self._group_of[asset]] = None

    def stop(self) -> None:
        """Let `run` end at its next turn."""
        self._is_stopped = True

    async def run(self) -> None:
        """Poll until stopped; a venue that does not answer is polled on."""
        while not self._is_stopped:
            await self.poll()
            await self._sleep(self._poll_ms / 1_000)

    async def poll(self) -> None:
        """Read one slice of books and deliver it."""
        tokens = self._next_slice()
        if not tokens:
            return
        self._polls += 1
        asked_ns = self._now_ns()
        try:
            answer = await self._fetch_books(tokens)
        except VenueError:
            self._failures += 1
            self._lose(tokens, NO_ANSWER)
            return
        self._latency_ms = (self._now_ns() - asked_ns) // _NS_PER_MS
        books: dict[str, bytes] = {}
        for raw in answer:
            try:
                asset = decode_rest_book(raw).asset_id
            except UNREADABLE:
                self._unreadable += 1
                continue
            if asset in self._group_of:
                books[asset] = raw
        self._deliver(books)
        missing = [token for token in tokens if token not in books]
        self._omitted += len(missing)
        self._lose(missing, NO_BOOK)

    def _deliver(self, books: dict[str, bytes]) -> None:
        """Deliver all books as one frame, those of one market side by side."""
        if not books:
            return
        self._books += len(books)
        self._told |= books.keys()
        ordered = [
            books[asset] for asset in sorted(books, key=lambda one: (self._group_of[one], one))
        ]
        self._sink.frame(self.name, as_book_frame(*ordered), self._now_ns())

    def _lose(self, tokens: Collection[str], reason: str) -> None:
        """Report the loss of tokens whose book was told before."""
        lost = self._told.intersection(tokens)
        if lost:
            self._told -= lost
            self._sink.lost(self.name, frozenset(lost), reason, self._now_ns())

    def _next_slice(self) -> list[str]:
        """Return the tokens of what is urgent, then of whose turn it is, up to a slice."""
        tokens: dict[str, None] = {}
        while self._urgent and len(tokens) < self._slice_max:
            group = next(iter(self._urgent))
            del self._urgent[group]
            tokens.update(dict.fromkeys(group))
        for _ in range(len(self._groups)):
            group = self._groups[self._place % len(self._groups)]
            if len(tokens) + len(group) > self._slice_max and tokens:
                break
            self._place = (self._place + 1) % len(self._groups)
            tokens.update(dict.fromkeys(group))
        return list(tokens)
