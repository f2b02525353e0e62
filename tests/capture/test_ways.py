"""What is captured, along every way a call can take: recorded or not, our tracer or another, killed, redacted."""

import os
import subprocess
import sys

import numpy as np
import pytest
from receiver import Receiver, plain

import otel_ia
from otel_ia import monitor
from otel_ia.testing import record

BATCH = np.zeros((32, 7))
RUN = os.environ | {"OTEL_IA_CONSOLE": "false"}


def run(program, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**RUN, **environment},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def batches(receiver):
    """By operation: how many calls, and how large their batches were together."""
    points = receiver.last_points("ia.batch.size").items()
    return {dict(key[1:])["ia.operation"]: (point.count, point.sum) for key, point in points}


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off", "traceidratio"])
def test_of_a_call_that_is_not_recorded_only_the_batch_is_counted(receiver: Receiver, tmp_path, sampler):
    asked = []

    def ask(name, value):
        asked.append(name)

    calls = [
        monitor("plain", capture="summary")(lambda x: None),
        monitor("asking", capture=ask)(lambda x: None),
        monitor("lines", capture=ask, slow_after=10)(lambda x: None),
        monitor("items", capture=ask)(lambda x: (yield)),
    ]
    with otel_ia.configure(
        endpoint=receiver.endpoint, spool_directory=tmp_path, console=False, sampler=sampler, sampler_arg=0
    ):
        for call in calls:
            for _ in range(3):
                list(call(BATCH) or ())
    assert (asked, receiver.spans) == ([], [])
    assert batches(receiver) == dict.fromkeys(["plain", "asking", "lines", "items"], (3, 96))


def test_the_batch_of_recorded_calls_is_counted_and_what_the_user_says_wins(telemetry):
    @monitor("found", capture="summary")
    def found(x):
        pass

    @monitor("said", capture="summary", attributes={"ia.batch.size": 5})
    def said(x):
        pass

    @monitor("corrected", capture="summary")
    def corrected(x):
        from opentelemetry import trace

        trace.get_current_span().set_attribute("ia.batch.size", 7)

    @monitor("failed", capture="summary")
    def failed(x):
        raise ValueError

    found(BATCH)
    said(BATCH)
    corrected(BATCH)
    with pytest.raises(ValueError):
        failed(BATCH)
    sizes = {name: telemetry.metric("ia.batch.size", {"ia.operation": name}).value for name in telemetry.names}
    assert sizes == {"found": 32, "said": 5, "corrected": 7, "failed": 32}
    assert telemetry.span("said").attributes["ia.batch.size"] == 5


def test_what_is_captured_is_no_attribute_of_metrics(receiver: Receiver, tmp_path):
    @monitor("f", capture="summary")
    def f(x):
        pass

    with otel_ia.configure(
        endpoint=receiver.endpoint,
        spool_directory=tmp_path,
        console=False,
        metric_attributes=["ia.argument.x.dtype", "ia.model.name"],
    ):
        f(BATCH)
    attributes = [dict(key[1:]) for name in ("ia.call.duration", "ia.batch.size") for key in receiver.last_points(name)]
    assert len(attributes) == 2
    assert not [name for found in attributes for name in found if name.startswith("ia.argument")]


FOREIGN = """
import numpy as np
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON
import sys
from otel_ia import monitor

asked = []
@monitor("f", capture="summary")
def f(x): return 1
@monitor("g", capture=lambda name, value: asked.append(name))
def g(x): return 1

f(np.zeros(3)); g(1)  # nobody listens
assert not asked
memory = InMemorySpanExporter()
provider = TracerProvider(sampler=ALWAYS_OFF if sys.argv[1:] else DEFAULT_ON)
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
f(np.zeros(3)); g(1)
for span in memory.get_finished_spans():
    print({key: value for key, value in span.attributes.items() if not key.startswith("code")})
print(asked)
"""


def test_another_librarys_provider_has_it_too():
    f, g, asked = run(FOREIGN).splitlines()
    assert eval(f) == {
        "ia.argument.x.type": "numpy.ndarray",
        "ia.argument.x.shape": "(3,)",
        "ia.argument.x.dtype": "float64",
        "ia.argument.x.bytes": 24,
        "ia.batch.size": 3,
        "ia.result.type": "int",
    }
    assert (eval(g), eval(asked)) == ({}, ["x", "return"])


KILLED = """
import os, signal, sys
import numpy as np
import otel_ia
from otel_ia import monitor

@monitor("killed", capture="summary", **({"slow_after": 9} if sys.argv[3:] else {}))
def f(x):
    os.kill(os.getpid(), signal.SIGKILL)

otel_ia.configure(service_name="killed", endpoint=sys.argv[1], spool_directory=sys.argv[2], console=False)
f(np.zeros((64, 3)))
"""


@pytest.mark.parametrize("more", [[], ["slow_after"]], ids=["fast way", "long way"])
def test_the_arguments_of_a_call_that_was_killed_arrive(receiver: Receiver, tmp_path, more):
    """As when memory runs out: it is then that somebody wants to know the shapes."""
    command = [sys.executable, "-c", KILLED, receiver.endpoint, str(tmp_path), *more]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    with otel_ia.configure(service_name="killed", endpoint=receiver.endpoint, spool_directory=tmp_path, console=False):
        receiver.wait_for(spans=1, timeout=60)
    attributes = plain(receiver.span("killed").attributes)
    assert attributes["ia.outcome"] == "abandoned"
    assert attributes["ia.argument.x.shape"] == "(64, 3)"
    assert attributes["ia.batch.size"] == 64


NAMES = ["password", "api_key", "auth", "session_id", "token", "secret", "auth_header", "db_pass"]


def test_values_are_redacted_by_the_names_of_arguments_and_by_form(receiver: Receiver, tmp_path):
    @monitor("f", capture="values")
    def f(password, max_tokens, options, text, **secrets):
        return {"client_secret": "planted-7"}

    secrets = {name: f"planted-{number}" for number, name in enumerate(NAMES)}
    with otel_ia.configure(endpoint=receiver.endpoint, spool_directory=tmp_path, console=False):
        f(
            secrets.pop("password"),
            100,
            {"password": "planted-8", "k": [{"api_key": "planted-9"}]},
            "postgres://app:planted-10@db/prod",
            **secrets,
        )
    receiver.wait_for(spans=1)
    told = plain(receiver.span("f").attributes)
    assert "planted" not in repr(told)
    assert told["ia.argument.max_tokens.value"] == 100
    assert {told[f"ia.argument.{name}.value"][:10] for name in NAMES} == {"[redacted:"}


def test_the_default_costs_nothing_where_nothing_is_recorded():
    @monitor("f", capture=lambda name, value: 1 / 0)
    def f(x):
        return x

    assert f(1) == 1
    with record() as seen:
        pass
    assert seen.spans == []


def test_each_call_arrives_with_its_own_arguments_whatever_the_last_one_had(receiver: Receiver, tmp_path):
    from opentelemetry import trace

    @monitor("f", capture="summary")
    def f(x):
        trace.get_current_span().set_attribute("said", next(to_say))

    given = [(np.zeros(shape), said) for shape in (3, 3, 4, 3) for said in (1, 1.0, True, 1, 1, "a", 2)]
    to_say = iter([said for _, said in given])
    with otel_ia.configure(endpoint=receiver.endpoint, spool_directory=tmp_path, console=False):
        for x, _ in given:
            f(x)
    receiver.wait_for(spans=len(given))
    spans = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    arrived = [plain(span.attributes) for span in spans]
    assert [told["ia.argument.x.shape"] for told in arrived] == [str(x.shape) for x, _ in given]
    assert [(type(told["said"]), told["said"]) for told in arrived] == [(type(said), said) for _, said in given]
