"""The fields bound in a context, under a key of OpenTelemetry's own contexts, so that they go wherever those go."""

from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context, create_key

from otel_ia.recording.current import put_in_context
from otel_ia.values import Value

BOUND_KEY: Final = create_key("otel_ia.bound")
"""Under which a context holds its bound fields: a mapping that nobody changes, absent where there are none."""


def bound_in(context: Mapping[str, object]) -> Mapping[str, Value] | None:
    """The fields bound in this context, legal as attributes; `None` where there are none."""
    return context.get(BOUND_KEY)  # type: ignore[return-value] # nobody else has the key


def with_fields(context: Context, fields: Mapping[str, Value], *, is_propagated: bool) -> Context:
    """The context with these fields over those it has, and in its baggage if they are to be propagated."""
    if is_propagated:
        from opentelemetry import baggage

        for name, value in fields.items():
            context = baggage.set_baggage(name, str(value), context)
    made = Context(context)
    put_in_context(made, BOUND_KEY, {**(bound_in(context) or {}), **fields})
    return made
