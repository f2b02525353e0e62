"""What is counted of every monitored call, whichever way it goes and ends."""

import asyncio
import contextlib
import dis
import math
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import sampling

from otel_ia import clock, monitor
from otel_ia.recording.measures import CALL_DURATION, Counting
from otel_ia.sdk.calls import CallSpan
from otel_ia.sdk.tallies import FIRST, SUM, Series, Tally
from otel_ia.testing import Recording, record

from .measuring import measuring

DURATION = "ia.call.duration"


@pytest.fixture
def seen() -> Iterator[Recording]:
    with record() as recording:
        yield recording


def calls(seen: Recording, operation: str) -> dict[str, int]:
    """How many calls of an operation have ended, by outcome."""
    return {
        str(metric.attributes["ia.outcome"]): metric.count
        for metric in seen.metrics
        if metric.name == DURATION and metric.attributes["ia.operation"] == operation
    }


def bucket_of(seconds: float) -> float:
    """The upper bound of the bucket that a call of this duration is counted in."""
    return min(bound for bound in (*CALL_DURATION.bounds, math.inf) if seconds <= bound)


def test_a_call_that_ends_well_is_counted_with_its_duration(seen: Recording) -> None:
    @monitor("infer")
    def infer() -> None:
        """Does nothing."""

    infer()
    infer()
    metric = seen.metric(DURATION)
    assert metric.attributes == {"ia.operation": "infer", "ia.outcome": "ok"}
    assert (metric.count, metric.unit, metric.scope) == (2, "s", "otel_ia")
    assert metric.value == pytest.approx(sum(span.seconds for span in seen.spans))
    assert metric.buckets == Counter(bucket_of(span.seconds) for span in seen.spans)


def test_an_exemplar_of_each_bucket_names_the_last_trace(seen: Recording) -> None:
    for _ in range(3):
        with monitor("infer"):
            pass
    last = {bucket_of(span.seconds): span.trace_id for span in seen.spans}
    assert seen.metric(DURATION).exemplars == [last[bound] for bound in sorted(last)]


def test_an_exemplar_is_read_once() -> None:
    with measuring() as read:
        with monitor("infer") as span:
            pass
        ((exemplar,),) = [point.exemplars for key, point in read().items() if key[0] == DURATION]
        assert (exemplar.trace_id, exemplar.span_id) == span.identity[:2]
        assert exemplar.value == pytest.approx((span.end_time - span.start_time) / 1e9)
        assert [list(point.exemplars) for key, point in read().items() if key[0] == DURATION] == [[]]
    with measuring(reading={"has_exemplars": False}) as read:
        with monitor("infer"):
            pass
        assert not any(point.exemplars for point in read().values())


def test_errors_are_told_apart_by_their_type(seen: Recording) -> None:
    @monitor("infer")
    def infer(error: BaseException | None) -> None:
        if error is not None:
            raise error

    for error in (ValueError(), ValueError(), KeyError(), KeyboardInterrupt(), None):
        with contextlib.suppress(Exception, KeyboardInterrupt):
            infer(error)
    assert seen.metric(DURATION, {"error.type": "ValueError"}).count == 2
    assert seen.metric(DURATION, {"error.type": "KeyError"}).attributes["ia.outcome"] == "error"
    assert "error.type" not in seen.metric(DURATION, {"ia.outcome": "cancelled"}).attributes
    assert calls(seen, "infer")["ok"] == 1
    assert seen.metric(DURATION, {"error.type": "KeyError"}).exemplars == [seen.spans[2].trace_id]


def test_active_calls_are_those_that_have_begun_and_not_ended(seen: Recording) -> None:
    with monitor("outer"):
        with monitor("outer"), pytest.raises(ValueError), monitor("inner"):
            assert seen.metric("ia.call.active", {"ia.operation": "outer"}).value == 2
            assert seen.metric("ia.call.active", {"ia.operation": "inner"}).value == 1
            raise ValueError
        assert seen.metric("ia.call.active", {"ia.operation": "outer"}).value == 1
        assert seen.metric("ia.call.active", {"ia.operation": "inner"}).value == 0
    active = seen.metric("ia.call.active", {"ia.operation": "outer"})
    assert (active.value, active.attributes) == (0, {"ia.operation": "outer"})


def test_calls_are_counted_that_sampling_leaves_out() -> None:
    with measuring(sampler=sampling.ALWAYS_OFF) as read:
        with monitor("outer"):
            for error in (None, ValueError()):
                try:
                    with monitor("inner", attributes={"ia.batch.size": 3}):
                        if error is not None:
                            raise error
                except ValueError:
                    pass
        rows = read()
    assert rows[DURATION, ("inner", "ok")].count == 1
    assert rows[DURATION, ("inner", "error", "ValueError")].count == 1
    assert rows[DURATION, ("outer", "ok")].count == 1
    assert rows["ia.call.active", ("outer",)].value == 0
    assert rows["ia.batch.size", ("inner",)].count == 2
    assert not any(point.exemplars for point in rows.values())


def test_the_span_around_a_call_that_is_not_sampled_is_current_inside_it() -> None:
    with measuring(sampler=sampling.ALWAYS_OFF), monitor("outer") as outer, monitor("inner") as inner:
        assert inner is outer
        assert trace.get_current_span() is outer


def test_a_call_site_is_switched_off_by_itself_and_all_by_a_setting(seen: Recording) -> None:
    with monitor("quiet", metrics=False), monitor("loud"):
        pass
    assert calls(seen, "quiet") == {}
    assert calls(seen, "loud") == {"ok": 1}
    with measuring(counting=Counting(is_on=False)) as read:
        with monitor("any"):
            pass
        assert read() == {}


def test_attributes_of_a_call_site_are_taken_when_they_are_allowed() -> None:
    with measuring(counting=Counting(attributes=("model", "tags"))) as read:
        with monitor("infer", attributes={"model": "a", "tags": ["x", "y"], "user": 7}):
            pass
        ((_, attributes),) = [key for key in read() if key[0] == DURATION]
    assert attributes == ("infer", "a", ("x", "y"), "ok")


def test_call_sites_that_cannot_be_told_apart_share_a_series(seen: Recording) -> None:
    for _ in range(2):

        @monitor("infer")
        def infer() -> None:
            """Does nothing."""

        infer()
        with monitor("infer"):
            pass
    assert calls(seen, "infer") == {"ok": 4}


def test_a_generator_tells_its_items_and_when_the_first_came(seen: Recording) -> None:
    @monitor("tokens")
    def tokens(number: int) -> Iterator[int]:
        yield from range(number)

    @monitor("tokens")
    async def tokens_later(number: int):
        for item in range(number):
            yield item

    async def drain() -> None:
        async for _ in tokens_later(5):
            pass

    list(tokens(3))
    list(tokens(0))
    asyncio.run(drain())
    items = seen.metric("ia.stream.items")
    assert (items.count, items.value, items.attributes) == (3, 8, {"ia.operation": "tokens"})
    assert items.buckets == {1.0: 1, 4.0: 1, 8.0: 1}
    first, rate = seen.metric("ia.stream.time_to_first_item"), seen.metric("ia.stream.rate")
    assert (first.count, rate.count, rate.unit) == (2, 2, "{item}/s")
    assert 0 < first.value < 5
    assert rate.value > 1
    assert calls(seen, "tokens") == {"ok": 3}


def test_a_generator_that_is_closed_early_is_counted_as_that(seen: Recording) -> None:
    @monitor("tokens")
    def tokens() -> Iterator[int]:
        yield 1
        yield 2

    stream = tokens()
    next(stream)
    assert seen.metric("ia.call.active").value == 1
    stream.close()
    assert calls(seen, "tokens") == {"closed_early": 1}
    assert seen.metric("ia.stream.items").value == 1
    assert seen.metric("ia.call.active").value == 0


@pytest.mark.parametrize("size", ["12", True, -1, float("nan"), float("inf"), None])
def test_what_is_no_size_of_a_batch_is_not_counted_as_one(seen: Recording, size: object) -> None:
    with monitor("infer", attributes={"ia.batch.size": size}):
        pass
    assert calls(seen, "infer") == {"ok": 1}
    assert not [metric for metric in seen.metrics if metric.name == "ia.batch.size"]


def test_the_size_of_a_batch_is_taken_from_the_call_site_or_the_span(seen: Recording) -> None:
    with monitor("fixed", attributes={"ia.batch.size": 12}):
        pass
    for size in (3, 5):
        with monitor("set") as span:
            span.set_attribute("ia.batch.size", size)
    assert seen.metric("ia.batch.size", {"ia.operation": "fixed"}).value == 12
    assert seen.metric("ia.batch.size", {"ia.operation": "set"}).value == 8
    assert calls(seen, "fixed") == calls(seen, "set") | {"ok": 1}


def test_a_span_that_the_user_has_ended_is_counted_to_the_end_of_its_call(
    seen: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monitor("infer") as span:
        span.end()
        now = clock.monotonic
        monkeypatch.setattr(clock, "monotonic", lambda: now() + 2_000_000_000)
    assert seen.metric(DURATION).buckets == {2.5: 1}


def test_call_sites_with_log_lines_are_counted_too(seen: Recording) -> None:
    with monitor("logged", log="DEBUG"), monitor("slow", slow_after=3):
        pass
    assert calls(seen, "logged") == calls(seen, "slow") == {"ok": 1}


def test_beyond_the_limit_series_are_counted_together_and_told_once() -> None:
    told: list[str] = []
    with measuring(counting=Counting(limit=5), tell=told.append) as read:
        for number in range(9):
            for _ in range(2):
                with monitor(f"request {number}"):
                    pass
        for number in range(3):
            with pytest.raises(ValueError), monitor(f"request {number}"):
                raise ValueError
        with monitor("request 8"):
            rows = read()
    durations = {key[1]: point for key, point in rows.items() if key[0] == DURATION}
    assert set(durations) == {
        ("request 0", "ok"),
        ("request 1", "ok"),
        ("request 2", "ok"),
        ("request 3", "ok"),
        (True,),
    }
    assert durations[True,].count == 2 * 5 + 3
    assert dict(durations[True,].attributes) == {"otel.metric.overflow": True}
    active = {key[1]: point.value for key, point in rows.items() if key[0] == "ia.call.active"}
    assert active == {("request 0",): 0, ("request 1",): 0, ("request 2",): 0, ("request 3",): 0, (True,): 1}
    assert len(told) == 1
    assert "limit of 5 series" in told[0]


def test_no_call_of_eight_threads_is_lost(seen: Recording) -> None:
    @monitor("infer")
    def infer(is_wrong: bool) -> None:
        if is_wrong:
            raise ValueError

    def work() -> None:
        for number in range(2_000):
            with contextlib.suppress(ValueError):
                infer(number % 10 == 0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert all(metric.value >= 0 for metric in seen.metrics if metric.name == "ia.call.active")
    for thread in threads:
        thread.join()
    assert calls(seen, "infer") == {"ok": 8 * 1_800, "error": 8 * 200}
    assert seen.metric("ia.call.active").value == 0


def test_a_call_too_near_the_recursion_limit_is_counted_by_a_later_one(seen: Recording) -> None:
    @monitor("deep")
    def deep() -> None:
        deep()

    with pytest.raises(RecursionError):
        deep()
    with pytest.raises(ValueError), monitor("after"):
        raise ValueError
    assert seen.metric("ia.call.active", {"ia.operation": "deep"}).value == 0
    ended = sum(calls(seen, "deep").values())
    assert ended > 50
    assert calls(seen, "deep").keys() == {"error"}


BOUNDS = [int(bound * 10**9) for bound in CALL_DURATION.bounds]
AT_BOUNDS = st.builds(int.__add__, st.sampled_from(BOUNDS), st.integers(min_value=-1, max_value=1))


@given(values=st.lists(AT_BOUNDS | st.integers(min_value=0, max_value=200 * 10**9), max_size=50))
def test_a_value_is_in_the_first_bucket_whose_bound_it_does_not_exceed(values: list[int]) -> None:
    series = Series(CALL_DURATION, (), CALL_DURATION.bounds, [0] * (FIRST + len(CALL_DURATION.bounds) + 1))
    for value in values:
        series.add(value, None)
    expected = [0] * (len(BOUNDS) + 1)
    for value in values:
        expected[bisect_left(BOUNDS, value)] += 1
    assert list(series.cells[FIRST:]) == expected
    assert series.cells[SUM] == sum(values)


# Between these, CPython 3.11 to 3.13 lets no other thread, signal handler or finalizer in.
UNINTERRUPTED = {
    "BINARY_OP",
    "BINARY_SUBSCR",
    "COPY",
    "LOAD_CONST",
    "LOAD_FAST",
    "LOAD_FAST_LOAD_FAST",
    "STORE_SUBSCR",
    "SWAP",
}


def instructions_between_reading_and_writing(code: CodeType) -> Iterator[list[str]]:
    names = [instruction.opname for instruction in dis.get_instructions(code)]
    for index, name in enumerate(names):
        if name == "BINARY_OP":
            read = max((at for at in range(index) if names[at] == "BINARY_SUBSCR"), default=-1)
            written = next((at for at in range(index, len(names)) if names[at] == "STORE_SUBSCR"), -1)
            if read >= 0 and index - read < 4 and written >= 0:
                yield names[read : written + 1]


@pytest.mark.parametrize("function", [Series.add, Tally.begin, CallSpan.close])
def test_counting_is_one_step_for_other_threads_and_signal_handlers(function) -> None:
    steps = list(instructions_between_reading_and_writing(function.__code__))
    assert steps
    for step in steps:
        assert UNINTERRUPTED.issuperset(step), step


def test_a_block_with_attributes_is_counted_by_those_that_are_allowed(seen: Recording) -> None:
    for model in ("a", "a", "b", None):
        with monitor("infer", attributes={"ia.model.name": model, "user": 7} if model else None):
            pass
    counts = {
        metric.attributes.get("ia.model.name"): metric.count for metric in seen.metrics if metric.name == DURATION
    }
    assert counts == {"a": 2, "b": 1, None: 1}
    active = {
        metric.attributes.get("ia.model.name"): metric.value for metric in seen.metrics if "active" in metric.name
    }
    assert active == {"a": 0, "b": 0, None: 0}
