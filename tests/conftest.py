"""After each test: nothing is current, no thread and no file is left, logging is as it was."""

import asyncio
import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.context import get_current
from receiver import Receiver, receiving


@pytest.fixture(autouse=True, scope="session")
def own_spool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what the tests record out of the user's spool, in programs they start too."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    del os.environ["XDG_STATE_HOME"]
    if before is not None:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(autouse=True)
def leaves_nothing_behind() -> Iterator[None]:
    context = get_current()
    threads = set(threading.enumerate())
    files = _open_files()
    handlers = list(logging.root.handlers)
    factory = logging.getLogRecordFactory()
    hooks = _hooks()
    yield
    assert get_current() == context, "a context stayed attached"
    assert not trace.get_current_span().get_span_context().is_valid, "a span stayed current"
    assert logging.root.handlers == handlers
    assert logging.root.parent is None, "a handler stayed above the root logger"
    assert logging.getLogRecordFactory() is factory
    assert _hooks() == hooks, "a hook for uncaught exceptions stayed"
    if (left := _threads_left(threads)) or _open_files() - files:
        gc.collect()
        left = _threads_left(threads)
    assert not left, f"threads stayed alive: {left}"
    assert not _open_files() - files, f"files stayed open: {_open_files() - files}"


def _hooks() -> tuple[object, ...]:
    return sys.excepthook, sys.unraisablehook, threading.excepthook, asyncio.BaseEventLoop.call_exception_handler


def _threads_left(before: set[threading.Thread]) -> set[threading.Thread]:
    for thread in set(threading.enumerate()) - before:
        thread.join(2)
    return {thread for thread in set(threading.enumerate()) - before if not _is_a_pool_of_the_interpreter(thread)}


def _is_a_pool_of_the_interpreter(thread: threading.Thread) -> bool:
    return thread.name.startswith(("asyncio_", "execnet", "pyright"))


def _open_files() -> set[str]:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return set()
    found = set()
    for entry in folder.iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if not target.startswith(("/dev/", "/proc/", "anon_inode", "pipe:")):
            found.add(f"{entry.name} {target}")
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real OTLP/HTTP server, and what it was sent."""
    with receiving() as started:
        yield started
