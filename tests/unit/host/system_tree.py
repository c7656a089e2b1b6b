"""A tree of files that stands for a machine."""

from pathlib import Path

from polyarb.host.system_files import SystemFiles


class SystemTree:
    """Writes what Linux would tell, below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = SystemFiles(root)

    def tell(self, name: str, text: object) -> "SystemTree":
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
        return self
