"""Log records to one place as lines, each in the thread that writes it."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from otel_ia.guard import guarded
from otel_ia.outputs.json_line import plain
from otel_ia.redaction import Redactor
from otel_ia.sdk.entries import Entry, entry_of

Render: TypeAlias = Callable[[Entry], str]
"""Makes of an entry what stands in its line, several lines where the format is text; without the line break."""


_OURS: Final = "otel_ia"
GENERATIONS: Final = 8
"""Lines come from the writing of a line: of a signal handler's, in the middle of it, or of a stream's that logs each
write. So often in a row they are written after it; the stream would never end."""


class _Writing(threading.local):
    is_writing = False

    def __init__(self) -> None:
        self.waiting: deque[Entry] = deque()


class LineOutput(LogRecordProcessor):
    """A log record processor that writes each record, free of secrets, with one call of `write`."""

    is_local = True

    def __init__(
        self,
        render: Render,
        write: Callable[[str], None],
        *,
        redactor: Redactor | None,
        lowest: int = 0,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._render = render
        self._write = write
        self._redactor = redactor
        self._close = close
        self._writing = _Writing()
        self._is_over = False
        self.lowest = lowest
        """Records of a lower severity are left out; those without one never are."""

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.take(entry_of(log_record))

    def take(self, entry: Entry) -> None:
        """Writes a record, and after it those that came up meanwhile in this thread."""
        if self._is_over or 0 < entry.severity < self.lowest:
            return
        writing = self._writing
        if writing.is_writing and entry.logger == _OURS:  # that it cannot be written
            return
        # here, where a function of the user's that logs is told from one that is asked about what it has logged
        writing.waiting.append(entry if self._redactor is None else _redacted(entry, self._redactor))
        generations = 0
        # asked again when it is over, for a line may come up in between
        while writing.waiting and not writing.is_writing and generations < GENERATIONS:
            writing.is_writing = True
            try:
                for _ in range(len(writing.waiting)):
                    self._write(self._render(writing.waiting.popleft()))
            finally:
                writing.is_writing = False
            generations += 1
        if generations == GENERATIONS:
            writing.waiting.clear()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the processor's signature
        return True

    @guarded
    def shutdown(self) -> None:
        self._is_over = True
        self._close()


class SeverityFloor(LogRecordProcessor):
    """Hands on to another processor what is not below a severity."""

    def __init__(self, processor: LogRecordProcessor, *, lowest: int = 0) -> None:
        self._processor = processor
        self.lowest = lowest
        """As that of `LineOutput`."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        severity = log_record.log_record.severity_number
        if severity is None or not 0 < severity.value < self.lowest:
            self._processor.on_emit(log_record)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._processor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        self._processor.shutdown()


def _redacted(entry: Entry, redactor: Redactor) -> Entry:
    body, place, own = entry.body, entry.place, entry.own
    return entry._replace(
        # bounded first: the redactor looks at all that is in it
        body=redactor.redact_text(body) if type(body) is str else redactor.redact_value("", plain(body)),
        place=redactor.redact_attributes(place) if place else place,
        own=redactor.redact_attributes(own) if own else own,
    )
