"""Channels over HTTP: the signed webhook, Telegram, the ping. The I/O of this room, without a clock
of its own and without a word of an address, a token or an answer in any message.

The transport is used bare: a client would follow redirects and log the address of every request.
"""

import hmac
import ssl
from collections.abc import Callable
from functools import cache
from hashlib import sha256

import anyio
import httpx
import msgspec

from polyarb.alerts.channels import (
    PING,
    TELEGRAM,
    WEBHOOK,
    PingChannel,
    TelegramChannel,
    WebhookChannel,
)
from polyarb.domain.errors import DeliveryError
from polyarb.domain.secret import Secret
from polyarb.ports import Clock, Notice

SIGNATURE_HEADER = "X-Polyarb-Signature"
TIMESTAMP_HEADER = "X-Polyarb-Timestamp"
ID_HEADER = "X-Polyarb-Id"
SIGNATURE_PREFIX = "sha256="
OK = 200
"""The one status that counts as taken. Source: production-kit, alert engine."""
_SUCCESSES = range(200, 300)
_REFUSALS = frozenset({400, 413, 422})
"""The content is refused; the same content will be refused again."""
_ANSWER_BYTES_MAX = 16 << 10
_TELEGRAM_TEXT_MAX = 4_000
_NS_PER_S = 1_000_000_000
_WAIT_S_MAX = 3_600
_SEND_ERRORS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    EOFError,
    UnicodeError,
    ExceptionGroup,
)

NewTransport = Callable[[], httpx.AsyncBaseTransport]
Judge = Callable[[int, bytes], "Answer"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver answered: its status, how long it wants rest, whether its body says yes."""

    status: int
    wait_ns: int
    is_yes: bool = True

    @property
    def is_taken(self) -> bool:
        """Tell whether the receiver took it."""
        return self.status == OK and self.is_yes


def sign(key: str, timestamp: str, body: bytes) -> str:
    """Sign a body together with its time.

    Shape: sha256= and the HMAC-SHA256 in hex of the timestamp, a dot and the body.
    """
    told = timestamp.encode() + b"." + body
    return SIGNATURE_PREFIX + hmac.new(key.encode(), told, sha256).hexdigest()


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _transport() -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(verify=_trusted())


class WebhookNotifier:
    """POSTs the JSON body, signed, with its time and its id; 200 means taken."""

    def __init__(
        self, channel: WebhookChannel, clock: Clock, *, transport: NewTransport = _transport
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._transport = transport

    @property
    def name(self) -> str:
        """Return the channel's name."""
        return WEBHOOK

    def send(self, notice: Notice) -> None:
        """Send one notice. Errors: DeliveryError."""
        timestamp = str(self._clock.now_ns() // _NS_PER_S)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "polyarb",
            TIMESTAMP_HEADER: timestamp,
            ID_HEADER: notice.notice_id,
            SIGNATURE_HEADER: sign(self._channel.signing_key.reveal(), timestamp, notice.body),
        }
        answer = _call(
            self._channel.url,
            headers,
            notice.body,
            timeout_ms=self._channel.timeout_ms,
            transport=self._transport,
        )
        if not answer.is_taken:
            raise _refused(WEBHOOK, answer)


class _Parameters(msgspec.Struct, frozen=True):
    retry_after: int = 0


class _BotAnswer(msgspec.Struct, frozen=True):
    """The answer of the bot API. Source: core.telegram.org/bots/api, making requests."""

    ok: bool = False
    parameters: _Parameters = _Parameters()


class TelegramNotifier:
    """Sends the text for people as a bot; one message a notice."""

    def __init__(
        self, channel: TelegramChannel, clock: Clock, *, transport: NewTransport = _transport
    ) -> None:
        self._channel = channel
        self._clock = clock
        self._transport = transport

    @property
    def name(self) -> str:
        """Return the channel's name."""
        return TELEGRAM

    def send(self, notice: Notice) -> None:
        """Send one notice. Errors: DeliveryError."""
        text = f"{notice.title}\n{notice.text}"
        body = msgspec.json.encode(
            {
                "chat_id": self._channel.chat,
                "text": text[:_TELEGRAM_TEXT_MAX],
                "disable_notification": not notice.is_urgent,
                "disable_web_page_preview": True,
            }
        )
        answer = _call(
            Secret(f"{self._channel.host}/bot{self._channel.token.reveal()}/sendMessage"),
            {"Content-Type": "application/json", "User-Agent": "polyarb"},
            body,
            timeout_ms=self._channel.timeout_ms,
            transport=self._transport,
            judge=_bot_says,
        )
        if not answer.is_taken:
            raise _refused(TELEGRAM, answer)


class PingNotifier:
    """GETs one address and says nothing else; any answer of success means it was heard."""

    def __init__(self, channel: PingChannel, *, transport: NewTransport = _transport) -> None:
        self._channel = channel
        self._transport = transport

    @property
    def name(self) -> str:
        """Return the channel's name."""
        return PING

    def send(self, notice: Notice) -> None:
        """Ping once; the notice is only that there is something to tell. Errors: DeliveryError."""
        answer = _call(
            self._channel.url,
            {"User-Agent": "polyarb"},
            b"",
            method="GET",
            timeout_ms=self._channel.timeout_ms,
            transport=self._transport,
        )
        if answer.status not in _SUCCESSES:
            raise _refused(PING, answer)


def _bot_says(status: int, body: bytes) -> Answer:
    try:
        told = msgspec.json.decode(body, type=_BotAnswer)
    except msgspec.DecodeError:
        told = _BotAnswer()
    wait_ns = _bounded_ns(told.parameters.retry_after)
    return Answer(status=status, wait_ns=wait_ns, is_yes=told.ok)


def _refused(name: str, answer: Answer) -> DeliveryError:
    if answer.status in _REFUSALS:
        told = "it does not take this content"
    elif answer.status in (401, 403, 404):
        told = "check its address and secrets in the environment or .env"
    else:
        told = "it is tried again"
    fault = DeliveryError(
        f"{name}: expected status 200, found {answer.status}; {told}", wait_ns=answer.wait_ns
    )
    fault.retryable = answer.status not in _REFUSALS
    return fault


def _call(
    url: Secret,
    headers: dict[str, str],
    body: bytes,
    *,
    method: str = "POST",
    timeout_ms: int,
    transport: NewTransport,
    judge: Judge | None = None,
) -> Answer:
    """Send one request and wait for its answer, all of it within the deadline.

    judge: reads the body of the answer, which is left alone otherwise.

    Errors: DeliveryError that says what went wrong and nothing else.
    """

    async def attempt() -> Answer:
        with anyio.fail_after(timeout_ms / 1_000):
            async with transport() as way:
                request = httpx.Request(method, url.reveal(), headers=headers, content=body)
                response = await way.handle_async_request(request)
                status, rest_ns = response.status_code, _wait_ns(response)
                try:
                    if judge is None:
                        return Answer(status=status, wait_ns=rest_ns)
                    answer = judge(status, await _beginning(response))
                    wait_ns = max(rest_ns, answer.wait_ns)
                    return msgspec.structs.replace(answer, wait_ns=wait_ns)
                finally:
                    await response.aclose()

    try:
        return anyio.run(attempt)
    except TimeoutError:
        told = f"no answer within {timeout_ms} ms"
    except _SEND_ERRORS as fault:
        told = _plainly(fault)
    # Raised outside of the handler: neither the fault nor its address hangs on to the error.
    raise DeliveryError(f"expected an answer, found {told}; it is tried again")


async def _beginning(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= _ANSWER_BYTES_MAX:
            break
    return body


def _plainly(fault: BaseException) -> str:
    """Say what kind of fault it is; its own text may hold the address."""
    if isinstance(fault, httpx.ConnectError):
        return "no connection"
    if isinstance(fault, httpx.ProtocolError | EOFError):
        return "a connection that ended before the answer"
    if isinstance(fault, httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError):
        return "an address that cannot be called"
    return f"a fault of the connection ({type(fault).__name__})"


def _wait_ns(response: httpx.Response) -> int:
    text = response.headers.get("retry-after", "")
    return _bounded_ns(int(text)) if text.isdecimal() else 0


def _bounded_ns(seconds: int) -> int:
    return min(max(seconds, 0), _WAIT_S_MAX) * _NS_PER_S
