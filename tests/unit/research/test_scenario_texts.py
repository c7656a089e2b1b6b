"""Scenario texts are read to the letter, and what cannot be read is told with its line."""

import pytest
from polyarb.domain.errors import UsageError
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import GroupId, RelationId
from polyarb.domain.market import MarketVersion
from polyarb.domain.messages import (
    UNKNOWN_PRICE,
    BookReplaced,
    FeedLost,
    LevelChanged,
    MarketResolved,
    OperatorHalted,
    OperatorResumed,
    TickChanged,
)
from polyarb.domain.plan import Family, Outcome
from polyarb.domain.surroundings import ClockJudged, VenueModeChanged
from polyarb.domain.units import MICRO
from polyarb.domain.venue import VenueMode
from polyarb.research.scenario import (
    DECLARATIONS,
    EVENTS,
    START_NS,
    Scenario,
    parse_scenario,
    with_settings,
)
from tests.worlds import ROOMY


def event_of(line: str) -> object:
    (event,) = parse_scenario(f"market A\n{line}").events
    return event


def test_a_market_is_tradable_unless_its_line_says_otherwise() -> None:
    scenario = parse_scenario(
        "market A\n"
        "market B fee 0.05 tick 0.001 min 15 hold 250 version v2 accepting no\n"
        "market C fee unknown version unknown"
    )
    first, second, third = scenario.markets.values()
    assert first.untradable() is None and first.fee == FeeSchedule(rate=0)
    assert second.fee == FeeSchedule(rate=500)
    assert (second.tick, second.size_min, second.hold_ms) == (1_000, 15 * MICRO, 250)
    assert second.version is MarketVersion.V2 and not second.is_accepting_orders
    assert third.fee is None and third.version is None


def test_groups_and_relations_are_declared_of_known_markets() -> None:
    scenario = parse_scenario(
        "market A\nmarket B\nmarket C\n"
        "group RACE A B convert unknown incomplete augmented\n"
        "implication PAIR A B\nladder STRIKES A B C\n"
    )
    group = scenario.groups[GroupId("RACE")]
    assert group.condition_ids == ("A", "B")
    assert group.incomplete == "augmented" and group.convert_fee_bips is None
    assert scenario.markets["A"].group_id == "RACE" and scenario.markets["C"].group_id is None
    catalogue = scenario.catalogue()
    assert catalogue.relations[RelationId("PAIR")].family is Family.IMPLICATION
    assert catalogue.relations[RelationId("STRIKES")].condition_ids == ("A", "B", "C")
    assert set(catalogue.markets) == {"A", "B", "C"}


def test_a_book_is_told_in_yes_terms_whichever_token_shows_it() -> None:
    yes = event_of("1.5 book A YES bid 0.40 x 50, 0.41 x 5 ask 0.45 x 7 late 20")
    no = event_of("1.5 book A NO bid 0.55 x 7 ask 0.60 x 50, 0.59 x 5")
    assert isinstance(yes, BookReplaced) and isinstance(no, BookReplaced)
    assert yes.bids == no.bids == ((410_000, 5 * MICRO), (400_000, 50 * MICRO))
    assert yes.asks == no.asks == ((450_000, 7 * MICRO),)
    assert no.outcome is Outcome.NO
    assert yes.receive_time_ns == no.venue_time_ns == START_NS + 1_500_000_000
    assert yes.venue_time_ns == yes.receive_time_ns - 20_000_000


def test_a_level_is_told_in_yes_terms_whichever_token_shows_it() -> None:
    no = event_of("0 level A NO bid 0.62 x 50")
    assert isinstance(no, LevelChanged)
    assert (no.is_bid, no.price, no.size) == (False, 380_000, 50 * MICRO)
    assert (no.best_bid, no.best_ask) == (UNKNOWN_PRICE, UNKNOWN_PRICE)
    yes = event_of("1 level A YES ask 0.62 x 0 top 0.4 0.63 late 300")
    assert isinstance(yes, LevelChanged)
    assert (yes.is_bid, yes.size, yes.best_bid, yes.best_ask) == (False, 0, 400_000, 630_000)
    assert yes.receive_time_ns - yes.venue_time_ns == 300_000_000


def test_every_other_event_is_read() -> None:
    assert isinstance(event_of("0 tick A 0.001"), TickChanged)
    resolved = event_of("0 resolved A NO")
    assert isinstance(resolved, MarketResolved) and resolved.winner == "A:NO"
    won = event_of("0 resolved A YES")
    assert isinstance(won, MarketResolved) and won.winner == "A:YES"
    lost = event_of("0 lost socket closed")
    assert isinstance(lost, FeedLost) and lost.reason == "socket closed"
    assert lost.condition_ids == ()
    parted = event_of("0 lost silent stream of A")
    assert isinstance(parted, FeedLost)
    assert (parted.reason, parted.condition_ids) == ("silent stream", ("A",))
    halted = event_of("0 halt alice gone to lunch")
    assert isinstance(halted, OperatorHalted)
    assert (halted.actor, halted.reason) == ("alice", "gone to lunch")
    assert isinstance(event_of("0 resume alice"), OperatorResumed)
    restricted = event_of("0 mode post-only the venue says so")
    assert isinstance(restricted, VenueModeChanged)
    assert (restricted.mode, restricted.reason) == (VenueMode.POST_ONLY, "the venue says so")
    judged = event_of("0 clock wrong +200 ms")
    assert isinstance(judged, ClockJudged)
    assert (judged.is_trusted, judged.reason) == (False, "+200 ms")
    right = event_of("0 clock right")
    assert isinstance(right, ClockJudged) and right.is_trusted


def test_expectations_are_bounded_by_the_events_around_them() -> None:
    scenario = parse_scenario(
        "market A\n1 lost x\nexpect first thing\nnever bad *\n2 lost y\nexpect last\n"
    )
    first, never, last = scenario.expectations
    assert (first.line, first.words) == (3, ("first", "thing"))
    assert (first.after_ns, first.before_ns) == (START_NS + 10**9, START_NS + 2 * 10**9)
    assert never.is_never and never.after_ns == 0
    assert last.after_ns == START_NS + 2 * 10**9 and last.before_ns > START_NS * 1_000


def test_comments_empty_lines_and_commas_say_nothing() -> None:
    assert parse_scenario("# nothing\n\n   # at all\n") == Scenario()


@pytest.mark.parametrize(
    "line",
    [
        "market",
        "market A fee",
        "market A fee x",
        "market A colour red",
        "market A tick 0.0000001",
        "market A version v9",
        "group RACE A",
        "group RACE A B",
        "implication PAIR",
        "implication PAIR K",
        "implication PAIR K L M",
        "ladder PAIR K",
        "ladder PAIR K X",
        "set sizing.trade_size_usd",
        "book A YES",
        "1 book X YES bid 0.4 x 5",
        "1 book K MAYBE bid 0.4 x 5",
        "1 book K YES bid 0.4 x",
        "1 book K YES bid 0.4",
        "1 level K YES bid 0.4",
        "1 level K YES bid 0.4 x 5 late soon",
        "1 level K YES bid 0.4 x 5 top 0.3",
        "1 lost x of",
        "1 lost x of Y",
        "1 tick K",
        "1 resolved",
        "1 halt",
        "1 shout",
        "1 mode",
        "1 mode closed",
        "1 clock",
        "1 clock slow",
        "1",
        "-1 lost x",
        "0.1 lost x",
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    text = f"market K\nmarket L\nmarket M\n0.5 lost x\n{line}\n"
    with pytest.raises(UsageError, match=r"text:5: cannot read"):
        parse_scenario(text, "text")


def test_every_form_of_the_grammar_is_tried_above() -> None:
    assert set(DECLARATIONS) == {"market", "group", "implication", "ladder", "set"}
    told = {"book", "level", "tick", "resolved", "lost", "mode", "clock"}
    assert set(EVENTS) == told | {"halt", "reduce", "resume"}


def test_settings_change_figures_in_their_own_units() -> None:
    scenario = parse_scenario(
        "set sizing.trade_size_usd 5\n"
        "set sizing.edge_fraction_min 0.02\n"
        "set guards.settle_ms 20\n"
        "set envelope.order_notional_usd_max 7.5\n"
        "set families negrisk_no, implication\n"
    )
    profile = with_settings(ROOMY, scenario.settings)
    assert profile.sizing.trade_size == 5 * MICRO
    assert profile.sizing.edge_fraction_min == 20_000
    assert profile.guards.settle_ms == 20
    assert profile.envelope.order_notional_max == 7_500_000
    assert profile.families == (Family.NEGRISK_NO, Family.IMPLICATION)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sizing.colour", "5"),
        ("colours.trade_size", "5"),
        ("name", "other"),
        ("name.x", "other"),
        ("sizing", "5"),
        ("sizing.trade_size_usd", "much"),
        ("guards.settle_ms", "soon"),
        ("families", "everything"),
    ],
)
def test_a_setting_that_no_profile_has_is_refused(key: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"set {key}"):
        with_settings(ROOMY, {key: value})
