"""Uncaught exceptions in real programs: recorded once, passed on, taken back."""

import os
import subprocess
import sys
import time

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from receiver import Receiver, plain

BEGINNING = """
import asyncio, gc, logging, sys, threading
import otel_ia
from otel_ia import monitor

@monitor
def work(error=ValueError("broken")):
    raise error

@monitor
def request():
    work()

def configure(**settings):
    return otel_ia.configure(service_name="failing", endpoint=sys.argv[1], **settings)
"""


def run(program: str, receiver: Receiver, *, begin: str = "configure()\n", **environment: str):
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + begin + program, receiver.endpoint],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def events(receiver: Receiver) -> list[LogRecord]:
    return [record for record in receiver.logs if record.event_name == "exception"]


def the_one(receiver: Receiver) -> LogRecord:
    (event,) = events(receiver)
    assert (event.severity_number, event.severity_text) == (21, "CRITICAL")
    assert abs(event.time_unix_nano - time.time_ns()) < 60e9
    return event


def test_what_ends_the_program_arrives_with_the_ids_of_the_span_that_saw_it_first(receiver: Receiver) -> None:
    done = run("request()", receiver)
    event = the_one(receiver)
    attributes = plain(event.attributes)
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "broken")
    assert "in work" in attributes["exception.stacktrace"]
    assert attributes["thread.name"] == "MainThread"
    work = receiver.span("work")
    assert (event.trace_id, event.span_id) == (work.trace_id, work.span_id)
    assert event.body.string_value == "uncaught exception"
    assert done.returncode == 1
    assert done.stderr.count("ValueError: broken") == 1


def test_outside_of_any_span_it_arrives_without_ids(receiver: Receiver) -> None:
    run("request_nothing = 1 / 0", receiver)
    event = the_one(receiver)
    assert plain(event.attributes)["exception.type"] == "ZeroDivisionError"
    assert (event.trace_id, event.span_id) == (b"", b"")


def test_an_error_seen_by_a_block_has_the_blocks_ids(receiver: Receiver) -> None:
    run("with monitor('block'):\n    raise KeyError('k')", receiver)
    assert the_one(receiver).span_id == receiver.span("block").span_id


def test_an_error_that_leaves_training_loops_has_the_ids_of_their_run(receiver: Receiver) -> None:
    program = """
from otel_ia import training
def train(fails):
    for epoch in training.epochs(3):
        for batch in training.steps([1, 2]):
            if epoch == 1:
                break
            if fails:
                raise ValueError("no memory")
        if epoch == 1:
            break
train(False)
train(True)
"""
    assert "no memory" in run(program, receiver).stderr
    event = the_one(receiver)
    runs = sorted(
        (span for span in receiver.spans if span.name == "training"), key=lambda span: span.start_time_unix_nano
    )
    assert len(runs) == 2
    assert (event.trace_id, event.span_id) == (runs[1].trace_id, runs[1].span_id)


def test_an_error_that_leaves_a_loop_under_a_progress_bar_has_the_ids_of_the_run(receiver: Receiver) -> None:
    program = """
def bar(items):
    for item in items:
        yield item
for step in bar(otel_ia.training.steps([1, 2])):
    raise ValueError("no memory")
"""
    assert "no memory" in run(program, receiver).stderr
    assert the_one(receiver).span_id == receiver.span("training").span_id


def test_an_error_after_a_loop_that_was_left_by_a_break_has_no_ids(receiver: Receiver) -> None:
    program = """
for step in otel_ia.training.steps([1, 2]):
    break
raise ValueError("later")
"""
    run(program, receiver)
    assert the_one(receiver).trace_id == b""


def test_an_error_of_a_thread_arrives_and_is_passed_on(receiver: Receiver) -> None:
    program = "t = threading.Thread(target=request, name='worker')\nt.start()\nt.join()"
    done = run(program, receiver)
    event = the_one(receiver)
    assert event.body.string_value == "uncaught exception in a thread"
    assert plain(event.attributes)["thread.name"] == "worker"
    assert event.span_id == receiver.span("work").span_id
    assert done.returncode == 0
    assert "Exception in thread worker" in done.stderr


def test_an_error_of_a_finalizer_arrives_and_is_passed_on(receiver: Receiver) -> None:
    program = "class Ends:\n    def __del__(self):\n        request()\nwith monitor('unrelated'):\n    Ends()"
    done = run(program, receiver)
    event = the_one(receiver)
    assert event.body.string_value.startswith("exception ignored in: ")
    assert "__del__" in event.body.string_value
    assert event.span_id == receiver.span("work").span_id
    assert "Exception ignored in" in done.stderr


def test_a_finalizers_error_that_no_span_saw_is_not_put_on_the_span_it_happens_to_run_in(receiver: Receiver) -> None:
    program = "class Ends:\n    def __del__(self):\n        1 / 0\nwith monitor('unrelated'):\n    Ends()"
    run(program, receiver)
    assert the_one(receiver).span_id == b""


TASK = """
async def main():
    task = asyncio.ensure_future(child())
    await asyncio.sleep(0.01)
    del task
    gc.collect()
async def child():
    request()
"""


def test_an_error_of_a_task_that_nobody_awaits_arrives_once_and_is_passed_on(receiver: Receiver) -> None:
    done = run(TASK + "asyncio.run(main())", receiver)
    event = the_one(receiver)
    assert event.body.string_value == "Task exception was never retrieved"
    assert event.span_id == receiver.span("work").span_id
    assert len(receiver.logs) == 1, "asyncio's own line came too"
    assert "Task exception was never retrieved" in done.stderr


def test_a_handler_of_the_users_on_the_loop_is_asked_all_the_same(receiver: Receiver) -> None:
    program = TASK.replace(
        "async def main():\n", "async def main():\n    asyncio.get_running_loop().set_exception_handler(mine)\n"
    )
    done = run(
        "def mine(loop, context):\n    print('mine', context['exception'])\n" + program + "asyncio.run(main())",
        receiver,
    )
    assert done.stdout == "mine broken\n"
    assert the_one(receiver)


def test_asyncio_is_not_imported_for_it_and_watched_when_it_is(receiver: Receiver) -> None:
    begin = "assert 'asyncio' not in sys.modules\nconfigure()\nassert 'asyncio' not in sys.modules\nimport asyncio\n"
    program = BEGINNING.replace("import asyncio, ", "import ") + begin + TASK + "asyncio.run(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, receiver.endpoint], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 1)
    assert plain(the_one(receiver).attributes)["exception.type"] == "ValueError"


def test_what_asyncio_complains_of_without_an_exception_is_passed_on_untouched(receiver: Receiver) -> None:
    program = "loop = asyncio.new_event_loop()\nloop.call_exception_handler({'message': 'only words'})\nloop.close()"
    done = run(program, receiver)
    assert events(receiver) == []
    assert "only words" in done.stderr
    assert [record.body.string_value for record in receiver.logs] == ["only words"]


@pytest.mark.parametrize("how", ["KeyboardInterrupt", "SystemExit", "asyncio.CancelledError"])
def test_what_is_no_error_is_not_recorded(receiver: Receiver, how: str) -> None:
    run(f"raise {how}()", receiver)
    assert events(receiver) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_hooks_of_others_set_before_or_after_are_called_once(receiver: Receiver, when: str) -> None:
    hooks = """
def chained(before, name):
    def hook(*arguments):
        print(name, flush=True)
        before(*arguments)
    return hook
sys.excepthook = chained(sys.excepthook, "main")
threading.excepthook = chained(threading.excepthook, "thread")
sys.unraisablehook = chained(sys.unraisablehook, "unraisable")
"""
    program = """
t = threading.Thread(target=request)
t.start()
t.join()
class Ends:
    def __del__(self):
        request()
Ends()
request()
"""
    begin = hooks + "configure()\n" if when == "before" else "configure()\n" + hooks
    done = run(program, receiver, begin=begin)
    assert done.stdout.split() == ["thread", "unraisable", "main"]
    assert len(events(receiver)) == 3
    assert done.stderr.count("ValueError: broken") == 3


def test_a_hook_that_replaces_ours_without_passing_on_has_the_last_word(receiver: Receiver) -> None:
    done = run("sys.excepthook = lambda *_: print('mine')\nrequest()", receiver)
    assert done.stdout == "mine\n"
    assert events(receiver) == []


def test_what_a_hook_of_the_users_logs_is_exported_too(receiver: Receiver) -> None:
    begin = "sys.excepthook = lambda kind, error, traceback: logging.critical('mine', exc_info=error)\nconfigure()\n"
    run("request()", receiver, begin=begin)
    assert the_one(receiver)
    assert sorted(record.body.string_value for record in receiver.logs) == ["mine", "uncaught exception"]


def test_a_hook_that_fails_fails_as_without_us(receiver: Receiver) -> None:
    def hook(begin: str):
        return run(
            "1 / 0", receiver, begin=f"def hook(*_):\n    raise KeyError('mine')\nsys.excepthook = hook\n{begin}"
        )

    with_us, without = hook("configure()\n"), hook("pass\n")
    assert "Error in sys.excepthook" in without.stderr
    for line in without.stderr.splitlines():
        assert line in with_us.stderr
    assert the_one(receiver)


def test_after_shutdown_nothing_is_recorded_and_the_hooks_are_as_before(receiver: Receiver) -> None:
    program = """
def hooks():
    return sys.excepthook, threading.excepthook, sys.unraisablehook, asyncio.BaseEventLoop.call_exception_handler
before = hooks()
telemetry = configure()
assert all(now is not then for now, then in zip(hooks(), before))
telemetry.shutdown()
assert hooks() == before
request()
"""
    done = run(program, receiver, begin="")
    assert "ValueError: broken" in done.stderr
    assert "AssertionError" not in done.stderr
    assert events(receiver) == []


def test_configured_again_with_a_hook_in_between_it_is_recorded_once(receiver: Receiver) -> None:
    program = """
configure()
before = sys.excepthook
sys.excepthook = lambda *arguments: (print("theirs"), before(*arguments))
configure()
configure()
request()
"""
    done = run(program, receiver, begin="")
    assert the_one(receiver)
    assert done.stdout == "theirs\n"
    assert done.stderr.count("ValueError: broken") == 1


def test_configured_a_hundred_times_the_hooks_are_put_in_and_taken_out_once(receiver: Receiver) -> None:
    program = """
before = sys.excepthook
for _ in range(100):
    telemetry = configure()
telemetry.shutdown()
print(sys.excepthook is before)
configure()
request()
"""
    done = run(program, receiver, begin="")
    assert done.stdout == "True\n"
    assert the_one(receiver)


def test_a_hook_that_hands_on_to_another_of_ours_is_recorded_once(receiver: Receiver) -> None:
    program = """
threading.excepthook = lambda given: sys.excepthook(given.exc_type, given.exc_value, given.exc_traceback)
configure()
thread = threading.Thread(target=request)
thread.start()
thread.join()
"""
    run(program, receiver, begin="")
    assert the_one(receiver)


def test_a_hook_buried_under_another_does_nothing_more_after_shutdown(receiver: Receiver) -> None:
    program = """
telemetry = configure()
before = sys.excepthook
sys.excepthook = mine = lambda *arguments: before(*arguments)
telemetry.shutdown()
print(sys.excepthook is mine)
configure(uncaught_exceptions=False)
request()
"""
    done = run(program, receiver, begin="")
    assert done.stdout == "True\n"
    assert done.stderr.count("ValueError: broken") == 1
    assert receiver.span("work")
    assert events(receiver) == []


def test_another_exception_at_the_address_of_one_that_was_seen_has_no_ids(receiver: Receiver) -> None:
    program = """
@monitor
def fail():
    raise ValueError("first")
try:
    fail()
except ValueError as error:
    address = id(error)
kept = []
while id(another := ValueError("another")) != address and len(kept) < 100_000:
    kept.append(another)
assert id(another) == address
raise another
"""
    run(program, receiver)
    event = the_one(receiver)
    assert plain(event.attributes)["exception.message"] == "another"
    assert event.span_id == b""


def test_the_setting_switches_it_off(receiver: Receiver) -> None:
    run("request()", receiver, OTEL_IA_UNCAUGHT_EXCEPTIONS="false")
    assert receiver.span("work")
    assert receiver.logs == []


def test_secrets_are_taken_out(receiver: Receiver) -> None:
    run("raise ValueError('password=' + 'hunter2' * 3)", receiver)
    assert "hunter2hunter2" not in str(plain(the_one(receiver).attributes))


def test_an_exception_that_cannot_be_printed_is_recorded_too(receiver: Receiver) -> None:
    program = "class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError('no')\nwork(Odd())"
    run(program, receiver)
    assert plain(the_one(receiver).attributes)["exception.type"] == "__main__.Odd"


@pytest.mark.parametrize(
    ("value", "span_events", "records"),
    [("", 1, 0), ("logs", 0, 1), ("logs/dup", 1, 1), ("Logs/Dup , http", 1, 1), ("something else", 1, 0)],
)
def test_the_opt_in_of_the_semantic_conventions_is_honoured(
    receiver: Receiver, value: str, span_events: int, records: int
) -> None:
    program = "try:\n    request()\nexcept ValueError:\n    pass"
    done = run(program, receiver, OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=value)
    assert done.returncode == 0, done.stderr
    receiver.wait_for(spans=2, logs=records)
    work, outer = receiver.span("work"), receiver.span("request")
    assert (len(work.events), len(outer.events)) == (span_events, 0)
    assert len(events(receiver)) == len(receiver.logs) == records
    assert work.status.code == 2
    for event in events(receiver):
        assert (event.severity_number, event.span_id, event.trace_id) == (17, work.span_id, work.trace_id)
        assert event.body.string_value == "ValueError: broken"
        assert plain(event.attributes)["exception.type"] == "ValueError"
        assert work.start_time_unix_nano <= event.time_unix_nano <= work.end_time_unix_nano


def test_where_no_log_records_are_sent_events_stay(receiver: Receiver) -> None:
    program = "try:\n    request()\nexcept ValueError:\n    pass"
    run(program, receiver, OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN="logs", OTEL_LOGS_EXPORTER="none")
    assert len(receiver.span("work").events) == 1
