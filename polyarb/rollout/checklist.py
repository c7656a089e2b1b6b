"""docs/GO_NO_GO_CHECKLIST.md, written from the tables of checks, drills and attestations. Pure."""

from polyarb.domain.limits import Phase
from polyarb.rollout.attestations import MEMBERS
from polyarb.rollout.checks import CHECKS, CheckSpec
from polyarb.rollout.drills import DRILLS
from polyarb.rollout.record import SIGNERS_MIN
from polyarb.rollout.required_rules import REQUIRED_RULES
from polyarb.rollout.verdict import P1_UNMET_MAX


def checklist_reference() -> str:
    """Write the page."""
    checks = "".join(
        f"| {spec.check_id} | {spec.priority} | {spec.title} | {spec.inspects} |"
        f" {_in_shadow(spec)} | {spec.remedy} |\n"
        for spec in CHECKS
    )
    drills = "".join(
        f"| `{spec.name}` | {spec.fault} | {spec.proves} | {spec.deadline_s} s |"
        f" {spec.age_days_max} days | {_phases(spec.required_in)} |\n"
        for spec in DRILLS
    )
    members = "".join(
        f"| {spec.member} | {spec.priority} | {spec.statement} | {spec.days} days |\n"
        for spec in MEMBERS
    )
    signers = "".join(f"| {phase} | {count} |\n" for phase, count in SIGNERS_MIN.items())
    rules = ", ".join(f"`{rule.rule_id}`" for rule in REQUIRED_RULES)
    return _PAGE.format(
        checks=checks,
        drills=drills,
        members=members,
        signers=signers,
        rules=rules,
        unmet=P1_UNMET_MAX,
    )


def _in_shadow(spec: CheckSpec) -> str:
    if spec.moot_in_shadow:
        return f"not applicable: {spec.moot_in_shadow}"
    return spec.in_shadow or "the same"


def _phases(phases: tuple[Phase, ...]) -> str:
    return "every phase" if len(phases) == len(Phase) else ", ".join(phases)


_PAGE = """\
# Go or no-go

Written from the tables of the code by `python scripts/generate_docs.py`; do not edit.

`polyarb go-no-go --phase PHASE` makes 22 checks at once, each within five seconds, and judges them
together with the evidence that the phase requires. `scripts/go_no_go_check.sh` is the same.

| outcome | exit code | means |
|---|---|---|
| GO | 0 | every check passes, and so does all required evidence |
| GO WITH WARNINGS | 0 | at most {unmet} P1 checks do not pass; they are mended within 48 hours |
| NO-GO | 1 | a P0 check fails, more than {unmet} P1 checks do, or required evidence failed |
| INSUFFICIENT | 5 | only evidence or signatures are missing |

A check is `PASS`, `FAIL`, `MISSING` (nobody has shown it yet), `ERROR` (it could not be made, or
not in time) or `MOOT` (it does not apply). Only `PASS`, and in shadow `MOOT`, count for a GO.
Nothing overrides an outcome.

## From a fresh workspace to a GO of shadow

```
polyarb init
polyarb drill
polyarb operators add NAME --role ROLE
polyarb go-no-go --attest O4 --sign NAME
polyarb go-no-go --attest O6 --sign NAME
polyarb go-no-go --sign NAME
```

`polyarb drill restore` makes the first backup by itself. A live phase needs the same for itself,
with `--phase`, and a second person: that person runs `polyarb go-no-go --phase PHASE --sign OTHER`,
which makes every check again and, where it says GO, signs the first person's record. This version
has no live execution: no live phase can be GO, and `polyarb start` refuses it with exit code 3.

## The checks

| check | weight | title | inspects | in shadow | remedy |
|---|---|---|---|---|---|
{checks}
The alert rules that Y3 requires: {rules}.

## Required drills

`polyarb drill` runs them in temporary workspaces and records each in `data/audit/drills.jsonl`. A
pass counts for the code and the configuration that were drilled, as long as it is not too old. A
drill that cannot be run, or has not run, is never a pass.

| drill | when | proves | at most | counts for | required in |
|---|---|---|---|---|---|
{drills}
A live phase also requires that the gates of the phase below have passed.

## Attestations

What no program can see is attested, for one phase, by people of `config/operators.yaml`:
`polyarb go-no-go --phase PHASE --attest MEMBER --sign NAME`. The parts of weight P1 must be there.

| member | weight | statement | holds for |
|---|---|---|---|
{members}
## The record

Every call writes `reports/go_no_go/YYYYMMDD_HHMM_PHASE.json` and a page beside it. A record holds
for 24 hours, for one phase, venue and workspace, for the code and configuration that ran. `polyarb
start` reads the newest record of the phase; there is no way around it. Why so many must sign:
[docs/adr/0010](adr/0010-signatures-of-go-records.md).

| phase | people who must sign |
|---|---|
{signers}"""
