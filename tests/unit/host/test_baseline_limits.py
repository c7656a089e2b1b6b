"""Threads and core dumps."""

import resource
from pathlib import Path

import pytest
from polyarb.host.baseline_limits import (
    judge_core_dumps,
    judge_threads,
    look_at_core_dumps,
    look_at_threads,
)
from polyarb.host.checkup import Result
from polyarb.host.control_group import GroupLimits
from tests.unit.host.system_tree import SystemTree


@pytest.mark.parametrize(
    ("of_user", "of_group", "result"),
    [
        (None, None, Result.OK),
        (256, None, Result.OK),
        (255, None, Result.WARN),
        (64, 1_000, Result.WARN),
        (63, None, Result.FAIL),
        (1_000, 63, Result.FAIL),
        (None, 255, Result.WARN),
    ],
)
def test_the_tighter_limit_of_threads_counts(
    of_user: int | None, of_group: int | None, result: Result
) -> None:
    assert judge_threads(of_user, of_group).result is result


def test_the_limit_of_this_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (resource.RLIM_INFINITY, 0))
    assert look_at_threads(None).measured == {"limit": -1}
    assert look_at_threads(GroupLimits(threads=70)).measured == {"limit": 70}
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (80, 0))
    assert look_at_threads(None).measured == {"limit": 80}


@pytest.mark.parametrize(
    ("limit", "pattern", "result", "told"),
    [
        (0, "core", Result.OK, "no core dumps"),
        (-1, "core", Result.WARN, "core dumps of any size go into core"),
        (-1, "|/usr/lib/systemd/systemd-coredump %P", Result.WARN, "to /usr/lib/systemd/systemd-"),
        (5 << 20, "|", Result.WARN, "of up to 5 MiB go into |"),
    ],
)
def test_core_dumps_warn_with_where_they_go(
    limit: int, pattern: str, result: Result, told: str
) -> None:
    found = judge_core_dumps(limit, pattern)
    assert found.result is result
    assert told in found.found


def test_the_pattern_of_core_dumps_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (-1, -1))
    tree = SystemTree(tmp_path)
    assert look_at_core_dumps(tree.files).found.endswith("into core")
    tree.tell("/proc/sys/kernel/core_pattern", "|/bin/false")
    assert look_at_core_dumps(tree.files).found.endswith("to /bin/false")
