"""One call of a model, a tool or an agent: a `with` block that opens, describes and ends the library's invocation."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, overload

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span

from otel_ia import clock, semconv, values
from otel_ia.exceptions import message_of
from otel_ia.genai import library
from otel_ia.genai.answers import read_answer
from otel_ia.genai.facts import AllFacts, check, put, tell_of_wrong
from otel_ia.genai.streams import Stream
from otel_ia.guard import guarded
from otel_ia.once import warn_once
from otel_ia.recording import switch
from otel_ia.recording.callsite import unended
from otel_ia.recording.current import attach, get_current, leave
from otel_ia.recording.outcome import Outcome, note_told_by_block, outcome_of, record_outcome

T = TypeVar("T")


class Call:
    """What `inference` and its like return, for one `with`, in async code too. Nothing in it raises but wrong keywords.

    It ends as monitored calls end: an exception gives status, `error.type` and one `exception` event on the span that
    saw it first, and cancellation is no error.
    """

    __slots__ = ("_begin", "_facts", "_invocation", "_is_part_of_another", "_reasons", "_token")

    def __init__(self, begin: Callable[[Any], Any], facts: Mapping[str, object]) -> None:
        check(facts)
        tell_of_wrong(facts)
        self._begin: Final = begin
        self._facts: Final = facts
        self._invocation: Any = None
        self._is_part_of_another = False
        self._reasons: dict[int, str] = {}
        self._token: Token[Context] | None = None

    @property
    def span(self) -> Span:
        """OpenTelemetry's own span of the call."""
        span: Span = self._invocation.span if self._invocation is not None else trace.INVALID_SPAN
        return span

    def record(self, answer: object = None, /, **facts: Unpack[AllFacts]) -> None:
        """Puts on the span what is known by now: what the answer says of itself, and over it what is said here.

        Args:
            answer: what the provider's client returned, or its JSON: its id, model, finish reasons and tokens are
                taken; its text only where content is captured. That it says nothing of it is told once.
            facts: each may be said again, the last one counts. Whatever values they are, they become legal ones, and
                what is no number or no text and should be is told once; what the conventions do not have for this kind
                of call is left out.

        Raises:
            TypeError: a keyword is none of these.
        """
        check(facts)
        tell_of_wrong(facts)
        if self._invocation is not None:
            self._put(answer, facts)

    @overload
    def stream(self, chunks: AsyncIterable[T], /) -> AsyncIterator[T]: ...
    @overload
    def stream(self, chunks: Iterable[T], /) -> Iterator[T]: ...
    def stream(self, chunks: Any, /) -> Any:
        """The same chunks, to be read inside the `with`; the times between them are taken, and none is kept.

        What they say of the answer is recorded as it comes: the last one mostly has the tokens, where they were asked
        for. Chunks that say nothing, such as texts, are as welcome.
        """
        return Stream[Any](chunks, self._note_chunk)

    def __enter__(self) -> Self:
        outside = get_current()
        self._open()
        if self._token is None and get_current() is not outside:  # the recursion limit came in between
            attach(outside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        token, self._token = self._token, None
        is_told = None
        try:
            if token is not None:
                is_told = self._close(error)
        finally:
            if token is not None:
                leave(token)
        if is_told is None and self._invocation is not None and not self._is_part_of_another:
            unended.append((self.span, clock.wall(), type(error)))
        if error is not None and is_told:
            note_told_by_block(trace.get_current_span(), error)

    @guarded
    def _open(self) -> None:
        self._invocation = None
        if switch.is_off:
            return
        outside = trace.get_current_span()
        invocation = self._invocation = self._begin(library.handler())
        self._is_part_of_another = invocation.span is outside
        # from here on by our own hands, which a token of another context does not make log an error
        invocation.suspend()
        self._reasons = {}
        self._token = attach(invocation.context)
        if self._facts:
            self._put(None, self._facts)

    @guarded
    def _close(self, error: BaseException | None) -> bool:
        invocation, outcome = self._invocation, outcome_of(error)
        is_told = False
        if error is not None and not self._is_part_of_another:  # the whole may come to a good end without this part
            is_told = record_outcome(invocation.span, outcome, error, clock.wall())
        if error is not None and outcome is Outcome.ERROR:
            error_type = values.qualified_name(type(error))
            invocation.fail(library.failure(message_of(error) or error_type, error_type))
            return is_told
        if outcome is not Outcome.OK:
            invocation.metric_attributes[semconv.OUTCOME] = outcome.value
        invocation.stop()
        return False

    @guarded
    def _put(self, answer: object, facts: Mapping[str, object]) -> None:
        invocation = self._invocation
        if answer is not None:
            read = read_answer(answer, self._reasons, with_content=invocation.should_capture_content)
            facts = {**(read or {}), **facts}
        if not facts:
            kind = values.qualified_name(type(answer))
            warn_once(f"call.record(…) of {kind}", "says nothing of the call: nothing is recorded")
        put(invocation, facts)

    @guarded
    def _note_chunk(self, chunk: object) -> None:
        invocation = self._invocation
        if invocation is not None:
            read = read_answer(chunk, self._reasons, with_content=False)
            if read:
                put(invocation, read)
            invocation.record_stream_chunk()
