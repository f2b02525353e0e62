"""What spans of an instrumented object say of each call, beside what is captured of it."""

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.trace import Span

from otel_ia import semconv
from otel_ia.capture.plan import Plan
from otel_ia.integrations.parts import Describe
from otel_ia.values import Value


class CallPlan:
    """A `otel_ia.capture.plan.Plan` with more to say; what the call site says itself it leaves as it is."""

    __slots__ = ("_captured", "_describe", "_said", "has_result", "is_all_plain")

    def __init__(self, describe: Describe, said: frozenset[str], captured: Plan | None) -> None:
        self._describe: Final = describe
        self._said: Final = said
        self._captured: Final = captured
        self.is_all_plain: Final = captured is None or captured.is_all_plain
        """Whether all attributes of the arguments are texts and numbers."""
        self.has_result: Final = captured is not None and captured.has_result

    def describe(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Value]:
        """The attributes of a call with these arguments, a new mapping."""
        told = self._captured.describe(args, kwargs) if self._captured is not None else {}
        for name, value in self._describe(args[0], args[1:], kwargs).items():
            if name not in self._said:
                told[name] = value
        return told

    def batch_size(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int | None:
        """The size of the batch alone."""
        size = self._describe(args[0], args[1:], kwargs).get(semconv.BATCH_SIZE)
        return size if isinstance(size, int) and semconv.BATCH_SIZE not in self._said else None

    def result_attributes(self, result: Any) -> dict[str, Any]:
        """What is captured of the result."""
        return self._captured.result_attributes(result) if self._captured is not None else {}

    def describe_result(self, span: Span, result: Any) -> None:
        """Puts the same on the span of the call. Never raises."""
        if self._captured is not None:
            self._captured.describe_result(span, result)
