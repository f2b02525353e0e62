"""An instrumented object is the one that it was: to itself, to pickle, to threads; and what cannot be is refused."""

import copy
import copyreg
import dataclasses
import functools
import gc
import inspect
import pickle
import threading
import types
import weakref

import cloudpickle
import numpy as np
import pytest

from otel_ia import instrument

from .scorers import Scorer


class Slotted:
    __slots__ = ("scale",)

    def __init__(self, scale):
        self.scale = scale

    def predict(self, rows):
        return len(rows) * self.scale


@dataclasses.dataclass(frozen=True)
class Frozen:
    scale: int

    def predict(self, rows):
        return len(rows) * self.scale


class Reduced:
    def __init__(self, scale):
        self.scale = scale

    def predict(self, rows):
        return self.scale

    def __reduce__(self):
        return type(self), (self.scale,)


class Registered:
    def __init__(self, scale):
        self.scale = scale

    def predict(self, rows):
        return self.scale


copyreg.pickle(Registered, lambda self: (Registered, (self.scale,)))


def test_the_object_says_of_itself_what_it_said_before():
    scorer = Scorer()
    before, shown = dict(vars(scorer)), repr(scorer)
    signature, listed = inspect.signature(scorer.predict), set(dir(scorer))
    with instrument(scorer):
        assert isinstance(scorer, Scorer)
        assert scorer.__class__ is Scorer
        assert (scorer.__doc__, scorer.predict.__doc__) == (Scorer.__doc__, Scorer.predict.__doc__)
        assert vars(scorer) == before
        assert repr(scorer) == shown
        assert inspect.signature(scorer.predict) == signature
        assert scorer.predict.__self__ is scorer
        assert set(dir(scorer)) == listed
        assert type(Scorer()) is Scorer
    assert type(scorer) is Scorer
    assert vars(scorer) == before


@pytest.mark.parametrize("dump", [pickle.dumps, cloudpickle.dumps, functools.partial(pickle.dumps, protocol=0)])
@pytest.mark.parametrize("kind", [Scorer, Slotted, Frozen, Reduced, Registered])
def test_pickles_are_as_if_it_were_not_instrumented(kind, dump):
    original = kind(3)
    if kind is Slotted and isinstance(dump, functools.partial):
        pytest.skip("Python itself pickles no slots in protocol 0")
    made = copy.deepcopy(original)
    before = dump(made)
    with instrument(made):
        assert dump(made) == before
        for twin in (pickle.loads(dump(made)), copy.copy(made), copy.deepcopy(made)):
            assert type(twin) is type(original)
            assert twin.predict([1]) == original.predict([1])
        method = pickle.loads(pickle.dumps(made.predict))
        assert method([1]) == original.predict([1])


def test_an_object_of_a_local_class_goes_through_cloudpickle(telemetry):
    class Local:
        def __init__(self):
            self.scale = 4

        def predict(self, rows):
            return self.scale * len(rows)

    local = Local()
    with instrument(local):
        sent = cloudpickle.dumps(local)
        assert b"otel_ia" not in sent
        assert pickle.loads(sent).predict([1, 2]) == 8


def test_slots_frozen_dataclasses_and_generic_attributes_are_no_obstacle(telemetry):
    for target in (Slotted(2), Frozen(2)):
        with instrument(target):
            assert target.predict([1, 2]) == 4
            assert type(target) is not target.__class__
        assert type(target) is target.__class__
    assert telemetry.names == ["Slotted.predict", "Frozen.predict"]


def test_methods_taken_before_the_undo_go_on_after_it():
    class Late:
        @property
        def predict(self):
            return len

        @functools.lru_cache  # noqa: B019
        def transform(self, rows):
            return len(rows)

        __call__ = functools.partialmethod(transform)

    late = Late()
    undo = instrument(late)
    taken = late.predict, late.transform, type(late).__call__.__get__(late)
    undo()
    assert [method((1, 2)) for method in taken] == [2, 2, 2]


def test_only_this_object_is_instrumented_and_may_die(telemetry):
    one, other = Scorer(), Scorer()
    instrument(one)
    other.predict([])
    assert not telemetry.spans
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None


def test_threads_may_call_while_it_is_instrumented_and_undone():
    scorer = Scorer()
    stop, failed = threading.Event(), []

    def call():
        while not stop.is_set():
            if scorer([1]) != [2]:
                failed.append(scorer)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        instrument(scorer)()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed


class Hostile:
    @property
    def predict(self):
        raise ZeroDivisionError("mine")


class Liar:
    __class__ = property(lambda self: 1 / 0)

    def predict(self, rows):
        return len(rows)


class Closed:
    def __init_subclass__(cls):
        raise RuntimeError("no subclass of mine")

    def predict(self, rows):
        return 0


class Plain:
    predict = None


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Scorer, "no type: put `otel_ia.monitor` on it"),
        (len, "no builtin_function_or_method"),
        (Scorer().predict, "no method"),
        (lambda rows: rows, "no function"),
        (functools.partial(len), "no partial"),
        (types, "no module"),
        (None, "NoneType has nothing to be instrumented: none of predict, transform, __call__"),
        (object(), "object has nothing"),
        (3, "int has nothing"),
        (Plain(), "Plain has nothing"),
        (Hostile(), "Hostile cannot be instrumented: reading its `predict` raises an error"),
        (Closed(), "Closed cannot be instrumented in place: its class cannot be subclassed; use `predict = otel_ia."),
        (types.SimpleNamespace(predict=len), "SimpleNamespace cannot be instrumented in place: Python does not let"),
        (np.vectorize, "no type"),
        (np.add, "ufunc cannot be instrumented in place"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_instrumented_is_refused_with_what_to_do_instead(target, expected):
    with pytest.raises(TypeError) as refused:
        instrument(target)
    assert expected in str(refused.value)


def test_an_object_that_lies_about_its_class_is_instrumented(telemetry):
    liar = Liar()
    with instrument(liar):
        assert liar.predict([1]) == 1
    assert type(liar) is Liar
