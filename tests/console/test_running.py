"""Traces that stay open: told while they run, once per piece of news, and in full when they end."""

import io
import threading
import time

import pytest
from opentelemetry import trace


class AwaitedStream(io.StringIO):
    """Lets a test wait for the next print."""

    def __init__(self):
        super().__init__()
        self._printed = threading.Semaphore(0)

    def write(self, text):
        written = super().write(text)
        self._printed.release()
        return written

    def wait(self, timeout=20):
        """All that was printed, after one more print."""
        assert self._printed.acquire(timeout=timeout)
        return self.getvalue()


@pytest.fixture
def stream():
    return AwaitedStream()


def test_a_root_that_stays_open_is_printed_as_far_as_it_got(start_program, stream):
    program = start_program(stream, delay=0.05)
    with program.span("train", model="digits"):
        with program.span("load", 0, 5):
            program.log("1,797 images", 1)
        with program.span("epoch", 5):
            text = stream.wait()
    assert "─ still running ─" in text
    assert "train  running  model=digits" in text
    assert "├─ load" in text
    assert "INFO  1,797 images" in text
    assert "└─ epoch  running" in text


def test_what_was_shown_is_not_shown_again_until_the_whole_tree_at_the_end(start_program, stream):
    program = start_program(stream, delay=0.05)
    with program.span("train"):
        with program.span("load", 0, 5):
            pass
        first = stream.wait()
        with program.span("tokenize", 5, 6):
            pass
        second = stream.wait()[len(first) :]
    final = stream.getvalue()[len(first + second) :]
    assert "├─ … 1 span shown before" in second
    assert "tokenize" in second
    assert "load" not in second
    assert "load" in final
    assert "tokenize" in final
    assert "running" not in final


def test_nothing_is_printed_again_without_news(start_program, stream):
    program = start_program(stream, delay=0.02)
    with program.span("train"):
        stream.wait()
        with pytest.raises(AssertionError):
            stream.wait(timeout=0.4)


def test_an_infinite_delay_prints_finished_traces_only(start_program, stream):
    program = start_program(stream, delay=float("inf"))
    with program.span("train"), pytest.raises(AssertionError):
        stream.wait(timeout=0.1)
    assert "train" in stream.getvalue()


def test_short_traces_are_not_printed_twice(start_program, stream):
    program = start_program(stream, delay=0.05)
    for _ in range(3):
        with program.span("request"):
            pass
    with pytest.raises(AssertionError):
        [stream.wait(timeout=0.2) for _ in range(4)]
    assert stream.getvalue().count("request") == 3


def test_a_child_that_outlives_its_root_is_told_as_running_then_on_its_own(program):
    with program.span("request", 0, 10) as root:
        late = program.start("background", 5, context=trace.set_span_in_context(root))
        inner = program.start("write", 6, context=trace.set_span_in_context(late))
    assert program.names == ["request", "└─ background", "   └─ write"]
    assert "background  running" in program.text
    before = len(program.text)
    program.end(inner, 20)
    program.end(late, 30)
    rest = program.text[before:]
    assert "left running by request" in rest.splitlines()[0]
    assert rest.splitlines()[1].startswith("background")
    assert rest.splitlines()[2].startswith("└─ write")


def test_shutdown_prints_what_is_open_once_ends_the_thread_and_then_nothing_more(program):
    before = set(threading.enumerate())
    span = program.start("train")
    program.shutdown()
    assert "still running" in program.text
    printed = program.text
    program.end(span)
    program.spans.on_start(span)
    program.spans.shutdown()
    program.spans.force_flush()
    assert program.text == printed
    assert set(threading.enumerate()) <= before


def test_no_thread_runs_before_the_first_span_and_a_daemon_after_it(program):
    def threads():
        return [thread for thread in threading.enumerate() if thread.name == "otel_ia-console"]

    program.log("too early")
    program.spans.force_flush()
    assert threads() == []
    with program.span("request"):
        pass
    assert [thread.daemon for thread in threads()] == [True]


def test_many_open_traces_are_told_by_number(start_program, stream):
    program = start_program(stream)
    for number in range(20):
        program.start(f"request {number}")
    program.shutdown()
    assert stream.getvalue().count("still running") == 5
    assert "… 15 more traces are open" in stream.getvalue()


def test_many_running_siblings_are_folded(start_program, stream):
    program = start_program(stream)
    with program.span("gather") as root:
        inside = trace.set_span_in_context(root)
        for _ in range(1000):
            program.start("embed", context=inside)
        program.shutdown()
    assert "└─ embed ×1,000  running" in stream.getvalue()


def test_a_thread_sleeps_while_no_trace_is_open(start_program, stream):
    program = start_program(stream, delay=0.02)
    with program.span("train"):
        stream.wait()
    stream.wait()
    thread = next(thread for thread in threading.enumerate() if thread.name == "otel_ia-console")
    time.sleep(0.3)
    before = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    time.sleep(0.3)
    assert time.clock_gettime(time.pthread_getcpuclockid(thread.ident)) == before
    with program.span("again"):
        assert "again  running" in stream.wait()


def test_force_flush_is_true(program):
    assert program.spans.force_flush() is True
    assert program.logs.force_flush() is True
