"""The census as a document, and the tables of it that the daily report shares."""

from collections.abc import Sequence

from polyarb.reports.census import Census
from polyarb.reports.document import Document, Section, Table
from polyarb.reports.opportunities import EpisodeSeen, FamilyCensus
from polyarb.reports.verdict import EdgeVerdict
from polyarb.reports.wording import (
    NO_SAMPLE,
    cents,
    count,
    duration,
    listing,
    moment,
    share_of,
    shares,
    usd,
)

EPISODES_SHOWN = 20


def census_document(census: Census) -> Document:
    """Lay a census out: what was read, what was seen, what was reachable."""
    return Document(
        title="Opportunity census",
        alarms=(),
        summary=(
            f"Verdict: {census.verdict.finding}",
            f"{len(census.tapes)} tapes, {duration(census.covered_ns)}: "
            f"{count(census.messages)} messages, {count(census.markets)} markets, "
            f"{count(census.tokens)} tokens",
        ),
        sections=(
            Section(
                title="What was read",
                lines=(
                    f"{count(census.frames)} frames; unusable {listing(census.unusable)}; "
                    f"unknown tokens {count(census.unknown_tokens)}",
                    f"quality of the data: {listing(census.quality)}",
                    *(f"tape {tape}" for tape in census.tapes),
                ),
            ),
            Section(
                title="What was seen",
                lines=(
                    f"{count(census.settled)} evaluation points; "
                    f"turned down: {listing(census.rejected)}",
                ),
                tables=(
                    family_table(census.episodes),
                    episode_table(
                        census.best[:EPISODES_SHOWN],
                        sum(family.episodes for family in census.episodes),
                    ),
                ),
            ),
            Section(
                title="What was reachable",
                lines=(
                    f"plans placed {count(census.planned)}; denied {listing(census.denied)}",
                    *verdict_lines(census.verdict),
                ),
                tables=(_reach_table(census),),
            ),
        ),
    )


def verdict_lines(verdict: EdgeVerdict) -> tuple[str, ...]:
    """Say the verdict, what it rests on and what is missing."""
    return (
        f"verdict: {verdict.finding}; n = {verdict.episodes} episodes, "
        f"{verdict.measured} plans at T2",
        *verdict.reasons,
        *(f"missing: {missing}" for missing in verdict.missing),
    )


def family_table(families: Sequence[FamilyCensus]) -> Table:
    """Tabulate the census by family; a family without an episode says so."""
    return Table(
        title="By family; edges in cents a set, before and after fees",
        headings=(
            "family",
            "raw hits",
            "tradable",
            "episodes",
            "unseen ends",
            "life p50",
            "life p90",
            "gross p50",
            "gross max",
            "net p50",
            "net max",
            "net > 0",
            "sets p50",
            "profit",
        ),
        rows=tuple(_family_row(family) for family in families),
        numbers=frozenset(range(1, 14)),
    )


def _family_row(family: FamilyCensus) -> tuple[str, ...]:
    n = family.episodes
    return (
        family.family,
        count(family.raw_hits),
        count(family.tradable),
        count(n),
        share_of(family.censored, n),
        _age(family.duration_ns_median, n),
        _age(family.duration_ns_p90, n),
        cents(family.gross.median),
        cents(family.gross.highest),
        cents(family.net.median),
        cents(family.net.highest),
        share_of(family.net_positive, n),
        shares(family.quantity_median),
        usd(family.profit_total if family.profit_max is not None else None),
    )


def episode_table(best: Sequence[EpisodeSeen], episodes: int) -> Table:
    """Tabulate the episodes that came nearest to earning, best first."""
    return Table(
        title=f"Nearest to earning, {len(best)} of {episodes} episodes",
        headings=("opened", "family", "relation", "life", "gross", "net", "sets", "ended as"),
        rows=tuple(
            (
                moment(episode.opened_ns),
                episode.family,
                episode.relation_id,
                f"{'> ' if episode.is_censored else ''}{duration(episode.duration_ns)}",
                cents(episode.edge_gross_max),
                cents(episode.edge_net_max),
                shares(episode.quantity_max),
                "planned" if episode.is_planned else episode.reason or "-",
            )
            for episode in best
        ),
        numbers=frozenset({3, 4, 5, 6}),
        empty="no episode",
    )


def _reach_table(census: Census) -> Table:
    return Table(
        title="By fill tier",
        headings=("tier", "plans", "complete", "complete and earning", "profit"),
        rows=tuple(
            (
                tier,
                count(reach.measured),
                share_of(reach.complete, reach.measured),
                share_of(reach.reachable, reach.measured),
                usd(reach.profit if reach.measured else None),
            )
            for tier, reach in census.reachable.items()
        ),
        numbers=frozenset({1, 2, 3, 4}),
    )


def _age(nanoseconds: int | None, episodes: int) -> str:
    """Say how long; too few ended within what was seen is not the same as none."""
    if not episodes:
        return NO_SAMPLE
    return "beyond what was seen" if nanoseconds is None else duration(nanoseconds)
