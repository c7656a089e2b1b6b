"""What an engine holds does not grow with what it has been told."""

from polyarb.domain.messages import UNKNOWN_PRICE, BookReplaced, LevelChanged
from polyarb.domain.plan import Outcome
from polyarb.engine.engine import Engine
from polyarb.research.scenario import START_NS, parse_scenario
from tests.worlds import ROOMY

MESSAGES = 2_000


def test_books_settled_by_their_next_timestamp_leave_no_deadline_behind() -> None:
    scenario = parse_scenario("market A\n")
    engine = Engine(scenario.catalogue(), ROOMY, "")
    for condition_id in scenario.catalogue().markets:
        engine.handle(
            BookReplaced(
                receive_time_ns=START_NS,
                venue_time_ns=START_NS,
                condition_id=condition_id,
                outcome=Outcome.YES,
                bids=((400_000, 10_000_000),),
                asks=((500_000, 10_000_000),),
            )
        )
        for number in range(1, MESSAGES):
            engine.handle(
                LevelChanged(
                    condition_id=condition_id,
                    is_bid=True,
                    price=410_000 + 10_000 * (number % 2),
                    size=5_000_000 * (number % 3),
                    best_bid=UNKNOWN_PRICE,
                    best_ask=UNKNOWN_PRICE,
                    venue_time_ns=START_NS + number,
                    receive_time_ns=START_NS,
                )
            )
    assert engine.state.census.settled > MESSAGES // 2
    assert engine.deadlines_held <= 1
