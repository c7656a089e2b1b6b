"""PURE: one call of a contract, from its bytes to its answer or the reason that it gave up."""

from typing import Final

from eth_abi.abi import encode

from polyarb.venue.polymarket.signing.keccak import keccak256
from polyarb.venue.polymarket.signing.order import Address
from polyarb.venue.sandbox.chain import gas
from polyarb.venue.sandbox.chain.contracts import method_at
from polyarb.venue.sandbox.chain.frame import Frame
from polyarb.venue.sandbox.chain.methods import answer_of, arguments_of

_ERROR: Final = keccak256(b"Error(string)")[:4]


def run_call(frame: Frame, to: Address, data: bytes) -> bytes:
    """Run a call in the caller's name. Reverts; the caller of this takes back the writes."""
    called = method_at(to, data)
    if called is None:
        return b""
    return answer_of(called, called.run(frame, to, arguments_of(called, data)))


def gas_of(frame: Frame, to: Address, data: bytes) -> int:
    """Return what a call costs, sending it included. Reverts where it cannot be read."""
    called = method_at(to, data)
    needed = gas.sending(data)
    if called is None:
        return needed
    needed += called.gas
    if called.more_gas is not None:
        needed += called.more_gas(frame.state, arguments_of(called, data))
    return needed


def reason_bytes(reason: str) -> bytes:
    """Write why a contract gave up: a custom error by its selector, a text as `Error(string)`."""
    if not reason:
        return b""
    if reason.endswith("()"):
        return keccak256(reason.encode())[:4]
    return _ERROR + encode(["string"], [reason])
