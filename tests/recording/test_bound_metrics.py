"""Fields bound around calls, on the metrics of those calls, as far as they are allowed there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver import Receiver, plain

import otel_ia
from otel_ia import bound, monitor

ALLOWED = ("tenant", "ia.model.name")


@monitor
def predict() -> None:
    """Does nothing."""


@monitor("captured", capture="summary")
def captured(value: int) -> int:
    return value


@monitor("lined", log="INFO")
def lined() -> None:
    """Writes lines."""


@monitor("stream")
def stream() -> Iterator[int]:
    yield 1


def counts(receiver: Receiver, name: str = "ia.call.duration") -> dict[tuple[str, str], int]:
    """By operation and tenant, how many were counted."""
    found = {}
    for point in receiver.last_points(name).values():
        attributes = plain(point.attributes)
        found[attributes["ia.operation"], attributes.get("tenant", "")] = point.count
    return found


@pytest.mark.parametrize("sampler", ["always_on", "always_off"])
def test_every_kind_of_call_is_counted_by_what_is_bound_and_allowed(
    receiver: Receiver, tmp_path: Path, sampler: str
) -> None:
    with otel_ia.configure(
        endpoint=receiver.endpoint, metric_attributes=ALLOWED, sampler=sampler, spool_directory=tmp_path
    ):
        for tenant in ("a", "b", "b"):
            with bound(tenant=tenant, user="never on metrics"):
                predict()
                captured(5)
                lined()
                list(stream())
                with monitor("block"):
                    pass
                with monitor("with its own", attributes={"tenant": "own"}):
                    predict()
        predict()
    assert counts(receiver) == {
        **{(name, "a"): 1 for name in ("captured", "lined", "stream", "block")},
        **{(name, "b"): 2 for name in ("captured", "lined", "stream", "block")},
        ("predict", "a"): 2,
        ("predict", "b"): 4,
        ("predict", ""): 1,
        ("with its own", "own"): 3,
    }
    assert counts(receiver, "ia.stream.items") == {("stream", "a"): 1, ("stream", "b"): 2}


def test_what_a_call_site_says_itself_goes_before_what_is_bound(receiver: Receiver, tmp_path: Path) -> None:
    @monitor("fixed", model="tiny")
    def fixed() -> None:
        """Does nothing."""

    with (
        otel_ia.configure(endpoint=receiver.endpoint, metric_attributes=ALLOWED, spool_directory=tmp_path),
        bound({"ia.model.name": "large"}),
    ):
        fixed()
        predict()
    models = {
        plain(point.attributes)["ia.operation"]: plain(point.attributes).get("ia.model.name")
        for point in receiver.last_points("ia.call.duration").values()
    }
    assert models == {"fixed": "tiny", "predict": "large"}


def test_without_the_allowance_nothing_of_it_is_on_metrics(receiver: Receiver, tmp_path: Path) -> None:
    with otel_ia.configure(endpoint=receiver.endpoint, spool_directory=tmp_path), bound(tenant="a"):
        predict()
    assert counts(receiver) == {("predict", ""): 1}


FOREIGN = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otel_ia import bound, monitor

reader = InMemoryMetricReader()

@monitor(model="tiny")
def predict():
    pass

predict()
metrics.set_meter_provider(MeterProvider([reader]))
with bound({"ia.model.name": "large", "ia.stage": "inference"}):
    predict()
predict()
for resource in reader.get_metrics_data().resource_metrics:
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            if metric.name == "ia.call.duration":
                for point in metric.data.data_points:
                    print(point.count, point.attributes.get("ia.model.name"), point.attributes.get("ia.stage"))
"""


def test_another_librarys_meter_provider_is_given_them_too() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FOREIGN], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == ["1 tiny None", "1 tiny inference"]
