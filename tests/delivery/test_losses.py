"""What the limits drop: the total that is told, here and to later processes, is the total that is lost."""

import itertools
import threading

import pytest

from otel_ia.delivery.spooling.counters import Counters
from otel_ia.delivery.spooling.frames import DROPPED, SPAN, read_dropped

from .collectors import Reply, collecting
from .shipping import append_spans, shipping, wait_until
from .spools import drain, left_in, numbered, numbers, opened, run

GENERATION = """
first, count, seed = map(int, sys.argv[2:5])
random.seed(seed)
with opened(directory, size_limit=1 << 20, identity=lambda: b"%d" % first, tell=lambda _: None) as spool:
    if random.random() < 0.7:
        spool.scan()
    if random.random() < 0.5:
        spool.read(limit_frames=random.randrange(1, 500))
    prepares = random.choice([300, 2000, 1_000_000])
    for number in range(first, first + count):
        spool.append(SPAN, numbered(number))
        if number % prepares == 0:
            spool.prepare()
    if random.random() < 0.3:
        spool.close()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(script, *arguments):
    """Runs a script that kills itself."""
    with pytest.raises(AssertionError, match=r"^-9"):
        run(script, *arguments)


def told(frames):
    """How many frames the DROPPED ones among them say were dropped."""
    return sum(read_dropped(payload)[1] for kind, payload in frames if kind == DROPPED)


def lost(spool):
    """How many frames this spool and its predecessors have dropped, as far as it knows."""
    return sum(spool.counters.dropped.values()) + sum(spool.counters.dropped_earlier.values())


@pytest.mark.parametrize("seed", range(6))
def test_generations_of_killed_processes_tell_the_last_one_of_every_drop(tmp_path, seed):
    counts = [3000, 9000, 500, 12_000, 1, 4000]
    counts = counts[seed % len(counts) :] + counts[: seed % len(counts)]
    first = 0
    for generation, count in enumerate(counts):
        killed(GENERATION, tmp_path / "spool", first, count, 100 * seed + generation)
        first += count
    with opened(tmp_path / "spool", size_limit=1 << 20) as spool:
        spool.append(SPAN, numbered(first))
        while spool.scan():
            arrived = numbers(drain(spool))
    assert len(arrived) == len(set(arrived))
    assert lost(spool) == first + 1 - len(arrived)
    assert lost(spool) > 20_000


def test_what_a_process_counted_is_what_the_next_is_told(tmp_path):
    output = run(
        """
with opened(directory, size_limit=1 << 20) as spool:
    for number in range(10_000):
        spool.append(SPAN, numbered(number))
    print(spool.counters.dropped["size"], flush=True)
    os._exit(0)
""",
        tmp_path / "spool",
    )
    with opened(tmp_path / "spool") as spool:
        spool.scan()
        arrived = numbers(drain(spool))
        assert spool.counters.dropped_earlier == {"size": int(output)} == {"size": 10_000 - len(arrived)}
        assert spool.counters.dropped == {}


@pytest.mark.parametrize("adopts", [True, False])
def test_numbers_in_what_is_given_up_by_age_are_written_down_anew(tmp_path, adopts):
    with opened(tmp_path / "spool", size_limit=1 << 20) as first:
        for number in range(10_000):
            first.append(SPAN, numbered(number))
    with opened(tmp_path / "spool", age_limit=0.0) as second:
        second.append(SPAN, b"mine")
        if adopts:
            second.scan()
        else:
            second.prepare()
        second.prepare()
    if not adopts:
        assert second.counters.dropped == {"age": 10_000 - first.counters.dropped["size"]}
    assert lost(second) >= first.counters.dropped["size"] * (not adopts)
    with opened(tmp_path / "spool") as third:
        third.scan()
        arrived = len(numbers(drain(third)))
        assert lost(third) == 10_001 - arrived


def test_a_span_that_was_open_is_counted_when_it_is_given_up(tmp_path):
    run(
        """
with opened(directory) as spool:
    spool.append(START, numbered(1))
    spool.append(START, numbered(2))
    spool.append(SPAN, numbered(2))
    os._exit(0)
""",
        tmp_path / "spool",
    )
    with opened(tmp_path / "spool", age_limit=0.0) as spool:
        spool.prepare()
        assert spool.counters.dropped == {"age": 2}


def test_numbers_that_memory_has_no_room_for_are_kept(tmp_path):
    (tmp_path / "spool").write_text("a file where the directory should be")
    with opened(tmp_path / "spool", tell=lambda _text: None, memory_limit=10_000) as spool:
        spool.append(DROPPED, (7).to_bytes(8, "little") + b"size")
        for number in range(100):
            spool.append(SPAN, numbered(number))
        unrecorded = spool.counters.take_unrecorded()
    assert unrecorded == {"size": 7, "memory": 100 - 10_000 // 308}


def test_a_batch_that_waits_for_its_collector_is_either_dropped_or_delivered(tmp_path):
    is_up = threading.Event()
    with (
        collecting(lambda _: Reply(200 if is_up.is_set() else 503)) as collector,
        shipping(tmp_path, collector.endpoint, spool_options={"size_limit": 1 << 20}) as (spool, shipper),
    ):
        names = append_spans(spool, "0".rjust(300))
        wait_until(lambda: shipper.counters.retried > 0)
        names += append_spans(spool, *(str(number).rjust(300) for number in range(1, 10_000)))
        is_up.set()
        assert shipper.flush(20)
        arrived = collector.spans
        assert arrived[-1000:] == names[-1000:], "the oldest go first, save what is being sent at that moment"
        assert len(arrived) == len(set(arrived))
        assert spool.counters.dropped == {"size": len(names) - len(arrived)}


def test_a_batch_whose_request_is_under_way_is_not_dropped(tmp_path):
    is_asked, may_answer = threading.Event(), threading.Event()

    def respond(_):
        is_asked.set()
        return Reply(200 if may_answer.wait(30) else 500)

    with (
        collecting(respond) as collector,
        shipping(tmp_path, collector.endpoint, spool_options={"size_limit": 1 << 20}) as (spool, shipper),
    ):
        names = append_spans(spool, *(str(number).rjust(300) for number in range(100)))
        assert is_asked.wait(10)
        names += append_spans(spool, *(str(number).rjust(300) for number in range(100, 10_000)))
        may_answer.set()
        assert shipper.flush(20)
        arrived = collector.spans
        assert arrived[0] == names[0]
        assert len(arrived) == len(set(arrived))
        assert spool.counters.dropped == {"size": len(names) - len(arrived)}


def test_what_of_a_batch_had_arrived_is_not_counted_as_dropped(tmp_path):
    answers = itertools.chain([413, 413, 200], itertools.repeat(503))
    is_up = threading.Event()

    def respond(request):
        if not request.body:
            return Reply()
        return Reply(200 if is_up.is_set() else next(answers))

    with (
        collecting(respond) as collector,
        shipping(tmp_path, collector.endpoint, is_started=False, spool_options={"size_limit": 1 << 20}) as (
            spool,
            shipper,
        ),
    ):
        names = append_spans(spool, *(str(number).rjust(300) for number in range(100)))
        shipper.start()
        wait_until(lambda: shipper.counters.delivered["traces"] == 25)
        wait_until(lambda: shipper.counters.retried > 0)
        names += append_spans(spool, *(str(number).rjust(300) for number in range(100, 10_000)))
        is_up.set()
        assert shipper.flush(20)
        arrived = collector.spans
        assert len(arrived) == len(set(arrived))
        assert spool.counters.dropped == {"size": len(names) - len(arrived)}


def test_a_number_is_kept_while_the_telemetry_behind_it_cannot_be_delivered(tmp_path):
    with (
        collecting(lambda _: Reply(503)) as collector,
        shipping(tmp_path, collector.endpoint, is_started=False) as (spool, shipper),
    ):
        append_spans(spool, "delivered before")
        drain(spool)
        spool.counters.drop("memory", 7)
        spool.prepare()
        append_spans(spool, "kept")
        shipper.start()
        wait_until(lambda: shipper.counters.retried > 0)
        shipper.stop()
    assert told(left_in(tmp_path)) == 7


def test_each_spool_of_a_process_makes_room_for_the_others(tmp_path):
    options = {"size_limit": 1 << 20}
    with opened(tmp_path / "spool", **options) as idle, opened(tmp_path / "spool", **options) as busy:
        for number in range(4000):
            idle.append(SPAN, numbered(number))
        for number in range(10_000):
            busy.append(SPAN, numbered(number))
            if number % 500 == 0:
                busy.prepare()
        for spool, count in ((idle, 4000), (busy, 10_000)):
            frames = drain(spool)
            assert len(numbers(frames)) + spool.counters.dropped["size"] == count
            assert told(frames) == spool.counters.dropped["size"]
        assert idle.counters.dropped["size"] > 1000


def test_a_child_has_dropped_nothing_of_its_parents(tmp_path):
    run(
        """
with opened(directory) as spool:
    spool.append(SPAN, numbered(1))
    spool.counters.drop("memory", 5)
    child = os.fork()
    if not child:
        assert spool.counters.dropped == {}
        spool.counters.drop("memory", 2)
        spool.append(SPAN, numbered(1 << 40))
        spool.prepare()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    spool.prepare()
    os._exit(0)
""",
        tmp_path / "spool",
    )
    frames = left_in(tmp_path / "spool")
    assert sorted(numbers(frames)) == [1, 1 << 40]
    assert told(frames) == 5 + 2


def test_counting_in_many_threads_loses_no_number():
    counters = Counters()
    recorded = []
    is_over = threading.Event()

    def count():
        for _ in range(20_000):
            counters.drop("memory")

    def look():
        while not is_over.is_set():
            assert counters.dropped.get("memory", 0) >= 0

    def record():
        while not is_over.is_set():
            recorded.append(counters.take_unrecorded().get("memory", 0))

    counting = [threading.Thread(target=count) for _ in range(4)]
    others = [threading.Thread(target=look), threading.Thread(target=record)]
    for thread in (*counting, *others):
        thread.start()
    for thread in counting:
        thread.join()
    is_over.set()
    for thread in others:
        thread.join()
    recorded.append(counters.take_unrecorded().get("memory", 0))
    assert sum(recorded) == counters.dropped["memory"] == 80_000
