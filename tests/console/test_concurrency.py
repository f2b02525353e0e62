"""Threads, forks, finalizers and streams that record spans themselves: no wait, no tear, nothing twice."""

import gc
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from opentelemetry.trace import use_span


def test_threads_do_not_garble_or_lose_each_others_trees(start_program):
    writes = []

    class Recorded(io.StringIO):
        def write(self, text):
            writes.append(text)
            return len(text)

    program = start_program(Recorded())
    barrier = threading.Barrier(8)

    def serve(worker):
        barrier.wait()
        for number in range(9):
            with program.span(f"request-{'abcdefgh'[worker]}", number, number + 1):
                for _ in range(3):
                    with program.span(f"stage of {'abcdefgh'[worker]}", number, number + 0.5):
                        pass

    threads = [threading.Thread(target=serve, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    program.shutdown()
    assert len(writes) == 72
    for write in writes:
        lines = write.splitlines()
        worker = lines[1].split()[0][-1]
        assert len(lines) == 5
        assert all(f"stage of {worker}" in line for line in lines[2:])


def test_a_span_handed_to_other_threads_collects_their_children(program):
    with program.span("request", 0, 10) as root:

        def work(number):
            with use_span(root, end_on_exit=False), program.span(f"worker {number}", number, number + 1):
                program.log("here", number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [name for name in program.names if "worker" in name] == ["├─ worker"] * 3 + ["└─ worker"]


def test_a_stream_that_records_spans_and_logs_while_it_is_written_to(start_program):
    class Monitored(io.StringIO):
        def write(self, text):
            with program.span("write"):
                program.log("writing")
            return super().write(text)

    stream = Monitored()
    program = start_program(stream)
    with program.span("request"):
        pass
    assert stream.getvalue().count("─ trace ") == 1


def test_finalizers_that_end_spans_at_any_allocation_never_deadlock(start_program):
    program = start_program()

    class Leaving:
        def __init__(self):
            self.span = program.start("generator")
            self.itself = self

        def __del__(self):
            program.log("finalized")
            program.end(self.span)

    thresholds = gc.get_threshold()
    gc.set_threshold(5)
    try:
        with program.span("root", 0, 500):
            for number in range(300):
                Leaving()
                with program.span("step", number, number + 1):
                    program.log("line", number)
    finally:
        gc.set_threshold(*thresholds)
        gc.collect()
    assert "step ×300" in program.text


def test_a_signal_handler_may_record_at_any_moment(start_program):
    program = start_program()
    ended = []

    def handler(number, frame):
        with program.span("signal"):
            program.log("caught")
        ended.append(number)

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        with program.span("root", 0, 500):
            number = 0
            while len(ended) < 100:
                number += 1
                with program.span("step", number, number + 1):
                    program.log("line", number)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert "signal" in program.text


def test_a_slow_stream_holds_up_only_the_one_that_writes(start_program):
    entered, release = threading.Event(), threading.Event()

    class Slow(io.StringIO):
        def write(self, text):
            entered.set()
            assert release.wait(20)
            return super().write(text)

    stream = Slow()
    program = start_program(stream)
    second = program.start("second")
    with program.span("first"):
        thread = threading.Thread(target=program.end, args=(second,))
        thread.start()
        assert entered.wait(20)
    release.set()
    thread.join()
    program.shutdown()
    assert "first" in stream.getvalue()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_prints_its_own_traces_and_none_of_its_parents(tmp_path, start_program):
    path = tmp_path / "printed"
    with path.open("a+", encoding="utf-8") as stream:
        program = start_program(stream, delay=600)
        stop = threading.Event()

        def keep_busy():
            while not stop.is_set():
                with program.span(f"busy{random.random()}"):
                    program.log("line")

        thread = threading.Thread(target=keep_busy)
        with program.span("of the parent"):
            thread.start()
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    with program.span("of the child"):
                        pass
                    program.spans.shutdown()
                    os._exit(0)
                deadline = time.monotonic() + 20
                while os.waitpid(child, os.WNOHANG) == (0, 0):
                    assert time.monotonic() < deadline, "the child hangs"
                    time.sleep(0.001)
            stop.set()
            thread.join()
        program.shutdown()
        text = path.read_text(encoding="utf-8")
    assert text.count("of the child") == 20
    assert text.count("of the parent") == 1


def test_two_processes_on_one_pipe_do_not_garble_each_other(tmp_path):
    script = (
        "import sys\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from otel_ia.console import console_processors\n"
        "provider = TracerProvider(); provider.add_span_processor(console_processors()[0])\n"
        "span = provider.get_tracer('x').start_as_current_span\n"
        "for number in range(9):\n"
        "    with span('request'):\n"
        "        for stage in range(3):\n"
        "            with span(sys.argv[1]): pass\n"
        "provider.shutdown()\n"
    )
    reader, writer = os.pipe()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", script, name], stderr=writer, env=environ) for name in ("one", "two")
    ]
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as printed:
        lines = printed.read().splitlines()
    assert [process.wait(30) for process in processes] == [0, 0]
    trees = [lines[start : start + 5] for start in range(0, len(lines), 5)]
    assert len(trees) == 18
    for tree in trees:
        assert [line.split()[0] for line in tree[:2]] == ["─", "request"]
        assert len({line.split()[1] for line in tree[2:]}) == 1
