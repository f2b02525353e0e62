"""What is to be done with a module that may never be imported: at once if it is there, else right after its import."""

import importlib
import itertools
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from otel_ia.guard import guarded
from otel_ia.undo import Undo


def when_imported(name: str, work: Callable[[Any], None]) -> Undo:
    """Works on the module of that name, once, as soon as it has been imported; returns what gives up waiting for it."""
    finder = _Finder(name, guarded(work))
    sys.meta_path.insert(0, finder)
    if name in sys.modules:  # another thread may be at it: this waits for that
        finder.finish(importlib.import_module(name))
    return Undo(finder.leave)


class _Finder:
    """Finds one module by asking those behind it, and stands around its loader."""

    def __init__(self, name: str, work: Callable[[Any], None]) -> None:
        self._name = name
        self._work = work

    def leave(self) -> None:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        behind = itertools.dropwhile(lambda finder: finder is not self, list(sys.meta_path))
        for finder in itertools.islice(behind, 1, None):  # not those before: one of them may be asking
            find = getattr(finder, "find_spec", None)
            spec: Any = find(name, path, target) if find is not None else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self.finish)
                return spec  # type: ignore[no-any-return]
        return None

    def finish(self, module: ModuleType) -> None:
        if any(finder is self for finder in sys.meta_path):
            self.leave()
            self._work(module)


class _Loader:
    """Another loader, after which something is to be done; the module does not know of it."""

    def __init__(self, loader: Any, finish: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._finish = finish

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._finish(module)
