"""Traces that were not sampled and are kept all the same: failed, slow, or undecided at the end."""

import asyncio
import contextlib
import contextvars
import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.propagate import extract, inject
from opentelemetry.trace import Span, StatusCode
from polling import poll_until
from receiver import Receiver, plain
from threads import meanwhile

import otel_ia
from otel_ia import monitor
from otel_ia.delivery.spooling.frames import DECISION, HELD
from otel_ia.delivery.spooling.holding import held_frame
from otel_ia.delivery.wire.raw import encode_raw, pack_raw
from otel_ia.sdk import keeping
from otel_ia.sdk.chosen import _pack_raw
from otel_ia.sdk.ending import encode_rest
from otel_ia.sdk.keeping import HeldTrace, Keeper
from otel_ia.sdk.scanning import Scanning

Configure = Callable[..., otel_ia.Telemetry]


@pytest.fixture
def configure(receiver: Receiver, tmp_path: Path) -> Iterator[Configure]:
    """Configures a sampler that keeps nothing, and what keeps what failed."""
    made = []

    def make(**settings: Any) -> otel_ia.Telemetry:
        given = {"endpoint": receiver.endpoint, "sampler": "parentbased_always_off", "keep_errors": True, **settings}
        made.append(otel_ia.configure(spool_directory=tmp_path / "spool", console=False, **given))
        return made[-1]

    yield make
    for telemetry in made:
        telemetry.shutdown()


@monitor
def stage(attribute: int = 1) -> None:
    trace.get_current_span().set_attribute("number", attribute)


@monitor
def predict(*, fails: bool = False, seconds: float = 0.0) -> None:
    stage()
    with trace.get_tracer("foreign").start_as_current_span("foreign") as span:
        span.add_event("seen")
        stage()
    time.sleep(seconds)
    if fails:
        raise ValueError("no such digit")


WHOLE = {"predict": 1, "foreign": 1, "stage": 2}


def names(receiver: Receiver) -> Counter[str]:
    return Counter(span.name for span in receiver.spans)


def test_a_trace_that_failed_is_kept_whole_and_the_others_are_not(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure()
    for _ in range(20):
        predict()
    with pytest.raises(ValueError, match="no such digit"):
        predict(fails=True)
    telemetry.shutdown()
    assert names(receiver) == WHOLE
    assert len({span.trace_id for span in receiver.spans}) == 1
    parents = {span.span_id: span.parent_span_id for span in receiver.spans}
    root = receiver.span("predict")
    assert root.parent_span_id == b""
    assert set(parents.values()) == {b"", root.span_id, receiver.span("foreign").span_id}
    assert root.status.code == StatusCode.ERROR.value
    assert [event.name for event in root.events] == ["exception"]
    assert [event.name for event in receiver.span("foreign").events] == ["seen"]
    assert telemetry.stats().held == {"failed": 1, "slow": 0, "followed": 0, "discarded": 20, "given up": 0}


def test_one_failed_span_inside_is_enough(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure()
    with monitor("request"):
        stage()
        with pytest.raises(ValueError, match="no such digit"):
            predict(fails=True)
    with monitor("told"), trace.get_tracer("foreign").start_as_current_span("bad") as span:
        span.set_status(StatusCode.ERROR)
    telemetry.shutdown()
    assert names(receiver) == {**WHOLE, "stage": 3, "request": 1, "told": 1, "bad": 1}


def test_a_slow_trace_is_kept_and_only_where_that_is_asked_for(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure(keep_errors=False, keep_slower_than=0.03)
    predict()
    predict(seconds=0.04)
    with pytest.raises(ValueError, match="no such digit"):
        predict(fails=True)
    telemetry.shutdown()
    assert names(receiver) == WHOLE
    assert telemetry.stats().held == {"failed": 0, "slow": 1, "followed": 0, "discarded": 2, "given up": 0}


def test_what_is_sampled_goes_its_way_and_what_is_kept_beside_it_says_no_threshold(
    receiver: Receiver, configure: Configure
) -> None:
    @monitor("shared", sample=0.5)
    def shared(fails: bool) -> None:
        stage()
        if fails:
            raise ValueError

    telemetry = configure()
    for number in range(200):
        with contextlib.suppress(ValueError):
            shared(number % 2 == 0)
    telemetry.shutdown()
    shares = [span for span in receiver.spans if span.name == "shared"]
    sampled = [span for span in shares if span.trace_state == "ot=th:8"]
    kept = [span for span in shares if span.trace_state == ""]
    assert len(sampled) + len(kept) == len(shares)
    assert 60 < len(sampled) < 140
    assert {span.status.code for span in kept} == {StatusCode.ERROR.value}
    assert sum(span.status.code == StatusCode.ERROR.value for span in shares) == 100
    assert all(span.trace_id[9:] < b"\x80\0\0\0\0\0\0" for span in kept)
    assert names(receiver)["stage"] == len(shares)


def test_what_ends_after_its_root_follows_the_decision(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure()
    late: list[Span] = []
    for name in ("good", "bad"):
        try:
            with monitor(name):
                late.append(trace.get_tracer("foreign").start_span(f"late in {name}"))
                if name == "bad":
                    raise ValueError
        except ValueError:
            pass
    for span in late:
        with trace.use_span(span, end_on_exit=True), monitor("later still"):
            pass
    telemetry.shutdown()
    assert names(receiver) == {"bad": 1, "late in bad": 1, "later still": 1}


def test_every_kind_of_call_is_held(receiver: Receiver, configure: Configure) -> None:
    @monitor("stream")
    def stream() -> Iterator[int]:
        yield 1

    @monitor("streaming")
    async def streaming():
        yield 1

    @monitor("coroutine", log="INFO")
    async def coroutine() -> None:
        async for _ in streaming():
            stage()

    @monitor("captured", capture="summary")
    def captured(value: int) -> int:
        return value

    @monitor("attributed", attributes={"number": 5})
    def attributed() -> None:
        trace.get_current_span().set_attribute("number", 6)

    telemetry = configure()
    with pytest.raises(ValueError, match="after all"), monitor("request", attributes={"session": "a"}):
        assert list(stream()) == [1]
        asyncio.run(coroutine())
        captured(5)
        attributed()
        raise ValueError("after all")
    telemetry.shutdown()
    expected = ["attributed", "captured", "coroutine", "request", "stage", "stream", "streaming"]
    assert sorted(span.name for span in receiver.spans) == expected
    assert [event.name for event in receiver.span("stream").events] == ["ia.stream.first_item"]
    assert plain(receiver.span("stream").attributes)["ia.stream.items"] == 1
    assert plain(receiver.span("captured").attributes)["ia.argument.value.type"] == "int"
    assert plain(receiver.span("attributed").attributes)["number"] == 6
    assert plain(receiver.span("request").attributes)["session"] == "a"


SECRET = "Bearer abcdefgh12345678"
keys = st.sampled_from(["model", "input_tokens", "api_key", "number", SECRET])
texts = st.sampled_from(["stop", SECRET, "password=hunter2hunter2", "a" * 300, "\ud800"]) | st.text(max_size=5)
plain_values = texts | st.integers() | st.floats(allow_nan=False) | st.booleans()
described = st.dictionaries(keys, plain_values | st.none() | st.lists(texts, max_size=2) | st.binary(max_size=3))
own_events = st.lists(st.tuples(texts, described | st.dictionaries(keys, plain_values)), max_size=2)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.dictionaries(keys, plain_values) | described, own_events), min_size=1, max_size=20))
@example(
    [
        ({"model": "stop"}, [("finished", {"model": "stop"})]),
        ({"model": SECRET}, []),
        ({}, [("finished", {"model": SECRET})]),
        ({"api_key": 5}, [("finished", {"api_key": 5})]),
        ({SECRET: 5}, []),
        ({}, [(SECRET, {"model": "stop"})]),
        ({}, [("finished", {}), ("finished", {"model": 5})]),
    ]
)
def test_a_trace_that_is_kept_tells_what_a_sampled_one_does(
    configure: Configure, receiver: Receiver, those: list[tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]]
) -> None:
    @monitor(attributes={"number": 0})
    def inside(attributes: dict[str, Any], events: list[tuple[str, dict[str, Any]]]) -> None:
        span = trace.get_current_span()
        for key, value in attributes.items():
            span.set_attribute(key, value)
        for name, given_with_it in events:
            span.add_event(name, given_with_it)

    told = []
    for sampler in ("parentbased_always_on", "parentbased_always_off"):
        telemetry = configure(sampler=sampler)
        with pytest.raises(ValueError, match="no digit"), monitor("request"):
            for each in those * 2:  # what is seen for the first time goes another way
                inside(*each)
            raise ValueError("no digit")
        telemetry.shutdown()
        told.append(
            [
                (
                    sorted(map(str, span.attributes)),
                    [(event.name, sorted(map(str, event.attributes))) for event in span.events],
                )
                for span in receiver.spans
                if span.name != "request"
            ]
        )
        receiver.spans.clear()
    assert told[0] == told[1]
    assert len(told[0]) == 2 * len(those)


def test_what_comes_while_a_span_is_searched_for_secrets_is_not_written_unsearched(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Scanning.is_harmless
    written: list[bytes | None] = []

    def interrupted(scan: Scanning, attributes: dict[str, Any]) -> bool:
        found = search(scan, attributes)
        span: Any = trace.get_current_span()
        span.own["model"] = SECRET
        return found

    @monitor
    def inside() -> None:
        span: Any = trace.get_current_span()
        span.set_attribute("model", "stop")
        encode_rest(span)  # knows the key from now on
        with monkeypatch.context() as patch:
            patch.setattr(Scanning, "is_harmless", interrupted)
            written.append(_pack_raw(span))

    telemetry = configure()
    with monitor("request"):
        inside()
    telemetry.shutdown()
    assert written == [pack_raw({"model": "stop"}, None)]


def test_threads_leave_nothing_held(configure: Configure) -> None:
    telemetry = configure(keep_size=1 << 16)
    with monitor("request") as span:
        keeper = cast(Any, span).chosen.keeper

    def work(number: int) -> None:
        with contextlib.suppress(ValueError), monitor("request"):
            predict(fails=number % 5 == 0)

    with contextlib.ExitStack() as threads:
        for _ in range(8):
            threads.enter_context(meanwhile(work))
        time.sleep(1)
    assert (len(keeper.undecided), keeper.size) == (0, 0)
    telemetry.shutdown()


def test_threads_that_work_for_a_trace_lose_none_of_it(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure()
    with ThreadPoolExecutor(8) as pool:
        for number in range(40):
            try:
                with monitor("request"):
                    jobs = [pool.submit(contextvars.copy_context().run, stage, job) for job in range(10)]
                    if number % 2:
                        raise ValueError
                    for job in jobs:
                        job.result()
            except ValueError:
                pass
    telemetry.shutdown()
    assert names(receiver) == {"request": 20, "stage": 200}
    assert telemetry.stats().held == {"failed": 20, "slow": 0, "followed": 0, "discarded": 20, "given up": 0}


def test_metrics_count_what_is_discarded_too_and_exemplars_name_what_is_kept(
    receiver: Receiver, configure: Configure
) -> None:
    telemetry = configure(keep_slower_than=0.03)
    predict(seconds=0.04)
    for _ in range(10):
        stage()
    telemetry.shutdown()
    points = [point for (_, *key), point in receiver.last_points("ia.call.duration").items() if key]
    assert sorted(point.count for point in points) == [1, 12]
    kept = {span.trace_id for span in receiver.spans}
    exemplars = {exemplar.trace_id for point in points for exemplar in point.exemplars}
    assert exemplars == kept


def test_secrets_are_taken_out_of_what_is_held(receiver: Receiver, configure: Configure, tmp_path: Path) -> None:
    telemetry = configure()
    with pytest.raises(ValueError, match="x"), monitor("request"):
        with monitor("login", attributes={"password": "planted-secret"}) as span:
            span.set_attribute("note", "Bearer planted-secret-token-0123456789")
        held = b"".join(file.read_bytes() for file in (tmp_path / "spool").glob("*.segment"))
        raise ValueError("x")
    telemetry.shutdown()
    assert b"login" in held
    assert b"planted-secret" not in held
    assert names(receiver) == {"login": 1, "request": 1}
    assert b"planted-secret" not in b"".join(span.SerializeToString() for span in receiver.spans)


def test_over_the_bound_the_oldest_trace_is_given_up_and_counted(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure(keep_size=10_000)
    tracer = trace.get_tracer("foreign")
    roots = [tracer.start_span(f"root {number}") for number in range(3)]
    for number in range(60):
        with trace.use_span(roots[0], end_on_exit=False):
            stage()
        if number == 30:
            for root in roots[1:]:
                with trace.use_span(root, end_on_exit=False):
                    stage()
    for root in roots:
        root.set_status(StatusCode.ERROR)
        root.end()
    telemetry.shutdown()
    assert names(receiver) == {"root 1": 1, "root 2": 1, "stage": 2}
    assert telemetry.stats().held == {"failed": 2, "slow": 0, "followed": 0, "discarded": 0, "given up": 1}


def test_roots_that_are_never_ended_do_not_pile_up(configure: Configure) -> None:
    telemetry = configure()
    tracer = trace.get_tracer("foreign")
    for _ in range(10_050):
        tracer.start_span("leaked")
    gc.collect()
    assert telemetry.stats().held["given up"] == 50


def test_what_is_undecided_at_the_end_is_kept(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure()
    root = trace.get_tracer("foreign").start_span("open")
    with trace.use_span(root):
        stage()
    telemetry.shutdown()
    assert names(receiver) == {"stage": 1}


def test_what_comes_from_elsewhere_unsampled_is_decided_here(receiver: Receiver, configure: Configure) -> None:
    telemetry = configure()
    headers = {"traceparent": "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"}
    with trace.use_span(trace.get_current_span(extract(headers))):
        predict()
        with pytest.raises(ValueError, match="digit"):
            predict(fails=True)
    telemetry.shutdown()
    assert names(receiver) == WHOLE
    assert receiver.span("predict").trace_id.hex() == "0123456789abcdef0123456789abcdef"
    assert receiver.span("predict").parent_span_id.hex() == "0123456789abcdef"


def test_what_goes_elsewhere_is_told_that_it_is_not_sampled(configure: Configure) -> None:
    configure()
    headers: dict[str, str] = {}
    with monitor("request") as span:
        inject(headers)
        assert span.is_recording()
        assert not span.get_span_context().trace_flags.sampled
    assert headers["traceparent"].endswith("-00") or headers["traceparent"].endswith("-02")


def test_in_memory_only_it_works_the_same(receiver: Receiver, configure: Configure, tmp_path: Path) -> None:
    telemetry = configure(spool=False)
    predict()
    with pytest.raises(ValueError, match="digit"):
        predict(fails=True)
    telemetry.shutdown()
    assert names(receiver) == WHOLE
    assert not (tmp_path / "spool").exists()


def test_processors_see_held_spans_as_recorded_ones_that_are_not_sampled(
    receiver: Receiver, configure: Configure
) -> None:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

    seen = []

    class Noting(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            seen.append((span.name, span.context.trace_flags.sampled))

    telemetry = configure()
    provider: Any = trace.get_tracer_provider()
    provider.add_span_processor(Noting())
    with pytest.raises(ValueError, match="digit"):
        predict(fails=True)
    telemetry.shutdown()
    assert seen == [("stage", False), ("stage", False), ("foreign", False), ("predict", False)]
    assert names(receiver) == WHOLE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("fails_in", ["parent", "child", ""])
def test_a_forked_child_and_its_parent_keep_a_trace_together(
    receiver: Receiver, configure: Configure, fails_in: str
) -> None:
    telemetry = configure()
    with contextlib.suppress(ValueError), monitor("request"):
        stage()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(ValueError):
                predict(fails=fails_in == "child")
            predict()
            os._exit(0 if telemetry.flush(20) else 1)
        _, status = os.waitpid(child, 0)
        if fails_in == "parent":
            raise ValueError
    assert status == 0
    telemetry.shutdown()
    whole = {"request": 1, "predict": 2, "foreign": 2, "stage": 5}
    assert names(receiver) == (whole if fails_in else {})
    assert len({span.trace_id for span in receiver.spans}) == bool(fails_in)
    held = telemetry.stats().held
    assert (held["failed"], held["followed"]) == (fails_in == "parent", fails_in == "child")


def test_the_spools_files_go_with_what_is_in_them(receiver: Receiver, configure: Configure, tmp_path: Path) -> None:
    telemetry = configure()

    def files() -> int:
        return len(list((tmp_path / "spool").glob("*.segment")))

    for _ in range(24_000):  # 16 MB, in segments of 0.25 MiB, 0.5 MiB and so on up to 8 MiB
        with monitor("request", attributes={"text": "x" * 200}), monitor("step", attributes={"text": "y" * 500}):
            pass
    poll_until(lambda: files() <= 4)  # the one that is written, one before, one that is ready
    telemetry.shutdown()
    assert files() == 0
    assert receiver.spans == []


def test_what_is_taken_while_it_is_decided_goes_where_the_rest_goes() -> None:
    for is_kept in (True, False):
        kept: list[bytes] = []
        keeper = Keeper(keeps_errors=True, slower_than=None, limit=1 << 20)
        held = HeldTrace(keeper, b"12345678")

        def decide(kind: int, _payload: bytes) -> None:
            if kind == HELD:
                held.decide(is_kept=is_kept)  # noqa: B023

        keeper.connect(lambda _kind, payload: kept.append(payload), decide)  # noqa: B023
        held.take(held_frame(held.key, b"span"))
        held.take(held_frame(held.key, b"late"))
        assert kept == ([b"span", b"late"] if is_kept else [])
        assert (keeper.size, list(held.frames)) == (0, [])


def test_what_is_brought_forward_is_whole_and_says_again_how_it_was_decided() -> None:
    written: list[tuple[int, bytes]] = []
    keeper = Keeper(keeps_errors=True, slower_than=None, limit=1 << 20)
    keeper.here = (1, 100)
    held = HeldTrace(keeper, b"12345678")
    late, first, second = (held.key + text for text in (b"late", b"first", b"second"))

    def hold(kind: int, payload: bytes) -> None:
        written.append((kind, payload))
        if payload is late and written.count((kind, payload)) == 1:  # just before it is noted as held
            keeper.bring_forward(1)
            held.decide(is_kept=False)

    keeper.connect(lambda _kind, _payload: None, hold, lambda: (9, 200))
    held.take(first)
    held.take(second)
    keeper.bring_forward(0)
    assert written == [(HELD, first), (HELD, second)]
    held.take(late)
    assert held.place == (9, 200)
    decision = DECISION, held.key + b"\0"
    assert written[2:] == [(HELD, late), (HELD, first), (HELD, second), decision, (HELD, late), decision]


def test_what_finds_no_room_on_the_stack_is_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []
    keeper = Keeper(keeps_errors=True, slower_than=None, limit=1 << 20)
    keeper.connect(lambda _kind, payload: kept.append(payload))
    held = HeldTrace(keeper, b"12345678")
    raw = pack_raw({"number": 1}, None)
    held.take(held_frame(held.key, b"span", raw))
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "encode_raw", mock.Mock(side_effect=RecursionError))
        held.decide(is_kept=True)
    assert (kept, keeper.size, keeper.pause) == ([], 0, 0.0)
    keeper.look()
    assert kept == [b"span" + encode_raw(raw)]
    assert keeper.pause is None


def test_a_trace_decided_while_it_is_brought_forward_is_not_found_undecided() -> None:
    written: list[tuple[int, bytes]] = []
    keeper = Keeper(keeps_errors=True, slower_than=None, limit=1 << 20)
    held = HeldTrace(keeper, b"12345678")

    def hold(kind: int, payload: bytes) -> None:
        if kind == HELD and written:
            held.decide(is_kept=False)
        written.append((kind, payload))

    keeper.connect(lambda _kind, _payload: None, hold)
    held.take(held.key + b"span")
    keeper.bring_forward(0)
    assert [kind for kind, _ in written] == [HELD, DECISION, HELD, DECISION]


def test_two_threads_that_decide_at_once_decide_once(configure: Configure) -> None:
    kept: list[bytes] = []
    for _ in range(300):
        keeper = Keeper(keeps_errors=True, slower_than=None, limit=1 << 20)
        keeper.connect(lambda _kind, payload: kept.append(payload))
        held = HeldTrace(keeper, b"12345678")
        barrier = threading.Barrier(3)

        def take() -> None:
            barrier.wait()  # noqa: B023
            for number in range(20):
                held.take(held_frame(held.key, b"%d" % number))  # noqa: B023

        def decide() -> None:
            barrier.wait()  # noqa: B023
            held.decide(is_kept=True)  # noqa: B023

        threads = [threading.Thread(target=work) for work in (take, decide, decide)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(kept, key=int) == [b"%d" % number for number in range(20)]
        assert keeper.size == 0
        kept.clear()


def test_without_a_way_out_one_line_says_that_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    otel_ia.configure(console=False, traces_exporter="none", keep_errors=True).shutdown()
    assert "keep_errors and keep_slower_than are of no effect" in caplog.text
