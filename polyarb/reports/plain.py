"""A document as plain text for a terminal or a log."""

from collections.abc import Iterator

from polyarb.reports.charts import describe
from polyarb.reports.document import Document, Section, Table, tile_table


def to_plain(document: Document) -> str:
    """Write a document as plain text; its alarms are the first lines."""
    return "\n".join(_lines(document)).rstrip() + "\n"


def _lines(document: Document) -> Iterator[str]:
    for alarm in document.alarms:
        yield f"!! {_literal(alarm)}"
    yield document.title
    yield "=" * len(document.title)
    for line in document.summary:
        yield _literal(line)
    if document.tiles:
        yield ""
        yield from table_lines(tile_table(document.tiles))
    for section in document.sections:
        yield ""
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield section.title
    yield "-" * len(section.title)
    mark = "!! " if section.is_alarm else ""
    for line in section.lines:
        yield f"{mark}{_literal(line)}"
    for chart in section.charts:
        yield _literal(describe(chart))
    for table in section.tables:
        yield from table_lines(table)


def table_lines(table: Table) -> Iterator[str]:
    """Yield a table's lines, columns padded to the widest cell."""
    if table.title:
        yield ""
        yield f"{table.title}:"
    if not table.rows:
        yield f"  {table.empty}"
        return
    rows = [tuple(_literal(cell) for cell in row) for row in (table.headings, *table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.headings))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in table.numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def _literal(text: str) -> str:
    """Drop what a terminal would act on: line breaks and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
