"""A provider that is installed, a tracer of it, and where its spans go."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource

from otel_ia.sdk.home import TracingState
from otel_ia.sdk.provider import TracerProvider
from otel_ia.sdk.tracer import Tracer

from .sinks import KeptSpans


@pytest.fixture
def sink() -> KeptSpans:
    return KeptSpans()


@pytest.fixture
def provider(sink: KeptSpans) -> Iterator[TracerProvider]:
    made = TracerProvider()
    with made.install(TracingState([], resource=Resource.get_empty(), sink=sink)):
        yield made


@pytest.fixture
def tracer(provider: TracerProvider) -> Tracer:
    found = provider.get_tracer("otel_ia")
    assert isinstance(found, Tracer)
    return found
