"""What is recorded of a training run: attributes of its spans and gauges, and never a wait for another device."""

import logging
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_ia import training
from otel_ia.testing import record


class Device:
    def __init__(self, kind):
        self.type = kind

    def __str__(self):
        return f"{self.type}:0"


def tensor(kind, value=0.25, shape=()):
    """A value as PyTorch's tensors are, which tells whether it was read."""

    class Tensor:
        dtype = "torch.float32"
        device = Device(kind)
        was_read = False

        @property
        def shape(self):
            return shape

        def item(self):
            Tensor.was_read = True
            return value

        def __float__(self):
            return self.item()

        __int__ = __bool__ = __index__ = __repr__ = __str__ = __float__

    Tensor.__module__ = "torch"
    return Tensor()


def figures(**given_figures):
    """The attributes that the step gets."""
    with record() as seen:
        steps = training.steps([1])
        for _ in steps:
            steps.record(**given_figures)
    attributes = seen.span("step").attributes
    return {
        name.removeprefix("ia.training."): attributes[name] for name in attributes if name.startswith("ia.training.")
    }


def test_figures_are_on_the_step_its_epoch_and_the_run_and_in_gauges(telemetry):
    epochs = training.epochs(2, model="digits")
    for epoch in epochs:
        steps = training.steps(range(2), every=1)
        for step in steps:
            steps.record(loss=1.0 / (1 + 2 * epoch + step), learning_rate=1e-3)
        epochs.record(accuracy=0.5 + epoch / 4)
    losses = [span.attributes["ia.training.loss"] for span in telemetry.spans if span.name == "step"]
    assert losses == [1, 1 / 2, 1 / 3, 1 / 4]
    of_epochs = [span.attributes for span in telemetry.spans if span.name == "epoch"]
    assert [(said["ia.training.loss"], said["ia.training.accuracy"]) for said in of_epochs] == [
        (0.5, 0.5),
        (0.25, 0.75),
    ]
    run = telemetry.span("training").attributes
    assert (run["ia.training.loss"], run["ia.training.learning_rate"], run["ia.training.accuracy"]) == (
        *(0.25, 1e-3),
        0.75,
    )
    assert telemetry.metric("ia.training.loss").attributes == {"ia.operation": "step", "ia.model.name": "digits"}
    assert telemetry.metric("ia.training.loss").value == 0.25
    assert telemetry.metric("ia.training.accuracy", {"ia.operation": "epoch"}).value == 0.75


def test_the_function_records_on_what_is_innermost(telemetry):
    training.record(nowhere=1)
    with training.run():
        training.record(of_run=1)
        for _ in training.epochs(1):
            training.record(of_epoch=2)
            for _ in training.steps([1]):
                training.record(of_step=3)
    assert telemetry.span("training").attributes["ia.training.of_run"] == 1
    assert "ia.training.of_run" not in telemetry.span("epoch").attributes
    assert telemetry.span("step").attributes["ia.training.of_step"] == 3
    assert telemetry.metric("ia.training.of_epoch").attributes == {"ia.operation": "epoch"}
    assert not [seen for seen in telemetry.metrics if "nowhere" in seen.name]


def test_figures_for_which_there_is_no_run_are_told_of_once_for_each_place(telemetry, caplog):
    run, epochs, steps = training.run(), training.epochs(1), training.steps([1])
    for _ in range(2):
        training.record(loss=1)
        run.record(loss=1)
        epochs.record(loss=1)
        steps.record(loss=1)
    told = [entry.getMessage() for entry in caplog.records if entry.name == "otel_ia"]
    assert len(told) == 4
    assert all(f"{__file__}:" in line and "loss" not in line for line in told)
    caplog.clear()
    with run:
        for _ in epochs:
            for _ in steps:
                training.record(loss=1)
                run.record(loss=1)
                epochs.record(loss=1)
                steps.record(loss=1)
    assert not caplog.records


def test_what_a_step_without_a_span_records_is_on_the_epoch_and_in_the_gauge(telemetry):
    for _ in training.epochs(1):
        steps = training.steps(range(3), every=2)
        for step in steps:
            steps.record(**{"seen": step} if step == 1 else {})
    assert [span.attributes.get("ia.training.seen") for span in telemetry.spans if span.name == "step"] == [None, None]
    assert telemetry.span("epoch").attributes["ia.training.seen"] == 1
    assert telemetry.metric("ia.training.seen").value == 1


def test_records_after_the_loop_are_for_the_epoch(telemetry):
    for _ in training.epochs(1):
        steps = training.steps([1])
        list(steps)
        steps.record(loss=0.5)
    steps.record(loss=0.1)
    assert telemetry.span("epoch").attributes["ia.training.loss"] == 0.5


@pytest.mark.parametrize(
    "value",
    [0.25, np.float32(0.25), np.float64(0.25), np.array(0.25), np.array([0.25], dtype=np.float16), tensor("cpu")],
    ids=["float", "float32", "float64", "0-d", "single", "cpu tensor"],
)
def test_a_single_value_of_this_machine_is_a_number(value):
    found = figures(loss=value)
    assert found["loss"] == 0.25
    assert type(found["loss"]) is float


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu", "meta"])
def test_another_devices_value_is_described_and_told_once(caplog, kind):
    name = f"loss_on_{kind}"
    value = tensor(kind)
    with record() as seen:
        steps = training.steps(range(3), every=1)
        for _ in steps:
            steps.record(**{name: value})
    assert not value.was_read
    described = [span.attributes[f"ia.training.{name}"] for span in seen.spans if span.name == "step"]
    assert described == [f"Tensor(shape=(), dtype=torch.float32, device={kind}:0)"] * 3
    assert seen.span("training").attributes["ia.training.unread"] == 3
    assert not [metric for metric in seen.metrics if name in metric.name]
    (told,) = [entry for entry in caplog.records if entry.name == "otel_ia"]
    assert (told.levelno, f"such as {name}.item()" in told.getMessage()) == (logging.WARNING, True)


def test_what_is_no_single_value_is_described_and_never_read(caplog):
    value = tensor("cpu", shape=(2, 3))
    found = figures(weights=np.zeros((2, 3)), told_once=value, note="warm", flag=True, nothing=None, large=1 << 70)
    assert found["weights"].startswith("ndarray(shape=(2, 3)")
    assert found["told_once"].startswith("Tensor(shape=(2, 3)")
    assert (found["note"], found["flag"], found["large"]) == ("warm", True, str(1 << 70))
    assert "nothing" not in found
    assert not value.was_read
    told = [entry.getMessage() for entry in caplog.records if "told_once" in entry.getMessage()]
    assert [("no single number" in text, "wait for its device" in text) for text in told] == [(True, False)]


def test_a_loss_that_is_no_number_any_more_is_on_the_spans_and_disturbs_no_gauge(telemetry, caplog):
    for epoch in training.epochs(2):
        training.record(loss=0.5 if epoch == 0 else math.nan)
    losses = [span.attributes["ia.training.loss"] for span in telemetry.spans if span.name == "epoch"]
    assert losses[0] == 0.5
    assert math.isnan(losses[1])
    assert telemetry.metric("ia.training.loss").value == 0.5
    assert caplog.records == []


def test_a_name_that_no_instrument_can_have_is_an_attribute():
    found = figures(**{"größe ": 1.5, "": 2})
    assert found["größe "] == 1.5


class Hostile:
    @property
    def shape(self):
        raise RuntimeError("no shape")

    def __getattr__(self, name):
        raise RuntimeError(name)

    def item(self):
        raise RuntimeError("no item")


@settings(deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.builds(Hostile)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_value_and_any_batch_leave_the_loop_alone(value):
    with record() as seen:
        steps = training.steps([value], every=1)
        for batch in steps:
            assert batch is value
            steps.record(value=value)
    assert seen.tree == ["training", ["step"]]


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (np.zeros((32, 8)), 32),
        ((np.zeros((32, 8)), np.zeros(32)), 32),
        ([np.zeros((32, 8)), np.zeros(32)], 32),
        ({"input_ids": np.zeros((16, 128)), "labels": [1]}, 16),
        ((["a", "b", "c"], [0, 1, 0]), 3),
        (["a", "b", "c"], 3),
        ([{"text": "a"}, {"text": "b"}], 2),
        ([{"image": np.zeros((3, 8, 8))}] * 5, 5),
        ([{"input_ids": np.zeros((16, 128))}, np.zeros(16)], 16),
        ([(np.zeros((3, 8, 8)), 1)] * 5, 5),
        ([[0.5, 1.0], [1.5, 2.0], [2.5, 3.0]], 3),
        (([[0.5], [1.5]], [1.0, 3.0]), 2),
        ((tensor("cuda", shape=(64, 3)), 1), 64),
        (np.array(1.0), None),
        ("text", None),
        (5, None),
        ((), None),
    ],
)
def test_the_size_of_a_batch_is_that_of_its_first_axis(telemetry, batch, size):
    list(training.steps([batch]))
    assert telemetry.span("step").attributes.get("ia.batch.size") == size
