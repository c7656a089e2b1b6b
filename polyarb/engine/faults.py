"""Books that may not be decided on: they leave every sum, and what stood on them ends censored."""

from collections.abc import Iterable

from polyarb.domain.book import BookFault
from polyarb.domain.messages import BookInvalidated, Output, RequestSnapshot
from polyarb.domain.units import ONE
from polyarb.engine import books, detect, episodes
from polyarb.engine.state import EngineState, Episode, Ladder


def publish(ladder: Ladder, bid: int, ask: int) -> None:
    """Take a settled top into the sums of every watch of a market. Units: micros."""
    ladder.settled_bid, ladder.settled_ask = bid, ask
    for watch, leg in ladder.watches:
        detect.update_leg(watch, leg, bid, ask)


def invalidate(state: EngineState, ladder: Ladder, fault: BookFault, now_ns: int) -> list[Output]:
    """Stop deciding on a book, take it out of every sum and ask for a fresh snapshot.

    A feed that tells of a loss takes the books anew by itself; asking would lose them once more.
    Episodes that stood on it end here: whether their inequality still holds, nobody can tell.
    """
    ladder.status = books.FAULT_STATUS[fault]
    ladder.invalid_since_ns = ladder.invalid_since_ns or now_ns
    state.census.quality[fault] += 1
    publish(ladder, 0, ONE)
    outputs: list[Output] = [
        BookInvalidated(
            receive_time_ns=now_ns,
            condition_id=ladder.condition_id,
            fault=fault,
            best_bid=ladder.best_bid,
            best_ask=ladder.best_ask,
        ),
    ]
    if fault is not BookFault.FEED_LOST:
        outputs.append(RequestSnapshot(receive_time_ns=now_ns, condition_id=ladder.condition_id))
    for watch, _leg in ladder.watches:
        for family, episode in list(watch.episodes.items()):
            if detect.DETECTORS[family](watch) <= 0 or ladder in detect.legs_of(watch, family):
                outputs += close([episode], now_ns)
    return outputs


def close(open_episodes: Iterable[Episode], now_ns: int) -> list[Output]:
    """End episodes; one that was not seen to cease is censored: its true end is not known."""
    outputs: list[Output] = []
    for episode in open_episodes:
        outputs.append(
            episodes.close_episode(
                episode,
                ended_ns=episode.false_since_ns or now_ns,
                now_ns=now_ns,
                is_censored=episode.is_doubted or not episode.false_since_ns,
            )
        )
        for ladder in episode.watch.ladders:
            ladder.is_watched = any(watch.episodes for watch, _leg in ladder.watches)
    return outputs
