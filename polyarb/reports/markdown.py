"""A document as Markdown; text from outside cannot become markup."""

import re
from collections.abc import Iterator

from polyarb.reports.charts import describe
from polyarb.reports.document import Document, Section, Table, tile_table

_MARKUP = re.compile(r"^[#+-](?=\s)|[\\`*\[\]|~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_ENTITIES = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def to_markdown(document: Document) -> str:
    """Write a document as Markdown; its alarms are the first lines."""
    return "\n".join(_lines(document)).rstrip() + "\n"


def _lines(document: Document) -> Iterator[str]:
    for alarm in document.alarms:
        yield f"> **{_escape(alarm)}**"
        yield ">"
    if document.alarms:
        yield ""
    yield f"# {_escape(document.title)}"
    yield ""
    for line in document.summary:
        yield f"{_escape(line)}  "
    yield ""
    if document.tiles:
        yield from _table(tile_table(document.tiles))
    for section in document.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"## {_escape(section.title)}"
    yield ""
    for line in section.lines:
        text = _escape(line)
        yield f"- **{text}**" if section.is_alarm else f"- {text}"
    if section.lines:
        yield ""
    for chart in section.charts:
        yield f"*{_escape(describe(chart))}*"
        yield ""
    for table in section.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"### {_escape(table.title)}"
        yield ""
    if not table.rows:
        yield _escape(table.empty)
        yield ""
        return
    yield _row(table.headings)
    yield _row(
        tuple(
            "---:" if column in table.numbers else "---" for column in range(len(table.headings))
        ),
        is_raw=True,
    )
    for row in table.rows:
        yield _row(row)
    yield ""


def _row(cells: tuple[str, ...], *, is_raw: bool = False) -> str:
    return "| " + " | ".join(cell if is_raw else _escape(cell) for cell in cells) + " |"


def _escape(text: str) -> str:
    """Take whatever Markdown or HTML could read as markup literally, on one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _MARKUP.sub(r"\\\g<0>", line.translate(_ENTITIES))
