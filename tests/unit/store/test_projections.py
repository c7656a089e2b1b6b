import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polyarb.domain.errors import BrokenJournalError, StoreError
from polyarb.domain.messages import (
    BooksOpened,
    JournalMessage,
    OpportunityFound,
    OpportunityLost,
    OrderMatched,
    PlanApproved,
    RunStarted,
    RunStopped,
)
from polyarb.domain.plan import Family
from polyarb.store import projections
from polyarb.store.projections import catch_up, read_database, rebuild
from polyarb.store.records import START
from polyarb.store.tables import PROJECTIONS, FillRow, Place, Projection
from tests.journal_cases import JournalFiles, make_message, some_messages


class Tables(JournalFiles):
    """A journal and the database built from it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.database = directory / "polyarb.db"

    def catch_up(self) -> projections.Progress:
        return catch_up(self.database, self.current, self.archive)

    def rebuild(self, tables: Sequence[Projection] = PROJECTIONS) -> projections.Progress:
        return rebuild(self.database, self.current, self.archive, tables)

    def content(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as connection:
            return list(connection.iterdump())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with read_database(self.database) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def _started(time_ns: int, run_id: str = "run") -> JournalMessage:
    started = make_message(RunStarted, random.Random(1))
    return msgspec.structs.replace(started, run_id=run_id, receive_time_ns=time_ns)


def _found(time_ns: int) -> OpportunityFound:
    return OpportunityFound(
        receive_time_ns=time_ns,
        opportunity_id="o",
        family=Family.NEGRISK_YES,
        relation_id="r",
        edge_gross=7,
        edge_net=-3,
    )


def _lost(time_ns: int, profit_max: int) -> OpportunityLost:
    return OpportunityLost(
        receive_time_ns=time_ns,
        opportunity_id="o",
        family=Family.NEGRISK_YES,
        relation_id="r",
        opened_ns=1,
        duration_ns=2,
        edge_gross_max=3,
        edge_net_max=4,
        quantity_max=5,
        profit_max=profit_max,
        reason="vanished",
        is_planned=False,
        is_censored=True,
    )


def test_every_table_of_the_journal_is_filled(tables: Tables) -> None:
    tables.write(some_messages(400))
    progress = tables.catch_up()
    assert (progress.applied, progress.is_rebuilt) == (400, True)
    for projection in PROJECTIONS:
        assert tables.rows(f"SELECT count(*) FROM {projection.table}")[0][0] > 0, projection.table


def test_one_thing_is_one_row_and_later_messages_fill_its_columns(tables: Tables) -> None:
    tables.write(
        [
            _started(10),
            BooksOpened(receive_time_ns=11, open_sets=3),
            _found(12),
            _lost(13, profit_max=-1),
            RunStopped(receive_time_ns=14, reason="end of feed"),
        ]
    )
    tables.catch_up()
    query = (
        "SELECT run, run_id, started_ns, opened_ns, open_sets, stopped_ns, stop_reason FROM runs"
    )
    assert tables.rows(query) == [(1, "run", 10, 11, 3, 14, "end of feed")]
    query = "SELECT run, found_ns, edge_net_picos, lost_ns, profit_max_micros, is_censored"
    assert tables.rows(f"{query} FROM opportunities") == [(1, 12, -3, 13, -1, 1)]


def test_ids_that_repeat_in_the_next_run_do_not_mix(tables: Tables) -> None:
    approved = PlanApproved(receive_time_ns=2, plan_id="p", reserved=5, open_notional=6)
    tables.write([_started(1, "first"), approved])
    tables.catch_up()
    tables.write([_started(3, "second"), approved])
    tables.catch_up()
    query = "SELECT run_id, plan_id FROM plans JOIN runs USING (run) ORDER BY run"
    assert tables.rows(query) == [("first", "p"), ("second", "p")]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), steps=st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_catching_up_step_by_step_equals_building_anew(
    tmp_path: Path, seed: int, steps: list[int]
) -> None:
    directory = tmp_path / f"{seed}-{random.Random(str(steps)).getrandbits(40)}"
    directory.mkdir(exist_ok=True)
    tables, anew = Tables(directory), Tables(directory)
    anew.database = directory / "anew.db"
    tables.database.unlink(missing_ok=True)
    applied = tables.catch_up().applied
    for number, step in enumerate(steps):
        tables.write([_started(1), *some_messages(step, seed + number)], rotate_bytes=4000)
        progress = tables.catch_up()
        applied += progress.applied
        assert not progress.is_rebuilt
        assert tables.catch_up().applied == 0
    head = anew.rebuild().head
    assert tables.content() == anew.content()
    assert head == tables.catch_up().head
    assert applied == head.sequence
    before = tables.content()
    assert tables.rebuild().is_rebuilt
    assert tables.content() == before


def test_an_empty_journal_makes_empty_tables(tables: Tables) -> None:
    assert tables.catch_up().head == START
    assert not tables.catch_up().is_rebuilt
    assert tables.rows("SELECT count(*) FROM runs") == [(0,)]


def test_a_database_of_another_journal_is_built_anew(tables: Tables) -> None:
    tables.write(some_messages(10, seed=1))
    tables.catch_up()
    for seed, count in ((2, 12), (3, 4)):
        tables.current.unlink()
        tables.write(some_messages(count, seed=seed))
        progress = tables.catch_up()
        assert (progress.is_rebuilt, progress.applied) == (True, count)


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"key": ("run", "sequence")}, {"table": "matches"}]
)
def test_a_database_for_other_tables_is_built_anew(
    tables: Tables, change: dict[str, object]
) -> None:
    tables.write(some_messages(10))
    tables.catch_up()
    others = [
        replace(each, **change) if each.row is FillRow else each  # type: ignore[arg-type]
        for each in PROJECTIONS
    ]
    assert catch_up(tables.database, tables.current, tables.archive, others).is_rebuilt
    assert not catch_up(tables.database, tables.current, tables.archive, others).is_rebuilt
    names = {name for (name,) in tables.rows("SELECT name FROM sqlite_master WHERE type='table'")}
    assert names == {each.table for each in others} | {"progress"}


def test_another_room_can_add_a_table_of_its_own(tables: Tables) -> None:
    def rows(message: JournalMessage, place: Place) -> list[FillRow]:
        if not isinstance(message, RunStopped):
            return []
        return [
            FillRow(
                run=place.run,
                sequence=place.sequence,
                time_ns=place.time_ns,
                plan_id=message.reason,
                order_id="",
                shares_micros=0,
                notional_micros=0,
                fee_micros=0,
            )
        ]

    own = Projection("endings", FillRow, ("run",), rows)
    tables.write([_started(1), RunStopped(receive_time_ns=2, reason="end of feed")])
    catch_up(tables.database, tables.current, tables.archive, [*PROJECTIONS, own])
    assert tables.rows("SELECT run, plan_id FROM endings") == [(1, "end of feed")]


def test_a_number_beyond_64_bits_is_the_nearest_that_fits(tables: Tables) -> None:
    matched = OrderMatched(
        receive_time_ns=1, plan_id="p", order_id="o", shares=10**30, notional=-(10**30), fee=1
    )
    tables.write([matched])
    tables.catch_up()
    query = "SELECT shares_micros, notional_micros, fee_micros FROM fills"
    assert tables.rows(query) == [(2**63 - 1, -(2**63), 1)]


def test_the_database_is_never_in_wal_mode(tables: Tables) -> None:
    with closing(sqlite3.connect(tables.database)) as connection:
        assert connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
        connection.execute("CREATE TABLE other (a)")
    tables.write(some_messages(3))
    tables.catch_up()
    assert tables.rows("PRAGMA journal_mode") == [("delete",)]
    assert sorted(path.name for path in tables.database.parent.glob("polyarb.db*")) == [
        "polyarb.db"
    ]


def test_a_locked_database_is_a_fault_and_the_journal_goes_on(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "_BUSY_SECONDS", 0.0)
    tables.write(some_messages(3))
    tables.catch_up()
    with closing(sqlite3.connect(tables.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        tables.write(some_messages(3))
        for use in (tables.catch_up, tables.rebuild, lambda: tables.rows("SELECT 1 FROM runs")):
            with pytest.raises(StoreError, match="locked; another process uses it"):
                use()
        other.execute("ROLLBACK")
    assert tables.catch_up().applied == 3


def test_readers_cannot_write(tables: Tables) -> None:
    tables.write(some_messages(3))
    tables.catch_up()
    with pytest.raises(StoreError, match="readonly"):
        tables.rows("DELETE FROM runs")


def test_absent_tables_are_a_fault_with_a_remedy(tables: Tables) -> None:
    with pytest.raises(StoreError, match="ledger rebuild"):
        tables.rows("SELECT 1")


def test_a_damaged_database_is_built_anew_on_request(tables: Tables) -> None:
    tables.write(some_messages(30))
    tables.catch_up()
    content = tables.content()
    tables.database.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="ledger rebuild"):
        tables.catch_up()
    with pytest.raises(StoreError, match="ledger rebuild"):
        tables.rows("SELECT 1 FROM runs")
    assert tables.rebuild().is_rebuilt
    assert tables.content() == content


def test_a_broken_journal_leaves_the_tables_as_they_were(tables: Tables) -> None:
    tables.write(some_messages(5))
    tables.catch_up()
    content = tables.content()
    tables.write(some_messages(5))
    journal = tables.current.read_bytes()
    tables.current.write_bytes(journal.replace(b'"sequence":8', b'"sequence":9'))
    for use in (tables.catch_up, tables.rebuild):
        with pytest.raises(BrokenJournalError):
            use()
    assert tables.content() == content
