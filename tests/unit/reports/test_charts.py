"""Charts: true to their figures, told in words, and silent about nothing."""

import re

import pytest
from polyarb.domain.messages import Tier
from polyarb.reports.charts import describe, to_svg
from polyarb.reports.daily import build_daily
from polyarb.reports.document import Chart, Line
from polyarb.reports.plots import fill_chart, latency_chart, pnl_chart
from polyarb.reports.records import ChainCheck
from polyarb.reports.series import Series
from tests.plan_lives import DAY_NS, NOON_NS
from tests.report_journals import records, rich_beside, rich_journal
from tests.unit.reports.test_documents import read

START_NS = NOON_NS - DAY_NS // 2


def chart(*lines: Line, days: int = 1, **changes: object) -> Chart:
    return Chart(
        title="A & B",
        unit="USD",
        scale=100,
        start_ns=START_NS,
        end_ns=START_NS + days * DAY_NS,
        lines=lines,
        **changes,  # type: ignore[arg-type]
    )


def line(*values: int, name: str = "x") -> Line:
    points = tuple((START_NS + hour * 3_600 * 10**9, value) for hour, value in enumerate(values))
    return Line(name=name, points=points)


def series() -> Series:
    report = build_daily(
        records(rich_journal()), "2026-06-08", chain=ChainCheck(), beside=rich_beside()
    )
    assert report is not None
    return report.series


def test_a_chart_without_a_point_says_so_and_draws_nothing() -> None:
    empty = chart(line(), line(name="y"))
    assert describe(empty) == "A & B: not measured"
    assert to_svg(empty) == '<p class="empty">A &amp; B: not measured</p>'


def test_a_chart_is_told_in_words_with_what_is_missing() -> None:
    text = describe(chart(line(100, 250, -50), line(name="y")))
    assert text == (
        "A & B (USD): x -0.5 at the end, between -0.5 and 2.5 over 3 points; not measured: y"
    )


def test_a_drawing_is_whole_escaped_and_named() -> None:
    svg = to_svg(chart(line(100, 250, -50, name="<b>"), line(name="y")))
    page = read(svg)
    assert "svg" in page.tags
    assert "b" not in page.tags
    assert 'role="img"' in svg
    assert "A &amp; B" in svg
    assert "USD" in svg
    assert "time of day (UTC)" in svg
    assert "not measured: y" in svg


def test_points_lie_where_their_values_are() -> None:
    svg = to_svg(chart(line(0, 100, 200)))
    dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg)
    assert len(dots) == 3
    (x0, y0), (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in dots]
    assert x0 == 64
    assert x2 - x1 == pytest.approx(x1 - x0, abs=0.2)
    assert (y0, y2) == (218, 14)
    assert y1 == pytest.approx((y0 + y2) / 2, abs=0.1)
    for text in ("0", "0.5", "1", "1.5", "2"):
        assert f'text-anchor="end">{text}</text>' in svg


@pytest.mark.parametrize("values", [(5,), (0, 0), (-7, -7), (3, -3), (10**15, 1), (1, 2, 3, 4)])
def test_every_value_lies_inside_the_frame(values: tuple[int, ...]) -> None:
    for floor in (True, False):
        svg = to_svg(chart(line(*values), floor_zero=floor))
        for y in re.findall(r'cy="([\d.-]+)"', svg):
            assert 14 <= float(y) <= 218
        assert 2 <= svg.count('class="grid"') + svg.count('class="zero"') <= 8


def test_steps_hold_a_value_until_the_next() -> None:
    svg = to_svg(chart(line(0, 100), is_stepped=True))
    assert re.search(r'd="M64 218H[\d.]+V', svg)


def test_a_range_has_days_on_its_axis() -> None:
    svg = to_svg(chart(line(1, 2), days=40))
    assert "day (UTC)" in svg
    assert ">06-07</text>" in svg
    assert svg.count('class="base"') <= 10


def test_many_points_are_a_line_with_its_last_point() -> None:
    svg = to_svg(chart(line(*range(24), 5)))
    assert svg.count("<circle") == 1


def test_the_charts_of_a_report_show_its_figures() -> None:
    found = series()
    pnl = {one.name: one.points for one in pnl_chart(found).lines}
    assert pnl["settled"][-1][1] == found.pnl[-1].columns.settled
    assert pnl["settled"][0] == (found.start_ns, 0)
    assert pnl["chain"] == ()
    latency = {one.name: one.points for one in latency_chart(found).lines}
    assert [value for _, value in latency["p95"]] == [one.p95 for one in found.latency]
    fills = {one.name: one.points for one in fill_chart(found).lines}
    last = [one for one in found.fills if one.tier is Tier.T2][-1]
    assert fills["T2"][-1][1] == last.complete * 1_000 // last.measured
