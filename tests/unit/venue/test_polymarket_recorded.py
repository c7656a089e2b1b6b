"""Every tape, sample and fixture that was recorded is translated, and nothing of it is lost."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from polyarb.domain.market import Catalogue, Market
from polyarb.domain.messages import BookReplaced, LevelChanged, LevelsChanged, MarketEvent
from polyarb.domain.units import ONE
from polyarb.venue.polymarket.channel.numerals import read_price, read_size
from polyarb.venue.polymarket.channel.translate import Translator
from polyarb.venue.polymarket.instruments.catalogue import infer_catalogue, load_catalogue
from wire_cases import both_ways, line, load_messages


def lines_of(tape: Path) -> list[bytes]:
    """The lines of a tape."""
    return gzip.decompress(tape.read_bytes()).splitlines()


def play(tape: Path, catalogue: Catalogue) -> tuple[list[MarketEvent], Translator]:
    """Translate a tape; times never step back and nothing is rejected."""
    translator = Translator(catalogue)
    events: list[MarketEvent] = []
    latest_ns = 0
    for frame in translator.frames(lines_of(tape)):
        assert frame.receive_time_ns >= latest_ns
        latest_ns = frame.receive_time_ns
        events += frame.events
    assert translator.statistics.rejected == {}
    assert translator.statistics.unknown_tokens == 0
    return events, translator


def kinds(events: list[MarketEvent]) -> dict[str, int]:
    """How many events of which kind."""
    return dict(Counter(type(event).__name__ for event in events))


def test_the_hockey_sample_is_read_as_its_labels_say(samples: Path) -> None:
    labels = json.loads((samples / "labels_hockey.json").read_text())
    catalogue = load_catalogue([samples / "markets.json"])
    events, translator = play(samples / "tape_hockey.jsonl.gz", catalogue)
    counted = translator.statistics
    assert (counted.frames, counted.messages) == (labels["messages"], labels["messages"])
    assert counted.by_type == labels["by_type"]
    assert counted.noted == {}
    assert kinds(events) == {"BookReplaced": 12, "TradePrinted": 270, "LevelChanged": 47_358}
    assert all(market.untradable() is None for market in catalogue.markets.values())


def test_every_hockey_change_equals_an_independent_reading(samples: Path) -> None:
    catalogue = load_catalogue([samples / "markets.json"])
    yes = {market.yes: key for key, market in catalogue.markets.items()}
    tape = lines_of(samples / "tape_hockey.jsonl.gz")
    events, _ = play(samples / "tape_hockey.jsonl.gz", catalogue)
    for content, event in zip(tape, events, strict=True):
        if not isinstance(event, LevelChanged):
            continue
        message = json.loads(content)["msg"]
        (told,) = (each for each in message["price_changes"] if each["asset_id"] in yes)
        assert event.condition_id == yes[told["asset_id"]] == message["market"]
        assert event.is_bid == (told["side"] == "BUY")
        assert (event.price, event.size) == (
            round(float(told["price"]) * 1e6),
            round(float(told["size"]) * 1e6),
        )
        assert (event.best_bid, event.best_ask) == (
            round(float(told["best_bid"]) * 1e6),
            round(float(told["best_ask"]) * 1e6),
        )
        assert event.venue_time_ns == int(message["timestamp"]) * 1_000_000


def test_both_ways_agree_on_the_hockey_sample(samples: Path) -> None:
    both_ways(
        lines_of(samples / "tape_hockey.jsonl.gz")[:6_000],
        load_catalogue([samples / "markets.json"]),
    )


def test_the_two_books_of_every_fed_outcome_are_one(samples: Path) -> None:
    catalogue = load_catalogue([samples / "event_fed_negrisk.json"])
    (group,) = catalogue.groups.values()
    assert (group.incomplete, group.convert_fee_bips) == ("", None)
    assert set(group.condition_ids) == set(catalogue.markets)
    events, _ = play(samples / "tape_fed_negrisk.jsonl.gz", catalogue)
    books: dict[str, set[tuple[object, object]]] = {}
    for event in events:
        assert isinstance(event, BookReplaced)
        books.setdefault(event.condition_id, set()).add((event.bids, event.asks))
    assert [len(both) for both in books.values()] == [1] * 5
    asks = sum(next(iter(both))[1][0][0] for both in books.values())
    bids = sum(next(iter(both))[0][0][0] for both in books.values())
    assert (asks, bids) == (ONE + 4_000, ONE - 1_000)


def test_the_long_hockey_tape_holds_one_message_that_is_no_pair(recorded: Path) -> None:
    folder = recorded / "tickscope-nhl"
    catalogue = load_catalogue([folder / "token_pairs.json"])
    events, translator = play(folder / "tape_0130.jsonl.gz", catalogue)
    assert translator.statistics.by_type == {"price_change": 103_183, "last_trade_price": 483}
    assert translator.statistics.noted == {}
    assert kinds(events) == {"LevelChanged": 103_183, "TradePrinted": 483}


def test_every_baseball_tape_is_read_from_its_own_tokens(recorded: Path) -> None:
    folder = recorded / "signaldrift-mlb"
    seen: Counter[str] = Counter()
    for tape in sorted(folder.glob("tape_*.jsonl.gz")):
        name = tape.name.removeprefix("tape_").removesuffix(".jsonl.gz")
        labels = json.loads((folder / f"labels_{name}.json").read_text())
        catalogue = infer_catalogue(lines_of(tape))
        (market,) = catalogue.markets.values()
        assert {market.yes, market.no} == set(labels["tokens"])
        events, translator = play(tape, catalogue)
        assert translator.statistics.messages == labels["messages"] == len(events)
        seen.update(translator.statistics.by_type)
    assert seen == {"book": 2_121, "price_change": 62_647}


def test_a_tape_with_the_tokens_of_another_game_goes_to_the_market_of_the_tokens(
    recorded: Path,
) -> None:
    folder = recorded / "signaldrift-mlb"
    right = lines_of(folder / "tape_20250617_mlb-mil-chc-2025-06-17.jsonl.gz")
    wrong = lines_of(folder / "tape_20250619_mlb-hou-bal-2025-06-19.jsonl.gz")
    catalogue = infer_catalogue([*right, *wrong])
    assert list(catalogue.markets) == ["mlb-mil-chc-2025-06-17"]
    (event, *_) = Translator(catalogue).frame(wrong[0]).events
    assert isinstance(event, BookReplaced)
    assert event.condition_id == "mlb-mil-chc-2025-06-17"


def test_every_bitcoin_tape_is_books_of_one_market(recorded: Path) -> None:
    books = paired = equal = 0
    for tape in sorted((recorded / "resolvedkit-btc15m").glob("tape_*.jsonl.gz")):
        catalogue = infer_catalogue(lines_of(tape))
        assert len(catalogue.markets) == 1
        events, translator = play(tape, catalogue)
        assert set(translator.statistics.noted) <= {"size_cut"}
        books += len(events)
        by_time: dict[int, dict[str, BookReplaced]] = {}
        for event in events:
            assert isinstance(event, BookReplaced)
            by_time.setdefault(event.venue_time_ns, {})[event.outcome] = event
        for both in by_time.values():
            if len(both) == 2:
                first, second = both.values()
                paired += 1
                equal += (first.bids, first.asks) == (second.bids, second.asks)
    assert (books, paired, equal) == (25_256, 12_383, 12_372)


def test_receive_times_of_the_crypto_tapes_are_kept(recorded: Path) -> None:
    counts = {}
    for tape in sorted((recorded / "caiooooo-crypto-recvts").glob("tape_*.jsonl.gz")):
        events, translator = play(tape, infer_catalogue(lines_of(tape)))
        assert translator.statistics.noted == {}
        assert all(event.receive_time_ns != event.venue_time_ns for event in events)
        counts[tape.name] = translator.statistics.messages
    assert sum(counts.values()) == 4_313


@pytest.mark.parametrize(("day", "events", "tokens"), [("20", 39, 840), ("21", 38, 832)])
def test_the_neg_risk_days_are_books_of_certified_groups(
    recorded: Path, day: str, events: int, tokens: int
) -> None:
    folder = recorded / "artbreguez-negrisk"
    catalogue = load_catalogue([folder / f"events_negrisk_2026-08-{day}.json"])
    assert len(catalogue.groups) == events
    assert {group.incomplete for group in catalogue.groups.values()} == {""}
    assert {group.convert_fee_bips for group in catalogue.groups.values()} == {0}
    told, _ = play(folder / f"tape_negrisk_2026-08-{day}.jsonl.gz", catalogue)
    assert kinds(told) == {"BookReplaced": tokens}


def test_gamma_and_clob_tell_the_same_of_the_fed_outcomes(recorded: Path) -> None:
    folder = recorded / "trebuchet-fed-negrisk"
    gamma = load_catalogue([folder / "gamma-event.json"])
    compact = load_catalogue([folder / "clob-markets.json"])
    assert set(gamma.markets) == set(compact.markets)
    for condition_id, market in gamma.markets.items():
        other = compact.markets[condition_id]
        assert (market.yes, market.no, market.tick, market.size_min, market.fee) == (
            other.yes,
            other.no,
            other.tick,
            other.size_min,
            other.fee,
        )
    together = load_catalogue([folder / "clob-markets.json", folder / "gamma-event.json"])
    assert len(together.markets) == 5
    assert len(together.groups) == 1


def test_a_list_of_outcomes_without_tokens_is_no_catalogue(recorded: Path) -> None:
    assert load_catalogue([recorded / "resolvedkit-btc15m" / "markets.json"]) == Catalogue()


def known_tokens(messages: list[object]) -> Catalogue:
    """A market for every token of a fixture, so that nothing in it is unknown."""
    found: dict[str, None] = {}
    for message in messages:
        text = json.dumps(message)
        for part in text.split('"'):
            if part.isdecimal() and len(part) > 60:
                found[part] = None
    return Catalogue(
        markets={
            Market(condition_id=token, yes=token, no="").condition_id: Market(
                condition_id=token,
                yes=token,
                no="",
            )
            for token in found
        }
    )


def test_every_wire_sample_of_the_market_channel_is_understood(recorded: Path) -> None:
    messages = json.loads((recorded / "vectors" / "wire_samples.json").read_text())["ws_market"]
    catalogue = infer_catalogue([line(messages[0]), line(messages[1])])
    frames, translator = both_ways([line(message) for message in messages], catalogue)
    assert translator.statistics.rejected == {}
    assert sorted(translator.statistics.by_type) == sorted(
        message["event_type"] for message in messages
    )
    assert kinds([event for frame in frames for event in frame.events]) == {
        "BookReplaced": 1,
        "LevelChanged": 1,
        "TradePrinted": 1,
        "TickChanged": 1,
        "MarketResolved": 1,
    }


def test_every_market_channel_fixture_is_understood_or_its_lack_of_a_type_is_counted(
    recorded: Path,
) -> None:
    folder = recorded / "nautilus-fixtures"
    paths = [*folder.glob("rust/ws_market_*"), *folder.glob("py/ws_messages/*"),
             *folder.glob("later/ws_market_*"), *folder.glob("rust/ws_*")]  # fmt: skip
    by_type: Counter[str] = Counter()
    for path in paths:
        messages = load_messages(path)
        _, translator = both_ways([line(message) for message in messages], known_tokens([messages]))
        expected: Counter[str] = Counter()
        for message in messages:
            assert isinstance(message, dict)
            kind = message.get("event_type")
            if kind is None:
                expected["malformed_message"] += 1
            elif kind in ("order", "trade"):
                expected["unknown_type"] += 1
        assert translator.statistics.rejected == dict(expected), path.name
        by_type.update(translator.statistics.by_type)
    assert set(by_type) == {
        "book",
        "price_change",
        "last_trade_price",
        "tick_size_change",
        "best_bid_ask",
        "new_market",
        "market_resolved",
    }


def test_folding_the_recorded_burst_reproduces_its_tops(recorded: Path) -> None:
    messages = load_messages(
        recorded / "nautilus-fixtures" / "later" / "ws_market_price_change_burst_head16.json"
    )
    lines = [line(message) for message in messages]
    frames, _ = both_ways(lines, infer_catalogue(lines))
    sides: dict[bool, dict[int, int]] = {}
    compared = 0
    for frame in frames:
        for event in frame.events:
            if isinstance(event, BookReplaced):
                sides = {True: dict(event.bids), False: dict(event.asks)}
                continue
            assert isinstance(event, LevelChanged)
            side = sides[event.is_bid]
            side[event.price] = event.size
            if not event.size:
                del side[event.price]
            assert (event.best_bid, event.best_ask) == (max(sides[True]), min(sides[False]))
            compared += 1
    assert compared == 15


def test_gamma_bodies_of_every_age_are_read_or_left_out(recorded: Path) -> None:
    folder = recorded / "nautilus-fixtures"
    paths = [*folder.glob("rust/gamma_market*"), *folder.glob("rust/gamma_event*"),
             *folder.glob("py/http_responses/event*"),
             *folder.glob("py/http_responses/market_slug*"),
             *folder.glob("py/http_responses/markets_list*")]  # fmt: skip
    found = {path.name: load_catalogue([path]) for path in paths}
    assert len(found) > 10
    assert sum(len(catalogue.markets) for catalogue in found.values()) == 10
    for catalogue in found.values():
        for market in catalogue.markets.values():
            assert market.untradable() is not None
            assert market.yes != market.no


def test_every_price_and_size_of_the_neg_risk_books_is_read_exactly(recorded: Path) -> None:
    folder = recorded / "artbreguez-negrisk"
    for content in lines_of(folder / "tape_negrisk_2026-08-20.jsonl.gz")[::40]:
        for level in json.loads(content)["msg"]["asks"]:
            assert read_price(level["price"])[0] == round(float(level["price"]) * 1e6)
            assert read_size(level["size"]) == (round(float(level["size"]) * 1e6), False)


def test_levels_of_one_baseball_message_stay_together(recorded: Path) -> None:
    tape = recorded / "signaldrift-mlb" / "tape_20250619_mlb-laa-nyy-2025-06-19.jsonl.gz"
    events, _ = play(tape, infer_catalogue(lines_of(tape)))
    sizes = Counter(len(event.changes) for event in events if isinstance(event, LevelsChanged))
    assert sizes == {2: 250, 3: 68, 4: 42, 5: 6, 20: 2}
