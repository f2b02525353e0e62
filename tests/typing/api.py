"""What type checkers make of the public API: read by mypy and pyright, never run."""

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any, TypeVar, assert_type, overload

from opentelemetry.trace import Span

import otel_ia
from otel_ia import Telemetry, bound, log_execution, monitor, monitor_context, monitor_decorator
from otel_ia.testing import Recording, SpanSeen, record

T = TypeVar("T")


@monitor
def bare(x: int, y: str = "") -> float:
    return x + len(y)


@monitor()
def empty(x: int) -> float:
    return x


@monitor("named", attributes={"a": 1}, log="INFO", slow_after=0.5, metrics=False)
def named(x: int) -> float:
    return x


@monitor(capture="summary", stats=True, stage="inference", model="resnet50", model_version="3")
def captured(x: int) -> float:
    return x


@monitor(capture=("x", "return"))
def captured_by_name(x: int) -> float:
    return x


@monitor(capture=lambda name, value: len(value) if name == "x" else None)
def captured_by_function(x: str) -> float:
    return len(x)


@log_execution
def logged(x: int) -> float:
    return x


@bound({"session.id": "s-1"}, user_id=7, propagate=True)
def with_fields(x: int, y: str = "") -> float:
    with bound(step=x):
        return x + len(y)


@bound(user_id=7)
async def with_fields_later(x: int) -> float:
    return x


@monitor_decorator("task")
def task(x: int) -> float:
    return x


assert_type(bare(1, y="a"), float)
assert_type(empty(1), float)
assert_type(named(1), float)
assert_type(captured(1), float)
assert_type(captured_by_name(1), float)
assert_type(captured_by_function("a"), float)
assert_type(logged(1), float)
assert_type(with_fields(1, y="a"), float)
assert_type(task(1), float)
bare("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
bare()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
empty(x="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
named(1, 2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
logged(z=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
task("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@monitor
async def coroutine(x: int) -> str:
    return str(x)


@monitor("stream")
def stream(n: int) -> Iterator[int]:
    yield from range(n)


@monitor
def steps(n: int) -> Generator[int, str, bool]:
    yield n
    return True


@monitor
async def async_stream(n: int) -> AsyncIterator[int]:
    yield n


@monitor
async def async_steps(n: int) -> AsyncGenerator[int, str]:
    yield n


async def consume() -> None:
    assert_type(await coroutine(1), str)
    await coroutine("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(stream(1), Iterator[int])
    assert_type(steps(1), Generator[int, str, bool])
    assert_type(async_steps(1), AsyncGenerator[int, str])
    async for item in async_stream(1):
        assert_type(item, int)
    with monitor("block") as inside:
        assert_type(inside, Span)


@overload
def convert(x: int) -> str: ...
@overload
def convert(x: str) -> int: ...
@monitor
def convert(x: Any) -> Any:
    return x


@monitor
def first(items: list[T]) -> T:
    return items[0]


assert_type(convert(1), str)
assert_type(convert("1"), int)
assert_type(monitor(convert)(1), str)
assert_type(monitor(convert)("1"), int)
assert_type(first([1]), int)
assert_type(first(["a"]), str)
convert(1.5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


class Model:
    @monitor
    def plain(self, x: int) -> float:
        return x

    @monitor("m")
    def named(self, x: int) -> float:
        return x

    @staticmethod
    @monitor
    def static_above(x: int) -> float:
        return x

    @monitor
    @staticmethod
    def static_below(x: int) -> float:
        return x

    @classmethod
    @monitor
    def class_above(cls, x: int) -> float:
        return x

    @monitor
    @classmethod
    def class_below(cls, x: int) -> float:
        return x

    @property
    @monitor
    def size(self) -> int:
        return 1

    @functools.cached_property
    @monitor
    def cached(self) -> int:
        return 1

    def __call__(self, x: int) -> float:
        return x


model = Model()
assert_type(model.plain(1), float)
assert_type(model.named(1), float)
assert_type(Model.static_above(1), float)
assert_type(Model.static_below(1), float)
assert_type(Model.class_above(1), float)
assert_type(Model.class_below(1), float)
assert_type(model.size, int)
assert_type(model.cached, int)
model.plain("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Model.static_below("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Model.class_below("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(monitor(model.plain)(1), float)
monitor(model.plain)("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(monitor(model), Model)
assert_type(monitor("m")(model)(1), float)
assert_type(monitor(functools.partial(bare, 1)), functools.partial[float])
assert_type(monitor(len)("a"), int)


@monitor
class Service:
    scale = 2

    def __init__(self, name: str) -> None:
        self.name = name

    def predict(self, x: int) -> float:
        return x


@monitor("svc", log="DEBUG")
class NamedService(Service):
    pass


assert_type(Service("a"), Service)
assert_type(Service("a").predict(1), float)
assert_type(NamedService("a"), NamedService)
Service(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Service("a").predict("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def any_callable(function: Callable[..., int]) -> Callable[..., int]:
    return monitor(function)


with monitor() as unnamed, monitor("block", attributes={"a": [1]}) as block, monitor_context("task") as context:
    assert_type(unnamed, Span)
    assert_type(block, Span)
    assert_type(context, Span)

monitor(5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
monitor("x", log=1.5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
monitor("x", metrics="no")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
monitor("x", slow_after="1")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
monitor("x", attributes=[1])  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
monitor("x", capture=5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
monitor("x", model=5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
monitor("x", colour=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
monitor("x", {"a": 1})  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
monitor_decorator()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
monitor_context(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
log_execution("x")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]

telemetry = otel_ia.configure(service_name="svc", console=True)
assert_type(telemetry, Telemetry)
assert_type(telemetry.flush(5.0), bool)
assert_type(telemetry.shutdown(5.0), bool)
with otel_ia.configure() as handle:
    assert_type(handle, Telemetry)
otel_ia.configure(capture="summary")
otel_ia.configure(capture="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
otel_ia.configure(spool=False, proxy="http://proxy:3128", redact_callback=lambda path, value: None if path else value)
otel_ia.configure(redact_callback=lambda path: path)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]
otel_ia.configure(service_nam="svc")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
otel_ia.configure(console="yes please", service_name=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

with record() as seen:
    assert_type(seen, Recording)
    assert_type(seen.span("x"), SpanSeen)


def asks_a_model(chunks: Iterator[str], later: AsyncIterator[bytes]) -> None:
    with otel_ia.genai.inference("chat", model="m", provider="openai", temperature=0.5, max_tokens=9) as call:
        assert_type(call, otel_ia.genai.Call)
        assert_type(call.stream(chunks), Iterator[str])
        assert_type(call.stream(later), AsyncIterator[bytes])
        assert_type(call.span, Span)
        call.record({"id": "r-1"}, input_tokens=1, finish_reasons=["stop"])
        call.record(tokens=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        call.record(input_tokens="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otel_ia.genai.inference(model="m")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with otel_ia.genai.tool("search", kind="function", tool_arguments={"q": "x"}), otel_ia.genai.workflow("plan"):
        pass


def trains(loader: list[tuple[bytes, int]]) -> None:
    with otel_ia.training.run(model="m") as run:
        epochs = otel_ia.training.epochs(3, model="m")
        for epoch in epochs:
            assert_type(epoch, int)
            steps = otel_ia.training.steps(loader, every=10)
            for batch in steps:
                assert_type(batch, tuple[bytes, int])
                steps.record(loss=0.5, learning_rate=1e-3)
            epochs.record(accuracy=0.5)
        for name in otel_ia.training.epochs(["warm", "cold"]):
            assert_type(name, str)
        run.record(best=1)
    otel_ia.training.epochs(1.5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    otel_ia.training.steps(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@monitor(reduce=lambda total, item: (total or 0) + item)
def reduced(n: int) -> Iterator[int]:
    yield from range(n)


assert_type(reduced(3), Iterator[int])
monitor(reduce=5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


with otel_ia.instrument(object(), "digits", stage="inference", model="svc", capture="summary", sample=0.1) as undo:
    assert_type(undo(), None)
