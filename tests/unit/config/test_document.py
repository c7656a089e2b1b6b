"""YAML becomes text with places; structure that could mislead is refused with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polyarb.config.document import BYTES_MAX, parse_document, read_document
from polyarb.config.nodes import Items, Kind, Layer, Origin, Scalar, Section, describe, find
from polyarb.domain.errors import StoreError, UsageError

FILE = Origin(Layer.CONFIG, "a.yaml")


def parse(text: str) -> Section:
    return parse_document(text, FILE)


@pytest.mark.parametrize(
    ("spelled", "kind", "is_quoted"),
    [
        ("0.10", Kind.NUMBER, False),
        ("0.10000000000000000001", Kind.NUMBER, False),
        ("0x10", Kind.NUMBER, False),
        ("'5'", Kind.TEXT, True),
        ('"5"', Kind.TEXT, True),
        ("five", Kind.TEXT, False),
        ("true", Kind.TRUTH, False),
        ("yes", Kind.TRUTH, False),
        ("null", Kind.NULL, False),
        ("~", Kind.NULL, False),
        ("2026-11-24", Kind.OTHER, False),
    ],
)
def test_a_scalar_keeps_its_spelling_and_kind(spelled: str, kind: Kind, is_quoted: bool) -> None:
    node = parse(f"key: {spelled}\n").entries["key"]
    assert isinstance(node, Scalar)
    assert (node.kind, node.is_quoted) == (kind, is_quoted)
    assert node.text == spelled.strip("'\"")


def test_every_node_knows_the_line_of_its_key() -> None:
    root = parse("# comment\na: 1\nb:\n  c: 2\n  d: [x,\n      y]\n")
    lines = {
        path: find(root, path).origin.line for path in [("a",), ("b",), ("b", "c"), ("b", "d")]
    }
    assert lines == {("a",): 2, ("b",): 3, ("b", "c"): 4, ("b", "d"): 5}
    assert find(root, ("b", "d", 1)).origin.line == 6
    assert find(root, ("b", "missing")) is find(root, ("b",))
    assert find(root, ("b", "d", 9)) is find(root, ("b", "d"))


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "null\n", "---\n"])
def test_nothing_is_an_empty_section(text: str) -> None:
    assert parse(text).entries == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: a: expected each key once, found it at a.yaml:1 too"),
        ("s:\n  a: 1\n  a: 2\n", "a.yaml:3: s.a: expected each key once"),
        ("a: 1\n1: 2\n", "a.yaml:2: expected keys that are text"),
        ("s:\n  true: 2\n", "a.yaml:2: s: expected keys that are text"),
        ("? [a]\n: 2\n", "a.yaml:1: expected keys that are text"),
        ("a: &x 1\nb: *x\n", "a.yaml:1: expected every value written out, found an anchor"),
        ("a: 1\nb: *x\n", "a.yaml:2: expected every value written out"),
        ("a: !!int '1'\n", "a.yaml:1: expected values without tags"),
        ("a: !!python/name:os.system\n", "a.yaml:1: expected values without tags"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: expected one document"),
        ("- 1\n", "a.yaml: expected keys with values, found something else"),
        ("word\n", "a.yaml: expected keys with values"),
        ("a: 1\nb: [1\n", "a.yaml:3: expected well-formed YAML"),
        ("a: 1\n\tb: 2\n", "a.yaml:2: expected well-formed YAML"),
        ("a: 1\nb: \x01\n", "a.yaml:2: expected printable text"),
        ("a: " + "[" * 9 + "]" * 9, "a.yaml:1: expected at most 8 nested levels"),
        ("a: " + "[" * 5000, "a.yaml:1: expected at most 8 nested levels"),
    ],
)
def test_a_misleading_structure_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert told in str(caught.value)


def test_all_duplicates_of_a_file_are_told_together() -> None:
    with pytest.raises(UsageError) as caught:
        parse("a: 1\na: 2\nb: 1\nb: 2\n")
    assert len(str(caught.value).splitlines()) == 2


def test_an_unreadable_or_absurd_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(StoreError, match="readable file, found: No such file"):
        read_document(path, FILE)
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(UsageError, match=r"a.yaml:2: expected UTF-8, found the byte 0xff"):
        read_document(path, FILE)
    path.write_bytes(b"#" * (BYTES_MAX + 1))
    with pytest.raises(UsageError, match="at most 1000000 bytes"):
        read_document(path, FILE)
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert list(read_document(path, FILE).entries) == ["a"]


@given(st.text(max_size=200))
def test_any_text_is_a_section_or_a_usage_error(text: str) -> None:
    try:
        assert isinstance(parse(text), Section)
    except UsageError as fault:
        assert str(fault).startswith("a.yaml")


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (Scalar("5", Kind.TEXT, FILE, is_quoted=True), 'the quoted text "5"'),
        (Scalar("5", Kind.NUMBER, FILE), "the number 5"),
        (Scalar("true", Kind.TRUTH, FILE), "the truth value true"),
        (Scalar("", Kind.NULL, FILE), "nothing"),
        (Items((), FILE), "a list"),
        (Section({}, FILE), "a section"),
        ({}, "a section"),
    ],
)
def test_a_message_says_what_was_found(node: object, told: str) -> None:
    assert describe(node) == told
