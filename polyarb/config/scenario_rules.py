"""What must hold between the figures of a scenario, after each alone is right."""

from collections import Counter
from collections.abc import Callable, Iterator

from polyarb.config.faults import Fault, nearest
from polyarb.config.nodes import Section, find
from polyarb.domain.units import MICRO, ONE, format_micros
from polyarb.venue.polymarket.instruments.gamma import TICKS
from polyarb.venue.sandbox.faults import problem_of
from polyarb.venue.sandbox.flow.scenario import EventKind, EventTerms, Scenario
from polyarb.venue.sandbox.terms.faults import Fault as ArmedFault

Path = tuple[str | int, ...]
Clash = tuple[Path, str, str]
"""Where something does not fit, what was expected and what was found."""

QUESTIONS_MAX = 256
_HALF = MICRO // 2


def clashes(scenario: Scenario, root: Section) -> list[Fault]:
    """Tell everything that does not fit together, with its place in the file."""
    return [
        Fault(find(root, path).origin.place, _spelled(path), expected, found)
        for rule in SCENARIO_RULES
        for path, expected, found in rule(scenario)
    ]


def slugs_are_unique(scenario: Scenario) -> Iterator[Clash]:
    """Every event and every market has a slug of its own."""
    events = Counter(event.slug for event in scenario.events)
    markets = Counter(market.slug for market in scenario.markets)
    for at, event in enumerate(scenario.events):
        if events[event.slug] > 1:
            yield ("events", at, "slug"), "a slug of its own", f"{event.slug} twice"
        for below, market in enumerate(event.markets):
            if markets[market.slug] > 1:
                path = ("events", at, "markets", below, "slug")
                yield path, "a slug of its own", f"{market.slug} twice"


def names_are_known(scenario: Scenario) -> Iterator[Clash]:
    """Categories and crowds that events name are there."""
    categories = [category.name for category in scenario.categories]
    crowds = [crowd.name for crowd in scenario.crowds]
    for at, event in enumerate(scenario.events):
        if event.category not in categories:
            yield ("events", at, "category"), _one_of(event.category, categories), event.category
        if event.crowd and event.crowd not in crowds:
            yield ("events", at, "crowd"), _one_of(event.crowd, crowds), event.crowd


def rivals_differ(scenario: Scenario) -> Iterator[Clash]:
    """Every rival has a name of its own."""
    names = Counter(rival.name for rival in scenario.rivals)
    for at, rival in enumerate(scenario.rivals):
        if names[rival.name] > 1:
            yield ("rivals", at, "name"), "a name of its own", f"{rival.name} twice"


def something_is_listed(scenario: Scenario) -> Iterator[Clash]:
    """There is an event, and every event has markets: two or more where they depend."""
    if not scenario.events:
        yield ("events",), "at least one event", "none"
    for at, event in enumerate(scenario.events):
        least = 1 if event.kind is EventKind.PLAIN else 2
        if not least <= len(event.markets) <= QUESTIONS_MAX:
            expected = f"{least} to {QUESTIONS_MAX} markets in a {event.kind} event"
            yield ("events", at, "markets"), expected, f"{len(event.markets)}"


def prices_fit(scenario: Scenario) -> Iterator[Clash]:
    """Prices lie between the ticks, sum to 1 in a group and fall in a nested event."""
    for at, event in enumerate(scenario.events):
        yield from _event_prices(at, event)
        for below, market in enumerate(event.markets):
            path = ("events", at, "markets", below)
            if market.tick not in TICKS:
                ticks = ", ".join(format_micros(tick) for tick in sorted(TICKS, reverse=True))
                yield (*path, "tick"), f"one of {ticks}", format_micros(market.tick)
            elif not market.tick <= market.price <= ONE - market.tick:
                expected = f"at least a tick ({format_micros(market.tick)}) from 0 and from 1"
                yield (*path, "price"), expected, format_micros(market.price)


def convert_fees_belong_to_groups(scenario: Scenario) -> Iterator[Clash]:
    """A convert fee belongs to a group."""
    for at, event in enumerate(scenario.events):
        if event.convert_fee_bips and event.kind is not EventKind.NEG_RISK:
            path = ("events", at, "convert_fee_bips")
            yield path, "0 outside a neg-risk event", f"{event.convert_fee_bips}"


def faults_can_be_armed(scenario: Scenario) -> Iterator[Clash]:
    """A fault names a known market or a scope, and has a sensible amount."""
    slugs = [market.slug for market in scenario.markets]
    for at, armed in enumerate(scenario.faults):
        if armed.market and armed.market not in slugs:
            yield ("faults", at, "market"), _one_of(armed.market, slugs), armed.market
        if armed.market and armed.scope:
            yield ("faults", at, "scope"), "a scope or a market", "both"
        problem = problem_of(
            ArmedFault(
                kind=armed.kind,
                scope=armed.scope,
                share=armed.share,
                skip=armed.skip,
                times=armed.times,
                amount=armed.amount,
            )
        )
        if problem:
            key, _, told = problem.partition(": expected ")
            expected, _, found = told.rpartition(", found ")
            yield ("faults", at, key), expected or told, found or f"{armed.amount}"


def resolutions_fit(scenario: Scenario) -> Iterator[Clash]:
    """A market ends once, in a verdict that its kind knows; of a group one pays."""
    kinds = {market.slug: event.kind for event in scenario.events for market in event.markets}
    ends = Counter(resolution.market for resolution in scenario.resolutions)
    for at, resolution in enumerate(scenario.resolutions):
        slug, path = resolution.market, ("resolutions", at)
        if slug not in kinds:
            yield (*path, "market"), _one_of(slug, list(kinds)), slug
            continue
        if ends[slug] > 1:
            yield (*path, "market"), "one resolution of a market", f"{slug} twice"
        halves = () if kinds[slug] is EventKind.NEG_RISK else (_HALF,)
        if resolution.pays not in (0, *halves, MICRO):
            told = "0, 0.5 or 1" if halves else "0 or 1 in a neg-risk group"
            yield (*path, "pays"), told, format_micros(resolution.pays)
    for event in scenario.events:
        yield from _one_winner(event, scenario)


def _event_prices(at: int, event: EventTerms) -> Iterator[Clash]:
    prices = [market.price for market in event.markets]
    total = sum(prices)
    if event.kind is EventKind.NEG_RISK and total != ONE:
        yield ("events", at, "markets"), "prices that sum to 1", format_micros(total)
    if event.kind is EventKind.NESTED:
        for below in range(1, len(prices)):
            if prices[below] > prices[below - 1]:
                path = ("events", at, "markets", below, "price")
                expected = f"at most that of the market before ({format_micros(prices[below - 1])})"
                yield path, expected, format_micros(prices[below])


def _one_winner(event: EventTerms, scenario: Scenario) -> Iterator[Clash]:
    if event.kind is not EventKind.NEG_RISK:
        return
    slugs = {market.slug for market in event.markets}
    winners = [
        at
        for at, resolution in enumerate(scenario.resolutions)
        if resolution.market in slugs and resolution.pays == MICRO
    ]
    for at in winners[1:]:
        path = ("resolutions", at, "pays")
        yield path, f"one winner in {event.slug}", f"{len(winners)}"


def _one_of(word: str, choices: list[str]) -> str:
    return nearest(word, choices) if choices else "an entry with that name"


def _spelled(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


SCENARIO_RULES: tuple[Callable[[Scenario], Iterator[Clash]], ...] = (
    slugs_are_unique,
    names_are_known,
    rivals_differ,
    something_is_listed,
    prices_fit,
    convert_fees_belong_to_groups,
    faults_can_be_armed,
    resolutions_fit,
)
