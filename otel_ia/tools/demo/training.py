"""Trains a small neural network to read digits and measures how well it does."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from opentelemetry import trace
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from otel_ia import monitor, training
from otel_ia.tools.demo.digits import Array, Digits, views

MODEL_NAME: Final = "digits-mlp"
BATCH_SIZE: Final = 120

logger = logging.getLogger("digits")


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted scaler and the network behind it."""

    scaler: StandardScaler
    network: MLPClassifier

    def features(self, images: Array) -> Array:
        """What the network takes: one row of scaled pixels per image."""
        scaled: Array = self.scaler.transform(images.reshape(len(images), -1))
        return scaled

    def probabilities(self, features: Array) -> Array:
        """How likely each image shows each digit, shape (n, 10)."""
        found: Array = self.network.predict_proba(features)
        return found


def train(learn: Digits, test: Digits, *, epochs: Iterable[int], seed: int) -> tuple[Model, float]:
    """A model that has seen each image from five sides in each epoch, and its accuracy on `test`."""
    with training.run(model=MODEL_NAME) as run:
        images = np.concatenate(views(learn.images))
        labels = np.tile(learn.labels, len(images) // len(learn.images))
        model = Model(
            scaler=StandardScaler().fit(images.reshape(len(images), -1)),
            network=MLPClassifier(hidden_layer_sizes=(96,), learning_rate_init=0.004, random_state=seed),
        )
        features = model.features(images)
        shuffle = np.random.default_rng(seed)
        loop = training.epochs(epochs)
        for _ in loop:
            order = shuffle.permutation(len(labels))
            chosen = np.array_split(order, len(order) // BATCH_SIZE)
            batches = ((features[batch], labels[batch]) for batch in chosen)
            for batch, answers in training.steps(batches, every=1, name="batch"):
                model.network.partial_fit(batch, answers, classes=range(10))
            loop.record(loss=model.network.loss_)
        accuracy = evaluate(model, test)
        run.record(accuracy=accuracy)
    return model, accuracy


@monitor
def evaluate(model: Model, digits: Digits) -> float:
    """The share of digits that are read right when all five views of an image vote."""
    votes = [model.probabilities(model.features(view)) for view in views(digits.images)]
    accuracy = float((np.mean(votes, axis=0).argmax(axis=1) == digits.labels).mean())
    trace.get_current_span().set_attribute("accuracy", accuracy)
    logger.info("%.1f%% of %d held-out digits read right", 100 * accuracy, len(digits.labels))
    return accuracy
