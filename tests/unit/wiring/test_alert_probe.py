"""A test notice through every channel, as drills and checks send it."""

import msgspec
from polyarb.domain.errors import DeliveryError
from polyarb.wiring.alerts.channels import Probed, probe
from polyarb.wiring.alerts.outbox import Post
from tests.alert_cases import START_NS, RecordingNotifier


def test_a_test_notice_goes_through_every_channel_and_says_what_it_is() -> None:
    good, bad = RecordingNotifier("webhook"), RecordingNotifier("telegram")
    bad.fault = DeliveryError("telegram: expected status 200, found 401")
    posts = [Post(notifier=good), Post(notifier=bad, is_local=True)]
    assert probe(posts, START_NS) == (
        Probed(channel="webhook", is_local=False, fault=""),
        Probed(channel="telegram", is_local=True, fault=str(bad.fault)),
    )
    (notice,) = good.taken
    body = msgspec.json.decode(notice.body)
    assert body["event_type"] == "test"
    assert body["notice_id"] == notice.notice_id
    assert notice.title.startswith("TEST")
    assert not notice.is_urgent
