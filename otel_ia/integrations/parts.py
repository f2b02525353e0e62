"""What is to be monitored of an object, and of what lies in it: which methods, under which names, and what is said."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from otel_ia import semconv
from otel_ia.capture.parts import SCRATCH
from otel_ia.capture.views import view_of
from otel_ia.values import Value

Describe: TypeAlias = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], dict[str, Value]]
"""Given the object and the arguments of a call: the attributes of its span."""

_ARGUMENTS: Final = 16
"""Arguments that are looked at for a batch and a device."""


def describe_values(given: Iterable[object]) -> dict[str, Value]:
    """Size of the batch and device of the first values that have any; nothing is read from a device."""
    told: dict[str, Value] = {}
    for value in itertools.islice(given, _ARGUMENTS):
        seen: dict[str, Any] = {}
        size = view_of(type(value)).view(value, SCRATCH, seen)
        if size is not None:
            told.setdefault(semconv.BATCH_SIZE, size)
        if SCRATCH.device in seen:
            told.setdefault(semconv.DEVICE, seen[SCRATCH.device])
    return told


def describe_arguments(_target: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Value]:
    """Of the arguments, in the order in which they are given."""
    return describe_values((*args, *kwargs.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An object, and which of its methods become spans."""

    target: Any
    name: str
    """What the names of its spans begin with."""
    model: str
    stages: Mapping[str, str | None]
    """The methods to look for, each with what is done there."""
    describe: Describe = describe_arguments
    stands_for: Mapping[str, str] = field(default_factory=dict)
    """The method that the user wrote, where another one is called: name, place and signature are that one's."""
    choose: Callable[[Any, Any], Any] | None = None
    """Given a method and its monitored form: what decides at each call which one it is. By default the monitored."""
