"""Reports as files: each form whole or not at all, the same report always the same bytes."""

from enum import StrEnum
from pathlib import Path

import msgspec

from polyarb.reports.compliance import ComplianceReport
from polyarb.reports.compliance_document import compliance_document
from polyarb.reports.daily import DailyReport
from polyarb.reports.daily_document import daily_document
from polyarb.reports.document import Document
from polyarb.reports.markdown import to_markdown
from polyarb.reports.page import to_html
from polyarb.reports.performance import PerformanceReport
from polyarb.reports.performance_document import performance_document
from polyarb.store.filesystem import REAL, ensure_directory, replace_durably, store_faults

AnyReport = DailyReport | PerformanceReport | ComplianceReport


class ReportFormat(StrEnum):
    """The forms of a report."""

    MD = "md"
    HTML = "html"
    JSON = "json"
    ALL = "all"


def write_report(report: AnyReport, folder: Path, form: ReportFormat) -> tuple[Path, ...]:
    """Write a report in its forms and return where they lie.

    Errors: StoreError when the folder cannot be written.
    """
    forms = [one for one in ReportFormat if one is not ReportFormat.ALL]
    written = []
    with store_faults("write", folder):
        ensure_directory(REAL, folder.absolute())
        for one in forms:
            if form in (one, ReportFormat.ALL):
                path = folder / f"{file_stem(report)}.{one}"
                replace_durably(REAL, path, render_report(report, one).encode())
                written.append(path)
    return tuple(written)


def render_report(report: AnyReport, form: ReportFormat) -> str:
    """Write a report as text of one form."""
    if form is ReportFormat.JSON:
        return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    document = lay_out(report)
    return to_markdown(document) if form is ReportFormat.MD else to_html(document)


def lay_out(report: AnyReport) -> Document:
    """Lay any report out as a document."""
    match report:
        case DailyReport():
            return daily_document(report)
        case PerformanceReport():
            return performance_document(report)
        case ComplianceReport():
            return compliance_document(report)


def file_stem(report: AnyReport) -> str:
    """Name a report's files by its days, such as 20260607 or 20260601-20260607."""
    if isinstance(report, DailyReport):
        return report.day.replace("-", "")
    return f"{report.first_day.replace('-', '')}-{report.last_day.replace('-', '')}"
