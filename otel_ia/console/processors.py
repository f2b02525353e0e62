"""The console as OpenTelemetry's SDK sees it: a span processor and a log record processor over one feed."""

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from otel_ia.console.book import Call
from otel_ia.console.feed import Feed
from otel_ia.console.layout import draw
from otel_ia.console.outline import Page
from otel_ia.console.output import Stream, render, resolve, surface_of, write
from otel_ia.console.reading import read_end, read_log, read_start
from otel_ia.console.redacting import AnySpan, ShownSpan
from otel_ia.guard import guarded
from otel_ia.redaction import Redactor


def console_processors(
    stream: Stream = None, *, delay: float = 3.0, redactor: Redactor | None = None
) -> tuple[SpanProcessor, LogRecordProcessor]:
    """A pair of processors that print each trace as a tree, with the log lines written inside at their place.

    A tree is printed when its local root ends: a span without parent, with a remote one, or with one that is not open
    in this process. Roots that stay open are printed as far as they got after `delay` seconds (infinity: never), then
    again at growing intervals, if there is news and without what was shown before. `shutdown` of the span processor
    prints what is still open and ends both.

    More than five siblings of one name fold into one line with count, median, 95th percentile and maximum; so do, after
    ten trees, further traces whose roots have one name, except those that failed or were slow.

    `stream` is a text stream or a function that returns one; by default `sys.stderr` as it is at each print. `redactor`
    takes out secrets.
    """

    @guarded
    def print_page(page: Page) -> None:
        target = resolve(stream)
        if target is not None:
            surface = surface_of(target)
            write(target, render(draw(page, width=surface.width), surface))

    feed = Feed(print_page, delay=delay)
    return _SpanConsole(feed, redactor), _LogConsole(feed, redactor)


class _SpanConsole(SpanProcessor):
    def __init__(self, feed: Feed, redactor: Redactor | None) -> None:
        self._feed = feed
        self._redactor = redactor

    @guarded
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        started = read_start(self._shown(span))
        if started is not None:
            self._feed.put(started)

    @guarded
    def on_end(self, span: ReadableSpan) -> None:
        finished = read_end(self._shown(span))
        if finished is not None:
            self._feed.put(finished)

    def _shown(self, span: ReadableSpan) -> AnySpan:
        return ShownSpan(span, self._redactor) if self._redactor is not None else span

    @guarded
    def shutdown(self) -> None:
        self._feed.close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        self._flush()
        return True

    @guarded
    def _flush(self) -> None:
        self._feed.put(Call.FLUSH)


class _LogConsole(LogRecordProcessor):
    def __init__(self, feed: Feed, redactor: Redactor | None) -> None:
        self._feed = feed
        self._redactor = redactor
        self._closed = False

    @guarded
    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        logged = None if self._closed else read_log(log_record, self._redactor)
        if logged is not None:
            self._feed.put(logged)

    def shutdown(self) -> None:
        self._closed = True

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        return True
