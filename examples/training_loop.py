"""Put `epochs` and `steps` around the loops of a training: spans of the run, its epochs and some steps, metrics of all.

What the loops give is unchanged. The loss is on the spans, and a gauge beside the step time, the wait for data and the
samples a second. It gives one trace, with every tenth of 12 steps:

    training  ia.model.name=softmax  ia.epoch=2  ia.training.loss=…
    ├─ epoch  ia.epoch=0  ia.training.accuracy=…
    │  ├─ step  ia.step=0  ia.batch.size=100
    │  └─ step  ia.step=10
    ├─ epoch  ia.epoch=1
    │  ├─ step  ia.step=0
    │  └─ step  ia.step=10
    └─ epoch  ia.epoch=2
       ├─ step  ia.step=0
       └─ step  ia.step=10
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from otel_ia import configure, training

Array = NDArray[Any]
RATE = 0.5


def batches(images: Array, labels: Array, *, seed: int) -> Iterator[tuple[Array, Array]]:
    """The images in another order each time, a hundred at once."""
    for chosen in np.array_split(np.random.default_rng(seed).permutation(len(images)), len(images) // 100):
        yield images[chosen], labels[chosen]


def train() -> float:
    """How many of the handwritten digits that it has not seen a linear model reads right."""
    images, labels = load_digits(return_X_y=True)
    images, seen, unseen = images / 16, slice(0, 1_200), slice(1_200, None)
    weights = np.zeros((64, 10))
    epochs = training.epochs(3, model="softmax")
    for epoch in epochs:
        steps = training.steps(batches(images[seen], labels[seen], seed=epoch), every=10)
        for pixels, digits in steps:
            scores = np.exp(pixels @ weights)
            shares = scores / scores.sum(axis=1, keepdims=True)
            weights -= RATE * pixels.T @ (shares - np.eye(10)[digits]) / len(digits)
            steps.record(loss=-np.log(shares[np.arange(len(digits)), digits]).mean(), learning_rate=RATE)
        accuracy = ((images[unseen] @ weights).argmax(axis=1) == labels[unseen]).mean()
        epochs.record(accuracy=accuracy)
    return float(accuracy)


if __name__ == "__main__":
    with configure(service_name="digits"):
        print(f"{train():.0%} read right")
