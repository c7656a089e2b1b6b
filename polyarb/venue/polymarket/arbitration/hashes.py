"""The venue's books by REST, compared in rotation with what the source in use last told.

This is what finds a freeze of the only source. The market may have moved between two answers, so
that only what persists over two looks counts. Hashes count once they were seen to agree.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from polyarb.domain.errors import VenueError
from polyarb.venue.polymarket.arbitration import peeking
from polyarb.venue.polymarket.arbitration.peeking import UNREADABLE, Message, Top
from polyarb.venue.polymarket.arbitration.scoring import Fault
from polyarb.venue.polymarket.arbitration.state import Claim

FetchBooks = Callable[[Sequence[str]], Awaitable[list[bytes]]]
Sleep = Callable[[float], Awaitable[None]]
SLICE_MAX = 100
HASHES_TO_TRUST = 3
"""So many equal hashes show that both ways compute them alike. Source: polymarket.md 3.2."""


class Finding(StrEnum):
    """What one look at a token's book found."""

    AGREES = "agrees"
    NOT_COMPARABLE = "nothing to compare"
    OLDER = "the answer is older than what was told"
    HOLLOW = "the answer is a book without a market"
    SUSPECT = "differs for the first time"
    FROZEN = "differs for the second time"
    ANSWER_DOUBTED = "differs, but the source said the same anew"


class Checked(Protocol):
    """What the check asks of an arbiter, and tells it."""

    def claim(self, asset: str) -> Claim | None:
        """Return what the active source last said of a token whose book is passed on."""
        ...

    def doubt(self, assets: Collection[str], fault: Fault, now_ns: int) -> None:
        """Lose the books of some tokens."""
        ...


class _Look(msgspec.Struct, frozen=True):
    """What was asked for, when, and what the source said then."""

    venue_time_ms: int
    claim: Claim


class HashCheck:
    """Fetches one slice of the tokens at a time and compares. Memory: bounded by the tokens."""

    def __init__(
        self,
        arbiter: Checked,
        fetch_books: FetchBooks,
        *,
        now_ns: Callable[[], int],
        sleep: Sleep,
        check_ms: int,
        slice_max: int = SLICE_MAX,
    ) -> None:
        """Units: check_ms between two slices; fetch_books calls with background priority."""
        self.findings: dict[Finding, int] = {}
        self.failures = 0
        self._arbiter = arbiter
        self._fetch_books = fetch_books
        self._now_ns = now_ns
        self._sleep = sleep
        self._check_ms = check_ms
        self._slice_max = slice_max
        self._assets: list[str] = []
        self._place = 0
        self._suspects: dict[str, _Look] = {}
        self._convicted: dict[str, Claim] = {}
        self._hashes_agreed = 0
        self._is_stopped = False

    def set_assets(self, groups: Iterable[Collection[str]]) -> None:
        """Look at these tokens and no others."""
        self._assets = sorted({asset for group in groups for asset in group})
        kept = set(self._assets)
        self._suspects = {key: look for key, look in self._suspects.items() if key in kept}
        self._convicted = {key: claim for key, claim in self._convicted.items() if key in kept}

    def stop(self) -> None:
        """Let `run` end at its next turn."""
        self._is_stopped = True

    async def run(self) -> None:
        """Look at one slice after another until stopped; no answer is no finding."""
        while not self._is_stopped:
            await self._sleep(self._check_ms / 1_000)
            if not self._is_stopped:
                await self.look()

    async def look(self) -> None:
        """Compare the next slice: what is suspect first, then whose turn it is."""
        tokens = self._next_slice()
        if not tokens:
            return
        try:
            books = await self._fetch_books(tokens)
        except VenueError:
            self.failures += 1
            return
        now_ns = self._now_ns()
        wrong: dict[Fault, set[str]] = {}
        for raw in books:
            try:
                book = peeking.decode_rest_book(raw)
                fault = self._compare(book)
            except UNREADABLE:
                self._count(Finding.NOT_COMPARABLE)
                continue
            if fault is not None:
                wrong.setdefault(fault, set()).add(book.asset_id)
        for fault, assets in wrong.items():
            self._arbiter.doubt(assets, fault, now_ns)

    def _next_slice(self) -> list[str]:
        suspects = list(self._suspects)[: self._slice_max]
        room = min(self._slice_max - len(suspects), len(self._assets))
        turn = [self._assets[(self._place + step) % len(self._assets)] for step in range(room)]
        self._place = (self._place + room) % len(self._assets) if self._assets else 0
        return list(dict.fromkeys([*suspects, *turn]))

    def _compare(self, book: Message) -> Fault | None:
        """Compare one answer; return what the source is found guilty of. Errors: UnusableError."""
        asset = book.asset_id
        claim = self._arbiter.claim(asset)
        before = self._suspects.pop(asset, None)
        finding = self._finding(book, claim)
        if finding is not Finding.SUSPECT or claim is None:
            if finding is Finding.AGREES:
                self._convicted.pop(asset, None)
            self._count(finding)
            return None
        convicted = self._convicted.get(asset)
        if convicted is not None and (convicted.top, convicted.hash) == (claim.top, claim.hash):
            self._count(Finding.ANSWER_DOUBTED)
            return None
        if before is None or not _persists(before, claim, book):
            self._suspects[asset] = _Look(book.timestamp, claim)
            self._count(Finding.SUSPECT)
            return None
        self._convicted[asset] = claim
        self._count(Finding.FROZEN)
        return Fault.BEHIND if claim.venue_time_ms < book.timestamp else Fault.HASH_BROKE

    def _finding(self, book: Message, claim: Claim | None) -> Finding:
        if claim is None:
            return Finding.NOT_COMPARABLE
        top: Top = peeking.top_of_book(book)
        has_hashes = bool(book.hash and claim.hash)
        if has_hashes and book.hash == claim.hash:
            self._hashes_agreed += 1
            return Finding.AGREES
        if book.timestamp < claim.venue_time_ms:
            return Finding.OLDER
        if peeking.is_hollow(top) and claim.top is not None and not peeking.is_hollow(claim.top):
            return Finding.HOLLOW
        if has_hashes and self._hashes_agreed >= HASHES_TO_TRUST:
            return Finding.SUSPECT
        if claim.top is None:
            return Finding.NOT_COMPARABLE
        return Finding.AGREES if top == claim.top else Finding.SUSPECT

    def _count(self, finding: Finding) -> None:
        self.findings[finding] = self.findings.get(finding, 0) + 1


def _persists(before: _Look, claim: Claim, book: Message) -> bool:
    """Tell whether the source has still not told what the first look saw.

    It has not if it is older than that, or if it and the answer are what they were.
    """
    if claim.source != before.claim.source:
        return False
    if claim.venue_time_ms < before.venue_time_ms:
        return True
    return claim == before.claim and book.timestamp == before.venue_time_ms
