"""`polyarb sandbox fault`: what goes wrong in a running sandbox, through its admin port."""

from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from polyarb.domain.errors import UsageError, VenueError
from polyarb.store.workspace import Workspace
from polyarb.venue.sandbox.faults import ArmedFault
from polyarb.venue.sandbox.terms.faults import Fault
from polyarb.wiring.sandbox.whereabouts import SERVE, find_sandbox

_SECONDS_MAX = 10.0
Told = TypeVar("Told")


class FaultsArmed(msgspec.Struct, frozen=True, kw_only=True):
    """What is armed. Shape: with how often each could strike and did."""

    faults: tuple[ArmedFault, ...]


class FaultArmed(msgspec.Struct, frozen=True, kw_only=True):
    """The id of a fault that was armed."""

    fault_id: str


class FaultsCleared(msgspec.Struct, frozen=True, kw_only=True):
    """The ids of faults that were disarmed."""

    cleared: tuple[str, ...]


class _Refusal(msgspec.Struct, frozen=True):
    error: str


class AdminPort:
    """The admin port of the sandbox that serves a workspace, or of another.

    Errors: VenueError where none answers, UsageError for what it refuses.
    """

    def __init__(self, workspace: Workspace, info: Path | None) -> None:
        self._address = find_sandbox(workspace, info).admin

    def armed(self) -> FaultsArmed:
        """List what is armed."""
        return self._ask("GET", "/faults", FaultsArmed)

    def arm(self, fault: Fault) -> FaultArmed:
        """Arm a fault."""
        return self._ask("POST", "/faults", FaultArmed, msgspec.json.encode(fault))

    def clear(self, fault_id: str | None) -> FaultsCleared:
        """Disarm one fault, or all of them."""
        return self._ask("DELETE", f"/faults/{fault_id}" if fault_id else "/faults", FaultsCleared)

    def _ask(self, method: str, path: str, kind: type[Told], content: bytes = b"") -> Told:
        try:
            answer = httpx.request(
                method, f"{self._address}{path}", content=content, timeout=_SECONDS_MAX
            )
        except httpx.HTTPError as fault:
            raise VenueError(
                f"{self._address}: expected the sandbox's admin port, found nobody who answers;"
                f" {SERVE}"
            ) from fault
        try:
            if answer.is_success:
                return msgspec.json.decode(answer.content, type=kind)
            refusal = msgspec.json.decode(answer.content, type=_Refusal)
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            raise VenueError(
                f"{self._address}: expected the sandbox's admin port, found another answer"
                f" (HTTP {answer.status_code}); {SERVE}"
            ) from fault
        raise UsageError(refusal.error)
