"""States laid on each other, of which the topmost counts."""

from collections.abc import Callable
from typing import Generic, TypeVar

from otel_ia.forks import ProcessLock
from otel_ia.undo import Undo

S = TypeVar("S")


class Stack(Generic[S]):
    """Tells `changed` the topmost state, or `None`, whenever another one comes to lie on top."""

    def __init__(self, changed: Callable[[S | None], None]) -> None:
        self._changed = changed
        self._states: list[tuple[bool, S]] = []
        self._changing = ProcessLock()

    def push(self, state: S, *, above_all: bool = False) -> Undo:
        """Lays the state on top, under those that are to stay above all; the undo takes it out wherever it lies."""
        entry = (above_all, state)
        with self._changing.here:
            before = self._top()
            self._states.append(entry)
            self._states.sort(key=lambda pair: pair[0])
            self._tell(before)

        def take_out() -> None:
            with self._changing.here:
                before = self._top()
                self._states = [other for other in self._states if other is not entry]
                self._tell(before)

        return Undo(take_out)

    def _top(self) -> S | None:
        return self._states[-1][1] if self._states else None

    def _tell(self, before: S | None) -> None:
        if self._top() is not before:
            self._changed(self._top())
