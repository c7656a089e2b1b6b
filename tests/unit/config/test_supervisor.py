"""What the environment says of a supervisor."""

import os

import pytest
from polyarb.config.supervisor import find_supervisor


@pytest.fixture(autouse=True)
def _unsupervised(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_supervisor_there_is_nobody_to_tell() -> None:
    found = find_supervisor()
    assert not found.is_listening
    assert found.watchdog_ns == 0


def test_the_watchdog_is_that_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "@somewhere")
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")
    assert find_supervisor().watchdog_ns == 10 * 10**9
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert find_supervisor().watchdog_ns == 10 * 10**9
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert find_supervisor().watchdog_ns == 0
    assert find_supervisor().is_listening
