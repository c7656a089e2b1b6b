"""What a report is built from: the journal, read twice and never held, and what lies beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from polyarb.domain.drills import DrillOutcome
from polyarb.domain.errors import BrokenJournalError, StoreError
from polyarb.domain.ids import ConditionId
from polyarb.domain.limits import Profile
from polyarb.domain.messages import RunStarted, RunStopped
from polyarb.reports.alert_log import AlertSeen
from polyarb.reports.changes import RunFacts
from polyarb.reports.daily import Beside
from polyarb.reports.records import ChainCheck
from polyarb.reports.runs import Run
from polyarb.reports.survey import Survey, SurveyFold, survey_records
from polyarb.store.alert_log import finished_files, time_ns_of
from polyarb.store.alerts import AlertRecord
from polyarb.store.evidence import drill_outcomes
from polyarb.store.filesystem import store_faults
from polyarb.store.locks import find_holder
from polyarb.store.reading import read_journal, read_verified
from polyarb.store.records import Anchor, Envelope, JournalRecord, open_envelope
from polyarb.store.verification import JournalBreak, JournalReport, verify_news
from polyarb.store.workspace import Workspace
from polyarb.wiring.recipe import Recipe, load_recipe

BREAKS_TOLD = 20
_EDGES = {"RunStarted", "RunStopped"}


class ScannedJournal(msgspec.Struct, frozen=True, kw_only=True):
    """A journal after a first look; records may be iterated again and again."""

    survey: Survey
    chain: ChainCheck
    records: Iterable[JournalRecord]


class _Records:
    """Reads the journal anew whenever it is iterated, up to a place found whole before."""

    def __init__(self, workspace: Workspace, head: Anchor) -> None:
        self._workspace = workspace
        self._head = head

    def __iter__(self) -> Iterator[JournalRecord]:
        place = self._workspace
        return read_verified(place.journal_file, place.journal_dir, self._head)


class _WholePart:
    """Reads everything before the first break whenever it is iterated."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __iter__(self) -> Iterator[JournalRecord]:
        return as_far_as_whole(self._workspace)


def scan_journal(workspace: Workspace) -> ScannedJournal:
    """Check a journal's chain and look over its records' headings in one reading.

    A broken journal is read up to its first break; its breaks are told.
    Errors: StoreError for a record that this version cannot read.
    """
    fold = SurveyFold()

    def look(envelope: Envelope) -> None:
        edge = _edge(envelope) if envelope.event_type in _EDGES else None
        fold.take(envelope.sequence, envelope.time_ns, envelope.event_type, edge)

    report, _ = verify_news(
        workspace.journal_file,
        workspace.journal_dir,
        workspace.verified_segments_file,
        on_record=look,
    )
    is_running = find_holder(workspace.lock_file) is not None
    if report.is_whole:
        return ScannedJournal(
            survey=fold.survey(is_running=is_running),
            chain=_chain(workspace, report, ()),
            records=_Records(workspace, report.head),
        )
    part = _WholePart(workspace)
    survey = survey_records(part, is_running=is_running)
    read = max((day.sequence_last for day in survey.days.values()), default=0)
    return ScannedJournal(
        survey=survey,
        chain=_chain(workspace, report, (f"figures end at record {read}, before the first break",)),
        records=part,
    )


def as_far_as_whole(workspace: Workspace) -> Iterator[JournalRecord]:
    """Yield everything before the first break of a journal that may be broken.

    Errors: StoreError for a record that this version cannot read.
    """
    with suppress(BrokenJournalError):
        yield from read_journal(workspace.journal_file, workspace.journal_dir)


def _edge(envelope: Envelope) -> RunStarted | RunStopped | None:
    with suppress(msgspec.DecodeError):
        message = open_envelope(envelope).message
        return message if isinstance(message, RunStarted | RunStopped) else None
    return None


def _chain(workspace: Workspace, report: JournalReport, more: tuple[str, ...]) -> ChainCheck:
    breaks = [_break_text(workspace, one) for one in report.breaks[:BREAKS_TOLD]]
    if len(report.breaks) > BREAKS_TOLD:
        breaks.append(f"and {len(report.breaks) - BREAKS_TOLD} more breaks of the chain")
    torn = report.torn
    text = f"record {torn.sequence} is not whole, {torn.size} bytes" if torn else ""
    return ChainCheck(is_verified=True, breaks=(*breaks, *more), torn=text)


def _break_text(workspace: Workspace, found: JournalBreak) -> str:
    place = f"{workspace.shown(Path(found.file))} line {found.line}"
    return f"{place}: {found.kind}: expected {found.expected}, found {found.found}"


def read_beside(workspace: Workspace, runs: Sequence[Run]) -> Beside:
    """Read what lies beside the journal; a lost recipe loses only names and comparisons.

    Errors: StoreError for an alert log or a record of drills that cannot be read.
    """
    recipes = dict(_recipes(workspace, runs))
    markets = {
        key: market
        for recipe in recipes.values()
        for key, market in recipe.catalogue.markets.items()
    }
    alerts, damaged = _alerts(workspace)
    return Beside(
        alerts=alerts,
        alerts_damaged=damaged,
        drills=_drills(workspace),
        facts={run_id: _facts(recipe) for run_id, recipe in recipes.items()},
        titles={key: market.question for key, market in markets.items() if market.question},
    )


def _recipes(workspace: Workspace, runs: Sequence[Run]) -> Iterator[tuple[str, Recipe]]:
    for run in runs:
        with suppress(StoreError):
            yield run.run_id, load_recipe(workspace, run.run_id)


def _facts(recipe: Recipe) -> RunFacts:
    markets: frozenset[ConditionId] = frozenset(recipe.catalogue.markets)
    return RunFacts(
        figures=dict(_flat(recipe.profile)),
        envelope=recipe.profile.envelope,
        markets=markets,
    )


def _flat(profile: Profile) -> Iterator[tuple[str, str]]:
    """Write a profile's figures by dotted name, as text."""
    stack: list[tuple[str, object]] = [("", msgspec.to_builtins(profile))]
    while stack:
        name, value = stack.pop()
        if isinstance(value, Mapping):
            prefix = f"{name}." if name else ""
            stack.extend((f"{prefix}{key}", inner) for key, inner in value.items())
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(str, value))
        else:
            yield name, "" if value is None else str(value)


def _drills(workspace: Workspace) -> list[DrillOutcome] | None:
    file = drill_outcomes(workspace)
    return file.read() if file.path.exists() else None


_alert_decoder: msgspec.json.Decoder[AlertRecord] = msgspec.json.Decoder(AlertRecord)


def _alerts(workspace: Workspace) -> tuple[list[AlertSeen] | None, int]:
    """Read the alert log and count its damaged lines; no log and no state is no engine.

    Nothing is repaired: that is the writer's to do. A last line without its end is being written.
    """
    log = workspace.alerts_dir / "alerts.jsonl"
    paths = [path for path in (*finished_files(log), log) if path.exists()]
    if not paths and not (workspace.alerts_dir / "alerts_state.json").exists():
        return None, 0
    rows: list[AlertSeen] = []
    damaged = 0
    for path in paths:
        with store_faults("read", path), path.open("rb") as file:
            for line in file:
                try:
                    rows.append(_seen(_alert_decoder.decode(line)))
                except (msgspec.DecodeError, ValueError):
                    damaged += line.endswith(b"\n")
    return rows, damaged


def _seen(record: AlertRecord) -> AlertSeen:
    context = record.context
    return AlertSeen(
        alert_id=record.alert_id,
        name=record.name,
        severity=record.severity,
        status=record.status,
        fired_ns=_nanoseconds(record.fired_at),
        acked_ns=_nanoseconds(record.acked_at),
        resolved_ns=_nanoseconds(record.resolved_at),
        value=_measured(context.current_value, context.unit),
        threshold=_measured(context.threshold, context.unit),
    )


def _nanoseconds(text: str | None) -> int | None:
    return time_ns_of(text) if text else None


def _measured(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}".rstrip()
