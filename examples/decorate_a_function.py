"""Put `monitor` on functions: each call is a span, and calls inside it are its children.

It gives one trace:

    identify  ia.batch.size=3
    ├─ scale
    └─ find_nearest
"""

import numpy as np
from numpy.typing import NDArray
from opentelemetry import trace
from sklearn.datasets import load_iris

from otel_ia import configure, monitor, semconv

flowers = load_iris()
lowest, highest = flowers.data.min(axis=0), flowers.data.max(axis=0)


@monitor
def scale(measurements: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each measurement as a number from 0 to 1."""
    scaled: NDArray[np.float64] = (measurements - lowest) / (highest - lowest)
    return scaled


@monitor("find_nearest", attributes={semconv.MODEL_NAME: "nearest-neighbour"})
def nearest(scaled: NDArray[np.float64]) -> NDArray[np.int64]:
    """The species of the known flower that is most alike."""
    known = (flowers.data - lowest) / (highest - lowest)
    distances = np.linalg.norm(scaled[:, None] - known[None], axis=2)
    species: NDArray[np.int64] = flowers.target[distances.argmin(axis=1)]
    return species


@monitor
def identify(measurements: NDArray[np.float64]) -> list[str]:
    """The names of the species."""
    trace.get_current_span().set_attribute(semconv.BATCH_SIZE, len(measurements))
    return [str(flowers.target_names[species]) for species in nearest(scale(measurements))]


if __name__ == "__main__":
    with configure(service_name="flowers"):
        # sepal length and width, petal length and width, in cm
        found = identify(np.array([[5.0, 3.5, 1.4, 0.2], [6.1, 2.8, 4.3, 1.3], [6.5, 3.0, 5.8, 2.2]]))
    print(", ".join(found))
