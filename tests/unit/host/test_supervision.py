"""What a supervisor hears."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from polyarb.host.supervision import Supervisor


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.setblocking(False)
        yield heard


def _words(heard: socket.socket) -> list[str]:
    words = []
    try:
        while True:
            words.append(heard.recv(4096).decode())
    except BlockingIOError:
        return words


def test_every_word_arrives_in_the_protocol_of_systemd(listener: socket.socket) -> None:
    supervisor = Supervisor(listener.getsockname())
    assert supervisor.is_listening
    supervisor.ready()
    supervisor.alive("12 frames")
    supervisor.stopping("signal SIGTERM")
    assert _words(listener) == [
        "READY=1",
        "WATCHDOG=1\nSTATUS=12 frames",
        "STOPPING=1\nSTATUS=signal SIGTERM",
    ]


def test_an_abstract_address_is_spelled_with_an_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind("\0polyarb-test-supervision")
        heard.setblocking(False)
        Supervisor("@polyarb-test-supervision").ready()
        assert _words(heard) == ["READY=1"]


def test_nobody_who_listens_is_no_fault(tmp_path: Path) -> None:
    assert not Supervisor("").is_listening
    for address in ("", str(tmp_path / "nobody")):
        supervisor = Supervisor(address)
        supervisor.ready()
        supervisor.alive("text")
        supervisor.stopping("over")


def test_one_who_does_not_read_does_not_block(listener: socket.socket) -> None:
    supervisor = Supervisor(listener.getsockname())
    for _ in range(2_000):
        supervisor.alive("x" * 100)
    assert _words(listener)
