"""A log record on its way to the outputs: legal, and without what the SDK's own record would cost."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_ia import semconv, values

NO_PLACE: Final[Mapping[str, Any]] = {}
KNOWN_PLACES: Final = 2_048
"""Places in the source whose attributes are kept; when one more comes, it starts anew."""

PLACES: Final[dict[tuple[object, object, object], Mapping[str, Any]]] = {}
"""The attributes of the places that `place_of` was asked for, by its arguments."""


class Entry(NamedTuple):
    """A log record in OpenTelemetry's terms. Times are nanoseconds since 1970; ids of 0 stand outside a span."""

    time: int | None
    observed: int | None
    severity: int
    level: str | None
    body: Any
    place: Mapping[str, Any]
    """The `code.*` attributes: one and the same object for all records of one place."""
    own: Mapping[str, Any] | None
    """The other attributes."""
    trace_id: int
    span_id: int
    flags: int
    logger: str
    scope: InstrumentationScope | None = None
    """Where it says more than the logger's name."""
    event_name: str | None = None
    dropped: int = 0
    """How many attributes went over a limit."""

    @property
    def attributes(self) -> dict[str, Any]:
        """All attributes."""
        return {**self.own, **self.place} if self.own else dict(self.place)


@runtime_checkable
class TakesEntries(Protocol):
    """A log record processor that is content with entries, for which no record of the SDK has to be made."""

    @property
    def take(self) -> Callable[[Entry], None]:
        """Takes one; whoever calls it guards it."""


def place_of(path: object, line: object, function: object) -> Mapping[str, Any]:
    """The `code.*` attributes of a place, the same object whenever it is asked; none of what is no place."""
    if type(path) is not str or type(line) is not int or not (function is None or type(function) is str):
        return NO_PLACE
    if len(PLACES) >= KNOWN_PLACES:
        PLACES.clear()
    made: dict[str, Any] = {}
    if path:
        made[semconv.CODE_FILE_PATH] = values.text(path)
        made[semconv.CODE_LINE_NUMBER] = line
    if function and function != "<module>":
        made[semconv.CODE_FUNCTION_NAME] = values.text(function)
    return PLACES.setdefault((path, line, function), made)


def entry_of(record: ReadWriteLogRecord) -> Entry:
    """The entry of a record of the SDK's, as OpenTelemetry's own API makes them."""
    parts = record.log_record
    severity = parts.severity_number
    scope = record.instrumentation_scope
    return Entry(
        parts.timestamp,
        parts.observed_timestamp,
        severity.value if severity is not None else 0,
        parts.severity_text,
        parts.body,
        NO_PLACE,
        parts.attributes,
        parts.trace_id,
        parts.span_id,
        parts.trace_flags,
        scope.name if scope is not None else "",
        scope,
        parts.event_name,
        record.dropped_attributes,
    )
