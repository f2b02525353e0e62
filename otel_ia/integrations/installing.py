"""What `install` of every integration has in common."""

import importlib
from collections.abc import Callable
from typing import Any, Final

from otel_ia.errors import MissingLibraryError
from otel_ia.undo import Undo

_installed: Final[dict[str, tuple[list[object], Callable[[], None]]]] = {}


def require(library: str, *, extra: str) -> Any:
    """The library, imported now.

    Raises:
        MissingLibraryError: it is not installed.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        command = f'python -m pip install "otel_ia[{extra}]"'
        raise MissingLibraryError(f"{library} is not installed: {command}", name=library) from None


def install_once(name: str, change: Callable[[], Callable[[], None]]) -> Undo:
    """Makes the change, unless it is made already; it is taken back when all who asked for it have undone it."""
    users, undo_change = _installed.get(name) or ([], change())
    _installed[name] = users, undo_change
    user = object()
    users.append(user)

    def undo() -> None:
        users.remove(user)
        if not users:
            del _installed[name]
            undo_change()

    return Undo(undo)
