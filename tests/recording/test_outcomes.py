"""How a call ended, and what its span says of it."""

import asyncio
import concurrent.futures
import sys

import pytest

from otel_ia import monitor


class Slotted(Exception):
    __slots__ = ("a",)


class Demanding(Exception):
    def __init__(self, code, *, reason):
        super().__init__(code)
        self.reason = reason


class Hostile(Exception):
    def __eq__(self, other):
        raise RuntimeError

    def __bool__(self):
        raise RuntimeError

    def __hash__(self):
        raise RuntimeError

    def __len__(self):
        raise RuntimeError


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Endless(Exception):
    def __str__(self):
        return str(self)


class Lying(Exception):
    @property
    def __class__(self):
        raise RuntimeError

    @property
    def __traceback__(self):
        raise RuntimeError

    @property
    def __cause__(self):
        return 5

    @property
    def __context__(self):
        return self


class Textless(Exception):
    def __str__(self):
        return 5


@monitor
def fail(error):
    raise error


def passes(error, call=fail):
    """Calls, and asserts that the very exception comes back, and nothing stays behind."""
    try:
        call(error)
    except BaseException as raised:
        assert raised is error
    else:
        pytest.fail("nothing was raised")
    assert sys.exc_info() == (None, None, None)


def test_a_call_that_ends_well_says_nothing(telemetry):
    monitor(len)("")
    span = telemetry.span("len")
    assert (span.outcome, span.status, span.message, span.exceptions) == ("ok", "UNSET", None, [])
    assert "ia.outcome" not in span.attributes


def test_an_error_has_status_type_and_event(telemetry):
    passes(LookupError("no such row"))
    span = telemetry.span("fail")
    assert (span.status, span.message) == ("ERROR", "no such row")
    assert (span.attributes["ia.outcome"], span.attributes["error.type"]) == ("error", "LookupError")
    (event,) = span.exceptions
    assert (event["exception.type"], event["exception.message"]) == ("LookupError", "no such row")
    assert "raise error" in event["exception.stacktrace"]
    assert [event.name for event in span.events] == ["exception"]
    assert span.start <= span.events[0].time <= span.end


def test_the_type_is_fully_qualified(telemetry):
    passes(Demanding(5, reason="x"))
    assert telemetry.span("fail").attributes["error.type"] == f"{__name__}.Demanding"


def test_an_error_without_message_has_its_type_as_message(telemetry):
    passes(ValueError())
    assert telemetry.span("fail").message == "ValueError"


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        concurrent.futures.CancelledError(),
        KeyboardInterrupt(),
        SystemExit(3),
        BaseExceptionGroup("both", [KeyboardInterrupt(), BaseExceptionGroup("deep", [SystemExit()])]),
    ],
    ids=repr,
)
def test_cancellations_are_no_errors(telemetry, error):
    passes(error)
    span = telemetry.span("fail")
    assert (span.outcome, span.status, span.exceptions) == ("cancelled", "UNSET", [])
    assert "error.type" not in span.attributes


def test_generator_exit_is_an_early_close(telemetry):
    passes(GeneratorExit())
    assert telemetry.span("fail").outcome == "closed_early"


def test_a_group_with_an_error_in_it_is_an_error(telemetry):
    passes(BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError("inner")]))
    span = telemetry.span("fail")
    assert span.outcome == "error"
    assert "inner" in span.exceptions[0]["exception.stacktrace"]


@pytest.mark.parametrize("kind", [Slotted, Hostile, Unprintable, Endless, Lying, Textless])
def test_an_exception_of_any_making_passes_as_it_is(telemetry, kind):
    error = kind("x")
    passes(error)
    with pytest.raises(BaseException) as raised, monitor("block"):
        raise error
    assert raised.value is error
    assert [span.status for span in telemetry.spans] == ["ERROR", "ERROR"]
    assert telemetry.span("fail").attributes["error.type"] == f"{__name__}.{kind.__name__}"
    assert all(isinstance(span.message, str) for span in telemetry.spans)


def test_an_exception_that_cannot_be_printed_says_so(telemetry):
    passes(Unprintable())
    assert telemetry.span("fail").message == "<unprintable Unprintable>"


def test_lone_surrogates_and_huge_messages(telemetry):
    passes(ValueError("a\ud800b"))
    passes(ValueError("x" * 10_000_000))
    first, second = telemetry.spans
    assert first.message == "a\ufffdb"
    assert len(second.message) == 16_384
    for span in telemetry.spans:
        for text in (span.message, *span.exceptions[0].values()):
            assert len(text.encode()) < 100_000


def test_causes_contexts_and_circles_of_them(telemetry):
    def chain():
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    with pytest.raises(ValueError) as raised:
        monitor(chain)()
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.__suppress_context__
    stack = telemetry.span("chain").exceptions[0]["exception.stacktrace"]
    assert "first" in stack
    assert "direct cause" in stack
    circle = ValueError("circle")
    circle.__cause__ = circle.__context__ = KeyError()
    circle.__cause__.__cause__ = circle
    passes(circle)
    assert telemetry.span("fail").message == "circle"


def test_a_very_deep_group_is_still_an_error(telemetry):
    group = ValueError("bottom")
    for _ in range(3_000):
        group = ExceptionGroup("g", [group])
    passes(group)
    assert telemetry.span("fail").status == "ERROR"


def test_an_exception_group_is_caught_in_parts(telemetry):
    @monitor
    def parts():
        raise ExceptionGroup("both", [ValueError("a"), KeyError("b")])

    with pytest.raises(ExceptionGroup) as raised:
        try:
            with monitor("middle"):
                parts()
        except* ValueError:
            pass
    assert [type(error) for error in raised.value.exceptions] == [KeyError]
    assert [span.status for span in telemetry.spans] == ["ERROR", "ERROR"]
    assert [len(span.exceptions) for span in telemetry.spans] == [1, 0]


def test_a_cancelled_coroutine(telemetry):
    @monitor
    async def wait():
        await asyncio.sleep(10)

    async def main():
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await wait()
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 0.001)
        assert not task.done()
        task.cancel()

    asyncio.run(main())
    assert [span.outcome for span in telemetry.spans] == ["cancelled"] * 3
    assert {span.status for span in telemetry.spans} == {"UNSET"}


def test_a_coroutine_that_is_closed(telemetry):
    @monitor
    async def wait():
        await asyncio.sleep(0)

    coroutine = wait()
    coroutine.send(None)
    coroutine.close()
    assert telemetry.span("wait").outcome == "closed_early"


def test_a_span_the_user_has_ended_makes_no_noise(telemetry, caplog):
    with pytest.raises(ValueError), monitor("block", slow_after=0) as span:
        span.end()
        raise ValueError("late")
    assert telemetry.names == ["block"]
    assert [record.getMessage() for record in caplog.records if record.name.startswith("opentelemetry")] == []


def test_one_frame_of_ours_for_each_level(telemetry):
    @monitor
    def outer():
        inner()

    @monitor
    def inner():
        raise ValueError

    try:
        outer()
    except ValueError as error:
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
    assert frames == ["test_one_frame_of_ours_for_each_level", "monitored", "outer", "monitored", "inner"]
