"""Keeps what is sent from being observed itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context


@contextmanager
def uninstrumented() -> Iterator[None]:
    """Instrumented HTTP and gRPC libraries make no spans inside; they look this key up."""
    token = context.attach(context.set_value("suppress_instrumentation", True))
    try:
        yield
    finally:
        context.detach(token)
