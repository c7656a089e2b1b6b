"""config/alert_channels.yaml: how alerts reach people.

A secret stands there as ${NAME} only, and is taken from the environment or .env; its text is in no
message. A channel that is used and has no secret is refused, never silently left out.
"""

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from polyarb.alerts.alert import Severity
from polyarb.alerts.channels import (
    AlertSettings,
    AppriseChannel,
    ConsoleChannel,
    PingChannel,
    TelegramChannel,
    WebhookChannel,
)
from polyarb.config.addresses import Address
from polyarb.config.document import read_document
from polyarb.config.environment import dotenv_values, is_secret_name
from polyarb.config.faults import Fault, refuse
from polyarb.config.figures import Choice, Figure, Truth, Unit
from polyarb.config.nodes import Items, Kind, Layer, Origin, Scalar, Section, find
from polyarb.config.schema import Keys
from polyarb.config.secrets import dotenv_secrets
from polyarb.config.validate import validate
from polyarb.domain.secret import Secret
from polyarb.store.workspace import Workspace

CHANNELS = ("console", "webhook", "telegram", "apprise", "ping")
SIGNING_KEY_LENGTH_MIN = 16
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,63}")
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}")
_DAY_MS = 86_400_000
_HIDDEN = "another text (not shown)"


@dataclass(frozen=True, slots=True)
class Variable:
    """The name of a variable that holds a secret."""

    expected: str = (
        "${NAME} of a variable whose name tells that it is a secret (KEY, SECRET, PASS, TOKEN,"
        " WEBHOOK, PING_URL or CREDENTIAL in it)"
    )

    def read(self, node: object) -> str:
        """Read one name."""
        found = _VARIABLE.fullmatch(node.text) if isinstance(node, Scalar) else None
        if found is None or not is_secret_name(found[1]):
            hide(self.expected, node)
        return found[1]

    def read_list(self, node: object) -> tuple[str, ...]:
        """Read a list of different names."""
        if not isinstance(node, Items):
            hide(f"a list: each {self.expected}", node)
        names = tuple(self.read(item) for item in node.nodes)
        if len(set(names)) < len(names):
            hide("each entry once", node)
        return names


def hide(expected: str, node: object) -> NoReturn:
    """Tell pydantic what was expected, and of what was found only that it was something else."""
    place = node.origin.place if isinstance(node, Scalar | Items) else ""
    values = {"expected": expected, "found": _HIDDEN, "place": place}
    raise PydanticCustomError("mistaken", "expected {expected}, found {found}", values)


def read_chat(node: object) -> str:
    """Read a chat of Telegram: its number, or the name of a public channel."""
    is_text = isinstance(node, Scalar) and node.kind in {Kind.TEXT, Kind.NUMBER}
    if not isinstance(node, Scalar) or not is_text or not _CHAT.fullmatch(node.text):
        hide("the number of a chat, or @channel", node)
    return node.text


_SEVERITY = Choice(tuple(Severity))
_SECRET = Variable()
_WEB = Address("https", "http")
_TIMEOUT = Figure(Unit.MILLISECONDS, 1, 600_000)
_PAUSE = Figure(Unit.MILLISECONDS, 0, 600_000)
_LONG = Figure(Unit.MILLISECONDS, 1_000, 30 * _DAY_MS)
_ATTEMPTS = Figure(Unit.COUNT, 1, 20)

Level = Annotated[Severity, PlainValidator(_SEVERITY.read), _SEVERITY]
SecretName = Annotated[str, PlainValidator(_SECRET.read)]
SecretNames = Annotated[tuple[str, ...], PlainValidator(_SECRET.read_list)]
Timeout = Annotated[int, PlainValidator(_TIMEOUT.read), _TIMEOUT]
Pause = Annotated[int, PlainValidator(_PAUSE.read), _PAUSE]
Long = Annotated[int, PlainValidator(_LONG.read), _LONG]
Attempts = Annotated[int, PlainValidator(_ATTEMPTS.read), _ATTEMPTS]


class ConsoleKeys(Keys):
    """Lines on the standard error of the process."""

    enabled: Truth = Field(default=True, description="`true` or `false`")
    severity_min: Level = Field(default=Severity.WARNING, description="the least that is told")


class ChannelKeys(Keys):
    """What every channel to the outside has."""

    enabled: Truth = Field(default=False, description="`true` or `false`")
    severity_min: Level = Field(default=Severity.WARNING, description="the least that is told")
    reserve: Truth = Field(default=False, description="told only of what nobody took in time")
    timeout_ms: Timeout = Field(default=10_000, description="deadline of one attempt")
    attempts_max: Attempts = Field(
        default=3, description="attempts after which it counts as failed; it is tried on, slower"
    )
    retry_ms: Pause = Field(default=5_000, description="pause between these attempts")
    gap_ms: Pause = Field(default=0, description="least pause between two notices")


class WebhookKeys(ChannelKeys):
    """A signed POST; taken when the answer is 200."""

    url: SecretName = Field(default="ALERT_WEBHOOK_URL", description="address, as `${NAME}`")
    signing_key: SecretName = Field(
        default="ALERT_WEBHOOK_KEY", description="key of the signature, as `${NAME}`"
    )


class TelegramKeys(ChannelKeys):
    """A message of a bot."""

    token: SecretName = Field(default="TELEGRAM_BOT_TOKEN", description="of the bot, as `${NAME}`")
    chat: Annotated[str, PlainValidator(read_chat)] = Field(
        default="", description="the number of a chat, or `@channel`"
    )
    host: Annotated[str, PlainValidator(_WEB.read), _WEB] = Field(
        default="https://api.telegram.org", description="address of the bot API"
    )
    gap_ms: Pause = Field(default=1_000, description="least pause between two notices")


class AppriseKeys(ChannelKeys):
    """Whatever Apprise reaches; needs the extra `apprise`."""

    urls: SecretNames = Field(default=(), description="addresses, each as `${NAME}`")


class PingKeys(Keys):
    """A GET a minute while the trading loop turns, to whoever alarms when it falls silent."""

    enabled: Truth = Field(default=False, description="`true` or `false`")
    url: SecretName = Field(default="ALERT_PING_URL", description="address, as `${NAME}`")
    timeout_ms: Timeout = Field(default=10_000, description="deadline of one attempt")


class DeliveryKeys(Keys):
    """When a notice is given up, and when silence of all channels counts."""

    give_up_ms: Long = Field(
        default=_DAY_MS, description="age at which a notice is given up, with a record"
    )
    down_ms_max: Long = Field(
        default=300_000, description="how long every channel may fail before that is acted on"
    )


class ChannelsKeys(Keys):
    """config/alert_channels.yaml."""

    console: ConsoleKeys = ConsoleKeys()
    webhook: WebhookKeys = WebhookKeys()
    telegram: TelegramKeys = TelegramKeys()
    apprise: AppriseKeys = AppriseKeys()
    ping: PingKeys = PingKeys()
    delivery: DeliveryKeys = DeliveryKeys()


class Secrets:
    """The variables that the file names, and what is wrong with them."""

    def __init__(self, workspace: Workspace, root: Section) -> None:
        dotenv_values(workspace)  # refuses a .env that others may read
        self.faults: list[Fault] = []
        self._root = root
        self._texts = {**dotenv_secrets(workspace), **os.environ}

    def take(self, key: str, name: str, fits: "Fits") -> Secret:
        """Return the secret of a key; note what is wrong with it."""
        text = self._texts.get(name, "")
        if not fits.accepts(text):
            told = f"a value of {name} in the environment or .env: {fits.expected}"
            self.miss(key, told, _HIDDEN if text else "none")
        return Secret(text)

    def miss(self, key: str, expected: str, found: str = "none") -> None:
        """Note what a channel that is used lacks."""
        place = find(self._root, tuple(key.split("."))).origin.place
        self.faults.append(Fault(place, key, expected, found))


@dataclass(frozen=True, slots=True)
class Fits:
    """What a secret must look like."""

    expected: str
    pattern: re.Pattern[str] | None = None

    def accepts(self, text: str) -> bool:
        """Tell whether a text may be such a secret."""
        if self.pattern is not None:
            return self.pattern.fullmatch(text) is not None
        return _is_web_address(text)


_ADDRESS = Fits("an https:// address (http:// for this machine only)")
_KEY = Fits(
    f"at least {SIGNING_KEY_LENGTH_MIN} visible characters",
    re.compile(rf"[!-~]{{{SIGNING_KEY_LENGTH_MIN},500}}"),
)
_BOT = Fits("a bot's token", _TOKEN)
_ANY = Fits("an address of Apprise", re.compile(r"[a-z][a-z0-9+]*://[!-~]+", re.I))


def load_alert_channels(workspace: Workspace) -> AlertSettings:
    """Load how alerts reach people; without the file on the console alone.

    Errors: UsageError with file, line and key of everything wrong, RefusedError for a .env with
    secrets that others may read; no secret in either.
    """
    path = workspace.alert_channels_file
    origin = Origin(Layer.CONFIG, workspace.shown(path))
    root = read_document(path, origin) if path.exists() else Section({}, origin)
    keys, faults = validate(ChannelsKeys, root)
    if keys is None:
        refuse(faults)
    secrets = Secrets(workspace, root)
    settings = AlertSettings(
        console=_console(keys.console),
        webhook=_webhook(keys.webhook, secrets),
        telegram=_telegram(keys.telegram, secrets),
        apprise=_apprise(keys.apprise, secrets),
        ping=_ping(keys.ping, secrets),
        give_up_ms=keys.delivery.give_up_ms,
        down_ms_max=keys.delivery.down_ms_max,
    )
    if secrets.faults:
        refuse(secrets.faults)
    return settings


def _console(keys: ConsoleKeys) -> ConsoleChannel | None:
    return ConsoleChannel(severity_min=keys.severity_min) if keys.enabled else None


def _webhook(keys: WebhookKeys, secrets: Secrets) -> WebhookChannel | None:
    if not keys.enabled:
        return None
    return WebhookChannel(
        severity_min=keys.severity_min,
        is_reserve=keys.reserve,
        timeout_ms=keys.timeout_ms,
        attempts_max=keys.attempts_max,
        retry_ms=keys.retry_ms,
        gap_ms=keys.gap_ms,
        url=secrets.take("webhook.url", keys.url, _ADDRESS),
        signing_key=secrets.take("webhook.signing_key", keys.signing_key, _KEY),
    )


def _telegram(keys: TelegramKeys, secrets: Secrets) -> TelegramChannel | None:
    if not keys.enabled:
        return None
    if not keys.chat:
        secrets.miss("telegram.chat", "the number of a chat, or @channel")
    return TelegramChannel(
        severity_min=keys.severity_min,
        is_reserve=keys.reserve,
        timeout_ms=keys.timeout_ms,
        attempts_max=keys.attempts_max,
        retry_ms=keys.retry_ms,
        gap_ms=keys.gap_ms,
        token=secrets.take("telegram.token", keys.token, _BOT),
        chat=keys.chat,
        host=keys.host,
    )


def _apprise(keys: AppriseKeys, secrets: Secrets) -> AppriseChannel | None:
    if not keys.enabled:
        return None
    if not keys.urls:
        secrets.miss("apprise.urls", "at least one address")
    return AppriseChannel(
        severity_min=keys.severity_min,
        is_reserve=keys.reserve,
        timeout_ms=keys.timeout_ms,
        attempts_max=keys.attempts_max,
        retry_ms=keys.retry_ms,
        gap_ms=keys.gap_ms,
        urls=tuple(secrets.take("apprise.urls", name, _ANY) for name in keys.urls),
    )


def _ping(keys: PingKeys, secrets: Secrets) -> PingChannel | None:
    if not keys.enabled:
        return None
    return PingChannel(timeout_ms=keys.timeout_ms, url=secrets.take("ping.url", keys.url, _ADDRESS))


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or port == 0 or re.search(r"[^!-~]", text):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
