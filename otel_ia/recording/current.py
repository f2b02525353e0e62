"""OpenTelemetry's current context, read and set without the calls around it.

`opentelemetry.context` keeps it in a `ContextVar`, which the token of its `attach` names publicly. Where another
runtime context is configured, whose tokens name none, the API's own functions serve.
"""

from collections.abc import Callable
from contextvars import ContextVar, Token, copy_context
from typing import Any, Final

from opentelemetry import context as api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, set_span_in_context


def _find_variable() -> ContextVar[Context] | None:
    probe = Context()
    token = api.attach(probe)
    try:
        variable = getattr(token, "var", None)
        return variable if isinstance(variable, ContextVar) and variable.get() is probe else None
    finally:
        api.detach(token)


_variable: Final = _find_variable()

SPAN_KEY: Final[str] = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""Under which a context holds its span."""

# A method of the variable is a tenth of the API's function: 40 of 300 ns.
get_current: Final[Callable[[], Context]] = api.get_current if _variable is None else _variable.get


put: Final[Callable[[Context], Token[Context]]] = api.attach if _variable is None else _variable.set
"""Makes a context current, for `reset`. Only in the middle of what `hold` begins."""
reset: Final[Callable[[Token[Context]], None]] = api.detach if _variable is None else _variable.reset
"""Raises ValueError for a token of another `contextvars.Context`. Only in the middle of what `hold` begins."""

hold: Final = copy_context
"""To be called before `put` and `reset`, what it returns alive until they return.

Before Python 3.12 a collection may run in the middle of `ContextVar.set`. If a finalizer then sets the variable too,
the map that the outer call still works on is freed, and the interpreter crashes. A copy of the context keeps that map;
it costs 25 ns, and a function around the three another 40.
"""


def context_here(span: Span) -> SpanContext:
    """Its context, to stay in this process: to ask one of our spans for it may say that its trace goes on elsewhere."""
    found: SpanContext = getattr(span, "get_context_here", span.get_span_context)()
    return found


def attach(context: Context) -> Token[Context]:
    """Makes a context current, until `leave`."""
    held = hold()  # noqa: F841
    return put(context)


def leave(token: Token[Context]) -> None:
    """Makes current again what was before the token's `attach`.

    Does nothing where the token is of another `contextvars.Context`: there the call was never current. OpenTelemetry's
    `detach` would log an error.
    """
    held = hold()  # noqa: F841
    try:  # noqa: SIM105 - a quarter of the price of `contextlib.suppress`, in every call
        reset(token)
    except ValueError:
        pass


# A context, read only to others, is filled with the methods of `dict`.
copy_into: Final[Callable[[Any, Context], None]] = dict.update
put_in_context: Final[Callable[[Any, str, object], None]] = dict.__setitem__
put_first: Final[Callable[[Any, str, object], object]] = dict.setdefault
"""Where the key is not there yet; half the price of `put_in_context`."""


def context_of(span: Span, current: Context) -> Context:
    """The current context with this span in it."""
    made = Context(current)
    put_in_context(made, SPAN_KEY, span)
    return made
