"""Instrument a scikit-learn pipeline that exists: each of its steps becomes a span, and its code stays as it is.

It learns to read handwritten digits and reads some. It gives two traces:

    Pipeline.fit
    ├─ scale.fit_transform  model=StandardScaler
    ├─ reduce.fit_transform  model=PCA
    └─ classify.fit  model=LogisticRegression

    serve
    └─ Pipeline.predict  model=LogisticRegression
       ├─ scale.transform  model=StandardScaler
       ├─ reduce.transform  model=PCA
       └─ classify.predict  model=LogisticRegression
"""

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from otel_ia import configure, instrument, monitor

SERVED = 30

if __name__ == "__main__":
    images, digits = load_digits(return_X_y=True)
    model = Pipeline(
        [("scale", StandardScaler()), ("reduce", PCA(30)), ("classify", LogisticRegression(max_iter=1_000))]
    )
    with configure(service_name="digits"), instrument(model):
        model.fit(images[SERVED:], digits[SERVED:])
        with monitor("serve"):
            read = model.predict(images[:SERVED])
    print(f"{(read == digits[:SERVED]).sum()} of {SERVED} are right")
