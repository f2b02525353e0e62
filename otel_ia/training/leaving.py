"""Whether an exception has left a loop, which its iterator is not told.

`break` and an exception look alike to it: it is dropped, and a generator that is dropped is closed. The exception in
flight it cannot see. `sys.exception()` is the one being handled
(https://docs.python.org/3/library/sys.html#sys.exception), and the one in flight is put aside before a finalizer runs
(https://docs.python.org/3/c-api/typeobj.html#c.PyTypeObject.tp_finalize). But it sees the frames above it, and at which
instruction each stands. While the body of a `for` runs, the iterator stays on the stack of its frame
(https://docs.python.org/3/library/dis.html#opcode-FOR_ITER). A loop that is left in order takes it off there with an
instruction that lets go of a value: POP_TOP, POP_ITER. Where the frame stands at any other one of the body while the
iterator is dropped, that one has raised.

So a loop notes where it stands when it asks for its first item, and looks there again when it is closed. What is not
certain is not claimed: an iterator that the program keeps, as a generator expression does, outlives its loop, or is
closed by its owner; what is written in C drops it in silence, at its end (`itertools.islice`) or when it raises
(`map`); what a generator function around the loop raises again, in `finally` or by a bare `raise`, may be its own
GeneratorExit. Nor are KeyboardInterrupt and SystemExit told from errors. Other interpreters drop nothing at once.
"""

import dis
import functools
import opcode
import sys
from collections.abc import Iterator
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import CodeType, FrameType
from typing import Any, Final, TypeVar
from weakref import ref

from otel_ia.guard import guarded
from otel_ia.recording.outcome import UnseenError

T = TypeVar("T")

_RESUMED: Final = CO_COROUTINE | CO_ASYNC_GENERATOR
_frame_above: Final = sys._getframe  # noqa: SLF001 - where a loop stands

_WAITING: Final = frozenset({"FOR_ITER", "SEND"})
"""Where a frame stands that asks for an item: `for` and `yield from`."""
_LETTING_GO: Final = frozenset(
    name
    for name in opcode.opname
    if name in {"POP_TOP", "POP_ITER", "POP_EXCEPT", "END_FOR", "END_SEND", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"}
    or name.startswith(("STORE_FAST", "DELETE_FAST", "DELETE_NAME", "DELETE_GLOBAL", "DELETE_DEREF", "RETURN_"))
)
"""They drop a value and do not raise. Each Python from 3.11 to 3.14 has some of them."""
_PASSING: Final = frozenset({"YIELD_VALUE", "RESUME", "CLEANUP_THROW", "JUMP_BACKWARD_NO_INTERRUPT", "RERAISE"})
"""Where a generator or coroutine stands that an exception was thrown into, GeneratorExit too, or that passes one on."""


class Loop:
    """The loop that goes through an iterator of ours, as far as is known where it stands."""

    __slots__ = ("_is_direct", "_iterator", "_places")

    def __init__(self) -> None:
        self._iterator: ref[object] | None = None
        self._places: dict[int, tuple[CodeType, int]] = {}
        """Where the frames stood that waited for the first item. Known by their ids, for references would keep all that
        is in them alive."""
        self._is_direct = False
        """Whether nothing but a `for` can close the iterator, by dropping it; `yield from` calls its `close`."""

    def over(self, iterator: Iterator[T]) -> Iterator[T]:
        """The iterator, which is to call `begin` before its first item."""
        self._iterator = ref(iterator)
        return iterator

    @guarded
    def begin(self) -> None:
        """Notes where the loop stands: the frames above the iterator's that wait for its first item."""
        frame = _above_iterator(_frame_above(0)) if sys.implementation.name == "cpython" else None
        while frame is not None:
            name, at, _ = _instruction(frame)
            if name not in _WAITING:
                return
            if not self._places:
                self._is_direct = name == "FOR_ITER"
            self._places[id(frame)] = frame.f_code, at
            if not frame.f_code.co_flags & CO_GENERATOR:
                return
            frame = frame.f_back

    def reason(self, thrown: BaseException) -> BaseException:
        """What the loop was left by, when this was thrown at its iterator's `yield`."""
        return (self._unseen() or thrown) if type(thrown) is GeneratorExit else thrown

    @guarded
    def _unseen(self) -> BaseException | None:
        # one that is dropped has no weak references any more: somebody has called the `close` of this one
        if not self._places or (self._is_direct and self._iterator is not None and self._iterator() is not None):
            return None
        frame = self._left_by_exception(_above_iterator(_frame_above(0)))
        if frame is None:
            return None
        name, _, argument = _instruction(frame)
        is_awaiting = frame.f_code.co_flags & _RESUMED and (name == "SEND" or _is_passing(name, argument))
        task = _current_task() if is_awaiting else None
        return sys.modules["asyncio"].CancelledError() if task is not None and task.cancelling() else UnseenError()

    def _left_by_exception(self, frame: FrameType | None) -> FrameType | None:
        """The frame that an exception passes, which has dropped the iterator."""
        while frame is not None:
            code, waited_at = self._places.get(id(frame), (None, 0))
            if code is not frame.f_code:
                return None
            name, at, argument = _instruction(frame)
            if not _is_passing(name, argument):
                return frame if name not in _LETTING_GO and _is_in_body(code, waited_at, at) else None
            if not code.co_flags & CO_GENERATOR:
                is_resumed = not code.co_flags & CO_ASYNC_GENERATOR and _is_awaited(frame)
                return frame if is_resumed or not code.co_flags & _RESUMED else None
            frame = frame.f_back  # it is closed itself, as far as one can see
        return None


def looping_frame(frame: FrameType | None) -> FrameType | None:
    """The first frame above that is no generator's: those that wrap a loop are left before the exception passes."""
    while frame is not None and frame.f_code.co_flags & CO_GENERATOR:
        frame = frame.f_back
    return frame


def _above_iterator(frame: FrameType) -> FrameType | None:
    """The frame above the iterator's, which is the first generator's."""
    iterator = frame
    while not iterator.f_code.co_flags & CO_GENERATOR:
        assert iterator.f_back is not None
        iterator = iterator.f_back
    return iterator.f_back


def _instruction(frame: FrameType) -> tuple[str, int, int]:
    """Name, place and argument of the instruction at which the frame stands; as compiled, not as specialized."""
    code, at = frame.f_code.co_code, frame.f_lasti
    while at > 0 and not code[at]:  # in its cache, when it has called or resumed another frame: before Python 3.13
        at -= 2
    return opcode.opname[code[at]], at, code[at + 1]


def _is_passing(name: str, argument: int) -> bool:
    """Whether a generator or coroutine that stands there may only pass on what came from outside, or from below."""
    return name in _PASSING or (name == "RAISE_VARARGS" and not argument)


def _is_in_body(code: CodeType, loop: int, at: int) -> bool:
    """Whether an instruction is in the body of a `for`, or in a handler of exceptions that may be.

    All handlers stand behind the code that runs without an exception, and each begins alike.
    """
    end, first_handler = _end_and_handlers(code, loop)
    return loop < at < end or 0 <= first_handler <= at


@functools.lru_cache(256)  # 1.7 ms where the function has 300 lines
def _end_and_handlers(code: CodeType, loop: int) -> tuple[int, int]:
    end: int = next(found.argval for found in dis.get_instructions(code) if found.offset == loop)
    return end, code.co_code[::2].find(opcode.opmap["PUSH_EXC_INFO"], end // 2) * 2


def _is_awaited(coroutine: FrameType) -> bool:
    """Whether a coroutine that an exception passes was resumed with it, and is not being closed."""
    above = coroutine.f_back
    if above is not None and above.f_code.co_flags & _RESUMED:
        name, _, argument = _instruction(above)
        if name in {"SEND", "YIELD_VALUE", "CLEANUP_THROW"} or (name == "RESUME" and argument & 3):
            return True
    task = _current_task()
    return task is not None and getattr(task.get_coro(), "cr_frame", None) is coroutine


def _current_task() -> Any:
    asyncio: Any = sys.modules.get("asyncio")  # who has not imported it has no tasks
    try:
        return asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no event loop runs here
        return None
