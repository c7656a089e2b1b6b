"""Digests of what a run depends on: evidence dies when one of them changes."""

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec


def code_digest() -> str:
    """Hash every source file of the package, names included, as 64 hex digits."""
    digest = sha256()
    for name, source in sorted(_sources(files("polyarb"), "")):
        digest.update(name.encode() + b"\0" + sha256(source.read_bytes()).digest())
    return digest.hexdigest()


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir() and entry.name not in ("__pycache__", "templates"):
            found += _sources(entry, name)
        elif entry.name.endswith(".py"):
            found.append((name, entry))
    return found


def value_digest(value: object) -> str:
    """Hash a value by its JSON with sorted keys, as 64 hex digits."""
    return sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
