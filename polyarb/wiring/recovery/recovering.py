"""What a new run stands on: the snapshot of the last session, and the journal behind it.

The journal alone is the truth. Where its snapshot does not fit, it is read from its beginning.
"""

from collections.abc import Callable, Iterator

import msgspec

from polyarb.domain.errors import StoreError
from polyarb.ledger.past import Past
from polyarb.store.reading import read_journal, read_verified
from polyarb.store.records import START, Anchor, JournalRecord
from polyarb.store.session import SessionSnapshot, read_session
from polyarb.store.verification import verify_news
from polyarb.store.verified import read_verified_segments
from polyarb.store.workspace import Workspace


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal comes to, and from where it was folded; replayed counts its records."""

    past: Past
    since: Anchor
    replayed: int


def recover(workspace: Workspace, tell: Callable[[str], None]) -> Recovered:
    """Fold what earlier runs left, from the snapshot if the journal has its place.

    Errors: BrokenJournalError where the journal's chain does not hold.
    """
    snapshot = _usable_snapshot(workspace, tell)
    if snapshot is not None:
        behind = _records_behind(workspace, snapshot.anchor)
        if behind is not None:
            past = Past.of(snapshot.past)
            return Recovered(past=past, since=snapshot.anchor, replayed=_fold(past, behind))
        tell(
            f"{workspace.session_file} stands for record {snapshot.anchor.sequence}, which the "
            "journal does not have; the whole journal is read instead"
        )
    past = Past()
    return Recovered(past=past, since=START, replayed=_fold(past, _whole_journal(workspace)))


def _whole_journal(workspace: Workspace) -> Iterator[JournalRecord]:
    """Return every record; finished segments that were verified before are not verified anew."""
    files = workspace.journal_file, workspace.journal_dir
    if not read_verified_segments(workspace.verified_segments_file):
        return read_journal(*files)  # in one reading
    report, _ = verify_news(*files, workspace.verified_segments_file)
    return read_verified(*files, report.head) if report.is_whole else read_journal(*files)


def _usable_snapshot(workspace: Workspace, tell: Callable[[str], None]) -> SessionSnapshot | None:
    try:
        return read_session(workspace.session_file)
    except StoreError as fault:
        tell(str(fault))
        return None


def _records_behind(workspace: Workspace, anchor: Anchor) -> Iterator[JournalRecord] | None:
    """Return the records behind a place; None where the journal does not have that place."""
    after = max(anchor.sequence - 1, 0)
    records = read_journal(workspace.journal_file, workspace.journal_dir, after=after)
    if anchor == START:
        return records
    here = next(records, None)
    is_there = here is not None and (here.sequence, here.hash) == (anchor.sequence, anchor.hash)
    return records if is_there else None


def _fold(past: Past, records: Iterator[JournalRecord]) -> int:
    count = 0
    for record in records:
        past.apply(record.message)
        count += 1
    return count
