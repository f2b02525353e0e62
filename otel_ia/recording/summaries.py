"""`monitor(reduce=…)`: what a stream comes to, made item by item. The items themselves are not kept.

What steps a generator is put before it: only streams that are reduced pay for it.
"""

import inspect
import itertools
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from opentelemetry.trace import Span

from otel_ia import semconv, values
from otel_ia.callbacks import answer_of, takes_two
from otel_ia.errors import SettingError
from otel_ia.guard import guarded

SUMMARY_LIMIT: Final = 32
"""Attributes of a summary."""
_RAISED: Final = (
    "reduce=%(function)s raised %(error)s and was given no more of that item; the stream goes on; said once"
)

Reduce = Callable[[Any, Any], Any]
"""From the summary so far, `None` before the first item, and an item to the summary."""


class Reduction:
    """What `monitor` was given as `reduce`. Raises SettingError."""

    __slots__ = ("_reduce",)

    def __init__(self, given: object) -> None:
        if not callable(given) or inspect.iscoroutinefunction(given) or takes_two(given) is False:
            expected = "a function of a summary and an item"
            raise SettingError(source="monitor", key="reduce", value=given, expected=expected)
        self._reduce: Reduce = given

    def of(self, generator: Any, span: Span) -> "ReducedGenerator":
        """The generator, what it comes to said on its span."""
        return ReducedGenerator(generator, Summary(self._reduce, span))

    def of_async(self, generator: Any, span: Span) -> "ReducedAsyncGenerator":
        """The same of an async generator."""
        return ReducedAsyncGenerator(generator, Summary(self._reduce, span))


class Summary:
    """What the items of one stream come to."""

    __slots__ = ("_reduce", "_span", "_value")

    def __init__(self, reduce: Reduce, span: Span) -> None:
        self._reduce = reduce
        self._span = span
        self._value: Any = None

    def add(self, item: Any) -> None:
        """Takes one more item. Where the function raises, the summary stays as it was, which is said once."""
        made = answer_of(self._reduce, (self._value, item), _RAISED)
        if made is not None:
            self._value = made[0]

    def end(self) -> None:
        """Puts it on the span, and forgets it."""
        value, self._value = self._value, None
        if value is not None:
            _describe(self._span, _attributes_of(value) or {})


class ReducedGenerator:
    """A generator whose items are reduced as they are given."""

    __slots__ = ("_generator", "_summary")

    def __init__(self, generator: Any, summary: Summary) -> None:
        self._generator = generator
        self._summary = summary

    def send(self, value: Any) -> Any:
        return self._pass(self._generator.send, value)

    def throw(self, error: BaseException) -> Any:
        return self._pass(self._generator.throw, error)

    def _pass(self, step: Callable[[Any], Any], given: Any) -> Any:
        try:
            item = step(given)
        except BaseException:
            self._summary.end()
            raise
        self._summary.add(item)
        return item


class ReducedAsyncGenerator:
    """The same of an async generator."""

    __slots__ = ("_generator", "_summary")

    def __init__(self, generator: Any, summary: Summary) -> None:
        self._generator = generator
        self._summary = summary

    def asend(self, value: Any) -> Any:
        return self._pass(self._generator.asend(value))  # made at once, see `_unhooked_asend`

    def athrow(self, error: BaseException) -> Any:
        return self._pass(self._generator.athrow(error))

    async def _pass(self, step: Awaitable[Any]) -> Any:
        try:
            item = await step
        except BaseException:
            self._summary.end()
            raise
        self._summary.add(item)
        return item


@guarded(ours=False)  # a mapping or model of the user's
def _attributes_of(value: Any) -> dict[str, values.Value]:
    if isinstance(value, Mapping):
        return values.attributes(dict(itertools.islice(value.items(), SUMMARY_LIMIT)))
    fields = _fields_of(value)
    if fields is None:
        return values.attributes({semconv.STREAM_SUMMARY: value})
    named = itertools.islice(fields.items(), SUMMARY_LIMIT)
    return values.attributes({f"{semconv.STREAM_SUMMARY}.{name}": field for name, field in named})


def _fields_of(value: Any) -> Mapping[str, Any] | None:
    """The fields of a dataclass, a named tuple or a model of pydantic's."""
    kind = type(value)
    dataclasses = sys.modules.get("dataclasses")  # not imported for those who have none
    if dataclasses is not None and dataclasses.is_dataclass(kind):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value, strict=False))
    if hasattr(kind, "model_dump"):
        dumped = value.model_dump()
        return dumped if isinstance(dumped, Mapping) else None
    return None


@guarded
def _describe(span: Span, attributes: Mapping[str, values.Value]) -> None:
    if span.is_recording():
        span.set_attributes(attributes)
