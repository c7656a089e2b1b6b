"""The 32-byte words of which everything signed on chain is made."""

from polyarb.venue.polymarket.signing.contracts import address_bytes

WORD = 32
"""Bytes in a word."""
UINT256_MAX = (1 << 256) - 1

_PADDING = b"\0" * 12


def uint_word(number: int) -> bytes:
    """Encode a whole number as uint256.

    Errors: OverflowError below 0 and from 2**256 on.
    """
    return number.to_bytes(WORD, "big")


def account_bytes(address: str) -> bytes:
    """Encode an address as its 20 bytes.

    Errors: ValueError where the text is no address.
    """
    account = address_bytes(address)
    if account is None:
        raise ValueError(f"expected 0x and 40 hex digits, found {address!r}")
    return account


def address_word(address: str) -> bytes:
    """Encode an address, left-padded.

    Errors: ValueError where the text is no address.
    """
    return _PADDING + account_bytes(address)


def bytes32_word(text: str) -> bytes:
    """Encode 0x and 64 hex digits.

    Errors: ValueError where the text is anything else.
    """
    word = hex_bytes(text)
    if word is None or len(word) != WORD:
        raise ValueError(f"expected 0x and 64 hex digits, found {text!r}")
    return word


def hex_bytes(text: str) -> bytes | None:
    """Read 0x and hex digits, two a byte; None where the text is anything else."""
    digits = text[2:]
    if not text.startswith("0x") or (digits and not (digits.isascii() and digits.isalnum())):
        return None
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None
