"""Training loops around the real PyTorch: its loaders, its losses, and the same weights in the end."""

import warnings

import pytest

from otel_ia import training
from otel_ia.testing import record

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: scripts/pytorch.py installs it")
    from torch.utils.data import DataLoader, TensorDataset

ROWS = torch.linspace(0, 1, 40).reshape(10, 4)
DATA = TensorDataset(ROWS, ROWS.sum(1) > 2)


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
