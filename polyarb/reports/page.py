"""A document as one self-contained HTML page: no script, no request, everything escaped."""

from collections.abc import Iterator
from html import escape

from polyarb.reports.document import Document, Section, Table

_STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfbfa; --card: #ffffff; --ink: #1c1f24; --soft: #5c636e; --line: #e2e4e8;
  --accent: #2456a6; --alarm: #a4161a; --alarm-paper: #fdecec; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15171b; --card: #1c1f25; --ink: #e6e8eb; --soft: #9aa2ad; --line: #30343c;
  --accent: #8db4f2; --alarm: #ff8f8f; --alarm-paper: #3a1d20; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 66rem; margin: 0 auto; }
h1 { font-size: 1.6rem; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
h3 { font-size: .9rem; margin: 1rem 0 .4rem; color: var(--soft); font-weight: 600; }
.summary { margin: 0 0 1.5rem; }
.summary p { margin: .15rem 0; color: var(--soft); }
.summary p:first-child { color: var(--accent); font-weight: 600; font-size: 1.1rem; }
.alarm { background: var(--alarm-paper); color: var(--alarm); border: 1px solid currentColor;
  border-radius: .5rem; padding: .8rem 1rem; margin: 0 0 1.2rem; font-weight: 600; }
.alarm p { margin: .15rem 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: 1rem 1.1rem; margin: 0 0 1rem; }
ul { margin: 0 0 .4rem; padding-left: 1.2rem; }
section.marked li { color: var(--alarm); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; color: var(--soft); font-size: .82rem; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
.empty { color: var(--soft); margin: 0; }
@media print { body { padding: 0; } section { break-inside: avoid; } }
"""


def to_html(document: Document) -> str:
    """Write a document as one HTML page; its alarms are the first thing in the body."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    title = escape(document.title)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>"
    if document.alarms:
        yield '<div class="alarm" role="alert">'
        yield from (f"<p>{escape(alarm)}</p>" for alarm in document.alarms)
        yield "</div>"
    yield f'<h1>{title}</h1>\n<div class="summary">'
    yield from (f"<p>{escape(line)}</p>" for line in document.summary)
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
    for table in section.tables:
        yield from _table(table)
    yield "</section>"


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
