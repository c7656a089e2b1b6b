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
    file_names,
    listing,
    moment,
    share_of,
    shares,
    short,
    some,
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
            f"{some(len(census.tapes), 'tape')}, {duration(census.covered_ns)}: "
            f"{count(census.messages)} messages, {count(census.markets)} markets, "
            f"{count(census.tokens)} tokens",
        ),
        sections=(
            Section(
                title="What was read",
                lines=(
                    f"{count(census.frames)} frames; unusable {listing(census.unusable)}; "
                    f"odd and yet used {listing(census.noted)}; "
                    f"unknown tokens {count(census.unknown_tokens)}",
                    f"quality of the data: {listing(census.quality)}",
                    *(f"tape {file_names(tape)}" for tape in census.tapes),
                ),
            ),
            Section(
                title="What was seen",
                lines=(
                    f"{count(census.settled)} evaluation points; "
                    f"turned down: {listing(census.rejected)}",
                ),
                tables=(
                    *family_tables(census.families),
                    episode_table(census.best[:EPISODES_SHOWN], len(census.episodes)),
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
        f"verdict: {verdict.finding}; n = {some(verdict.episodes, 'episode')}, "
        f"{some(verdict.measured, 'plan')} at T2",
        *verdict.reasons,
        *(f"missing: {missing}" for missing in verdict.missing),
    )


def family_tables(families: Sequence[FamilyCensus]) -> tuple[Table, Table]:
    """Tabulate the census by family; a family without an episode says so."""
    counts = Table(
        title="By family: evaluation points and episodes",
        headings=(
            "family",
            "raw hits",
            "tradable",
            "episodes",
            "end not seen",
            "life p50",
            "life p90",
        ),
        rows=tuple(_count_row(family) for family in families),
        numbers=frozenset(range(1, 7)),
    )
    edges = Table(
        title="By family: best edge of an episode, in cents a set, before and after fees",
        headings=(
            "family",
            "gross p50",
            "gross max",
            "net p50",
            "net max",
            "net above 0",
            "sets p50",
            "profit",
        ),
        rows=tuple(_edge_row(family) for family in families),
        numbers=frozenset(range(1, 8)),
    )
    return counts, edges


def _count_row(family: FamilyCensus) -> tuple[str, ...]:
    n = family.episodes
    return (
        family.family,
        count(family.raw_hits),
        count(family.tradable),
        count(n),
        share_of(family.censored, n),
        _age(family.duration_ns_median, n),
        _age(family.duration_ns_p90, n),
    )


def _edge_row(family: FamilyCensus) -> tuple[str, ...]:
    return (
        family.family,
        cents(family.gross.median),
        cents(family.gross.highest),
        cents(family.net.median),
        cents(family.net.highest),
        share_of(family.net_positive, family.episodes),
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
                short(episode.relation_id),
                f"{'> ' if episode.is_censored else ''}{duration(episode.duration_ns)}",
                cents(episode.edge_gross_max),
                cents(episode.edge_net_max),
                shares(episode.quantity_max) if episode.quantity_max else "not sized",
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
