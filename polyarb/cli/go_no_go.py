"""`polyarb go-no-go`: may a phase begin? 22 checks, required drills, the rule, a signed record."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from polyarb.cli.exit_codes import ExitCode
from polyarb.cli.options import JsonOption, WorkspaceOption, open_from
from polyarb.cli.output import out, print_json, print_rich, print_text
from polyarb.domain.errors import UsageError
from polyarb.domain.limits import Phase
from polyarb.rollout.checks import SPECS, Member

if TYPE_CHECKING:
    from rich.table import Table

    from polyarb.rollout.attestations import Attestation
    from polyarb.rollout.record import GoNoGoRecord
    from polyarb.wiring.go_no_go.signing import SavedRecord

_STYLES = {
    "PASS": "green",
    "FAIL": "bold red",
    "ERROR": "bold magenta",
    "INSUFFICIENT": "yellow",
    "NOT_APPLICABLE": "dim",
}
_SHORT = {"INSUFFICIENT": "MISSING", "NOT_APPLICABLE": "MOOT"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints: the record as saved, where it lies, how many still must sign."""

    exit_code: int
    took_ms: int
    path: str
    signatures_missing: int
    record: object


def go_no_go(
    phase: Annotated[Phase, typer.Option(help="Phase that is to begin.")] = Phase.SHADOW,
    sign: Annotated[
        str, typer.Option(help="Sign as this person of config/operators.yaml.", metavar="NAME")
    ] = "",
    attest: Annotated[
        Member | None,
        typer.Option(help="Attest this part of A1 instead of checking; needs --sign."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Private key; default: data/keys/NAME.ed25519.", show_default=False),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            help="File of mode 600 with the passphrase of the wallet's key, for check Y4.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make the 22 checks of a phase: exit 0 GO, 1 NO-GO, 5 evidence or signatures are missing."""
    from polyarb.wiring.go_no_go import decision as gate
    from polyarb.wiring.go_no_go import signing

    place = open_from(workspace)
    signer = signing.Signer(name=sign, key_file=key) if sign else None
    if attest is not None:
        if signer is None:
            raise UsageError("--attest: expected --sign NAME with it, found none")
        tell_attested(signing.attest(place, attest, phase, signer), as_json=as_json)
        return
    found = gate.decide(place, phase, passphrase_file)
    saved = signing.save(place, found.record, signer)
    raise typer.Exit(show(saved, found.took_ms, as_json=as_json))


def show(saved: "SavedRecord", took_ms: int, *, as_json: bool) -> ExitCode:
    """Show what was found and return the exit code."""
    code = exit_code(saved)
    if as_json:
        print_json(
            Answer(
                exit_code=code,
                took_ms=took_ms,
                path=saved.path,
                signatures_missing=saved.missing,
                record=saved.record,
            )
        )
        return code
    if out().is_terminal:
        print_rich(table(saved.record))
    else:
        print_text("\n".join(lines(saved.record)))
    print_text("\n".join(conclusion(saved, took_ms)))
    return code


def exit_code(saved: "SavedRecord") -> ExitCode:
    """Choose the exit code: a GO that lacks signatures opens nothing yet."""
    from polyarb.rollout.verdict import EXIT_CODES

    if saved.record.outcome.is_go and saved.missing:
        return ExitCode.INSUFFICIENT
    return ExitCode(EXIT_CODES[saved.record.outcome])


def tell_attested(told: "Attestation", *, as_json: bool) -> None:
    """Show what was attested."""
    if as_json:
        print_json(told)
        return
    assert told.signature is not None
    print_text(f"{told.member} attested for {told.phase} by {told.signature.name}:")
    print_text(f"  {told.statement}")


def lines(record: "GoNoGoRecord") -> list[str]:
    """Say a record in plain lines."""
    return [
        line
        for name, priority, status, evidence, remedy in _rows(record)
        for line in _lines(name, priority, status, evidence, remedy)
    ]


def _lines(
    name: str, priority: str, status: str, evidence: tuple[str, ...], remedy: str
) -> list[str]:
    head = f"{_SHORT.get(status, status):<7} {name:<20} {priority:<2} "
    told = [head + evidence[0] if evidence else head.rstrip()]
    told += [" " * len(head) + text for text in evidence[1:]]
    return [*told, " " * len(head) + f"-> {remedy}"] if remedy else told


def table(record: "GoNoGoRecord") -> "Table":
    """Draw a record."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    for column in ("status", "check", "priority"):
        drawn.add_column(column, no_wrap=True)
    drawn.add_column("found", overflow="fold")
    for name, priority, status, evidence, remedy in _rows(record):
        found = Text("\n".join(evidence))
        if remedy:
            found.append(f"\n{remedy}", style="italic")
        shown = Text(_SHORT.get(status, status), style=_STYLES[status])
        drawn.add_row(shown, name, priority, found)
    return drawn


def _rows(record: "GoNoGoRecord") -> list[tuple[str, str, str, tuple[str, ...], str]]:
    checks = [
        (one.check_id, SPECS[one.check_id].priority, one.status, one.evidence, one.remedy)
        for one in record.checks
    ]
    required = [
        (one.name, "", one.status, (one.evidence,), one.remedy) for one in record.requirements
    ]
    return [*checks, *required]


def outcome_text(outcome: str) -> str:
    """Say an outcome for a person."""
    return "NO-GO" if outcome == "NO_GO" else outcome.replace("_", " ")


def conclusion(saved: "SavedRecord", took_ms: int) -> list[str]:
    """Say the end of a record."""
    record = saved.record
    told = [
        f"{outcome_text(record.outcome)} for {record.binding.phase}"
        f" ({len(record.checks)} checks in {took_ms / 1000:.1f} s)"
    ]
    told += [f"  {text}" for text in record.obstacles]
    names = ", ".join(f"{one.name} ({one.role})" for one in record.signatures)
    told.append(f"record: {saved.path}, valid for 24 hours, signed by {names or 'nobody'}")
    if record.outcome.is_go and saved.missing:
        people = "person" if saved.missing == 1 else "people"
        told.append(f"{saved.missing} more {people} must sign: `polyarb go-no-go --sign NAME`")
    return told
