"""Views of dataclasses, Pydantic models and named tuples: the names of their fields, and of what kind each one is."""

import itertools
import sys
from collections.abc import Callable
from types import MemberDescriptorType
from typing import Any, Final

from otel_ia.capture.arrays import InTwo
from otel_ia.capture.parts import Parts
from otel_ia.values import Allowance, text
from otel_ia.values.origin import instance_members, line_of, members_of

FIELDS: Final = 16
"""Fields of a record that are looked at."""
_UNITS: Final = 2
"""Of an allowance, for a field."""
_BRIEF: Final = Parts("", "")
_ABSENT: Final = object()


def field_names(kind: type) -> tuple[str, ...]:
    """The first fields that the class declares, whichever way; none where it is no record."""
    is_model = _is_model(kind)
    for base in line_of(kind):
        members = members_of(base)
        if issubclass(kind, tuple):
            declared = members.get("_fields")
        else:
            declared = members.get("__dataclass_fields__") or (is_model and members.get("__pydantic_fields__"))
        if type(declared) is dict or type(declared) is tuple:
            names = tuple(itertools.islice(declared, FIELDS))
            return names if all(type(name) is str for name in names) else ()
    return ()


def _is_model(kind: type) -> bool:
    """Whether it is a Pydantic model, which nothing is where nobody has imported Pydantic."""
    model = getattr(sys.modules.get("pydantic"), "__dict__", {}).get("BaseModel")
    main = getattr(sys.modules.get("pydantic.main"), "__dict__", {}).get("BaseModel")
    return any(base is model or base is main for base in line_of(kind) if base is not object)


def read_fields(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """What is stored in the fields, past every property and `__getattr__`; a field that is not set is left out."""
    if issubclass(type(value), tuple):
        return dict(zip(names, tuple.__iter__(value), strict=False))  # type: ignore[arg-type]
    stored = instance_members(value) or {}
    found = {name: stored[name] if name in stored else _slot(value, name) for name in names}
    return {name: content for name, content in found.items() if content is not _ABSENT}


def _slot(value: object, name: str) -> object:
    for base in line_of(type(value)):
        found = members_of(base).get(name)
        if type(found) is MemberDescriptorType:
            try:
                return found.__get__(value)
            except AttributeError:
                return _ABSENT
    return _ABSENT


def view_record(name: str, names: tuple[str, ...], view_of: Callable[[type], Any]) -> InTwo:
    """Of a record: the batch that its first field is, and its fields with type and shape."""

    def view(value: Any, parts: Parts, into: dict[str, Any]) -> int | None:
        into[parts.type] = name
        # a field that is not set is none
        first = next(iter(read_fields(value, names).values()), None)
        found = view_of(type(first))
        size: int | None = found.view(first, _BRIEF, {}) if found.is_array else None
        return size

    def more(value: Any, parts: Parts, into: dict[str, Any], allowance: Allowance) -> None:
        told: list[str] = []
        fields = read_fields(value, names)
        for field, content in fields.items():
            found = view_of(type(content))
            if not allowance.take(_UNITS + found.units):
                told.append(f"… {len(fields) - len(told)} more")
                break
            told.append(f"{text(field, 64)}: {_brief(content, found)}")
        into[parts.fields] = ", ".join(told)

    return InTwo(view, more)


def _brief(value: object, found: Any) -> str:
    if found.is_record:  # records inside records by their type alone
        name: str = found.name
        return name
    told: dict[str, Any] = {}
    found.view(value, _BRIEF, told)
    shown = (told.get(key) for key in (_BRIEF.type, _BRIEF.dtype, _BRIEF.shape, _BRIEF.device))
    return " ".join(part for part in shown if part)
