"""Training loops around the real PyTorch: its loaders, its losses, and the same weights in the end."""

import os
import subprocess
import sys
import warnings

import pytest
from receiver import Receiver, plain

from otel_ia import training
from otel_ia.testing import record

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: scripts/pytorch.py installs it")
    from torch.utils.data import DataLoader, TensorDataset

ROWS = torch.linspace(0, 1, 40).reshape(10, 4)
DATA = TensorDataset(ROWS, ROWS.sum(1) > 2)

TRAINED_BY_TWO = """
import sys, warnings
warnings.simplefilter("ignore")
import torch
import otel_ia
from otel_ia import training

torch.distributed.init_process_group("gloo")
with otel_ia.configure(service_name="trained", endpoint=sys.argv[1], console=False):
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 2))
    otel_ia.instrument(model)
    for _ in training.epochs(1, model="line"):
        for rows in training.steps([torch.ones(3, 4)] * 2, every=1):
            loss = model(rows).sum()
            loss.backward()
            training.record(loss=loss)
torch.distributed.destroy_process_group()
"""


def train(epochs, steps, note):
    """Goes over the data twice, in batches of 4, 4 and 2; the weights in the end."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in epochs(2):
        for rows, labels in steps(DataLoader(DATA, batch_size=4, shuffle=True)):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(rows), labels.long())
            loss.backward()
            optimizer.step()
            note(loss)
    return model.weight.detach()


def test_the_weights_are_those_of_the_loop_alone_and_the_losses_are_numbers(telemetry):
    losses = []
    alone = train(range, iter, lambda loss: losses.append(loss.item()))
    told = train(
        training.epochs, lambda loader: training.steps(loader, every=1), lambda loss: training.record(loss=loss)
    )
    assert torch.equal(alone, told)
    steps = [span.attributes for span in telemetry.spans if span.name == "step"]
    assert [step["ia.training.loss"] for step in steps] == losses
    assert [step["ia.batch.size"] for step in steps] == [4, 4, 2] * 2
    assert telemetry.span("training").attributes["ia.training.loss"] == losses[-1]
    assert telemetry.metric("ia.training.loss").value == losses[-1]
    assert "ia.training.unread" not in telemetry.span("training").attributes


def test_loaders_with_workers_of_their_own_give_the_same_and_leave_right_spans(telemetry):
    loader = DataLoader(DATA, batch_size=4, num_workers=2, multiprocessing_context="fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of machines with fewer processors than workers
        batches = list(training.steps(loader, every=1))
    assert torch.equal(torch.cat([rows for rows, _ in batches]), ROWS)
    assert telemetry.tree == ["training", ["step", "step", "step"]]
    assert [span.attributes["ia.batch.size"] for span in telemetry.spans if span.name == "step"] == [4, 4, 2]


def test_processes_that_torchrun_starts_are_told_apart_by_rank(receiver: Receiver, tmp_path):
    program = tmp_path / "trained.py"
    program.write_text(TRAINED_BY_TWO)
    launcher = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, program, receiver.endpoint],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [(span.name, plain(span.attributes)) for span in receiver.spans]
    steps = [told for name, told in said if name == "step"]
    found = sorted((told["ia.training.rank"], told["ia.training.local_rank"], told["ia.step"]) for told in steps)
    assert found == [(0, 0, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1)]
    assert {told["ia.training.world_size"] for told in steps} == {2}
    calls = [told for name, told in said if name == "DistributedDataParallel.forward"]
    assert [(told["ia.batch.size"], told["ia.stage"]) for told in calls] == [(3, "training")] * 4
    assert len({span.trace_id for span in receiver.spans}) == 2


def test_what_is_recorded_is_described_like_other_arrays():
    with record() as seen:
        steps = training.steps([1])
        for _ in steps:
            steps.record(gradient=torch.ones(2, 3, requires_grad=True))
    assert (
        seen.span("step").attributes["ia.training.gradient"] == "Tensor(shape=(2, 3), dtype=torch.float32, device=cpu)"
    )


def test_a_loss_on_a_device_that_cannot_be_read_is_described():
    with record() as seen:
        steps = training.steps([1])
        for _ in steps:
            steps.record(loss=torch.ones((), device="meta", requires_grad=True))
    assert seen.span("step").attributes["ia.training.loss"] == "Tensor(shape=(), dtype=torch.float32, device=meta)"
    assert seen.span("training").attributes["ia.training.unread"] == 1
