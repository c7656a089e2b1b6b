"""The hash function of the chain."""

from eth_hash.auto import keccak as _keccak


def keccak256(content: bytes) -> bytes:
    """Hash bytes to 32 bytes with Keccak-256 (not SHA-3)."""
    return bytes(_keccak(content))
