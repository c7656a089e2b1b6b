"""A report as headings, lines, tables and charts: what every form of it shows."""

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under headings; numbers names the columns that are written to the right.

    empty is said in place of the table where there are no rows.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    title: str = ""
    empty: str = "none"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a chart. Units: unix nanoseconds and values in 1/scale of the chart's unit."""

    name: str
    points: tuple[tuple[int, int], ...]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Lines over time; told in words where nothing can be drawn.

    Shape: lines without a point are left out of the drawing and named. scale is how many of a
    value make one of the unit; floor_zero draws the axis from zero on.
    """

    title: str
    unit: str
    scale: int
    start_ns: int
    end_ns: int
    lines: tuple[Line, ...]
    floor_zero: bool = True
    is_stepped: bool = False


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One figure that is seen first: what it is, how much, and what to know with it."""

    label: str
    value: str
    note: str = ""
    is_alarm: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a report; is_alarm marks lines that must not be overlooked."""

    title: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    is_alarm: bool = False


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report: alarms come before everything, then the summary, then the sections."""

    title: str
    alarms: tuple[str, ...]
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    tiles: tuple[Tile, ...] = ()


def tile_table(tiles: tuple[Tile, ...]) -> Table:
    """Lay tiles out as a table, for forms that have none."""
    return Table(
        headings=("at a glance", "", ""),
        rows=tuple((tile.label, tile.value, tile.note) for tile in tiles),
        numbers=frozenset({1}),
    )
