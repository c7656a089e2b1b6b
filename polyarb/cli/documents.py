"""Documents on the terminal: drawn on a TTY, plain text elsewhere."""

from typing import TYPE_CHECKING

from polyarb.cli.output import out, print_rich, print_text
from polyarb.reports.document import Document, Section, Table
from polyarb.reports.plain import table_lines, to_plain

if TYPE_CHECKING:
    from rich.console import RenderableType

_SQUEEZE = 1.25
"""How much wider than the terminal a table may be to be drawn as one, its cells folded."""
_WIDTH_MAX = 10_000


def print_document(document: Document) -> None:
    """Print a whole document."""
    if not out().is_terminal:
        print_text(to_plain(document).rstrip())
        return
    from rich.console import Group
    from rich.text import Text

    alarms = [Text(alarm, style="bold white on red") for alarm in document.alarms]
    summary = [
        Text(line, style="bold cyan" if not number else "dim")
        for number, line in enumerate(document.summary)
    ]
    sections = [part for section in document.sections for part in _drawn(section)]
    print_rich(Group(*alarms, Text(document.title, style="bold"), *summary, *sections))


def print_table(table: Table) -> None:
    """Print one table; where a terminal is too narrow for it, row after row."""
    if out().is_terminal and table.rows:
        print_rich(_drawn_rows(table) if _is_too_wide(table) else _drawn_table(table))
    else:
        print_text("\n".join(table_lines(table)))


def _is_too_wide(table: Table) -> bool:
    """Tell whether a table would have to be squeezed so far that its cells are hard to read."""
    limits = out().options.update(max_width=_WIDTH_MAX)
    return out().measure(_drawn_table(table), options=limits).maximum > _SQUEEZE * out().width


def _drawn_rows(table: Table) -> "RenderableType":
    """Draw a paragraph a row: its first cell as a title, the others with their headings."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table as RichTable
    from rich.text import Text

    parts: list[RenderableType] = [Text(table.title)] if table.title else []
    for name, *cells in table.rows:
        grid = RichTable.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for heading, cell in zip(table.headings[1:], cells, strict=True):
            grid.add_row(Text(heading), Text(cell))
        parts += [Text(name, style="bold"), Padding(grid, (0, 0, 0, 2))]
    return Group(*parts)


def _drawn(section: Section) -> "list[RenderableType]":
    from rich.rule import Rule
    from rich.text import Text

    style = "yellow" if section.is_alarm else ""
    parts: list[RenderableType] = [Text(""), Rule(Text(section.title), align="left", style="dim")]
    parts += [Text(line, style=style) for line in section.lines]
    for table in section.tables:
        parts.append(Text(""))
        parts.append(_drawn_table(table) if table.rows else Text(table.empty, style="dim"))
    return parts


def _drawn_table(table: Table) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title) if table.title else None,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column, heading in enumerate(table.headings):
        drawn.add_column(
            Text(heading), justify="right" if column in table.numbers else "left", overflow="fold"
        )
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn
