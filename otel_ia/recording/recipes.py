"""The names that hand-written monitoring helpers usually have, each a line on top of `monitor`."""

from collections.abc import Callable
from typing import Any, TypeVar

from otel_ia.recording.decorator import Monitor, monitor

F = TypeVar("F", bound=Callable[..., Any])


def log_execution(function: F, /) -> F:
    """The function with a span and start, finish (INFO) and error (ERROR) lines around each call."""
    return monitor(function, log="INFO")


def monitor_decorator(task_name: str, /) -> Monitor:
    """A decorator like `log_execution` whose span and lines bear the task's name."""
    return monitor(task_name, log="INFO")


def monitor_context(task_name: str, /) -> Monitor:
    """A context manager with a span, start and finish lines at DEBUG and an error line at ERROR around the block."""
    return monitor(task_name, log="DEBUG")
