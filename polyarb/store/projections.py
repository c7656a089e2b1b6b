"""Tables in SQLite for reports and the console, built from the journal alone.

Dropping and building anew gives the same rows. Never WAL: SQLite before 3.51.3 can corrupt a
database in that mode, and one short writer beside short readers does not need it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
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
_PROGRESS_COLUMNS = {"sequence": int, "hash": str, "run": int, "schema": str}
_BUSY_SECONDS = 2.0
_INTEGER_MAX = 2**63 - 1
_INTEGER_MIN = -(2**63)


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
    """Drop every table and build them from the first record on, in one transaction.

    A damaged database is removed first.
    """
    if database.exists() and _is_damaged(database):
        with store_faults("remove", database):
            # The rollback journal belongs to the old pages; it must never meet a new file.
            database.with_name(f"{database.name}-journal").unlink(missing_ok=True)
            database.unlink()
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
    _drop_all(connection)
    tables = Database(connection, recursive_triggers=False, execute_plugins=False)
    for projection in projections:
        connection.execute(
            tables.create_table_sql(projection.table, projection.columns, pk=projection.key)
        )
        for columns in projection.indexes:
            name = f"{projection.table}_by_{'_'.join(columns)}"
            connection.execute(f"CREATE INDEX {name} ON {projection.table} ({','.join(columns)})")
    connection.execute(tables.create_table_sql(_PROGRESS_TABLE, _PROGRESS_COLUMNS))
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
    statements = _Statements(connection)
    for record in records:
        run = record.sequence if isinstance(record.message, RunStarted) else followed.run
        place = Place(run=run, sequence=record.sequence, time_ns=record.time_ns)
        for projection in projections:
            for row in projection.rows(record.message, place):
                statements.put(projection, row)
        followed = _Followed(
            sequence=record.sequence, hash=record.hash, run=run, schema=followed.schema
        )
        applied += 1
    _write_followed(connection, followed)
    return Progress(
        head=Anchor(sequence=followed.sequence, hash=followed.hash),
        applied=applied,
        is_rebuilt=False,
    )


class _Statements:
    """Writes rows; a whole number beyond SQLite's 64 bits becomes the nearest that fits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._texts: dict[tuple[str, tuple[str, ...]], str] = {}

    def put(self, projection: Projection, row: Row) -> None:
        """Write one row over what its key holds."""
        cells: dict[str, int | str | bool] = msgspec.to_builtins(row)
        columns = tuple(cells)
        text = self._texts.get((projection.table, columns))
        if text is None:
            text = _upsert_text(projection, columns)
            self._texts[projection.table, columns] = text
        self._connection.execute(text, [_fitting(cell) for cell in cells.values()])


def _upsert_text(projection: Projection, columns: tuple[str, ...]) -> str:
    changes = [name for name in columns if name not in projection.key]
    assignments = ",".join(f"{name}=excluded.{name}" for name in changes)
    conflict = f"DO UPDATE SET {assignments}" if changes else "DO NOTHING"
    return (
        f"INSERT INTO {projection.table} ({','.join(columns)}) "
        f"VALUES ({','.join('?' * len(columns))}) "
        f"ON CONFLICT ({','.join(projection.key)}) {conflict}"
    )


def _fitting(cell: int | str | bool) -> int | str:
    return cell if isinstance(cell, str) else max(_INTEGER_MIN, min(_INTEGER_MAX, int(cell)))


def _drop_all(connection: sqlite3.Connection) -> None:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (name,) in names:
        connection.execute(f'DROP TABLE "{name}"')


def _schema_text(projections: Sequence[Projection]) -> str:
    """Describe the tables; a database that describes others is built anew."""
    return ";".join(
        f"{each.table}:{each.version}:{','.join(each.key)}:{','.join(each.columns)}"
        for each in projections
    )


def _read_followed(connection: sqlite3.Connection) -> _Followed | None:
    columns = ",".join(_PROGRESS_COLUMNS)
    try:
        found = connection.execute(f"SELECT {columns} FROM {_PROGRESS_TABLE}").fetchone()
    except sqlite3.OperationalError:
        return None
    return (
        msgspec.convert(dict(zip(_PROGRESS_COLUMNS, found, strict=True)), _Followed)
        if found
        else None
    )


def _write_followed(connection: sqlite3.Connection, followed: _Followed) -> None:
    connection.execute(f"DELETE FROM {_PROGRESS_TABLE}")
    connection.execute(
        f"INSERT INTO {_PROGRESS_TABLE} VALUES (?, ?, ?, ?)", msgspec.structs.astuple(followed)
    )


@contextmanager
def _writing(database: Path) -> Iterator[sqlite3.Connection]:
    """Open for one transaction: all of it is kept or none."""
    with store_faults("make", database.parent):
        ensure_directory(REAL, database.parent)
    with _database_faults(database), closing(_connect(database, "rwc")) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _connect(database: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{database.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
    )


@contextmanager
def _database_faults(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as fault:
        is_locked = _code_of(fault) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        remedy = (
            "another process uses it; try again when that is done"
            if is_locked
            else "build it anew with `polyarb ledger rebuild`; the journal has everything"
        )
        raise StoreError(f"cannot use {database}: {fault}; {remedy}") from fault


def _is_damaged(database: Path) -> bool:
    with closing(_connect(database, "rw")) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as fault:
            return _code_of(fault) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
    return False


def _code_of(fault: sqlite3.Error) -> int:
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF
