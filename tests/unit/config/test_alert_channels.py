"""How alerts reach people, as the file says it: every fault told, no secret in any message."""

from collections.abc import Callable

import pytest
from polyarb.alerts.alert import Severity
from polyarb.alerts.channels import (
    AlertSettings,
    AppriseChannel,
    ConsoleChannel,
    PingChannel,
    TelegramChannel,
    WebhookChannel,
)
from polyarb.config.alert_channels import load_alert_channels
from polyarb.domain.errors import RefusedError, UsageError
from polyarb.domain.secret import Secret
from polyarb.store.workspace import Workspace
from polyarb.wiring.alerts.channels import build_posts
from tests.alert_cases import StandingClock

CANARY = "c4n4ry-Zq7Xw9Lm2Kp5"
URL = f"https://hooks.example/{CANARY}?a=b"
KEY = f"{CANARY}-0123456789"
TOKEN = f"123456:{CANARY}-abcdef"
NAMES = ("ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_KEY", "TELEGRAM_BOT_TOKEN", "MY_SECRET")
Write = Callable[[str], Workspace]


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "ALERT_PING_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write(workspace: Workspace) -> Write:
    def put(text: str) -> Workspace:
        workspace.alert_channels_file.write_text(text, encoding="utf-8")
        return workspace

    return put


def refused(workspace: Workspace) -> str:
    with pytest.raises(UsageError) as caught:
        load_alert_channels(workspace)
    assert CANARY not in str(caught.value) + repr(caught.value)
    return str(caught.value)


def test_the_shipped_file_tells_on_the_console_alone_and_so_does_none(workspace: Workspace) -> None:
    assert load_alert_channels(workspace) == AlertSettings()
    workspace.alert_channels_file.unlink()
    assert load_alert_channels(workspace) == AlertSettings()


def test_every_figure_of_every_channel_can_be_set(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in zip(NAMES, (URL, KEY, TOKEN, f"json://h/{CANARY}"), strict=True):
        monkeypatch.setenv(name, text)
    workspace = write(
        "console:\n  enabled: false\n  severity_min: INFO\n"
        "webhook:\n  enabled: true\n  url: ${ALERT_WEBHOOK_URL}\n"
        "  signing_key: ${ALERT_WEBHOOK_KEY}\n  severity_min: INFO\n  reserve: true\n"
        "  timeout_ms: 1\n  attempts_max: 2\n  retry_ms: 3\n  gap_ms: 4\n"
        "telegram:\n  enabled: true\n  token: ${TELEGRAM_BOT_TOKEN}\n  chat: -100123\n"
        "  host: http://127.0.0.1:9\n"
        'apprise:\n  enabled: true\n  urls: ["${MY_SECRET}"]\n'
        "delivery:\n  give_up_ms: 2000\n  down_ms_max: 3000\n"
    )
    assert load_alert_channels(workspace) == AlertSettings(
        console=None,
        webhook=WebhookChannel(
            url=Secret(URL),
            signing_key=Secret(KEY),
            severity_min=Severity.INFO,
            is_reserve=True,
            timeout_ms=1,
            attempts_max=2,
            retry_ms=3,
            gap_ms=4,
        ),
        telegram=TelegramChannel(
            token=Secret(TOKEN), chat="-100123", host="http://127.0.0.1:9", gap_ms=1_000
        ),
        apprise=AppriseChannel(urls=(Secret(f"json://h/{CANARY}"),)),
        give_up_ms=2_000,
        down_ms_max=3_000,
    )
    assert CANARY not in repr(load_alert_channels(workspace))


def test_a_secret_of_dotenv_is_taken_and_the_environment_wins(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = write("webhook:\n  enabled: true\n")
    workspace.env_file.write_text(
        f"ALERT_WEBHOOK_URL=https://one.example/\nALERT_WEBHOOK_KEY={KEY}\n"
    )
    workspace.env_file.chmod(0o600)
    webhook = load_alert_channels(workspace).webhook
    assert webhook is not None
    assert webhook.url == Secret("https://one.example/")
    monkeypatch.setenv("ALERT_WEBHOOK_URL", URL)
    webhook = load_alert_channels(workspace).webhook
    assert webhook is not None
    assert webhook.url == Secret(URL)
    workspace.env_file.chmod(0o644)
    with pytest.raises(RefusedError, match="mode 600") as caught:
        load_alert_channels(workspace)
    assert CANARY not in str(caught.value)


def test_a_channel_that_is_used_without_its_secret_is_refused_with_its_line(write: Write) -> None:
    told = refused(write("webhook:\n  enabled: true\n  url: ${MY_SECRET}\n"))
    assert "config/alert_channels.yaml:3: webhook.url: expected a value of MY_SECRET" in told
    assert "webhook.signing_key: expected a value of ALERT_WEBHOOK_KEY" in told


def test_a_channel_that_is_not_used_needs_no_secret(write: Write) -> None:
    assert load_alert_channels(write("webhook:\n  enabled: false\n")).webhook is None


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.example/{CANARY}",
        f"ftp://127.0.0.1/{CANARY}",
        f"https:///{CANARY}",
        f"https://h:99999/{CANARY}",
        f"https://h:0/{CANARY}",
        f"https://h/{CANARY} b",
        f"{CANARY}",
        "",
    ],
)
def test_an_address_that_is_none_or_unencrypted_is_refused_without_showing_it(
    write: Write, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", url)
    monkeypatch.setenv("ALERT_WEBHOOK_KEY", KEY)
    told = refused(write("webhook:\n  enabled: true\n"))
    assert "expected a value of ALERT_WEBHOOK_URL" in told


@pytest.mark.parametrize("url", ["http://127.0.0.1:8/a", "http://localhost/a", "http://[::1]/a"])
def test_an_unencrypted_address_of_this_machine_is_taken(
    write: Write, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", url)
    monkeypatch.setenv("ALERT_WEBHOOK_KEY", KEY)
    assert load_alert_channels(write("webhook:\n  enabled: true\n")).webhook is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"webhook:\n  url: https://h/{CANARY}\n", "${NAME} of a variable"),
        (f"webhook:\n  url: ${{A_{CANARY.upper()}\n", "${NAME} of a variable"),
        ("webhook:\n  url: ${HOME}\n", "whose name tells that it is a secret"),
        ("webhook:\n  url: x${MY_SECRET}\n", "${NAME} of a variable"),
        ("webhook:\n  url: [a]\n", "${NAME} of a variable"),
        (f"telegram:\n  token: {TOKEN}\n", "${NAME} of a variable"),
        (f"telegram:\n  chat: {TOKEN}\n", "the number of a chat"),
        ("telegram:\n  chat: [1]\n", "the number of a chat"),
        ("telegram:\n  enabled: true\n", "telegram.chat: expected the number of a chat"),
        (f"apprise:\n  urls: json://{CANARY}\n", "a list"),
        ('apprise:\n  urls: ["${A_KEY}", "${A_KEY}"]\n', "each entry once"),
        ("apprise:\n  enabled: true\n", "apprise.urls: expected at least one address"),
        ("webhook:\n  timeout_ms: 0\n", "a whole number from 1"),
        ("webhook:\n  attempts_max: 21\n", "a whole number from 1 to 20"),
        ("webhook:\n  severity_min: SEVERE\n", "webhook.severity_min"),
        ("webhok:\n  enabled: true\n", "webhook (the nearest)"),
        ("webhook:\n  adress: a\n", "an unknown key"),
        ("telegram:\n  host: ${MY_SECRET}\n", "an address such as"),
        ("delivery:\n  down_ms_max: 1\n", "a whole number from 1000"),
        ("webhook: 1\n", "a section"),
    ],
    ids=lambda value: value.replace("\n", " ")[:24] if ":" in value else "",
)
def test_what_is_wrong_is_refused_and_no_secret_is_shown(
    write: Write, text: str, expected: str
) -> None:
    assert expected in refused(write(text))


def test_every_channel_that_is_set_up_is_built_with_its_figures(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in zip(NAMES, (URL, KEY, TOKEN, "json://h/"), strict=True):
        monkeypatch.setenv(name, text)
    workspace = write(
        "webhook:\n  enabled: true\n  attempts_max: 2\n  retry_ms: 7\n"
        "telegram:\n  enabled: true\n  chat: '@my_channel'\n  reserve: true\n"
        "delivery:\n  give_up_ms: 9000\n"
    )
    lines: list[str] = []
    posts = build_posts(load_alert_channels(workspace), StandingClock(), lines.append)
    assert [post.notifier.name for post in posts] == ["console", "webhook", "telegram"]
    assert [post.is_local for post in posts] == [True, False, False]
    assert [post.is_reserve for post in posts] == [False, False, True]
    assert (posts[1].patience.attempts_max, posts[1].patience.retry_ns) == (2, 7_000_000)
    assert {post.patience.give_up_ns for post in posts} == {9_000_000_000}
    assert posts[2].patience.gap_ns == 1_000_000_000
    assert CANARY not in repr(posts)
    assert build_posts(AlertSettings(console=None), StandingClock(), lines.append) == ()
    assert build_posts(AlertSettings(console=ConsoleChannel()), StandingClock(), lines.append)


def test_a_pinger_is_an_address_that_is_a_secret(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = refused(write("ping:\n  enabled: true\n"))
    assert "config/alert_channels.yaml:1: ping.url: expected a value of ALERT_PING_URL" in told
    monkeypatch.setenv("ALERT_PING_URL", URL)
    ping = load_alert_channels(write("ping:\n  enabled: true\n  timeout_ms: 7\n")).ping
    assert ping == PingChannel(url=Secret(URL), timeout_ms=7)
    assert CANARY not in repr(ping)
    (post,) = build_posts(AlertSettings(console=None, ping=ping), StandingClock(), print)
    assert (post.notifier.name, post.is_pinger, post.is_local) == ("ping", True, False)
