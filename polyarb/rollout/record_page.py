"""A go/no-go record as a page for people, in Markdown. Pure."""

from datetime import UTC, datetime

from polyarb.rollout.checks import SPECS
from polyarb.rollout.record import SIGNERS_MIN, GoNoGoRecord
from polyarb.rollout.verdict import Outcome

WARNINGS_HOURS = 48
"""Until then what a GO with warnings names must be mended. Source: production-kit.md 5."""
_SECOND_NS = 10**9


def record_page(record: GoNoGoRecord) -> str:
    """Write a record as a page."""
    binding = record.binding
    lines = [
        f"# {_said(record.outcome)}: {binding.phase} on {binding.venue or 'no venue'}",
        "",
        f"Made {_time(record.created_ns)}, valid until {_time(record.expires_ns)}, for code"
        f" `{binding.code_digest[:16]}` and configuration `{binding.config_digest[:16]}`, journal"
        f" record {record.journal_sequence}.",
        "",
        *_obstacles(record),
        "| check | priority | status | found |",
        "|---|---|---|---|",
        *(
            f"| {one.check_id} {SPECS[one.check_id].title} | {SPECS[one.check_id].priority} |"
            f" {one.status} | {_cell('; '.join(one.evidence))} |"
            for one in record.checks
        ),
        "",
        "| required evidence | status | found |",
        "|---|---|---|",
        *(f"| {one.name} | {one.status} | {_cell(one.evidence)} |" for one in record.requirements),
        "",
        *_signatures(record),
    ]
    return "\n".join(lines) + "\n"


def _obstacles(record: GoNoGoRecord) -> list[str]:
    if not record.obstacles:
        return []
    told = [f"- {text}" for text in record.obstacles]
    if record.outcome is Outcome.GO_WITH_WARNINGS:
        due = record.created_ns + WARNINGS_HOURS * 3_600 * _SECOND_NS
        owner = record.signatures[0].name if record.signatures else "whoever starts the phase"
        told.append(f"- to be mended by {owner} until {_time(due)}")
    return [*told, ""]


def _signatures(record: GoNoGoRecord) -> list[str]:
    needed = SIGNERS_MIN[record.binding.phase]
    told = [
        f"- {one.name} ({one.role}), {_time(one.signed_ns)}, key `{one.public_key[:16]}`"
        for one in record.signatures
    ]
    return [f"Signatures needed: {needed}.", *(["", *told] if told else [])]


def _said(outcome: Outcome) -> str:
    return "NO-GO" if outcome is Outcome.NO_GO else outcome.replace("_", " ")


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // _SECOND_NS, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
