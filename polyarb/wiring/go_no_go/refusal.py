"""Why a live phase is not started: no record opens it, and nothing could trade if one did."""

import time
from typing import NoReturn

from polyarb.config.operators import load_operators
from polyarb.domain.errors import RefusedError
from polyarb.domain.limits import Phase
from polyarb.rollout.record import invalidity
from polyarb.store.workspace import Workspace
from polyarb.wiring.go_no_go.binding import binding_of, phase_records


def refuse_live(place: Workspace, phase: Phase, venue: str | None = None) -> NoReturn:
    """Refuse a phase that trades with money on a venue; None is the workspace's own.

    Errors: always a RefusedError, with what is wrong with the go/no-go record or, where one holds,
    that this version has no live execution; UsageError of the configuration.
    """
    reason = refusal(place, phase, time.time_ns(), venue)
    found = f"found none: {reason}" if reason else "found one that holds"
    raise RefusedError(
        f"{phase} trades with money: expected a GO record for the running code and configuration,"
        f" {found}; run `polyarb go-no-go --phase {phase}`; this version has no live execution and"
        " trades in the shadow phase only"
    )


def refusal(place: Workspace, phase: Phase, now_ns: int, venue: str | None = None) -> str:
    """Say why no record opens a phase on a venue now; empty when one does.

    A newer NO-GO ends what an older GO allowed; one that merely lacks signatures does not.
    Errors: UsageError of the configuration and of config/operators.yaml.
    """
    wanted, operators = binding_of(place, phase, venue), load_operators(place)
    told = ""
    for path, record in phase_records(place, phase):
        if record is None:
            return told or f"{path.name} is no go/no-go record"
        reason = invalidity(record, wanted, operators, now_ns)
        if not reason:
            return ""
        told = told or f"{path.name} does not hold: {reason}"
        if not record.outcome.is_go:
            return told
    return told or f"no go/no-go record of {phase} is there"
