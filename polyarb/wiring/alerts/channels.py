"""From the settings of the channels to channels that send; what Apprise logs is kept silent."""

import logging
from collections.abc import Callable, Sequence

import msgspec

from polyarb.alerts.alert import Severity
from polyarb.alerts.channels import AlertSettings, Channel, ConsoleChannel
from polyarb.alerts.notifiers import PingNotifier, TelegramNotifier, WebhookNotifier
from polyarb.alerts.notifiers_local import AppriseNotifier, ConsoleNotifier, load_apprise
from polyarb.alerts.outbox import Patience
from polyarb.domain.errors import DeliveryError
from polyarb.ports import Clock, Notice, Notifier
from polyarb.store.alert_log import iso_of
from polyarb.wiring.alerts.outbox import NS_PER_MS, Post

PING_PATIENCE = Patience(most_ns=30 * 10**9, give_up_ns=30 * 10**9)
"""A ping that could not be sent is of no use later: the next one tells the same."""
TALKATIVE = ("apprise", "requests", "urllib3")
"""Libraries that may write an address, and so a secret, to the log; ours is called without one."""


def build_posts(
    settings: AlertSettings, clock: Clock, write: Callable[[str], None]
) -> tuple[Post, ...]:
    """Build every channel that is set up. write: where lines of the console go.

    Errors: UsageError for a channel that cannot be built, without anything secret in it.
    """
    posts = []
    if settings.console is not None:
        posts.append(_post(settings, settings.console, ConsoleNotifier(write)))
    if settings.webhook is not None:
        notifier = WebhookNotifier(settings.webhook, clock)
        posts.append(_post(settings, settings.webhook, notifier))
    if settings.telegram is not None:
        telegram = TelegramNotifier(settings.telegram, clock)
        posts.append(_post(settings, settings.telegram, telegram))
    if settings.apprise is not None:
        silence_libraries()
        apprise = AppriseNotifier(settings.apprise, make=load_apprise())
        posts.append(_post(settings, settings.apprise, apprise))
    if settings.ping is not None:
        pinger = PingNotifier(settings.ping)
        posts.append(Post(notifier=pinger, patience=PING_PATIENCE, is_pinger=True))
    return tuple(posts)


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a channel took a test notice; fault is empty when it did."""

    channel: str
    is_local: bool
    fault: str


def probe(posts: Sequence[Post], now_ns: int) -> tuple[Probed, ...]:
    """Send one notice that says it is a test through every channel; one attempt each.

    The pinger is left out: it tells that a trading loop turns, and nothing else may tell that.
    """
    body = {"event_type": "test", "notice_id": f"test:{now_ns}", "sent_at": iso_of(now_ns)}
    test = Notice(
        notice_id=f"test:{now_ns}",
        title="TEST: nothing is wrong",
        text=f"a test of this channel at {iso_of(now_ns)}; nobody needs to do anything",
        body=msgspec.json.encode(body),
        is_urgent=False,
    )
    return tuple(
        Probed(
            channel=post.notifier.name,
            is_local=post.is_local,
            fault=_fault_of(post.notifier, test),
        )
        for post in posts
        if not post.is_pinger
    )


def _fault_of(notifier: Notifier, notice: Notice) -> str:
    try:
        notifier.send(notice)
    except DeliveryError as fault:
        return str(fault)
    return ""


def silence_libraries() -> None:
    """Let no library write what it is called with."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL + 1)


def _post(settings: AlertSettings, channel: Channel, notifier: Notifier) -> Post:
    return Post(
        notifier=notifier,
        patience=Patience(
            attempts_max=channel.attempts_max,
            retry_ns=channel.retry_ms * NS_PER_MS,
            gap_ns=channel.gap_ms * NS_PER_MS,
            give_up_ns=settings.give_up_ms * NS_PER_MS,
        ),
        severity_min=Severity(channel.severity_min),
        is_reserve=channel.is_reserve,
        is_local=isinstance(channel, ConsoleChannel),
    )
