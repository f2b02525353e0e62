"""What one call site captures: worked out when it is decorated, so that a call needs only to look at its values."""

import inspect
import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.trace import Span

from otel_ia import semconv, values
from otel_ia.capture.choice import Choice
from otel_ia.capture.contents import ask, put_answer, put_value
from otel_ia.capture.parts import RESULT, RESULT_PARTS, SCRATCH, Parts, parts_of_argument
from otel_ia.capture.statistics import add_statistics
from otel_ia.capture.views import view_of, views
from otel_ia.errors import SettingError
from otel_ia.guard import guarded
from otel_ia.values import Allowance

ARGUMENTS: Final = 64
"""Arguments of a call that are looked at; each further one is counted in `ia.capture.omitted`."""
ATTRIBUTES: Final = 96
"""Attributes that the arguments of a call may have; those beyond are counted there too."""
_SURE: Final = ATTRIBUTES // 7
"""So many arguments never have more: six of a view at most, and the size of the batch."""
_KEYWORDS: Final = 256
_OWN: Final = frozenset(["self", "cls"])
_BY_POSITION: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Plan:
    """The names that a call's values go by, fixed, and what is to be said of each."""

    __slots__ = (
        "_choice",
        "_is_plain",
        "_keywords",
        "_positional",
        "_rest",
        "has_result",
        "is_all_plain",
        "kinds",
    )

    def __init__(
        self, choice: Choice, positional: tuple[str | None, ...], keywords: tuple[str, ...], rest: str | None
    ) -> None:
        self.kinds = positional, keywords, rest
        self._choice = choice
        self._positional = tuple(self._parts(name) for name in positional[:ARGUMENTS])
        self._keywords = {name: self._parts(name) for name in keywords}
        self._rest = rest
        """What stands before the number of each further value; `None` where there can be none."""
        self._is_plain = choice.mode == "summary" and not choice.stats
        self.is_all_plain = choice.mode == "summary"
        """Whether all attributes of the arguments are texts and numbers."""
        self.has_result = choice.names is None or RESULT in choice.names
        """Whether the result is captured."""

    def __reduce__(self) -> tuple[type["Plan"], tuple[Any, ...]]:
        return Plan, (self._choice, *self.kinds)

    def _parts(self, name: str | None) -> Parts | None:
        chosen = self._choice.names
        is_chosen = name is not None and (chosen is None or name.partition(".")[0] in chosen)
        return parts_of_argument(name or "") if is_chosen else None

    def describe(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes of a call with these arguments, a new mapping.

        What takes longer than type and shape, all of them share: values, statistics, names of columns and fields. What
        comes after it is used up is told by type and shape, or by type. The result has a share of the same size.
        """
        into: dict[str, Any] = {}
        batch: int | None = None
        beyond = 0
        allowance: Allowance | None = None
        given: Iterable[tuple[Any, Parts | None]] = zip(args, self._positional, strict=False)
        if kwargs or len(args) > len(self._positional):
            given = itertools.islice(itertools.chain(given, self._further(args, kwargs)), ARGUMENTS)
            if len(args) + len(kwargs) > ARGUMENTS:
                beyond = self._count_beyond(args, kwargs)
        is_plain = self._is_plain
        for value, parts in given:
            if parts is not None:
                # The look-up stands here because a call for each value would take 100 ns.
                view = views.get(id(type(value))) if is_plain else None
                if view is not None:
                    size = view(value, parts, into)
                else:
                    allowance = allowance or Allowance()
                    size = self._put(value, parts, into, allowance, is_for_batch=batch is None)
                if batch is None:
                    batch = size
        if batch is not None and self._choice.finds_batch:
            into[semconv.BATCH_SIZE] = batch
        if beyond or (len(into) > _SURE and len(into) > ATTRIBUTES):
            _trim(into, beyond)
        return into

    def _count_beyond(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        """How many arguments after those that are looked at would be told of; in a time that they do not lengthen."""
        chosen = self._choice.names
        if chosen is None:
            return len(args) + len(kwargs) - ARGUMENTS
        names = self.kinds[0]
        named = sum(name in chosen for name in names[ARGUMENTS : len(args)])
        further = max(0, len(args) - max(ARGUMENTS, len(names)))
        rest = further if self._rest is not None and self._rest.removesuffix(".") in chosen else 0
        looked_at = set(itertools.islice(kwargs, max(0, ARGUMENTS - len(args))))
        return named + rest + sum(name in kwargs and name not in looked_at for name in chosen)

    def _further(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterable[tuple[Any, Parts | None]]:
        first = len(self._positional)
        if self._rest is not None:
            for number, value in enumerate(itertools.islice(args, first, first + ARGUMENTS)):
                yield value, self._named(f"{self._rest}{number}")
        for name, value in itertools.islice(kwargs.items(), ARGUMENTS):
            yield value, self._named(name)

    def _named(self, name: str) -> Parts | None:
        try:
            return self._keywords[name]
        except KeyError:
            if len(self._keywords) >= _KEYWORDS:
                return self._parts(name)
            parts = self._keywords[name] = self._parts(name)
            return parts

    def batch_size(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int | None:
        """The size of the batch alone, for a call of which nothing else is recorded."""
        if not self._choice.finds_batch:
            return None
        given = itertools.chain(zip(args, self._positional, strict=False), self._further(args, kwargs))
        for value, parts in itertools.islice(given, ARGUMENTS):
            if parts is not None:
                size = view_of(type(value)).view(value, SCRATCH, {})
                if size is not None:
                    return size
        return None

    def result_attributes(self, result: Any) -> dict[str, Any]:
        """The attributes of a call that returned this; of `None` there are none."""
        into: dict[str, Any] = {}
        if self.has_result and result is not None:
            self._put(result, RESULT_PARTS, into, Allowance(), is_for_batch=False)
        return into

    @guarded
    def describe_result(self, span: Span, result: Any) -> None:
        """Puts the same on the span of the call. Never raises."""
        if span.is_recording() and (told := self.result_attributes(result)):
            span.set_attributes(told)

    def _put(
        self, value: Any, parts: Parts, into: dict[str, Any], allowance: Allowance, *, is_for_batch: bool
    ) -> int | None:
        choice = self._choice
        found = view_of(type(value))
        size: int | None = None
        is_viewed = not found.units or allowance.take_for_view(found.units)
        if choice.function is not None:
            if is_viewed and is_for_batch:
                size = found.view(value, SCRATCH, {})
            self._ask(choice.function, value, parts, into, allowance)
        elif not is_viewed:
            into[parts.type] = found.name
        elif choice.mode == "summary" or found.is_array or allowance.left <= 0:
            view = found.view if is_for_batch else found.short or found.view
            size = view(value, parts, into)
            if found.more is not None:
                found.more(value, parts, into, allowance)
        else:
            size = found.view(value, SCRATCH, {}) if is_for_batch else None
            put_value(value, found, parts, into, allowance)
        if choice.stats:
            add_statistics(value, parts, into, allowance)
        return size

    def _ask(self, function: Any, value: Any, parts: Parts, into: dict[str, Any], allowance: Allowance) -> None:
        """Puts there what the user's function says of the value."""
        answer = ask(function, parts, value)
        if answer is not None:
            if allowance.left > 0 or answer[0] is None:
                put_answer(answer[0], parts, into, allowance)
            else:
                into[parts.type] = values.qualified_name(type(value))


def _trim(into: dict[str, Any], beyond: int) -> None:
    """Leaves no more than there may be, and says how many were left out; of arguments not looked at one each."""
    batch = into.pop(semconv.BATCH_SIZE, None)
    omitted = max(0, len(into) - ATTRIBUTES + 2)
    for _ in range(omitted):
        into.popitem()
    into[semconv.CAPTURE_OMITTED] = omitted + beyond
    if batch is not None:
        into[semconv.BATCH_SIZE] = batch


def make_plan(choice: Choice, target: Any) -> Plan:
    """The plan of calls of this function or other callable.

    Raises:
        SettingError: an argument is named that it does not have.
    """
    parameters = _parameters(target)
    if parameters is None:
        return Plan(choice, (), (), "")
    positional: list[str | None] = [name for name, kind in parameters if kind in _BY_POSITION]
    if positional and positional[0] in _OWN:
        positional[0] = None
    keywords = tuple(name for name, kind in parameters if kind in _BY_NAME and name not in _OWN)
    rest = next((f"{name}." for name, kind in parameters if kind is inspect.Parameter.VAR_POSITIONAL), None)
    takes_any = any(kind is inspect.Parameter.VAR_KEYWORD for _, kind in parameters)
    if choice.names is not None and not (takes_any or choice.is_for_class):
        own = [name for name, _ in parameters if name not in _OWN]
        unknown = sorted(choice.names.difference(own, [RESULT]))
        if unknown:
            raise SettingError(
                source="monitor", key="capture", value=unknown[0], expected=f"one of {', '.join([*own, RESULT])}"
            )
    return Plan(choice, tuple(positional), keywords, rest)


def _parameters(target: Any) -> list[tuple[str, Any]] | None:
    try:
        signature = inspect.signature(target)
    except (ValueError, TypeError):  # many functions in C have none
        return None
    return [(name, parameter.kind) for name, parameter in signature.parameters.items()]
