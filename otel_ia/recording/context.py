"""`bound`: fields on everything inside a block or call."""

import inspect
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Final, TypeVar

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span

from otel_ia import values
from otel_ia.errors import SettingError
from otel_ia.guard import guarded
from otel_ia.recording.callsite import Own
from otel_ia.recording.current import attach, get_current, leave
from otel_ia.recording.fields import with_fields
from otel_ia.recording.kinds import decorate
from otel_ia.recording.places import Place

T = TypeVar("T")


def bound(fields: Mapping[str, Any] | None = None, /, *, propagate: bool = False, **named: Any) -> "Bound":
    """Puts attributes on every span and log record inside a block, or inside each call of what it decorates.

    `with bound(session_id="s-1", user_id=7):`, or `bound({"session.id": "s-1"})` for names with dots. Spans of other
    instrumentations and records of the standard library's logging get them too. Blocks nest, the inner value of a name
    wins, and what a span or record says itself wins over both. `await` and new tasks keep them, new threads do not.

    Above a generator function they hold while its body runs, never in its consumer between two items. A `with` in the
    body of a generator that is neither decorated nor monitored would leak into the consumer, as any context does.

    Args:
        fields: names and values; legal values as they are, others as `otel_ia.values` renders them, `None` left out.
        propagate: send them along as OpenTelemetry baggage, for services that are called inside to read. Baggage goes
            to every host that is called, so nothing secret. What arrives as baggage is put on nothing by itself, for
            anybody may send it: `bound({"session.id": baggage.get_baggage("session.id")})` takes what you trust.

    Raises:
        SettingError: `fields` is no mapping.
    """
    if fields is not None and not isinstance(fields, Mapping):
        raise SettingError(source="bound", key="fields", value=fields, expected="a mapping of names to values")
    return Bound(_Fields(values.attributes({**(fields or {}), **named}), is_propagated=propagate))


class Bound:
    """What `bound(…)` returns: a context manager and a decorator, which may be entered again while it is open."""

    __slots__ = ("_fields", "_open")

    def __init__(self, fields: "_Fields") -> None:
        self._fields = fields
        self._open: dict[int, tuple[Context, Token[Context]]] = {}

    def __call__(self, target: T, /) -> T:
        """The target with the fields bound in each call; of the same kind, as with `monitor`.

        Raises:
            TypeError: the target is a class, whose methods are to be decorated, or nothing that can be called.
        """
        if inspect.isclass(target):
            raise TypeError("bound decorates functions and methods, no whole class")
        decorated: T = decorate(target, self._fields.at)
        return decorated

    def __enter__(self) -> None:
        inside = self._fields.over(get_current())
        self._open[id(inside)] = inside, attach(inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # of blocks of one object that are open in several tasks, this task's is the one that is current
        block = self._open.pop(id(get_current()), None) or self._open.popitem()[1]
        leave(block[1])


class _Fields:
    """Where a decorated call takes its context from: to the wrappers it is a call site that records nothing."""

    __slots__ = ("_is_propagated", "_values")

    opens_spans: Final = False
    plan: Final = None

    def __init__(self, given: Mapping[str, values.Value], *, is_propagated: bool) -> None:
        self._values = given
        self._is_propagated = is_propagated

    def at(self, _place: Place) -> "_Fields":
        return self

    def over(self, context: Context) -> Context:
        return with_fields(context, self._values, is_propagated=self._is_propagated)

    @guarded
    def open(self, _own: Own = None, /) -> "_BoundCall":
        return _BoundCall(self.over(get_current()))


class _BoundCall:
    """One call with bound fields and no span of its own."""

    __slots__ = ("inside",)

    span: Final[Span] = INVALID_SPAN
    is_span: Final = False
    is_told: Final = False
    tally: Final = None

    def __init__(self, inside: Context) -> None:
        self.inside = inside

    def close_stream(self, items: int, began: int, first: int, error: BaseException | None = None) -> None:
        """Has nothing to end."""

    def close_capturing(self, plan: object, result: object) -> None:
        """Has nothing to end."""

    def close(self, error: BaseException | None = None) -> None:
        """Has nothing to end."""
