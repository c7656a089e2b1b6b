"""A drill's outcome: a fault was injected, and either the reaction was seen or it was not."""

import msgspec


class DrillOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a drill proved.

    Shape: findings are sentences, those of a failed drill say what was expected and found;
    the digests name the code and the configuration that were drilled, for which alone it counts.
    Units: began in unix nanoseconds, took in milliseconds.
    """

    name: str
    passed: bool
    began_ns: int
    took_ms: int
    code_digest: str
    config_digest: str
    findings: tuple[str, ...]
