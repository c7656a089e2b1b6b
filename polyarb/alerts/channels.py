"""Which channels tell of alerts and how; what config/config.yaml says under `alerts`. Pure."""

import msgspec

from polyarb.alerts.alert import Severity
from polyarb.domain.secret import Secret

CONSOLE, WEBHOOK, TELEGRAM, APPRISE = "console", "webhook", "telegram", "apprise"
PING = "ping"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What every channel has. Units: milliseconds.

    Shape: severity_min is the least that it is told of; is_reserve: only of what nobody took.
    """

    severity_min: Severity = Severity.WARNING
    is_reserve: bool = False
    timeout_ms: int = 10_000
    attempts_max: int = 3
    retry_ms: int = 5_000
    gap_ms: int = 0


class ConsoleChannel(Channel, frozen=True, kw_only=True):
    """Lines where the process writes its notices."""


class WebhookChannel(Channel, frozen=True, kw_only=True):
    """A signed POST to one address."""

    url: Secret
    signing_key: Secret


class TelegramChannel(Channel, frozen=True, kw_only=True):
    """A message of a bot to one chat; host is Telegram's own unless a test stands in for it."""

    token: Secret
    chat: str
    host: str = "https://api.telegram.org"


class AppriseChannel(Channel, frozen=True, kw_only=True):
    """Addresses of anything that Apprise reaches."""

    urls: tuple[Secret, ...]


class PingChannel(Channel, frozen=True, kw_only=True):
    """A GET to whoever alarms when it falls silent; told of the heartbeat and nothing else."""

    url: Secret


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How alerts reach people. None is a channel that is not used. Units: milliseconds.

    Shape: down_ms_max is how long every channel may fail before that itself is acted on.
    """

    console: ConsoleChannel | None = ConsoleChannel()
    webhook: WebhookChannel | None = None
    telegram: TelegramChannel | None = None
    apprise: AppriseChannel | None = None
    ping: PingChannel | None = None
    give_up_ms: int = 86_400_000
    down_ms_max: int = 300_000
