"""A report as headings, lines and tables: what every form of it shows, whatever it looks like."""

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


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a report; is_alarm marks lines that must not be overlooked."""

    title: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    is_alarm: bool = False


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report: alarms come before everything, then the summary, then the sections."""

    title: str
    alarms: tuple[str, ...]
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
