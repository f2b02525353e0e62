"""Recording where Python interrupts: signal handlers, finalizers, logging handlers. No deadlock, nothing lost."""

from pathlib import Path

from receiver import Receiver

from .programs import deliver_what_is_left, finish, numbers


def test_a_signal_handler_at_two_kilohertz_records_and_is_recorded(receiver: Receiver, spool: Path) -> None:
    program = """
import signal
HANDLED, MOST = 2000, 1_000_000
handled = 0

def handle(*_):
    global handled
    if handled < HANDLED:
        handled += 1
        work(MOST + handled)

signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
number = 0
while handled < HANDLED:
    work(number)
    number += 1
    if number % 1000 == 0:
        telemetry.flush(0.05)
signal.setitimer(signal.ITIMER_REAL, 0)
telemetry.flush(20)
print(number)
"""
    out, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == [*range(int(out)), *range(1_000_001, 1_002_001)]


def test_finalizers_that_record_lose_nothing(receiver: Receiver, spool: Path) -> None:
    program = """
import gc
gc.set_threshold(50)

class Recorded:
    def __init__(self, number):
        self.number, self.self = number, self
    def __del__(self):
        work(self.number)
        ended.append(self.number)

ended = []
for number in range(2000):
    Recorded(number)
    work(10_000 + number)
while len(ended) < 2000:  # another thread may be collecting
    gc.collect()
    time.sleep(0.001)
"""
    _, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == [*range(2000), *range(10_000, 12_000)]


def test_finalizers_that_do_all_for_the_first_time_find_no_lock_taken(receiver: Receiver, spool: Path) -> None:
    program = """
import gc
from opentelemetry import trace

class First:
    def __init__(self, number):
        self.number, self.self = number, self
    def __del__(self):
        begin(self.number)

def begin(number):
    with monitor(f"own {number}"):
        logging.getLogger(f"of {number}").warning("first %d", number)
    trace.get_tracer(f"tracer {number}").start_span("step", attributes={"number": number}).end()
    ended.append(number)

ended = []
gc.collect()
gc.set_threshold(20)  # a collection every few lines, wherever those are
for number in range(600):
    First(10_000 + number)
    First(number % 300)  # every second time another has been there before
    begin(number)
gc.set_threshold(700)
while len(ended) < 1800:
    gc.collect()
    time.sleep(0.001)
"""
    _, err, status = finish(program, receiver.endpoint)
    assert (err.count("first"), status) == (1800, 0), err[-2000:]
    deliver_what_is_left(receiver, spool)
    each = sorted([*range(600), *range(10_000, 10_600), *range(300), *range(300)])
    assert numbers(receiver) == each
    assert sorted(span.name for span in receiver.spans if span.name != "step") == sorted(f"own {n}" for n in each)
    assert sorted(log.body.string_value for log in receiver.logs) == sorted(f"first {n}" for n in each)
    assert sum(point.count for point in receiver.last_points("ia.call.duration").values()) == 1800


def test_generators_that_the_collector_ends_record(receiver: Receiver, spool: Path) -> None:
    program = """
import gc
gc.set_threshold(50)
ended, collections = [], []
gc.callbacks.append(lambda phase, _: collections.append(1) if phase == "start" else collections.pop())

class Holder:
    pass

@monitor
def items(number, holder):
    try:
        yield holder
    finally:
        work(number)
        ended.append(number)

for number in range(1000):
    holder = Holder()
    holder.generator = items(number, holder)
    next(holder.generator)
    work(10_000 + number)
del holder
while len(ended) < 1000 or collections:  # another thread may be collecting
    gc.collect()
    time.sleep(0.001)
"""
    _, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == [*range(1000), *range(10_000, 11_000)]
    assert sum(span.name.endswith("items") for span in receiver.spans) == 1000


def test_a_logging_handler_may_record(receiver: Receiver, spool: Path) -> None:
    program = """
import threading
logging.raiseExceptions = True

class Recording(logging.Handler):
    def emit(self, record):
        if record.name != "inner":
            work(record.number)
            logging.getLogger("inner").info("inner %d", record.number)

logging.root.setLevel("INFO")
logging.root.addHandler(Recording())

def log(thread):
    for number in range(200):
        logging.getLogger("outer").info("outer", extra={"number": thread * 200 + number})

threads = [threading.Thread(target=log, args=(thread,)) for thread in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    _, err, status = finish(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    deliver_what_is_left(receiver, spool)
    assert numbers(receiver) == list(range(800))
    bodies = [record.body.string_value for record in receiver.logs]
    assert bodies.count("outer") == 800
    assert sum(body.startswith("inner ") for body in bodies) == 800


def test_a_finalizer_that_runs_on_the_delivering_thread_is_heard_and_what_delivers_is_not(receiver: Receiver) -> None:
    program = """
import urllib3

class Last:
    def __init__(self):
        self.self = self
    def __del__(self):
        logging.getLogger("app").warning("from %s", threading.current_thread().name)
        logging.getLogger("urllib3.connectionpool").warning("of the delivery")

def work():
    gc.disable()
    Last()
    gc.collect()
    gc.enable()

import gc, threading
thread = threading.Thread(target=work, name="otel_ia shipper")
thread.start()
thread.join()
telemetry.flush(20)
"""
    _, _, status = finish(program, receiver.endpoint)
    assert status == 0
    assert [log.body.string_value for log in receiver.logs] == ["from otel_ia shipper"]
