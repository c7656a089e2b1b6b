"""The forms of a report: one content, nothing from outside becomes markup or a command."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from polyarb.domain.ids import ConditionId
from polyarb.domain.messages import PlanSized, Tier
from polyarb.reports.census import Instruments, build_census
from polyarb.reports.census_document import census_document
from polyarb.reports.daily import Beside, DailyReport, build_daily
from polyarb.reports.daily_document import daily_document
from polyarb.reports.document import Document, Section, Table
from polyarb.reports.markdown import to_markdown
from polyarb.reports.page import to_html
from polyarb.reports.performance import build_performance
from polyarb.reports.performance_document import MIXED_ALARM, performance_document
from polyarb.reports.plain import to_plain
from polyarb.reports.records import ChainCheck
from polyarb.reports.window import range_window
from tests.plan_lives import held, missed
from tests.report_journals import (
    at,
    counted,
    invalidated,
    lost,
    records,
    rich_beside,
    rich_journal,
    run,
    tried,
)
from tests.unit.reports.test_daily import full, quiet

EVIL = '<script>alert("x")</script> | `a` \x1b[31m\n# head'
VERIFIED = ChainCheck(is_verified=True)
SECTIONS = [
    "Data completeness",
    "Mode and profile",
    "Diagnosis",
    "Opportunities (census)",
    "Plans",
    "Simulated execution by tier",
    "Execution",
    "Edge bridge, from quote to chain",
    "PnL in four columns",
    "PnL by family and market",
    "Slippage: paid against planned",
    "Latency",
    "Incidents",
    "Alerts",
    "Drills",
    "What changed",
    "Gate progress",
]
CALM = Beside(alerts=())


def report(**changes: object) -> DailyReport:
    made = build_daily(records(full()), "2026-06-07", chain=VERIFIED)
    assert made is not None
    return msgspec.structs.replace(made, **changes)


class Page(HTMLParser):
    """Reads a page strictly: tags must nest, text and links are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def test_sections_come_in_their_order_completeness_first() -> None:
    document = daily_document(report())
    assert [section.title for section in document.sections] == SECTIONS
    for text, mark in (
        (to_markdown(document), "## {}\n"),
        (to_html(document), "<h2>{}</h2>"),
        (to_plain(document), "\n{}\n---"),
    ):
        places = [text.index(mark.format(title)) for title in SECTIONS]
        assert places == sorted(places)


def test_every_form_shows_the_same_figures() -> None:
    document = daily_document(report())
    html = "".join(read(to_html(document)).text)
    for figure in ("-0.19395 USD", "33.3 % (1 of 3)", "insufficient evidence", "no sample"):
        assert figure in to_markdown(document).replace("\\", "")
        assert figure in html
        assert figure in to_plain(document)


def test_a_page_asks_nothing_of_anybody_and_runs_nothing() -> None:
    page = to_html(daily_document(report()))
    read_page = read(page)
    assert not read_page.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not read_page.attributes & {"src", "href", "style", "onclick", "onload"}
    assert "http" not in page
    assert "prefers-color-scheme: dark" in page
    assert "@import" not in page
    assert "url(" not in page


@pytest.fixture
def evil() -> Document:
    titles = {ConditionId("A"): EVIL}
    started, *rest = full()
    assert isinstance(started, msgspec.Struct)
    messages = [msgspec.structs.replace(started, profile=EVIL, feed=EVIL, run_id=EVIL), *rest]
    made = build_daily(
        records(messages), "2026-06-07", chain=VERIFIED, beside=Beside(titles=titles)
    )
    assert made is not None
    return daily_document(made)


def test_titles_from_outside_cannot_become_html(evil: Document) -> None:
    html = to_html(evil)
    page = read(html)
    assert "<script" not in html
    assert "script" not in page.tags
    assert any("alert" in text for text in page.text)


def test_titles_from_outside_cannot_become_markdown(evil: Document) -> None:
    text = to_markdown(evil)
    assert "<script" not in text
    assert "\n# head" not in text
    for row in [line for line in text.splitlines() if "alert(" in line and line.startswith("|")]:
        cells = re.split(r"(?<!\\)\|", row)
        assert len(cells) in {len(["market", "lost", "share", "times", "faults"]) + 2, 10, 11}


def test_markdown_stays_readable() -> None:
    lines = ("live_shadow_atomic_v1 _so_ *so*", "# a", "- b", "-0.5 USD", "[a](b)", "x & <y>")
    section = Section(title="S", lines=lines)
    text = to_markdown(Document(title="T", alarms=(), summary=(), sections=(section,)))
    assert text.splitlines()[-6:] == [
        r"- live_shadow_atomic_v1 \_so\_ \*so\*",
        r"- \# a",
        r"- \- b",
        "- -0.5 USD",
        r"- \[a\](b)",
        "- x &amp; &lt;y&gt;",
    ]


def test_titles_from_outside_cannot_command_a_terminal(evil: Document) -> None:
    assert "\x1b" not in to_plain(evil)
    assert "\n# head" not in to_plain(evil)


def test_a_journal_with_holes_is_the_first_thing_every_form_says() -> None:
    made = build_daily(records(run(counted(60), is_stopped=False)), "2026-06-07", chain=VERIFIED)
    assert made is not None
    document = daily_document(made)
    assert document.alarms[0] == "THE JOURNAL HAS HOLES: do not rely on the figures below"
    assert "THE JOURNAL HAS HOLES" in to_markdown(document).splitlines()[0]
    assert "THE JOURNAL HAS HOLES" in to_plain(document).splitlines()[0]
    html = to_html(document)
    assert html.index("THE JOURNAL HAS HOLES") < html.index("<h1>")
    assert "run run-1 has no end after record 4" in html


def test_a_whole_journal_raises_no_alarm() -> None:
    made = build_daily(records(quiet()), "2026-06-07", chain=VERIFIED, beside=CALM)
    assert made is not None
    document = daily_document(made)
    assert document.alarms == ()
    assert not any(section.is_alarm for section in document.sections)
    assert to_plain(document).startswith("Daily report 2026-06-07\n====")
    assert "no anomaly" in to_plain(document)


def test_zero_samples_are_never_written_as_zero() -> None:
    made = build_daily(records(quiet()), "2026-06-07", chain=VERIFIED)
    assert made is not None
    text = to_plain(daily_document(made))
    orders = text[text.index("Execution\n---") : text.index("Edge bridge")]
    assert "filled wholly no sample" in orders
    assert "0 %" not in orders
    assert "complete no sample, broken no sample" in text
    unmeasured = build_daily(records(run()), "2026-06-07", chain=VERIFIED)
    assert unmeasured is not None
    text = to_plain(daily_document(unmeasured))
    assert "receipt to decision: not measured" in text
    assert "feed: not measured" in text


def test_long_lists_say_that_they_were_cut() -> None:
    books = [invalidated(number, f"M{number}") for number in range(15)]
    fails = [
        message
        for number in range(60)
        for message in missed(f"m{number}", at(number)).matched(0, 1, 1).failed(0).messages
    ]
    made = build_daily(records(run(*books, *fails)), "2026-06-07", chain=VERIFIED)
    assert made is not None
    text = to_plain(daily_document(made))
    assert "Book time lost, 10 worst of 15" in text
    assert "the first 50 of 60" in text


def test_a_report_of_another_phase_says_that_orders_were_sent_and_nothing_is_judged() -> None:
    text = to_plain(daily_document(report(phase="micro-live", gates=())))
    assert "orders were sent to the venue" in text
    assert "criteria of phase micro-live: not judged yet" in text


def test_several_measured_runs_show_the_worst() -> None:
    latency = msgspec.structs.replace(report().latency, runs=2)
    assert "the worst of 2 runs" in to_plain(daily_document(report(latency=latency)))


def test_a_haircut_of_a_loss_has_no_share() -> None:
    made = build_daily(
        records(run(tried("a", Tier.T0, -5), tried("a", Tier.T2, -9))), "2026-06-07", chain=VERIFIED
    )
    assert made is not None
    assert "haircut T0 - T2: 0.000004 USD over 1 plan\n" in to_plain(daily_document(made))


def test_a_census_document_lists_families_windows_and_tiers() -> None:
    messages = run(lost("a", 10, is_censored=True), lost("b", 20, net=1, quantity=3, profit=2))
    census = build_census(messages, Instruments(markets=3, tokens=6))
    text = to_plain(census_document(census))
    assert "1 tape, 10 m 0 s: 0 messages, 3 markets, 6 tokens" in text
    assert "Nearest to earning, 2 of 2 episodes" in text
    assert "> 10 s" in text
    assert "beyond what was seen" in text
    assert "not sized" in text
    read(to_html(census_document(census)))


def test_tables_line_their_columns_up() -> None:
    table = Table(headings=("a", "n"), rows=(("x", "1"), ("long", "1,000")), numbers=frozenset({1}))
    section = Section(title="S", tables=(table,))
    document = Document(title="T", alarms=(), summary=(), sections=(section,))
    assert to_plain(document).splitlines()[-3:] == [
        "  a         n",
        "  x         1",
        "  long  1,000",
    ]
    assert "| --- | ---: |" in to_markdown(document)
    assert '<td class="number">1,000</td>' in to_html(document)


def rich(day: str = "2026-06-08", beside: Beside | None = None) -> DailyReport:
    made = build_daily(
        records(rich_journal()),
        day,
        chain=VERIFIED,
        beside=rich_beside() if beside is None else beside,
    )
    assert made is not None
    return made


def test_a_critical_alert_that_fires_is_the_first_thing_said() -> None:
    document = daily_document(rich())
    assert document.alarms == ("CRITICAL ALERT FIRING: WS_DISCONNECTED",)
    assert to_markdown(document).startswith("> **CRITICAL ALERT FIRING")
    assert rich().is_whole


def test_alerts_and_drills_that_nobody_recorded_are_said_and_are_not_zero() -> None:
    text = to_plain(daily_document(rich(beside=Beside())))
    alerts = text[text.index("\nAlerts\n") : text.index("\nWhat changed\n")]
    assert "no alert engine ran" in alerts
    assert "no drill is recorded" in alerts
    assert not re.search(r"\b0\b", alerts)
    calm = to_plain(daily_document(rich(beside=CALM)))
    assert "none fired" in calm
    damaged = to_plain(daily_document(rich(beside=Beside(alerts=(), alerts_damaged=2))))
    assert damaged.count("2 lines of the alert log cannot be read") == 2


def test_what_nobody_measured_on_the_bridge_is_not_zero() -> None:
    made = build_daily(records(quiet()), "2026-06-07", chain=VERIFIED)
    assert made is not None
    text = to_plain(daily_document(made))
    bridge = text[text.index("\nEdge bridge") : text.index("\nPnL in four")]
    assert bridge.count("not measured") == 11
    whole = to_plain(daily_document(rich()))
    assert "on chain" in whole
    assert "5.0076 USD" in whole


def test_a_win_is_never_a_fill_of_an_opportunity() -> None:
    made = build_performance(
        records(rich_journal()), range_window("2026-06-07", "2026-06-08"), chain=VERIFIED
    )
    assert made is not None
    text = to_plain(performance_document(made))
    assert "plans that are over and traded: 14, won 57.1 % (8 of 14)" in text
    assert "too few days to say anything: n = 2, 30 at least" in text
    assert "simulated: nothing was sent to the venue" in text
    assert "so latency took" in text
    assert "of the 2000 USD that may be open" not in text


def test_phases_that_are_mixed_are_the_first_thing_said() -> None:
    first, *rest = run(counted(60))
    assert isinstance(first, msgspec.Struct)
    live = msgspec.structs.replace(first, phase="micro-live", feed="live", run_id="run-live")
    made = build_performance(
        records([first, *rest, live, *rest]),
        range_window("2026-06-07", "2026-06-07"),
        chain=VERIFIED,
    )
    assert made is not None
    document = performance_document(made)
    assert document.alarms == (f"{MIXED_ALARM}: shadow, micro-live",)
    text = to_plain(document)
    assert "(simulated" not in text
    assert "deepest no sample" in text
    assert "latency haircut T0 - T2: no sample" in text
    read(to_html(document))


def test_a_ledger_that_breaks_has_a_section_of_its_own_that_is_cut() -> None:
    lives = [held(f"h{number}", at(20 * number)).failed(0) for number in range(12)]
    made = build_daily(
        records(run(*(message for life in lives for message in life.messages))),
        "2026-06-07",
        chain=VERIFIED,
    )
    assert made is not None
    section = next(s for s in daily_document(made).sections if s.title == "The ledger breaks")
    assert section.is_alarm
    assert len(section.lines) == 11
    assert section.lines[-1] == f"and {len(made.money.violations) - 10} more"


def test_many_markets_and_silences_say_that_they_were_cut() -> None:
    lives = []
    for number in range(25):
        messages = missed(f"m{number}", at(200 * number)).messages
        lives += [
            msgspec.structs.replace(message, relation_id=f"relation-{number:02d}")
            if isinstance(message, PlanSized)
            else message
            for message in messages
        ]
    made = build_daily(records(run(*lives, seconds=6_000)), "2026-06-07", chain=VERIFIED)
    assert made is not None
    text = to_plain(daily_document(made))
    assert "By size of the settled result, 20 of 25" in text
    assert "and 15 more silences" in text


def test_a_comparison_without_recipes_or_yesterday_says_so() -> None:
    text = to_plain(daily_document(rich(beside=Beside())))
    assert "not compared, a recipe of the runs is lost" in text
    assert "no earlier day to compare with" in to_plain(daily_document(rich("2026-06-07")))
    later = run(counted(60), run_id="b", feed="b", start_ns=at(3 * 86_400))
    made = build_daily(records([*run(), *later]), "2026-06-10", chain=VERIFIED)
    assert made is not None
    assert "compared with 2026-06-07; nothing ran on the day before" in to_plain(
        daily_document(made)
    )


def test_tiles_and_charts_are_in_every_form() -> None:
    document = daily_document(rich())
    html = to_html(document)
    assert html.count("<svg") == 3
    assert html.count('class="tile') == len(document.tiles) + 1
    for text in (to_markdown(document), to_plain(document)):
        assert "Cumulative PnL by column" in text
        assert "at a glance" in text
