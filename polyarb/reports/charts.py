"""Charts as inline SVG, and in words for whoever does not see them: no script, no style of its own.

Colours come from the page by class, so that a chart follows light and dark.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from polyarb.domain.units import format_scaled
from polyarb.reports.document import Chart, Line

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 14, 42
TICKS = 5
_DAY_NS = 86_400 * 10**9
_STEPS = (1, 2, 5)


def describe(chart: Chart) -> str:
    """Tell a chart in words: each line's last value and its range."""
    drawn = [_told(chart, line) for line in chart.lines if line.points]
    missing = [line.name for line in chart.lines if not line.points]
    if not drawn:
        return f"{chart.title}: not measured"
    text = f"{chart.title} ({chart.unit}): {'; '.join(drawn)}"
    return f"{text}; not measured: {', '.join(missing)}" if missing else text


def _told(chart: Chart, line: Line) -> str:
    values = [value for _, value in line.points]
    last, low, high = (
        format_scaled(value, chart.scale) for value in (values[-1], min(values), max(values))
    )
    many = len(values)
    return f"{line.name} {last} at the end, between {low} and {high} over {many} points"


def to_svg(chart: Chart) -> str:
    """Draw a chart; one without any point is a sentence."""
    if not any(line.points for line in chart.lines):
        return f'<p class="empty">{escape(describe(chart))}</p>'
    return "\n".join(_svg(chart))


def _svg(chart: Chart) -> Iterator[str]:
    frame = _Frame(chart)
    label = escape(describe(chart), quote=True)
    yield f"<figure><figcaption>{escape(chart.title)}</figcaption>"
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    yield f"<title>{escape(describe(chart))}</title>"
    yield from _value_axis(chart, frame)
    yield from _time_axis(chart, frame)
    for place, line in enumerate(chart.lines):
        if line.points:
            yield from _drawn(line, frame, place, is_stepped=chart.is_stepped)
    yield "</svg>"
    yield '<p class="legend">' + "".join(
        f'<span class="key s{place}">{escape(line.name)}</span>'
        for place, line in enumerate(chart.lines)
        if line.points
    )
    missing = [line.name for line in chart.lines if not line.points]
    if missing:
        yield f'<span class="absent">not measured: {escape(", ".join(missing))}</span>'
    yield "</p></figure>"


class _Frame:
    """Where values and times lie in the drawing."""

    def __init__(self, chart: Chart) -> None:
        values = [value for line in chart.lines for _, value in line.points]
        low = min([*values, 0] if chart.floor_zero else values)
        high = max([*values, 0] if chart.floor_zero else values)
        self.step = _nice_step(max(1, high - low))
        self.low = low // self.step * self.step
        self.high = max(-(-high // self.step) * self.step, self.low + self.step)
        self._start_ns, self._end_ns = chart.start_ns, chart.end_ns

    def x(self, time_ns: int) -> str:
        share = (time_ns - self._start_ns) * (WIDTH - LEFT - RIGHT) * 10
        return _tenths(LEFT * 10 + share // max(1, self._end_ns - self._start_ns))

    def y(self, value: int) -> str:
        share = (self.high - value) * (HEIGHT - TOP - BOTTOM) * 10
        return _tenths(TOP * 10 + share // (self.high - self.low))


def _tenths(number: int) -> str:
    return format_scaled(number, 10)


def _nice_step(span: int) -> int:
    """Choose 1, 2 or 5 times a power of ten, so that a span has at most TICKS steps."""
    power = 1
    while True:
        for factor in _STEPS:
            if factor * power * TICKS >= span:
                return factor * power
        power *= 10


def _value_axis(chart: Chart, frame: _Frame) -> Iterator[str]:
    for value in range(frame.low, frame.high + 1, frame.step):
        y = frame.y(value)
        kind = "zero" if value == 0 else "grid"
        yield f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        text = format_scaled(value, chart.scale)
        yield f'<text class="tick" x="{LEFT - 8}" y="{y}" dy="4" text-anchor="end">{text}</text>'
    middle = TOP + (HEIGHT - TOP - BOTTOM) // 2
    yield (
        f'<text class="axis" x="14" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})">{escape(chart.unit)}</text>'
    )


def _time_axis(chart: Chart, frame: _Frame) -> Iterator[str]:
    is_day = chart.end_ns - chart.start_ns <= _DAY_NS
    floor = HEIGHT - BOTTOM
    yield f'<line class="base" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>'
    for time_ns in _times(chart):
        x = frame.x(time_ns)
        moment = datetime.fromtimestamp(time_ns // 10**9, UTC)
        is_end = is_day and time_ns == chart.end_ns
        text = "24:00" if is_end else f"{moment:%H:%M}" if is_day else f"{moment:%m-%d}"
        yield f'<line class="base" x1="{x}" x2="{x}" y1="{floor}" y2="{floor + 4}"/>'
        yield f'<text class="tick" x="{x}" y="{floor + 17}" text-anchor="middle">{text}</text>'
    middle = LEFT + (WIDTH - LEFT - RIGHT) // 2
    unit = "time of day (UTC)" if is_day else "day (UTC)"
    yield f'<text class="axis" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{unit}</text>'


def _times(chart: Chart) -> Sequence[int]:
    length = chart.end_ns - chart.start_ns
    if length <= _DAY_NS:
        return [chart.start_ns + length * part // 8 for part in range(9)]
    days = length // _DAY_NS
    every = -(-days // 8)
    return [chart.start_ns + day * _DAY_NS for day in range(0, days, every)]


def _drawn(line: Line, frame: _Frame, place: int, *, is_stepped: bool) -> Iterator[str]:
    points = [(frame.x(time_ns), frame.y(value)) for time_ns, value in line.points]
    (x, y), *rest = points
    path = [f"M{x} {y}"]
    for x, y in rest:
        path.append(f"H{x}V{y}" if is_stepped else f"L{x} {y}")
    if rest:
        yield f'<path class="line s{place}" d="{"".join(path)}"/>'
    shown = points if len(points) <= 24 else points[-1:]
    for x, y in shown:
        yield f'<circle class="dot s{place}" cx="{x}" cy="{y}" r="2.5"/>'
