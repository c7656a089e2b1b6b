"""Channels without HTTP of our own: the console, and what Apprise reaches as an optional extra."""

import importlib
from collections.abc import Callable, Sequence
from typing import Protocol

from polyarb.alerts.channels import APPRISE, CONSOLE, AppriseChannel
from polyarb.domain.errors import DeliveryError, UsageError
from polyarb.domain.secret import Secret
from polyarb.ports import Notice


class ConsoleNotifier:
    """Writes a notice to where the process writes its notices."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    @property
    def name(self) -> str:
        """Return the channel's name."""
        return CONSOLE

    def send(self, notice: Notice) -> None:
        """Write one notice. Errors: DeliveryError when nobody can read it."""
        try:
            self._write(f"ALERT {notice.title}\n{notice.text}")
        except (OSError, ValueError) as fault:
            raise DeliveryError(f"console: expected an open stream, found {fault}") from fault


class AppriseLike(Protocol):
    """What of Apprise is used. Source: appriseit.com, the library's documentation."""

    def add(self, servers: str) -> bool:
        """Take one address; tell whether it can be one."""
        ...

    def notify(self, body: str, title: str) -> bool | None:
        """Tell every address; true when each took it."""
        ...


class AppriseNotifier:
    """Tells the addresses one by one, so that one that is down keeps no other from hearing."""

    def __init__(self, channel: AppriseChannel, *, make: Callable[[], AppriseLike]) -> None:
        self._services = [
            _reach(_timed(url, channel.timeout_ms), place, make)
            for place, url in enumerate(channel.urls, 1)
        ]
        self._taken: dict[str, set[int]] = {}

    @property
    def name(self) -> str:
        """Return the channel's name."""
        return APPRISE

    def send(self, notice: Notice) -> None:
        """Tell each address that has not taken it yet. Errors: DeliveryError naming those left."""
        taken = self._taken.setdefault(notice.notice_id, set())
        left = []
        for place, service in enumerate(self._services, 1):
            if place in taken:
                continue
            if service.notify(body=notice.text, title=notice.title):
                taken.add(place)
            else:
                left.append(place)
        if left:
            self._taken = {notice.notice_id: taken}
            raise DeliveryError(f"apprise: expected each address to take it, found {_these(left)}")
        del self._taken[notice.notice_id]


def load_apprise() -> Callable[[], AppriseLike]:
    """Import Apprise. Errors: UsageError when the extra is not installed."""
    try:
        module = importlib.import_module("apprise")
    except ModuleNotFoundError:
        raise UsageError(
            "alerts.apprise: expected the extra `apprise`, found it is not installed;"
            ' run `pip install "polyarb[apprise]"` or disable the channel'
        ) from None
    make: Callable[[], AppriseLike] = module.Apprise
    return make


def _timed(url: Secret, timeout_ms: int) -> Secret:
    """Add the deadlines of connecting and of reading, as every address of Apprise takes them."""
    text, seconds = url.reveal(), timeout_ms / 1_000
    sign = "&" if "?" in text else "?"
    return Secret(f"{text}{sign}cto={seconds}&rto={seconds}")


def _reach(url: Secret, place: int, make: Callable[[], AppriseLike]) -> AppriseLike:
    service = make()
    if not service.add(url.reveal()):
        raise UsageError(
            f"alerts.apprise.urls[{place - 1}]: expected an address that Apprise knows,"
            " found another (not shown); see its documentation"
        )
    return service


def _these(places: Sequence[int]) -> str:
    shown = ", ".join(str(place) for place in places)
    return f"no success from address {shown} (counted from 1); it is tried again"
