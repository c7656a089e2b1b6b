"""On a terminal documents are drawn; what they say is taken literally."""

import io

import pytest
from polyarb.cli import documents, output
from polyarb.reports.document import Document, Section, Table
from rich.console import Console

TABLE = Table(
    title="T [red]",
    headings=("name", "n"),
    rows=(("[bold]evil[/bold]", "1"),),
    numbers=frozenset({1}),
)
DOCUMENT = Document(
    title="Title",
    alarms=("ALARM",),
    summary=("first", "second"),
    sections=(
        Section(title="One", lines=("line [link]",), tables=(TABLE,), is_alarm=True),
        Section(title="Two", tables=(Table(headings=("a",), rows=(), empty="nothing here"),)),
    ),
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(documents, "out", lambda: console)
    monkeypatch.setattr(output, "out", lambda: console)
    return stream


def test_a_document_is_drawn_whole_and_literally(terminal: io.StringIO) -> None:
    documents.print_document(DOCUMENT)
    text = terminal.getvalue()
    for said in ("ALARM", "Title", "first", "line [link]", "[bold]evil[/bold]", "nothing here"):
        assert said in text
    assert text.index("ALARM") < text.index("Title")


def test_a_table_is_drawn_and_an_empty_one_said(terminal: io.StringIO) -> None:
    documents.print_table(TABLE)
    assert "T [red]" in terminal.getvalue()


def test_elsewhere_it_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.out.cache_clear()
    documents.print_document(DOCUMENT)
    documents.print_table(TABLE)
    output.out.cache_clear()
    assert capsys.readouterr().out.startswith("!! ALARM\nTitle\n=====\n")
