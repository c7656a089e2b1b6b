"""The commands and headings of a document, as its readers have them."""

import re
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import typer
from polyarb.cli.app import app
from typer._click.exceptions import ClickException, MissingParameter

from tests.conftest import ROOT

RUNBOOK = ROOT / "docs" / "PRODUCTION_RUNBOOK.md"
PLAN = ROOT / "docs" / "PRODUCTION_PLAN.md"
_BLOCK = re.compile(
    r"(?:^<!-- (?P<marks>[^>]*) -->\n)?^```(?:sh|console)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:polyarb|systemctl|journalctl|scripts/)[^`]*)`")
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_LINK_TEXT = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_UNITS = ROOT / "scripts" / "systemd"
_VERBS = frozenset({"enable", "disable", "start", "stop", "daemon-reload", "list-timers"})
_PHASES = frozenset({"shadow", "micro-live", "constrained", "scaled"})


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. Shape: exits of its commands; is_parsed: never run, only read.

    is_look: it stands in the entry of an alert rule, and changes nothing.
    """

    name: str
    room: str
    exits: frozenset[int]
    commands: tuple[str, ...]
    is_parsed: bool = False
    is_look: bool = False


def blocks(path: Path) -> list[Block]:
    """List the blocks of a document in order, each named by its heading and number."""
    text = path.read_text(encoding="utf-8")
    found, seen = [], Counter[str]()
    for match in _BLOCK.finditer(text):
        heading = _HEADING.findall(text[: match.start()])[-1][1]
        seen[heading] += 1
        marks = match["marks"] or ""
        room = re.search(r"room: (\w+)", marks)
        exits = re.search(r"exit: ([\d, or]+)", marks)
        found.append(
            Block(
                name=f"{slug(heading)}-{seen[heading]}",
                room=room[1] if room else "ran",
                exits=frozenset(map(int, re.findall(r"\d", exits[1]))) if exits else frozenset({0}),
                is_parsed="parsed only" in marks,
                is_look=heading.isupper() and not marks,
                commands=tuple(match["body"].splitlines()),
            )
        )
    return found


def inline_commands(path: Path) -> list[str]:
    """List the commands that stand in the running text."""
    return list(dict.fromkeys(_INLINE.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))))


def headings(text: str) -> list[str]:
    """List the headings of a document, without those in blocks."""
    return [title for _level, title in _HEADING.findall(_FENCE.sub("", text))]


def slug(heading: str) -> str:
    """Return the anchor that the hosts of Markdown give a heading."""
    plain = _LINK_TEXT.sub(r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return every anchor of a document; a heading that comes again is numbered."""
    seen, found = Counter[str](), set()
    for heading in headings(text):
        anchor = slug(heading)
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def command_fault(line: str) -> str:
    """Say why a command cannot be typed like this, or nothing."""
    words = shlex.split(line)
    match words[0]:
        case "polyarb":
            return _polyarb_fault(words[1:])
        case "systemctl":
            return _systemctl_fault(words[1:])
        case "journalctl":
            return _unit_fault(words[2]) if words[1] == "-u" else f"unknown option {words[1]}"
        case "cp":
            sources = words[1:-1]
            return "" if all(any(ROOT.glob(one)) for one in sources) else f"no file {sources}"
        case unit if unit.startswith("polyarb-"):
            return _unit_fault(unit)
        case script if script.startswith("scripts/"):
            return "" if (ROOT / script).exists() or any(ROOT.glob(script)) else f"no {script}"
        case other:
            return f"nobody can check {other}"


def _polyarb_fault(words: list[str]) -> str:
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="polyarb")
    while words and isinstance(group, typer.core.TyperGroup):
        found = group.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        group, words = found, words[1:]
        context = typer.Context(group, info_name=group.name, parent=context)
    if isinstance(group, typer.core.TyperGroup):
        return ""
    try:
        group.make_context(group.name, list(words))
    except MissingParameter as fault:
        # A command that is merely named needs no arguments.
        return fault.format_message() if words else ""
    except typer.Exit:
        return ""
    except ClickException as fault:
        return fault.format_message()
    return ""


def _systemctl_fault(words: list[str]) -> str:
    verb, *rest = words
    if verb not in _VERBS:
        return f"unknown verb {verb}"
    units = [word for word in rest if word != "--now"]
    return "; ".join(filter(None, map(_unit_fault, units)))


def _unit_fault(name: str) -> str:
    stem, at, instance = name.partition("@")
    if at and instance != ".service" and instance not in _PHASES:
        return f"no phase {instance}"
    file = f"{stem}@.service" if at else name if "." in name else f"{name}.service"
    return "" if (_UNITS / file).is_file() else f"no unit {file}"
