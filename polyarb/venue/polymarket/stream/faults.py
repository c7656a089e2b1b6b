"""Why a connection to the market channel could not be opened, or was lost, in words for people."""

import socket
import ssl
from enum import StrEnum

import msgspec
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidStatus,
)

RETRY_AFTER_MS_MAX = 60_000
"""A venue that asks for a longer pause is asked again after this one."""
_TOO_BIG = 1009
_BROKEN = frozenset({1002, 1003, 1007})

OPENING_ERRORS = (OSError, InvalidHandshake, InvalidProxy, EOFError, ImportError)
"""What opening a connection raises where the venue or the way to it is at fault.

ImportError is how the library says that a SOCKS proxy needs a package that is not installed.
"""


class FaultKind(StrEnum):
    """Which step of opening a connection failed."""

    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    STATUS = "status"
    HANDSHAKE = "handshake"
    NETWORK = "network"
    NO_BOOKS = "no books"


class StreamFault(msgspec.Struct, frozen=True):
    """One failed attempt: what was found, and what to do."""

    kind: FaultKind
    text: str
    retry_after_ms: int = 0


class LossReason(StrEnum):
    """Why books that a connection told are not true any more."""

    DROPPED = "connection dropped"
    CLOSED = "closed by the venue"
    SILENT = "no message for too long"
    NO_PONG = "PING not answered"
    TORN = "torn frame"
    OVERSIZED = "frame too large"
    PROTOCOL = "protocol broken"
    STUCK = "cannot send"
    ASKED_ANEW = "asked anew"
    UNSUBSCRIBED = "no longer asked for"


def fault_of(error: BaseException, address: str) -> StreamFault:
    """Say what an attempt to open a connection ran into."""
    status = error.response.status_code if isinstance(error, InvalidStatus) else 0
    kind, advice = _diagnosis(error, status)
    found = str(error) or type(error).__name__
    return StreamFault(
        kind=kind,
        text=f"expected a market channel at {address}, found: {found}; {advice}",
        retry_after_ms=_retry_after_ms(error) if isinstance(error, InvalidStatus) else 0,
    )


def loss_of(error: ConnectionClosed) -> LossReason:
    """Say why a connection that was open has ended by itself."""
    sent = error.sent.code if error.sent is not None and not error.rcvd_then_sent else 0
    if sent == _TOO_BIG:
        return LossReason.OVERSIZED
    if sent in _BROKEN:
        return LossReason.PROTOCOL
    return LossReason.CLOSED if error.rcvd is not None else LossReason.DROPPED


def _diagnosis(error: BaseException, status: int) -> tuple[FaultKind, str]:
    if isinstance(error, socket.gaierror):
        return FaultKind.DNS, "check the host name in venue.hosts and this machine's DNS"
    if isinstance(error, ssl.SSLError):
        return FaultKind.TLS, "check this machine's clock, its certificates and any proxy"
    if isinstance(error, ConnectionRefusedError):
        return FaultKind.REFUSED, "check the address in venue.hosts and any firewall"
    if isinstance(error, TimeoutError):
        return FaultKind.TIMEOUT, "check the network, or raise venue.request_ms_max"
    if status == 403:
        return FaultKind.STATUS, "the venue refuses this machine's region: see polyarb doctor"
    if status == 429:
        return FaultKind.STATUS, "too many connections: lower venue.stream_copies, or wait"
    if status:
        return FaultKind.STATUS, "the venue may be down or restarting: wait"
    if isinstance(error, InvalidProxy | ImportError):
        return FaultKind.NETWORK, "mend or unset the proxy of the environment"
    if isinstance(error, OSError):
        return FaultKind.NETWORK, "check this machine's network"
    return FaultKind.HANDSHAKE, "check the address in venue.hosts, or wait"


def _retry_after_ms(error: InvalidStatus) -> int:
    """Read how long the venue asks to wait; a date instead of seconds is not looked at."""
    seconds = error.response.headers.get("Retry-After", "")[:6]
    return min(int(seconds) * 1000, RETRY_AFTER_MS_MAX) if seconds.isdecimal() else 0
