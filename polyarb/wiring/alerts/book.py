"""The book of alerts: every transition on disk before anything is done, and where that led.

One process at a time holds it. A kill at any moment loses nothing that was told to it: the lines
behind the last state are read again. A full disk keeps nobody from being told; lines are owed then.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import RLock

import msgspec

from polyarb.alerts.alert import Alert, Status, fingerprint
from polyarb.alerts.outbox import LaneState
from polyarb.alerts.routing import Notification, Sent, Silence, silence_faults
from polyarb.domain.errors import RefusedError, StoreError
from polyarb.store.alert_log import RecordLog, StateFile, iso_of
from polyarb.store.alerts import (
    AlertRecord,
    AlertRequest,
    RequestKind,
    SilenceRecord,
    Waiting,
    forget_request,
    waiting_requests,
)
from polyarb.store.filesystem import REAL, FileSystem, ensure_directory, store_faults
from polyarb.store.locks import acquire
from polyarb.wiring.alerts.records import DeskState, alert_of, record_of

LOG_FILE, STATE_FILE, LOCK_FILE = "alerts.jsonl", "alerts_state.json", "alerts.lock"
SILENCES_FILE, REQUESTS_DIR = "silences.jsonl", "requests"
FINDINGS_MAX = 100
OWED_MAX = 10_000
"""Lines that wait for a disk that takes none; beyond it the oldest are counted as lost."""
LATELY_NS, LATELY_MAX = 2 * 3_600 * 10**9, 1_000
"""Resolved alerts that are kept for their cooldown: how long, and how many."""
_FIRES = frozenset({Status.FIRING, Status.ACKED, Status.RECOVERING})


class AlertBook:
    """What is active, over and not yet told, silenced and sent; and its files."""

    def __init__(self, directory: Path, *, files: FileSystem = REAL) -> None:
        with store_faults("open", directory):
            ensure_directory(files, directory)
        self.lock = RLock()
        self.active: dict[str, Alert] = {}
        self.ended: dict[str, Alert] = {}
        self.lately: dict[str, Alert] = {}
        """By fingerprint what was resolved lately, whose cooldown goes on after a restart."""
        self.silences: dict[str, Silence] = {}
        self.sent: dict[str, Sent] = {}
        self.outbox: tuple[LaneState, ...] = ()
        """What the last state left to be delivered."""
        self.findings: deque[str] = deque(maxlen=FINDINGS_MAX)
        """What was wrong with files and requests, the latest of it."""
        self.fault = ""
        """Why the disk takes no lines at present, or empty."""
        self.lost = 0
        self._directory = directory
        self._files = files
        self._owed: list[AlertRecord] = []
        self._records: dict[str, AlertRecord] = {}
        self._sequence = 0
        self._done: list[Waiting] = []
        self._lock_file = acquire(directory / LOCK_FILE, "the book of alerts", needs_name=False)
        try:
            self._log = RecordLog(directory / LOG_FILE, AlertRecord, files=files)
            self._silence_log = RecordLog(directory / SILENCES_FILE, SilenceRecord, files=files)
            self._state = StateFile(directory / STATE_FILE, DeskState, files=files)
            self._recover()
        except BaseException:
            self._lock_file.release()
            raise

    @property
    def owed(self) -> int:
        """Return how many lines the disk has not taken yet."""
        return len(self._owed)

    @property
    def has_done(self) -> bool:
        """Tell whether requests were applied whose effect is not saved yet."""
        return bool(self._done)

    def record(self, alerts: Iterable[Alert], now_ns: int) -> None:
        """Record transitions, durably, then apply them; what is known already is passed over.

        Where the disk takes nothing they are applied all the same, and owed to it.
        """
        with self.lock:
            news = [alert for alert in alerts if not self._is_known(alert)]
            records = [self._record_of(alert, now_ns) for alert in news]
            self._owed += records
            self.settle()
            for alert, record in zip(news, records, strict=True):
                self._apply(alert, record)

    def _record_of(self, alert: Alert, now_ns: int) -> AlertRecord:
        self._sequence += 1
        return record_of(alert, sequence=self._sequence, now_ns=now_ns)

    def _is_known(self, alert: Alert) -> bool:
        """Tell whether an alert stands so already; who acknowledged first is who did."""
        known = self.active.get(alert.alert_id) or self.ended.get(alert.alert_id)
        if known is None or not (known.acked_ns and alert.acked_ns):
            return known == alert
        return known == msgspec.structs.replace(
            alert, acked_ns=known.acked_ns, acked_by=known.acked_by
        )

    def settle(self) -> None:
        """Write the lines that are owed, if there are any; tell in `fault` why it cannot be."""
        with self.lock:
            try:
                self._log.append(self._owed)
            except StoreError as fault:
                self.fault = str(fault)
                excess = len(self._owed) - OWED_MAX
                if excess > 0:
                    self.lost += excess
                    del self._owed[:excess]
                return
            self.fault = ""
            self._owed.clear()

    def take_requests(self, now_ns: int) -> tuple[Alert, ...]:
        """Apply what people asked; return the alerts that were acknowledged by it."""
        acked: list[Alert] = []
        with self.lock:
            done = {waiting.name for waiting in self._done}
            for waiting in waiting_requests(self._directory / REQUESTS_DIR):
                if waiting.name in done:
                    continue
                if waiting.request is None:
                    self.findings.append(f"{waiting.name}: a request that cannot be understood")
                else:
                    acked += self._follow(waiting.name, waiting.request, now_ns)
                self._done.append(waiting)
        return tuple(acked)

    def note_sent(self, notifications: Sequence[Notification], now_ns: int) -> None:
        """Remember what was handed to the outbox: of each alert the last, and its highest step."""
        with self.lock:
            for one in notifications:
                for alert in one.alerts:
                    before = self.sent.get(alert.alert_id)
                    self.sent[alert.alert_id] = Sent(
                        alert_id=alert.alert_id,
                        status=alert.status,
                        time_ns=now_ns,
                        step=max(one.step, before.step if before else 0),
                    )

    def forget_ended(self, told: Iterable[str]) -> None:
        """Let go of alerts that are over and need not be told of any more."""
        with self.lock:
            for alert_id in told:
                self.ended.pop(alert_id, None)
                self.sent.pop(alert_id, None)

    def save(self, outbox: tuple[LaneState, ...], now_ns: int) -> None:
        """Replace the state, then remove the requests that it holds the effect of.

        Errors: StoreError of the disk.
        """
        with self.lock:
            state = self._snapshot(outbox, now_ns)
            done = tuple(self._done) if not self._owed else ()
        self._state.write(state)
        for waiting in done:
            forget_request(self._directory / REQUESTS_DIR, waiting, files=self._files)
            with self.lock:
                self._done.remove(waiting)

    def prune(self, now_ns: int) -> None:
        """Remove what is older than records of alerts are kept; what cannot be is told."""
        with self.lock:
            try:
                self._log.prune(iso_of(now_ns)[:10])
                self._silence_log.prune(iso_of(now_ns)[:10])
            except StoreError as fault:
                self.findings.append(str(fault))

    def close(self) -> None:
        """Let go of the files."""
        self._log.close()
        self._silence_log.close()
        self._lock_file.release()

    def _snapshot(self, outbox: tuple[LaneState, ...], now_ns: int) -> DeskState:
        self.silences = {key: one for key, one in self.silences.items() if one.until_ns > now_ns}
        self.lately = {
            key: one for key, one in self.lately.items() if now_ns - one.resolved_ns < LATELY_NS
        }

        def records(alerts: Iterable[str]) -> tuple[AlertRecord, ...]:
            return tuple(self._records[one] for one in alerts)

        ended = [one.alert_id for one in self.ended.values()]
        lately = [one.alert_id for one in self.lately.values()]
        self._records = {
            one: self._records[one] for one in dict.fromkeys((*self.active, *ended, *lately))
        }
        return DeskState(
            active_alerts=records(self.active),
            last_updated=iso_of(now_ns),
            sequence=self._log.last_sequence,
            silences=tuple(self.silences.values()),
            ended=records(ended),
            resolved_lately=records(lately),
            sent=tuple(self.sent.values()),
            outbox=outbox,
        )

    def _recover(self) -> None:
        state = self._state.read()
        if self._log.repaired_bytes:
            self.findings.append(
                f"{LOG_FILE}: a torn end of {self._log.repaired_bytes} bytes was cut off and kept"
            )
        if self._state.damage:
            self.findings.append(f"{self._state.damage}; it is rebuilt from {LOG_FILE}")
        state = state or DeskState()
        for record in (*state.resolved_lately, *state.active_alerts):
            self._restore(record)
        self.ended.clear()
        for record in state.ended:
            self._restore(record)
        self.silences = {one.silence_id: one for one in state.silences}
        self.sent = {one.alert_id: one for one in state.sent}
        self.outbox = state.outbox
        records, damaged = self._log.read(after=state.sequence)
        self._sequence = max(self._log.last_sequence, state.sequence)
        self.findings += [
            f"{one.file} line {one.line}: cannot be read; an alert may be missing"
            for one in damaged
        ]
        for record in records:
            self._restore(record)
        if self._state.damage:
            # Whoever was told of alerts that are over was told; only what stands is told anew.
            self.ended.clear()

    def _restore(self, record: AlertRecord) -> None:
        try:
            self._apply(alert_of(record), record)
        except ValueError as fault:
            self.findings.append(f"{LOG_FILE} record {record.sequence}: {fault}")

    def _apply(self, alert: Alert, record: AlertRecord) -> None:
        self._records[alert.alert_id] = record
        if alert.status is not Status.RESOLVED:
            self.active[alert.alert_id] = alert
            return
        self.active.pop(alert.alert_id, None)
        if alert.fired_ns:
            self.ended[alert.alert_id] = alert
            about = fingerprint(alert.rule, alert.labels)
            self.lately.pop(about, None)
            self.lately[about] = alert
            if len(self.lately) > LATELY_MAX:
                del self.lately[next(iter(self.lately))]

    def _follow(self, name: str, request: AlertRequest, now_ns: int) -> list[Alert]:
        match request.kind:
            case RequestKind.ACK:
                return self._acknowledge(request, now_ns)
            case RequestKind.SILENCE:
                self._silence(name, request, now_ns)
            case RequestKind.UNSILENCE:
                lifted = self.silences.pop(request.silence_id, None)
                if lifted is not None:
                    ended = msgspec.structs.replace(lifted, author=request.by, until_ns=now_ns)
                    self._note_silence(ended, now_ns)
        return []

    def _acknowledge(self, request: AlertRequest, now_ns: int) -> list[Alert]:
        wanted = set(request.alert_ids) or set(self.active)
        acked = [
            msgspec.structs.replace(
                alert,
                status=Status.ACKED if alert.status is Status.FIRING else alert.status,
                acked_ns=request.time_ns,
                acked_by=request.by,
            )
            for alert in self.active.values()
            if alert.alert_id in wanted
            and not alert.acked_ns
            and alert.status in _FIRES
            # Nobody takes the heartbeat on: it would be told no more.
            and not alert.is_heartbeat
        ]
        self.record(acked, now_ns)
        return acked

    def _silence(self, name: str, request: AlertRequest, now_ns: int) -> None:
        silence = silence_of(name, request)
        faults = silence_faults(silence, now_ns)
        if faults:
            self.findings.append(f"{name}: {'; '.join(faults)}")
        elif silence.silence_id not in self.silences:
            self._note_silence(silence, now_ns)
            self.silences[silence.silence_id] = silence

    def _note_silence(self, silence: Silence, now_ns: int) -> None:
        record = SilenceRecord(
            sequence=self._silence_log.last_sequence + 1,
            recorded_at=iso_of(now_ns),
            silence_id=silence.silence_id,
            by=silence.author,
            reason=silence.reason,
            matcher=silence.matcher,
            from_at=iso_of(silence.from_ns),
            until_at=iso_of(silence.until_ns),
        )
        try:
            self._silence_log.append([record])
        except StoreError as fault:
            self.fault = str(fault)


def silence_of(name: str, request: AlertRequest) -> Silence:
    """Make the silence that a request asks for; its id is the request's."""
    return Silence(
        silence_id=name.removesuffix(".json"),
        author=request.by,
        reason=request.reason,
        matcher=request.matcher,
        from_ns=request.time_ns,
        until_ns=request.until_ns,
    )


def open_book(directory: Path, *, files: FileSystem = REAL) -> AlertBook | None:
    """Open the book, or return None while another process holds it."""
    try:
        return AlertBook(directory, files=files)
    except RefusedError:
        return None
