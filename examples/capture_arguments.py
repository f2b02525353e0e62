"""Let spans tell of arguments and results: their types and shapes, never their contents.

It gives one trace:

    classify  model=nearest-centroid  version=1  images=float64(30, 64)  batch=30  result=int64(30,)
    ├─ normalise  stage=preprocess  images=float64(30, 64)  batch=30  result=float64(30, 64) 0…1
    └─ nearest  stage=inference  images=float64(30, 64)  batch=30  result=int64(30,)
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from otel_ia import configure, monitor

digits = load_digits()
known, labels = digits.data[:1500] / 16, digits.target[:1500]
centroids = np.array([known[labels == label].mean(axis=0) for label in range(10)])
Images = NDArray[np.float64]


@monitor(capture="summary", stats=True, stage="preprocess")
def normalise(images: Images) -> Images:
    """Brightness from 0 to 1."""
    return images / 16


@monitor(capture=("images", "return"), stage="inference")
def nearest(images: Images, centroids: Images) -> NDArray[np.int64]:
    """For each image the digit whose mean image is most alike."""
    distances = np.linalg.norm(images[:, None] - centroids[None], axis=2)
    found: NDArray[np.int64] = distances.argmin(axis=1)
    return found


@monitor(capture="summary", model="nearest-centroid", model_version="1")
def classify(images: Images) -> NDArray[np.int64]:
    """The digits in the images."""
    return nearest(normalise(images), centroids)


if __name__ == "__main__":
    with configure(service_name="digits"):
        classified = classify(digits.data[1500:1530])
    print(*classified)
