"""Golden reports: `python -m tests.golden_reports` writes them anew; the diff is then for eyes.

The journals are that of the shipped tapes, played anew, and the rich one of the tests. What differs
from machine to machine and from version to version (latencies, digests) is set to fixed values.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from polyarb.config.loading import load_phase_profile, load_relations
from polyarb.domain.limits import Phase
from polyarb.domain.measures import FeedMeasured
from polyarb.domain.messages import JournalMessage, RunStarted
from polyarb.reports.compliance import build_compliance
from polyarb.reports.daily import build_daily, last_day
from polyarb.reports.performance import build_performance
from polyarb.reports.records import ChainCheck
from polyarb.reports.window import range_window
from polyarb.store.workspace import Workspace
from polyarb.wiring.census import census_records
from polyarb.wiring.reports.files import AnyReport, ReportFormat, render_report

from tests.report_journals import Recorded, records, rich_beside, rich_journal

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "golden" / "report_files"
VERIFIED = ChainCheck(is_verified=True)
TAPES = ("tape_hockey.jsonl.gz", "tape_fed_negrisk.jsonl.gz")


def golden_files() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every golden file."""
    for name, report in _reports():
        for form in (ReportFormat.MD, ReportFormat.JSON):
            yield f"{name}.{form}", render_report(report, form)


def shipped_journal(tape: str) -> list[Recorded]:
    """Play a shipped tape and fix what is of this machine and this version."""
    place = Workspace(ROOT)
    profile = load_phase_profile(place, Phase.SHADOW).profile
    found = census_records(profile, load_relations(place), [place.samples_dir / tape])
    return records(map(_fixed, (record.message for record in found)))


def _fixed(message: JournalMessage) -> JournalMessage:
    if isinstance(message, RunStarted):
        return msgspec.structs.replace(
            message,
            run_id="run-golden",
            feed=message.feed.rsplit("/", 1)[-1],
            code_digest="code",
            config_digest="config",
            catalogue_digest="catalogue",
            wall_time_ns=0,
        )
    if isinstance(message, FeedMeasured):
        return msgspec.structs.replace(
            message,
            latency_ns_p50=20_000,
            latency_ns_p95=50_000,
            latency_ns_p99=90_000,
            stages={},
        )
    return message


def _reports() -> Iterator[tuple[str, AnyReport]]:
    for tape in TAPES:
        journal = shipped_journal(tape)
        day = last_day(journal)
        assert day is not None
        yield f"daily_{tape.partition('.')[0]}", _made(build_daily(journal, day, chain=VERIFIED))
    journal, beside = records(rich_journal()), rich_beside()
    window = range_window("2026-06-07", "2026-06-08")
    yield "daily_rich", _made(build_daily(journal, "2026-06-08", chain=VERIFIED, beside=beside))
    yield (
        "performance_rich",
        _made(build_performance(journal, window, chain=VERIFIED, beside=beside)),
    )
    yield "compliance_rich", _made(build_compliance(journal, window, chain=VERIFIED, beside=beside))


def _made(report: AnyReport | None) -> AnyReport:
    assert report is not None
    return report


def main() -> None:
    """Write every golden file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in golden_files():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
