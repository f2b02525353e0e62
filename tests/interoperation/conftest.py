from collections.abc import Iterator

import pytest


@pytest.fixture
def instrumented_httpx() -> Iterator[None]:
    """Requests of httpx are spans of its own instrumentation, for the time of the test."""
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")
    instrumentation.HTTPXClientInstrumentor().instrument()
    yield
    instrumentation.HTTPXClientInstrumentor().uninstrument()
