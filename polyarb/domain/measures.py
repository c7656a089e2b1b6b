"""What the shell measures of itself: notes in the journal, never compared in a replay."""

import msgspec


class StageMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """Latency of one stage over its latest samples. Units: nanoseconds, nearest rank."""

    n: int
    p50: int
    p95: int
    p99: int


class FeedMeasured(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Counters of the feed and of the loop since the run's start; a later one replaces it.

    Shape: by_type, rejected (unusable) and noted (odd and yet used) map a name to a count; stages
    are in the order in which a frame passes them, those without a sample left out.
    Units: latency from the receipt of a frame to its decision in nanoseconds. None is a thing
    that was not measured.
    """

    receive_time_ns: int
    frames: int
    messages: int
    by_type: dict[str, int]
    rejected: dict[str, int]
    unknown_tokens: int
    markets: int | None = None
    tokens: int | None = None
    decisions: int = 0
    noted: dict[str, int] = {}
    latency_ns_p50: int | None = None
    latency_ns_p95: int | None = None
    latency_ns_p99: int | None = None
    stages: dict[str, StageMeasured] = {}
