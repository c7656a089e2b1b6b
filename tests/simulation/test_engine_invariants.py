"""Random streams with faults through the real runner: the laws hold after every event."""

from collections import Counter

import msgspec
import pytest
from polyarb.domain.limits import Profile
from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import Command, JournalMessage, PlaceOrders, SetChanged
from polyarb.domain.order import OrderIntent, SetStatus
from polyarb.domain.units import MICRO
from polyarb.engine.engine import Engine
from polyarb.ports import FAR_FUTURE_NS, Gateway
from polyarb.store.memory import MemoryJournal
from polyarb.venue.shadow import ShadowGateway
from polyarb.venue.shadow.consumption import Taker
from polyarb.venue.shadow.matching import taking_of
from tests.feeds import Drive, replayed
from tests.simulation.laws import LawfulEngine
from tests.simulation.streams import Stream
from tests.worlds import ROOMY

SEEDS = range(48)


def profile_of(seed: int) -> Profile:
    """Vary what a run may do with its seed."""
    small = seed % 3 == 0
    return msgspec.structs.replace(
        ROOMY,
        sizing=msgspec.structs.replace(
            ROOMY.sizing,
            trade_size=(2 if small else 60) * MICRO,
            trade_size_ceiling=(12 if small else 80) * MICRO,
            gas_per_plan=(0, 20_000)[seed % 2],
            slippage_fraction_max=(250_000, 20_000)[seed % 5 == 4],
        ),
        envelope=msgspec.structs.replace(
            ROOMY.envelope,
            open_notional_max=150 * MICRO,
            position_notional_max=100 * MICRO,
            orders_per_minute_max=(60, 6)[seed % 4 == 3],
            daily_loss_max=(100, 3)[seed % 7 == 6] * MICRO,
        ),
        guards=msgspec.structs.replace(
            ROOMY.guards,
            content_age_ms_max=(600_000, 5_000)[seed % 2],
            settle_ms=(10, 40)[seed % 2],
        ),
        shadow=msgspec.structs.replace(
            ROOMY.shadow, seed=seed, revert_fraction=(0, 0, 300_000)[seed % 3]
        ),
    )


class DurableGateway(ShadowGateway):
    """The shadow gateway, if what it is told is already safe in the journal.

    It is told to take nothing that it has given before, if no message came in between: the engine
    remembers what it had.
    """

    journal: MemoryJournal
    engine: Engine

    def dispatch(self, command: Command) -> None:
        records = self.journal.records[: self.journal.durable]
        assert any(record.message is command for record in reversed(records))
        if isinstance(command, PlaceOrders):
            ladders = self.engine.state.ladders
            for order in command.orders:
                is_in_hand = ladders[order.condition_id].unsettled
                assert is_in_hand or order.shares <= self._left(order)
        super().dispatch(command)

    def _left(self, order: OrderIntent) -> int:
        """Add up what an order can have at its limit or better that no order had before."""
        taking = taking_of(order)
        depth = self.engine.depth(order.condition_id)
        assert depth is not None
        return sum(
            self._counterparty.consumption.free(
                order.condition_id, (taking.takes_bids, price, Taker.ORDERS), size
            )
            for price, size in (depth.bids if taking.takes_bids else depth.asks)
            if taking.accepts(price)
        )


def drive_of(seed: int, engine: type[Engine] = LawfulEngine) -> Drive:
    stream, profile, journal = Stream(seed), profile_of(seed), MemoryJournal()

    def gateway(one: Engine) -> Gateway:
        shadow = DurableGateway(
            one, profile.shadow, stream.catalogue, gas_per_plan=profile.sizing.gas_per_plan
        )
        shadow.journal, shadow.engine = journal, one
        return shadow

    return Drive(
        stream.catalogue,
        profile,
        stream.events,
        gateway=gateway,
        journal=journal,
        engine=engine,
    )


def told(messages: list[JournalMessage]) -> list[bytes]:
    return [msgspec.json.encode(m) for m in messages if not isinstance(m, FeedMeasured)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_hold_after_every_event_whatever_the_feed_does(seed: int) -> None:
    drive = drive_of(seed)
    messages = drive.run()
    assert isinstance(drive.engine, LawfulEngine)
    drive.engine.is_over()
    assert drive.gateway.deadline_ns == FAR_FUTURE_NS
    replay = replayed(drive.catalogue, drive.profile, drive.events, drive.journal.records)
    assert replay.difference is None
    assert replay.is_whole
    if seed % 8 == 0:
        assert told(messages) == told(drive_of(seed, Engine).run())


def test_the_streams_reach_every_fate_of_a_set() -> None:
    fates: Counter[SetStatus] = Counter()
    families: Counter[str] = Counter()
    for seed in SEEDS:
        for message in drive_of(seed, Engine).run():
            if isinstance(message, SetChanged):
                fates[message.current] += 1
            elif isinstance(message, PlaceOrders):
                families[message.family] += 1
    assert set(fates) >= {
        SetStatus.COMPLETE,
        SetStatus.MISSED,
        SetStatus.BROKEN,
        SetStatus.HELD,
        SetStatus.CONVERTED,
        SetStatus.UNWOUND,
        SetStatus.SETTLED,
    }, fates
    expected = {"negrisk_yes", "negrisk_no", "negrisk_split", "implication", "ladder"}
    assert set(families) == expected, families
