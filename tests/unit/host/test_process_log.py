"""The log of a process: small, one line a saying, never a fault."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from polyarb.domain.secret import Secret
from polyarb.host import process_log
from polyarb.host.process_log import ProcessLog

TOKEN = "tok-4711-geheim"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ProcessLog]:
    opened = ProcessLog(tmp_path / "polyarb-x.log", [Secret(TOKEN), Secret("")])
    yield opened
    opened.close()


def _lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "polyarb-x.log").read_text().splitlines()


def test_a_line_has_its_time_in_utc_its_level_and_its_text(tmp_path: Path, log: ProcessLog) -> None:
    log.tell("started")
    log.warn("the disk is nearly full")
    first, second = _lines(tmp_path)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO polyarb: started", first)
    assert second.endswith("WARNING polyarb: the disk is nearly full")


def test_a_text_of_many_lines_stays_one_line(tmp_path: Path, log: ProcessLog) -> None:
    log.tell("one\r\ntwo %s {x}")
    (line,) = _lines(tmp_path)
    assert line.endswith("one\\r\\ntwo %s {x}")


def test_no_secret_is_written(tmp_path: Path, log: ProcessLog) -> None:
    log.tell(f"posting to https://host/{TOKEN}/send")
    assert _lines(tmp_path)[0].endswith("https://host/***/send")


def test_libraries_are_heard_from_warnings_on(tmp_path: Path, log: ProcessLog) -> None:
    logging.getLogger("a.client").info("chatter")
    logging.getLogger("a.client").warning("a retry of %s", TOKEN)
    (line,) = _lines(tmp_path)
    assert line.endswith("WARNING a.client: a retry of ***")


def test_the_log_stays_small(
    tmp_path: Path, log: ProcessLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ProcessLog(tmp_path / "other.log")
    monkeypatch.setattr(small._handler, "maxBytes", 1_000)
    for number in range(500):
        small.tell(f"line {number}")
    small.close()
    files = sorted(tmp_path.glob("other.log*"))
    assert len(files) == process_log.FILES_KEPT + 1
    assert all(path.stat().st_size <= 1_000 for path in files)
    assert "line 499" in (tmp_path / "other.log").read_text()


def test_a_line_that_cannot_be_written_is_counted_and_stops_nothing(tmp_path: Path) -> None:
    log = ProcessLog(tmp_path / "absent" / "polyarb-x.log")
    log.tell("into the void")
    assert log.lost == 1
    log.close()


def test_a_closed_log_writes_nothing_more(tmp_path: Path, log: ProcessLog) -> None:
    log.tell("last")
    log.close()
    log.tell("too late")
    logging.getLogger("a.client").warning("too late")
    assert len(_lines(tmp_path)) == 1
