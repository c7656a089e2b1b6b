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


def test_a_table_that_is_far_too_wide_is_told_row_after_row(terminal: io.StringIO) -> None:
    words = "daily_loss_usd > 40% * phase.daily_loss_usd and not absent(book_age_ms[30s])"
    wide = Table(
        title="T",
        headings=("rule", "severity", "condition", "summary"),
        rows=(
            ("BREACH", "CRITICAL", words, "[i]The day has lost more than it may"),
            ("B", "", "", ""),
        ),
    )
    documents.print_table(wide)
    lines = [line.rstrip() for line in terminal.getvalue().splitlines()]
    assert lines == [
        "T",
        "BREACH",
        "  severity   CRITICAL",
        "  condition  daily_loss_usd > 40% * phase.daily_loss_usd and not",
        "             absent(book_age_ms[30s])",
        "  summary    [i]The day has lost more than it may",
        "B",
        "  severity",
        "  condition",
        "  summary",
    ]


def test_a_long_line_goes_on_below_at_a_word_on_a_terminal(
    terminal: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    words = " ".join(["word-by-word"] * 12)
    output.print_lines(f"head\n  {words}")
    first, *others = capsys.readouterr().out.splitlines()
    assert first == "head"
    assert [line.strip() for line in others] == [
        " ".join(["word-by-word"] * 6),
        " ".join(["word-by-word"] * 5),
        "word-by-word",
    ]
    assert [len(line) - len(line.lstrip()) for line in others] == [2, 4, 4]


def test_a_long_line_stays_whole_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    output.out.cache_clear()
    output.print_lines("word " * 40)
    output.out.cache_clear()
    assert capsys.readouterr().out == "word " * 40 + "\n"


def test_elsewhere_it_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.out.cache_clear()
    documents.print_document(DOCUMENT)
    documents.print_table(TABLE)
    output.out.cache_clear()
    assert capsys.readouterr().out.startswith("!! ALARM\nTitle\n=====\n")
