"""`instrument` on scikit-learn's estimators: each step of a pipeline a span, and scikit-learn itself none the wiser."""

import copy
import inspect
import io
import pickle

import cloudpickle
import numpy as np
import pytest

from otel_ia import instrument

pytest.importorskip("sklearn", reason="otel_ia[demo] has scikit-learn")

import joblib
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

IMAGES, DIGITS = load_digits(return_X_y=True)
IMAGES, DIGITS = IMAGES[:300], DIGITS[:300]


def make_pipeline(**options):
    return Pipeline([("scale", MinMaxScaler()), ("rest", "passthrough"), ("classify", SVC())], **options)


@pytest.fixture
def pipeline():
    return make_pipeline().fit(IMAGES, DIGITS)


def test_each_step_of_a_pipeline_is_a_span_of_its_name(telemetry, pipeline):
    expected = pipeline.predict(IMAGES[:20])
    with instrument(pipeline):
        assert np.array_equal(pipeline.predict(IMAGES[:20]), expected)
        assert telemetry.tree == ["Pipeline.predict", ["scale.transform", "classify.predict"]]
        told = {
            span.name: tuple(span.attributes.get(f"ia.{name}") for name in ("model.name", "stage", "batch.size"))
            for span in telemetry.spans
        }
        assert told == {
            "Pipeline.predict": ("SVC", "inference", 20),
            "scale.transform": ("MinMaxScaler", "preprocess", 20),
            "classify.predict": ("SVC", "inference", 20),
        }
        telemetry.clear()
        pipeline.fit(IMAGES, DIGITS)
        pipeline.score(IMAGES, DIGITS)
    assert telemetry.tree == [
        "Pipeline.fit",
        ["scale.fit_transform", "classify.fit"],
        "Pipeline.score",
        ["scale.transform", "classify.score"],
    ]
    assert telemetry.span("Pipeline.fit").attributes["ia.stage"] == "training"
    telemetry.clear()
    pipeline.predict(IMAGES)
    assert not telemetry.spans


def test_methods_that_an_estimator_calls_on_itself_are_no_spans(telemetry):
    scaler = StandardScaler()
    with instrument(scaler, "scale", model="m"):
        scaler.fit_transform(IMAGES)
        scaler.partial_fit(IMAGES)
    assert telemetry.tree == ["scale.fit_transform", "scale.partial_fit"]
    assert {span.attributes["ia.model.name"] for span in telemetry.spans} == {"m"}


def test_steps_inside_steps_unions_and_columns_are_found(telemetry):
    columns = ColumnTransformer([("left", MinMaxScaler(), slice(32)), ("right", "drop", slice(32, 64))])
    union = FeatureUnion([("columns", columns), ("components", Pipeline([("pca", PCA(4))]))])
    nested = Pipeline([("features", union), ("classify", LogisticRegression(max_iter=1_000))]).fit(IMAGES, DIGITS)
    with instrument(nested):
        nested.predict(IMAGES)
    assert telemetry.tree == [
        "Pipeline.predict",
        [
            "features.transform",
            ["columns.transform", ["left.transform"], "components.transform", ["pca.transform"]],
            "classify.predict",
        ],
    ]


def test_methods_that_depend_on_a_parameter_come_and_go_as_before(telemetry):
    search = GridSearchCV(LogisticRegression(max_iter=1_000), {"C": [1.0]}, cv=2)
    pipeline = Pipeline([("classify", LinearOnly())]).fit(IMAGES, DIGITS)
    with instrument(search), instrument(pipeline):
        assert not hasattr(pipeline, "predict_proba")
        with pytest.raises(AttributeError, match="predict_proba"):
            _ = pipeline.predict_proba
        assert hasattr(search, "predict_proba")
        search.fit(IMAGES, DIGITS)
        telemetry.clear()
        assert search.predict_proba(IMAGES[:3]).shape == (3, 10)
        assert inspect.signature(search.predict_proba) == inspect.signature(GridSearchCV.predict_proba.__get__(search))
    assert telemetry.names == ["GridSearchCV.predict_proba"]


def test_clones_copies_and_searches_are_scikit_learns_own(telemetry, pipeline):
    before, hashed, shown = pipeline.get_params(), joblib.hash(pipeline), repr(pipeline)
    html = pipeline._repr_html_()[:200]
    with instrument(pipeline):
        assert pipeline.get_params() == before
        assert joblib.hash(pipeline) == hashed
        assert repr(pipeline) == shown
        assert pipeline._repr_html_()[:100] == html[:100]
        assert pipeline.set_params(classify__C=2.0) is pipeline
        cloned = clone(pipeline)
        assert [type(cloned), *(type(step) for _, step in cloned.steps[::2])] == [Pipeline, MinMaxScaler, SVC]
        assert cloned.get_params()["classify__C"] == 2.0
        assert type(copy.deepcopy(pipeline)) is Pipeline
        telemetry.clear()
        assert np.array_equal(cross_val_score(pipeline, IMAGES, DIGITS), cross_val_score(cloned, IMAGES, DIGITS))
        search = GridSearchCV(pipeline, {"classify__C": [1.0, 10.0]}, cv=2).fit(IMAGES, DIGITS)
        assert type(search.best_estimator_) is Pipeline
        assert not telemetry.spans
    assert type(pipeline.steps[2][1]) is SVC


@pytest.mark.parametrize("kind", ["pickle", "cloudpickle", "joblib"])
def test_pickles_hold_nothing_of_ours(pipeline, kind):
    def dump(estimator):
        if kind == "joblib":
            joblib.dump(estimator, held := io.BytesIO())
            return held.getvalue()
        return (pickle if kind == "pickle" else cloudpickle).dumps(estimator)

    before = dump(pipeline)
    with instrument(pipeline):
        sent = dump(pipeline)
        assert sent == before
        received = joblib.load(io.BytesIO(sent)) if kind == "joblib" else pickle.loads(sent)
        assert type(received) is Pipeline
        assert np.array_equal(received.predict(IMAGES), pipeline.predict(IMAGES))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_of_joblib_can_have_it(telemetry, pipeline, backend):
    expected = pipeline.predict(IMAGES[:10])
    with instrument(pipeline):
        with joblib.parallel_config(backend=backend, n_jobs=2):
            answers = joblib.Parallel()(joblib.delayed(pipeline.predict)(IMAGES[:10]) for _ in range(3))
        assert all(np.array_equal(answer, expected) for answer in answers)
        assert type(pipeline) is not Pipeline
    assert len([name for name in telemetry.names if name == "Pipeline.predict"]) == (3 if backend == "threading" else 0)
    if backend == "loky":
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)


def test_a_pipeline_that_caches_clones_its_steps_which_are_then_its_own(telemetry, tmp_path):
    pipeline = make_pipeline(memory=str(tmp_path))
    with instrument(pipeline):
        pipeline.fit(IMAGES, DIGITS)
        assert np.array_equal(pipeline.predict(IMAGES), make_pipeline().fit(IMAGES, DIGITS).predict(IMAGES))
    assert telemetry.tree == ["Pipeline.fit", ["classify.fit"], "Pipeline.predict", ["classify.predict"]]


def test_output_as_frames_and_errors_are_as_before(telemetry):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    scaler = MinMaxScaler().set_output(transform="pandas")
    with instrument(scaler):
        frame = scaler.fit_transform(IMAGES)
        assert isinstance(frame, pd.DataFrame)
        assert scaler.transform(IMAGES).equals(frame)
        with pytest.raises(ValueError, match="64 features"):
            scaler.transform(IMAGES[:, :3])
    assert telemetry.spans[-1].outcome == "error"
    assert telemetry.span("MinMaxScaler.fit_transform").attributes["ia.batch.size"] == 300
    assert [len(span.exceptions) for span in telemetry.spans] == [0, 0, 1]


def test_estimators_of_users_may_have_parameters_called_as_ours_are_looked_for(telemetry):
    class Boosted(ClassifierMixin, BaseEstimator):
        def __init__(self, steps=5, transformers_=None):
            self.steps = steps
            self.transformers_ = transformers_

        def fit(self, rows, targets):
            self.classes_ = np.unique(targets)
            return self

        def predict(self, rows):
            return np.full(len(rows), self.classes_[0])

    for steps in (5, [1, ("a",), ("b", 3)], "steps"):
        boosted = Boosted(steps)
        with instrument(boosted):
            assert boosted.fit(IMAGES, DIGITS) is boosted
            assert boosted.predict(IMAGES[:2]).tolist() == [0, 0]
    assert telemetry.names == ["Boosted.fit", "Boosted.predict"] * 3

    class Hostile(TransformerMixin, BaseEstimator):
        steps = property(lambda self: 1 / 0)

        def transform(self, rows):
            return rows

    with pytest.raises(TypeError, match="reading what it consists of raises an error"):
        instrument(Hostile())


class LinearOnly(ClassifierMixin, BaseEstimator):
    def fit(self, rows, targets):
        self.classes_ = np.unique(targets)
        return self

    def predict(self, rows):
        return np.zeros(len(rows))
