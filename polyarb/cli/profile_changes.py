"""`polyarb profiles diff|apply|rollback|history`: which profile serves, and who changed that."""

import sys
from typing import Annotated

import typer

from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import notice, print_json, print_lines
from polyarb.config.choosing import ACTIVE_SLOT, phase_slot
from polyarb.domain.limits import Phase
from polyarb.host.clock import SystemClock
from polyarb.store.audit import ConfigChange
from polyarb.store.locks import find_holder
from polyarb.store.workspace import Workspace
from polyarb.wiring.profile_changes import (
    HISTORY_MAX,
    Proposal,
    apply_profile,
    compare,
    history,
    propose,
    roll_back,
)

AcceptOption = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="CODE", help="Confirm a risk of the change by its code."),
]
ReasonOption = Annotated[str, typer.Option(help="Why, for the audit.")]
PhaseOption = Annotated[
    Phase | None, typer.Option(help="The phase whose profile goes back; default: of no phase.")
]


def diff(
    name: Annotated[str, typer.Argument(help="The new profile.")],
    other: Annotated[
        str | None, typer.Argument(help="The old one; default: what serves its phase now.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what differs between two profiles, and which risks a change to the first has."""
    place = open_from(workspace)
    proposal = compare(place, name, other) if other else propose(place, name)
    if json:
        print_json(proposal)
    else:
        print_lines(_story(proposal))


def apply(
    name: Annotated[str, typer.Argument(help="The profile that shall serve its phase.")],
    accept: AcceptOption = None,
    reason: ReasonOption = "by hand",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Let a profile serve its phase from the next start on; its risks are confirmed by code."""
    place = open_from(workspace)
    accepted = accept or _asked(propose(place, name))
    change = apply_profile(place, name, accepted=accepted, reason=reason, clock=SystemClock())
    if json:
        print_json(change)
    else:
        print_lines(_told(change) if change else f"{name} serves already, nothing changes")
    _tell_running(place)


def rollback(
    phase: PhaseOption = None,
    accept: AcceptOption = None,
    reason: ReasonOption = "by hand",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Go back to the profile before the last change; repeated, further back."""
    place = open_from(workspace)
    slot = phase_slot(phase) if phase else ACTIVE_SLOT
    change = roll_back(place, slot, accepted=accept or (), reason=reason, clock=SystemClock())
    if json:
        print_json(change)
    else:
        print_lines(_told(change))
    _tell_running(place)


def list_changes(
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = HISTORY_MAX,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """List who changed which profile, newest first."""
    found = history(open_from(workspace), limit)
    if json:
        print_json(found)
    else:
        print_lines("\n".join(_told(change) for change in found) or "nothing was changed yet")


def _asked(proposal: Proposal) -> list[str]:
    """Ask a person on a terminal to confirm; without one, nothing is confirmed."""
    if not proposal.risks or not sys.stdin.isatty():
        return []
    notice(_story(proposal))
    is_agreed = typer.confirm("Apply in spite of these risks?", default=False, err=True)
    return [risk.code for risk in proposal.risks] if is_agreed else []


def _story(proposal: Proposal) -> str:
    head = f"{proposal.slot}: {proposal.previous_name} to {proposal.profile_name}"
    lines = [f"  {key}: {each.old} to {each.new}" for key, each in proposal.diff.items()]
    risks = [f"  {risk.code}: {risk.key} {risk.detail}" for risk in proposal.risks]
    told = ["risks to confirm:", *risks] if risks else ["no risk to confirm"]
    return "\n".join([head, *(lines or ["  no value differs"]), *told])


def _told(change: ConfigChange) -> str:
    marks = [f"confirmed {', '.join(change.risk_warnings)}"] if change.risk_warnings else []
    if change.unconfirmed:
        marks.append(f"UNCONFIRMED {', '.join(change.unconfirmed)}")
    values = ", ".join(f"{key} {each.old} to {each.new}" for key, each in change.diff.items())
    return (
        f"{change.number} {change.timestamp} {change.slot}: {change.previous_name} to "
        f"{change.profile_name}, by {change.applied_by} ({change.actor})"
        f"{': ' + change.reason if change.reason else ''}\n"
        f"  {values or 'no value differs'}{'; ' + '; '.join(marks) if marks else ''}"
    )


def _tell_running(place: Workspace) -> None:
    holder = find_holder(place.lock_file)
    if holder is not None:
        notice(f"polyarb: process {holder} goes on with its profile until its next start")
