"""How a change of the world is taken back."""

from collections.abc import Callable
from typing import Self


class Undo:
    """Takes back one change of the world; callable, usable as `with`, harmless when used twice."""

    def __init__(self, undo: Callable[[], None]) -> None:
        self._undo: Callable[[], None] | None = undo

    def __call__(self) -> None:
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self()
