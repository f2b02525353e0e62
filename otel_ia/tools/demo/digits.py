"""The 1,797 handwritten digits that come with scikit-learn, 8 by 8 pixels each, from 0 (paper) to 16 (ink)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Digits:
    """Images, shape (n, 8, 8), and the digit that each of them shows, shape (n,)."""

    images: Array
    labels: NDArray[np.int64]


def split_digits(*, seed: int) -> tuple[Digits, Digits]:
    """Two thirds to learn from, and a third that is held out to measure on."""
    everything = load_digits()
    learn_images, test_images, learn_labels, test_labels = train_test_split(
        everything.images, everything.target, test_size=1 / 3, random_state=seed, stratify=everything.target
    )
    return Digits(learn_images, learn_labels), Digits(test_images, test_labels)


def views(images: Array) -> list[Array]:
    """The images as they are, and shifted by one pixel to each of the four sides."""
    shifts = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    return [np.roll(images, shift, axis=(1, 2)) for shift in shifts]
