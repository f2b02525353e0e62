"""What is to be done with a module that may never be imported: at once if it is there, else right after its import."""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from otel_ia.guard import guarded
from otel_ia.undo import Undo


def when_imported(name: str, work: Callable[[Any], None]) -> Undo:
    """Works on the module of that name, once, as soon as it has been imported; returns what gives up waiting for it."""
    work_on = guarded(work)
    module = sys.modules.get(name)
    if module is not None:
        work_on(module)
        return Undo(lambda: None)
    finder = _Finder(name, work_on)
    sys.meta_path.insert(0, finder)
    return Undo(finder.leave)


class _Finder:
    """Finds one module by asking those behind it, and stands around its loader."""

    def __init__(self, name: str, work: Callable[[Any], None]) -> None:
        self._name = name
        self._work = work

    def leave(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name or self not in (finders := list(sys.meta_path)):
            return None
        for finder in finders[finders.index(self) + 1 :]:  # not those before: one of them may be asking
            find = getattr(finder, "find_spec", None)
            spec: Any = find(name, path, target) if find is not None else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._finish)
                return spec  # type: ignore[no-any-return]
        return None

    def _finish(self, module: ModuleType) -> None:
        if self in sys.meta_path:
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
