"""Children: they neither read nor write nor unlock what is their parent's, and lose nothing of their own."""

import pytest

from .spools import files, left_in, numbers, run


def test_a_child_begins_anew_and_its_parent_keeps_its_locks(tmp_path):
    output = run(
        """
with opened(directory, identity=lambda: str(os.getpid()).encode()) as spool:
    spool.define_scope(b"scope")
    spool.append(SPAN, numbered(1))
    parent = os.getpid()
    child = os.fork()
    if not child:
        assert spool.read() is None
        spool.append(SPAN, numbered(2))
        batch = spool.read()
        assert batch.identity == str(os.getpid()).encode() and batch.identity != str(parent).encode()
        assert batch.scopes == (b"scope",)
        assert numbers(batch.frames) == [2]
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    stranger = os.fork()
    if not stranger:
        spool.close()
        assert numbers(left_in(directory)) == [2], "the parent's segment is still locked"
        os._exit(0)
    assert os.waitpid(stranger, 0)[1] == 0
    assert numbers(drain(spool)) == [1]
""",
        tmp_path / "spool",
    )
    assert output == ""
    assert files(tmp_path / "spool") == []


def test_two_hundred_forks_under_load_neither_hang_nor_lose_nor_double(tmp_path):
    output = run(
        """
import gc
stop = threading.Event()
counts = [0] * 3
with opened(directory) as spool:
    def load(index):
        while not stop.is_set():
            spool.append(SPAN, numbered(index << 32 | counts[index], 700))
            counts[index] += 1
            if counts[index] % 100 == 0:
                time.sleep(0.001)
    def ship():
        while not stop.is_set():
            spool.wait(0.01)
            spool.prepare()
            delivered.extend(numbers(drain(spool)))
    delivered = []
    threads = [threading.Thread(target=load, args=(index,)) for index in range(3)] + [threading.Thread(target=ship)]
    for thread in threads:
        thread.start()
    for turn in range(200):
        child = os.fork()
        if not child:
            signal.alarm(20)
            for number in range(10):
                spool.append(SPAN, numbered(1 << 48 | turn << 32 | number))
            spool.prepare()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, turn
    stop.set()
    for thread in threads:
        thread.join()
    delivered += numbers(drain(spool))
    own = sorted(index << 32 | number for index in range(3) for number in range(counts[index]))
    assert sorted(delivered) == own, (len(delivered), len(own))
    assert spool.counters.dropped == {}, spool.counters
print("done")
""",
        tmp_path / "spool",
    )
    assert output == "done\n"
    left = sorted(numbers(left_in(tmp_path / "spool")))
    assert left == [1 << 48 | turn << 32 | number for turn in range(200) for number in range(10)]


def test_a_fork_in_a_signal_handler_in_the_middle_of_an_append_doubles_nothing(tmp_path):
    output = run(
        """
children = []
with opened(directory, tell=lambda _text: None) as spool:
    def fork(*_):
        child = os.fork()
        if not child:
            children.clear()
            children.append(None)
        else:
            children.append(child)
            if len(children) < 40:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0005, 0.002))
    signal.signal(signal.SIGALRM, fork)
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    number = 0
    while len(children) < 40 and None not in children:
        spool.append(SPAN, numbered(number, 3000))
        number += 1
        if number % 200 == 0:
            spool.prepare()
    if None in children:
        spool.append(SPAN, numbered(1 << 40))
        os._exit(0)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    read = numbers(drain(spool))
    missing = sorted(set(range(number)) - set(read))
    assert sorted(read) == list(range(number)), (number, len(read), len(set(read)), missing, spool.counters)
    print(len(children), flush=True)
    os._exit(0)
""",
        tmp_path / "spool",
    )
    # what a child was about to append when it was forked may be its own as well as its parent's
    left = numbers(left_in(tmp_path / "spool"))
    assert left.count(1 << 40) == int(output) == 40


FORKED_AT_EACH_STEP = """
from otel_ia.delivery.spooling.writer import Writer
CODES = {method.__code__ for method in vars(Writer).values() if hasattr(method, "__code__")}
filled = int(sys.argv[2])
child = step = 0
while child is not None:
    child, left = None, step
    step += 1
    has_begun = False
    def fork(frame, event, _):
        global child, left, has_begun
        if frame.f_code not in CODES or child is not None:
            return None
        frame.f_trace_opcodes = True
        has_begun = has_begun or "segment" in frame.f_locals
        left -= has_begun and event == "opcode"
        if left < 0:
            sys.settrace(None)
            child = os.fork()
        return fork
    place = directory / str(step)
    with opened(place) as spool:
        spool.append(SPAN, numbered(0, filled))
        if len(sys.argv) > 3:
            spool.prepare()
        sys.settrace(fork)
        spool.append(SPAN, numbered(1))
        sys.settrace(None)
        if child == 0:
            spool.append(SPAN, numbered(1 << 40))
            os._exit(0)
        elif child is not None:
            assert os.waitpid(child, 0)[1] == 0, step
            spool.append(SPAN, numbered(2))
            assert numbers(drain(spool)) == [0, 1, 2], step
            left = numbers(left_in(place))
            assert left == [1 << 40], (step, left)
print(step)
"""


@pytest.mark.parametrize(
    "filled",
    [(1000,), (200_000,), (200_000, "and the next made"), (262_000,), (262_000, "and the next made")],
    ids=str,
)
def test_a_fork_at_any_step_of_an_append_keeps_the_frame_to_the_parent_alone(tmp_path, filled):
    output = run(FORKED_AT_EACH_STEP, tmp_path, *filled)
    assert int(output) > 20
