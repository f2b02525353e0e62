"""Who made a class, told without running anything of it, and without importing anything."""

import sys
from collections import UserDict
from types import GetSetDescriptorType
from typing import Any, Final

from otel_ia.guard import guarded
from otel_ia.values.texts import KEY_LIMIT, text

ARRAY_LIBRARIES: Final = frozenset(
    """
    cupy dask jax jaxlib mlx numpy pandas polars pyarrow scipy tensorflow torch xarray
    """.split()  # noqa: SIM905 - the names fill a line
)
"""Whose objects are arrays or tables where they have a shape or a dtype."""
_MRO: Final = vars(type)["__mro__"].__get__
_MEMBERS: Final = vars(type)["__dict__"].__get__
_MODULE: Final = vars(type)["__module__"].__get__
_QUALNAME: Final = vars(type)["__qualname__"].__get__


def qualified_name(kind: type) -> str:
    """The class's name with its module; built-in ones go by their bare name. Runs no code of a metaclass."""
    name = text(_QUALNAME(kind), KEY_LIMIT)
    try:
        module = _MODULE(kind)
    except AttributeError:  # deleted by its owner
        return name
    return name if type(module) is not str or module == "builtins" else text(f"{module}.{name}", KEY_LIMIT)


def line_of(kind: type) -> tuple[type, ...]:
    """The class and those it is made from, nearest first."""
    line: tuple[type, ...] = _MRO(kind)
    return line


def members_of(kind: type) -> Any:
    """What stands in the body of the class."""
    return _MEMBERS(kind)


@guarded(ours=False)  # a class without a module, or one whose metaclass is no `type`
def library_of(kind: type) -> str | None:
    """The package that the class is from, if it really stands in the module that it says it is from.

    A class can say that it is from anywhere; that it is found there under its name only the module's author can bring
    about.
    """
    module, name = _MODULE(kind), _QUALNAME(kind)
    if type(module) is not str or type(name) is not str:
        return None
    found = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    return module.partition(".")[0] if found is kind else None


def overridden(kind: type, base: type, names: frozenset[str]) -> bool:
    """Whether a class below `base` that another library made, or the user, puts something in the place of these."""
    line, library = line_of(kind), library_of(base)
    return any(
        not names.isdisjoint(members_of(between)) and library_of(between) != library
        for between in line[: line.index(base)]
    )


def dict_inside(value: object) -> dict[Any, Any] | None:
    """The dict that a `collections.UserDict` and what is made from it keep, read past anything that a subclass says."""
    if not any(base is UserDict for base in line_of(type(value))):
        return None
    data = (instance_members(value) or {}).get("data")
    return data if issubclass(type(data), dict) else None


def instance_members(value: object) -> dict[str, Any] | None:
    """What is stored in the object itself, past any property called `__dict__`."""
    for base in line_of(type(value)):
        found = members_of(base).get("__dict__")
        if found is not None:
            members = found.__get__(value) if type(found) is GetSetDescriptorType else None
            return members if type(members) is dict else None
    return None
