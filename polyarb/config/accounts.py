"""How the address of an account on chain is read: its letters' case is its checksum."""

from typing import Annotated

from pydantic import PlainValidator

from polyarb.config.figures import mistaken
from polyarb.config.nodes import Kind, Scalar

_EXPECTED = "0x and 40 hex digits in the case that `polyarb keys address` shows, or null"


class AccountAddress:
    """An address in EIP-55 case: one that was mistyped does not pass."""

    expected = _EXPECTED

    @staticmethod
    def read(node: object) -> str:
        """Read one address, empty for `null`; YAML takes a bare one for a number."""
        # Every command loads the schema, and most need no hash function.
        from polyarb.venue.polymarket.signing.contracts import checksum

        if isinstance(node, Scalar) and node.kind is Kind.NULL and node.text:
            return ""
        if not isinstance(node, Scalar) or checksum(node.text) != node.text:
            mistaken(_EXPECTED, node)
        return node.text


Account = Annotated[str, PlainValidator(AccountAddress.read), AccountAddress()]
