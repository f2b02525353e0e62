"""`instrument` on objects of any class: their methods become spans, and nothing else of them is different."""

import asyncio
import functools
import sys

import numpy as np
import pytest

import otel_ia
from otel_ia import SettingError, instrument, semconv

from .scorers import Scorer


def test_predict_transform_and_call_become_spans_with_batch_model_and_stage(telemetry):
    scorer = Scorer()
    undo = instrument(scorer)
    rows = np.ones((3, 2))
    assert np.array_equal(np.stack(scorer(rows)), rows * 2)
    assert telemetry.tree == ["Scorer", ["Scorer.transform", ["Scorer.predict"]]]
    told = telemetry.span("Scorer.predict").attributes
    assert {name: value for name, value in told.items() if name.startswith("ia.")} == {
        "ia.model.name": "Scorer",
        "ia.stage": "inference",
        "ia.batch.size": 3,
    }
    assert told[semconv.CODE_FUNCTION_NAME].endswith(".Scorer.predict")
    assert telemetry.span("Scorer.transform").attributes["ia.stage"] == "preprocess"
    assert telemetry.metric("ia.batch.size", {"ia.operation": "Scorer.predict"}).value == 3
    assert telemetry.metric("ia.call.duration", {"ia.operation": "Scorer"}).attributes["ia.stage"] == "inference"
    undo()
    telemetry.clear()
    scorer(rows)
    assert not telemetry.spans


def test_results_and_exceptions_are_the_same_objects(telemetry):
    error, result = LookupError("mine"), object()

    class Mine:
        def predict(self, rows):
            if rows is None:
                raise error
            return result

    mine = Mine()
    with instrument(mine):
        assert mine.predict([]) is result
        with pytest.raises(LookupError) as raised:
            mine.predict(None)
    assert raised.value is error
    assert [span.outcome for span in telemetry.spans] == ["ok", "error"]
    assert [len(span.exceptions) for span in telemetry.spans] == [0, 1]


def test_an_exception_is_told_once_on_the_innermost_span(telemetry):
    scorer = Scorer()
    with instrument(scorer), pytest.raises(KeyError):
        scorer.predict([1], offset=None)
    scorer.scale = None
    telemetry.clear()
    with instrument(scorer), pytest.raises(TypeError):
        scorer([1])
    assert [(span.name, len(span.exceptions)) for span in telemetry.spans] == [
        ("Scorer.predict", 1),
        ("Scorer.transform", 0),
        ("Scorer", 0),
    ]


def test_name_and_options_are_those_of_monitor(telemetry):
    scorer = Scorer()
    options = {
        "stage": "rank",
        "model": "m",
        "model_version": "3",
        "attributes": {"team": "search", "ia.batch.size": 7},
    }
    with instrument(scorer, "ranker", **options, capture="summary"):
        scorer.predict([[1], [2]])
    told = telemetry.span("ranker.predict").attributes
    found = [told[name] for name in ("ia.stage", "ia.model.name", "ia.model.version", "team", "ia.batch.size")]
    assert found == ["rank", "m", "3", "search", 7]
    assert (told["ia.argument.rows.length"], told["ia.result.type"]) == (2, "list")
    with pytest.raises(SettingError, match="slow_after"):
        instrument(scorer, slow_after=-1)
    with pytest.raises(SettingError, match=r"^instrument: name = 5 is not text$"):
        instrument(scorer, 5)
    for wrong in (["a"], 5):
        with pytest.raises(SettingError, match="attributes"):
            instrument(scorer, attributes=wrong)
    assert type(scorer) is Scorer


def test_what_the_settings_capture_is_captured_beside_the_batch(telemetry):
    from otel_ia.recording.capturing import capture_by_default

    scorer = Scorer()
    with instrument(scorer):
        undo = capture_by_default("summary")
        try:
            scorer.predict([[1], [2]])
        finally:
            undo()
        scorer.predict([[1], [2]])
    captured, plain = (span.attributes for span in telemetry.spans)
    assert captured["ia.argument.rows.length"] == 2
    assert not [name for name in plain if name.startswith("ia.argument")]
    assert captured["ia.batch.size"] == plain["ia.batch.size"] == 2


def test_instrumented_twice_it_is_once_until_both_undo(telemetry):
    scorer = Scorer()
    first, second = instrument(scorer), instrument(scorer, "other")
    scorer.predict([])
    assert telemetry.names == ["Scorer.predict"]
    first()
    first()
    scorer.predict([])
    assert telemetry.names == ["Scorer.predict"] * 2
    second()
    assert type(scorer) is Scorer
    with instrument(scorer, "other"):
        scorer.predict([])
    assert telemetry.names[-1] == "other.predict"


def test_a_callable_stored_in_the_object_is_monitored_and_may_be_exchanged(telemetry):
    class Holder:
        pass

    holder = Holder()
    holder.predict = lambda rows: len(rows)
    stored = holder.predict
    with instrument(holder):
        assert holder.predict([1, 2]) == 2
        assert vars(holder)["predict"] is stored
        holder.predict = max
        assert holder.predict([1, 2]) == 2
        del holder.predict
        with pytest.raises(AttributeError):
            _ = holder.predict
        with pytest.raises(AttributeError):
            del holder.predict
        holder.predict = stored
    assert holder.predict is stored
    assert telemetry.names == ["Holder.predict"] * 2
    assert [span.attributes.get("ia.batch.size") for span in telemetry.spans] == [None, None]


def test_a_proxy_is_monitored_where_it_hands_on(telemetry):
    class Proxy:
        def __init__(self, target):
            self.target = target

        def __getattr__(self, name):
            return getattr(self.target, name)

    proxy = Proxy(Scorer())
    with instrument(proxy):
        assert proxy.predict([1]) == [2]
        assert proxy.other() == 2
        with pytest.raises(AttributeError):
            proxy.unknown()
    assert telemetry.names == ["Proxy.predict"]


def test_what_is_set_in_its_place_while_it_is_instrumented_counts(telemetry):
    scorer = Scorer()
    with instrument(scorer):
        scorer.predict = lambda rows: "mine"
        assert scorer.predict([]) == "mine"
    assert scorer.predict([]) == "mine"
    assert not telemetry.spans


def test_static_class_and_decorated_methods(telemetry):
    class Kinds:
        @staticmethod
        def predict(rows):
            return len(rows)

        @classmethod
        def transform(cls, rows):
            return cls.__name__, len(rows)

        @functools.lru_cache  # noqa: B019
        def __call__(self, rows):
            return len(rows)

    kinds = Kinds()
    with instrument(kinds):
        assert kinds.predict([1]) == 1
        assert kinds.transform([1]) == ("Kinds", 1)
        assert kinds((1, 2)) == 2
    assert telemetry.names == ["Kinds.predict", "Kinds.transform", "Kinds"]


def test_coroutines_and_generators_are_spans_to_their_end(telemetry):
    class Streaming:
        async def predict(self, rows):
            await asyncio.sleep(0)
            return len(rows)

        def transform(self, rows):
            yield from rows

    streaming = Streaming()
    with instrument(streaming):
        assert asyncio.run(streaming.predict([[1], [2]])) == 2
        assert list(streaming.transform([5, 6, 7])) == [5, 6, 7]
    assert telemetry.span("Streaming.predict").attributes["ia.batch.size"] == 2
    assert telemetry.span("Streaming.transform").attributes[semconv.STREAM_ITEMS] == 3


def test_nothing_is_changed_where_telemetry_is_disabled(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    scorer = Scorer()
    with instrument(scorer):
        assert scorer([1]) == [2]


def test_nothing_of_a_library_is_imported():
    heavy = {"sklearn", "onnxruntime", "torch", "transformers"}
    before = heavy & sys.modules.keys()
    with instrument(Scorer()):
        assert heavy & sys.modules.keys() == before
    assert otel_ia.instrument is instrument
