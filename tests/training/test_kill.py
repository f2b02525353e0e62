"""A training run that is killed: the next process tells how far it had come."""

import os
import signal
from pathlib import Path

import pytest
from promises.programs import deliver_what_is_left, ended, finish, finish_alone, read_until, start
from receiver import Receiver, plain

TRAINING = """
from otel_ia import training
for epoch in training.epochs(3, model="digits"):
    steps = training.steps(range(1_000), every=50)
    for step in steps:
        time.sleep(1.01 if epoch == 1 else 0)
        steps.record(loss=100 - epoch)
        if epoch == 1 and step == 2:
            print("there", flush=True)
            time.sleep(60)
"""


def kill_there(program: str, receiver: Receiver, spool: Path) -> None:
    """Kills it when it says so, and has the next process deliver what it left."""
    process = start(program, receiver.endpoint, OTEL_IA_SPOOL_DIRECTORY=str(spool))
    read_until(process, "there")
    process.send_signal(signal.SIGKILL)
    ended(process)
    deliver_what_is_left(receiver, spool)


def test_the_killed_run_arrives_with_its_last_epoch_and_step(receiver: Receiver, tmp_path: Path) -> None:
    kill_there(TRAINING, receiver, tmp_path)
    abandoned = {span.name: span for span in receiver.spans if plain(span.attributes).get("ia.outcome") == "abandoned"}
    assert set(abandoned) == {"training", "epoch"}
    run = abandoned["training"]
    said = plain(run.attributes)
    assert (said["ia.epoch"], said["ia.step"], said["ia.training.loss"]) == (1, 2, 99)
    assert said["ia.model.name"] == "digits"
    assert (run.status.code, run.parent_span_id) == (2, b"")
    assert abandoned["epoch"].parent_span_id == run.span_id
    assert plain(abandoned["epoch"].attributes)["ia.epoch"] == 1
    whole = [span for span in receiver.spans if span.name == "epoch" and span not in abandoned.values()]
    assert [plain(span.attributes)["ia.training.steps"] for span in whole] == [1_000]


SLOW_STEP = """
from otel_ia import training
for epoch in training.epochs(3):
    for step in training.steps(range(3), every=0):
        if epoch == 1:
            print("there", flush=True)
            time.sleep(60)
"""


def test_a_run_that_is_killed_in_the_first_step_of_an_epoch_shows_that_step(receiver: Receiver, tmp_path: Path) -> None:
    kill_there(SLOW_STEP, receiver, tmp_path)
    said = plain(receiver.span("training").attributes)
    assert (said["ia.epoch"], said["ia.step"], said["ia.outcome"]) == (1, 0, "abandoned")


FIGURES_OF_EPOCHS = """
from otel_ia import training
epochs = training.epochs(5)
for epoch in epochs:
    steps = training.steps(range(2), every=0)
    for step in steps:
        if epoch == 3:
            print("there", flush=True)
            time.sleep(60)
        steps.record(loss=epoch + step / 10)
    epochs.record(accuracy=epoch)
"""


def test_a_killed_run_has_the_last_figures_of_epochs_that_ended_before(receiver: Receiver, tmp_path: Path) -> None:
    kill_there(FIGURES_OF_EPOCHS, receiver, tmp_path)
    said = plain(receiver.span("training").attributes)
    assert (said["ia.epoch"], said["ia.step"]) == (3, 0)
    assert (said["ia.training.loss"], said["ia.training.accuracy"]) == (2.1, 2)


OPEN_AT_THE_END = """
from otel_ia import training
class Holder: pass
holder = Holder()
holder.me = holder  # so that only the interpreter's own end closes the loops
holder.loops = [iter(training.epochs(2)), iter(training.steps([1, 2], every=1))]
for loop in holder.loops:
    next(loop)
"""


@pytest.mark.parametrize("is_configured", [True, False])
def test_loops_that_are_open_when_the_interpreter_ends_make_no_noise(
    receiver: Receiver, tmp_path: Path, is_configured: bool
) -> None:
    run = finish if is_configured else finish_alone
    _, err, status = run(OPEN_AT_THE_END, receiver.endpoint, OTEL_IA_SPOOL_DIRECTORY=str(tmp_path))
    assert (status, err) == (0, "")


FORKING = """
from otel_ia import training
children = []
for epoch in training.epochs(2):
    steps = training.steps(range(3), every=1)
    for step in steps:
        if epoch == 0 and step == 1:
            child = os.fork()
            children.append(child)
        steps.record(loss=0.5)
        work(step)
if not children[0]:
    telemetry.flush(20)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_that_is_forked_in_a_step_ends_no_span_of_its_parents(receiver: Receiver, tmp_path: Path) -> None:
    out, err, status = ended(start(FORKING, receiver.endpoint, OTEL_IA_SPOOL_DIRECTORY=str(tmp_path)))
    assert (out, err, status) == ("0\n", "", 0)
    by_process: dict[str, list[str]] = {}
    for resource, span in receiver.spans_by_resource:
        by_process.setdefault(resource["service.instance.id"], []).append(span.name)
    parent, child = sorted(by_process.values(), key=len, reverse=True)
    assert sorted(set(parent)) == ["epoch", "step", "training", "work"]
    assert (parent.count("training"), parent.count("epoch")) == (1, 2)
    assert "training" not in child
    ids = [span.span_id for span in receiver.spans]
    assert len(ids) == len(set(ids))
