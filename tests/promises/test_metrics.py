"""Metrics of real processes: nothing counted twice, nothing mixed, whoever forks and dies."""

from pathlib import Path

from receiver import Receiver, plain

from .programs import deliver_what_is_left, ended, finish, finish_alone, read_until, start

COUNT = """
def calls(number):
    for _ in range(number):
        work(1)
"""
FORKED = """
import atexit
def in_child(do):
    child = os.fork()
    if child == 0:
        do()
        os._exit(0)
    os.waitpid(child, 0)
"""


def counts(receiver: Receiver) -> list[int]:
    """The last count of `work` of each instance."""
    return sorted(
        point.count
        for point in receiver.last_points("ia.call.duration").values()
        if plain(point.attributes)["ia.operation"] == "work"
    )


def test_what_was_counted_is_sent_at_the_end_of_the_program(receiver: Receiver) -> None:
    _, err, status = finish(COUNT + "calls(1_000)", receiver.endpoint)
    assert (err, status) == ("", 0)
    assert counts(receiver) == [1_000]


def test_counts_are_the_same_whatever_sampling_leaves_out(receiver: Receiver) -> None:
    _, err, status = finish(COUNT + "calls(1_000)", receiver.endpoint, OTEL_TRACES_SAMPLER="always_off")
    assert (err, status) == ("", 0)
    assert counts(receiver) == [1_000]
    assert receiver.spans == []


def test_a_forked_child_counts_from_zero_as_a_process_of_its_own(receiver: Receiver) -> None:
    program = "calls(10)\nfor number in (3, 4):\n    in_child(lambda: (calls(number), telemetry.flush(10)))\ncalls(5)"
    _, err, status = finish(COUNT + FORKED + program, receiver.endpoint)
    assert (err, status) == ("", 0)
    assert counts(receiver) == [3, 4, 15]
    instances = {key[0] for key in receiver.last_points("ia.call.duration")}
    of_spans = {resource["service.instance.id"] for resource, _ in receiver.spans_by_resource}
    assert len(instances) == 3
    assert instances == of_spans


def test_a_fork_in_the_middle_of_a_call_counts_it_once(receiver: Receiver) -> None:
    program = """
@monitor("around")
def around():
    in_child(lambda: (calls(2), telemetry.flush(10)))
around()
"""
    _, err, status = finish(COUNT + FORKED + program, receiver.endpoint)
    assert (err, status) == ("", 0)
    around = [
        point.count
        for point in receiver.last_points("ia.call.duration").values()
        if plain(point.attributes)["ia.operation"] == "around"
    ]
    assert around == [1]
    assert counts(receiver) == [2]


def test_the_last_export_of_a_killed_process_is_delivered_by_the_next(receiver: Receiver, spool: Path) -> None:
    receiver.status = 503
    program = COUNT + "calls(7)\ntelemetry.flush(0.5)\nprint('exported', flush=True)\nsys.stdin.read()"
    process = start(program, receiver.endpoint)
    read_until(process, "exported")
    process.kill()
    ended(process)
    receiver.status = 200
    deliver_what_is_left(receiver, spool)
    assert 7 in counts(receiver)


def test_a_child_that_has_forked_under_load_never_hangs(receiver: Receiver) -> None:
    program = """
import threading
stopped = threading.Event()
def load():
    while not stopped.is_set():
        work(1)
        counter.add(1, {"a": "b"})
from opentelemetry import metrics
counter = metrics.get_meter("mine").create_counter("mine")
threads = [threading.Thread(target=load) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(40):
    in_child(lambda: (calls(1), counter.add(1)))
stopped.set()
for thread in threads:
    thread.join()
assert telemetry.flush(60)  # as many spans as two threads can make: the end of a program waits two seconds
"""
    _, err, status = finish(COUNT + FORKED + program, receiver.endpoint)
    assert (err, status) == ("", 0)


def test_a_meter_provider_of_another_library_stays_and_counts_calls(receiver: Receiver) -> None:
    program = """
import json
logging.basicConfig(level="INFO", stream=sys.stdout)
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
theirs = MeterProvider([reader])
metrics.set_meter_provider(theirs)
telemetry = otel_ia.configure(service_name="promised", endpoint=sys.argv[1])
assert metrics.get_meter_provider() is theirs
calls(3)
try:
    with monitor("wrong", attributes={"ia.batch.size": 4}):
        assert reader.get_metrics_data()
        raise ValueError
except ValueError:
    pass
@monitor
def stream():
    yield 1
list(stream())
(resource,) = reader.get_metrics_data().resource_metrics
for scope in resource.scope_metrics:
    for metric in scope.metrics:
        for point in metric.data.data_points:
            print("POINT", metric.name, point.attributes, getattr(point, "count", None) or point.value)
"""
    out, err, status = finish_alone(COUNT + program, receiver.endpoint)
    assert (err, status) == ("", 0)
    assert out.count("counts calls with its instruments") == 1
    points = {line for line in out.splitlines() if line.startswith("POINT ia")}
    assert "POINT ia.call.duration {'ia.operation': 'work', 'ia.outcome': 'ok'} 3" in points
    assert "POINT ia.call.active {'ia.operation': 'work'} 0" in points
    assert (
        "POINT ia.call.duration {'ia.operation': 'wrong', 'ia.outcome': 'error', 'error.type': 'ValueError'} 1"
        in points
    )
    assert "POINT ia.batch.size {'ia.operation': 'wrong'} 1" in points
    assert "POINT ia.stream.items {'ia.operation': 'stream'} 1" in points
    assert receiver.metrics == []


def test_a_meter_provider_alone_counts_calls_without_configure() -> None:
    program = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
work(1)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
work(1)
(resource,) = reader.get_metrics_data().resource_metrics
print([metric.name for metric in resource.scope_metrics[0].metrics])
"""
    out, err, status = finish_alone(program, "")
    assert (err, status) == ("", 0)
    assert "ia.call.duration" in out
    assert "ia.call.active" in out


def test_secrets_of_resources_and_scopes_do_not_leave_with_metrics(receiver: Receiver) -> None:
    program = """
from opentelemetry import metrics
secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
telemetry = otel_ia.configure(
    service_name="promised", endpoint=sys.argv[1], resource_attributes={"deploy": "with " + secret}
)
metrics.get_meter("meter " + secret).create_counter("c").add(1)
telemetry.shutdown()
"""
    _, err, status = finish_alone(program, receiver.endpoint)
    assert (err, status) == ("", 0)
    sent = repr([(resource, scope) for resource, scope, _ in receiver.metrics])
    assert "deploy" in sent
    assert "meter " in sent
    assert "ghp_a1B2c3" not in sent
