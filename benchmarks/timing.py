"""Fair timing on a shared machine: rivals take turns on short slices, the best slice counts."""

import time
from collections.abc import Callable

ROUNDS = 60


def best_of(rivals: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Time every rival in turn, so that all meet the same disturbances.

    Units: CPU seconds of the fastest call. A disturbance only ever makes a call slower.
    """
    best = dict.fromkeys(rivals, float("inf"))
    for _ in range(rounds):
        for name, call in rivals.items():
            began = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - began)
    return best


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Write rows as a plain table."""
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    body = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([title, body[0], "-" * len(body[0]), *body[1:], ""])
