"""The work that both sides do: calls that do nothing, and typical ones.

A typical span has four attributes fixed at its call site, four of its own (a text that never repeats, an integer, a
float, a boolean) and an event with two.
"""

import itertools
from collections.abc import Callable
from typing import Any, Final, Literal

from opentelemetry import trace

Kind = Literal["bare", "typical"]
MODEL: Final = {"ia.model.name": "resnet-50"}
FIXED: Final[dict[str, Any]] = {
    "code.function.name": "app.models.predict",
    "code.file.path": "/srv/app/models.py",
    "code.line.number": 120,
    **MODEL,
}
"""With what `monitor` says of the place of a function by itself, four."""
_numbers: Final = itertools.count()


def nothing() -> None:
    """A call that does nothing."""


def own_attributes(number: int) -> dict[str, Any]:
    return {
        "gen_ai.response.id": f"chatcmpl-{number:08d}",
        "gen_ai.usage.output_tokens": number % 4_000,
        "ia.score": number / 7,
        "ia.cached": number % 2 == 0,
    }


def event_attributes(number: int) -> dict[str, Any]:
    return {"ia.stream.items": number % 500, "gen_ai.response.finish_reason": "stop"}


def describe(span: trace.Span) -> None:
    """Puts on the span what a typical one has of its own."""
    number = next(_numbers)
    span.set_attribute("gen_ai.response.id", f"chatcmpl-{number:08d}")
    span.set_attribute("gen_ai.usage.output_tokens", number % 4_000)
    span.set_attribute("ia.score", number / 7)
    span.set_attribute("ia.cached", number % 2 == 0)
    span.add_event("finished", event_attributes(number))


def typical() -> None:
    """A call that describes itself."""
    describe(trace.get_current_span())


def with_the_sdk(tracer: trace.Tracer, kind: Kind = "bare") -> Callable[[], object]:
    """The same work as somebody writes it who has nothing but the SDK."""

    def bare() -> None:
        with tracer.start_as_current_span("predict"):
            pass

    def described() -> None:
        with tracer.start_as_current_span("predict", attributes=FIXED) as span:
            describe(span)

    return bare if kind == "bare" else described


def with_monitor(kind: Kind = "bare") -> Callable[[], object]:
    """The work with our decorator."""
    from otel_ia import monitor

    return monitor(nothing) if kind == "bare" else monitor("predict", attributes=MODEL)(typical)
