"""Training loops as spans and metrics: the run, its epochs, and some of their steps.

    from otel_ia import training

    epochs = training.epochs(3, model="digits")
    for epoch in epochs:
        steps = training.steps(loader)
        for batch in steps:
            loss = …
            steps.record(loss=float(loss), learning_rate=0.01)
        epochs.record(accuracy=evaluate())

The loops give what `range(3)` and `loader` would give, unchanged. What is current inside an epoch or a recorded step is
its span, so that all that is monitored there comes below it. What an exception leaves is an error.
"""

from otel_ia.training.epoch_loop import Epochs
from otel_ia.training.loops import epochs, record, steps
from otel_ia.training.runs import Run, run
from otel_ia.training.step_loop import Steps

__all__ = ["Epochs", "Run", "Steps", "epochs", "record", "run", "steps"]
