"""What is done with modules when somebody imports them, and not before."""

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from polling import poll_until

from otel_ia.sdk.when_imported import when_imported

NAME = "imported_late"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The source of a module that nobody has imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    yield tmp_path / f"{NAME}.py"
    sys.modules.pop(NAME, None)
    assert sys.meta_path == before, "a finder stayed"


def test_what_is_there_is_worked_on_at_once() -> None:
    seen: list[ModuleType] = []
    when_imported("importlib", seen.append)()
    assert seen == [importlib]


def test_what_is_not_there_is_worked_on_once_when_all_of_it_is(file: Path) -> None:
    file.write_text("number = 1")
    seen: list[int] = []
    when_imported(NAME, lambda module: seen.append(module.number))
    assert seen == []
    module = importlib.import_module(NAME)
    assert seen == [1]
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    assert type(module.__loader__).__module__.startswith("_frozen_importlib")
    importlib.reload(module)
    assert seen == [1]


def test_one_that_another_thread_is_importing_is_waited_for(file: Path) -> None:
    file.write_text("import time\ntime.sleep(0.3)\nnumber = 1")
    seen: list[int] = []
    thread = threading.Thread(target=importlib.import_module, args=(NAME,))
    thread.start()
    poll_until(lambda: NAME in sys.modules)
    when_imported(NAME, lambda module: seen.append(module.number))
    assert seen == [1]
    thread.join()


def test_an_import_that_fails_is_waited_for_again(file: Path) -> None:
    seen: list[ModuleType] = []
    when_imported(NAME, seen.append)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(NAME)
    file.write_text("1 / 0  # a comment")
    importlib.invalidate_caches()
    with pytest.raises(ZeroDivisionError):
        importlib.import_module(NAME)
    assert seen == []
    file.write_text("number = 1")
    module = importlib.import_module(NAME)
    assert seen == [module]


def test_who_gives_up_waiting_is_not_told(file: Path) -> None:
    file.write_text("number = 1")
    seen: list[ModuleType] = []
    undo = when_imported(NAME, seen.append)
    undo()
    undo()
    importlib.import_module(NAME)
    assert seen == []


def test_two_can_wait_for_one_module(file: Path) -> None:
    file.write_text("number = 1")
    seen: list[str] = []
    when_imported(NAME, lambda _: seen.append("first"))
    when_imported(NAME, lambda _: seen.append("second"))
    importlib.import_module(NAME)
    assert sorted(seen) == ["first", "second"]


def test_what_fails_does_not_reach_who_imports(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_text("number = 1")
    when_imported(NAME, lambda module: module.missing)
    assert importlib.import_module(NAME).number == 1
    assert "AttributeError" in caplog.text
