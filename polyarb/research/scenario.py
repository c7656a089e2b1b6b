"""Scenario texts: a time axis, market data and orders of the operator, and what must come of it.

A text declares markets and relations, then tells events line by line; `expect` lines must be met
in order and no later than the next event, `never` lines by nothing in the whole run. Money is
in USD, sizes in shares, times in seconds since the start. The grammar is in docs/SCENARIOS.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from polyarb.domain.errors import UsageError
from polyarb.domain.fees import FeeSchedule
from polyarb.domain.ids import ConditionId, GroupId, RelationId, TokenId
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue, Market, MarketGroup, MarketVersion, Relation, mirror
from polyarb.domain.messages import (
    UNKNOWN_PRICE,
    BookReplaced,
    Event,
    FeedLost,
    LevelChanged,
    MarketResolved,
    OperatorHalted,
    OperatorReduced,
    OperatorResumed,
    TickChanged,
)
from polyarb.domain.plan import Family, Level, Outcome
from polyarb.domain.surroundings import ClockJudged, VenueModeChanged
from polyarb.domain.units import ONE, Price, Shares, parse_micros
from polyarb.domain.venue import VenueMode

START_NS = 1_800_000_000 * 10**9
"""When every scenario begins, in unix nanoseconds."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A line that must (or, with is_never, must not) come true.

    Units: after_ns and before_ns bound its moment.
    """

    line: int
    words: tuple[str, ...]
    after_ns: int
    before_ns: int
    is_never: bool


@dataclass(slots=True)
class Scenario:
    """A parsed text. Shape: settings map a dotted profile field to its text."""

    markets: dict[str, Market] = field(default_factory=dict)
    groups: dict[GroupId, MarketGroup] = field(default_factory=dict)
    relations: dict[RelationId, Relation] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)

    def catalogue(self) -> Catalogue:
        """Build the instruments that the text declares."""
        return Catalogue(
            markets={market.condition_id: market for market in self.markets.values()},
            groups=self.groups,
            relations=self.relations,
        )


def parse_scenario(text: str, name: str = "scenario") -> Scenario:
    """Read a text. Errors: UsageError naming the line, what was expected and what was found."""
    scenario = Scenario()
    pending: list[tuple[int, tuple[str, ...], int, bool]] = []
    now_ns = START_NS
    for number, raw in enumerate(text.splitlines(), 1):
        words = tuple(raw.partition("#")[0].replace(",", " ").split())
        if not words:
            continue
        try:
            if words[0] in ("expect", "never"):
                pending.append((number, words[1:], now_ns, words[0] == "never"))
            elif words[0] in DECLARATIONS:
                DECLARATIONS[words[0]](scenario, words[1:])
            else:
                now_ns = _time(words[0], now_ns)
                scenario.events.append(EVENTS[words[1]](scenario, words[2:], now_ns))
                _seal(scenario, pending, now_ns)
        except (ValueError, KeyError, IndexError) as fault:
            raise UsageError(f"{name}:{number}: cannot read {raw.strip()!r}: {fault!r}") from fault
    _seal(scenario, pending, ONE * START_NS)
    return scenario


def _time(word: str, before_ns: int) -> int:
    time_ns = START_NS + parse_micros(word) * 1_000
    if time_ns < before_ns:
        raise ValueError("expected a time not before that of the line above")
    return time_ns


def _seal(
    scenario: Scenario, pending: list[tuple[int, tuple[str, ...], int, bool]], before_ns: int
) -> None:
    for line, words, after_ns, is_never in pending:
        scenario.expectations.append(
            Expectation(line, words, 0 if is_never else after_ns, before_ns, is_never)
        )
    pending.clear()


def _options(words: tuple[str, ...], defaults: dict[str, str]) -> dict[str, str]:
    found = dict(defaults)
    for key, value in zip(words[::2], words[1::2], strict=True):
        if key not in defaults:
            raise ValueError(f"expected one of {', '.join(defaults)}, found {key}")
        found[key] = value
    return found


def _market(scenario: Scenario, words: tuple[str, ...]) -> None:
    defaults = {"fee": "0", "tick": "0.01", "min": "5", "hold": "0", "version": "v1"}
    options = _options(words[1:], {**defaults, "accepting": "yes"})
    fee = options["fee"]
    scenario.markets[words[0]] = Market(
        condition_id=ConditionId(words[0]),
        yes=TokenId(f"{words[0]}:YES"),
        no=TokenId(f"{words[0]}:NO"),
        question=words[0],
        version=None if options["version"] == "unknown" else MarketVersion(options["version"]),
        tick=Price(parse_micros(options["tick"])),
        size_min=Shares(parse_micros(options["min"])),
        fee=None if fee == "unknown" else FeeSchedule(rate=parse_micros(fee) // 100),
        hold_ms=int(options["hold"]),
        is_accepting_orders=options["accepting"] == "yes",
    )


def _group(scenario: Scenario, words: tuple[str, ...]) -> None:
    defaults = {"convert": "0", "incomplete": ""}
    end = next((at for at, word in enumerate(words) if word in defaults), len(words))
    names, options = words[1:end], _options(words[end:], defaults)
    group_id = GroupId(words[0])
    convert = options["convert"]
    scenario.groups[group_id] = MarketGroup(
        group_id=group_id,
        condition_ids=tuple(ConditionId(name) for name in names),
        title=words[0],
        incomplete=options["incomplete"],
        convert_fee_bips=None if convert == "unknown" else int(convert),
    )
    for name in names:
        market = scenario.markets[name]
        scenario.markets[name] = msgspec.structs.replace(market, group_id=group_id)


def _relation(family: Family) -> Callable[[Scenario, tuple[str, ...]], None]:
    def declare(scenario: Scenario, words: tuple[str, ...]) -> None:
        relation_id = RelationId(words[0])
        if len(words) < 3 or (family is Family.IMPLICATION and len(words) > 3):
            raise ValueError("expected two markets, or for a ladder more, widest first")
        scenario.relations[relation_id] = Relation(
            relation_id=relation_id,
            family=family,
            condition_ids=tuple(scenario.markets[name].condition_id for name in words[1:]),
        )

    return declare


def _set(scenario: Scenario, words: tuple[str, ...]) -> None:
    if len(words) < 2:
        raise ValueError("expected a figure and its value")
    scenario.settings[words[0]] = " ".join(words[1:])


DECLARATIONS: dict[str, Callable[[Scenario, tuple[str, ...]], None]] = {
    "market": _market,
    "group": _group,
    "implication": _relation(Family.IMPLICATION),
    "ladder": _relation(Family.LADDER),
    "set": _set,
}


def _levels(words: tuple[str, ...]) -> tuple[Level, ...]:
    """Read `0.47 x 100 0.46 x 20` as levels in micros."""
    return tuple(
        (parse_micros(words[at]), parse_micros(words[at + 2])) for at in range(0, len(words), 3)
    )


def _in_yes_terms(
    outcome: Outcome, bids: tuple[Level, ...], asks: tuple[Level, ...]
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    if outcome is Outcome.NO:
        bids, asks = (
            tuple((mirror(price), amount) for price, amount in side) for side in (asks, bids)
        )
    return tuple(sorted(bids, reverse=True)), tuple(sorted(asks))


def _book(scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    """Read `NAME YES [bid PRICE x SIZE ...] [ask PRICE x SIZE ...] [late MS]`."""
    market, outcome = scenario.markets[words[0]], Outcome(words[1])
    late = _after(words, "late", 1)
    sides = words[2 : words.index("late")] if late else words[2:]
    at = sides.index("ask") if "ask" in sides else len(sides)
    bids = _levels(sides[1:at]) if sides[:1] == ("bid",) else ()
    yes_bids, yes_asks = _in_yes_terms(outcome, bids, _levels(sides[at + 1 :]))
    return BookReplaced(
        receive_time_ns=now_ns,
        venue_time_ns=now_ns - int(late[0] if late else 0) * 1_000_000,
        condition_id=market.condition_id,
        outcome=outcome,
        bids=yes_bids,
        asks=yes_asks,
    )


def _after(words: tuple[str, ...], key: str, count: int) -> tuple[str, ...]:
    """Return the words that follow a key, or none where it is absent."""
    if key not in words:
        return ()
    at = words.index(key) + 1
    return words[at : at + count]


def _level(scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    """Read `NAME YES bid 0.47 x 100 [top BID ASK] [late MS]`; the top is in YES terms."""
    market, outcome, side = scenario.markets[words[0]], Outcome(words[1]), words[2]
    ((price, amount),) = _levels(words[3:6])
    top, late = _after(words, "top", 2), _after(words, "late", 1)
    return LevelChanged(
        condition_id=market.condition_id,
        is_bid=(side == "bid") == (outcome is Outcome.YES),
        price=price if outcome is Outcome.YES else mirror(price),
        size=amount,
        best_bid=parse_micros(top[0]) if top else UNKNOWN_PRICE,
        best_ask=parse_micros(top[1]) if top else UNKNOWN_PRICE,
        venue_time_ns=now_ns - int(late[0] if late else 0) * 1_000_000,
        receive_time_ns=now_ns,
    )


def _tick(scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    return TickChanged(
        receive_time_ns=now_ns,
        venue_time_ns=now_ns,
        condition_id=scenario.markets[words[0]].condition_id,
        tick=parse_micros(words[1]),
    )


def _resolved(scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    market = scenario.markets[words[0]]
    return MarketResolved(
        receive_time_ns=now_ns,
        venue_time_ns=now_ns,
        condition_id=market.condition_id,
        winner=market.yes if words[1] == "YES" else market.no,
    )


def _lost(scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    """Read `REASON [of NAME ...]`; without names every book is lost."""
    at = words.index("of") if "of" in words else len(words)
    if at == len(words) - 1:
        raise ValueError("expected the markets whose books are lost after `of`")
    return FeedLost(
        receive_time_ns=now_ns,
        reason=" ".join(words[:at]),
        condition_ids=tuple(scenario.markets[name].condition_id for name in words[at + 1 :]),
    )


def _mode(_scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    """Read `ok|post-only|cancel-only|down [WHY]`."""
    return VenueModeChanged(
        receive_time_ns=now_ns, mode=VenueMode(words[0]), reason=" ".join(words[1:])
    )


def _clock(_scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    """Read `right|wrong [WHY]`."""
    if words[0] not in ("right", "wrong"):
        raise ValueError(f"expected right or wrong, found {words[0]}")
    return ClockJudged(
        receive_time_ns=now_ns, is_trusted=words[0] == "right", reason=" ".join(words[1:])
    )


def _halt(_scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    return OperatorHalted(receive_time_ns=now_ns, actor=words[0], reason=" ".join(words[1:]))


def _reduce(_scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    return OperatorReduced(receive_time_ns=now_ns, actor=words[0], reason=" ".join(words[1:]))


def _resume(_scenario: Scenario, words: tuple[str, ...], now_ns: int) -> Event:
    return OperatorResumed(receive_time_ns=now_ns, actor=words[0], reason=" ".join(words[1:]))


EVENTS: dict[str, Callable[[Scenario, tuple[str, ...], int], Event]] = {
    "book": _book,
    "level": _level,
    "tick": _tick,
    "resolved": _resolved,
    "lost": _lost,
    "mode": _mode,
    "clock": _clock,
    "halt": _halt,
    "reduce": _reduce,
    "resume": _resume,
}


def with_settings(profile: Profile, settings: dict[str, str]) -> Profile:
    """Set figures of a profile by their dotted names, as `set sizing.trade_size_usd 5` does.

    `set families negrisk_no implication` names the families that may trade.
    Errors: UsageError for a figure that a profile does not have, or a value that is none.
    """
    for key, text in settings.items():
        try:
            profile = _with_setting(profile, key, text)
        except ValueError as fault:
            raise UsageError(f"set {key}: cannot read {text!r}: {fault}") from fault
    return profile


def _with_setting(profile: Profile, key: str, text: str) -> Profile:
    if key == "families":
        return msgspec.structs.replace(profile, families=tuple(map(Family, text.split())))
    section_name, _, name = key.partition(".")
    field_name = name.replace("_usd", "")
    section: msgspec.Struct | None = getattr(profile, section_name, None)
    if not isinstance(section, msgspec.Struct) or field_name not in section.__struct_fields__:
        raise UsageError(f"set {key}: expected a figure of a profile, found none of that name")
    is_scaled = name != field_name or "fraction" in name
    value = parse_micros(text) if is_scaled else int(text)
    changed = msgspec.structs.replace(section, **{field_name: value})
    return msgspec.structs.replace(profile, **{section_name: changed})
