"""Load the extra that columnar tapes need, and say how to get it where it is absent."""

from functools import cache
from importlib import import_module
from types import ModuleType

from polyarb.domain.errors import UsageError


@cache
def load_extra(name: str) -> ModuleType:
    """Import pyarrow, a part of it, or numpy. Errors: UsageError where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(
            f"columnar tapes: expected the package {name.partition('.')[0]}, found none; "
            "install polyarb[columnar]"
        ) from None
