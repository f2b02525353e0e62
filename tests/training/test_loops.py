"""Training loops: a run, its epochs and some of their steps as spans, however the loops are left."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.context import get_current

import otel_ia
from otel_ia import SettingError, monitor, training

from .training_loops import Broken, forward, outcomes

FOREIGN = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otel_ia import training

memory, reader = InMemorySpanExporter(), InMemoryMetricReader()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(memory))
metrics.set_meter_provider(MeterProvider([reader]))
for _ in training.epochs(1):
    for _ in training.steps(range(3), every=100):
        training.record(loss=0.5)
for span in memory.get_finished_spans():
    print(span.name, span.attributes.get("ia.step"))
for resource in reader.get_metrics_data().resource_metrics:
    found = [metric for scope in resource.scope_metrics for metric in scope.metrics]
    for metric in sorted(found, key=lambda metric: metric.name):
        for point in metric.data.data_points:
            if metric.name in ("ia.training.loss", "ia.training.step.duration"):
                print(metric.name, getattr(point, "count", None) or point.value)
"""


def test_a_run_has_its_epochs_and_they_have_some_of_their_steps(telemetry):
    for _ in otel_ia.training.epochs(2, model="digits"):
        for _ in otel_ia.training.steps(range(5), every=2):
            forward()
    epoch = ["step", ["forward"], "forward", "step", ["forward"], "forward", "step", ["forward"]]
    assert telemetry.tree == ["training", ["epoch", epoch, "epoch", epoch]]
    assert {span.attributes["ia.model.name"] for span in telemetry.spans if span.name != "forward"} == {"digits"}
    epochs = [span for span in telemetry.spans if span.name == "epoch"]
    assert [span.attributes["ia.epoch"] for span in epochs] == [0, 1]
    assert [span.attributes["ia.training.steps"] for span in epochs] == [5, 5]
    steps = [span.attributes["ia.step"] for span in telemetry.spans if span.name == "step"]
    assert steps == [0, 2, 4] * 2
    run = telemetry.span("training").attributes
    assert (run["ia.epoch"], run["ia.step"]) == (1, 4)
    assert {span.outcome for span in telemetry.spans} == {"ok"}


def test_spans_say_where_the_loop_stands(telemetry):
    list(training.steps([1]))
    assert {span.attributes["code.function.name"].rpartition(".")[2] for span in telemetry.spans} == {
        "test_spans_say_where_the_loop_stands"
    }
    assert {span.attributes["code.file.path"] for span in telemetry.spans} == {__file__}


def test_the_loops_give_what_they_go_through(telemetry):
    batches = [object(), None, "text"]
    assert list(training.epochs(3)) == [0, 1, 2]
    assert {type(epoch) for epoch in training.epochs(3)} == {int}
    assert list(training.epochs(range(4, 6))) == [4, 5]
    assert list(training.epochs(["warm", "cold"])) == ["warm", "cold"]
    assert all(given is batch for given, batch in zip(training.steps(batches), batches, strict=True))
    assert list(training.epochs(0)) == list(training.steps([])) == []
    assert len(training.epochs(3)) == len(training.steps(batches)) == 3
    with pytest.raises(TypeError):
        len(training.steps(iter(batches)))
    numbers = [span.attributes["ia.epoch"] for span in telemetry.spans if span.name == "epoch"]
    assert numbers == [0, 1, 2, 0, 1, 2, 4, 5, 0, 1]


def test_progress_bars_go_around_them(telemetry, monkeypatch):
    tqdm = pytest.importorskip("tqdm")
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)  # no thread
    for _ in tqdm.tqdm(training.epochs(2), disable=True):
        for number, _ in enumerate(tqdm.tqdm(training.steps(range(9), every=1), disable=True)):
            if number == 1:
                break
    assert telemetry.tree == ["training", ["epoch", ["step", "step"]] * 2]


def test_a_loader_that_only_has_items_by_number_is_one(telemetry):
    class Old:
        def __getitem__(self, number):
            if number == 2:
                raise IndexError
            return number

    assert list(training.steps(Old(), every=1)) == [0, 1]


def test_all_steps_are_counted_whether_they_have_spans_or_not(telemetry):
    batches = [(np.zeros((8, 3)), np.zeros(8))] * 4
    with training.run(model="digits"):
        for _ in training.steps(batches, every=0):
            pass
    assert telemetry.tree == ["training"]
    mine = {"ia.operation": "step", "ia.model.name": "digits"}
    for name in ("ia.call.duration", "ia.training.step.duration", "ia.training.data_wait", "ia.training.rate"):
        assert telemetry.metric(name, mine).count == 4
    assert telemetry.metric("ia.batch.size", mine).value == 32
    whole = telemetry.metric("ia.training.step.duration", mine).value
    parts = [telemetry.metric(name, mine).value for name in ("ia.call.duration", "ia.training.data_wait")]
    assert whole == pytest.approx(sum(parts))


def test_waiting_for_data_is_told_from_computing(telemetry):
    waiting = threading.Event()

    def loader():
        waiting.wait(0.05)
        yield 1

    for _ in training.steps(loader()):
        pass
    step = telemetry.span("step")
    assert step.attributes["ia.training.data_wait"] > 0.04
    assert step.seconds < 0.04
    assert telemetry.metric("ia.training.data_wait").value > 0.04


def test_buckets_of_steps_lead_to_those_that_have_spans(telemetry):
    list(training.steps(range(3), every=1))
    trace_id = telemetry.span("training").trace_id
    assert set(telemetry.metric("ia.training.step.duration").exemplars) == {trace_id}


def test_what_the_loader_does_is_below_the_epoch(telemetry):
    def loader():
        with monitor("load"):
            pass
        yield 1

    for _ in training.epochs(1):
        list(training.steps(loader()))
    assert telemetry.tree == ["training", ["epoch", ["load", "step"]]]


def test_a_break_leaves_nothing_current(telemetry):
    outside = get_current()
    for epoch in training.epochs(3):
        for number in training.steps(range(5), every=1):
            if number == 1:
                break
        with monitor("evaluate"):
            pass
        if epoch == 1:
            break
    assert get_current() == outside
    epoch = ["step", "step", "evaluate"]
    assert telemetry.tree == ["training", ["epoch", epoch, "epoch", epoch]]
    assert [outcome for name, outcome in outcomes(telemetry) if name == "step"] == ["ok", "closed_early"] * 2
    assert [outcome for name, outcome in outcomes(telemetry) if name == "epoch"] == ["ok", "closed_early"]
    assert telemetry.span("training").outcome == "closed_early"
    assert {span.status for span in telemetry.spans} == {"UNSET"}


def test_an_exception_is_seen_by_the_block_around_the_loops_and_told_once(telemetry):
    outside = get_current()
    with pytest.raises(Broken), monitor("job"), training.run("pretraining"):
        for _ in training.epochs(2):
            for _ in training.steps(range(3), every=1):
                raise Broken
    assert get_current() == outside
    assert telemetry.tree == ["job", ["pretraining", ["epoch", ["step"]]]]
    assert dict(outcomes(telemetry)) == {
        "job": "error",
        "pretraining": "error",
        "epoch": "error",
        "step": "error",
    }
    assert len(telemetry.span("pretraining").exceptions) == 1
    assert telemetry.span("job").exceptions == []


def test_an_exception_of_the_loader_is_one_of_the_run(telemetry):
    def loader():
        yield 1
        raise Broken("no more data")

    with pytest.raises(Broken):
        for _ in training.steps(loader(), every=1):
            pass
    run = telemetry.span("training")
    assert (run.outcome, run.message, len(run.exceptions)) == ("error", "no more data", 1)
    assert telemetry.span("step").outcome == "ok"


def test_a_loop_over_folds_has_a_run_for_each(telemetry):
    with monitor("cross-validation"):
        for _ in range(2):
            for _ in training.epochs(2):
                list(training.steps(range(2), every=0))
            with monitor("score"):
                pass
    assert telemetry.tree == ["cross-validation", ["training", ["epoch", "epoch"], "score"] * 2]


def test_epochs_inside_an_epoch_are_a_run_inside_the_run(telemetry):
    for _ in training.epochs(2, model="outer"):
        for _ in training.epochs(1, model="inner"):
            forward()
    assert telemetry.tree == ["training", ["epoch", ["training", ["epoch", ["forward"]]]] * 2]
    inner = [span for span in telemetry.spans if span.attributes.get("ia.model.name") == "inner"]
    assert len(inner) == 4


def test_runs_nest_and_loops_belong_to_the_innermost(telemetry):
    search = training.run("search")
    with search:
        for fold in range(2):
            with training.run("fold", attributes={"fold": fold}):
                for _ in training.epochs(1):
                    pass
        search.record(best=0.5)
    assert telemetry.tree == ["search", ["fold", ["epoch"], "fold", ["epoch"]]]
    assert telemetry.span("search").attributes["ia.training.best"] == 0.5


def test_one_loader_after_the_other_is_below_the_epoch(telemetry):
    for _ in training.epochs(1):
        for _ in training.steps(range(2), every=1):
            forward()
        for _ in training.steps(range(2), every=1, name="validation"):
            forward()
    steps = ["step", ["forward"], "step", ["forward"], "validation", ["forward"], "validation", ["forward"]]
    assert telemetry.tree == ["training", ["epoch", steps]]


def test_two_loaders_side_by_side_are_both_below_the_epoch(telemetry):
    outside = get_current()
    for _ in training.epochs(1):
        around = get_current()
        left, right = training.steps(range(3), every=1, name="left"), training.steps(range(3), every=1, name="right")
        for _ in zip(left, right, strict=True):
            assert trace.get_current_span().is_recording()
        assert get_current() == around
    assert get_current() == outside
    assert telemetry.tree == ["training", ["epoch", ["left", "right"] * 3]]


def test_a_loop_in_a_step_is_below_the_step(telemetry):
    with training.run():
        for _ in training.steps(range(2), every=1):
            for _ in training.steps(range(2), every=1, name="inner"):
                forward()
    inner = ["inner", ["forward"], "inner", ["forward"]]
    assert telemetry.tree == ["training", ["step", inner, "step", inner]]


def test_a_loop_that_is_never_begun_makes_nothing(telemetry):
    iter(training.epochs(3))
    iter(training.steps([1]))
    training.epochs(3)
    assert telemetry.spans == []


def test_the_same_loop_can_be_gone_through_again(telemetry):
    steps = training.steps([1, 2], every=1)
    for _ in training.epochs(2):
        for _ in steps:
            pass
    assert telemetry.tree == ["training", ["epoch", ["step", "step"]] * 2]


def test_another_librarys_providers_get_the_same_spans_and_metrics():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FOREIGN], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines() == [
        "step 0",
        "epoch None",
        "training 2",
        "ia.training.loss 0.5",
        "ia.training.step.duration 3",
    ]


def test_without_a_provider_the_loops_only_loop():
    outside = get_current()
    assert [list(training.steps([1, 2])) for _ in training.epochs(2)] == [[1, 2], [1, 2]]
    training.record(loss=1.0)
    assert get_current() == outside


def test_what_is_not_sampled_is_counted(receiver):
    with otel_ia.configure(sampler="always_off", endpoint=receiver.endpoint):
        for _ in training.epochs(2):
            for _ in training.steps(range(3), every=1):
                training.record(loss=0.5)
    assert receiver.spans == []
    (steps,) = receiver.last_points("ia.training.step.duration").values()
    (loss,) = receiver.last_points("ia.training.loss").values()
    assert (steps.count, loss.as_double) == (6, 0.5)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: training.epochs(3.5), r"training.epochs: of = 3.5 is not a number of epochs"),
        (lambda: training.epochs(-1), r"training.epochs: of = -1"),
        (lambda: training.epochs(True), r"training.epochs: of = True"),
        (lambda: training.epochs(3, name=""), r"training.epochs: name = ''"),
        (lambda: training.epochs("abc"), r"training.epochs: of = 'abc'"),
        (lambda: training.epochs(b"abc"), r"training.epochs: of = b'abc'"),
        (lambda: training.epochs(3, model=3), r"training.epochs: model = 3 is not text"),
        (lambda: training.run(model=3), r"training.run: model = 3 is not text"),
        (lambda: training.epochs(3, attributes=[1]), r"training.epochs: attributes = \[1\]"),
        (lambda: training.steps(5), r"training.steps: batches = 5 is not iterable"),
        (lambda: training.steps([], every=-1), r"training.steps: every = -1"),
        (lambda: training.steps([], every=1.5), r"training.steps: every = 1.5"),
        (lambda: training.run(3), r"training.run: name = 3"),
    ],
)
def test_what_is_wrong_is_said_where_the_loop_is_made(wrong, told):
    with pytest.raises(SettingError, match=told):
        wrong()
