"""Send a tenth of all predictions to the collector, and each that failed or was slow, however few those are.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 python sampling.py

Of a thousand images ten are damaged, which the model refuses, and the first one waits for its training. These arrive
whole, with one in ten of the others. It gives for the first:

    predict  ia.model.name=svc
    ├─ train
    ├─ scale
    └─ classify
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from otel_ia import configure, monitor

TRAINED_ON = 797
Image = NDArray[np.float64]


@cache
@monitor
def train() -> GridSearchCV:
    """The support vector machine that reads digits best."""
    digits = load_digits()
    searched = GridSearchCV(SVC(), {"C": [0.1, 1, 10, 100]})
    return searched.fit(digits.data[:TRAINED_ON] / 16, digits.target[:TRAINED_ON])


@monitor(sample=0.1, model="svc")
def predict(image: Image) -> int:
    """The digit in the image."""
    model = train()
    with monitor("scale"):
        scaled = image / 16
    with monitor("classify"):
        return int(model.predict([scaled])[0])


if __name__ == "__main__":
    images, refused = load_digits().data[TRAINED_ON:], 0
    images[50::100, 0] = np.nan
    telemetry = configure(service_name="digits", keep_errors=True, keep_slower_than=0.05)
    for image in images:
        try:
            predict(image)
        except ValueError:
            refused += 1
    telemetry.shutdown(10)
    stats = telemetry.stats()
    print(f"{len(images)} images, {refused} refused; {stats.delivered.get('traces', 0)} spans arrived")
    print("traces not sampled:", ", ".join(f"{count} {what}" for what, count in stats.held.items()))
