"""A monitored class stays the class it is."""

import abc
import copy
import dataclasses
import enum
import pickle
from typing import Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import pytest

from otel_ia import monitor

T = TypeVar("T")


@monitor
class Model:
    """A model."""

    def __init__(self, scale=2):
        self.scale = scale

    def predict(self, x):
        return self._scaled(x)

    def _scaled(self, x):
        return x * self.scale

    @staticmethod
    def static(x):
        return x

    @classmethod
    def make(cls):
        return cls(3)

    @property
    def size(self):
        return 1

    def __call__(self, x):
        return self.predict(x)

    def __eq__(self, other):
        return self.scale == other.scale

    __hash__ = None

    @monitor("mine")
    def own(self):
        return 1

    class Inner:
        def untouched(self):
            return 1


def test_public_methods_and_call_are_spans(telemetry):
    model = Model.make()
    assert (model.predict(2), model(2), model.static(1), model.size, model.Inner().untouched()) == (6, 6, 1, 1, 1)
    assert telemetry.tree == [
        "Model.make",
        "Model.predict",
        "Model.__call__",
        ["Model.predict"],
        "Model.static",
    ]


def test_a_method_that_is_monitored_already_is_not_wrapped_again(telemetry):
    assert Model().own() == 1
    assert telemetry.tree == ["mine"]


def test_a_class_decorated_twice_has_one_span_a_call(telemetry):
    @monitor
    @monitor
    class Twice:
        def work(self):
            return 1

        static = staticmethod(lambda: 2)

    assert (Twice().work(), Twice.static()) == (1, 2)
    assert len(telemetry.spans) == 2


def test_the_class_stays_the_class():
    class Plain:
        def work(self):
            pass

    assert monitor(Plain) is Plain
    assert isinstance(Model(), Model)
    assert type(Model()) is Model
    assert Model.__doc__ == "A model."


def test_a_name_is_the_prefix_of_its_methods(telemetry):
    @monitor("svc", attributes={"a": 1})
    class Service:
        def work(self):
            pass

    Service().work()
    assert telemetry.span("svc.work").attributes["a"] == 1


def test_instances_are_pickled_and_copied(telemetry):
    for twin in (pickle.loads(pickle.dumps(Model(7))), copy.deepcopy(Model(7)), copy.copy(Model(7))):
        assert twin == Model(7)
        assert twin.predict(1) == 7


def test_subclasses_and_super(telemetry):
    class Child(Model):
        def predict(self, x):
            return super().predict(x) + 1

    @monitor
    class Monitored(Model):
        def predict(self, x):
            return super().predict(x) + 2

    assert (Child().predict(1), Monitored().predict(1)) == (3, 4)
    assert telemetry.names == ["Model.predict", "Monitored.predict", "Model.predict"]


def test_dataclasses_in_both_orders(telemetry):
    @monitor
    @dataclasses.dataclass(frozen=True, slots=True)
    class Above:
        x: int

        def double(self):
            return self.x * 2

    @dataclasses.dataclass
    @monitor
    class Below:
        x: int = 3

        def double(self):
            return self.x * 2

    assert (Above(2).double(), Below().double(), Above(2) == Above(2)) == (4, 6, True)
    assert dataclasses.asdict(Below()) == {"x": 3}
    assert [name.rpartition(".")[2] for name in telemetry.names] == ["double"] * 2


def test_enums(telemetry):
    @monitor
    class Colour(enum.Enum):
        RED = 1

        def shout(self):
            return self.name

    assert list(Colour) == [Colour.RED]
    assert Colour.RED.shout() == "RED"
    assert telemetry.names == ["Colour.shout"]


def test_abstract_classes(telemetry):
    @monitor
    class Stage(abc.ABC):
        @abc.abstractmethod
        def run(self):
            """Runs."""

    with pytest.raises(TypeError, match="abstract"):
        Stage()

    class Real(Stage):
        def run(self):
            return super().run()

    assert Real().run() is None
    assert Stage.run.__isabstractmethod__
    assert telemetry.names == ["Stage.run"]


def test_protocols_generics_slots_and_named_tuples(telemetry):
    @monitor
    @runtime_checkable
    class Runs(Protocol):
        def run(self): ...

    @monitor
    class Box(Generic[T]):
        __slots__ = ("item",)

        def __init__(self, item: T) -> None:
            self.item = item

        def run(self) -> T:
            return self.item

    @monitor
    class Point(NamedTuple):
        x: int

        def run(self):
            return self.x

    assert isinstance(Box(1), Runs)
    assert Box[int](5).run() == 5
    assert Point(4).run() == 4
    assert Point(4)._replace(x=5) == (5,)
    assert [name.rpartition(".")[2] for name in telemetry.names] == ["run"] * 2


def test_a_metaclass_sees_nothing_new(telemetry):
    class Registering(type):
        seen = []

        def __new__(cls, name, bases, space):
            made = super().__new__(cls, name, bases, space)
            cls.seen.append(made)
            return made

    @monitor
    class Registered(metaclass=Registering):
        def work(self):
            return 1

    assert Registering.seen == [Registered]
    assert Registered().work() == 1
