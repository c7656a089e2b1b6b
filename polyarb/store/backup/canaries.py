"""Secrets are looked for in everything that a backup would hold; one that is found stops it.

Two nets: the very values of this machine's secrets, in every byte; and names and shapes of secrets
in files that are written in words. No error ever shows what was found.
"""

import re
from collections.abc import Callable, Sequence

import msgspec

from polyarb.domain.errors import RefusedError
from polyarb.domain.secret import Secret

VALUE_BYTES_MIN = 8
"""A shorter value stands anywhere by chance."""

_NAME = (
    r"(?:private_?key|secret(?:_?key)?|pass(?:phrase|word|wd)|mnemonic|seed_?phrase|api_?key"
    r"|(?:bot|auth|access|bearer)_?token|credentials?)"
)
_ASSIGNMENT = re.compile(
    rf"(?<![\w.-])([\w.-]*{_NAME})\\?[\"']?\s*[:=]\s*\\?[\"']?([^\s\"',}}\]#\\]+)", re.IGNORECASE
)
_EMPTY = re.compile(r"(?:\$\{?\w+\}?|null|none|true|false|~|\*+|\d{1,7}|env:\S+)", re.IGNORECASE)
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key in PEM form", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a bot's token", re.compile(r"(?<!\d)\d{8,10}:[A-Za-z0-9_-]{35}(?![\w-])")),
    ("a password in an address", re.compile(r"://[^/\s:@$\"']+:[^/\s@$\"'{]+@")),
    ("a webhook's address", re.compile(r"hooks\.slack\.com/services/\w|/api/webhooks/\d+/\w")),
)


class Canary:
    """A secret of this machine: where it stands, under which name, and its value."""

    __slots__ = ("name", "place", "secret")

    def __init__(self, name: str, place: str, secret: Secret) -> None:
        self.name = name
        self.place = place
        self.secret = secret


Feed = Callable[[bytes], None]


class CanaryScan:
    """Looks for values in streams of bytes, over the borders of their pieces."""

    def __init__(self, canaries: Sequence[Canary] = ()) -> None:
        self._needles = [
            (needle, canary)
            for canary in canaries
            for needle in _spellings(canary.secret.reveal())
            if len(needle) >= VALUE_BYTES_MIN
        ]
        self._overlap = max((len(needle) for needle, _ in self._needles), default=1) - 1

    def begin(self, path: str) -> Feed:
        """Return what takes the pieces of one file, in order.

        Errors: the returned function raises RefusedError when a value stands in them.
        """
        tail = b""

        def feed(piece: bytes) -> None:
            nonlocal tail
            content = tail + piece
            for needle, canary in self._needles:
                if needle in content:
                    raise RefusedError(
                        f"{path}: expected no secret in what is backed up, found the value of "
                        f"{canary.name} ({canary.place}); take it out of that file if you can, "
                        "and change that secret where it was issued: it is no secret any more"
                    )
            tail = content[-self._overlap :] if self._overlap else b""

        return feed


def refuse_told_secrets(path: str, content: bytes) -> None:
    """Refuse a file that tells a secret by its name or its shape.

    Errors: RefusedError with the line and the name, never the value.
    """
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        found = _told(line)
        if found:
            raise RefusedError(
                f"{path}:{number}: expected no secret in what is backed up, found {found}; keep "
                "it in .env or a keystore, which no backup holds, and name it here at most"
            )


def _told(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    for found in _ASSIGNMENT.finditer(line):
        if not _EMPTY.fullmatch(found[2]):
            return f"a value for {found[1]}"
    return next((what for what, shape in _SHAPES if shape.search(line)), "")


def _spellings(text: str) -> set[bytes]:
    """Spell a value as a file may hold it: as it is, and as JSON does."""
    return {text.encode(), msgspec.json.encode(text)[1:-1]}
