"""A sandbox plays a scenario, or a recorded tape as the background."""

from pathlib import Path

import pytest
from polyarb.domain.errors import UsageError
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.faults import FaultBoard
from polyarb.venue.sandbox.flow.founding import Founded
from polyarb.venue.sandbox.flow.play import play
from polyarb.wiring.sandbox.staging import stage_of

START_NS = 1_790_000_000 * 10**9


def staged(named: str, root: Path) -> Founded:
    stage = stage_of(named, Workspace(root))
    return stage(seed=7, starts_ns=START_NS, faults=FaultBoard(7))


def test_a_scenario_is_staged_by_its_name(root: Path) -> None:
    assert staged("quiet", root).scenario.name == "quiet"


def test_a_tape_is_staged_by_its_path_and_its_books_stand(root: Path, samples: Path) -> None:
    sandbox = staged(str(samples / "tape_hockey.jsonl.gz"), root)
    assert sandbox.scenario.name == "tape_hockey" and len(sandbox.listing.markets) == 6
    assert len(sandbox.accounts) == 3
    play(sandbox, until_ns=START_NS + 10**9)
    books = [sandbox.world.exchange.book(market.yes) for market in sandbox.listing.markets]
    assert all(book is not None and book.bids and book.asks for book in books)


@pytest.mark.parametrize(
    ("named", "told"),
    [("absent.jsonl.gz", "expected a recorded tape, found nothing"), ("quite", "quiet")],
)
def test_what_is_not_there_is_told(root: Path, named: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        staged(named, root)


def test_a_tape_without_markets_is_refused(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="expected a tape that tells of markets, found none"):
        staged(str(empty), root)
