"""Ids of the venue's own making: unique in one sandbox, the same in every run of it."""

from hashlib import sha256


def derived_uuid(*parts: str | int) -> str:
    """Derive an id in the shape of a random (version 4) uuid."""
    digest = sha256("\x00".join(map(str, parts)).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"
