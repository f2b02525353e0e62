"""What was asked and answered, in the library's message types: legal, bounded, and JSON to its end.

A text that is cut in the middle is no JSON any more, so the single texts are cut until all of them together fit.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from otel_ia import values
from otel_ia.genai import library
from otel_ia.guard import guarded

LIMIT: Final = 65_536
"""Characters of all texts of one attribute together, as JSON writes them; half of what redaction reads of a text."""
_TEXT_LIMITS: Final = (values.TEXT_LIMIT, 4_096, 1_024, 256, 64)
_MESSAGE_LIMIT: Final = values.ITEM_LIMIT
_PART_LIMIT: Final = 32
_NAME_LIMIT: Final = 256
Cut = Callable[[object], str]
"""A value as text of no more than so many characters."""


def asked(given: object) -> list[Any] | None:
    """Messages to a model; a text alone is the user's."""
    return _fitting(lambda cut: [library.input_message(*one) for one in _messages(given, "user", cut)])


def answered(given: object) -> list[Any] | None:
    """Messages of a model."""
    return _fitting(lambda cut: [library.output_message(*one) for one in _messages(given, "assistant", cut)])


def instructions(given: object) -> list[Any] | None:
    """What the model was told beforehand."""
    return _fitting(lambda cut: [part for _, parts in _messages(given, "system", cut) for part in parts])


def tools(given: object) -> list[Any] | None:
    """The tools that a model may ask for."""
    return _fitting(lambda cut: [_tool(one, cut) for one in _several(given)[:_MESSAGE_LIMIT]])


def content(given: object) -> str | None:
    """Arguments or result of a tool."""
    return None if given is None else _cut_at(values.TEXT_LIMIT)(given)


@guarded(ours=False)  # reads objects of the provider's client
def _fitting(make: Callable[[Cut], list[Any]]) -> list[Any]:
    for limit in _TEXT_LIMITS:
        sizes: list[int] = []
        made = make(_measuring(_cut_at(limit), sizes))
        if sum(sizes) <= LIMIT:
            break
    return made


def _measuring(cut: Cut, sizes: list[int]) -> Cut:
    def measured(given: object) -> str:
        text = cut(given)
        sizes.append(len(json.dumps(text)))
        return text

    return measured


def _cut_at(limit: int) -> Cut:
    def cut(given: object) -> str:
        rendered = values.legal(given)
        return "" if rendered is None else values.text(str(rendered), limit)

    return cut


def _messages(given: object, role: str, cut: Cut) -> list[tuple[str, list[Any]]]:
    several = _several(given)
    kept = several[-_MESSAGE_LIMIT:]
    made = [_message(one, role, cut) for one in kept]
    if len(several) > len(kept):
        made.insert(0, ("…", [library.text_part(f"{len(several) - len(kept)} messages left out")]))
    return made


def _several(given: object) -> Sequence[object]:
    if given is None:
        return ()
    return given if isinstance(given, list | tuple) else (given,)


def _message(given: object, role: str, cut: Cut) -> tuple[str, list[Any]]:
    said = read(given, "content", "parts")
    calls = read(given, "tool_calls")
    if said is None and calls is None:
        return role, list(_parts(given, cut))
    role = _name(read(given, "role")) or role
    call_id = read(given, "tool_call_id")
    parts: Iterable[Any] = _parts(said, cut)
    if call_id is not None:
        parts = [library.tool_response_part(cut(said), _name(call_id))]
    return role, [*itertools.islice(parts, _PART_LIMIT), *(_tool_call(one, cut) for one in _several(calls))]


def _parts(given: object, cut: Cut) -> Iterable[Any]:
    for part in _several(given)[:_PART_LIMIT]:
        text = part if isinstance(part, str) else read(part, "text", "content")
        kind = _name(read(part, "type"))
        if kind == "tool_use":
            yield library.tool_call_part(
                _name(read(part, "name")) or "", cut(read(part, "input")), _name(read(part, "id"))
            )
        elif text is not None:
            yield library.text_part(cut(text))
        else:  # pictures and sounds are left out, that there was one is told
            yield library.text_part(f"<{kind}>" if kind else cut(part))


def _tool_call(given: object, cut: Cut) -> Any:
    function = read(given, "function") or given
    return library.tool_call_part(
        _name(read(function, "name")) or "", cut(read(function, "arguments")), _name(read(given, "id"))
    )


def _tool(given: object, cut: Cut) -> Any:
    function = read(given, "function") or given
    description, parameters = read(function, "description"), read(function, "parameters", "input_schema")
    return library.tool_definition(
        _name(read(function, "name")) or cut(given),
        None if description is None else cut(description),
        None if parameters is None else cut(parameters),
    )


def _name(given: object) -> str | None:
    rendered = values.legal(given)
    return None if rendered is None else values.text(str(rendered), _NAME_LIMIT)


def read(thing: object, *names: str) -> Any:
    """The first of these entries or attributes that is there, of a mapping or an object of a provider's client."""
    for name in names:
        found = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
        if found is not None:
            return found
    return None
