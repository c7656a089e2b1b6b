"""What a failed attempt and an ended connection are called, and what an operator is told."""

import socket
import ssl

import pytest
from polyarb.venue.polymarket.stream.faults import FaultKind, LossReason, fault_of, loss_of
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
)
from websockets.frames import Close
from websockets.http11 import Response

ADDRESS = "wss://example.org/ws/market"


def status(code: int, retry_after: str | None = None) -> InvalidStatus:
    headers = Headers() if retry_after is None else Headers({"Retry-After": retry_after})
    return InvalidStatus(Response(code, "reason", headers))


@pytest.mark.parametrize(
    ("error", "kind", "advice"),
    [
        (socket.gaierror(-2, "Name or service not known"), FaultKind.DNS, "DNS"),
        (ssl.SSLCertVerificationError("expired"), FaultKind.TLS, "clock"),
        (ConnectionRefusedError(111, "refused"), FaultKind.REFUSED, "firewall"),
        (TimeoutError("timed out"), FaultKind.TIMEOUT, "request_ms_max"),
        (OSError(101, "Network is unreachable"), FaultKind.NETWORK, "network"),
        (InvalidProxy("x", "bad"), FaultKind.NETWORK, "proxy"),
        (ImportError("python-socks is required"), FaultKind.NETWORK, "proxy"),
        (InvalidMessage("no HTTP"), FaultKind.HANDSHAKE, "address"),
        (EOFError(), FaultKind.HANDSHAKE, "address"),
        (status(403), FaultKind.STATUS, "region"),
        (status(429), FaultKind.STATUS, "too many"),
        (status(502), FaultKind.STATUS, "wait"),
    ],
)
def test_a_failed_attempt_is_named_with_what_was_found_and_what_to_do(
    error: Exception, kind: FaultKind, advice: str
) -> None:
    fault = fault_of(error, ADDRESS)
    assert fault.kind is kind
    assert ADDRESS in fault.text
    assert (str(error) or type(error).__name__) in fault.text
    assert advice in fault.text.split("; ")[-1]


@pytest.mark.parametrize(
    ("asked", "given_ms"),
    [
        (None, 0),
        ("", 0),
        ("5", 5_000),
        ("60", 60_000),
        ("61", 60_000),
        ("9" * 5_000, 60_000),
        ("-1", 0),
        ("1.5", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
    ],
)
def test_a_pause_that_the_venue_asks_for_is_kept_within_reason(
    asked: str | None, given_ms: int
) -> None:
    assert fault_of(status(429, asked), ADDRESS).retry_after_ms == given_ms


@pytest.mark.parametrize(
    ("received", "sent", "is_ours_second", "reason"),
    [
        (None, None, None, LossReason.DROPPED),
        (Close(1000, ""), Close(1000, ""), True, LossReason.CLOSED),
        (Close(1009, ""), Close(1009, ""), True, LossReason.CLOSED),
        (None, Close(1009, ""), None, LossReason.OVERSIZED),
        (Close(1000, ""), Close(1009, ""), False, LossReason.OVERSIZED),
        (None, Close(1002, ""), None, LossReason.PROTOCOL),
        (None, Close(1007, ""), None, LossReason.PROTOCOL),
        (None, Close(1000, ""), None, LossReason.DROPPED),
    ],
)
def test_an_end_is_named_by_who_began_it(
    received: Close | None, sent: Close | None, is_ours_second: bool | None, reason: LossReason
) -> None:
    assert loss_of(ConnectionClosedError(received, sent, is_ours_second)) is reason
