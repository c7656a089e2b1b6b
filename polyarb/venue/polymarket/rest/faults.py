"""Why a request to the venue's public hosts failed, in words for people. No clock, no I/O."""

import re
import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum

import httpx
import msgspec

from polyarb.domain.errors import VenueError

SHOWN_MAX = 200
RETRY_AFTER_MS_MAX = 120_000
"""A venue that asks for a longer pause is asked again after this one."""
_MARKUP = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|</?[a-z!?][^<>]*(?:>|\Z)", re.I | re.S
)
_CAUSES_MAX = 20
_DIGITS_MAX = 12


class RestFaultKind(StrEnum):
    """What a request ran into."""

    ADDRESS = "address"
    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    NETWORK = "network"
    TORN = "torn answer"
    STATUS = "status"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    RATE_LIMITED = "rate limited"
    OVERSIZED = "oversized answer"
    WRONG_BODY = "wrong answer"
    ENDLESS = "endless list"
    OUTAGE = "outage"


OUTAGES = frozenset(
    {
        RestFaultKind.DNS,
        RestFaultKind.REFUSED,
        RestFaultKind.TLS,
        RestFaultKind.TIMEOUT,
        RestFaultKind.NETWORK,
        RestFaultKind.TORN,
    }
)
"""Kinds that say that a host cannot be reached or is not itself."""
_ADDRESS_ERRORS = (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError, OverflowError)
_UNREADY = frozenset({425, 500, 502, 503, 504})


class ErrorBody(msgspec.Struct, frozen=True):
    """What the body of an error says. Source: polymarket.md 3.4."""

    error: str = ""
    code: str = ""
    retry_after_seconds: float = 0


class RestError(VenueError):
    """A request that failed: kind and status tell what a caller may do about it."""

    def __init__(
        self,
        text: str,
        kind: RestFaultKind,
        *,
        status: int = 0,
        retry_after_ms: int = 0,
        retryable: bool = False,
        body: ErrorBody | None = None,
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.status = status
        self.retry_after_ms = retry_after_ms
        self.retryable = retryable
        self.body = body or ErrorBody()

    @property
    def is_outage(self) -> bool:
        """Tell whether the host as a whole is at fault, not this one request."""
        return self.kind in OUTAGES or self.status == 425 or self.status >= 500


def fault_of(error: BaseException, asked: str) -> RestError:
    """Say what a request ran into before there was a whole answer."""
    kind, advice, retryable = _diagnosis(error)
    found = _found(error, kind)
    return RestError(
        f"expected an answer from {asked}, found: {found}; {advice}", kind, retryable=retryable
    )


def fault_of_status(
    status: int, content: bytes, *, asked: str, headers: httpx.Headers, now_ns: int
) -> RestError:
    """Say what an answer with another status than 200 means. Units: now_ns in unix time."""
    body = error_body(content)
    kind, advice = _meaning(status)
    shown = f": {body.error}" if body.error else ""
    wait_ms = max(_retry_after_ms(headers, now_ns), _milliseconds(body.retry_after_seconds))
    return RestError(
        f"expected status 200 from {asked}, found: {status}{shown}; {advice}",
        kind,
        status=status,
        retry_after_ms=min(wait_ms, RETRY_AFTER_MS_MAX),
        retryable=status in (425, 429) or 500 <= status < 600,
        body=body,
    )


def fault_of_body(asked: str, expected: str, found: str) -> RestError:
    """Say that an answer is not what it has to be."""
    return RestError(
        f"expected {expected} from {asked}, found: {printable(found)}; "
        "check the address in venue.hosts and any proxy, or the venue has changed its answers",
        RestFaultKind.WRONG_BODY,
    )


def error_body(content: bytes) -> ErrorBody:
    """Read the body of an error, be it JSON, text or a page of HTML; always short and printable."""
    text = content.decode("utf-8", "replace")
    try:
        body = msgspec.json.decode(content, type=_WireErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ErrorBody(error=printable(text))
    seconds = body.retry_after_seconds
    return ErrorBody(
        error=printable(body.error if isinstance(body.error, str) else text),
        code=printable(body.code if isinstance(body.code, str) else ""),
        retry_after_seconds=seconds if isinstance(seconds, int | float) else 0,
    )


def printable(text: str) -> str:
    """Strip markup and whatever cannot be printed, and shorten. Units: 200 characters."""
    plain = _MARKUP.sub(" ", text[: 50 * SHOWN_MAX])
    plain = "".join(each if each.isprintable() else " " for each in plain)
    return " ".join(plain.split())[:SHOWN_MAX].rstrip()


class _WireErrorBody(msgspec.Struct):
    error: object = None
    code: object = None
    retry_after_seconds: object = None


def _diagnosis(error: BaseException) -> tuple[RestFaultKind, str, bool]:
    """Return the kind, what to do, and whether another attempt may help."""
    causes = list(_causes(error))
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return RestFaultKind.TIMEOUT, "check the network, or raise venue.request_ms_max", True
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return RestFaultKind.DNS, "check the host name in venue.hosts and this machine's DNS", True
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        is_refused = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)
        advice = "check this machine's clock, its certificates and any proxy"
        return RestFaultKind.TLS, advice, not is_refused
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return RestFaultKind.REFUSED, "check the address in venue.hosts and any firewall", True
    if any(isinstance(cause, _ADDRESS_ERRORS) for cause in causes):
        return RestFaultKind.ADDRESS, "correct the address in venue.hosts", False
    if isinstance(error, httpx.ProtocolError | EOFError):
        return RestFaultKind.TORN, "the venue may be down or restarting: wait", True
    return RestFaultKind.NETWORK, "check this machine's network", True


def _found(error: BaseException, kind: RestFaultKind) -> str:
    if kind is RestFaultKind.TIMEOUT:
        step = "no connection" if isinstance(error, httpx.ConnectTimeout) else "no whole answer"
        return f"{step} in time"
    texts = [printable(str(cause)) for cause in _causes(error)]
    found = next((text for text in reversed(texts) if text), type(error).__name__)
    return f"{kind} failure ({found})" if kind in (RestFaultKind.DNS, RestFaultKind.TLS) else found


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from, outermost first."""
    waiting = [error]
    for _ in range(_CAUSES_MAX):
        if not waiting:
            return
        cause = waiting.pop(0)
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
        following = cause.__cause__ or cause.__context__
        if following is not None:
            waiting.append(following)


def _meaning(status: int) -> tuple[RestFaultKind, str]:
    if status == 403:
        return (
            RestFaultKind.FORBIDDEN,
            "the venue refuses this machine's region or address: see polyarb doctor",
        )
    if status == 404:
        return RestFaultKind.NOT_FOUND, "check what was asked for, and the address in venue.hosts"
    if status == 429:
        return RestFaultKind.RATE_LIMITED, "ask less often: raise venue.poll_ms and venue.check_ms"
    if status in _UNREADY or status >= 500:
        return RestFaultKind.STATUS, "the venue may be down or restarting: wait"
    return RestFaultKind.STATUS, "check the address in venue.hosts"


def _retry_after_ms(headers: httpx.Headers, now_ns: int) -> int:
    """Read how long the venue asks to wait; a date instead of seconds is not looked at."""
    seconds = _whole(headers.get("Retry-After", ""))
    if seconds is not None:
        return seconds * 1_000
    reset_s = _whole(headers.get("Poly-RateLimit-Reset", ""))
    return 0 if reset_s is None else max(0, reset_s * 1_000 - now_ns // 1_000_000)


def _whole(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
    return int(text) if is_number else None


def _milliseconds(seconds: float) -> int:
    """Return milliseconds; what is negative, absurd or no number is no wait."""
    return int(seconds * 1_000) if 0 < seconds < 1_000_000 else 0
