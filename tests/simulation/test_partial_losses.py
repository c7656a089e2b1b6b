"""Streams of which parts are lost: the laws hold after every event, and nothing stays open."""

from random import Random

import pytest
from polyarb.domain.messages import CancelAll, Event, FeedLost, RedeemSet
from polyarb.domain.order import SetStatus
from tests.feeds import Drive, replayed
from tests.simulation.laws import LawfulEngine
from tests.simulation.streams import Stream
from tests.worlds import ROOMY

SEEDS = range(12)


def with_losses(stream: Stream, seed: int) -> list[Event]:
    """Lose some markets every now and then."""
    chance = Random(seed)
    names = sorted(stream.catalogue.markets)
    events: list[Event] = []
    for event in stream.events:
        events.append(event)
        if chance.random() < 0.05:
            lost = tuple(sorted(chance.sample(names, chance.randint(1, 3))))
            events.append(
                FeedLost(receive_time_ns=event.receive_time_ns, reason="part", condition_ids=lost)
            )
    return events


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_hold_whatever_part_of_the_feed_is_lost(seed: int) -> None:
    stream = Stream(seed)
    events = with_losses(stream, seed)
    drive = Drive(stream.catalogue, ROOMY, events, engine=LawfulEngine)
    drive.run()
    assert isinstance(drive.engine, LawfulEngine)
    drive.engine.is_over()
    replay = replayed(stream.catalogue, ROOMY, events, drive.journal.records)
    assert replay.difference is None and replay.is_whole


def test_the_streams_recall_orders_and_redeem_sets() -> None:
    recalled = redeemed = left = 0
    for seed in range(40):
        stream = Stream(seed)
        drive = Drive(stream.catalogue, ROOMY, with_losses(stream, seed))
        messages = drive.run()
        recalled += sum(isinstance(m, CancelAll) and "feed lost" in m.reason for m in messages)
        redeemed += sum(isinstance(m, RedeemSet) for m in messages)
        winners = drive.engine.state.winners
        for flight in drive.engine.state.sets.values():
            assert flight.status is SetStatus.HELD
            assert not set(flight.condition_ids) <= set(winners)
            left += 1
    assert recalled and left, (recalled, redeemed, left)
