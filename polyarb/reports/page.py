"""A document as one self-contained HTML page: no script, no request, everything escaped."""

from collections.abc import Iterator
from html import escape

from polyarb.reports.charts import to_svg
from polyarb.reports.document import Document, Section, Table, Tile
from polyarb.reports.page_style import STYLE


def to_html(document: Document) -> str:
    """Write a document as one HTML page; its alarms are the first thing in the body."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    title = escape(document.title)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>"
    if document.alarms:
        yield '<div class="alarm" role="alert">'
        yield from (f"<p>{escape(alarm)}</p>" for alarm in document.alarms)
        yield "</div>"
    yield f'<h1>{title}</h1>\n<div class="summary">'
    yield from (f"<p>{escape(line)}</p>" for line in document.summary)
    yield "</div>"
    if document.tiles:
        yield '<div class="tiles">'
        yield from map(_tile, document.tiles)
        yield "</div>"
    for section in document.sections:
        yield from _section(section)
    yield "</main>\n</body>\n</html>"


def _section(section: Section) -> Iterator[str]:
    yield '<section class="marked">' if section.is_alarm else "<section>"
    yield f"<h2>{escape(section.title)}</h2>"
    if section.lines:
        yield "<ul>"
        yield from (f"<li>{escape(line)}</li>" for line in section.lines)
        yield "</ul>"
    yield from map(to_svg, section.charts)
    for table in section.tables:
        yield from _table(table)
    yield "</section>"


def _tile(tile: Tile) -> str:
    marked = " marked" if tile.is_alarm else ""
    note = f'<div class="note">{escape(tile.note)}</div>' if tile.note else ""
    return (
        f'<div class="tile{marked}"><div class="label">{escape(tile.label)}</div>'
        f'<div class="value">{escape(tile.value)}</div>{note}</div>'
    )


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"<h3>{escape(table.title)}</h3>"
    if not table.rows:
        yield f'<p class="empty">{escape(table.empty)}</p>'
        return
    yield '<div class="scroll"><table>'
    yield "<thead><tr>" + _cells("th", table.headings, table) + "</tr></thead>\n<tbody>"
    yield from ("<tr>" + _cells("td", row, table) + "</tr>" for row in table.rows)
    yield "</tbody></table></div>"


def _cells(tag: str, cells: tuple[str, ...], table: Table) -> str:
    return "".join(
        f'<{tag} class="number">{escape(cell)}</{tag}>'
        if column in table.numbers
        else f"<{tag}>{escape(cell)}</{tag}>"
        for column, cell in enumerate(cells)
    )
