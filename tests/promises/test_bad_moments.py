"""What another thread, a signal handler or a fork does just then: no file of the program's is touched, nobody hangs.

A descriptor is a number. Whoever goes on with one that was closed meanwhile works on the next file that was opened; so
each program here opens files of its own at the bad moment, and looks at them in the end.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BEGINNING = """
import faulthandler, os, signal, sys, threading, time
faulthandler.dump_traceback_later(20, exit=True)
import otel_ia
from otel_ia.delivery.spooling.frames import SPAN
from otel_ia.delivery.spooling.spool import Spool
from pathlib import Path

PORT = int(sys.argv[1])
CONTENT = b"0123456789abcdef" * 8_192
files = []

def open_files():
    for number in range(24):
        files.append(file := open(f"file-{number}", "w+b", buffering=0))
        file.write(CONTENT)

def changed():
    return [file.name for file in files if Path(file.name).read_bytes() != CONTENT]

def in_a_thread(work, name="another"):
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread

def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return lambda: os.waitpid(child, 0)[1]

def scraped(port=PORT):
    return otel_ia.configure(
        service_name="scraped", console=False, metrics_exporter="prometheus", traces_exporter="none",
        prometheus_port=port,
    )

def spool(name):
    return Spool(directory=Path(name).absolute(), fingerprint=b"d", identity=lambda: b"me", tell=print)

@otel_ia.monitor("work")
def work():
    pass
"""
ENDING = """
print("files changed:", changed(), flush=True)
os._exit(0)
"""


@pytest.fixture
def printed(tmp_path: Path, unused_port: int) -> Callable[[str], list[str]]:
    def run(program: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGINNING + program + ENDING, str(unused_port)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_thread_that_cannot_be_started_is_not_woken_at_the_end(printed):
    assert printed("""
start = threading.Thread.start
def limited(thread):
    if thread.name == "otel_ia prometheus":
        raise RuntimeError("can't start new thread")
    start(thread)
threading.Thread.start = limited
telemetry = scraped()
open_files()
[file.seek(0) for file in files]
telemetry.shutdown()
""") == ["files changed: []"]


def test_a_signal_handler_that_shuts_down_leaves_the_line_under_way_to_whom_it_interrupts(printed):
    assert printed("""
import logging
from otel_ia.outputs.line_stream import LineStream
telemetry = otel_ia.configure(
    service_name="x", console=False, log_file="app.log", traces_exporter="none", metrics_exporter="none",
    logs_exporter="none",
)
logger = logging.getLogger("app")
def handle(*_):
    telemetry.shutdown()
    open_files()
signal.signal(signal.SIGTERM, handle)
write = LineStream.write
def interrupted(stream, text):
    LineStream.write = write
    signal.raise_signal(signal.SIGTERM)
    return write(stream, text)
LineStream.write = interrupted
logger.warning("under way")
print([line.split("app: ")[1] for line in Path("app.log").read_text().splitlines()])
print([name for name in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{name}").endswith("app.log")])
""") == ["['under way']", "[]", "files changed: []"]


@pytest.mark.parametrize("call", ["mmap.mmap", "os.posix_fallocate"])
def test_counters_that_grow_during_the_shutdown_grow_in_no_other_file(printed, call):
    assert printed(f"""
from otel_ia.prometheus import counter_file
import mmap
telemetry = scraped(0)
calls = [otel_ia.monitor(f"work {{number}}")(lambda: None) for number in range(400)]
calls[0]()
real = {call}
def late(*arguments, **more):
    if threading.current_thread() is threading.main_thread() and not files:
        in_a_thread(telemetry.shutdown).join(1)
        open_files()
    return real(*arguments, **more)
{call} = late
[call() for call in calls]
print(len(files))
""") == ["24", "files changed: []"]


def test_a_child_forked_while_counters_are_closed_does_not_close_them_again(printed):
    assert printed("""
from otel_ia.prometheus import counter_file
telemetry = scraped(0)
work()
closed, forked, close = threading.Event(), threading.Event(), os.close
def late(descriptor):
    close(descriptor)
    if sys._getframe(1).f_code.co_filename == counter_file.__file__ and threading.current_thread().name == "another":
        closed.set()
        forked.wait(5)
os.close = late
in_a_thread(telemetry.shutdown)
closed.wait()
open_files()
status = in_child(lambda: print([os.fstat(file.fileno()).st_size for file in files] == [len(CONTENT)] * 24, flush=True))
forked.set()
print(status())
""") == ["True", "0", "files changed: []"]


def test_where_files_cannot_be_allocated_a_segment_that_is_given_up_is_not_looked_after(printed):
    assert printed("""
from otel_ia.delivery.spooling import fresh, losses
fresh.CAN_ALLOCATE = False
here = spool("spool")
here.append(SPAN, b"x" * 100)
(path,) = Path("spool").glob("*.segment")
key, pwrite = (path.stat().st_dev, path.stat().st_ino), os.pwrite
def late(descriptor, content, at):
    if not files and os.fstat(descriptor).st_ino == key[1]:
        def give_up():
            [here.append(SPAN, b"x" * 1_000) for _ in range(400)]
            losses.give_up_held(key, "size")
        in_a_thread(give_up).join()
        open_files()
    return pwrite(descriptor, content, at)
os.pwrite = late
here.prepare()
print(len(files))
""") == ["24", "files changed: []"]


def test_threads_that_fork_at_once_let_go_each_of_its_own_locks(printed):
    """One waits in vain for the lock of who makes a segment, the other gets that one and none of the first one's."""
    assert printed("""
from otel_ia.forks import at_forks
pauses = {}
def pause():
    if (pause := pauses.get(threading.get_ident())) is not None:
        pause[0].set()
        pause[1].wait(5)
# after ours: such hooks run in the reverse order
for module in [name for name in sys.modules if name.startswith("otel_ia")]:
    del sys.modules[module]
os.register_at_fork(before=pause)
from otel_ia.delivery.spooling import fresh
from otel_ia.delivery.spooling.spool import Spool
here, other = spool("here"), spool("other")
here.append(SPAN, b"x" * 100)
making, made, allocate = threading.Event(), threading.Event(), os.posix_fallocate
def slow(*arguments):
    making.set()
    made.wait(5)
    allocate(*arguments)
os.posix_fallocate = slow
maker = in_a_thread(lambda: [here.append(SPAN, b"x" * 1_000) for _ in range(300)])
making.wait()
def fork(first, then):
    pauses[threading.get_ident()] = first, then
    in_child(lambda: None)()
events = [threading.Event() for _ in range(4)]
one = in_a_thread(lambda: fork(events[0], events[1]))
events[0].wait()
os.posix_fallocate = allocate
made.set()
two = in_a_thread(lambda: fork(events[2], events[3]))
events[2].wait()
events[1].set()
one.join()
events[3].set()
two.join()
maker.join(10)
recording = in_a_thread(lambda: [here.append(SPAN, b"x" * 1_000) for _ in range(1_000)])
recording.join(10)
print(maker.is_alive(), recording.is_alive())
""") == ["False False", "files changed: []"]


def test_a_thread_that_records_with_a_lock_that_a_fork_takes_does_not_wait_for_the_fork(printed):
    assert printed("""
mine, has_it = threading.Lock(), threading.Event()
for module in [name for name in sys.modules if name.startswith("otel_ia")]:
    del sys.modules[module]
os.register_at_fork(before=mine.acquire, after_in_parent=mine.release, after_in_child=mine.release)
from otel_ia.delivery.spooling.spool import Spool
here = spool("here")
here.append(SPAN, b"x" * 100)
def record():
    with mine:
        has_it.set()
        time.sleep(0.3)  # the other begins to fork
        [here.append(SPAN, b"x" * 1_000) for _ in range(1_000)]
recording = in_a_thread(record)
has_it.wait()
print(in_child(lambda: None)())
recording.join()
here.prepare()
found = 0
while batch := here.read():
    found += len(batch.frames)
    batch.acknowledge()
print(found, here.counters.dropped)
""") == ["0", "1001 {}", "files changed: []"]


def test_a_child_does_not_wait_for_a_thread_of_its_parents_that_opened_something(printed):
    assert printed("""
opening, real = threading.Event(), os.open
def slow(path, flags, *arguments, **more):
    descriptor = real(path, flags, *arguments, **more)
    if path == "listener.sign" and flags & os.O_RDWR and not opening.is_set():
        opening.set()
        time.sleep(1.5)
    return descriptor
os.open = slow
telemetry = scraped()
work()
opening.wait()
print(in_child(lambda: (work(), print("worked", flush=True)))())
""") == ["worked", "0", "files changed: []"]


@pytest.mark.parametrize("what", ["telemetry.shutdown()", "configure()"])
def test_a_child_forked_while_another_thread_configures_may_do_so_too(printed, what):
    assert printed(f"""
from otel_ia.sdk.stack import Stack
def configure():
    return otel_ia.configure(service_name="x", console=False)
telemetry = configure()
inside, forked, tell = threading.Event(), threading.Event(), Stack._tell
def late(stack, before):
    tell(stack, before)
    if threading.current_thread().name == "another":
        inside.set()
        forked.wait(5)
Stack._tell = late
in_a_thread(configure)
inside.wait()
status = in_child(lambda: ({what}, print("through", flush=True)))
forked.set()
print(status())
""") == ["through", "0", "files changed: []"]


def test_a_signal_handler_may_set_a_level_in_the_middle_of_setting_one(printed):
    assert printed("""
import logging
from otel_ia.configuration.levels import set_logger_level
signal.signal(signal.SIGUSR1, lambda *_: set_logger_level("app", logging.DEBUG))
real = logging.Logger.setLevel
def interrupted(logger, level):
    logging.Logger.setLevel = real
    signal.raise_signal(signal.SIGUSR1)
    real(logger, level)
logging.Logger.setLevel = interrupted
set_logger_level("app", logging.INFO)
print("through")
""") == ["through", "files changed: []"]


def test_a_child_forked_just_when_its_parent_lets_go_of_its_sign_keeps_nothing_of_it(printed):
    assert printed("""
from otel_ia.prometheus import turns
telemetry = scraped()
work()
def signs():
    names = os.listdir("/proc/self/fd")
    return [name for name in names if "listener.sign" in os.path.realpath(f"/proc/self/fd/{name}")]
def is_there():
    flags = [Path(f"/proc/self/fdinfo/{name}").read_text().split("flags:")[1].split()[0] for name in signs()]
    return any(int(flag, 8) & os.O_RDWR for flag in flags)
while not is_there():
    time.sleep(0.01)
closing, forked, close = threading.Event(), threading.Event(), os.close
def late(descriptor):
    if sys._getframe(1).f_code.co_filename == turns.__file__ and str(descriptor) in signs():
        closing.set()
        forked.wait(0.5)
    close(descriptor)
os.close = late
in_a_thread(telemetry.shutdown)
closing.wait()
child = os.fork()
forked.set()
if child == 0:
    print(signs(), flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1])
""") == ["[]", "0", "files changed: []"]


def test_a_flush_of_the_metrics_during_the_shutdown_does_not_wait_for_who_has_ended(printed):
    assert printed("""
from otel_ia.sdk import metric_export
sys.stderr = open(os.devnull, "w")
telemetry = otel_ia.configure(service_name="x", console=False, metrics_exporter="console", traces_exporter="none")
work()
real, ended = metric_export.Bell, []
class Late(real):
    def __init__(self):
        super().__init__()
        if threading.current_thread() is threading.main_thread() and not ended:
            ended.append(True)
            in_a_thread(telemetry.shutdown).join()
metric_export.Bell = Late
from otel_ia.sdk.metering import provider
began = time.monotonic()
print(provider.current.exports[0].force_flush(15_000), time.monotonic() - began < 10)
""") == ["True True", "files changed: []"]
