"""What stands in front of every service: limits of addresses, and outside of them the faults."""

from starlette.types import ASGIApp

from polyarb.venue.sandbox.server.fault_gate import FaultGate
from polyarb.venue.sandbox.server.limits import AddressLimits
from polyarb.venue.sandbox.server.limits_gate import AddressGate
from polyarb.venue.sandbox.server.state import SandboxState


def gated(app: ASGIApp, state: SandboxState, service: str, limits: AddressLimits) -> ASGIApp:
    """Put both gates before an app; serve what this returns, with nothing around it.

    A cut connection is found behind the server's own `send`, which a layer around it would hide.
    """
    limited = AddressGate(app, limits, service, state.clock.now_ns)
    return FaultGate(limited, state.world.faults, service)
