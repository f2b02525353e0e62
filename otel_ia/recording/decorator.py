"""The verb: `monitor`, one object that is decorator and context manager."""

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from functools import cached_property, partialmethod
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, overload

from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.trace import Span

from otel_ia.recording.callsite import Call
from otel_ia.recording.compiling import enter_nothing, exit_nothing, make_nothing, replace_when_compiled
from otel_ia.recording.current import hold, put, reset
from otel_ia.recording.kinds import decorate
from otel_ia.recording.lines import level_number
from otel_ia.recording.options import (
    KNOWN_NAMES,
    Options,
    attributes_of,
    flag_of,
    known_options,
    naming,
    seconds_of,
    share_of,
)
from otel_ia.recording.outcome import note_told_by_block

if TYPE_CHECKING:
    from otel_ia.capture.choice import Wish
    from otel_ia.recording.summaries import Reduce

T = TypeVar(
    "T", bound="Callable[..., Any] | property | classmethod[Any, Any, Any] | cached_property[Any] | partialmethod[Any]"
)


@overload
def monitor(
    target: T,
    /,
    *,
    attributes: Mapping[str, object] | None = None,
    log: str | int | None = None,
    slow_after: float | None = None,
    metrics: bool = True,
    reduce: "Reduce | None" = None,
    stage: str | None = None,
    model: str | None = None,
    model_version: str | None = None,
    capture: "Wish | None" = None,
    stats: bool = False,
    sample: float | None = None,
) -> T: ...
@overload
def monitor(
    name: str | None = None,
    /,
    *,
    attributes: Mapping[str, object] | None = None,
    log: str | int | None = None,
    slow_after: float | None = None,
    metrics: bool = True,
    reduce: "Reduce | None" = None,
    stage: str | None = None,
    model: str | None = None,
    model_version: str | None = None,
    capture: "Wish | None" = None,
    stats: bool = False,
    sample: float | None = None,
) -> "Monitor": ...
def monitor(
    target: Any = None,
    /,
    # keyword-only to type checkers; at run time such a parameter makes each call 30 ns slower
    attributes: Mapping[str, object] | None = None,
    **options: Any,  # by their names each would be asked for at each block, 5 ns
) -> Any:
    """Records every call of a function, or the run of a block, as a span.

    `@monitor`, `@monitor("name", …)`, `predict = monitor(model.predict)`, `with monitor("name", …) as span:`. It takes
    functions, coroutine functions, generators, async generators, methods, static and class methods, properties (above
    or below their decorators), lambdas, partials, any other callable, and whole classes (their public methods). The
    result has the type, signature and name of what was given.

    Args:
        target: what to monitor, or the span's name. Default name: the qualified name without `<locals>`.
        attributes: attributes of each span, legal ones as they are, others as `otel_ia.values` renders them.
        log: a logging level by name or number: a start line, a finish line with the seconds taken and, at ERROR, a
            line on failure, on the logger of the function's module, inside the span.
        slow_after: seconds; a longer call gets `ia.slow` = true, an `ia.slow` event and a WARNING line.
        metrics: whether calls are counted in `ia.call.duration` and `ia.call.active`.
        reduce: of a generator, a function of the summary so far (`None` at first) and an item that returns the summary,
            called for each item: `lambda usage, chunk: chunk.usage or usage` keeps the last usage. A mapping becomes
            attributes as it is, fields of a dataclass, named tuple or pydantic model become
            `ia.stream.summary.<field>`, anything else `ia.stream.summary`. Where it raises, the stream goes on.
        stage: what is done here, such as "inference": the attribute `ia.stage`.
        model: the model's name: `ia.model.name`.
        model_version: its version: `ia.model.version`.
        capture: what spans say of arguments and result: `"summary"` (type, shape, dtype, device, bytes, columns,
            length), `"values"` (the values too, but for arrays), names such as `("x", "return")` for the summaries of
            only these, a function of name and value that returns what to record, or `"none"`. Unset: as the setting
            of this name says, by default nothing. Functions only: a block has no arguments.
        stats: with summaries or values, also NaN, infinities, min, mean and max of small arrays in host memory.
        sample: from 0 to 1, the share of calls that is recorded where they begin a trace; inside of one they follow it.
            In place of what the sampler says, and of no effect with another library's tracer provider.

    Raises:
        TypeError: the target is neither a name nor anything that can be called, or no generator function and `reduce`
            is given.
        SettingError: an option is not what it should be, `capture` names an argument that there is not, or either it or
            `reduce` is given for a block.
    """
    if attributes is None and not options and type(target) is str:
        try:
            made = _idle[target]
        except KeyError:
            return _name_only(target)
        return made if made._open is None else _name_only(target)  # noqa: SLF001
    return _with_options(target, attributes, **options)


def _with_options(  # noqa: PLR0913 - what can be said of a call site
    target: Any = None,
    /,
    attributes: Mapping[str, object] | None = None,
    *,
    log: str | int | None = None,
    slow_after: float | None = None,
    metrics: bool = True,
    reduce: "Reduce | None" = None,
    stage: str | None = None,
    model: str | None = None,
    model_version: str | None = None,
    capture: "Wish | None" = None,
    stats: bool = False,
    sample: float | None = None,
) -> Any:
    given = known_options(
        target if isinstance(target, str) else None,
        None if log is None else level_number(log),
        seconds_of(slow_after) if slow_after is not None else None,
        flag_of(metrics),
        share_of(sample) if sample is not None else None,
    )
    if stage is not None or model is not None or model_version is not None:
        said = attributes_of(attributes) if attributes is not None else {}
        given = given.describing({**said, **naming(stage, model, model_version)})
    elif attributes is not None:
        given = given.describing(attributes_of(attributes))
    if capture is not None or stats is not False:
        from otel_ia.capture.choice import read_choice

        given = given.capturing(read_choice(capture, stats=stats))
    if reduce is not None:
        from otel_ia.recording.summaries import Reduction

        given = given.reducing(Reduction(reduce))
    made = Monitor(given)
    return made if target is None or isinstance(target, str) else made(target)


_with_options.__qualname__ = "monitor"  # in the errors of wrong arguments
monitor.__wrapped__ = _with_options  # type: ignore[attr-defined]  # whose signature `inspect` and `help` show


_idle: "Final[dict[str, Monitor]]" = {}
"""By name, without options: what was made last, and mostly serves again. It saves an object a block, 90 ns."""


def _name_only(name: str) -> "Monitor":
    if len(_idle) >= KNOWN_NAMES:
        _idle.clear()
    made = _idle[name] = Monitor(known_options(name, None, None, True, None))
    return made


_Block: TypeAlias = tuple[int, Call | None, Any]
"""A block that runs now: its frame's id, its call, and the token that takes it back."""


class Monitor:
    """What `monitor(…)` returns: a decorator, and a context manager giving the block's span.

    One object may be entered again while it is open, by nested blocks, threads and tasks alike.
    """

    __slots__ = ("_given", "_more", "_open")

    def __init__(self, given: Options) -> None:
        self._given: Final = given
        self._open: _Block | None = None
        """The open block; from the first time on that there are two, for good, none of them."""
        self._more: list[_Block] | None = None
        """From then on all that are open."""

    def __call__(self, target: T, /) -> T:
        """The target with a span around each call."""
        is_disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        if is_disabled and self._given.log is None and self._given.slow_after is None:
            return target
        if inspect.isclass(target):
            if self._given.reduction is not None:
                raise TypeError("reduce is for one generator function, no whole class")
            from otel_ia.recording.classes import monitor_class

            return monitor_class(target, self._decorate_member)
        decorated: T = decorate(target, self._given.at, self._given.reduction)
        return decorated

    def _decorate_member(self, member: Any, name: str) -> Any:
        prefix = self._given.name
        return decorate(member, self._given.named(f"{prefix}.{name}" if prefix else None).at)

    def __enter__(self) -> Span:
        frame = _frame_above(1)
        given = self._given
        code, instruction, site = given.blocks.latest
        if frame.f_code is not code or frame.f_lasti != instruction:
            site = given.at_block(frame)
        call = site.open(given.attributes) if site is not None else None
        if call is None:
            self._keep((id(frame), None, None))
            return trace.INVALID_SPAN
        held = hold()  # noqa: F841 - what `attach` does, without its call
        token = put(call.inside)
        block = id(frame), call, token
        if self._open is None:  # no call from here to the next line, so no other thread gets in between
            self._open = block
        else:
            self._keep(block)
        return call if call.is_span else call.span  # type: ignore[return-value]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._more is None:  # no call from here to the line after the next
            block = self._open
            self._open = None
        else:
            block = self._take_ending(id(_frame_above(1)))
        _, call, token = block or _NO_BLOCK
        if call is None:
            return
        call.close(error)
        held = hold()  # noqa: F841 - what `leave` does, without its call
        try:  # noqa: SIM105
            reset(token)
        except ValueError:
            pass
        if error is not None and call.is_told:
            note_told_by_block(trace.get_current_span(), error)

    def _keep(self, block: _Block) -> None:
        blocks = self._more
        if blocks is None:
            first = self._open
            if first is None:
                self._open = block
                return
            blocks = self._more = [first]
            self._open = _NO_BLOCK
        blocks.append(block)

    def _take_ending(self, frame: int) -> _Block:
        """The one of the open blocks that ends: the last that began in this frame, for a `with` begins and ends in one.

        An `ExitStack` ends its blocks in another; then it is the one whose context is current.
        """
        blocks = self._more or []
        inside = get_current()
        block = (
            next((block for block in blocks[::-1] if block[0] == frame), None)
            or next((block for block in blocks[::-1] if block[1] is not None and block[1].inside is inside), None)
            or (blocks[-1] if blocks else _NO_BLOCK)
        )
        if block in blocks:
            blocks.remove(block)
        return block


replace_when_compiled(Monitor.__enter__, enter_nothing)
replace_when_compiled(Monitor.__exit__, exit_nothing)
replace_when_compiled(_with_options, make_nothing)
replace_when_compiled(_name_only, make_nothing)

_NO_BLOCK: Final[_Block] = (0, None, None)
_frame_above: Final = sys._getframe  # noqa: SLF001 - the caller's place
