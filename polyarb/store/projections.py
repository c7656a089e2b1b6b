"""Tables in SQLite for reports and the console, built from the journal alone.

Dropping and building anew gives the same rows. Never WAL: SQLite before 3.51.3 can corrupt a
database in that mode, and one short writer beside short readers does not need it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path

import msgspec
from sqlite_utils import Database

from polyarb.domain.errors import StoreError
from polyarb.domain.messages import RunStarted
from polyarb.store.filesystem import REAL, ensure_directory, store_faults
from polyarb.store.reading import read_journal
from polyarb.store.records import START, Anchor, JournalRecord
from polyarb.store.tables import PROJECTIONS, Place, Projection, Row

_PROGRESS_TABLE = "progress"
_BATCH = 5000
_BUSY_SECONDS = 2.0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the tables have followed the journal."""

    head: Anchor
    applied: int
    is_rebuilt: bool


class _Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What the database says about itself."""

    sequence: int
    hash: str
    run: int
    schema: str


def catch_up(
    database: Path,
    current: Path,
    archive: Path,
    projections: Sequence[Projection] = PROJECTIONS,
) -> Progress:
    """Apply what the journal holds behind the last applied record.

    Where the database was built from another journal, or for other tables, it is built anew.
    Errors: StoreError if the database is locked or damaged, BrokenJournalError from the journal.
    """
    with _writing(database) as connection:
        followed = _read_followed(connection)
        if followed is None or followed.schema != _schema_text(projections):
            return _rebuild(connection, current, archive, projections)
        records = read_journal(current, archive, after=max(0, followed.sequence - 1))
        if followed.sequence:
            last = next(records, None)
            if last is None or (last.sequence, last.hash) != (followed.sequence, followed.hash):
                return _rebuild(connection, current, archive, projections)
        return _apply(connection, records, followed, projections)


def rebuild(
    database: Path,
    current: Path,
    archive: Path,
    projections: Sequence[Projection] = PROJECTIONS,
) -> Progress:
    """Drop every table and build them from the first record on, in one transaction."""
    with _writing(database) as connection:
        return _rebuild(connection, current, archive, projections)


@contextmanager
def read_database(database: Path) -> Iterator[sqlite3.Connection]:
    """Open the tables for reading only.

    Errors: StoreError if they are absent, locked or damaged.
    """
    if not database.exists():
        raise StoreError(
            f"cannot read {database}: expected the tables of the journal, found none; "
            "make them with `polyarb ledger rebuild`"
        )
    with _database_faults(database), closing(_connect(database, "ro")) as connection:
        yield connection


def _rebuild(
    connection: sqlite3.Connection,
    current: Path,
    archive: Path,
    projections: Sequence[Projection],
) -> Progress:
    tables = Database(connection)
    for name in tables.table_names():
        connection.execute(f"DROP TABLE [{name}]")
    for projection in projections:
        tables.create_table(
            projection.table, projection.columns, pk=projection.key, transform=False
        )
        for columns in projection.indexes:
            tables.table(projection.table).create_index(list(columns))
    tables.create_table(_PROGRESS_TABLE, {"sequence": int, "hash": str, "run": int, "schema": str})
    start = _Followed(
        sequence=START.sequence, hash=START.hash, run=0, schema=_schema_text(projections)
    )
    progress = _apply(connection, read_journal(current, archive), start, projections)
    return msgspec.structs.replace(progress, is_rebuilt=True)


def _apply(
    connection: sqlite3.Connection,
    records: Iterator[JournalRecord],
    followed: _Followed,
    projections: Sequence[Projection],
) -> Progress:
    applied = 0
    while batch := list(islice(records, _BATCH)):
        run = followed.run
        for record in batch:
            if isinstance(record.message, RunStarted):
                run = record.sequence
            place = Place(run=run, sequence=record.sequence, time_ns=record.time_ns)
            for projection in projections:
                for row in projection.rows(record.message, place):
                    _put(connection, projection, row)
        applied += len(batch)
        last = batch[-1]
        followed = msgspec.structs.replace(
            followed, sequence=last.sequence, hash=last.hash, run=run
        )
    _write_followed(connection, followed)
    return Progress(
        head=Anchor(sequence=followed.sequence, hash=followed.hash),
        applied=applied,
        is_rebuilt=False,
    )
