"""Channels over the loopback interface: what is sent, what counts as taken, what never shows."""

import logging
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest
from polyarb.alerts.channels import AppriseChannel, PingChannel, TelegramChannel, WebhookChannel
from polyarb.alerts.notifiers import PingNotifier, TelegramNotifier, WebhookNotifier, sign
from polyarb.alerts.notifiers_local import AppriseNotifier, ConsoleNotifier, load_apprise
from polyarb.domain.errors import DeliveryError, UsageError
from polyarb.domain.secret import Secret
from polyarb.ports import Notice
from polyarb.wiring.alerts.channels import silence_libraries
from tests.alert_cases import START_NS, StandingClock
from tests.webhook_server import KEY, Manner, WebhookServer, closed_port

CANARY = "c4n4ry-Zq7Xw9Lm2Kp5"
TOKEN = f"123456:{CANARY}-0123456789"
NOTICE = Notice(
    notice_id="alert-1:FIRING", title="CRITICAL", text="A holds", body=b'{"a":1}', is_urgent=True
)


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with WebhookServer() as one:
        yield one


def webhook(url: str, timeout_ms: int = 5_000) -> WebhookNotifier:
    channel = WebhookChannel(url=Secret(url), signing_key=Secret(KEY), timeout_ms=timeout_ms)
    return WebhookNotifier(channel, StandingClock())


def telegram(host: str, timeout_ms: int = 5_000) -> TelegramNotifier:
    channel = TelegramChannel(token=Secret(TOKEN), chat="-42", host=host, timeout_ms=timeout_ms)
    return TelegramNotifier(channel, StandingClock())


def refused(call: Callable[[], None]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        call()
    return caught.value


def test_a_webhook_is_signed_and_carries_its_time_and_id(server: WebhookServer) -> None:
    webhook(f"{server.url}?team=a").send(NOTICE)
    (one,) = server.received
    assert one.is_signed
    assert one.path == "/hook?team=a"
    assert one.body == NOTICE.body
    assert one.headers["x-polyarb-id"] == "alert-1:FIRING"
    assert one.headers["x-polyarb-timestamp"] == str(START_NS // 10**9)
    assert one.headers["content-type"] == "application/json"


def test_a_signature_is_bound_to_key_time_and_body() -> None:
    # From: printf '5.{"a":1}' | openssl dgst -sha256 -hmac k
    expected = "b3873421c72ac3212d03c86e0481ee76a8c4b52d8819b5a9f937cf0af83701f0"
    right = sign("k", "5", b'{"a":1}')
    assert right == f"sha256={expected}"
    assert (
        len({right, sign("j", "5", b'{"a":1}'), sign("k", "6", b'{"a":1}'), sign("k", "5", b"")})
        == 4
    )


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 401, 403, 404, 408, 429, 500, 503])
def test_only_200_counts_as_taken_and_others_are_tried_again(
    server: WebhookServer, status: int
) -> None:
    server.manner = Manner(status=status, headers={"Location": server.url}, body=b"")
    fault = refused(lambda: webhook(server.url).send(NOTICE))
    assert str(status) in str(fault)
    assert fault.retryable
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_content_that_is_refused_is_not_tried_again(server: WebhookServer, status: int) -> None:
    server.manner = Manner(status=status)
    assert not refused(lambda: webhook(server.url).send(NOTICE)).retryable


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 0), ("-3", 0), ("soon", 0), ("999999", 3_600)],
    ids=["7", "0", "minus", "word", "much"],
)
def test_a_channel_may_ask_for_rest_within_bounds(
    server: WebhookServer, header: str, seconds: int
) -> None:
    server.manner = Manner(status=429, headers={"Retry-After": header})
    assert refused(lambda: webhook(server.url).send(NOTICE)).wait_ns == seconds * 10**9


@pytest.mark.parametrize("kind", ["hang", "trickle"])
def test_an_attempt_ends_at_its_deadline_however_the_receiver_stalls(
    server: WebhookServer, kind: str
) -> None:
    server.manner = Manner(kind=kind)
    assert "no answer within 150 ms" in str(refused(lambda: webhook(server.url, 150).send(NOTICE)))


def test_a_connection_that_ends_early_is_a_failure(server: WebhookServer) -> None:
    server.manner = Manner(kind="close")
    assert "ended before the answer" in str(refused(lambda: webhook(server.url).send(NOTICE)))


def test_nobody_listening_is_a_failure() -> None:
    url = f"http://127.0.0.1:{closed_port()}/"
    assert "no connection" in str(refused(lambda: webhook(url).send(NOTICE)))


@pytest.mark.parametrize("url", ["ftp://h/", "h", "http://[::1", "http://\x00/"])
def test_an_impossible_address_is_a_failure_not_a_crash(url: str) -> None:
    assert "cannot be called" in str(refused(lambda: webhook(url).send(NOTICE)))


def test_an_unknown_fault_of_the_connection_is_named_by_its_kind_only() -> None:
    class Torn(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ReadError(f"{CANARY} {request.url}")

    channel = WebhookChannel(url=Secret("http://h/"), signing_key=Secret(KEY))
    notifier = WebhookNotifier(channel, StandingClock(), transport=Torn)
    assert "ReadError" in str(refused(lambda: notifier.send(NOTICE)))
    assert CANARY not in str(refused(lambda: notifier.send(NOTICE)))


def test_an_endless_answer_is_not_read_to_its_end(server: WebhookServer) -> None:
    server.manner = Manner(body=b" " * (4 << 20))
    webhook(server.url).send(NOTICE)
    assert len(server.received) == 1


def test_telegram_gets_the_text_for_people(server: WebhookServer) -> None:
    notifier = telegram(server.url.removesuffix("/hook"))
    notifier.send(NOTICE)
    notifier.send(msgspec.structs.replace(NOTICE, text="x" * 9_000, is_urgent=False))
    first, second = (one.content for one in server.received)
    assert server.received[0].path == f"/bot{TOKEN}/sendMessage"
    assert first["chat_id"] == "-42"
    assert first["text"] == "CRITICAL\nA holds"
    assert first["disable_notification"] is False
    assert second["disable_notification"] is True
    assert len(str(second["text"])) == 4_000


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b'{"ok":false}'), (200, b"<html>"), (401, b'{"ok":false}')],
    ids=["not-ok", "no-json", "unauthorized"],
)
def test_telegram_took_it_only_if_it_says_so(
    server: WebhookServer, status: int, body: bytes
) -> None:
    server.manner = Manner(status=status, body=body)
    assert refused(lambda: telegram(server.url).send(NOTICE)).retryable


def test_telegram_may_ask_for_rest_in_its_body(server: WebhookServer) -> None:
    server.manner = Manner(status=429, body=b'{"ok":false,"parameters":{"retry_after":12}}')
    assert refused(lambda: telegram(server.url).send(NOTICE)).wait_ns == 12 * 10**9


@pytest.mark.parametrize("kind", ["answer", "close", "hang"])
@pytest.mark.parametrize("channel", ["webhook", "telegram"])
def test_a_secret_is_in_no_error_trace_log_or_repr(
    server: WebhookServer, caplog: pytest.LogCaptureFixture, kind: str, channel: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.manner = Manner(kind=kind, status=500, body=CANARY.encode())
    notifier: WebhookNotifier | TelegramNotifier
    if channel == "webhook":
        notifier = webhook(f"{server.url}/{CANARY}?key={CANARY}", 150)
    else:
        notifier = telegram(server.url, 150)
    fault = refused(lambda: notifier.send(NOTICE))
    server.manner = Manner()
    notifier.send(NOTICE)
    assert CANARY in server.received[-1].path
    trace = "".join(
        traceback.TracebackException.from_exception(fault, capture_locals=True).format()
    )
    assert "self = " in _below(trace)
    assert CANARY not in _below(trace)
    assert fault.__context__ is None
    assert CANARY not in caplog.text
    assert CANARY not in repr(notifier) + repr(vars(notifier)) + str(fault) + repr(fault)


def _below(trace: str) -> str:
    """Return the part of a trace that shows the channel's own frames, not this test's."""
    return trace[trace.index("polyarb/alerts/notifiers.py") :]


def test_a_secret_is_shown_as_stars_and_written_nowhere() -> None:
    secret = Secret(CANARY)
    assert (str(secret), repr(secret), f"{secret}") == ("***", "Secret(***)", "***")
    assert secret == Secret(CANARY) != Secret("other")
    assert secret != CANARY
    assert len({secret, Secret(CANARY)}) == 1
    assert bool(secret) and not Secret("")
    for write in (msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps):
        with pytest.raises(TypeError):
            write(secret)


def test_the_console_writes_title_and_text_and_a_closed_one_is_a_failure() -> None:
    lines: list[str] = []
    ConsoleNotifier(lines.append).send(NOTICE)
    assert lines == ["ALERT CRITICAL\nA holds"]

    def closed(_text: str) -> None:
        raise ValueError("I/O operation on closed file")

    assert "open stream" in str(refused(lambda: ConsoleNotifier(closed).send(NOTICE)))


class FakeApprise:
    """Knows addresses that begin with ok; the bad ones take nothing until mended."""

    bad: set[str]

    def __init__(self) -> None:
        self.url = self.query = ""
        self.told: list[tuple[str, str]] = []

    def add(self, servers: str) -> bool:
        self.url, _, self.query = servers.partition("?")
        return servers.startswith("ok")

    def notify(self, body: str, title: str) -> bool | None:
        if self.url in self.bad:
            return False
        self.told.append((title, body))
        return True


def test_apprise_tells_each_address_once_however_often_another_fails() -> None:
    FakeApprise.bad = {f"ok://2{CANARY}"}
    made: list[FakeApprise] = []

    def make() -> FakeApprise:
        made.append(FakeApprise())
        return made[-1]

    urls = (Secret("ok://1"), Secret(f"ok://2{CANARY}?a=b"))
    notifier = AppriseNotifier(AppriseChannel(urls=urls, timeout_ms=2_500), make=make)
    fault = refused(lambda: notifier.send(NOTICE))
    assert "address 2" in str(fault)
    assert CANARY not in str(fault)
    FakeApprise.bad = set()
    notifier.send(NOTICE)
    assert [one.query for one in made] == ["cto=2.5&rto=2.5", "a=b&cto=2.5&rto=2.5"]
    assert [len(one.told) for one in made] == [1, 1]
    notifier.send(NOTICE)
    assert [len(one.told) for one in made] == [2, 2]
    assert notifier.name == "apprise"


def test_an_address_that_apprise_does_not_know_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError, match=r"urls\[0\]") as caught:
        AppriseNotifier(AppriseChannel(urls=(Secret(CANARY),)), make=FakeApprise)
    assert CANARY not in str(caught.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        raise ModuleNotFoundError("No module named 'apprise'")

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(UsageError, match=r'pip install "polyarb\[apprise\]"'):
        load_apprise()


def test_the_real_apprise_reaches_a_receiver_and_logs_no_secret(
    server: WebhookServer, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of modules that the library loads
        apprise = pytest.importorskip("apprise")
        assert apprise.Apprise().add("json://127.0.0.1/")
    caplog.set_level(logging.DEBUG)
    silence_libraries()
    address = server.url.removeprefix("http://")
    channel = AppriseChannel(urls=(Secret(f"json://{address}/{CANARY}"),))
    notifier = AppriseNotifier(channel, make=load_apprise())
    notifier.send(NOTICE)
    assert server.received[0].content["title"] == "CRITICAL"
    server.manner = Manner(status=500)
    assert refused(lambda: notifier.send(NOTICE)).retryable
    assert CANARY not in caplog.text


@pytest.mark.parametrize("status", [200, 204])
def test_a_ping_is_a_bare_get_and_any_success_means_heard(
    server: WebhookServer, status: int
) -> None:
    server.manner = Manner(status=status, body=b"")
    PingNotifier(PingChannel(url=Secret(server.url))).send(NOTICE)
    (one,) = server.received
    assert (server.methods, one.body, one.path) == (["GET"], b"", "/hook")
    assert not {"x-polyarb-signature", "x-polyarb-id"} & one.headers.keys()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_ping_that_is_not_heard_is_tried_again(server: WebhookServer, status: int) -> None:
    server.manner = Manner(status=status)
    fault = refused(lambda: PingNotifier(PingChannel(url=Secret(server.url))).send(NOTICE))
    assert fault.retryable
    assert str(fault).startswith(f"ping: expected status 200, found {status}")
    assert server.url not in str(fault)
