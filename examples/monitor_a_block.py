"""Put `with monitor(…)` around a part of a function, and tell its span what came out.

It gives one trace:

    training
    ├─ epoch  ia.epoch=1  loss=…
    ├─ epoch  ia.epoch=2  loss=…
    ├─ epoch  ia.epoch=3  loss=…
    └─ evaluate  r2=…
"""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import SGDRegressor

from otel_ia import configure, monitor, semconv

EPOCHS = 3


def train() -> float:
    """How much of the progress of diabetes a linear model explains on patients it has not seen."""
    patients, progress = load_diabetes(return_X_y=True)
    patients = patients / patients.std(axis=0)
    seen, unseen = slice(0, 300), slice(300, None)
    model = SGDRegressor(random_state=0, eta0=0.02)
    with monitor("training", attributes={semconv.MODEL_NAME: "linear"}):
        for epoch in range(1, EPOCHS + 1):
            with monitor("epoch", attributes={semconv.EPOCH: epoch}) as span:
                model.partial_fit(patients[seen], progress[seen])
                errors = model.predict(patients[seen]) - progress[seen]
                span.set_attribute("loss", float(np.mean(errors**2)))
        with monitor("evaluate") as span:
            explained = float(model.score(patients[unseen], progress[unseen]))
            span.set_attribute("r2", explained)
    return explained


if __name__ == "__main__":
    with configure(service_name="diabetes"):
        r2 = train()
    print(f"R² {r2:.2f}")
