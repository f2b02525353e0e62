"""Our tracing types answer every public name of the SDK's. What they do not use: `tests/test_private_names.py`."""

import inspect
from typing import Any

import pytest
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.resources import Resource

from otel_ia.sdk.home import Processors, TracingState
from otel_ia.sdk.provider import TracerProvider
from otel_ia.sdk.span import Span
from otel_ia.sdk.tracer import Tracer

PUBLIC_DUNDERS = {"__enter__", "__exit__", "__repr__", "__new__", "__init__"}


def public_names(kind: type) -> set[str]:
    """Of the class and its bases, but `object`; of the special ones those that it writes itself."""
    written = {name for base in kind.__mro__[:-1] for name in vars(base) if name in PUBLIC_DUNDERS}
    return {name for name in dir(kind) if not name.startswith("_")} | written


@pytest.mark.parametrize(
    ("ours", "theirs", "inherited"),
    [
        (Span, sdk_trace.Span, set()),
        (Tracer, sdk_trace.Tracer, set()),
        (TracerProvider, sdk_trace.TracerProvider, set()),
    ],
    ids=["span", "tracer", "provider"],
)
def test_every_public_name_of_the_class_is_ours(ours: type, theirs: type, inherited: set[str]) -> None:
    missing = public_names(theirs) - set(vars(ours)) - inherited
    assert not missing, f"new in the SDK's {theirs.__name__}, not in ours: {missing}"


def test_every_public_name_of_the_instances_is_there_with_a_like_value() -> None:
    sdk_provider = sdk_trace.TracerProvider(shutdown_on_exit=False, resource=Resource.get_empty())
    sdk_tracer: Any = sdk_provider.get_tracer("x")
    provider = TracerProvider()
    with provider.install(TracingState([], resource=Resource.get_empty())):
        tracer: Any = provider.get_tracer("x")
        compare(sdk_provider, provider)
        compare(sdk_tracer, tracer)
        compare(sdk_tracer.start_span("s"), tracer.start_span("s"))
    compare(sdk_provider, provider)
    compare(sdk_tracer, tracer)


@pytest.mark.filterwarnings("ignore:You should use instrumentation_scope:DeprecationWarning")
def compare(theirs: Any, ours: Any) -> None:
    names = {name for name in dir(theirs) if not name.startswith("_")}
    assert names <= {name for name in dir(ours) if not name.startswith("_")}
    for name in names - {"instrumentation_info"}:
        expected, made = getattr(theirs, name), getattr(ours, name)
        if callable(expected):
            assert same_parameters(made, expected), name
        elif expected is None or made is None:
            assert expected is made or name == "id_generator", name
        elif isinstance(expected, sdk_trace.SynchronousMultiSpanProcessor):
            assert isinstance(made, Processors)
        else:
            bases = type(expected).__mro__[:-1]
            assert any(isinstance(made, base) for base in bases), (name, expected, made)


def same_parameters(ours: Any, theirs: Any) -> bool:
    """Names, order, kinds and defaults; what a parameter is annotated with may differ."""
    made, expected = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    if set(expected) == {"args", "kwargs"}:  # a decorator of the SDK's keeps its own
        return True
    return [(one.name, one.kind, one.default) for one in made.values()] == [
        (one.name, one.kind, one.default) for one in expected.values()
    ]


def test_the_deprecated_instrumentation_info_is_there_and_warns_as_the_sdk_does() -> None:
    provider = TracerProvider()
    with provider.install(TracingState([], resource=Resource.get_empty())):
        tracer = provider.get_tracer("library", "1.2", "https://example.org")
        span: Any = tracer.start_span("s")
    assert isinstance(tracer, sdk_trace.Tracer)
    with pytest.warns(DeprecationWarning, match="instrumentation_scope"):
        info = span.instrumentation_info
    assert (info.name, info.version, info.schema_url) == ("library", "1.2", "https://example.org")
    assert info == tracer.instrumentation_info


def test_a_span_cannot_be_made_but_by_a_tracer() -> None:
    with pytest.raises(TypeError, match="via a tracer"):
        Span()
