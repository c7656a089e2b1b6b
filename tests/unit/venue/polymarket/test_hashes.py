"""What persists over two looks is a freeze; what may have moved in between is none."""

from collections.abc import Collection, Sequence

from polyarb.domain.errors import VenueError
from polyarb.venue.polymarket.arbitration.hashes import Finding, HashCheck
from polyarb.venue.polymarket.arbitration.scoring import Fault
from polyarb.venue.polymarket.arbitration.state import Claim
from tests.arbiter_cases import MARKETS, Case, no_sleep
from tests.simulated_sources import MS, SECOND, drive

T = 1_800_000_000_000


class Desk:
    """A venue that answers and an arbiter that claims, by hand."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        self.doubts: list[tuple[frozenset[str], Fault]] = []
        self.answers: list[bytes] = []
        self.asked: list[Sequence[str]] = []
        self.is_down = False
        self.check = HashCheck(
            self, self.fetch, now_ns=lambda: 5, sleep=no_sleep, check_ms=1, slice_max=2
        )
        self.check.set_assets([("A", "B"), ("C",)])

    def claim(self, asset: str) -> Claim | None:
        return self.claims.get(asset)

    def doubt(self, assets: Collection[str], fault: Fault, now_ns: int) -> None:
        self.doubts.append((frozenset(assets), fault))

    async def fetch(self, tokens: Sequence[str]) -> list[bytes]:
        self.asked.append(tokens)
        if self.is_down:
            raise VenueError("down")
        return self.answers

    def says(self, at: int, top: tuple[int, int] = (40, 60), told_hash: str = "") -> None:
        claim = Claim(
            source="one",
            venue_time_ms=T + at,
            hash=told_hash,
            top=(top[0] * 10_000, top[1] * 10_000),
        )
        self.claims["A"] = claim

    def look(self, at: int, bid: str = "0.40", ask: str = "0.60", told_hash: str = "") -> None:
        self.answers = [
            (
                f'{{"asset_id":"A","timestamp":"{T + at}","hash":"{told_hash}",'
                f'"bids":[{{"price":"{bid}","size":"1"}}],"asks":[{{"price":"{ask}","size":"1"}}]}}'
            ).encode()
        ]
        drive(self.check.look())


def test_agreement_and_older_answers_are_no_fault() -> None:
    it = Desk()
    it.says(5)
    it.look(5)
    it.look(4, bid="0.39")
    assert it.check.findings == {Finding.AGREES: 1, Finding.OLDER: 1}
    assert it.doubts == []


def test_what_differs_twice_while_the_source_says_nothing_is_frozen() -> None:
    it = Desk()
    it.says(5)
    it.look(9, bid="0.41")
    assert it.doubts == []
    it.look(12, bid="0.42")
    assert it.doubts == [(frozenset({"A"}), Fault.BEHIND)]


def test_a_source_that_told_it_meanwhile_is_not_frozen() -> None:
    it = Desk()
    it.says(5)
    it.look(9, bid="0.41")
    it.says(10, (41, 60))
    it.look(12, bid="0.42")
    assert it.doubts == []


def test_another_book_at_the_same_time_twice_is_a_broken_book() -> None:
    it = Desk()
    it.says(5)
    it.look(5, bid="0.41")
    it.look(5, bid="0.41")
    assert it.doubts == [(frozenset({"A"}), Fault.HASH_BROKE)]


def test_hashes_count_only_once_they_were_seen_to_agree() -> None:
    it = Desk()
    it.says(5, told_hash="x")
    it.look(9, told_hash="y")
    it.look(9, told_hash="y")
    assert it.doubts == []
    for _ in range(3):
        it.look(5, told_hash="x")
    it.look(9, told_hash="y")
    it.look(9, told_hash="y")
    assert it.doubts == [(frozenset({"A"}), Fault.BEHIND)]


def test_a_hollow_answer_convicts_nobody() -> None:
    it = Desk()
    it.says(5)
    for _ in range(3):
        it.look(9, bid="0.01", ask="0.99")
    assert it.doubts == []
    assert it.check.findings == {Finding.HOLLOW: 3}


def test_a_source_that_says_the_same_anew_is_believed() -> None:
    it = Desk()
    it.says(5)
    for at in (9, 10, 11, 12):
        it.look(at, bid="0.41")
    assert len(it.doubts) == 1
    assert it.check.findings[Finding.ANSWER_DOUBTED] == 2


def test_slices_rotate_and_suspects_come_first() -> None:
    it = Desk()
    it.says(5)
    it.look(9, bid="0.41")
    it.look(5)
    it.look(5)
    assert [list(tokens) for tokens in it.asked] == [["A", "B"], ["A", "C"], ["A", "B"]]


def test_no_answer_is_no_finding_and_nonsense_is_not_compared() -> None:
    it = Desk()
    it.says(5)
    it.is_down = True
    it.look(9)
    assert it.check.failures == 1
    it.is_down = False
    it.look(9, bid="zero")
    assert it.check.findings == {Finding.NOT_COMPARABLE: 1}


def test_it_runs_until_it_is_stopped() -> None:
    it = Desk()
    it.says(5)
    turns = 0

    async def sleep(seconds: float) -> None:
        nonlocal turns
        turns += 1
        if turns == 4:
            it.check.stop()

    it.check._sleep = sleep
    drive(it.check.run())
    assert len(it.asked) == 3


def test_the_freeze_of_the_only_stream_is_found_and_healed() -> None:
    it = Case(4, (30,), has_check=True)
    it.live(3)
    it.streams[0].freeze(MARKETS, 20 * SECOND)
    it.live(12)
    assert {loss.reason for _, loss in it.losses} == {"stream-1: " + Fault.BEHIND}
    it.live(40)
    it.clock.run_for(2 * SECOND)
    assert it.is_true()
    assert it.folded.faults == []


def test_without_faults_nothing_is_ever_doubted() -> None:
    it = Case(5, has_check=True)
    it.live(15, moves_every_ms=70)
    it.clock.run_for(300 * MS)
    assert it.losses == []
    assert it.is_true()
