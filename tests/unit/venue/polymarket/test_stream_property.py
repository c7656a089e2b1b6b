"""After whatever sequence of faults the client's books are the venue's; seeded, many at once."""

import asyncio
from random import Random

import pytest
from polyarb.venue.polymarket.stream.faults import LossReason
from tests.stream_cases import Case, listening, until
from tests.wire_server import FAULTS, Opening

PERIODS = {"request_ms_max": 250, "ping_ms": 20, "pong_ms_max": 250, "silence_ms_max": 250}
AT_ONCE = 10
UNSEEN = ("lose", "reorder", "stale", "duplicate", "torn")
"""What may leave a wrong book that nothing but a further snapshot mends."""


def seen_fault(it: Case, random: Random) -> str:
    """Do one random fault that the connection itself shows."""
    if it.server.channels and random.random() < 0.6:
        name = random.choice([name for name in FAULTS if name not in UNSEEN])
        FAULTS[name](random.choice(it.server.channels), random)
        return name
    opening = random.choice(list(Opening))
    it.server.openings.append(opening)
    return opening.value


async def suffer(it: Case, random: Random, faults: int, *, is_any: bool) -> list[str]:
    """Let the truth move while faults happen; then end the faults."""
    names = []
    for _ in range(faults):
        it.server.move(random.randint(0, 5))
        names.append(it.server.misbehave(random) if is_any else seen_fault(it, random))
        await asyncio.sleep(random.choice((0, 0, 0.001, 0.01)))
        if random.random() < 0.2:
            it.pool.resubscribe(random.sample(it.venue.tokens, 2))
    it.server.heal()
    return names


def move_all(it: Case) -> None:
    """Let the truth of every market move, so that no book is true by chance."""
    for market in it.venue.markets:
        it.server.publish(it.venue.move(market))


async def until_true_while_moving(it: Case, names: list[str]) -> None:
    """Go on with the truth, as a venue does, until the client has it."""

    def is_true() -> bool:
        if it.sink.is_true(it.venue):
            return True
        move_all(it)
        return False

    move_all(it)
    await until(is_true, f"true books after {names}", every_ms=20)


async def after_faults_that_show(seed: int) -> None:
    random = Random(seed)
    periods = {**PERIODS, "assets_per_socket_max": random.choice((2, 4))}
    async with listening(3, source=f"stream-{seed}", seed=seed, **periods) as it:
        names = await suffer(it, random, 12, is_any=False)
        await until_true_while_moving(it, names)
        assert LossReason.TORN not in it.sink.reasons


async def after_any_faults(seed: int) -> None:
    random = Random(seed)
    periods = {**PERIODS, "assets_per_socket_max": random.choice((2, 4))}
    async with listening(3, source=f"stream-{seed}", seed=seed, **periods) as it:
        names = await suffer(it, random, 12, is_any=True)
        # What was sent before the faults ended has to be through.
        told = [(channel, channel.pings) for channel in it.server.channels]
        await until(
            lambda: all(
                channel.pings > pings + 1 or channel not in it.server.channels
                for channel, pings in told
            ),
            every_ms=5,
        )
        it.server.publish(it.venue.books())
        await until_true_while_moving(it, names)


async def many(case: object, first: int) -> None:
    await asyncio.gather(*(case(seed) for seed in range(first, first + AT_ONCE)))  # type: ignore


@pytest.mark.parametrize("first", range(0, 3 * AT_ONCE, AT_ONCE))
def test_faults_that_show_heal_by_themselves(first: int) -> None:
    asyncio.run(many(after_faults_that_show, first))
    assert first >= 0


@pytest.mark.parametrize("first", range(100, 100 + 3 * AT_ONCE, AT_ONCE))
def test_any_faults_are_healed_by_one_snapshot(first: int) -> None:
    asyncio.run(many(after_any_faults, first))
    assert first >= 100
