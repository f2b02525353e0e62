"""Lowest levels: of loggers and of outputs, set and taken back in any order."""

import logging
from collections.abc import Callable
from typing import Final, Literal, Protocol, TypeAlias, TypeVar

from otel_ia.errors import SettingError
from otel_ia.forks import ProcessLock

Output: TypeAlias = Literal["console", "file", "otlp"]


class HasFloor(Protocol):
    """An output that leaves out what is below a severity."""

    lowest: int


F = TypeVar("F", bound=HasFloor)


class _Levels:
    """What was set for one logger, the latest last, and what it had before."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.set: list[tuple[object, int]] = []


_changing: Final = ProcessLock()
_of_loggers: Final[dict[str, _Levels]] = {}


def set_logger_level(name: str, level: int) -> Callable[[], None]:
    """Sets the lowest level of a logger, the empty name's of all; returns the undo.

    A level that the user sets afterwards stays.
    """
    logger, mine = logging.getLogger(name or None), object()
    with _changing.here:
        levels = _of_loggers.setdefault(name, _Levels(logger.level))
        levels.set.append((mine, level))
        logger.setLevel(level)

    def undo() -> None:
        with _changing.here:
            kept = [entry for entry in levels.set if entry[0] is not mine]
            if len(kept) == len(levels.set):
                return
            is_untouched = logger.level == levels.set[-1][1]
            levels.set[:] = kept
            if is_untouched:
                logger.setLevel(kept[-1][1] if kept else levels.before)
            if not kept:
                _of_loggers.pop(name, None)

    return undo


class OutputLevels:
    """The outputs of a configuration, whose lowest severities can be set."""

    def __init__(self) -> None:
        self._outputs: dict[Output, list[HasFloor]] = {}
        self._set: dict[Output, list[tuple[object, int]]] = {}

    def add(self, output: Output, floor: F, level: int | None) -> F:
        """Counts this among what the output's name stands for; returns it, with its level."""
        self._outputs.setdefault(output, []).append(floor)
        self._set.setdefault(output, [(None, level or 0)])
        floor.lowest = severity_of(level or 0)
        return floor

    def set(self, output: Output, level: int) -> Callable[[], None]:
        """Sets the lowest level of an output; returns the undo. SettingError where this configuration has none."""
        if output not in self._outputs:
            expected = "an output that is configured: " + (", ".join(self._outputs) or "there is none")
            raise SettingError(source="set_level", key="output", value=output, expected=expected)
        mine = object()
        self._set[output].append((mine, level))
        self._apply(output)

        def undo() -> None:
            self._set[output] = [entry for entry in self._set[output] if entry[0] is not mine]
            self._apply(output)

        return undo

    def _apply(self, output: Output) -> None:
        for floor in self._outputs[output]:
            floor.lowest = severity_of(self._set[output][-1][1])


def severity_of(level: int) -> int:
    """The number of OpenTelemetry's severity of a logging level."""
    from otel_ia.sdk.records import severity_number

    return int(severity_number(level).value)
