"""What was asked and answered, in the library's message types: legal, bounded, and JSON to its end.

A text that is cut in the middle is no JSON any more, so the single texts are cut, and the oldest messages left out,
until the rest fits.
"""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from otel_ia import values
from otel_ia.genai import library
from otel_ia.guard import guarded

LIMIT: Final = 65_536
"""Characters of one attribute, as JSON writes it; half of what redaction reads of a text."""
_EACH: Final = 64
"""Characters that JSON has for each text beside it: names, quotes, brackets."""
_LONGEST_ESCAPE: Final = 12
_MESSAGE_LIMIT: Final = values.ITEM_LIMIT
_PART_LIMIT: Final = 32
_NAME_LIMIT: Final = 256


class Room:
    """What is left of an attribute's characters."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = LIMIT

    def take(self, given: object) -> str:
        """The value as text, cut to the room there is; never empty-handed, so that it shows that there was one."""
        rendered = values.legal(given)
        text = "" if rendered is None else values.text(str(rendered))
        if len(json.dumps(text)) > self.left:
            text = values.text(text, max(1, self.left // _LONGEST_ESCAPE))
        self.left -= len(json.dumps(text)) + _EACH
        return text


@guarded(ours=False)  # reads objects of the provider's client
def asked(given: object) -> list[Any]:
    """Messages to a model; a text alone is the user's."""
    return [library.input_message(*one) for one in _messages(given, "user")]


@guarded(ours=False)
def answered(given: object) -> list[Any]:
    """Messages of a model."""
    return [library.output_message(*one) for one in _messages(given, "assistant")]


@guarded(ours=False)
def instructions(given: object) -> list[Any]:
    """What the model was told beforehand."""
    return [part for _, parts in _messages(given, "system") for part in parts]


@guarded(ours=False)
def tools(given: object) -> list[Any]:
    """The tools that a model may ask for."""
    room = Room()
    several = _several(given)[:_MESSAGE_LIMIT]
    return [_tool(one, room) for one in itertools.takewhile(lambda _: room.left > 0, several)]


def content(given: object) -> str | None:
    """Arguments or result of a tool."""
    return None if given is None else Room().take(given)


def _messages(given: object, role: str) -> list[tuple[str, list[Any]]]:
    """The last ones that there is room for."""
    room = Room()
    several = _several(given)
    newest = itertools.takewhile(lambda _: room.left > 0, several[: -_MESSAGE_LIMIT - 1 : -1])
    made = [_message(one, role, room) for one in newest][::-1]
    if len(several) > len(made):
        made.insert(0, ("…", [library.text_part(f"{len(several) - len(made)} messages left out")]))
    return made


def _several(given: object) -> Sequence[object]:
    if given is None:
        return ()
    return given if isinstance(given, list | tuple) else (given,)


def _message(given: object, role: str, room: Room) -> tuple[str, list[Any]]:
    said = read(given, "content", "parts")
    calls = read(given, "tool_calls")
    if said is None and calls is None:
        return role, list(_parts(given, room))
    role = _name(read(given, "role")) or role
    call_id = read(given, "tool_call_id")
    parts: Iterable[Any] = _parts(said, room)
    if call_id is not None:
        parts = [library.tool_response_part(room.take(said), _name(call_id))]
    return role, [*itertools.islice(parts, _PART_LIMIT), *(_tool_call(one, room) for one in _several(calls))]


def _parts(given: object, room: Room) -> Iterable[Any]:
    for part in _several(given)[:_PART_LIMIT]:
        text = part if isinstance(part, str) else read(part, "text", "content")
        kind = _name(read(part, "type"))
        if kind == "tool_use":
            yield library.tool_call_part(
                _name(read(part, "name")) or "", room.take(read(part, "input")), _name(read(part, "id"))
            )
        elif text is not None:
            yield library.text_part(room.take(text))
        else:  # pictures and sounds are left out, that there was one is told
            yield library.text_part(f"<{kind}>" if kind else room.take(part))


def _tool_call(given: object, room: Room) -> Any:
    function = read(given, "function") or given
    return library.tool_call_part(
        _name(read(function, "name")) or "", room.take(read(function, "arguments")), _name(read(given, "id"))
    )


def _tool(given: object, room: Room) -> Any:
    function = read(given, "function") or given
    description, parameters = read(function, "description"), read(function, "parameters", "input_schema")
    return library.tool_definition(
        _name(read(function, "name")) or room.take(given),
        None if description is None else room.take(description),
        None if parameters is None else room.take(parameters),
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
