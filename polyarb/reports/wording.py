"""How figures are written; nothing to count is "no sample" and never 0."""

from datetime import UTC, datetime

from polyarb.domain.units import PICO, format_micros, format_scaled

NO_SAMPLE = "no sample"
NOT_MEASURED = "not measured"

_UNITS = ((86_400 * 10**9, "d"), (3_600 * 10**9, "h"), (60 * 10**9, "m"), (10**9, "s"))


def usd(amount: int | None) -> str:
    """Write micros of a USD exactly, with a sign if below zero; None is no sample."""
    return NO_SAMPLE if amount is None else f"{format_micros(amount)} USD"


def cents(amount: int | None) -> str:
    """Write picos of a USD in cents, to a thousandth of one, rounded down; None is no sample."""
    if amount is None:
        return NO_SAMPLE
    return f"{format_scaled(amount * 100_000 // PICO, 1_000)} c"


def bps(amount: int | None) -> str:
    """Write basis points; None is no sample."""
    return NO_SAMPLE if amount is None else f"{amount:,} bps"


def shares(amount: int | None) -> str:
    """Write micro-shares or micro-sets exactly; None is no sample."""
    return NO_SAMPLE if amount is None else format_micros(amount)


def share_of(part: int, whole: int) -> str:
    """Write a part of a whole in percent with its n, rounded down to a tenth."""
    if not whole:
        return NO_SAMPLE
    return f"{format_scaled(part * 1_000 // whole, 10)} % ({part} of {whole})"


def percent(part: int, whole: int) -> str:
    """Write a part of a whole in percent, to a hundredth, without its n."""
    if not whole:
        return NO_SAMPLE
    return f"{format_scaled(part * 10_000 // whole, 100)} %"


def count(number: int | None) -> str:
    """Write a count with thousands set apart; None was not measured."""
    return NOT_MEASURED if number is None else f"{number:,}"


def some(number: int, what: str) -> str:
    """Write so many of something, which is named in the singular."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def milliseconds(nanoseconds: int | None) -> str:
    """Write a latency in milliseconds to a thousandth; None was not measured."""
    if nanoseconds is None:
        return NOT_MEASURED
    return f"{format_scaled(nanoseconds // 1_000, 1_000)} ms"


def duration(nanoseconds: int | None) -> str:
    """Write a stretch of time in its two largest units; below a minute to a millisecond."""
    if nanoseconds is None:
        return NO_SAMPLE
    if nanoseconds < _UNITS[2][0]:
        return f"{format_scaled(nanoseconds // 10**6, 1_000)} s"
    rank = next(rank for rank, (size, _) in enumerate(_UNITS) if nanoseconds >= size)
    (size, name), (small, small_name) = _UNITS[rank], _UNITS[rank + 1]
    return f"{nanoseconds // size} {name} {nanoseconds % size // small} {small_name}"


def moment(time_ns: int) -> str:
    """Write a moment as 2026-06-07 12:00:00 UTC."""
    whole = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return whole.strftime("%Y-%m-%d %H:%M:%S UTC")


def short(identifier: str) -> str:
    """Write the two ends of a long identifier."""
    return identifier if len(identifier) <= 24 else f"{identifier[:12]}…{identifier[-6:]}"


def file_names(feed: str) -> str:
    """Write a feed's tapes without their folders."""
    return " ".join(part.rsplit("/", 1)[-1] for part in feed.split(" "))


def listing(counts: dict[str, int]) -> str:
    """Write counts by name, largest first; none is a dash."""
    if not counts:
        return "-"
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {number:,}" for name, number in ranked)
