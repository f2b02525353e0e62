"""A span that is current in code that is not called from here: what a loop runs between two of its items.

The context is set where the loop's iterator gives an item, and taken back where it is asked for the next one or closed.
That is nearly always the same thread and task, in the reverse order. It need not be: an iterator can be kept, handed
to another thread, closed by the garbage collector, or two can alternate, as under `zip`. Where a context cannot be
taken back, it is made to say what is said outside of the run, so that no span that has ended stays current anywhere.
"""

from collections.abc import Mapping
from contextvars import Token
from typing import Any, Final

from opentelemetry.context import Context, create_key
from opentelemetry.trace import INVALID_SPAN, Span

from otel_ia.guard import guarded
from otel_ia.recording.callsite import Call, CallSite
from otel_ia.recording.current import attach, copy_into, get_current, hold, leave, put, put_in_context, reset
from otel_ia.values import Value

PROGRESS_KEY: Final = create_key("otel_ia.training")
"""Under which a context holds the progress of the training run that it is a part of."""
OUTSIDE_KEY: Final = create_key("otel_ia.training.outside")
"""Under which it holds the context around the outermost run."""


class Level:
    """A run, an epoch or a step that is open: its call, and the context inside it."""

    __slots__ = ("_around", "_outside", "_token", "call", "inside")

    def __init__(self, call: Call | None, around: Context, inside: Any) -> None:
        self.call = call
        self.inside = inside
        self._around = around
        outside: Any = around.get(OUTSIDE_KEY)
        self._outside: Context = around if outside is None else outside
        self._token: Token[Context] | None = None
        put_in_context(inside, OUTSIDE_KEY, self._outside)

    @property
    def span(self) -> Span:
        """Its span; an invalid one where nothing is recorded."""
        return self.call.span if self.call is not None else INVALID_SPAN

    def enter(self) -> None:
        """Makes its context current, until `close`."""
        held = hold()  # noqa: F841 - see `current.hold`
        self._token = put(self.inside)

    def close(self, error: BaseException | None) -> None:
        """Takes its context back and ends its call."""
        token, self._token = self._token, None
        if token is not None:
            self._leave(token)
        if self.call is not None:
            self.call.close(error)

    def _leave(self, token: Token[Context]) -> None:
        self.inside.left_for = self._around
        if get_current() is not self.inside or not _is_reset(token):
            _make_alike(self.inside, self._outside)
        # what was current before may have been left in the meantime
        before: Any = get_current()
        current = before
        while (around := getattr(current, "left_for", None)) is not None:
            current = around
        if current is not before:
            attach(current)


def _is_reset(token: Token[Context]) -> bool:
    held = hold()  # noqa: F841
    try:
        reset(token)
    except ValueError:  # it is current here too, but was set elsewhere: this is a copy
        return False
    return True


def open_level(site: CallSite, around: Context, progress: object, own: Mapping[str, Value] | None) -> Level:
    """A level with a call of this site inside the context around it; not current yet."""
    call = _open(site, around, own)
    made: Any = call.inside if call is not None else None
    inside = made if made is not None else Context(around)
    put_in_context(inside, PROGRESS_KEY, progress)
    return Level(call, around, inside)


@guarded
def _open(site: CallSite, around: Context, own: Mapping[str, Value] | None) -> Call | None:
    if get_current() is around:
        return site.open(own)
    token = attach(around)
    try:
        return site.open(own)
    finally:
        leave(token)


def announce(span: Any) -> None:
    """Keeps what is known of the span by now, for the case that the process dies while it is open."""
    again = getattr(span, "announce", None)  # a span of another library's has none
    if again is not None:
        again()


@guarded
def _make_alike(context: Any, other: Context) -> None:
    """Changes a context, which is read only to others, in place."""
    copy_into(context, other)
    for key in context.keys() - other.keys():
        dict.pop(context, key, None)
