"""Write the documents that are generated from code: python scripts/generate_docs.py."""

from pathlib import Path

from polyarb.config.reference import configuration_reference

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    """Write every generated document."""
    (DOCS / "CONFIGURATION.md").write_text(configuration_reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
