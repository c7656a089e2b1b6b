"""The small files in which Linux tells about itself; what is not there is not told."""

from pathlib import Path


class SystemFiles:
    """Reads below a root, so that another tree can stand for the machine."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def text(self, name: str) -> str | None:
        """Return the content without the white space around it; None where it cannot be had."""
        try:
            return self._path(name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, name: str) -> int | None:
        """Return the number that a file holds; None where it holds another thing."""
        return whole_number(self.text(name))

    def matching(self, folder: str, pattern: str) -> tuple[str, ...]:
        """List the files of a folder that match, in order."""
        found = sorted(self._path(folder).glob(pattern))
        return tuple(f"/{path.relative_to(self._root)}" for path in found)

    def is_there(self, name: str) -> bool:
        """Tell whether a file or folder exists."""
        try:
            return self._path(name).exists()
        except OSError:
            return False

    def _path(self, name: str) -> Path:
        return self._root / name.lstrip("/")


def whole_number(text: str | None) -> int | None:
    """Read a whole number; None for any other text."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def keyed_numbers(text: str) -> dict[str, int]:
    """Read lines of a name and a number, as /proc/meminfo and cgroups write them."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, *rest = line.split()[:2] or [""]
        value = whole_number(rest[0]) if rest else None
        if value is not None:
            found[name.rstrip(":")] = value
    return found
